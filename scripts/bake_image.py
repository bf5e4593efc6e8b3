"""Bake a project with the default answers and build its image: `make image`."""

import subprocess
import sys
import tempfile
from pathlib import Path

from cookiecutter.main import cookiecutter

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Give the exit status of `docker build`, which speaks for itself."""
    with tempfile.TemporaryDirectory() as folder:
        project = cookiecutter(str(ROOT), no_input=True, output_dir=folder)
        return subprocess.run(["make", "image"], cwd=project, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
