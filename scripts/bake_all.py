"""Bake every combination with the cookiecutter of this interpreter, and check that it is complete.

Needs nothing but cookiecutter, so that it runs with any version of it.
"""

import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Bake all combinations, print whether each is complete, and return the exit status."""
    questions = json.loads((ROOT / "cookiecutter.json").read_text("utf-8"))
    failed = 0
    for application, python in itertools.product(
        questions["application"], questions["python_version"]
    ):
        if python in questions["_refused"].get(application, {}):
            continue
        name = f"{application}-py{python}"
        problem = bake(application, python, ROOT / "templates" / "locks" / name)
        print(f"{name}: {problem or 'complete'}")
        failed += bool(problem)
    return 1 if failed else 0


def bake(application: str, python: str, locks: Path) -> str:
    """Bake a combination; return the problem if it fails, or differs from the shipped files."""
    with tempfile.TemporaryDirectory() as folder:
        answers = [f"application={application}", f"python_version={python}"]
        command = [
            sys.executable,
            "-m",
            "cookiecutter",
            "--no-input",
            "--output-dir",
            folder,
            str(ROOT),
            *answers,
        ]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            return result.stdout + result.stderr
        project = next(Path(folder).iterdir())
        for shipped in locks.iterdir():
            if (project / shipped.name).read_bytes() != shipped.read_bytes():
                return f"{shipped.name} is not as shipped"
    return ""


if __name__ == "__main__":
    sys.exit(main())
