"""Print how `poetry.lock` differs from the lock on standard input, in Markdown: `make renew`.

The age comes from the package index, and the link to the changelog from the installed package. A
cell is empty where they do not provide them.
"""

import re
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

# The labels of links to a changelog, as normalized by the specification:
# https://packaging.python.org/en/latest/specifications/well-known-project-urls/
CHANGELOG = {"changelog", "changes", "history", "releasenotes", "whatsnew"}
# For this format, Poetry looks up the upload times; those of the last lock are in its cache.
EXPORT = ("poetry", "export", "--format", "pylock.toml", "--all-groups", "--all-extras")


def versions(lock: str) -> dict[str, str]:
    """Return the version of each package, or its versions if markers choose between them."""
    found: dict[str, str] = {}
    for package in tomllib.loads(lock).get("package", []):
        name, version = package["name"], package["version"]
        found[name] = f"{found[name]}, {version}" if name in found else version
    return found


def ages() -> dict[str, int]:
    """Return how many days old the newest file of each package is, where that is known."""
    result = subprocess.run(EXPORT, stdout=subprocess.PIPE, encoding="utf-8", check=False)  # noqa: S603 - no shell
    now, found = datetime.now(UTC), {}
    for package in tomllib.loads(result.stdout).get("packages", []):
        files = [*package.get("wheels", []), package.get("sdist", {})]
        if uploads := [file["upload-time"] for file in files if "upload-time" in file]:
            found[package["name"]] = (now - max(uploads)).days
    return found


def changelog(name: str) -> str:
    """Return a link to the changelog of an installed package, or nothing."""
    try:
        urls = metadata(name).get_all("Project-URL", [])
    except PackageNotFoundError:
        return ""
    for label, _, url in (one.partition(", ") for one in urls):
        if re.sub(r"[\W_]", "", label).lower() in CHANGELOG:
            return f"[changelog]({url})"
    return ""


def main() -> None:
    """Print a row for each package that differs."""
    old = versions(sys.stdin.read())
    new = versions(Path("poetry.lock").read_text("utf-8"))
    changed = sorted(name for name in old | new if old.get(name) != new.get(name))
    age = ages() if changed else {}
    print("| package | from | to | age in days | changelog |")
    print("|---|---|---|---|---|")
    for name in changed:
        cells = [name, old.get(name, ""), new.get(name, ""), age.get(name, ""), changelog(name)]
        print(f"| {' | '.join(map(str, cells))} |")


if __name__ == "__main__":
    main()
