"""The steps of the workflow that bakes on every system, run on Linux."""

import json
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from tests.helpers.harness import QUESTIONS, ROOT, run, working_tree
from tests.helpers.pip_settings import index_variables

JOB = yaml.safe_load((ROOT / ".github/workflows/bake.yml").read_text("utf-8"))["jobs"]["job"]
SCRIPTS = [step["run"] for step in JOB["steps"] if "run" in step]
(PYTHON,) = (
    step["with"]["python-version"]
    for step in JOB["steps"]
    if step.get("uses", "").startswith("actions/setup-python@")
)
# GitHub's runners have these programs on PATH, and the folder of `pipx`.
DOCKERFILE = f"""
FROM python:{PYTHON}-slim-trixie
RUN apt-get update && apt-get install --yes --no-install-recommends git make
{{arguments}}
RUN python -m venv /opt/python && /opt/python/bin/pip install pipx
ENV RUNNER_TEMP=/temp PATH=/opt/python/bin:/root/.local/bin:$PATH
WORKDIR /template
COPY template .
RUN {{render}}
RUN {{poetry}}
# For an index without a JSON API: see tests/helpers/pip_settings.py.
RUN pipx inject poetry poetry-plugin-pypi-mirror=={{plugin}}
RUN {{check}}
"""


def test_a_job_is_tested_on_the_systems_of_developers() -> None:
    assert JOB["strategy"]["matrix"]["os"] == ["windows-2025", "macos-15"]
    assert QUESTIONS["python_version"][0] == PYTHON


@pytest.mark.usefixtures("docker")
@pytest.mark.slow("installs Poetry and a project in a container")
def test_the_steps_render_a_job_whose_checks_and_tests_pass(tmp_path: Path) -> None:
    working_tree(tmp_path / "template")
    render, poetry, check = (json.dumps(["bash", "-eo", "pipefail", "-c", it]) for it in SCRIPTS)
    dockerfile = DOCKERFILE.format(
        arguments="\n".join(f"ARG {name}" for name in index_variables()),
        plugin=version("poetry-plugin-pypi-mirror"),
        render=render,
        poetry=poetry,
        check=check,
    )
    (tmp_path / "Dockerfile").write_text(dockerfile)
    options = [f"--build-arg={name}={value}" for name, value in index_variables().items()]

    run("docker", "build", "--output=type=cacheonly", *options, tmp_path)  # Fails if a step fails.
