"""A private package index: the Simple API over TLS, with a password and its own CA."""

import base64
import gzip
import io
import ssl
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zipfile import ZipFile, ZipInfo

from tests.helpers.harness import run

USER, PASSWORD = "builder", "correct-horse-battery-staple"


class Handler(SimpleHTTPRequestHandler):
    """A handler that serves files, and folders as lists of links, to clients with the password."""

    served: list[str]
    """The paths that were requested with the password."""
    challenge = (401, "www-authenticate", "authorization")

    def do_GET(self) -> None:
        status, challenge, credentials = self.challenge
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get(credentials) != f"Basic {token}":
            self.send_response(status)
            self.send_header(challenge, 'Basic realm="packages"')
            self.send_header("content-length", "0")
            self.end_headers()
            return
        self.served.append(self.path)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def mirror(upstream: str) -> type[Handler]:
    """Return a handler that redirects to another index for packages that it does not have."""

    class Mirror(Handler):
        def send_error(self, code: int, *_: object) -> None:
            name = self.path.removeprefix("/simple/")
            self.send_response(302 if code == 404 and name != self.path else code)
            self.send_header("location", f"{upstream.rstrip('/')}/{name}")
            self.send_header("content-length", "0")
            self.end_headers()

    return Mirror


def pyproject(name: str) -> str:
    """Return the pyproject.toml of a package with one module."""
    return f"""
[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"

[project]
name = "{name}"
version = "1.0"
requires-python = ">=3.12"
"""


def add_wheel(folder: Path, name: str, version: str = "1.0", tag: str = "py3-none-any") -> Path:
    """Write a wheel with one empty module into the index that `folder` is served as."""
    module = name.replace("-", "_")
    path = folder / "simple" / name / f"{module}-{version}-{tag}.whl"
    path.parent.mkdir(parents=True, exist_ok=True)
    info = f"{module}-{version}.dist-info"
    contents = {
        f"{module}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
        f"{info}/RECORD": "".join(f"{it},,\n" for it in [f"{module}.py", f"{info}/RECORD"]),
    }
    with ZipFile(path, "w") as wheel:
        for part, text in contents.items():
            wheel.writestr(ZipInfo(part), text)  # Without a date, for a constant hash.
    return path


def add_sdist(folder: Path, name: str) -> None:
    """Write a source distribution, and no wheel, into the index that `folder` is served as."""
    module = name.replace("-", "_")
    (folder / "simple" / name).mkdir(parents=True)
    contents = {
        "PKG-INFO": f"Metadata-Version: 2.2\nName: {name}\nVersion: 1.0\n",
        "pyproject.toml": pyproject(name),
        f"{module}.py": "",
    }
    path = folder / "simple" / name / f"{module}-1.0.tar.gz"
    # Without a date, for a constant hash: pip may have cached the file by it.
    with (
        path.open("wb") as file,
        gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w") as archive,
    ):
        for part, text in contents.items():
            member = tarfile.TarInfo(f"{module}-1.0/{part}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))


def create_tls_context(folder: Path) -> ssl.SSLContext:
    """Create a CA in `ca.pem`, and a TLS context with a certificate that it signed."""
    openssl = partial(run, "openssl", cwd=folder)
    new = ["req", "-newkey", "rsa:2048", "-nodes", "-subj"]
    # Python 3.13 and later require these extensions.
    authority = ["-x509", "-days", "2", "-addext", "keyUsage=critical,keyCertSign"]
    openssl(*new, "/CN=Company CA", *authority, "-keyout", "ca.key", "-out", "ca.pem")
    openssl(*new, "/CN=127.0.0.1", "-keyout", "server.key", "-out", "server.csr")
    identifiers = "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
    (folder / "extensions").write_text(f"{identifiers}subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    sign = ["x509", "-req", "-days", "2", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]
    openssl(*sign, "-in", "server.csr", "-extfile", "extensions", "-out", "server.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return context


@contextmanager
def serving(
    kind: type[SimpleHTTPRequestHandler], files: Path, context: ssl.SSLContext | None = None
) -> Iterator[tuple[int, list[str]]]:
    """Serve files; yield the port, and a list that the served paths are added to."""
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
