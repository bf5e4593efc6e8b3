"""Mutation test for the rules for answers: remove each rule, and check that a test fails.

Works on a copy of the template. Exits with 1 if the tests pass without one of the rules.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOOK, POST, QUESTIONS = "hooks/pre_gen_project.py", "hooks/post_gen_project.py", "cookiecutter.json"
# The fastest first: one failing test is enough.
TESTS = [
    "tests/answers/test_answers.py::test_the_message_of_each_rule_is_the_one_that_was_reviewed",
    "tests/answers/test_hooks.py",
    "tests/answers/test_taken_names.py",
    "tests/rendering/test_occupied_folder.py",
    "tests/answers/test_command_line.py",
    "tests/answers/test_answers.py",
]
CHECKS = {  # Rules that are not a line of a table: their file, their code and its replacement.
    "text only": (HOOK, "not isinstance(answer, str)", "answer is ..."),
    "refused choices": (HOOK, "if choice not in refused]", "]"),
    "choices": (HOOK, "answer not in offered", "False"),
    "names of Python": (HOOK, "*NAMES.get(kind, [])", ""),
    "derived prefix": (
        HOOK,
        'if (prefix := ANSWERS["__env_prefix"]) !=',
        "if (prefix := '') and '' !=",
    ),
    "derived kind": (HOOK, 'if (kind := ANSWERS["__kind"]) !=', "if (kind := '') and '' !="),
    "version of the template": (
        HOOK,
        'if (version := ANSWERS["_version"]) != VERSION',
        'if (version := "")',
    ),
    "files of the user": (HOOK, "os.path.lexists(path)", "False"),
    "room to write": (HOOK, "bytes(2_000_000)", "b''"),
    "slug as it was given": (HOOK, 'ANSWERS["project_slug"] = ANSWERS["__slug"]', "pass"),
    "stray modules, before": (HOOK, "    del sys.path[0]", "    pass"),
    "stray modules, after": (POST, "    del sys.path[0]", "    pass"),
    "quotes of the command": (HOOK, "f'\"{key}={text}\"'", 'f"{key}={text}"'),
    "folder of a bad slug": (QUESTIONS, "cookiecutter.update(", "dict("),
}


def mutations() -> Iterator[tuple[str, str, str]]:
    """Yield the name of each rule, its file, and the text of the file without the rule."""
    hook, questions = ((ROOT / name).read_text("utf-8") for name in (HOOK, QUESTIONS))
    table = hook[hook.index("RULES = [") :].partition("\n]\n")[0]
    for line in table.splitlines()[1:]:
        yield line.strip(), HOOK, hook.replace(line + "\n", "")
    for kind in json.loads(questions)["_taken_names"]:
        without = re.sub(rf'    "{kind}": \{{[^}}]*\}},?\n', "", questions)
        yield f"names: {kind}", QUESTIONS, re.sub(r",(\s*\})", r"\1", without)
    for name, (file, old, new) in CHECKS.items():
        text = (ROOT / file).read_text("utf-8")
        if text.count(old) != 1:
            raise RuntimeError(f"{file} does not hold {old!r} once: fix CHECKS.")
        yield name, file, text.replace(old, new)


def first_failure(folder: Path) -> str:
    """Run the tests; return the name of the first that fails, or an empty string."""
    for tests in TESTS:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", tests]
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        failed = re.search(r"^(?:FAILED|ERROR) \S+?::(\w+)", result.stdout, re.MULTILINE)
        if failed:
            return failed[1]
        if result.returncode:
            raise RuntimeError(result.stdout + result.stderr)
    return ""


def main() -> int:
    """Print which test detects the removal of each rule; return the exit status."""
    survivors = 0
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base) / "template"
        ignored = shutil.ignore_patterns(".git", ".venv*", ".*_cache", ".hypothesis", "__pycache__")
        shutil.copytree(ROOT, folder, ignore=ignored)
        if failed := first_failure(folder):
            raise RuntimeError(f"{failed} fails with every rule in place.")
        for name, file, text in mutations():
            (folder / file).write_text(text, "utf-8")
            failed = first_failure(folder)
            survivors += not failed
            print(f"{name}\n    {failed or 'SURVIVED: no test fails'}", flush=True)
            shutil.copyfile(ROOT / file, folder / file)
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
