"""The pages are correct: their commands run, and their numbers and messages are real."""

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import pytest

from scripts import excerpts, recording
from tests.helpers.harness import (
    KUBERNETES,
    QUESTIONS,
    ROOT,
    BakedProject,
    Combination,
    run,
    working_tree,
)

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
# A comment before a block says how to run it:
#   not run: WHY     skip it: a test does not have what it needs
#   dry run: WHY     run it with `make --dry-run`
#   before: SHELL    run this first, which a reader has done by then
BLOCK = re.compile(
    r"(?:<!-- ([^>]*?)\s*-->\n)?^```(?:console|bash)\n(.*?)^```", re.MULTILINE | re.DOTALL
)
SPAN = re.compile(r"(`+) ?(.+?) ?\1(?!`)")
# Commands that fail elsewhere, and what they need.
UNPORTABLE = [
    (r"curl .*--json", "curl 7.82; Ubuntu 22.04 and RHEL 9 have an older one"),
    (r"\binstall --(mode|owner|directory)\b|\btruncate --|install .*/dev/stdin", "GNU coreutils"),
    (r"\bgrep --quiet\b|apk add .*grep", "GNU grep"),
]
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
INSTALLS = pytest.mark.slow("installs everything that the template needs with pip")


@dataclass
class Block:
    """Commands of a page, and how to run them."""

    how: str
    rest: str
    commands: str


def blocks(page: Path) -> list[Block]:
    """Return every block of commands, in the order of the page."""
    found = []
    for comment, commands in BLOCK.findall(page.read_text("utf-8")):
        how, _, rest = comment.partition(":")
        found.append(Block(how, rest.strip(), commands))
    return found


