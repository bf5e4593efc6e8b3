"""Check that what stands in several files is the same in all of them.

The Python version: `pyproject.toml`, `environment.yml`, `Dockerfile`. The production dependencies:
`poetry.lock`, `requirements.txt`. Ends with 1 and says what mends it where they disagree.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

PYTHON_VERSION = {
    "pyproject.toml": r'^requires-python = ">=(\d+\.\d+),<',
    "environment.yml": r"^  - python=(\d+\.\d+)$",
    "Dockerfile": r"^ARG PYTHON_VERSION=(\d+\.\d+)",
}


def python_problems(root: Path) -> list[str]:
    """Compare the Python versions; `pyproject.toml` is right."""
    versions = {}
    for name, pattern in PYTHON_VERSION.items():
        match = re.search(pattern, (root / name).read_text("utf-8"), re.MULTILINE)
        versions[name] = match[1] if match else "no version"
    right = versions["pyproject.toml"]
    return [
        f"{name} has Python {version}, pyproject.toml has {right}: edit {name}."
        for name, version in versions.items()
        if version != right
    ]


def export_problems(root: Path) -> list[str]:
    """Compare `requirements.txt` with a fresh export of `poetry.lock`."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder, "requirements.txt")
        command = ["poetry", "export", "--output", str(fresh)]
        try:
            result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)  # noqa: S603 - no shell, no input
        except FileNotFoundError:
            return ["Poetry is not on PATH: pipx install poetry"]
        if result.returncode:
            return [f"`poetry export` fails, run it to see why: {result.stderr.strip()}"]
        if fresh.read_bytes() != (root / "requirements.txt").read_bytes():
            return ["requirements.txt is not what poetry.lock says: make requirements"]
    return []


def main() -> int:
    """Print every problem; give the exit status."""
    root = Path(__file__).parents[1]
    problems = python_problems(root) + export_problems(root)
    print(*problems, sep="\n", end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
