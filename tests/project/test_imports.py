"""A project declares every package that its code imports."""

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.harness import (
    ON_NEWEST_PYTHON,
    SLUG,
    BakedProject,
    Combination,
    each,
    run,
)

DISTRIBUTIONS = (
    "import importlib.metadata as it, json; print(json.dumps(dict(it.packages_distributions())))"
)
# Pydantic pins the version of its core, and documents its types.
PARTS = {"pydantic-core": "pydantic", "annotated-types": "pydantic"}


def imported_modules(folder: Path) -> set[str]:
    """Return the top-level name of each import in a folder; words of docstrings may be others."""
    texts = (path.read_text("utf-8") for path in folder.rglob("*.py"))
    return {it for text in texts for it in re.findall(r"(?m)^ *(?:from|import) (\w+)", text)}


def normalized(requirement: str) -> str:
    """Return the normalized name of the package that a requirement names."""
    return re.sub("[-_.]+", "-", re.split(r"[^\w.-]", requirement)[0]).lower()


@pytest.mark.slow("installs a project")
@each(ON_NEWEST_PYTHON)
def test_every_imported_package_is_declared(
    combination: Combination, install: Callable[[Combination], BakedProject]
) -> None:
    project = install(combination).path
    pyproject = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    shipped = {normalized(it) for it in pyproject["project"]["dependencies"]}
    train = {normalized(it) for it in pyproject["dependency-groups"].get("train", [])}
    python = project.parent / "venv" / "bin" / "python"
    providers = json.loads(run(python, "-c", DISTRIBUTIONS).stdout)

    for folder, declared in (("src", shipped), ("training", shipped | train)):
        for module in imported_modules(project / folder):
            names = {normalized(it) for it in providers.get(module, [])}
            names = {PARTS.get(name, name) for name in names} - {SLUG}
            assert not names or names & declared, f"{folder} imports {module} of {names}"
