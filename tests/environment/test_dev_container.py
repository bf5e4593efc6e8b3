"""The commands of the dev container, run in a container as an editor runs them."""

import json
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.helpers.containers import NEWEST
from tests.helpers.harness import SLUG, BakedProject, each, run
from tests.helpers.pip_settings import index_variables

# Replaces the image with Miniforge: it has no make, and its conda is a script that creates a venv
# of the same Python, with the packages of environment.yml that the image has.
CONDA = r"""#!/bin/sh
set -e
[ "$*" = "env create --file environment.yml" ]
prefix=/opt/conda/envs/$(sed -n 's/^name: "\(.*\)"$/\1/p' environment.yml)
/usr/local/bin/python -m venv --without-pip "$prefix"
for package in $(sed -n 's/^  - \([a-z]*\)$/\1/p' environment.yml); do
    [ ! -e "/opt/packages/$package" ] || ln -s "/opt/packages/$package" "$prefix/bin/$package"
done
"""
DOCKERFILE = """
FROM python:{python}-slim-trixie
RUN apt-get update && apt-get install --yes --no-install-recommends git make
RUN mkdir /opt/packages && mv /usr/bin/git /usr/bin/make /opt/packages && python -m venv /opt/conda
COPY --chmod=755 conda /opt/conda/bin/conda
ENV PATH=/opt/conda/bin:$PATH
{environment}
WORKDIR /workspaces/{slug}
COPY project .
RUN {create}
# For an index without a JSON API: see tests/helpers/pip_settings.py.
RUN pipx inject poetry poetry-plugin-pypi-mirror=={plugin}
{arguments}
RUN {install}
"""

pytestmark = [
    pytest.mark.usefixtures("docker"),
    pytest.mark.slow("installs Poetry and a project in a container"),
    each([one for one in NEWEST if one.application == "job"]),
]


@pytest.fixture
def container(baked: BakedProject, tmp_path: Path) -> Iterator[str]:
    """The image of a dev container after its commands."""
    shutil.copytree(baked.path, tmp_path / "project")
    (tmp_path / "conda").write_text(CONDA)
    settings = json.loads((baked.path / ".devcontainer/devcontainer.json").read_text("utf-8"))
    variables = {
        name: value.replace("${containerEnv:PATH}", "$PATH")
        for name, value in settings["remoteEnv"].items()
    }
    dockerfile = DOCKERFILE.format(
        python=baked.combination.python,
        environment="\n".join(f"ENV {name}={value}" for name, value in variables.items()),
        slug=SLUG,
        create=json.dumps(["sh", "-c", settings["onCreateCommand"]]),
        plugin=version("poetry-plugin-pypi-mirror"),
        arguments="\n".join(f"ARG {name}" for name in index_variables()),
        install=json.dumps(["sh", "-c", settings["postCreateCommand"]]),
    )
    (tmp_path / "Dockerfile").write_text(dockerfile)
    image = f"template-test:dev-container-{baked.combination}"
    options = [f"--build-arg={name}={value}" for name, value in index_variables().items()]
    run("docker", "build", "--tag", image, *options, tmp_path)
    yield image
    run("docker", "rmi", "--force", image)


def test_its_commands_create_an_environment_in_which_checks_and_tests_pass(
    container: str,
) -> None:
    def inside(*commands: str) -> str:
        shell = ["docker", "run", "--rm", "--network", "none", container, "sh", "-c"]
        return run(*shell, " && ".join(commands)).stdout

    commands = [f"command -v {name}" for name in ("python", "poetry", "make")]
    paths = inside(*commands, "poetry env info --path")
    assert paths.split() == [
        f"/opt/conda/envs/{SLUG}/bin/python",
        "/opt/poetry/bin/poetry",
        f"/opt/conda/envs/{SLUG}/bin/make",
        f"/opt/conda/envs/{SLUG}",
    ]
    assert inside("make run", "wc -l < data/orders.jsonl").split()[-1].isdecimal()
    assert " passed" in inside("make check", "make test")
