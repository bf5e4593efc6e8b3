"""SIGTERM and Ctrl-C end a job at any moment, also in a container."""

import json
import random
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.helpers.containers import (
    HEADER,
    JOBS,
    container,
    exit_status,
    inspect,
    wait_until,
    write_orders,
)
from tests.helpers.harness import (
    INSTALLABLE,
    PACKAGE,
    SLUG,
    BakedProject,
    Combination,
    each,
    needs_posix,
    run,
)

INSTALLED = [one for one in INSTALLABLE if one.kind == "job"][-1:]
TERMS, SEED, ROWS, SECONDS = 20, 5, 2_000_000, 1.0
TERMINATED = 143
WORK = ["run", "data/orders.csv", "data/orders.jsonl"]
# Removes what Windows lacks, as far as Python on this system works without it.
LIKE_WINDOWS = f"""
import os, signal, sys
del os.fork, os.register_at_fork, os.getuid, os.fchmod
del signal.SIGALRM, signal.setitimer, signal.pthread_sigmask, signal.sigwait
sys.modules["fcntl"] = None
from {PACKAGE}.cli import main
main()
"""


def handles_sigterm(name: str) -> bool:
    """Return whether the container's PID 1 handles SIGTERM; until then the kernel discards it."""
    status = Path("/proc", str(inspect(name)["State"]["Pid"]), "status").read_text("utf-8")
    (caught,) = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")]
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def seconds_to_end(name: str) -> float:
    """Send SIGTERM to a container; return the seconds until it exits."""
    sent = datetime.now(UTC)
    run("docker", "kill", "--signal", "TERM", name)
    run("docker", "wait", name)
    ended = datetime.fromisoformat(inspect(name)["State"]["FinishedAt"])
    return (ended - sent).total_seconds()


@pytest.mark.slow("stops 20 containers")
@each(JOBS[:1])
def test_sigterm_ends_a_job_in_a_container_at_any_moment(image: str, tmp_path: Path) -> None:
    data = write_orders(tmp_path, ROWS)
    draw = random.Random(SEED)  # noqa: S311 - a seed, not a secret
    for _ in range(TERMS):
        with container(image, f"--volume={data}:/data", command=WORK) as name:
            wait_until(lambda name=name: handles_sigterm(name), name)  # type: ignore[misc]  # Bound.
            sleep(draw.uniform(0, 2))
            assert seconds_to_end(name) < SECONDS
            assert exit_status(name) == TERMINATED
            lines = run("docker", "logs", name).stdout.splitlines()
            # Nothing is logged before the imports are done.
            assert [json.loads(line)["status"] for line in lines] in ([], [TERMINATED])

    # The next run removes what they left; on one row, because all of them take 15 s.
    (data / "orders.csv").write_text(f"{HEADER}A,1,1.00,0\n")
    run("docker", "run", "--rm", f"--volume={data}:/data", "--user=0", image, *WORK)
    assert sorted(path.name for path in data.iterdir()) == ["orders.csv", "orders.jsonl"]


@pytest.fixture
def default_sigint() -> Iterator[None]:
    """Handle SIGINT here and in child processes: a shell's background processes ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@needs_posix
@pytest.mark.slow("installs a project")
@pytest.mark.usefixtures("default_sigint")
@each(INSTALLED)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_job_can_be_stopped_at_any_moment(
    number: signal.Signals,
    combination: Combination,
    install: Callable[[Combination], BakedProject],
    tmp_path: Path,
) -> None:
    command = install(combination).path.parent / "venv" / "bin" / SLUG
    data = write_orders(tmp_path, ROWS)
    draw = random.Random(SEED)  # noqa: S311 - a seed, not a secret
    for _ in range(TERMS):
        with subprocess.Popen([command, *WORK], cwd=tmp_path, stdout=subprocess.PIPE) as process:
            while not list(data.glob(".orders.jsonl.*")):
                assert process.poll() is None
                sleep(0.05)
            sleep(draw.uniform(0, 1))
            sent = monotonic()
            process.send_signal(number)
            assert process.wait(timeout=30) == 128 + number
            assert monotonic() - sent < SECONDS
            assert process.stdout
            assert json.loads(process.stdout.read())["status"] == 128 + number
        # The next run would remove it.
        shutil.rmtree(next(data.glob(".orders.jsonl.*")))


@each(INSTALLED)
def test_a_job_needs_nothing_that_windows_lacks(
    combination: Combination, install: Callable[[Combination], BakedProject], tmp_path: Path
) -> None:
    project = install(combination)
    python = project.path.parent / "venv" / "bin" / "python"

    project.run(python, "-c", LIKE_WINDOWS, "run", "data/orders.csv", str(tmp_path / "out.jsonl"))

    assert len((tmp_path / "out.jsonl").read_text("utf-8").splitlines()) == 5
