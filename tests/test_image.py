"""The image of a baked project, from outside: it builds unedited, runs, answers and stops."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from time import sleep

import pytest
from tests.containers import address, ask, container, exit_status, wait_until_healthy
from tests.harness import BUILT, BakedProject, Combination, each, interpreter, poetry, run

APIS = [combination for combination in BUILT if combination.application != "job"]
JOBS = [combination for combination in BUILT if combination.application == "job"]

pytestmark = pytest.mark.usefixtures("docker")


@each(APIS)
def test_the_service_becomes_healthy_answers_and_stops_on_sigterm(image: str) -> None:
    with container(image, "--publish", "127.0.0.1::8000") as name:
        wait_until_healthy(name)
        url = address(name)

        assert ask(f"{url}/livez") == {"status": "ok"}
        document = ask(f"{url}/openapi.json")
        assert isinstance(document, dict)
        for path, body in examples(document):
            assert ask(url + path, body)

        run("docker", "stop", "--timeout", "20", name)
        assert exit_status(name) == "0"
        logs = run("docker", "logs", name).stdout.splitlines()
        assert logs
        assert all(isinstance(json.loads(line), dict) for line in logs)


def examples(
    document: dict[str, dict[str, dict[str, dict[str, object]]]],
) -> list[tuple[str, object]]:
    """Every path that takes a body, with the example that the documentation shows for it."""
    found = []
    for path, methods in document["paths"].items():
        if "post" in methods:
            content = methods["post"]["requestBody"]["content"]["application/json"]  # type: ignore[index]
            if "example" in content:
                found.append((path, content["example"]))
                continue
            name = content["schema"]["$ref"].rpartition("/")[2]
            schema = document["components"]["schemas"][name]
            found.append((path, schema["examples"][0]))  # type: ignore[index]
    assert found
    return found


@each(JOBS)
def test_the_job_does_its_work_on_a_mounted_file(
    image: str,
    combination: Combination,
    tmp_path: Path,
    bake: Callable[[Combination], BakedProject],
) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o777)
    data.chmod(0o777)
    (data / "orders.csv").write_bytes((bake(combination).path / "data/orders.csv").read_bytes())

    result = run(
        *["docker", "run", "--rm", "--read-only", "--cap-drop", "ALL", "--network", "none"],
        *["--volume", f"{data}:/data", image, "run", "orders.csv", "orders.jsonl"],
    )

    assert json.loads(result.stdout.splitlines()[-1])["event"] == "job done"
    assert len((data / "orders.jsonl").read_text().splitlines()) == 5


@each(JOBS)
def test_a_job_that_is_stopped_in_the_middle_leaves_nothing_behind(
    image: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o777)
    header = "order_id,quantity,unit_price,discount_percent\n"
    (data / "orders.csv").write_text(header + "A,1,1.00,0\n" * 2_000_000)

    command = ["run", "orders.csv", "orders.jsonl"]
    with container(image, "--volume", f"{data}:/data", command=command) as name:
        while not list(data.glob(".orders.jsonl.*")):
            assert exit_status(name) == "0"
            sleep(0.02)
        run("docker", "stop", "--timeout", "20", name)
        assert exit_status(name) == "143"

    assert [path.name for path in data.iterdir()] == ["orders.csv"]


@each(BUILT)
def test_a_python_that_is_not_the_projects_fails_the_build(
    combination: Combination, image: str, bake: Callable[[Combination], BakedProject]
) -> None:
    other = {"3.14": "3.13", "3.13": "3.14"}[combination.python]

    result = bake(combination).run(
        "docker", "build", "--build-arg", f"PYTHON_VERSION={other}", ".", check=False
    )

    assert image
    assert result.returncode
    assert f"requires a different Python: {other}" in result.stderr
    assert f">={combination.python}" in result.stderr


@each([combination for combination in BUILT if not interpreter(combination.python)])
def test_its_own_tests_pass_where_only_the_image_has_its_python(
    baked: BakedProject, tmp_path: Path
) -> None:
    shutil.copytree(baked.path, tmp_path, dirs_exist_ok=True)
    (tmp_path / ".dockerignore").unlink()
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
        RUN pytest && mypy && ruff check && ruff format --check
    """)

    result = run("docker", "build", "--progress", "plain", "--file", dockerfile, tmp_path)

    assert " passed" in result.stderr
    assert "Success: no issues found" in result.stderr
