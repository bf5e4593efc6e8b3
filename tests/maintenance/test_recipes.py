"""The format of the recipes; `make recipes` follows them."""

import re
from pathlib import Path

import pytest

from tests.helpers.harness import ROOT
from tests.helpers.recipes import COPIED_FOLDER, RECIPES, apply_diff, blocks

PAGES = sorted(page for page in RECIPES.glob("*.md") if page.name != "README.md")
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


@each_page
def test_a_recipe_has_at_most_80_lines_of_100_characters(page: Path) -> None:
    lines = page.read_text("utf-8").splitlines()

    assert len(lines) <= 80
    assert [line for line in lines if len(line) > 100] == []


@each_page
def test_the_tests_follow_every_block_of_a_recipe(page: Path) -> None:
    text = page.read_text("utf-8")

    assert text.count("```") == 2 * len(blocks(page)) > 0
    assert text.count("Copy the files in") == len(COPIED_FOLDER.findall(text))
    for folder in COPIED_FOLDER.findall(text):
        assert (RECIPES / folder).is_dir()


@each_page
def test_a_recipe_is_listed_and_has_a_test(page: Path) -> None:
    tests = "".join(file.read_text("utf-8") for file in (ROOT / "tests/recipes").glob("*.py"))

    assert f"]({page.name})" in (RECIPES / "README.md").read_text("utf-8")
    assert f'follow("{page.stem}")' in tests


@pytest.mark.parametrize("page", [*PAGES, RECIPES / "README.md"], ids=lambda page: page.stem)
def test_links_of_a_recipe_are_valid(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_a_hunk_that_does_not_match_exactly_one_place_is_refused() -> None:
    assert apply_diff("a\nb\n\nc\n", " b\n\n-c\n+d\n@@\n-a\n") == "b\n\nd\n"
    for text in ("", "a\na\n"):
        with pytest.raises(AssertionError, match=f"{text.count('a')} times"):
            apply_diff(text, "-a\n+b\n")
