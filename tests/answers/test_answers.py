"""Every answer makes a valid project, or is refused with a reason and a suggestion."""

import json
import re
import string
import tomllib
import unicodedata
from collections.abc import Mapping
from contextlib import chdir
from importlib.metadata import PathDistribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import poetry.core.masonry.api as poetry_core
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from poetry.core.factory import Factory

from tests.helpers.answers import (
    CHOICES,
    KEYS,
    VALID,
    Outcome,
    bake,
    hook_namespace,
    load,
    prompt_context,
    replay_context,
    without_defaults,
)
from tests.helpers.harness import QUESTIONS, ROOT, run, tool

LABELS = {
    key: prompt if isinstance(prompt, str) else prompt["__prompt__"]
    for key, prompt in QUESTIONS["__prompts__"].items()
}


def fill_placeholders(answer: str, folder: Path) -> str:
    """Replace the placeholders in an answer of a data file."""
    return "x" * 300 if answer == "LONG" else answer.replace("MARKER", str(folder / "marker"))


def abbreviate(answer: object) -> str:
    return ascii(answer)[:60]


HOSTILE = [
    pytest.param(
        group["question"], answer, group["says"], id=f"{group['question']}-{abbreviate(answer)}"
    )
    for group in load("hostile")
    for answer in group["answers"]
]


@pytest.mark.parametrize(("question", "answer", "message"), HOSTILE)
def test_a_hostile_answer_is_refused_and_leaves_nothing_behind(
    question: str, answer: object, message: str, tmp_path: Path
) -> None:
    folder = tmp_path / "sandbox"
    (folder / "out").mkdir(parents=True)
    (folder / "out" / "precious").touch()
    # Prompts only accept text, or one of the choices; a replay file may contain anything.
    if isinstance(answer, str) and question not in CHOICES:
        context = prompt_context(VALID | {question: fill_placeholders(answer, folder)})
    else:
        context = replay_context({question: answer})

    outcome = bake(context, folder)

    assert outcome.error
    assert outcome.remaining_paths() == ["out", "out/precious"]
    assert LABELS[question] in outcome.message
    assert f"rule   {message}" in outcome.message
    assert "Traceback" not in outcome.message
    assert outcome.message.replace("\n", "").isprintable()


