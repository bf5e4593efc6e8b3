"""Bake a project with the default answers, and run make in it, such as `make image`."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from cookiecutter.main import cookiecutter

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Pass the arguments to make, and return its exit status."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with tempfile.TemporaryDirectory() as folder:
        project = cookiecutter(str(ROOT), no_input=True, output_dir=folder)
        return subprocess.run(
            ["make", *sys.argv[1:]], cwd=project, env=os.environ | {"PATH": path}, check=False
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
