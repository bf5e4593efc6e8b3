"""Tests of rare cases in the code of projects: `tests/edge_cases/`.

They are not part of a project, but run in a copy of one, with the fixtures of its own tests.
"""

import shutil

from tests.helpers.harness import ROOT, BakedProject


def add_edge_cases(project: BakedProject) -> str:
    """Copy the tests for an application into a project, and return their folder in it."""
    combination = project.combination
    for owner in {"all", combination.kind, combination.application.replace("-", "_")}:
        folder = ROOT / "tests" / "edge_cases" / owner
        if folder.is_dir():
            shutil.copytree(folder, project.path / "tests" / "edge_cases" / owner)
    return "tests/edge_cases"
