"""Update the lock of every application and Python version: `make locks`.

Each combination is rendered, locked with the newest versions that its `pyproject.toml` allows, and
exported; both files are stored in `templates/locks/`. If that fails, its files stay as they are.

Poetry is used as a library: `poetry lock` needs an interpreter of the project's version, but the
resolver only needs its number. So one Python locks for all of them.
"""

import argparse
import io
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

from cleo.io.buffered_io import BufferedIO
from cookiecutter.main import cookiecutter
from poetry.factory import Factory
from poetry.installation.installer import Installer
from poetry.utils.env import MockEnv

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / "templates" / "locks"
FILES = ("poetry.lock", "requirements.txt")


def combinations() -> list[tuple[str, str]]:
    """Return every application with every Python version that `cookiecutter.json` offers."""
    questions = json.loads((ROOT / "cookiecutter.json").read_text("utf-8"))
    every = itertools.product(questions["application"], questions["python_version"])
    return [(it, python) for it, python in every if python not in questions["_refused"].get(it, {})]


def relock(application: str, python: str) -> bool:
    """Lock and export a combination; return whether its files have changed.

    Raises:
        Exception: Poetry's; nothing is stored then.
    """
    stored = LOCKS / f"{application}-py{python}"
    with tempfile.TemporaryDirectory() as folder:
        project = bake(application, python, Path(folder))
        lock(project, python)
        subprocess.run(
            [sys.executable, "-m", "poetry", "export", "--output", "requirements.txt"],
            cwd=project,
            check=True,
        )
        before = [(stored / name).read_bytes() for name in FILES if (stored / name).exists()]
        after = [(project / name).read_bytes() for name in FILES]
        stored.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            shutil.copyfile(project / name, stored / name)
    return before != after


def bake(application: str, python: str, folder: Path) -> Path:
    """Render a project of a combination, without a lock, into `folder`."""
    # Rendering needs the files, which a new combination does not have yet.
    template = folder / "template"
    shutil.copytree(ROOT, template, ignore=shutil.ignore_patterns(".*", "tests", "benchmarks"))
    for name in FILES:
        empty = template / "templates" / "locks" / f"{application}-py{python}" / name
        empty.parent.mkdir(parents=True, exist_ok=True)
        empty.write_text("")
    with redirect_stdout(io.StringIO()):
        project = cookiecutter(
            str(template),
            no_input=True,
            accept_hooks=False,
            output_dir=str(folder),
            extra_context={"application": application, "python_version": python},
        )
    (Path(project) / "poetry.lock").unlink()
    return Path(project)


def lock(project: Path, python: str) -> None:
    """Resolve the project's dependencies to their newest versions and write `poetry.lock`."""
    output = BufferedIO()
    poetry = Factory().create_poetry(project, io=output)
    major, minor = map(int, python.split("."))
    environment = MockEnv((major, minor, 0))
    installer = Installer(
        output, environment, poetry.package, poetry.locker, poetry.pool, poetry.config
    )
    installer.lock(update=True)
    if installer.run():
        raise RuntimeError(output.fetch_output() + output.fetch_error())


def main() -> int:
    """Lock the given combinations, or all; return 1 if one of them fails."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("only", nargs="*", help="such as web-api-py3.14; every combination if none")
    known = {"-py".join(combination): combination for combination in combinations()}
    chosen = parser.parse_args().only or list(known)
    if unknown := set(chosen) - set(known):
        parser.error(f"no combination {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    failed = []
    for name in chosen:
        try:
            changed = relock(*known[name])
        except Exception as error:  # noqa: BLE001 - the others can still be locked
            failed.append(name)
            print(f"{name}: FAILED, lock unchanged: {error}")
        else:
            print(f"{name}: {'updated' if changed else 'unchanged'}")
    if failed:
        print(f"{len(failed)} of {len(chosen)} failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
