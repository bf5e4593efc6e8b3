"""The template lives by its own rules."""

import re
import tomllib
from pathlib import Path

from tests.harness import QUESTIONS, ROOT, poetry, run, working_tree

PROJECT = ROOT / "{{cookiecutter.project_slug}}"


def test_the_template_and_its_projects_have_the_same_ci() -> None:
    name = ".github/workflows/ci.yml"

    assert (ROOT / name).read_bytes() == (PROJECT / name).read_bytes()


def test_the_template_has_the_targets_that_the_ci_calls() -> None:
    ci = (ROOT / ".github/workflows/ci.yml").read_text("utf-8")
    targets = re.findall(r"run: make (\S+)", ci)

    assert targets
    for makefile in (ROOT / "Makefile", PROJECT / "Makefile"):
        text = makefile.read_text("utf-8")
        assert all(f"\n.PHONY: {target}\n" in text for target in targets)


def test_the_templates_own_requirements_are_what_poetry_exports() -> None:
    run(*poetry("check", "--lock"), cwd=ROOT)
    export = run(*poetry("export"), cwd=ROOT).stdout

    assert export == (ROOT / "requirements.txt").read_text("utf-8")


def test_projects_build_with_the_poetry_core_that_the_tests_ran_on() -> None:
    lock = tomllib.loads((ROOT / "poetry.lock").read_text("utf-8"))
    (version,) = (one["version"] for one in lock["package"] if one["name"] == "poetry-core")

    assert f'requires = ["poetry-core=={version}"]' in (PROJECT / "pyproject.toml").read_text(
        "utf-8"
    )


def test_contributing_says_why_each_dependency_is_here() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = {re.split(r"[><=; ]", line)[0] for line in project["dependencies"]}
    contributing = (ROOT / "CONTRIBUTING.md").read_text("utf-8")

    assert set(re.findall(r"^\| `([a-z-]+)` \|", contributing, re.MULTILINE)) >= names


def test_a_project_records_the_templates_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert QUESTIONS["_version"] == project["version"]
    hook = (ROOT / "hooks/pre_gen_project.py").read_text("utf-8")
    assert re.findall('^VERSION = "(.*)"', hook, re.MULTILINE) == [project["version"]]
    assert f'template = "{project["name"]}"' in (PROJECT / "pyproject.toml").read_text("utf-8")


def test_windows_can_hold_every_path_of_the_template_and_of_a_project(tmp_path: Path) -> None:
    tree = working_tree(tmp_path / "tree")
    names = run("git", "ls-files", "-z", cwd=tree).stdout.split("\0")[:-1]
    longest = "x" * 40  # As the rules for the slug and the package allow.
    rendered = [re.sub(r"\{\{.*?\}\}", longest, name) for name in names]

    assert [name for name in names if re.search(r'[<>:"|?*\\]|[ .](/|$)', name)] == []
    assert len({name.lower() for name in names}) == len(names)
    # It takes 260 characters where nobody has changed that; half are left for the folder above.
    assert [name for name in rendered if len(name) > 130] == []
