"""Compose runs an application on one machine: its secrets and its log."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.helpers.containers import NEWEST, free_port, inspect, write_orders
from tests.helpers.harness import PACKAGE, BakedProject, each, run
from tests.helpers.nginx import block

PREFIX = f"{PACKAGE.upper()}_"
SERVICES = [one for one in NEWEST if one.kind == "service"]
JOBS = [one for one in NEWEST if one.kind == "job"]
needs_root = pytest.mark.skipif(
    not hasattr(os, "getuid") or os.getuid() != 0, reason="It changes the owner of a file."
)


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

    def make_secret(self, command: str, setting: str, value: str) -> Path:
        """Make the file of a secret setting by the command of the page, and mount it."""
        example, name = f"{PREFIX.lower()}token", f"{PREFIX.lower()}{setting}"
        self.edit("^( *)# (secrets:|  - |  .*token:|    file:)", r"\1\2")
        self.edit(example, name)
        self.shell(command.replace("SECRET", value).replace(example, name))
        return self.folder / "secrets" / name

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


@needs_root
@each(SERVICES)
def test_a_secret_is_read_by_the_user_of_the_image_and_by_nobody_else(
    baked: BakedProject, machine: Machine
) -> None:
    secret = machine.make_secret(block(baked, "console", "secrets/"), "log_level", "debug")

    machine.compose("up", "--detach", "--wait")
    assert secret.stat().st_mode & 0o777 == 0o400
    read = machine.compose("exec", "--no-tty", "api", "cat", f"/run/secrets/{secret.name}")
    assert read == "debug"

    os.chown(secret, 0, 0)
    machine.compose("up", "--detach", "--wait", "--force-recreate", check=False)
    log = machine.compose("logs", "--no-log-prefix")
    (remedy,) = set(re.findall(r"Permission denied; run: (sudo .*)", log))
    machine.shell(remedy)
    machine.compose("up", "--detach", "--wait", "--force-recreate")


@needs_root
@each(JOBS)
def test_a_secret_is_read_by_the_user_who_starts_the_job(
    baked: BakedProject, machine: Machine
) -> None:
    write_orders(machine.folder, 1)
    machine.environment |= {"USER_ID": "12345", "GROUP_ID": "12345"}
    secret = machine.make_secret(block(baked, "console", "secrets/"), "max_errors", "hunter2")
    start = ["docker", "compose", "up", "--exit-code-from", "job", "--no-log-prefix"]

    unreadable = run(*start, cwd=machine.folder, env=machine.environment, check=False)
    (remedy,) = set(re.findall(r"Permission denied; run: (sudo [^\"]*)", unreadable.stdout))
    machine.shell(remedy)
    invalid = run(*start, cwd=machine.folder, env=machine.environment, check=False)

    assert secret.stat().st_mode & 0o777 == 0o400
    assert unreadable.returncode == invalid.returncode == 2
    assert f"{PREFIX}MAX_ERRORS: Input should be a valid integer" in invalid.stdout
    assert "hunter2" not in invalid.stdout


@each(NEWEST)
def test_a_secret_that_everybody_can_read_is_refused(baked: BakedProject, tmp_path: Path) -> None:
    project = shutil.copytree(baked.path, tmp_path / "project")
    secret = project / "secrets/a_token"
    secret.write_text("hunter2")
    secret.chmod(0o644)
    start = ["make", "--dry-run", "start"]

    refused = run(*start, cwd=project, check=False)
    (remedy,) = re.findall(r"World-readable: secrets/a_token. Run: (.*?)\.  Stop", refused.stderr)
    assert refused.returncode == 2

    run("sh", "-euc", remedy.replace("sudo ", ""), cwd=project)
    assert "hunter2" not in run(*start, cwd=project).stdout


@each(NEWEST)
def test_the_log_of_a_container_is_bounded(baked: BakedProject, machine: Machine) -> None:
    write_orders(machine.folder, 1)
    machine.compose("up", "--detach")

    (name,) = machine.compose("ps", "--all", "--format", "{{.Name}}").split()
    log = inspect(name)["HostConfig"]["LogConfig"]
    (service,) = yaml.safe_load((baked.path / "compose.yaml").read_text())["services"].values()

    assert log == {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "5"}}
    assert service["logging"]["options"] == log["Config"]
    # A job that has ended has nothing to start again for.
    assert service.get("restart") == (None if "job" in name else "unless-stopped")
