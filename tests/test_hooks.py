"""The hooks as programs: on every Python that cookiecutter may run on, in any folder."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from cookiecutter.generate import generate_context
from cookiecutter.prompt import prompt_for_config
from scripts.taken_names import names_of, normal
from tests.answering import (
    CHOICES,
    HOOKS,
    KEYS,
    bake,
    load,
    render,
    replayed,
    typed,
    without_defaults,
)
from tests.harness import (
    QUESTIONS,
    ROOT,
    SLUG,
    docker_problem,
    interpreter,
    run,
    tool,
    unavailable,
)

TAKEN = QUESTIONS["_taken_names"]
each_python = pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13", "3.14"])
each_hook = pytest.mark.parametrize("hook", sorted(HOOKS))

# Runs every hook that stands beside it, each in a folder of its own, and prints what they said.
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


def program(python: str, folder: Path) -> list[str | Path]:
    """How to run a script of this folder with a Python of this version; Docker has every one."""
    found = interpreter(python)
    if found:
        return [found, "-S"]
    if problem := docker_problem():
        unavailable(f"There is no Python {python}, and no {problem}", required=False)
    mount = ["docker", "run", "--rm", "--network", "none", "--volume", f"{folder}:{folder}"]
    return [*mount, "--user", f"{os.getuid()}", f"python:{python}-slim-trixie", "python", "-S"]


@each_python
def test_the_hooks_run_on_this_python_beside_stray_modules(python: str, tmp_path: Path) -> None:
    reviewed = load("messages")
    for number, entry in enumerate(reviewed):
        context = replayed(entry["answers"]) | {"_output_dir": "OUTPUT", "_template": "TEMPLATE"}
        context["project_slug"] = entry["answers"].get("project_slug", SLUG)
        (tmp_path / f"{number}.hook.py").write_text(render("pre_gen_project", context))
    good = typed({"project_name": "Ärger & Co 100 %"}) | {"_template": ".", "_output_dir": "."}
    (tmp_path / "pre.hook.py").write_text(render("pre_gen_project", good))
    (tmp_path / "post.hook.py").write_text(render("post_gen_project", good))
    driver = tmp_path / "driver" / "driver.py"
    driver.parent.mkdir()
    driver.write_text(DRIVER)
    for module in ("json", "re", "os", "tempfile", "typing", "pathlib", "subprocess", "shutil"):
        (tmp_path / f"{module}.py").write_text(STRAY)

    results = json.loads(run(*program(python, tmp_path), driver, tmp_path).stdout)

    assert results.pop("pre.hook.py") == [0, "", []]
    assert results.pop("post.hook.py") == [0, "", []]
    assert len(results) == len(reviewed)
    for number, entry in enumerate(reviewed):
        status, said, left = results[f"{number}.hook.py"]
        expected: tuple[int, str, list[str]] = (1, entry["message"].strip(), [])
        assert (status, without_defaults(said).strip(), left) == expected
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
def test_a_hook_takes_answers_through_tojson_only(hook: str) -> None:
    text = HOOKS[hook].read_text("utf-8")

    assert re.findall(r"\{[{%#].*", text) == ['{{ cookiecutter | tojson }}""")']


def test_both_hooks_have_at_most_250_lines() -> None:
    assert sum(len(path.read_text("utf-8").splitlines()) for path in HOOKS.values()) <= 250


def test_the_hook_knows_each_question_by_its_label() -> None:
    prompts = {
        key: prompt if isinstance(prompt, str) else prompt["__prompt__"]
        for key, prompt in QUESTIONS["__prompts__"].items()
    }

    assert {key: label for key, label, _ in QUESTIONS["_questions"]} == prompts
    assert [key for key, *_ in QUESTIONS["_questions"]] == KEYS


def test_the_hook_offers_what_the_questions_offer() -> None:
    namespace = module(replayed({}))

    for key in CHOICES:
        offered = [pattern for keys, pattern, _ in namespace["RULES"] if keys == key]
        assert [one.replace("\\", "").split("|") for one in offered] == [QUESTIONS[key]]


def module(context: dict[str, Any]) -> dict[str, Any]:
    """What is defined in the hook that checks the answers, without running it."""
    namespace: dict[str, Any] = {"__name__": "pre_gen_project"}
    exec(render("pre_gen_project", context), namespace)  # noqa: S102 - the template's own code
    return namespace


def test_what_is_suggested_is_good() -> None:
    hook = module(replayed({}))
    answers = [*[one for group in load("hostile") for one in group["answers"]], "x" * 300, "日本"]

    for key in KEYS:
        for answer in answers:
            suggestion = hook["suggest"](key, answer)
            assert hook["broken_rule"](key, suggestion) == ""


