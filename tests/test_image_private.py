"""A private package index, behind a password and the certificate of a company's own CA."""

import base64
import re
import ssl
import sys
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.containers import NEWEST
from tests.harness import BakedProject, Combination, each, run

JOB = [one for one in NEWEST if one.application == "job"]
USER, PASSWORD = "builder", "correct-horse-battery-staple"

pytestmark = pytest.mark.usefixtures("docker")


class Index(NamedTuple):
    """A package index that runs, and the secrets that a build needs to use it."""

    secrets: list[str]
    served: list[str]
    """The paths that were asked for with the right password."""


class Handler(SimpleHTTPRequestHandler):
    """Files for those who know the password."""

    served: list[str]

    def do_GET(self) -> None:
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("authorization") != f"Basic {token}":
            self.send_response(401)
            self.send_header("www-authenticate", 'Basic realm="packages"')
            self.send_header("content-length", "0")
            self.end_headers()
            return
        self.served.append(self.path)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def wheels(project: BakedProject, folder: Path) -> None:
    """Download what the project's lock and its build need, in the layout of a package index."""
    text = (project.path / "requirements.txt").read_text("utf-8")
    pins = [it[1] for it in re.finditer(r"^(\S+==\S+) ;?(?!.*== .win32.)", text, re.MULTILINE)]
    pyproject = (project.path / "pyproject.toml").read_text("utf-8")
    backend = re.search(r'requires = \["(.*)"\]', pyproject)
    assert backend
    abi = "cp" + project.combination.python.replace(".", "")
    platforms = [f"--platform=manylinux{it}_x86_64" for it in ("_2_28", "_2_17", "2014")]
    run(
        *[sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"],
        *[f"--python-version={project.combination.python}", f"--abi={abi}", "--abi=abi3"],
        *["--abi=none", *platforms, "--platform=any", "--dest", folder, *pins, backend[1]],
    )
    for wheel in list(folder.glob("*.whl")):
        name = re.sub(r"[-_.]+", "-", wheel.name.partition("-")[0]).lower()
        (folder / "simple" / name).mkdir(parents=True)
        wheel.rename(folder / "simple" / name / wheel.name)


def certificate(folder: Path) -> ssl.SSLContext:
    """Make a CA in `ca.pem`, and a server that it vouches for."""
    openssl = partial(run, "openssl", cwd=folder)
    new = ["req", "-newkey", "rsa:2048", "-nodes", "-subj"]
    openssl(*new, "/CN=Company CA", "-x509", "-days", "2", "-keyout", "ca.key", "-out", "ca.pem")
    openssl(*new, "/CN=127.0.0.1", "-keyout", "server.key", "-out", "server.csr")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    sign = ["x509", "-req", "-days", "2", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]
    openssl(*sign, "-in", "server.csr", "-extfile", "names", "-out", "server.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return context


@pytest.fixture
def index(baked: BakedProject, tmp_path: Path) -> Iterator[Index]:
    files, secrets = tmp_path / "files", tmp_path / "secrets"
    files.mkdir()
    secrets.mkdir()
    wheels(baked, files)
    served: list[str] = []
    handler = type("Recorder", (Handler,), {"served": served})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(files)))
    server.socket = certificate(secrets).wrap_socket(server.socket, server_side=True)
    address = f"https://{USER}:{PASSWORD}@127.0.0.1:{server.server_port}/simple"
    (secrets / "pip.conf").write_text(f"[global]\nindex-url = {address}\n")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        names = ("pip.conf", "ca.pem")
        yield Index([f"--secret=id={name},src={secrets / name}" for name in names], served)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@each(JOB)
def test_a_private_index_is_used_and_leaves_no_secret_behind(
    baked: BakedProject, combination: Combination, index: Index, tmp_path: Path
) -> None:
    tag = f"template-test:{combination}-private"
    build = ["docker", "build", "--no-cache", "--network=host", "--progress=plain", "--tag", tag]

    result = baked.run(*build, *index.secrets, ".")

    installed = {path.split("/")[2] for path in index.served if path.endswith(".whl")}
    assert {"pydantic", "structlog", "poetry-core"} <= installed
    archive = tmp_path / "image.tar"
    run("docker", "save", "--output", archive, tag)
    history = run("docker", "history", "--no-trunc", tag).stdout
    environment = run("docker", "run", "--rm", "--entrypoint", "env", tag).stdout
    authority = (tmp_path / "secrets/ca.pem").read_text().splitlines()[1]
    contents = everything(archive)
    assert b"pydantic" in contents
    for secret in (PASSWORD, authority):
        assert secret.encode() not in contents
        assert secret not in result.stderr + history + environment


def everything(archive: Path) -> bytes:
    """All that a saved image consists of, its layers unpacked."""
    with tarfile.open(archive) as files:
        contents = [files.extractfile(member) for member in files if member.isfile()]
        return b"".join(content.read() for content in contents if content)
