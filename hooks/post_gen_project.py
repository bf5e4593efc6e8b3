"""Finish the project: remove unneeded files, export. Cookiecutter renders and runs this file."""

import sys

if __name__ == "__main__" and not getattr(sys.flags, "safe_path", sys.flags.isolated):
    del sys.path[0]  # The temporary folder, which may contain a stray json.py.

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
    """Run a command without input, and never raise: return whether it passed, and its output."""
    import subprocess  # Only if there is a Poetry: the import takes a good part of a bake's time.

    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="ascii",
            errors="backslashreplace",  # The message is printed on any console.
            timeout=60,  # Far more than an export takes, in case Poetry waits for a password.
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, str(error)
    output = (result.stdout + result.stderr).strip()
    if output.startswith("Traceback"):
        output = output.splitlines()[-1]
    output = " ".join(output.split())[:200]  # Poetry names the problem before it explains it.
    return result.returncode == 0, output or f"exit status {result.returncode}"


def remove_unneeded_files() -> None:
    """Remove the files that only belong to other answers."""
    for pattern, owners in ANSWERS["_belongs_to"].items():
        path = Path(pattern.format(package=ANSWERS["package_name"]))
        if not all(ANSWERS[key] in answers for key, answers in owners.items()):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def find_poetry() -> "tuple[str, ...] | None":
    """Return the command of a Poetry: beside cookiecutter, else on PATH, else None."""
    if find_spec("poetry") and find_spec("poetry_plugin_export"):
        return sys.executable, "-m", "poetry"
    return (on_path,) if (on_path := shutil.which("poetry")) else None


def export_requirements() -> str:
    """Export the lock with Poetry, or keep the shipped export; return which, and why."""
    if not (poetry := find_poetry()):
        return keep_message("there is no Poetry here")
    fresh = EXPORT.with_suffix(".fresh")
    try:
        export = ("export", "--no-ansi", "--output", str(fresh), "--without-urls")
        passed, message = run_command(*poetry, *export)
        if passed and fresh.is_file() and fresh.stat().st_size:
            fresh.replace(EXPORT)
            return "exported just now, with Poetry, from poetry.lock"
    finally:
        fresh.unlink(missing_ok=True)
    return keep_message(f"`poetry export` failed: {message}")


def keep_message(reason: str) -> str:
    """Return why the shipped export is kept, and the command that exports again."""
    return f"""exported at the template's release, from poetry.lock; {reason}
                    make poetry
                    poetry export --without-urls --output {EXPORT}"""


def cd_argument() -> str:
    """Return the folder for `cd`, relative to the user's if the shell has exported it."""
    path, shell = str(Path.cwd()), os.environ.get("PWD", "")
    if os.name != "posix":
        return f'"{path}"'
    known = shell == os.path.realpath(shell)  # Below a symbolic link, `..` is another folder.
    return shlex.quote(min(path, os.path.relpath(path, shell), key=len) if known else path)


def print_message(message: str) -> None:
    """Print a message, and never fail, or cookiecutter would remove the project."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        print(message, flush=True)
    except OSError:  # A closed pipe (`| head`) or a full disk: else Python exits with 120.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> None:
    """Finish the project, and print the next steps; Ctrl-C only interrupts the export."""
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    remove_unneeded_files()
    try:
        signal.signal(signal.SIGINT, interrupt)
        how = export_requirements()
    except KeyboardInterrupt:
        how = keep_message("the export was interrupted")
    # Cruft, which defines no `_repo_dir`, updates the project in which it is called.
    if "_repo_dir" in ANSWERS or not Path(os.environ.get("PWD", ""), ".cruft.json").exists():
        print_message(f"""
{ANSWERS["project_slug"]}: a {ANSWERS["application"]} on Python {ANSWERS["python_version"]}
  poetry.lock       as tested with the template
  requirements.txt  {how}

Next:
  cd {cd_argument()}
  git init
  git add --all
  git commit --message "Start from the template"
  make poetry env
  conda activate {ANSWERS["project_slug"]}
  make install check test
  make image
""")


if __name__ == "__main__":
    main()
