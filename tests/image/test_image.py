"""The image of an unedited project: it builds, runs, responds and stops."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.containers import (
    JOBS,
    SERVICES,
    address,
    container,
    exit_status,
    is_json_lines,
    request_json,
    run_once,
    wait_until_healthy,
    write_orders,
)
from tests.helpers.edge_cases import add_edge_cases
from tests.helpers.harness import BUILT, INSTALLABLE, BakedProject, Combination, each, poetry, run
from tests.helpers.openapi import examples

pytestmark = pytest.mark.usefixtures("docker")


@each(SERVICES)
def test_the_service_becomes_healthy_answers_and_stops_on_sigterm(image: str) -> None:
    with container(image, "--publish", "127.0.0.1::8000") as name:
        wait_until_healthy(name)
        url = address(name)

        assert request_json(f"{url}/livez") == {"status": "ok"}
        document = request_json(f"{url}/openapi.json")
        assert isinstance(document, dict)
        for path, body in examples(document):
            assert request_json(url + path, body)

        run("docker", "stop", "--timeout", "20", name)
        assert exit_status(name) == 0
        assert is_json_lines(run("docker", "logs", name).stdout)


@each(JOBS)
def test_the_job_processes_a_mounted_file_without_a_network(
    image: str,
    tmp_path: Path,
    bake: Callable[[Combination], BakedProject],
    combination: Combination,
) -> None:
    data = write_orders(tmp_path, 0)
    shutil.copy(bake(combination).path / "data/orders.csv", data)

    mount = ["--network=none", f"--volume={data}:/data"]
    result = run_once(image, *mount, command=["run", "data/orders.csv", "data/orders.jsonl"])

    assert result.returncode == 0, result.stderr
    assert is_json_lines(result.stdout)
    assert json.loads(result.stdout.splitlines()[-1])["event"] == "done"
    assert len((data / "orders.jsonl").read_text().splitlines()) == 5


@each(JOBS)
def test_a_job_without_a_command_fails(image: str) -> None:
    result = run_once(image)

    assert result.returncode == 2
    assert "Missing command." in result.stdout


@each([combination for combination in BUILT if combination not in INSTALLABLE])
def test_its_own_tests_pass_in_docker_if_this_machine_lacks_its_python(
    baked: BakedProject, tmp_path: Path
) -> None:
    shutil.copytree(baked.path, tmp_path, dirs_exist_ok=True)
    (tmp_path / ".dockerignore").unlink()
    add_edge_cases(BakedProject(tmp_path, baked.combination))
    baked.run(*poetry("export", "--all-groups", "--output", str(tmp_path / "all.txt")))
    dockerfile = tmp_path / "own-tests.Dockerfile"
    dockerfile.write_text(f"""
        FROM python:{baked.combination.python}-slim-trixie
        WORKDIR /project
        RUN python -m venv /venv
        ENV PATH=/venv/bin:$PATH
        COPY all.txt .
        RUN --mount=type=cache,target=/root/.cache/pip \\
            pip install --quiet --require-hashes --no-deps --requirement all.txt
        COPY . .
        RUN --mount=type=cache,target=/root/.cache/pip pip install --no-deps --editable .
        RUN pytest
        RUN --mount=type=cache,target=/project/.mypy_cache,sharing=locked \\
            mypy && ruff check && ruff format --check
    """)

    # A tool that fails, such as pytest without tests, fails the build.
    run("docker", "build", "--file", dockerfile, tmp_path)
