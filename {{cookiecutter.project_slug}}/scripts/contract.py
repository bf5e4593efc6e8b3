"""Check from outside what production relies on: `make contract`, after `make image`.

The image runs as any user, on a read-only file system, with no capabilities; it holds nothing that
installs packages; a wrong setting stops it at once; a service becomes healthy and ends with 0 on
SIGTERM; a job does its work without a network; standard output is JSON lines.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PREFIX = PROJECT["tool"]["poetry"]["packages"][0]["include"].upper() + "_"
LOCKED_DOWN = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
ANY_USER = "--user=123456:0"
SECONDS = 60
REFUSED = 2
"""The exit status where a setting or the command line is wrong."""


def docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a Docker command; the caller looks at how it ended."""
    return subprocess.run(  # noqa: S603 - no shell
        ["docker", *arguments],  # noqa: S607 - the one on PATH, as for a person
        capture_output=True,
        text=True,
        check=False,
        timeout=10 * SECONDS,
    )


def expect(condition: object, message: str) -> None:
    """Go on only where `condition` holds; end with status 1 and the message otherwise."""
    if not condition:
        sys.exit(f"The image breaks its contract. {message}")


def expect_json(output: str) -> None:
    """Take JSON objects, one a line, and at least one of them."""
    lines = output.splitlines()
    expect(lines, "Nothing is logged.")
    for line in lines:
        expect(line.startswith("{") and json.loads(line), f"This line is not JSON: {line}")


@contextmanager
def container(*arguments: str) -> Iterator[str]:
    """Run a locked-down container in the background, and remove it at the end."""
    started = docker("run", "--detach", ANY_USER, *LOCKED_DOWN, *arguments)
    expect(started.returncode == 0, started.stderr)
    name = started.stdout.strip()
    try:
        yield name
    finally:
        docker("rm", "--force", "--volumes", name)


def check_contents(image: str) -> None:
    """Its user is a number and cannot write to the code; nothing in it installs packages."""
    user = inspect(image, "image")["Config"]["User"].split(":")[0]
    expect(user.isdecimal() and user != "0", f"It runs as {user or 'root'}.")
    for module in ("pip", "ensurepip", "setuptools"):
        found = docker("run", "--rm", "--entrypoint=python", image, "-m", module, "--version")
        expect(found.returncode, f"It holds {module}.")
    writable = ["--entrypoint=find", image, "/opt/venv", "-writable", "-not", "-type", "l"]
    expect(not docker("run", "--rm", *writable).stdout, "Its user can write to the code.")


def check_settings(image: str) -> None:
    """A setting that does not exist ends it at once and is named; its value is not repeated."""
    wrong = f"{PREFIX}NO_SUCH_SETTING"
    run = ["run", "--rm", ANY_USER, *LOCKED_DOWN, f"--env={wrong}=hunter2", image]
    result = docker(*run, *([] if is_service(image) else ["run", "in.csv", "out.jsonl"]))
    said = result.stdout + result.stderr
    refused = result.returncode == REFUSED and wrong in said
    expect(refused, f"A wrong setting is let through: {said}")
    expect("hunter2" not in said, "It shows the value of a setting.")


def check_service(image: str) -> None:
    """It becomes healthy, and ends with 0 on SIGTERM."""
    with container(image) as name:
        deadline = monotonic() + SECONDS
        while (health := inspect(name)["State"]["Health"]["Status"]) != "healthy":
            expect(inspect(name)["State"]["Running"], docker("logs", name).stderr)
            expect(monotonic() < deadline, f"After {SECONDS} s it is {health}.")
            sleep(0.2)
        docker("stop", "--timeout=30", name)
        expect(inspect(name)["State"]["ExitCode"] == 0, "SIGTERM does not end it with 0.")
        expect_json(docker("logs", name).stdout)


def check_job(image: str) -> None:
    """It does its work on the sample data, without a network."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "data", folder, dirs_exist_ok=True)
        Path(folder).chmod(0o777)
        run = ["run", "--rm", ANY_USER, *LOCKED_DOWN, "--network=none", f"--volume={folder}:/data"]
        result = docker(*run, image, "run", "orders.csv", "out.jsonl")
        expect(result.returncode == 0, result.stdout + result.stderr)
        expect(Path(folder, "out.jsonl").is_file(), "It writes nothing.")
        expect_json(result.stdout)


def inspect(name: str, kind: str = "container") -> dict[str, Any]:
    """What the engine knows of a container, or of another kind of object of this name."""
    found = docker(kind, "inspect", name)
    if found.returncode:
        sys.exit(f"{found.stderr.strip()}. Run: make image")
    facts: dict[str, Any] = json.loads(found.stdout)[0]
    return facts


def is_service(image: str) -> bool:
    """Whether the image has a health check; a job has none."""
    return "Healthcheck" in inspect(image, "image")["Config"]


def main() -> None:
    """Check one image, whose name is the argument."""
    (image,) = sys.argv[1:]
    check_contents(image)
    check_settings(image)
    if is_service(image):
        check_service(image)
    else:
        check_job(image)
    print(f"{image} keeps its contract.")


if __name__ == "__main__":
    main()
