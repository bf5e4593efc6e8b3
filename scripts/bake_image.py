"""Bake a project with the default answers and make targets of it: `make image`, `make smoke`."""

import subprocess
import sys
import tempfile
from pathlib import Path

from cookiecutter.main import cookiecutter

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Give the exit status of make, which speaks for itself; the arguments are make's."""
    with tempfile.TemporaryDirectory() as folder:
        project = cookiecutter(str(ROOT), no_input=True, output_dir=folder)
        return subprocess.run(["make", *sys.argv[1:]], cwd=project, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
