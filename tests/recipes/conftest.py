"""Projects to follow the recipes in; `make recipes` runs these tests, and `make test` does not."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.helpers.harness import BakedProject, Combination
from tests.helpers.recipes import RecipeProject, recipe_project


@pytest.fixture
def project(
    request: pytest.FixtureRequest,
    docker: None,  # noqa: ARG001 - needed
    index: None,  # noqa: ARG001 - needed
    combination: Combination,
    bake: Callable[[Combination], BakedProject],
    tmp_path: Path,
) -> Iterator[RecipeProject]:
    """A fresh project, in which a recipe is followed."""
    recipe = request.node.originalname.removeprefix("test_")
    with recipe_project(bake(combination), tmp_path, recipe) as project:
        yield project
