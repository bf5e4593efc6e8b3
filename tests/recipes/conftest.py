"""Projects in which recipes are followed: by `make recipes`, not by `make test`."""

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
    """A fresh project for a recipe."""
    recipe = request.node.originalname.removeprefix("test_")
    with recipe_project(bake(combination), tmp_path, recipe) as project:
        yield project
