"""Containers of a project's image, as the tests run them: locked down, and gone at the end."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic, sleep
from urllib.request import Request, urlopen

from tests.harness import run


@contextmanager
def container(image: str, *options: str, command: Sequence[str] = ()) -> Iterator[str]:
    """Run a locked-down container in the background; remove it at the end."""
    locked_down = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    started = run("docker", "run", "--detach", *locked_down, *options, image, *command)
    name = started.stdout.strip()
    try:
        yield name
    finally:
        run("docker", "rm", "--force", "--volumes", name)


def wait_until_healthy(name: str, seconds: float = 60) -> None:
    deadline = monotonic() + seconds
    while True:
        state = run(
            "docker", "inspect", "--format", "{{.State.Health.Status}}", name
        ).stdout.strip()
        if state == "healthy":
            return
        logs = run("docker", "logs", name)
        assert monotonic() < deadline, f"{state}\n{logs.stdout}\n{logs.stderr}"
        sleep(0.1)


def exit_status(name: str) -> str:
    """The status that the container ended with; 0 as long as it runs."""
    return run("docker", "inspect", "--format", "{{.State.ExitCode}}", name).stdout.strip()


def address(name: str) -> str:
    return "http://" + run("docker", "port", name, "8000/tcp").stdout.split()[0]


def ask(url: str, body: object = None) -> object:
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"content-type": "application/json"})  # noqa: S310 - a local address
    with urlopen(request, timeout=10) as answer:  # noqa: S310 - the same
        return json.load(answer)
