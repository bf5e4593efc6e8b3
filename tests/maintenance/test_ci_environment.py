"""The first steps of CI jobs: caches, a package index, a Conda environment."""

import re
from pathlib import Path

import pytest
import yaml

from tests.helpers.github import CI, Runner, ci_step
from tests.helpers.harness import ROOT

RENEW = yaml.safe_load((ROOT / ".github/workflows/renew.yml").read_text("utf-8"))
# Creates a folder as the Conda environment, and records the package cache.
CONDA = 'mkdir -p "${@: -1}/bin"; echo "packages in $CONDA_PKGS_DIRS" >> "$HOME/calls.txt"'


def create_environment(runner: Runner, **environment: str) -> tuple[int, str]:
    """Run the step that creates the Conda environment; return its status and output."""
    step = ci_step("test", "Create the Conda environment")
    files = {name: str(runner.folder / name) for name in ("GITHUB_ENV", "GITHUB_PATH")}
    result = runner.run(step, {}, **files, **environment)
    return result.returncode, result.stdout + result.stderr


@pytest.mark.parametrize("name", ["conda", "mamba", "micromamba"])
def test_a_self_hosted_runner_only_needs_conda_on_its_path(tmp_path: Path, name: str) -> None:
    runner = Runner(tmp_path / "run")
    runner.replace(name, CONDA)

    status, output = create_environment(runner)

    assert status == 0, output
    prefix = runner.temp / "conda"
    command, packages = runner.calls()
    assert command == f"{name} env create --quiet --file environment.yml --prefix {prefix}"
    assert packages == f"packages in {runner.folder}/.cache/conda"
    variables = (runner.folder / "GITHUB_ENV").read_text()
    assert variables == f"CONDA_PREFIX={prefix}\nCONDA_DEFAULT_ENV={prefix}\n"
    # The last one comes first on PATH. pipx installs Poetry into the other one.
    path = (runner.folder / "GITHUB_PATH").read_text().splitlines()
    assert path == [f"{runner.folder}/.local/bin", f"{prefix}/bin"]


def test_the_conda_of_githubs_runners_comes_first(tmp_path: Path) -> None:
    runner = Runner(tmp_path / "run")
    runner.replace("conda", "exit 1")
    folder = tmp_path / "miniconda" / "bin"
    folder.mkdir(parents=True)
    (folder / "conda").write_text(f"#!/bin/bash\n{CONDA}\n")
    (folder / "conda").chmod(0o755)

    status, output = create_environment(runner, CONDA=str(folder.parent))

    assert status == 0, output
    assert len(runner.calls()) == 1


def test_a_runner_without_conda_is_told_what_it_needs(tmp_path: Path) -> None:
    status, output = create_environment(Runner(tmp_path / "run"), CONDA=str(tmp_path))

    assert status == 1
    assert output == (
        "::error::There is no conda, mamba or micromamba on this runner: install Miniforge.\n"
    )


@pytest.mark.parametrize("given", [(), ("PIP_CONF",), ("PIP_CONF", "CA_PEM")], ids=len)
def test_a_private_index_is_passed_to_the_build_by_secrets_only(
    tmp_path: Path, given: tuple[str, ...]
) -> None:
    runner = Runner(tmp_path / "run")
    runner.replace("make", "")
    secrets = {f"secrets.{name}": "a secret" * (name in given) for name in ("PIP_CONF", "CA_PEM")}

    result = runner.run(ci_step("image", "Build the image"), secrets)

    assert not result.returncode, result.stderr
    (call,) = runner.calls()
    passed = {"PIP_CONF": "--secret=id=pip.conf,env=PIP_CONF", "CA_PEM": "--secret=id=ca.pem"}
    assert {name for name in passed if passed[name] in call} == set(given)
    assert "a secret" not in call


def test_caches_depend_on_the_lock_and_on_the_conda_environment() -> None:
    jobs = [CI["jobs"]["test"], RENEW["jobs"]["update"]]
    caches = [
        step["with"] for job in jobs for step in job["steps"] if "cache@" in step.get("uses", "")
    ]

    assert len(caches) == len(jobs)
    for cache in caches:
        assert "hashFiles('environment.yml', 'poetry.lock')" in cache["key"]
        assert "restore-keys" not in cache  # It would grow with each version.
        assert cache["path"].split() == ["~/.cache/conda", "~/.cache/pip", "~/.cache/pypoetry"]
    assert caches[0]["lookup-only"] == "${{ github.ref_type == 'tag' }}"


def test_both_workflows_set_up_the_same_environment() -> None:
    def commands(steps: list[dict[str, str]]) -> list[str]:
        scripts = [step["run"] for step in steps if "run" in step]
        return scripts[: scripts.index("make install")]

    update = commands(RENEW["jobs"]["update"]["steps"])
    test = commands(CI["jobs"]["test"]["steps"])

    # The renewal checks for a later template first.
    assert update[1:] == test
    assert re.search("cruft", update[0])


def test_the_jobs_check_test_start_and_scan() -> None:
    tests, image = (CI["jobs"][name]["steps"] for name in ("test", "image"))

    assert [step.get("run") for step in tests[-3:]] == ["make install", "make check", "make test"]
    build, start, scan = image[-3:]
    assert "IMAGE=candidate" in build["run"] + str(build.get("env"))
    assert start["run"] == "make smoke IMAGE=candidate"
    assert (scan["with"]["image-ref"], scan["with"]["exit-code"]) == ("candidate", "1")
