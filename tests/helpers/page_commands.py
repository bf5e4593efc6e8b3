"""Run the commands of a project's pages, block by block, as a reader would."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from time import monotonic, sleep
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

from tests.helpers.harness import BakedProject, docker_problem

BLOCK = re.compile(r"(?:<!-- needs (.+) -->\n)?```(\w+)\n((?:.*\n)*?)```\n")
DOCKER = re.compile(r"\b(docker|make (image|smoke|start|stop))\b")
# Another test runs the checks and tests of every project.
TESTED_ELSEWHERE = re.compile(r"^make (check|test)$", re.MULTILINE)
# A command that serves until Ctrl-C, the last one of its block.
SERVER_COMMAND = re.compile(r"^(make run$|docker run --rm --publish .*)", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block of a page, and its special requirements."""

    needs: str
    language: str
    text: str


def text(project: BakedProject, page: str) -> str:
    return (project.path / page).read_text("utf-8")


def blocks(project: BakedProject, page: str) -> list[Block]:
    return [Block(*found) for found in BLOCK.findall(text(project, page))]


class Reader(NamedTuple):
    """A reader with an active environment, on a machine where port 8000 may be taken."""

    project: BakedProject
    shell: dict[str, str]
    port: int

    @property
    def prefix(self) -> str:
        return self.project.path.name.replace("-", "_").upper() + "_"

    def follow(self, page: str) -> None:
        """Run every block that can run here, and compare its output with the one on the page."""
        output = ""
        with ExitStack() as running:
            for block in blocks(self.project, page):
                if block.language == "json":
                    assert json_values(output) == json_values(block.text)
                elif block.language == "console" and not block.needs and self.can_run(block):
                    commands = TESTED_ELSEWHERE.sub(r"\g<0> --dry-run", block.text)
                    commands = self.replace_port(commands)
                    serves = None if self.is_job else SERVER_COMMAND.search(commands)
                    output = self.paste(commands[: serves.start()] if serves else commands)
                    # Press Ctrl-C: the blocks that needed the service have run.
                    running.close()
                    if serves:
                        running.enter_context(self.serving(serves[0]))

    @property
    def is_job(self) -> bool:
        return self.project.combination.kind == "job"

    def can_run(self, block: Block) -> bool:
        """Return whether this machine has Docker or kubectl, if a block needs it."""
        for tool_name, needed, here in (
            ("DOCKER", DOCKER.search(block.text), docker_problem() is None),
            ("KUBECTL", "kubectl" in block.text, shutil.which("kubectl")),
        ):
            if needed and not here:
                assert os.environ.get(f"REQUIRE_{tool_name}") != "1", block.text
                return False
        return True

    def replace_port(self, commands: str) -> str:
        return re.sub(r"\b(localhost|127\.0\.0\.1):8000\b", rf"\1:{self.port}", commands)

    def paste(self, commands: str) -> str:
        """Run commands; return their output."""
        return self.project.run("bash", "-euo", "pipefail", "-c", commands, env=self.shell).stdout

    @contextmanager
    def serving(self, command: str) -> Iterator[None]:
        """Run a service in another terminal, and press Ctrl-C there at the end."""
        shell = self.shell | {f"{self.prefix}PORT": str(self.port)}
        log = self.project.path.parent / "terminal.log"
        with log.open("w") as terminal:
            service = subprocess.Popen(
                ["bash", "-euc", command],
                cwd=self.project.path,
                env=shell,
                stdin=subprocess.DEVNULL,
                stdout=terminal,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            deadline = monotonic() + 60
            while not is_ready(f"http://localhost:{self.port}/readyz"):
                assert service.poll() is None, log.read_text()
                assert monotonic() < deadline, log.read_text()
                sleep(0.2)
            yield
        finally:
            with suppress(ProcessLookupError):  # It has exited already, as asserted above.
                os.killpg(service.pid, signal.SIGINT)
            service.wait(60)


def is_ready(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310 - a local address
            return bool(answer.status == 200)
    except (URLError, ConnectionError):
        return False


def json_values(printed: str) -> list[object]:
    """Return the JSON values in a text."""
    found, rest = [], printed.strip()
    while rest:
        value, end = json.JSONDecoder().raw_decode(rest)
        found.append(value)
        rest = rest[end:].lstrip()
    return found
