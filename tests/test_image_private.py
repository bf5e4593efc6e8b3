"""A company's network: a package index with a password and a CA of its own, or a proxy."""

import base64
import re
import ssl
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.containers import NEWEST, with_python
from tests.harness import BakedProject, Combination, each, run

JOB = [one for one in NEWEST if one.application == "job"]
USER, PASSWORD = "builder", "correct-horse-battery-staple"
BEHIND = "http://packages.invalid"
"""A host that only the proxy can reach."""

pytestmark = pytest.mark.usefixtures("docker")


class Handler(SimpleHTTPRequestHandler):
    """Files for those who know the password."""

    served: list[str]
    """The paths that were asked for with the right password."""
    asks = (401, "www-authenticate", "authorization")

    def do_GET(self) -> None:
        status, asks, answers = self.asks
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get(answers) != f"Basic {token}":
            self.send_response(status)
            self.send_header(asks, 'Basic realm="packages"')
            self.send_header("content-length", "0")
            self.end_headers()
            return
        self.served.append(self.path)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Proxy(Handler):
    """A proxy that knows one other host, and takes its files from here."""

    asks = (407, "proxy-authenticate", "proxy-authorization")

    def translate_path(self, path: str) -> str:
        assert path.startswith(BEHIND)
        return super().translate_path(path.removeprefix(BEHIND))


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


@pytest.fixture(scope="session")
def packages(
    bake: Callable[[Combination], BakedProject], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    wheels(bake(JOB[0]), folder)
    return folder


@contextmanager
def serving(
    kind: type[Handler], files: Path, context: ssl.SSLContext | None = None
) -> Iterator[tuple[int, list[str]]]:
    """Serve files; give the port, and the paths that will have been served."""
    served: list[str] = []
    handler = type("Recorder", (kind,), {"served": served})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(files)))
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port, served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def installed(served: list[str]) -> set[str]:
    """The packages whose wheels have been served."""
    return {path.split("/")[-2] for path in served if path.endswith(".whl")}


@pytest.mark.slow("builds without a cache")
@each(JOB)
def test_a_private_index_is_used_and_leaves_no_secret_behind(
    baked: BakedProject, combination: Combination, packages: Path, tmp_path: Path
) -> None:
    tag = f"template-test:{combination}-private"
    build = ["docker", "build", "--no-cache", "--network=host", "--progress=plain", "--tag", tag]
    secrets = [f"--secret=id={name},src={tmp_path / name}" for name in ("pip.conf", "ca.pem")]

    with serving(Handler, packages, certificate(tmp_path)) as (port, served):
        address = f"https://{USER}:{PASSWORD}@127.0.0.1:{port}/simple"
        (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {address}\n")
        result = baked.run(*build, *secrets, ".")

    assert {"pydantic", "structlog", "poetry-core"} <= installed(served)
    authority = (tmp_path / "ca.pem").read_text().splitlines()[1]
    seen = everything(tag, tmp_path) + (result.stdout + result.stderr).encode()
    assert b"pydantic" in seen
    assert PASSWORD.encode() not in seen
    assert authority.encode() not in seen


@pytest.mark.slow("builds without a cache")
@each(JOB)
def test_a_proxy_of_the_shell_is_used_and_leaves_no_trace(
    baked: BakedProject, combination: Combination, packages: Path, tmp_path: Path
) -> None:
    tag = f"template-test:{combination}-proxied"
    index = f"[global]\nindex-url = {BEHIND}/simple\ntrusted-host = packages.invalid\n"
    (tmp_path / "pip.conf").write_text(index)
    secret = f"--secret=id=pip.conf,src={tmp_path / 'pip.conf'}"
    build = ["make", "image", f"IMAGE={tag}", f"ARGS=--no-cache --network=host {secret}"]

    with serving(Proxy, packages) as (port, served):
        address = f"http://{USER}:{PASSWORD}@127.0.0.1:{port}"
        result = baked.run(*build, env=with_python() | {"http_proxy": address})

    assert {"pydantic", "structlog", "poetry-core"} <= installed(served)
    seen = everything(tag, tmp_path) + (result.stdout + result.stderr).encode()
    assert b"pydantic" in seen
    assert PASSWORD.encode() not in seen
    assert f"127.0.0.1:{port}".encode() not in seen


def everything(image: str, folder: Path) -> bytes:
    """All that an image consists of: its layers unpacked, its history and its environment."""
    archive = folder / "image.tar"
    run("docker", "save", "--output", archive, image)
    history = run("docker", "history", "--no-trunc", image).stdout
    environment = run("docker", "run", "--rm", "--entrypoint", "env", image).stdout
    with tarfile.open(archive) as files:
        contents = [files.extractfile(member) for member in files if member.isfile()]
        layers = b"".join(content.read() for content in contents if content)
    return layers + (history + environment).encode()
