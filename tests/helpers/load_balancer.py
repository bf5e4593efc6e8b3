"""Copies of an image behind HAProxy, in place of the load balancing of a cluster."""

import csv
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from tests.helpers.containers import container, free_port

# No request is retried: if it fails, the client gets the error.
CONFIGURATION = """
global
    stats socket {folder}/socket level admin
defaults
    mode http
    timeout connect 2s
    timeout check 5s
    timeout client 30s
    timeout server 30s
    retries 0
frontend front
    bind 127.0.0.1:{port}
    default_backend api
backend api
    balance roundrobin
    option httpchk GET {probe}
    http-check expect status 200
    default-server check inter 200ms fall {failures} rise 1 {more}
"""
# A request whose connection was refused has not been sent, so another copy may serve it; the copy
# that refused it gets no more requests.
REDISPATCH = """
    retries 3
    option redispatch 1
    retry-on conn-failure
"""


@dataclass(frozen=True)
class Balancer:
    """A running HAProxy."""

    port: int
    ports: Sequence[int]
    """The port of each copy; the index is the name of the server."""
    path: Path

    def command(self, text: str) -> str:
        """Send a command to HAProxy; return the response."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.path))
            connection.sendall(f"{text}\n".encode())
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()

    def set_state(self, number: int, state: str) -> None:
        """Set a copy to `drain`, so that it gets no new requests, or to `ready`."""
        assert not self.command(f"set server api/{number} state {state}").strip()

    def statistics(self) -> dict[str, dict[str, str]]:
        """Return the statistics of each server."""
        lines = self.command("show stat").removeprefix("# ").splitlines()
        servers = [str(number) for number in range(len(self.ports))]
        return {
            row["svname"]: row
            for row in csv.DictReader(lines)
            if row["pxname"] == "api" and row["svname"] in servers
        }

    def wait_for(self, number: int, status: str, seconds: float = 60) -> None:
        """Wait until the health checks report a copy as UP or DOWN."""
        deadline = monotonic() + seconds
        while not (found := self.statistics()[str(number)]["status"]).startswith(status):
            assert monotonic() < deadline, f"{number}: {found}"
            sleep(0.05)


@contextmanager
def run_balancer(
    folder: Path, copies: int, *, probe: str, failures: int = 1, redispatch: bool = False
) -> Iterator[Balancer]:
    """Run HAProxy in front of a number of copies, which may be started later."""
    port, ports = free_port(), [free_port() for _ in range(copies)]
    more = "observe layer4 error-limit 1 on-error mark-down" if redispatch else ""
    text = CONFIGURATION.format(
        folder=folder, port=port, probe=probe, failures=failures, more=more
    ) + (REDISPATCH if redispatch else "")
    text += "".join(f"    server {number} 127.0.0.1:{it}\n" for number, it in enumerate(ports))
    configuration = folder / "haproxy.cfg"
    configuration.write_text(text)
    balancer = Balancer(port, ports, folder / "socket")
    with subprocess.Popen(["haproxy", "-db", "-f", configuration]) as process:
        try:
            deadline = monotonic() + 20
            while not balancer.path.exists():
                assert process.poll() is None, configuration.read_text()
                assert monotonic() < deadline
                sleep(0.05)
            # HAProxy assumes that every copy is up until a health check fails.
            for number in range(copies):
                balancer.wait_for(number, "DOWN")
            yield balancer
        finally:
            process.kill()


@contextmanager
def run_copy(
    image: str, balancer: Balancer, number: int, prefix: str, *options: str
) -> Iterator[str]:
    """Run a copy of a service on its port of the balancer; return the container's name."""
    port = f"--env={prefix}PORT={balancer.ports[number]}"
    with container(image, "--network=host", *options, port) as name:
        yield name
