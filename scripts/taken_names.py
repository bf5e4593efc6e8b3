"""Write the names that the packages of the locks take into `cookiecutter.json`: see `make locks`.

A project with the name of a package in its lock cannot be locked or imported; one with the name of
a package's command replaces that command. Only its wheel says how a package is imported and which
commands it has. So every lock is installed, and the installed metadata is read. A package is
written as one name if all of these are the same, and else as `distribution=import,command`.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from importlib.metadata import Distribution, distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
QUESTIONS = ROOT / "cookiecutter.json"
MODULES = (".py", ".so", ".pyd")


def normalize(name: str) -> str:
    """Return the normalized name of a distribution."""
    return re.sub(r"[-_.]+", "-", name).lower()


def install(lock: Path, folder: Path) -> None:
    """Install every package of a lock into `folder`, for the lock's Python version."""
    packages = tomllib.loads(lock.read_text("utf-8"))["package"]
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", str(folder)]
    options = ["--no-deps", "--only-binary", ":all:"]
    python = ["--python-version", lock.parent.name.rpartition("-py")[2]]
    pins = [f"{package['name']}=={package['version']}" for package in packages]
    subprocess.run([*uv, *options, *python, *pins], check=True)


def distribution_names(distribution: Distribution) -> set[str]:
    """Return the import names and the commands of an installed distribution."""
    names = {one.name for one in distribution.entry_points.select(group="console_scripts")}
    for file in distribution.files or []:
        name, *inside = file.parts
        if inside or file.suffix in MODULES:
            names.add(name if inside else name.partition(".")[0])
    # Other names cannot be an answer.
    return {normalize(name) for name in names if re.fullmatch(r"[a-zA-Z][\w-]*", name)} - {"bin"}


def locked_names() -> dict[str, set[str]]:
    """Return the names that each locked distribution takes besides its own."""
    names = defaultdict[str, set[str]](set)
    for lock in sorted(ROOT.glob("templates/locks/*/poetry.lock")):
        with tempfile.TemporaryDirectory() as folder:
            install(lock, Path(folder))
            for distribution in distributions(path=[folder]):
                own = normalize(distribution.name)
                names[own] |= distribution_names(distribution) - {own}
    return names


def main() -> None:
    """Update the names in `cookiecutter.json`."""
    words = [
        f"{own}={','.join(sorted(others))}" if others else own
        for own, others in sorted(locked_names().items())
    ]
    text = QUESTIONS.read_text("utf-8")
    text, count = re.subn(
        r'("locks": \{[^}]*"names": )"[^"]*"', lambda match: f'{match[1]}"{" ".join(words)}"', text
    )
    if count != 1:
        raise RuntimeError(f"{QUESTIONS} has {count} places for the names of the locks.")
    QUESTIONS.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
