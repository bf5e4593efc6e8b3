"""nginx in front of a service, configured as the project's page says."""

import os
import re
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import create_connection
from time import monotonic, sleep

from tests.helpers.containers import free_port
from tests.helpers.harness import SLUG, BakedProject, run

# The parts of Debian's nginx.conf that matter here.
MAIN = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/conf.d/*.conf;
}}
"""


@dataclass(frozen=True)
class Proxy:
    """A running nginx that accepts HTTPS on a port of this machine."""

    port: int
    folder: Path
    certificates: ssl.SSLContext
    host: str = f"{SLUG}.example.com"

    @property
    def configuration(self) -> Path:
        """The file in `conf.d`."""
        return self.folder / "conf.d" / f"{SLUG}.conf"

    def connect(self) -> ssl.SSLSocket:
        """Return a connection after the TLS handshake."""
        connection = create_connection(("127.0.0.1", self.port), timeout=20)
        return self.certificates.wrap_socket(connection, server_hostname=self.host)

    def reload(self) -> None:
        """Apply a changed configuration, as `systemctl reload nginx` does."""
        run("nginx", "-c", self.folder / "nginx.conf", "-s", "reload")
        sleep(0.5)


def block(project: BakedProject, language: str, containing: str) -> str:
    """Return the code block of docs/production.md that contains a text."""
    page = (project.path / "docs/production.md").read_text("utf-8")
    blocks = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    (found,) = [one for one in blocks if containing in one]
    return str(found)


def create_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Create a self-signed certificate for a host, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *subject, *files)
    return certificate, key


@contextmanager
def run_proxy(
    project: BakedProject, service_port: int, folder: Path, seconds: int
) -> Iterator[Proxy]:
    """Run nginx in front of a service, with these timeouts for slow clients."""
    text = block(project, "nginx", "proxy_pass")
    for old, new in [
        ("timeout 10s", f"timeout {seconds}s"),
        ("keepalive_timeout 60s", f"keepalive_timeout {seconds}s"),
    ]:
        assert old in text
        text = text.replace(old, new)
    with run_nginx(text, service_port, folder, SLUG, f"{SLUG}.example.com") as proxy:
        yield proxy


@contextmanager
def run_nginx(
    text: str, service_port: int, folder: Path, certificate_name: str, host: str
) -> Iterator[Proxy]:
    """Run nginx with the configuration of a page, but ports and certificates of this machine."""
    certificate, key = create_certificate(folder, host)
    port = free_port()
    proxy = Proxy(port, folder, ssl.create_default_context(cafile=certificate), host)
    for old, new in [
        ("listen 443", f"listen 127.0.0.1:{port}"),
        (f"/etc/ssl/{certificate_name}.pem", str(certificate)),
        (f"/etc/ssl/private/{certificate_name}.key", str(key)),
        ("127.0.0.1:8000", f"127.0.0.1:{service_port}"),
    ]:
        assert old in text
        text = text.replace(old, new)
    proxy.configuration.parent.mkdir()
    proxy.configuration.write_text(text, "utf-8")
    user = "user root;\n" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(user + MAIN.format(folder=folder), "utf-8")
    with subprocess.Popen(["nginx", "-c", folder / "nginx.conf"]) as process:
        try:
            deadline = monotonic() + 20
            while not (folder / "nginx.pid").exists():
                assert process.poll() is None, (folder / "error.log").read_text()
                assert monotonic() < deadline
                sleep(0.05)
            yield proxy
        finally:
            process.terminate()
