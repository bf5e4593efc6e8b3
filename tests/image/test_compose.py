"""Compose runs the service on one machine: its secrets, its log and its updates."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.helpers.containers import NEWEST, free_port, inspect
from tests.helpers.harness import PACKAGE, BakedProject, each, run
from tests.helpers.nginx import block

PREFIX = f"{PACKAGE.upper()}_"
SERVICES = [one for one in NEWEST if one.kind == "service"]


class Machine:
    """A folder with `compose.yaml` and `.env`, and nothing else of the project."""

    def __init__(self, project: BakedProject, image: str, folder: Path) -> None:
        self.folder = folder
        shutil.copy(project.path / "compose.yaml", folder)
        (folder / "secrets").mkdir()
        # As for the commands of the page; the other is for a machine where port 8000 is taken.
        (folder / ".env").write_text(f"IMAGE={image}\nPORT={free_port()}\n")
        # Docker has to name the project apart from those of other tests.
        self.environment = os.environ | {"COMPOSE_PROJECT_NAME": f"compose-test-{os.getpid()}"}

    def edit(self, pattern: str, replacement: str) -> None:
        """Edit `compose.yaml`, where the pattern has to be found."""
        path = self.folder / "compose.yaml"
        text, count = re.subn(pattern, replacement, path.read_text("utf-8"), flags=re.MULTILINE)
        assert count
        path.write_text(text, "utf-8")

    def shell(self, command: str) -> None:
        """Run a command of the page, as root."""
        run("sh", "-euc", command.replace("sudo ", ""), cwd=self.folder, env=self.environment)

    def compose(self, *arguments: str, check: bool = True) -> str:
        """Run Docker Compose; return what it prints."""
        result = run(
            "docker", "compose", *arguments, cwd=self.folder, env=self.environment, check=check
        )
        return result.stdout


@pytest.fixture
def machine(docker: None, baked: BakedProject, image: str, tmp_path: Path) -> Iterator[Machine]:  # noqa: ARG001 - needed
    made = Machine(baked, image, tmp_path)
    yield made
    made.compose("down", "--timeout", "5")


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="It needs root.")
@each(SERVICES)
def test_a_secret_is_read_by_the_user_of_the_image_and_by_nobody_else(
    baked: BakedProject, machine: Machine
) -> None:
    name = f"{PREFIX.lower()}log_level"
    secret = machine.folder / "secrets" / name
    machine.edit("^( *)# (secrets:|  - |  .*token:|    file:)", r"\1\2")
    machine.edit(f"{PREFIX.lower()}token", name)
    command = block(baked, "console", "secrets/").replace("SECRET", "debug")

    machine.shell(command.replace(f"{PREFIX.lower()}token", name))
    machine.compose("up", "--detach", "--wait")
    assert secret.stat().st_mode & 0o777 == 0o400
    read = machine.compose("exec", "--no-tty", "api", "cat", f"/run/secrets/{name}")
    assert read == "debug"

    os.chown(secret, 0, 0)
    machine.compose("up", "--detach", "--wait", "--force-recreate", check=False)
    log = machine.compose("logs", "--no-log-prefix")
    (remedy,) = set(re.findall(r"Permission denied; run: (sudo .*)", log))
    machine.shell(remedy)
    machine.compose("up", "--detach", "--wait", "--force-recreate")


@each(SERVICES)
def test_the_log_of_a_container_is_bounded(baked: BakedProject, machine: Machine) -> None:
    machine.compose("up", "--detach", "--wait")

    (name,) = machine.compose("ps", "--format", "{{.Name}}").split()
    log = inspect(name)["HostConfig"]["LogConfig"]
    (service,) = yaml.safe_load((baked.path / "compose.yaml").read_text())["services"].values()

    assert log == {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "5"}}
    assert service["logging"]["options"] == log["Config"]
    assert service["restart"] == "unless-stopped"
