"""Secrets and logs of an application that Compose runs on one machine."""

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
        # The image as on the page; the port because 8000 may be taken.
        (folder / ".env").write_text(f"IMAGE={image}\nPORT={free_port()}\n")
        # The name of the project has to differ from those of other tests.
        self.environment = os.environ | {"COMPOSE_PROJECT_NAME": f"compose-test-{os.getpid()}"}

    def edit(self, pattern: str, replacement: str) -> None:
        """Edit `compose.yaml`; fail if the pattern is not found."""
        path = self.folder / "compose.yaml"
        text, count = re.subn(pattern, replacement, path.read_text("utf-8"), flags=re.MULTILINE)
        assert count
        path.write_text(text, "utf-8")

    def create_secret(self, command: str, setting: str, value: str) -> Path:
        """Create the file of a secret setting with the command of the page, and mount it."""
        example, name = f"{PREFIX.lower()}token", f"{PREFIX.lower()}{setting}"
        self.edit("^( *)# (secrets:|  - |  .*token:|    file:)", r"\1\2")
        self.edit(example, name)
        self.shell(command.replace("SECRET", value).replace(example, name))
        return self.folder / "secrets" / name

    def shell(self, command: str) -> None:
        """Run a command of the page, as root."""
        run("sh", "-euc", command.replace("sudo ", ""), cwd=self.folder, env=self.environment)

    def compose(self, *arguments: str, check: bool = True) -> str:
        """Run Docker Compose; return its output."""
        result = run(
            "docker", "compose", *arguments, cwd=self.folder, env=self.environment, check=check
        )
        return result.stdout


@pytest.fixture
def machine(docker: None, baked: BakedProject, image: str, tmp_path: Path) -> Iterator[Machine]:  # noqa: ARG001 - needed
    machine = Machine(baked, image, tmp_path)
    yield machine
    machine.compose("down", "--timeout", "5")


@needs_root
@each(SERVICES)
def test_only_the_user_of_the_image_can_read_a_secret(
    baked: BakedProject, machine: Machine
) -> None:
    secret = machine.create_secret(block(baked, "console", "secrets/"), "log_level", "debug")

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
@each(SERVICES)
def test_a_service_gets_a_changed_secret_by_the_command_of_the_page(
    baked: BakedProject, machine: Machine
) -> None:
    create = block(baked, "console", "secrets/")
    secret = machine.create_secret(create, "log_level", "debug")
    page = (baked.path / "docs/production.md").read_text("utf-8")
    command = re.search(r"To change a secret, .*?`(docker compose .*?)`", page, re.DOTALL)
    assert command
    read = ["exec", "--no-tty", "api", "cat", f"/run/secrets/{secret.name}"]
    machine.compose("up", "--detach", "--wait")

    secret.unlink()
    machine.shell(create.replace("SECRET", "info").replace(f"{PREFIX.lower()}token", secret.name))
    machine.compose("up", "--detach", "--wait")
    assert machine.compose(*read) == "debug"

    machine.shell(command[1])
    assert machine.compose(*read) == "info"


@needs_root
@each(JOBS)
def test_the_user_who_starts_the_job_can_read_a_secret(
    baked: BakedProject, machine: Machine
) -> None:
    write_orders(machine.folder, 1)
    machine.environment |= {"USER_ID": "12345", "GROUP_ID": "12345"}
    secret = machine.create_secret(block(baked, "console", "secrets/"), "max_errors", "hunter2")
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
@pytest.mark.parametrize("mode", [0o644, 0o755, 0o777])
def test_a_world_readable_secret_is_refused(baked: BakedProject, tmp_path: Path, mode: int) -> None:
    project = shutil.copytree(baked.path, tmp_path / "project")
    secret = project / "secrets/a_token"
    secret.write_text("hunter2")
    secret.chmod(mode)
    start = ["make", "--dry-run", "start"]

    refused = run(*start, cwd=project, check=False)
    (remedy,) = re.findall(r"World-readable: secrets/a_token. Run: (.*?)\.  Stop", refused.stderr)
    assert refused.returncode == 2

    run("sh", "-euc", remedy.replace("sudo ", ""), cwd=project)
    assert "hunter2" not in run(*start, cwd=project).stdout


@each(NEWEST)
@pytest.mark.parametrize(
    ("mode", "variable"), [(0o644, {"OS": "Windows_NT"}), (0o777, {"WSL_DISTRO_NAME": "Debian"})]
)
def test_a_secret_on_windows_is_not_refused_for_a_mode_that_cannot_be_changed(
    baked: BakedProject, tmp_path: Path, mode: int, variable: dict[str, str]
) -> None:
    project = shutil.copytree(baked.path, tmp_path / "project")
    (project / "secrets/a_token").touch()
    (project / "secrets/a_token").chmod(mode)  # As Git Bash and WSL show it.

    run("make", "--dry-run", "start", cwd=project, env=os.environ | variable)


@each(NEWEST)
def test_the_log_of_a_container_is_limited_and_only_a_service_restarts(
    baked: BakedProject, machine: Machine
) -> None:
    write_orders(machine.folder, 1)
    machine.compose("up", "--detach")

    (name,) = machine.compose("ps", "--all", "--format", "{{.Name}}").split()
    log = inspect(name)["HostConfig"]["LogConfig"]
    (service,) = yaml.safe_load((baked.path / "compose.yaml").read_text())["services"].values()

    assert log == {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "5"}}
    assert service["logging"]["options"] == log["Config"]
    # A job that has finished must not be restarted.
    assert service.get("restart") == (None if "job" in name else "unless-stopped")
