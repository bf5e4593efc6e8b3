"""List the changes in all locks since the last commit: part of `make renew`.

The script of a project does that for one lock. It runs in a project of each combination, with the
packages of the lock installed in a folder, because their metadata has the changelogs.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts import relock, taken_names

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "{{cookiecutter.project_slug}}" / "scripts" / "renewal.py"


def git(*arguments: str) -> str:
    """Return the output of git."""
    command = ["git", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def table(project: Path, old: str, packages: str = "") -> list[str]:
    """Return the lines that a project's script prints; `packages` has the installed packages."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    result = subprocess.run(
        [sys.executable, SCRIPT],
        cwd=project,
        env=os.environ | {"PATH": path, "PYTHONPATH": packages},
        input=old,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return result.stdout.splitlines()


def lock_table(name: str) -> list[str]:
    """Return the table of a lock of the template."""
    old = git("show", f"HEAD:{name}")
    lock = ROOT / name
    if lock.parent == ROOT:
        return table(ROOT, old)
    application, _, python = lock.parent.name.rpartition("-py")
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as packages:
        project = relock.bake(application, python, Path(folder))
        shutil.copy(lock, project)
        taken_names.install(lock, Path(packages))
        return table(project, old, packages)


def main() -> None:
    """Print one table for all locks, with a row for each changed package."""
    changed = git("diff", "--name-only", "HEAD", "--", "*poetry.lock").splitlines()
    tables = [lock_table(name) for name in changed]
    heading = tables[0][:2] if tables else []
    rows = {row for lines in tables for row in lines[2:]}
    print("\n".join([*heading, *sorted(rows)]))


if __name__ == "__main__":
    main()