def test_a_proposed_answer_is_good() -> None:
    for name in ("My Application", "x" * 80, "🚀", "7", "word " * 15 + "end", "a" * 39 + " b"):
        context = typed({"project_name": name.strip()})
        hook = module(context)
        assert [hook["broken_rule"](key, context[key]) for key in KEYS] == [""] * len(KEYS)


def test_every_name_of_every_lock_is_taken() -> None:
    locked = {
        normal(package["name"])
        for lock in ROOT.glob("templates/locks/*/poetry.lock")
        for package in tomllib.loads(lock.read_text("utf-8"))["package"]
    }

    taken = dict(word.partition("=")[::2] for word in TAKEN["locks"]["names"].split())

    assert set(taken) == locked, "Run scripts/taken_names.py, as `make locks` does."
    seen = 0
    for name, others in taken.items():
        try:
            here = names_of(distribution(name))
        except PackageNotFoundError:
            continue
        seen += 1
        # The versions differ from those of the locks, so a name more or less is no fault.
        assert here & {name, *others.split(",")}, name
    assert seen > 20


@pytest.mark.parametrize("python", QUESTIONS["python_version"])
def test_every_word_and_module_of_this_python_is_taken(python: str, tmp_path: Path) -> None:
    script = tmp_path / "names.py"
    script.write_text(
        "import builtins, json, keyword, sys\n"
        "words = [*keyword.kwlist, *keyword.softkwlist, *filter(str.islower, dir(builtins))]\n"
        "print(json.dumps([words, sorted(sys.stdlib_module_names)]))\n"
    )

    command = [argument for argument in program(python, tmp_path) if argument != "-S"]
    words, modules = json.loads(run(*command, script).stdout)

    for names, kind in ((words, "language"), (modules, "library")):
        public = {normal(name) for name in names if not name.startswith("_")}
        assert public - set(TAKEN[kind]["names"].split()) == set()


def test_the_names_that_are_taken_are_written_in_their_one_spelling() -> None:
    for kind in TAKEN.values():
        names = re.split("[ =,]", kind["names"])
        assert [name for name in names if name != normal(name)] == []


def test_an_existing_project_is_untouched_by_wrong_answers(tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    assert bake(typed({}), folder).project
    before = contents(folder)

    outcome = bake(typed({"author_email": "x", "package_name": "class"}), folder, overwrite=True)

    assert "E-mail of the author" in outcome.message
    assert "--overwrite-if-exists" in outcome.message
    assert contents(folder) == before


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    "path", ["data/mine.csv", "src/my_application/job.py", "tests/test_job.py"]
)
def test_a_file_of_the_user_is_not_dropped_as_another_applications(
    path: str, tmp_path: Path
) -> None:
    folder = tmp_path / "sandbox"
    mine = folder / "out" / SLUG / path
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")

    outcome = bake(typed({"application": "web-api"}), folder, overwrite=True)

    assert "Folder" in outcome.message
    assert "It belongs to other answers: it would be lost." in outcome.message
    assert [name for name, _ in contents(folder).items()] == [f"out/{SLUG}/{path}"]


