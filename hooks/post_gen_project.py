"""Finish the project: drop what it does not need, export. Cookiecutter renders and runs this."""

import sys

if __name__ == "__main__" and not getattr(sys.flags, "safe_path", sys.flags.isolated):
    del sys.path[0]  # The temporary folder, where a stray json.py may lie.

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")
EXPORT = Path("requirements.txt")
SECONDS = 60  # Far more than an export takes; a Poetry that waits for a password gets no longer.


def run_command(*command: str) -> "tuple[bool, str]":
    """Run a command without input and never raise: give whether it passed, and what it said."""
    import subprocess  # Only where there is a Poetry: an import is a good part of a bake's time.

    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="ascii",
            errors="backslashreplace",  # The message is printed on any console.
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, str(error)
    said = (result.stdout + result.stderr).strip()
    if said.startswith("Traceback"):
        said = said.splitlines()[-1]
    said = " ".join(said.split())[:200]  # Poetry says first what is wrong, and then explains.
    return result.returncode == 0, said or f"exit status {result.returncode}"


def drop_other_answers() -> None:
    """Remove what belongs to other applications or deployments only."""
    for pattern, owners in ANSWERS["_belongs_to"].items():
        path = Path(pattern.format(package=ANSWERS["package_name"]))
        if ANSWERS["application"] in owners or ANSWERS["deployment"] in owners:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def find_poetry() -> "tuple[str, ...] | None":
    """The command of a Poetry: beside cookiecutter first, then on PATH."""
    if find_spec("poetry") and find_spec("poetry_plugin_export"):
        return sys.executable, "-m", "poetry"
    on_path = shutil.which("poetry")
    return (on_path,) if on_path else None


def export_requirements() -> str:
    """Export the lock with Poetry, or keep the export that came with it; say which and why."""
    poetry = find_poetry()
    if not poetry:
        return keep("there is no Poetry here")
    # Away from the project: in it, Poetry would first fetch a plugin that it lacks.
    away = str(Path(__file__).parent)
    passed, message = run_command(*poetry, "export", "--help", "--directory", away)
    if not passed:
        return keep(f"`poetry export` does not work here: {message}")
    fresh = EXPORT.with_suffix(".fresh")
    passed, message = run_command(*poetry, "export", "--no-ansi", "--output", str(fresh))
    if passed and fresh.is_file() and fresh.stat().st_size:
        fresh.replace(EXPORT)
        return "exported just now, with Poetry, from poetry.lock"
    fresh.unlink(missing_ok=True)
    return keep(f"`poetry export` failed: {message}")


def keep(reason: str) -> str:
    """Say why the export of the release stands, and how to make it anew; both are the same."""
    return f"""exported at the template's release, from poetry.lock; {reason}
                    pipx install --force poetry && pipx inject poetry poetry-plugin-export
                    poetry export --output {EXPORT}"""


def main() -> None:
    """Finish the project and say what to do next."""
    drop_other_answers()
    how = export_requirements()
    print(f"""
{ANSWERS["project_slug"]}: a {ANSWERS["application"]} on Python {ANSWERS["python_version"]}
  poetry.lock       as tested with the template
  requirements.txt  {how}

Next:
  cd {ANSWERS["project_slug"]}
  git init && git add --all && git commit --message "Start from the template"
  make env && conda activate {ANSWERS["project_slug"]}
  make install check test
  make image
""")


if __name__ == "__main__":
    main()
