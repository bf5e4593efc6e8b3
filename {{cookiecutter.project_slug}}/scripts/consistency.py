"""Check that files with the same information agree: `make consistency`.

`pyproject.toml` decides the Python version and `poetry.lock` the packages. The arguments go to
`poetry export`: the extras and groups that the Makefile's OPTIONAL names.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
# The files that contain the Python version, and the command that applies a change.
PYTHON_VERSION = [
    ("environment.yml", r"^  - python=(\d+\.\d+)", "make env install"),
    ("Dockerfile", r"^ARG PYTHON_VERSION=(\d+\.\d+)", "make image"),
    ("Dockerfile", r"^FROM python:(\d+\.\d+)|\Z", "make image"),  # It may have another name.
]
IN_ENVIRONMENT = r"^ *- [\"']?(?:[^\s\"']+::)?([\w.-]+)"
PIN = r"^([\w.-]+)(?:\[.*\])?==(\S+)"
NOT_FROM_AN_INDEX = r"^(?:-e |\S+ @ (?:git|file)).*?(?= ;| \\|$)"


def python_problems() -> Iterator[str]:
    """Find other Python versions: in files, and in the active environment."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    right = re.findall(r"[>=~]= *(\d+\.\d+)", project["requires-python"])[0]
    for name, pattern, command in PYTHON_VERSION:
        found = re.search(pattern, (ROOT / name).read_text("utf-8"), re.MULTILINE)
        has = f"has Python {found[1]}" if found else "names no Python version"
        if not found or found[1] not in {right, None}:
            yield f"{name} {has}, pyproject.toml has {right}: edit {name}, then run: {command}"
    if (active := "{}.{}".format(*sys.version_info)) != right:
        yield f"The active environment has Python {active}, not {right}: make env install"


def environment_problems() -> Iterator[str]:
    """Find packages that Conda and Poetry would both install, overwriting each other's files."""
    lock = tomllib.loads((ROOT / "poetry.lock").read_text("utf-8"))
    locked = {package["name"] for package in lock["package"]}
    environment = (ROOT / "environment.yml").read_text("utf-8")
    for name in re.findall(IN_ENVIRONMENT, environment, re.MULTILINE):
        if re.sub("[-_.]+", "-", name).lower() in locked:
            yield f"environment.yml has {name}, which Poetry installs: remove it, then: make env"


def export_problems(export: str) -> Iterator[str]:
    """Find differences between `requirements.txt` and the export, and what has no hash."""
    stored = (ROOT / "requirements.txt").read_text("utf-8")
    pins = re.findall(PIN, export, re.MULTILINE)
    locked = dict(pins)
    others = [
        f"requirements.txt has {name} {version}, but poetry.lock has {locked[name]}. "
        f"To update the lock: poetry update {name} && make requirements"
        for name, version in re.findall(PIN, stored, re.MULTILINE)
        if name in locked and (name, version) not in pins
    ]
    if stored != export:
        yield from others or ["requirements.txt is out of date with poetry.lock: make requirements"]
    for line in re.findall(NOT_FROM_AN_INDEX, export, re.MULTILINE):
        yield (
            f"The image cannot install {line}, which has no hash or is a local file: "
            "put its wheel into a package index, see docs/production.md"
        )


def main() -> None:
    """Print every problem, and exit with status 1 if there is one."""
    command = ["poetry", "export", "--without-urls", *sys.argv[1:]]
    result = subprocess.run(  # noqa: S603 - no shell, and the arguments are the Makefile's
        command, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8", check=False
    )
    if result.returncode:
        sys.exit(result.returncode)  # Poetry has printed the reason.
    problems = [*python_problems(), *environment_problems(), *export_problems(result.stdout)]
    sys.exit("\n".join(problems) or 0)


if __name__ == "__main__":
    main()
