"""Linters find no problems in a baked project and in the template itself."""

import shutil
from pathlib import Path

import pytest

from tests.helpers.containers import NEWEST
from tests.helpers.harness import BUILT, KUBERNETES, OTHER_CI, ROOT, BakedProject, each, run, tool

# Compose and workflow files have long lines and keys such as `on`, and no `---`.
YAMLLINT = """
extends: default
rules:
  document-start: disable
  line-length: {max: 120}
  truthy: {check-keys: false}
"""
SCHEMAS = {
    "compose.yaml": "vendor.compose-spec",
    ".github/dependabot.yml": "vendor.dependabot",
    ".github/workflows": "vendor.github-workflows",
    ".gitlab-ci.yml": "vendor.gitlab-ci",
}


def lint(root: Path) -> None:
    """Run every linter on its files under `root`."""
    folders = ("", ".github/**/", "deploy/**/")
    yaml = [path for folder in folders for path in root.glob(f"{folder}*.y*ml")]
    yaml += root.glob(".*.y*ml")
    run(tool("yamllint"), "--strict", "--config-data", YAMLLINT, *yaml)
    for name, schema in SCHEMAS.items():
        path = root / name
        files = sorted(path.glob("*.yml")) if path.is_dir() else [path] if path.exists() else []
        if files:
            run(tool("check-jsonschema"), "--builtin-schema", schema, *files)
    # Its package downloads the program during the build, without a hash, so it is not locked: it
    # runs if the machine has it.
    if actionlint := shutil.which("actionlint"):
        run(actionlint, *sorted(root.glob(".github/workflows/*.yml")))
    if (root / ".github").exists():
        run(tool("zizmor"), "--offline", "--persona", "pedantic", "--quiet", root)
    run(tool("validate-pyproject"), root / "pyproject.toml")


@each([*NEWEST, *KUBERNETES, *OTHER_CI])
def test_linters_find_nothing_in_a_baked_project(baked: BakedProject) -> None:
    lint(baked.path)
    run(tool("hadolint"), baked.path / "Dockerfile")


@each(BUILT)
@pytest.mark.usefixtures("docker")
def test_docker_finds_nothing_in_a_baked_project(baked: BakedProject) -> None:
    baked.run("docker", "build", "--check", ".")
    baked.run("docker", "compose", "config", "--quiet")


def test_linters_find_nothing_in_the_template() -> None:
    lint(ROOT)