def page_script(page: Path, template: Path) -> str:
    """Return a script of all blocks, for a template on disk instead of the one on GitHub."""
    lines = ["set -euxo pipefail", "exec < <(yes '')"]  # Press Enter at each question.
    for block in blocks(page):
        if block.how == "before":
            lines += [block.rest, block.commands]
        elif block.how == "dry run":
            lines += ["export MAKEFLAGS=--dry-run", block.commands, "unset MAKEFLAGS"]
        elif block.how != "not run":
            lines += [block.commands]
    return "\n".join(lines).replace("gh:OWNER/REPO", str(template))


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[INSTALLS] if page.name == "README.md" else [], id=page.name)
        for page in PAGES
        if blocks(page)
    ],
)
def test_every_block_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    template = working_tree(tmp_path / "template")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    run("git", "tag", version, cwd=template)
    run("git", "clone", "--quiet", template, tmp_path / "a folder" / "clone")
    result = subprocess.run(
        ["bash", "-c", page_script(page, template)],
        cwd=tmp_path / "a folder" / "clone",
        env=os.environ
        | {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHON": sys.executable,
            "PIP_NO_COMPILE": "1",  # Compiling takes half of the time of an installation.
            "PYTEST_ADDOPTS": "--collect-only --quiet",  # These tests, which already run.
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_blocks_that_do_not_run_are_marked_and_rare() -> None:
    every = [block for page in PAGES for block in blocks(page)]

    assert {block.how for block in every} <= {"", "before", "not run", "dry run"}
    skipped = [block for block in every if block.how == "not run"]
    assert len(skipped) <= 5
    assert all(block.rest.startswith("needs ") for block in skipped)
    for block in every:
        if block.how == "dry run":
            assert all(line.startswith("make ") for line in block.commands.splitlines())


@pytest.mark.parametrize(("pattern", "missing"), UNPORTABLE, ids=[one[1] for one in UNPORTABLE])
def test_commands_run_with_the_tools_of_every_system(pattern: str, missing: str) -> None:
    projects = [ROOT / "templates", ROOT / "{{cookiecutter.project_slug}}", ROOT / "docs/recipes"]
    files = [path for folder in projects for path in folder.rglob("*") if path.is_file()]
    commands = [it for it in files if it.suffix in {".md", ".mk", ".yml"} or it.stem == "Makefile"]

    assert len(commands) > 20
    for path in [*PAGES, *commands]:
        assert not re.findall(pattern, path.read_text("utf-8")), f"{path} needs {missing}"


@each_page
def test_links_within_the_repository_are_valid(page: Path) -> None:
    text = page.read_text("utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", text) + re.findall(
        r"^\[\w+\]: (\S+)$", text, re.MULTILINE
    )

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_is_short_and_begins_with_the_two_commands() -> None:
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()

    assert len(lines) < 180
    assert [line for line in lines if len(line) > 100] == []
    assert {recording.COMMANDS[0], "make test"} <= set(lines[:25])


def test_the_tree_in_the_readme_has_every_top_level_file_of_a_project(
    bake: Callable[[Combination], BakedProject],
) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    (tree,) = re.findall(r"(?ms)^```\n(src/.*?)^```$", text)
    named = {line.split()[0].split("/")[0] for line in tree.splitlines()}
    existing = {name.split("/")[0] for one in KUBERNETES for name in bake(one).files()}

    assert {name for name in existing if not name.startswith(".")} <= named <= existing


@pytest.mark.parametrize("page", excerpts.PAGES, ids=lambda page: page.name)
def test_every_number_in_the_tables_of_a_page_is_the_stored_one(page: Path) -> None:
    text = page.read_text("utf-8")

    quoted = re.findall(r"^<!-- from benchmarks/results/(\w+)\.md -->$", text, re.MULTILINE)
    assert quoted
    assert set(quoted) >= set(re.findall(r"`make bench-(\w+)`", text))
    assert excerpts.update(text) == text, "Run: .venv/bin/python scripts/excerpts.py"


def table_rows(page: str, header: str) -> dict[str, list[str]]:
    """Return the cells of the table with this header by the first of each row."""
    _, table = (ROOT / page).read_text("utf-8").split(header)
    lines = table.partition("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in cells}


def test_the_readme_compares_as_the_page_of_the_comparison_does() -> None:
    short = table_rows("README.md", "| on 26 November 2026 |")
    sizes = table_rows("docs/comparison.md", "| project | files, lines |")

    assert len(short) == len(sizes)
    for (name, cells), (full_name, full_cells) in zip(short.items(), sizes.items(), strict=True):
        assert full_name in name
        assert cells[0] == full_cells[0]


def test_the_recording_shows_the_current_questions() -> None:
    labels: list[str] = []
    for prompt in QUESTIONS["__prompts__"].values():
        labels += prompt.values() if isinstance(prompt, dict) else [prompt]
    text = recording.TARGET.read_text("utf-8")
    ET.fromstring(text)  # noqa: S314 - our own file
    shown = unescape(re.sub(r"<[^>]+>", "", text))

    for words in [*labels, *recording.COMMANDS, "Healthy"]:
        assert words in shown, "Run: .venv/bin/python scripts/recording.py"
    assert len(text) < 60_000


def read_sources(names: str) -> list[str]:
    """Return the text of files, of the files in folders, and of installed modules."""
    texts = []
    for name in names.split(" "):
        if name.startswith("module:"):
            spec = importlib.util.find_spec(name.removeprefix("module:"))
            assert spec
            assert spec.origin
            path = Path(spec.origin).parent
        else:
            path = ROOT / name
        files = path.rglob("*.py") if path.is_dir() else [path]
        texts += [file.read_text("utf-8") for file in files]
    return texts


def test_every_message_on_the_troubleshooting_page_is_printed_by_its_source() -> None:
    text = (ROOT / "docs/troubleshooting.md").read_text("utf-8")
    tables = re.findall(r"^<!-- printed by (.*) -->\n((?:\|.*\n)+)", text, re.MULTILINE)

    assert len(tables) == text.count("| message |")
    for names, table in tables:
        texts = read_sources(names)
        for row in table.splitlines()[2:]:
            messages = [message for _, message in SPAN.findall(row.split(" | ")[0])]
            assert messages, row
            for message in messages:
                pattern = ".*".join(re.escape(part.strip()) for part in message.split("..."))
                assert any(re.search(pattern, one) for one in texts), f"{names}: {message}"


def test_the_tour_shows_every_module_and_only_existing_files(
    bake: Callable[[Combination], BakedProject],
) -> None:
    text = (ROOT / "docs/tour.md").read_text("utf-8")
    shown = re.findall(r"`([\w./]+\.(?:py|md|yml|yaml|toml|lock|txt))`", text)
    existing = {f"/{name}" for one in KUBERNETES for name in bake(one).files()}

    for name in shown:
        assert any(path.endswith(f"/{name}") for path in existing), name
    modules = {path for path in existing if re.match(r"/src/\w+/(model/)?[a-z]\w*\.py$", path)}
    assert {Path(path).name for path in modules} <= {Path(name).name for name in shown}
