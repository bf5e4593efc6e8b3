"""Finish the project: drop what it does not need, export. Cookiecutter renders and runs this."""

import sys

if __name__ == "__main__" and not getattr(sys.flags, "safe_path", sys.flags.isolated):
    del sys.path[0]  # The temporary folder, where a stray json.py may lie.

import json
import os
import shlex
import shutil
import signal
from importlib.util import find_spec
from io import TextIOWrapper
from pathlib import Path

ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")
EXPORT = Path("requirements.txt")


def run_command(*command: str) -> "tuple[bool, str]":
    """Run a command without input and never raise: return whether it passed, and its output."""
    import subprocess  # Only where there is a Poetry: an import is a good part of a bake's time.

    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="ascii",
            errors="backslashreplace",  # The message is printed on any console.
            timeout=60,  # Far more than an export takes, for a Poetry that waits for a password.
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
    """Remove the files that belong to other answers only."""
    for pattern, owners in ANSWERS["_belongs_to"].items():
        path = Path(pattern.format(package=ANSWERS["package_name"]))
        if not all(ANSWERS[key] in answers for key, answers in owners.items()):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def find_poetry() -> "tuple[str, ...] | None":
    """The command of a Poetry: beside cookiecutter first, then on PATH."""
    if find_spec("poetry") and find_spec("poetry_plugin_export"):
        return sys.executable, "-m", "poetry"
    return (on_path,) if (on_path := shutil.which("poetry")) else None


def export_requirements() -> str:
    """Export the lock with Poetry, or keep the export that came with it; say which and why."""
    if not (poetry := find_poetry()):
        return keep("there is no Poetry here")
    fresh = EXPORT.with_suffix(".fresh")
    try:
        export = ("export", "--no-ansi", "--output", str(fresh), "--without-urls")
        passed, message = run_command(*poetry, *export)
        if passed and fresh.is_file() and fresh.stat().st_size:
            fresh.replace(EXPORT)
            return "exported just now, with Poetry, from poetry.lock"
    finally:
        fresh.unlink(missing_ok=True)
    return keep(f"`poetry export` failed: {message}")


def keep(reason: str) -> str:
    """Return why the released export is kept, and the command that exports again."""
    return f"""exported at the template's release, from poetry.lock; {reason}
                    make poetry && poetry export --without-urls --output {EXPORT}"""


def folder() -> str:
    """Return the project's folder for `cd`, relative to where the user is if the shell says so."""
    path, shell = str(Path.cwd()), os.environ.get("PWD", "")
    if os.name != "posix":
        return f'"{path}"'
    known = shell == os.path.realpath(shell)  # Behind a link, `..` is another folder.
    return shlex.quote(min(path, os.path.relpath(path, shell), key=len) if known else path)


def say(message: str) -> None:
    """Print, and never fail: cookiecutter would remove the project."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        print(message, flush=True)
    except OSError:  # A closed pipe (`| head`), a full disk: without this, Python exits with 120.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> None:
    """Finish the project and say what to do next; Ctrl-C stops nothing but the export."""
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    drop_other_answers()
    try:
        signal.signal(signal.SIGINT, interrupt)
        how = export_requirements()
    except KeyboardInterrupt:
        how = keep("the export was interrupted")
    if not Path(os.environ.get("PWD", ""), ".cruft.json").exists():  # Else cruft updates it.
        say(f"""
{ANSWERS["project_slug"]}: a {ANSWERS["application"]} on Python {ANSWERS["python_version"]}
  poetry.lock       as tested with the template
  requirements.txt  {how}

Next:
  cd {folder()}
  git init && git add --all && git commit --message "Start from the template"
  make env && conda activate {ANSWERS["project_slug"]}
  make install check test
  make image
""")


if __name__ == "__main__":
    main()
