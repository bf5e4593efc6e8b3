"""environment.yml follows Conda's rules, and Conda's resolver installs it."""

import re
import tomllib
from typing import Any

import pytest
import yaml
from rattler import MatchSpec

from tests.helpers.conda_channel import Channels, bundled_pip
from tests.helpers.harness import (
    COMBINATIONS,
    PACKAGE,
    ROOT,
    SLUG,
    BakedProject,
    each,
    each_combination,
    interpreter,
    run,
    skip_or_fail,
)

# CEP 24, "Specification of environment.yml input files", without the prefix of a machine.
KEYS = {"name": str, "channels": list, "dependencies": list, "variables": dict}


def environment_of(baked: BakedProject) -> dict[str, Any]:
    loaded = yaml.safe_load((baked.path / "environment.yml").read_text("utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def assert_valid(environment: dict[str, Any]) -> None:
    """Check that Conda would neither warn, nor guess, nor use another channel."""
    for key, value in environment.items():
        assert isinstance(value, KEYS[key])
    assert not set(environment["name"]) & set("/ :#")
    assert environment["name"] not in {"base", "root"}
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    for dependency in environment["dependencies"]:
        MatchSpec(dependency, strict=True)


@each_combination
def test_the_environment_follows_condas_rules(baked: BakedProject) -> None:
    environment = environment_of(baked)

    assert_valid(environment)
    assert environment["name"] == SLUG


def test_the_environment_of_the_template_follows_condas_rules() -> None:
    assert_valid(yaml.safe_load((ROOT / "environment.yml").read_text("utf-8")))


@each_combination
def test_the_environment_has_python_and_nothing_that_poetry_manages(baked: BakedProject) -> None:
    specs = [MatchSpec(it, strict=True) for it in environment_of(baked)["dependencies"]]
    names = [spec.name.normalized for spec in specs]
    lock = tomllib.loads((baked.path / "poetry.lock").read_text("utf-8"))

    assert names == ["python", "git", "make"]
    assert str(specs[0].version) == f"{baked.combination.python}.*"
    assert not {package["name"] for package in lock["package"]} & {*names, "poetry", "pip"}


@each(COMBINATIONS[:1])
def test_the_cuda_example_fits_the_environment(baked: BakedProject) -> None:
    page = (baked.path / "docs/production.md").read_text("utf-8")
    examples = re.findall(r"```yaml\n(.+?)```", page, re.DOTALL)
    (example,) = (one for one in examples if "cuda" in one)

    text = (baked.path / "environment.yml").read_text("utf-8") + example

    environment = yaml.safe_load(text)
    assert_valid(environment)
    assert "cuda-version=13.0" in environment["dependencies"]
    predictor = (baked.path / f"src/{PACKAGE}/model/predictor.py").read_text("utf-8")
    assert "CUDAExecutionProvider" in page
    assert '"CPUExecutionProvider"' in predictor


@each_combination
def test_conda_solves_the_environment(channels: Channels, baked: BakedProject) -> None:
    chosen = {it.name.normalized: str(it.version) for it in channels.solve(environment_of(baked))}

    assert chosen.keys() == {"python", "git", "make"}
    assert re.fullmatch(rf"{re.escape(baked.combination.python)}\.\d+", chosen["python"])


@each_combination
def test_conda_installs_the_environment(
    channels: Channels, baked: BakedProject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    python = baked.combination.python
    found = interpreter(python)
    if not found or not bundled_pip(found):
        skip_or_fail(f"This machine has no Python {python} that can be packed.", required=False)
    prefix = tmp_path_factory.mktemp("envs") / SLUG

    channels.install(channels.solve(environment_of(baked)), prefix)

    output = run(prefix / "bin/python", "-c", "import sys; print(sys.prefix, sys.version)").stdout
    assert output.startswith(f"{prefix} {python}.")
    assert {path.name.rsplit("-", 2)[0] for path in (prefix / "conda-meta").glob("*.json")} == {
        "python",
        "git",
        "make",
    }


@each(COMBINATIONS[:1])
@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("python=3.", "python=2.", "No candidates were found for python 2."),
        ("- make", "- mkae", "No candidates were found for mkae"),
        ("- git", "- git=1.0", "No candidates were found for git 1.0"),
    ],
)
def test_conda_refuses_what_its_channel_does_not_have(
    channels: Channels, baked: BakedProject, old: str, new: str, reason: str
) -> None:
    text = (baked.path / "environment.yml").read_text("utf-8")
    assert old in text

    with pytest.raises(Exception, match=re.escape(reason)):
        channels.solve(yaml.safe_load(text.replace(old, new)))
