"""The hooks as programs, on every Python that cookiecutter may run on."""

import ast
import json
import re
import sys
from pathlib import Path

import pytest

from tests.helpers.answers import (
    CHOICES,
    HOOKS,
    KEYS,
    each_python,
    hook_namespace,
    load,
    prompt_context,
    render,
    replay_context,
    without_defaults,
)
from tests.helpers.harness import QUESTIONS, SLUG, python_command, run

each_hook = pytest.mark.parametrize("hook", sorted(HOOKS))

# Runs every hook in a folder, each in a working directory of its own, and prints the results.
DRIVER = """
import json, os, pathlib, subprocess, sys
results = {}
for script in sorted(pathlib.Path(sys.argv[1]).glob("*.hook.py")):
    folder = script.with_suffix(".folder")
    folder.mkdir()
    result = subprocess.run([sys.executable, script], cwd=folder, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env={**os.environ, "PATH": ""})
    results[script.name] = [result.returncode, result.stderr.decode(), os.listdir(folder)]
print(json.dumps(results))
"""
STRAY = "import pathlib; pathlib.Path(__file__).with_name('executed').touch()\n"


@each_python
def test_the_hooks_run_on_this_python_beside_stray_modules(python: str, tmp_path: Path) -> None:
    reviewed = load("messages")
    for number, entry in enumerate(reviewed):
        context = replay_context(entry["answers"])
        context |= {"_output_dir": "OUTPUT", "_template": "TEMPLATE"}
        context["project_slug"] = entry["answers"].get("project_slug", SLUG)
        (tmp_path / f"{number}.hook.py").write_text(render("pre_gen_project", context))
    valid = prompt_context({"project_name": "Ärger & Co 100 %"})
    valid |= {"_template": ".", "_output_dir": "."}
    (tmp_path / "pre.hook.py").write_text(render("pre_gen_project", valid))
    (tmp_path / "post.hook.py").write_text(render("post_gen_project", valid))
    driver = tmp_path / "driver" / "driver.py"
    driver.parent.mkdir()
    driver.write_text(DRIVER)
    for module in ("json", "re", "os", "tempfile", "typing", "pathlib", "subprocess", "shutil"):
        (tmp_path / f"{module}.py").write_text(STRAY)

    results = json.loads(run(*python_command(python, tmp_path), driver, tmp_path).stdout)

    assert results.pop("pre.hook.py") == [0, "", []]
    assert results.pop("post.hook.py") == [0, "", []]
    assert len(results) == len(reviewed)
    for number, entry in enumerate(reviewed):
        status, errors, files = results[f"{number}.hook.py"]
        expected: tuple[int, str, list[str]] = (1, entry["message"].strip(), [])
        assert (status, without_defaults(errors).strip(), files) == expected
    assert not (tmp_path / "executed").exists()


@each_hook
def test_a_hook_imports_the_standard_library_only(hook: str) -> None:
    tree = ast.parse(HOOKS[hook].read_text("utf-8"))
    imported = [
        node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert imported
    assert {str(name).partition(".")[0] for name in imported} <= sys.stdlib_module_names


@each_hook
def test_a_hook_gets_the_answers_through_tojson_only(hook: str) -> None:
    text = HOOKS[hook].read_text("utf-8")

    assert re.findall(r"\{[{%#].*", text) == ['{{ cookiecutter | tojson }}""")']


def test_both_hooks_have_at_most_280_lines() -> None:
    assert sum(len(path.read_text("utf-8").splitlines()) for path in HOOKS.values()) <= 280


def test_the_hook_knows_each_question_by_its_label() -> None:
    prompts = {
        key: prompt if isinstance(prompt, str) else prompt["__prompt__"]
        for key, prompt in QUESTIONS["__prompts__"].items()
    }

    assert {key: label for key, label, *_ in QUESTIONS["_questions"]} == prompts
    assert [key for key, *_ in QUESTIONS["_questions"]] == KEYS


def test_the_hook_knows_every_choice() -> None:
    offered = {key: choices for key, _, *choices in QUESTIONS["_questions"] if len(choices) > 1}

    assert offered == {key: QUESTIONS[key] for key in CHOICES}


def test_every_suggestion_is_valid() -> None:
    hook = hook_namespace(replay_context({}))
    answers = [*[one for group in load("hostile") for one in group["answers"]], "x" * 300, "日本"]

    for key in KEYS:
        for answer in answers:
            suggestion = hook["suggest"](key, answer)
            assert hook["broken_rule"](key, suggestion) == ""


def test_every_default_that_follows_from_the_name_is_valid() -> None:
    for name in ("My Application", "x" * 80, "🚀", "7", "word " * 15 + "end", "a" * 39 + " b"):
        context = prompt_context({"project_name": name.strip()})
        hook = hook_namespace(context)
        assert [hook["broken_rule"](key, context[key]) for key in KEYS] == [""] * len(KEYS)
