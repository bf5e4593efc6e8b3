"""Tests of rare cases of the projects' code, which a project does not have to keep: `edge_cases`.

They run in a copy of a project, beside its own tests and with their fixtures.
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
