"""Pin the Poetry of the projects to that of the template's own lock: part of `make renew`."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = ROOT / "{{cookiecutter.project_slug}}"
FILES = [PROJECT / name for name in ("Dockerfile", "Makefile", "pyproject.toml")]


def pin(text: str) -> str:
    """Return the text of a file with the locked versions, and with the hash of the wheel."""
    lock = tomllib.loads((ROOT / "poetry.lock").read_text("utf-8"))
    for package in lock["package"]:
        name, version = package["name"], package["version"]
        if name in {"poetry", "poetry-core", "poetry-plugin-export"}:
            (wheel,) = (it for it in package["files"] if it["file"].endswith(".whl"))
            text = re.sub(rf"(?<![\w-]){name}==[\w.]+", f"{name}=={version}", text)
            text = re.sub(rf"({name}==\S+ --hash=)[\w:]+", rf"\g<1>{wheel['hash']}", text)
    return text


def main() -> None:
    """Update the files."""
    for path in FILES:
        path.write_text(pin(path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