@pytest.mark.parametrize("answers", [pytest.param(it, id=abbreviate(it)) for it in load("good")])
def test_an_unusual_answer_makes_a_valid_project(answers: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    given = {key: fill_placeholders(answer, folder) for key, answer in answers.items()}
    applications = QUESTIONS["application"]
    given["application"] = applications[len(str(given)) % len(applications)]
    given["deployment"] = QUESTIONS["deployment"][len(str(given)) % 2]
    given["ci"] = QUESTIONS["ci"][len(str(given)) % 3]

    outcome = bake(prompt_context(given), folder)

    check_project(outcome, given)


def check_project(outcome: Outcome, given: Mapping[str, str]) -> None:
    """Check that there is one project, that its files parse, and that its metadata is correct."""
    assert outcome.project, outcome.message or outcome.error
    answers = outcome.context
    slug = answers["project_slug"]
    for key, answer in given.items():
        assert answers[key] == answer
    assert [path.name for path in outcome.folder.iterdir()] == ["out"]
    assert [path.name for path in (outcome.folder / "out").iterdir()] == [slug]
    for path in outcome.project.rglob("*"):
        if path.is_file():
            check_parses(path)
    if {"project_slug", "package_name"} & set(given):
        run(tool("ruff"), "check", "--no-cache", "--quiet", outcome.project)
        run(tool("ruff"), "format", "--no-cache", "--quiet", "--check", outcome.project)
    check_metadata(outcome.project, answers)
    check_files(outcome.project, answers)


def check_parses(path: Path) -> None:
    if path.suffix == ".onnx":  # A model is binary.
        return
    text = path.read_text("utf-8")
    match path.suffix:
        case ".toml":
            tomllib.loads(text)
        case ".yml" | ".yaml":
            list(yaml.safe_load_all(text))
        case ".json":
            json.loads(text)


def check_metadata(project: Path, answers: Mapping[str, str]) -> None:
    """Check the metadata that Poetry validates and `importlib.metadata` reads back."""
    content = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    assert Factory.validate(content) == {"errors": [], "warnings": []}
    package = Factory().create_poetry(project).package
    assert package.description == answers["description"]
    with chdir(project), TemporaryDirectory() as wheel:
        folder = poetry_core.prepare_metadata_for_build_wheel(wheel)
        distribution = PathDistribution(Path(wheel) / folder)
        metadata = distribution.metadata
        scripts = distribution.entry_points
    assert metadata["Name"] == answers["project_slug"]
    assert metadata["Summary"] == answers["description"]
    # Poetry normalizes the names of people to the composed form of Unicode.
    assert metadata["Author"] == unicodedata.normalize("NFC", answers["author_name"])
    assert metadata["Author-email"] == unicodedata.normalize("NFC", answers["author_email"])
    command = "main" if answers["__kind"] == "job" else "app"
    assert [(one.name, one.value) for one in scripts] == [
        (answers["project_slug"], f"{answers['package_name']}.cli:{command}")
    ]
    assert content["project"]["authors"] == [
        {"name": answers["author_name"], "email": answers["author_email"]}
    ]


def check_files(project: Path, answers: Mapping[str, str]) -> None:
    """Check that the other files contain the answers unchanged."""
    slug, package = answers["project_slug"], answers["package_name"]
    tokens = MarkdownIt().parse((project / "README.md").read_text("utf-8"))
    title, summary = (token for token in tokens[:6] if token.type == "inline")
    assert [tokens[0].type, tokens[3].type] == ["heading_open", "paragraph_open"]
    for shown, expected in ((title, answers["project_name"]), (summary, answers["description"])):
        assert shown.children
        assert {child.type for child in shown.children} <= {"text", "text_special"}
        assert "".join(child.content for child in shown.children) == expected
    assert yaml.safe_load((project / "environment.yml").read_text("utf-8"))["name"] == slug
    (service,) = yaml.safe_load((project / "compose.yaml").read_text("utf-8"))["services"].values()
    assert service["image"] == f"${{IMAGE:-{slug}}}"
    dockerfile = (project / "Dockerfile").read_text("utf-8")
    assert json.loads(re.findall("^ENTRYPOINT (.*)$", dockerfile, re.MULTILINE)[0]) == [slug]
    assert f"IMAGE ?= {slug}\n" in (project / "Makefile").read_text("utf-8")
    assert (project / "src" / package / "__main__.py").is_file()
    if answers["deployment"] == "kubernetes":
        check_deployment(project / "deploy" / "kubernetes", slug)


def check_deployment(folder: Path, slug: str) -> None:
    base = yaml.safe_load((folder / "base/kustomization.yaml").read_text("utf-8"))
    assert base["labels"][0]["pairs"] == {"app.kubernetes.io/name": slug}
    for name in ("staging", "production"):
        overlay = yaml.safe_load(
            (folder / "overlays" / name / "kustomization.yaml").read_text("utf-8")
        )
        assert overlay["namespace"] == f"{slug}-{name}"
        (image,) = overlay["images"]
        assert (image["name"], image["newName"]) == (slug, f"registry.example/{slug}")


AWKWARD = st.sampled_from(
    [
        *["{{ 7 * 7 }}", "{% x %}", "{#", "${{ x }}", "$(x)", "`x`", "'''", '"""', "\\", "\\u0041"],
        *["<", ">", "&amp;", "# ", "- ", "1. ", "*a*", "_a_", "[a](b)", "~~a~~", "%s", "\u202e"],
        *["\ufeff", "\u200d", "e\u0301", "🚀", "\ud800", "\r\n", "\x85", " ", "../", "con", "json"],
    ]
)
TEXT = st.one_of(
    st.text(max_size=60),
    st.text(string.ascii_lowercase + string.digits + "-_", min_size=1, max_size=45),
    st.lists(AWKWARD | st.text(max_size=5), max_size=6).map("".join),
    st.builds("{}@{}.{}".format, *[st.text(string.ascii_letters + ".-é用", max_size=9)] * 3),
)


@pytest.mark.slow("bakes the answers that Hypothesis generates")
@pytest.mark.parametrize("question", KEYS)
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(answer=TEXT)
def test_any_text_is_refused_by_name_or_makes_a_valid_project(question: str, answer: str) -> None:
    with TemporaryDirectory() as base:
        folder = Path(base) / "sandbox"
        is_choice = question in CHOICES
        context = (
            replay_context({question: answer})
            if is_choice
            else prompt_context(VALID | {question: answer})
        )

        outcome = bake(context, folder)

        if outcome.message:
            assert f"{LABELS[question]}\n  given  " in outcome.message
            assert outcome.remaining_paths() == ["out"]
        else:
            check_project(outcome, {question: answer})


MESSAGES = [
    pytest.param(entry["answers"], entry["message"], id=abbreviate(entry["answers"]))
    for entry in load("messages")
]


@pytest.mark.parametrize(("answers", "message"), MESSAGES)
def test_the_message_of_each_rule_is_the_one_that_was_reviewed(
    answers: dict[str, Any], message: str, tmp_path: Path
) -> None:
    folder = tmp_path / "sandbox"

    outcome = bake(replay_context(answers), folder)

    found = outcome.message.replace(str(folder / "out"), "OUTPUT").replace(str(ROOT), "TEMPLATE")
    assert without_defaults(found).strip() == message.strip()


def test_every_rule_has_a_reviewed_message() -> None:
    messages = [message for _, _, message in hook_namespace(prompt_context({}))["RULES"]]
    messages += [kind["says"] for kind in QUESTIONS["_taken_names"].values()]

    reviewed = "\n".join(entry["message"] for entry in load("messages"))

    assert len(messages) > 15
    assert [one for one in messages if one not in reviewed] == []