def test_a_project_of_another_application_is_refused_folder_by_folder(tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    assert bake(typed({"application": "web-api"}), folder).project
    before = contents(folder)

    outcome = bake(typed({"application": "job"}), folder, overwrite=True)

    given = re.findall(r"^  given  (.*)$", outcome.message, re.MULTILINE)
    assert given == ["'src/my_application/api'", "'tests/api'"]
    assert contents(folder) == before


def test_an_existing_project_of_the_same_application_is_rendered_again(tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    assert bake(typed({"application": "job"}), folder).project
    (folder / "out" / SLUG / "mine.txt").write_text("mine")

    outcome = bake(typed({"application": "job"}), folder, overwrite=True)

    # The job's own paths are its own, so they are no reason to refuse.
    assert outcome.project, outcome.message
    assert (outcome.project / "mine.txt").read_text() == "mine"


def said_in(folder: Path, before: str) -> str:
    """What the hook that checks the answers says in this folder, after these lines of Python."""
    hook = folder.with_suffix(".hook.py")
    hook.write_text(render("pre_gen_project", typed({}) | {"_template": ".", "_output_dir": "."}))
    # All is imported and read before: the lines may take the right to do so.
    script = f"""
import collections.abc, json, os, pathlib, random, re, resource, shlex, tempfile, unicodedata
source = open({str(hook)!r}).read()
{before}
hook = {{"__name__": "hook"}}
exec(source, hook)
hook["main"]()
"""
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 1, result.stderr
    return result.stderr


needs_posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no such limits.")


@needs_posix
def test_a_disk_that_is_full_gets_a_clear_line(tmp_path: Path) -> None:
    folder = tmp_path / SLUG
    folder.mkdir()

    said = said_in(folder, "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))")

    assert f"Folder\n  given  {str(folder)[:80]!r:.60}" in said
    assert "  rule   No project fits: File too large.\n" in said
    assert list(folder.iterdir()) == []


@needs_posix
def test_a_folder_that_cannot_be_written_gets_a_clear_line() -> None:
    # Permissions do not bind root, so root becomes nobody, who cannot enter root's folders.
    with TemporaryDirectory() as base:
        Path(base).chmod(0o755)
        folder = Path(base) / SLUG
        folder.mkdir(mode=0o555)

        said = said_in(folder, "os.getuid() or os.setuid(65534)")

    assert "  rule   No project fits: Permission denied.\n" in said


def environment(folder: Path, *path: Path) -> dict[str, str]:
    """A home of its own, and no Poetry."""
    folders = [*path, "/usr/bin", "/bin"]
    return {"HOME": str(folder / "home"), "PATH": os.pathsep.join(map(str, folders))}


def cookiecutter(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line of cookiecutter in this folder."""
    program = tool("cookiecutter")
    return run(program, *arguments, cwd=folder, check=False, env=environment(folder))


@needs_posix
def test_the_command_that_is_said_makes_the_project(tmp_path: Path) -> None:
    name = """O'Hara's "100 %" \\ {{ 7 * 7 }} {% x %} `touch y` $(touch z) $HOME ! 🚀 é"""
    refused = cookiecutter(
        tmp_path,
        str(ROOT),
        "--no-input",
        *["--output-dir", str(tmp_path / "a folder")],
        "project_name={{ '" + "".join(f"\\U{ord(char):08x}" for char in name) + "' }}",
        "project_slug=../x",
        "application=job",
    )
    assert refused.returncode == 1
    command = refused.stderr.partition("as the defaults:\n")[2].splitlines()[0]
    assert command.startswith("cookiecutter ")

    # Enter is pressed at each question.
    result = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=tmp_path,
        env=environment(tmp_path, Path(sys.executable).parent),
        input="\n" * len(KEYS),
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stdout + result.stderr
    (project,) = (tmp_path / "a folder").iterdir()
    assert project.name == "x"
    assert (project / "data" / "orders.csv").is_file()
    metadata = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
    assert metadata["name"] == "x"
    assert not list(tmp_path.glob("[yz]"))
    title = (project / "README.md").read_text("utf-8").splitlines()[0]
    assert title.replace("\\\\", "\0").replace("\\", "").replace("\0", "\\") == f"# {name}"


@pytest.mark.parametrize(
    ("argument", "taken"),
    [("{{ 7 * 7 }}", "49"), ("{{ '{{ 7 * 7 }} {% x %}' }}", "{{ 7 * 7 }} {% x %}")],
)
def test_the_command_line_is_rendered_by_cookiecutter_before_any_hook(
    argument: str, taken: str
) -> None:
    questions = generate_context(
        str(ROOT / "cookiecutter.json"), extra_context={"project_name": argument}
    )

    assert prompt_for_config(questions, no_input=True)["project_name"] == taken


def test_a_choice_in_a_config_file_that_is_not_on_offer_is_not_taken() -> None:
    with pytest.warns(UserWarning, match="cli provided for choice variable application"):
        questions = generate_context(
            str(ROOT / "cookiecutter.json"), default_context={"application": "cli"}
        )

    answers = prompt_for_config(questions, no_input=True)
    assert answers["application"] == QUESTIONS["application"][0]


@pytest.mark.parametrize(
    "argument",
    ["application=cli", "python_version=3.11", "project_name={{ x", "project_name={{ x }}"],
)
def test_what_cookiecutter_itself_refuses_leaves_nothing(argument: str, tmp_path: Path) -> None:
    result = cookiecutter(tmp_path, str(ROOT), "--no-input", argument)

    assert result.returncode == 1
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == []


def test_a_folder_that_exists_is_named_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / SLUG).mkdir()

    result = cookiecutter(tmp_path, str(ROOT), "--no-input")

    assert result.returncode == 1
    assert f'"{SLUG}" directory already exists' in result.stdout
    assert list((tmp_path / SLUG).iterdir()) == []


def test_cruft_gets_the_same_message(tmp_path: Path) -> None:
    template = tmp_path / "template"
    shutil.copytree(ROOT, template, ignore=shutil.ignore_patterns(".*", "tests", "benchmarks"))
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", "-C", str(template)]
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "x"]):
        run(*git, *command)
    out = tmp_path / "out"
    out.mkdir()

    context = json.dumps({"project_slug": "a/b/c"})
    arguments = ["--no-input", "--output-dir", str(out), "--extra-context", context]
    cruft = [str(tool("cruft")), "create", str(template)]
    result = run(*cruft, *arguments, check=False, env=environment(tmp_path))

    assert result.returncode == 1
    assert "given  'a/b/c'" in result.stderr
    assert list(out.iterdir()) == []
