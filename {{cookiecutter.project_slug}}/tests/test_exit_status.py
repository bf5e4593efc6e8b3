import json
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from tests.conftest import ReadLog
from typer import BadParameter

from {{ cookiecutter.package_name }} import exit_status
from {{ cookiecutter.package_name }}.exit_status import InputError

type Run = Callable[[BaseException], tuple[object, list[dict[str, Any]]]]

# A job that spends its time in a call into native code.
STUCK = """
import ctypes, signal
from {{ cookiecutter.package_name }} import exit_status, logs
def job():
    print("started", flush=True)
    while True:
        ctypes.CDLL(None).sleep(60)
# In the background of a shell, it would be ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
logs.configure()
exit_status.run(job)
"""


@pytest.fixture
def run(read_log: ReadLog, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a failing job and returns its exit status and its log."""
    monkeypatch.setattr(exit_status, "exit_on_signals", lambda: None)

    def run_job(error: BaseException) -> tuple[object, list[dict[str, Any]]]:
        def job() -> None:
            raise error

        read_log()
        with pytest.raises(SystemExit) as end:
            exit_status.run(job)
        return end.value.code, read_log()

    return run_job


@pytest.mark.parametrize(
    ("error", "status", "problems"),
    [
        (BadParameter("no number"), 2, ["Invalid value: no number"]),
        (InputError("line 2: bad", "line 3: bad"), 65, ["line 2: bad", "line 3: bad"]),
        (EOFError("in.csv.gz ended too early"), 65, ["in.csv.gz ended too early"]),
        (FileNotFoundError(2, "Not found", "in.csv"), 65, ["in.csv: Not found"]),
        (PermissionError(13, "Denied", ".tmp", None, "out"), 74, ["out: Denied"]),
        (OSError(28, "No space left on device"), 74, ["No space left on device"]),
        (ExceptionGroup("", [ExceptionGroup("", [InputError("a")]), OSError("b")]), 65, ["a", "b"]),
        (SystemExit("no orders"), 1, ["no orders"]),
        (SystemExit(3), 3, []),
    ],
)
def test_failures_are_logged_with_their_status_and_problems(
    error: BaseException, status: int, problems: list[str], run: Run
) -> None:
    code, (line,) = run(error)

    assert code == line["status"] == status
    assert line["problems"] == problems


def test_a_bug_is_logged_with_its_traceback(run: Run) -> None:
    bug = ZeroDivisionError("oops")
    for error in (bug, ExceptionGroup("", [InputError("bad"), bug])):
        code, (line,) = run(error)

        assert (code, line["event"]) == (70, "a bug in the job")
        assert "ZeroDivisionError: oops" in line["exception"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_interrupt_even_native_code(number: signal.Signals) -> None:
    with subprocess.Popen(  # noqa: S603 - no shell, no input
        [sys.executable, "-c", STUCK], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "started\n"
        process.send_signal(number)
        assert process.wait(timeout=10) == 128 + number
        assert json.loads(process.stdout.read())["status"] == 128 + number
