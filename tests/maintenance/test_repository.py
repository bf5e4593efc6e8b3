"""The template follows its own rules."""

import re
import tomllib
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from scripts import pin_poetry
from tests.helpers.containers import NEWEST
from tests.helpers.harness import (
    QUESTIONS,
    ROOT,
    BakedProject,
    Combination,
    poetry,
    run,
    working_tree,
)

PAGES = ["README.md", "CONTRIBUTING.md"]
PROJECT = ROOT / "{{cookiecutter.project_slug}}"


@pytest.mark.parametrize(
    "name",
    [
        ".editorconfig",
        ".gitattributes",
        ".github/workflows/ci.yml",
        ".github/workflows/renew.yml",
        "poetry.toml",
    ],
)
def test_the_template_and_its_projects_have_this_file_in_common(name: str) -> None:
    assert (ROOT / name).read_bytes() == (PROJECT / name).read_bytes()


def test_files_without_jinja_are_copied_and_all_others_rendered() -> None:
    files = [path for path in PROJECT.rglob("*") if path.is_file()]
    for path in files:
        name = path.relative_to(PROJECT).as_posix()
        copied = any(fnmatch(name, pattern) for pattern in QUESTIONS["_copy_without_render"])

        assert copied != bool(re.search(rb"\{\{ ?cookiecutter|\{%", path.read_bytes())), name


@pytest.mark.parametrize("workflow", ["ci", "renew"])
def test_the_template_has_the_targets_that_the_workflow_calls(workflow: str) -> None:
    text = (ROOT / f".github/workflows/{workflow}.yml").read_text("utf-8")
    calls = re.findall(r"(?:run:|if) make ([a-z ]+)", text)
    targets = {target for call in calls for target in call.split()}

    assert targets
    template = (ROOT / "Makefile").read_text("utf-8")
    shared = (PROJECT / "Makefile").read_text("utf-8")
    for kind in ("service", "job"):
        own = (ROOT / "templates" / kind / "targets.mk").read_text("utf-8")
        for text in (template, shared + own):
            phony = " ".join(re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)).split()
            assert targets <= {*phony}


def test_dependabot_leaves_package_updates_to_the_workflow() -> None:
    configurations = [
        yaml.safe_load((root / ".github/dependabot.yml").read_text("utf-8"))["updates"]
        for root in (ROOT, PROJECT)
    ]

    for updates in configurations:
        (packages,) = (it for it in updates if it["package-ecosystem"] == "pip")
        # No version updates; nor security updates of the export, which would differ from the lock.
        assert packages["open-pull-requests-limit"] == 0
        assert packages["exclude-paths"] == ["requirements.txt"]


def test_the_templates_own_requirements_are_what_poetry_exports() -> None:
    run(*poetry("check", "--lock"), cwd=ROOT)
    for groups, name in (("--with", "requirements.txt"), ("--only", "requirements-new.txt")):
        export = run(*poetry("export", groups, "new"), cwd=ROOT).stdout

        assert export == (ROOT / name).read_text("utf-8")


def test_no_lock_names_the_host_of_an_index() -> None:
    locks = [ROOT / "poetry.lock", *(ROOT / "templates/locks").glob("*/poetry.lock")]
    named = re.compile(r"^description = .*\b[a-z]+\.org\b.*$", re.MULTILINE)

    assert len(locks) > 1
    for lock in locks:
        text = lock.read_text("utf-8")
        assert named.findall(text) == [], "Run: make requirements"
        assert "[package.source]" not in text, lock
    for path in (ROOT / "templates/locks").glob("*/*"):
        assert "://" not in path.read_text("utf-8"), path


def test_the_oldest_python_of_the_template_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    oldest = re.findall(r"\d+\.\d+", project["requires-python"])[0]
    makefile = (ROOT / "Makefile").read_text("utf-8")

    assert f"sys.version_info >= ({oldest.replace('.', ', ')})" in makefile
    for text in [makefile, *[(ROOT / name).read_text("utf-8") for name in PAGES]]:
        assert set(re.findall(r"Python (\d+\.\d+) or later", text)) == {oldest}


@pytest.mark.parametrize("path", pin_poetry.FILES, ids=lambda path: path.name)
def test_projects_use_the_poetry_of_the_tests(path: Path) -> None:
    text = path.read_text("utf-8")
    older = re.sub(r"(poetry[a-z-]*==)[\d.]+( --hash=sha256:)?\w*", r"\g<1>0.1\2", text)

    assert older != text
    assert pin_poetry.pin(older) == text, "Run: .venv/bin/python scripts/pin_poetry.py"


def explained_packages(header: str) -> set[str]:
    """Return the packages in the table of CONTRIBUTING.md with this header."""
    _, table = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split(f"\n| {header} |\n")
    first_cells = re.findall(r"^\| (.*?) \|", table.partition("\n\n")[0], re.MULTILINE)
    return {name for cell in first_cells for name in re.findall("`(.*?)`", cell)}


def package_names(requirements: list[str]) -> set[str]:
    return {re.split(r"[><=; ]", requirement)[0] for requirement in requirements}


def test_contributing_says_why_each_dependency_of_the_template_is_here() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    dependencies = pyproject["project"]["dependencies"] + pyproject["dependency-groups"]["new"]

    assert explained_packages("package | why") == package_names(dependencies)


def test_contributing_says_why_each_package_is_in_a_project(
    bake: Callable[[Combination], BakedProject],
) -> None:
    projects = [
        tomllib.loads((bake(combination).path / "pyproject.toml").read_text("utf-8"))
        for combination in NEWEST
    ]
    groups = [group for project in projects for group in project["dependency-groups"].values()]
    production = [project["project"]["dependencies"] for project in projects]

    assert explained_packages("package | applications | why") == set().union(
        *map(package_names, [*production, *groups])
    )


def test_a_project_records_the_templates_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert QUESTIONS["_version"] == project["version"]
    hook = (ROOT / "hooks/pre_gen_project.py").read_text("utf-8")
    assert re.findall('^VERSION = "(.*)"', hook, re.MULTILINE) == [project["version"]]
    assert f'template = "{project["name"]}"' in (PROJECT / "pyproject.toml").read_text("utf-8")


def test_every_path_is_valid_on_windows(tmp_path: Path) -> None:
    tree = working_tree(tmp_path / "tree")
    names = run("git", "ls-files", "-z", cwd=tree).stdout.split("\0")[:-1]
    longest = "x" * 40  # The limit of the rules for the slug and the package.
    rendered = [re.sub(r"\{\{.*?\}\}", longest, name) for name in names]

    assert [name for name in names if re.search(r'[<>:"|?*\\]|[ .](/|$)', name)] == []
    assert len({name.lower() for name in names}) == len(names)
    # By default Windows allows 260 characters, half of which are left for the folder above.
    assert [name for name in rendered if len(name) > 130] == []
