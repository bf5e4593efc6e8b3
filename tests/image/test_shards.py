"""Shards of an input in containers give the output of one run, even if some are killed."""

import random
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import CompletedProcess
from time import monotonic, sleep

import pytest

from tests.helpers.containers import HEADER, NEWEST, container, exit_status, run_once, write_orders
from tests.helpers.harness import each, run

KILLS, SEED, COUNT, ROWS = 20, 9, 3, 20_000
FILES = ["data/orders.csv", "data/merged.jsonl"]

pytestmark = [
    pytest.mark.usefixtures("docker"),
    each([one for one in NEWEST if one.kind == "job"]),
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with many orders, some with line breaks in their fields."""
    data = write_orders(tmp_path, 0)
    names = ["A-{}", '"A,\n{}"', '"A ""{}"""', 'A"{}']
    rows = [
        f"{names[it % 4].format(it)},{it % 90 + 1},{it % 1000}.5,{it % 7}" for it in range(ROWS)
    ]
    (data / "orders.csv").write_text(HEADER + "\n".join(rows))
    return data


def job(image: str, data: Path, *command: str, index: int | None = None) -> CompletedProcess[str]:
    return run_once(image, *options(data, index), command=command)


def options(data: Path, index: int | None) -> list[str]:
    """Return the options that a pod of an Indexed Job corresponds to."""
    given = ["--network=none", f"--volume={data}:/data"]
    return given if index is None else [*given, f"--env=JOB_COMPLETION_INDEX={index}"]


def shard(count: int) -> list[str]:
    return ["run", "--shard", f"/{count}", *FILES]


def run_all(image: str, data: Path, count: int) -> list[CompletedProcess[str]]:
    """Run all shards at once."""
    with ThreadPoolExecutor(count) as threads:
        return list(
            threads.map(lambda index: job(image, data, *shard(count), index=index), range(count))
        )


def merge(image: str, data: Path) -> CompletedProcess[str]:
    return job(image, data, "merge", *FILES)


def output(data: Path, index: int) -> Path:
    (path,) = data.glob(f"merged.jsonl.*.{index}-of-{COUNT}")
    return path


def joined_output(results: Sequence[CompletedProcess[str]]) -> str:
    return "".join(one.stdout + one.stderr for one in results)


@pytest.mark.slow("starts 18 containers")
def test_parallel_shards_give_the_output_of_one_run(image: str, data: Path) -> None:
    assert job(image, data, "run", "data/orders.csv", "data/whole.jsonl").returncode == 0
    whole = (data / "whole.jsonl").read_bytes()
    assert whole.count(b"\n") == ROWS

    for count in (1, 2, 3, 7):
        results = [*run_all(image, data, count), merge(image, data)]

        assert [one.returncode for one in results] == [0] * (count + 1), joined_output(results)
        assert (data / "merged.jsonl").read_bytes() == whole
        for path in data.glob("merged.jsonl*"):
            path.unlink()


@pytest.mark.slow("starts 48 containers")
def test_a_killed_shard_can_be_repeated(image: str, data: Path, tmp_path: Path) -> None:
    assert job(image, data, "run", "data/orders.csv", "data/whole.jsonl").returncode == 0
    run_all(image, data, COUNT)
    expected = [output(data, index).read_bytes() for index in range(COUNT)]
    draw = random.Random(SEED)  # noqa: S311 - a seed, not a secret
    kills = [(draw.randrange(COUNT), draw.random()) for _ in range(KILLS)]
    duration = shard_seconds(image, data)

    def kill_some(worker: int) -> list[int]:
        folder = tmp_path / f"worker-{worker}"
        shutil.copytree(data, folder)
        folder.chmod(0o777)
        statuses = []
        for index, moment in kills[worker::4]:
            output(folder, index).unlink()
            statuses.append(kill(image, folder, index, moment * duration))
            result = job(image, folder, *shard(COUNT), index=index)
            assert result.returncode == 0, joined_output([result])
            assert [output(folder, it).read_bytes() for it in range(COUNT)] == expected
            assert list(folder.glob(".*")) == []
        assert merge(image, folder).returncode == 0
        assert (folder / "merged.jsonl").read_bytes() == (folder / "whole.jsonl").read_bytes()
        return statuses

    with ThreadPoolExecutor(4) as threads:
        statuses = sum(threads.map(kill_some, range(4)), list[int]())

    # The others had finished before.
    assert set(statuses) <= {137, 0}
    assert statuses.count(137) >= KILLS // 2


def shard_seconds(image: str, data: Path) -> float:
    """Return the duration of a shard in seconds."""
    output(data, 0).unlink()
    with container(image, *options(data, 0), command=shard(COUNT)) as name:
        began = monotonic()
        run("docker", "wait", name)
        return monotonic() - began


def kill(image: str, data: Path, index: int, after: float) -> int:
    """Start a shard, kill it after some seconds, and return its exit status."""
    with container(image, *options(data, index), command=shard(COUNT)) as name:
        sleep(after)
        run("docker", "kill", "--signal", "KILL", name, check=False)
        run("docker", "wait", name)
        return exit_status(name)


def test_a_merge_that_would_be_wrong_is_refused(image: str, data: Path) -> None:
    run_all(image, data, COUNT)
    missing = output(data, 1)
    part = missing.read_bytes()

    out_of_range = job(image, data, *shard(COUNT), index=COUNT)
    missing.unlink()
    incomplete = merge(image, data)
    missing.write_bytes(part)
    job(image, data, *shard(COUNT + 1), index=0)
    another_split = merge(image, data)
    (data / "orders.csv").write_text(HEADER + "A,1,1.00,0\n")
    another_input = merge(image, data)

    results = [out_of_range, incomplete, another_split, another_input]
    assert [one.returncode for one in results] == [2, 74, 65, 65], joined_output(results)
    assert "3/3 is not I/N" in out_of_range.stdout
    assert f"missing parts: data/{missing.name}" in incomplete.stdout
    for one in (another_split, another_input):
        assert f"{missing.name} belongs to another input, version or split" in one.stdout
    assert not (data / "merged.jsonl").exists()
