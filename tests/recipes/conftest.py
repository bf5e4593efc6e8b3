"""Projects to follow the recipes in; `make recipes` runs these tests, and `make test` does not."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.helpers.harness import BakedProject, Combination
from tests.helpers.recipes import Cook, cooking


@pytest.fixture
def cook(
    request: pytest.FixtureRequest,
    docker: None,  # noqa: ARG001 - needed
    index: None,  # noqa: ARG001 - needed
    combination: Combination,
    bake: Callable[[Combination], BakedProject],
    tmp_path: Path,
) -> Iterator[Cook]:
    """Return a user with a fresh project, who follows a recipe."""
    recipe = request.node.originalname.removeprefix("test_")
    with cooking(bake(combination), tmp_path, recipe) as user:
        yield user
