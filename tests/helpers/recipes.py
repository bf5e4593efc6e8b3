"""Follow a recipe in a project: run its commands, and write and edit its files."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

from tests.helpers.containers import free_port
from tests.helpers.harness import (
    INSTALLABLE,
    PACKAGE,
    ROOT,
    SLUG,
    BakedProject,
    activated_env,
    each,
    install_locked,
    interpreter,
    run,
)
from tests.helpers.page_commands import Reader, json_values
from tests.helpers.pip_settings import index_variables

each_web_api = each([it for it in INSTALLABLE if it.application == "web-api"][:1])
each_model_api = each([it for it in INSTALLABLE if it.application == "model-api"][:1])
each_job = each([it for it in INSTALLABLE if it.application == "job"][:1])
RECIPES = ROOT / "docs/recipes"
PREFIX = f"{PACKAGE.upper()}_"
BLOCK = re.compile(r"^```(\w+)\n((?:.*\n)*?)```$", re.MULTILINE)
COPIED_FOLDER = re.compile(r"^\d+\. Copy the files in \[[\w-]+/\]\(([\w-]+)\)", re.MULTILINE)
OUTPUT = {"json", "text"}
# Configuration of a server, which a test starts.
SYSTEM = {"nginx"}


class Block(NamedTuple):
    """A fenced block of a page, and the line above it."""

    lead: str
    language: str
    text: str

    @property
    def file(self) -> str:
        """The file that the line above the block names last."""
        return str(re.findall(r"`([^`]+)`", self.lead)[-1])


def blocks(page: Path) -> list[Block]:
    text = page.read_text("utf-8")
    return [
        Block(text[: found.start()].rstrip().splitlines()[-1], *found.groups())
        for found in BLOCK.finditer(text)
    ]


@dataclass
class RecipeProject:
    """A project in which recipes are followed, and a shell in which its environment is active."""

    baked: BakedProject
    shell: dict[str, str]
    port: int
    """The port of `make start`."""
    replaced: dict[str, str] = field(default_factory=dict)
    """Texts of a page, and their replacements on this machine."""

    def follow(self, name: str) -> None:
        """Follow a page block by block, and compare the output with the one on the page."""
        output = ""
        page = RECIPES / f"{name}.md"
        for folder in COPIED_FOLDER.findall(page.read_text("utf-8")):
            copy_new_files(RECIPES / folder, self.baked.path)
        for block in blocks(page):
            if block.language in OUTPUT:
                assert_output(output, block)
            elif block.language == "console":
                output = self.paste(block.text)
            elif block.language not in SYSTEM:
                write(self.baked.path / block.file, block)

    def paste(self, commands: str) -> str:
        """Run commands as in a terminal; return their output."""
        return self.baked.run(*self.bash(commands), env=self.shell).stdout

    def paste_failing(self, commands: str) -> str:
        """Run commands that have to fail; return their output."""
        result = self.baked.run(*self.bash(commands), env=self.shell, check=False)
        assert result.returncode, result.stdout
        return result.stdout + result.stderr

    def bash(self, commands: str) -> list[str]:
        """Return the command line for commands of a page on this machine."""
        commands = Reader(self.baked, self.shell, self.port).replace_port(commands)
        for old, new in self.replaced.items():
            commands = commands.replace(old, new)
        if os.getuid() == 0:
            commands = commands.replace("sudo ", "")
        return ["bash", "-euo", "pipefail", "-c", commands]

    def request(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, Any]:
        """Send a request to the service of `make start`; return the status and the JSON."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers["content-type"] = "application/json"
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        with connection.getresponse() as response:
            answer = response.status, json.load(response)
        connection.close()
        return answer

    def override(self, text: str) -> None:
        """Write `compose.override.yaml`, with the settings of this machine only."""
        (self.baked.path / "compose.override.yaml").write_text(text, "utf-8")


def copy_new_files(source: Path, target: Path) -> None:
    """Copy the files of a folder; fail if one exists in the target."""
    for file in source.rglob("*"):
        copy = target / file.relative_to(source)
        if file.is_file():
            assert not copy.exists()
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)


def assert_output(output: str, block: Block) -> None:
    """Compare the last lines of an output with a block of a page, as JSON or as text."""
    expected = json_values(block.text) if block.language == "json" else block.text.splitlines()
    found = output.splitlines()[-len(expected) :]
    assert expected == (list(map(json.loads, found)) if block.language == "json" else found)


def write(path: Path, block: Block) -> None:
    """Edit a file, append to it, or create it, as its block says."""
    if block.language == "diff":
        path.write_text(apply_diff(path.read_text("utf-8"), block.text), "utf-8")
    elif "append" in block.lead.lower():
        with path.open("a", encoding="utf-8") as file:
            file.write(block.text)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(block.text)


def apply_diff(text: str, diff: str) -> str:
    """Apply a diff whose hunks have no line numbers; each must match exactly one place."""
    for hunk in re.split(r"^@@\n", diff, flags=re.MULTILINE):
        lines = hunk.splitlines(keepends=True)
        old = "".join(line[1:] or "\n" for line in lines if not line.startswith("+"))
        new = "".join(line[1:] or "\n" for line in lines if not line.startswith("-"))
        places = [found.start() for found in re.finditer(rf"^{re.escape(old)}", text, re.MULTILINE)]
        assert len(places) == 1, f"{len(places)} times:\n{old}"
        text = text[: places[0]] + new + text[places[0] + len(old) :]
    return text


@contextmanager
def recipe_project(project: BakedProject, folder: Path, recipe: str) -> Iterator[RecipeProject]:
    """Copy and install a project for a recipe; remove its containers and image afterwards."""
    copy = BakedProject(folder / SLUG, project.combination)
    shutil.copytree(project.path, copy.path)
    python = interpreter(project.combination.python)
    assert python
    install_locked(copy.path, folder / "venv", python)
    port = free_port()
    # Several test sessions may share a Docker engine.
    name = f"recipe-{recipe.replace('_', '-')}-{port}"
    shell = activated_env(folder / "venv") | index_variables()
    shell |= {"IMAGE": name, "COMPOSE_PROJECT_NAME": name, "PORT": str(port)}
    try:
        yield RecipeProject(copy, shell, port)
    finally:
        # pytest shows the logs of the services if the test fails.
        print(copy.run("docker", "compose", "logs", env=shell).stdout)  # noqa: T201 - for pytest
        copy.run("docker", "compose", "down", "--timeout", "1", "--volumes", env=shell)
        run("docker", "rmi", "--force", name)
