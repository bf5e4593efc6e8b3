"""Tag the version of `pyproject.toml`: `make release`, which runs the checks and tests first.

With `--check` it only reports problems, so that they are known before the tests run.
Versions are dates: year, month, and a number within the month, such as 2026.11.0.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def problems(root: Path, version: str) -> list[str]:
    """Return what has to be fixed before this version can be tagged, and how."""
    if not re.fullmatch(r"20\d\d\.([1-9]|1[0-2])\.\d+", version):
        return [f"{version} is not a version such as 2026.11.0: edit pyproject.toml."]
    found = []
    recorded = json.loads((root / "cookiecutter.json").read_text("utf-8"))["_version"]
    if recorded != version:
        found.append(f"cookiecutter.json records {recorded}: set _version to {version}.")
    if f'\nVERSION = "{version}"' not in (root / "hooks/pre_gen_project.py").read_text("utf-8"):
        found.append(f"hooks/pre_gen_project.py has another version: set VERSION to {version}.")
    _, newest, *_ = [*(root / "CHANGELOG.md").read_text("utf-8").split("\n## ", 2), ""]
    title, _, text = newest.partition("\n")
    if title != version or not text.strip():
        found.append(f"CHANGELOG.md does not begin with {version}: write what has changed.")
    if (branch := git(root, "branch", "--show-current")) != "main":
        found.append(
            f"Releases are tagged on main, not on {branch or 'no branch'}: git switch main."
        )
    if git(root, "status", "--porcelain"):
        found.append("There are changes that are not committed: git commit.")
    if version in tags(root):
        found.append(f"The tag {version} already exists: raise the version in pyproject.toml.")
    elif later := [tag for tag in tags(root) if sort_key(tag) > sort_key(version)]:
        found.append(f"{later[0]} is tagged, which is later: raise the version in pyproject.toml.")
    return found


def tags(root: Path) -> list[str]:
    """Return the tagged versions."""
    return git(root, "tag", "--list", "20*").splitlines()


def sort_key(version: str) -> list[int]:
    """Return a sort key for a version: 2026.2.0 is before 2026.11.0."""
    return [int(part) for part in re.findall(r"\d+", version)]


def git(root: Path, *arguments: str) -> str:
    """Return the output of git; exit with its error message if it fails."""
    command = ["git", *arguments]
    result = subprocess.run(command, cwd=root, check=False, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(command)}: {result.stderr.strip()}")
    return result.stdout.strip()


def main() -> int:
    """Create the tag, or print the problems; return the exit status."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    version = str(project["version"])
    if found := problems(ROOT, version):
        print(*found, sep="\n")
        return 1
    if "--check" in sys.argv[1:]:
        return 0
    git(ROOT, "tag", "--annotate", "--message", f"Version {version}", version)
    print(f"Tagged. Publish it with: git push --atomic origin main {version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
