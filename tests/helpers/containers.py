"""Run a project's image in locked-down containers, and remove them afterwards."""

import json
import os
import random
import socket
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.request import Request, urlopen

from tests.helpers.harness import BUILT, COMBINATIONS, run

NEWEST = [one for one in COMBINATIONS if one.python == COMBINATIONS[0].python]
"""One combination of each application, for what does not depend on the Python version."""
SERVICES = [one for one in BUILT if one.kind == "service"]
JOBS = [one for one in BUILT if one.kind == "job"]
ANY_USER = "--user=123456:0"
LOCKED_DOWN = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", ANY_USER]
HEADER = "order_id,quantity,unit_price,discount_percent\n"


def with_python() -> dict[str, str]:
    """Return the environment of a shell in which `python` is the interpreter of the tests."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return os.environ | {"PATH": path}


@contextmanager
def container(image: str, *options: str, command: Sequence[str] = ()) -> Iterator[str]:
    """Run a locked-down container in the background; remove it at the end."""
    started = run("docker", "run", "--detach", *LOCKED_DOWN, *options, image, *command)
    name = started.stdout.strip()
    try:
        yield name
    finally:
        run("docker", "rm", "--force", "--volumes", name)


def run_once(
    image: str, *options: str, command: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a locked-down container until it exits, with any status."""
    return run("docker", "run", "--rm", *LOCKED_DOWN, *options, image, *command, check=False)


def inspect(name: str) -> dict[str, Any]:
    """Return what `docker inspect` reports of an image or a container."""
    facts: dict[str, Any] = json.loads(run("docker", "inspect", name).stdout)[0]
    return facts


def exit_status(name: str) -> int:
    """Return the exit status of a container; 0 while it is running."""
    return int(inspect(name)["State"]["ExitCode"])


def wait_until(condition: Callable[[], bool], name: str, seconds: float = 60) -> None:
    """Wait for a condition of a container; fail with its logs when it stops or time is up."""
    deadline = monotonic() + seconds
    while not condition():
        state = inspect(name)["State"]
        logs = run("docker", "logs", name)
        assert state["Running"], f"{state}\n{logs.stdout}\n{logs.stderr}"
        assert monotonic() < deadline, f"{state}\n{logs.stdout}\n{logs.stderr}"
        sleep(0.1)


def wait_until_healthy(name: str, seconds: float = 60) -> None:
    wait_until(lambda: inspect(name)["State"]["Health"]["Status"] == "healthy", name, seconds)


def address(name: str) -> str:
    return "http://" + run("docker", "port", name, "8000/tcp").stdout.split()[0]


def request_json(url: str, body: object = None) -> object:
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"content-type": "application/json"})  # noqa: S310 - a local address
    with urlopen(request, timeout=10) as answer:  # noqa: S310 - the same
        return json.load(answer)


def predict(url: str, instances: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the predictions of a model API, in requests of at most the allowed size."""
    limit, found = 100, []
    for start in range(0, len(instances), limit):
        response: Any = request_json(
            f"{url}/predictions", {"instances": instances[start : start + limit]}
        )
        found += response["predictions"]
    return found


def read_all(connection: socket.socket) -> bytes:
    """Return all data until the peer closes the connection; nothing if it resets it."""
    connection.settimeout(30)
    try:
        return b"".join(iter(lambda: connection.recv(65536), b""))
    except OSError:
        return b""
    finally:
        connection.close()


def free_port() -> int:
    """Return a free TCP port.

    It is below the range of ephemeral ports: an outgoing connection could take one of those before
    the test listens on it.
    """
    while True:
        port = random.randrange(10_000, 32_000)  # noqa: S311 - no secret
        with socket.socket() as free, suppress(OSError):
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(("", port))
            return port


def is_json_lines(output: str) -> bool:
    """Return whether there are lines, and each is a JSON object."""
    lines = output.splitlines()
    return bool(lines) and all(isinstance(json.loads(line), dict) for line in lines)


@contextmanager
def exported_image(image: str, folder: Path) -> Iterator[tarfile.TarFile]:
    """Yield the file system of a new container of an image."""
    name = run("docker", "create", image, "nothing").stdout.strip()
    archive = folder / "image.tar"
    try:
        run("docker", "export", "--output", archive, name)
    finally:
        run("docker", "rm", name)
    with tarfile.open(archive) as files:
        yield files
    archive.unlink()


def write_orders(folder: Path, rows: int) -> Path:
    """Create a folder that any user may write to, with a file of `rows` orders."""
    data = folder / "data"
    data.mkdir()
    data.chmod(0o777)
    (data / "orders.csv").write_text(HEADER + "A,1,1.00,0\n" * rows)
    return data


def extend_image(image: str, suffix: str, *lines: str) -> str:
    """Build an image on top of another, and return its name."""
    name, dockerfile = f"{image}-{suffix}", "\n".join([f"FROM {image}", *lines])
    command = ["docker", "build", "--tag", name, "-"]
    subprocess.run(command, input=dockerfile, text=True, check=True, capture_output=True)
    return name
