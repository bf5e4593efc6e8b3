"""Check that what stands in several files is the same in all of them.

The Python version: in `pyproject.toml`, `environment.yml`, the `Dockerfile`, the workflows of CI,
and of the environment that is active. The packages: in `poetry.lock` and `requirements.txt`, and
none of them in `environment.yml`. Ends with 1 where they disagree, and says what mends it.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

# How each file names the version, and the command that applies a change of it.
PYTHON_VERSION = {
    "environment.yml": ("  - python={}", "make env install"),
    "Dockerfile": ("ARG PYTHON_VERSION={}", "make image"),
}
# CI makes its Python from environment.yml; a workflow that names one has to name the same.
IN_A_WORKFLOW = r"""^[^#\n]*\bpython(?:-version)?\s*[:=][\s\["']*(\d+\.\d+)"""
IN_THE_ENVIRONMENT = r"^ +- (?:\S+::)?([\w.-]+)"


def python_problems(root: Path) -> list[str]:
    """Compare the Python versions; `pyproject.toml` is right."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    right = re.findall(r"\d+\.\d+", project["requires-python"])[0]
    return [
        f"{name} has Python {version}, pyproject.toml has {right}: {remedy}"
        for name, version, remedy in python_versions(root, right)
        if version != right
    ]


def python_versions(root: Path, right: str) -> Iterator[tuple[str, str, str]]:
    """Give what names a Python version or runs one, that version, and how to make it right."""
    for name, (line, command) in PYTHON_VERSION.items():
        pattern = re.escape(line).replace(r"\{\}", r"(\d+\.\d+)\b")
        found = re.search(f"^{pattern}", (root / name).read_text("utf-8"), re.MULTILINE)
        remedy = f"edit {name} to `{line.format(right).strip()}`, then run: {command}"
        yield name, found[1] if found else "without a version", remedy
    for path in sorted(root.glob(".github/workflows/*.y*ml")):
        name = path.relative_to(root).as_posix()
        for version in re.findall(IN_A_WORKFLOW, path.read_text("utf-8"), re.MULTILINE):
            yield name, version, f"edit {name}"
    active = "{}.{}".format(*sys.version_info)
    yield "The active environment", active, "run: make env install"


def environment_problems(root: Path) -> list[str]:
    """Find what Conda and Poetry would both install, each over the other."""
    lock = tomllib.loads((root / "poetry.lock").read_text("utf-8"))
    locked = {package["name"] for package in lock["package"]}
    environment = (root / "environment.yml").read_text("utf-8")
    return [
        f"environment.yml has {name}, which is Poetry's: edit it, then run: make env install"
        for name in re.findall(IN_THE_ENVIRONMENT, environment, re.MULTILINE)
        if name.replace("_", "-").lower() in locked
    ]


def export_problems(root: Path) -> list[str]:
    """Compare `requirements.txt` with a fresh export of `poetry.lock`.

    It may hold the optional groups as well, or leave them out.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    groups = project["tool"]["poetry"].get("group", {})
    optional = [name for name, group in groups.items() if group.get("optional")]
    stored = root / "requirements.txt"
    for options in [[], ["--with", ",".join(optional)]] if optional else [[]]:
        with tempfile.TemporaryDirectory() as folder:
            fresh = Path(folder, "requirements.txt")
            command = ["poetry", "export", *options, "--output", str(fresh)]
            try:
                result = subprocess.run(  # noqa: S603 - no shell, no input
                    command, cwd=root, capture_output=True, text=True, check=False
                )
            except FileNotFoundError:
                return ["Poetry is not on PATH: pipx install poetry"]
            if result.returncode:
                return [f"`poetry export` fails, run it to see why: {result.stderr.strip()}"]
            if stored.exists() and stored.read_text("utf-8") == fresh.read_text("utf-8"):
                return []
    return ["requirements.txt is not what poetry.lock says: make requirements"]


def main() -> int:
    """Print every problem; give the exit status."""
    root = Path(__file__).parents[1]
    problems = python_problems(root) + environment_problems(root) + export_problems(root)
    print(*problems, sep="\n", end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
