"""Fixtures: baked projects, and the tools that a test cannot do without."""

import os
from collections.abc import Callable
from functools import cache

import pytest
from pytest_cookies.plugin import Cookies
from tests.harness import ROOT, BakedProject, Combination, docker_problem, unavailable


@pytest.fixture(scope="session")
def bake(cookies_session: Cookies) -> Callable[[Combination], BakedProject]:
    """Bake a combination with the default answers, once per worker."""

    @cache
    def bake_once(combination: Combination) -> BakedProject:
        result = cookies_session.bake(
            extra_context={
                "application": combination.application,
                "python_version": combination.python,
            },
            template=str(ROOT),
        )
        assert result.exception is None, result.exception
        return BakedProject(result.project_path, combination)

    return bake_once


@pytest.fixture
def baked(combination: Combination, bake: Callable[[Combination], BakedProject]) -> BakedProject:
    """The baked project of the test's combination; not to be changed."""
    return bake(combination)


@pytest.fixture(scope="session")
def docker() -> None:
    """Require an engine: `REQUIRE_DOCKER=1` turns the skip into a failure."""
    if problem := docker_problem():
        unavailable(problem, required=os.environ.get("REQUIRE_DOCKER") == "1")
