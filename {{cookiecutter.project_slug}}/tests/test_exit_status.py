import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from tests.conftest import ReadLog
from typer import BadParameter

from {{ cookiecutter.package_name }} import exit_status
from {{ cookiecutter.package_name }}.exit_status import InputError

# A job that spends its time in one call into native code.
STUCK = """
import ctypes
from {{ cookiecutter.package_name }} import exit_status, logs
def job():
    print("started", flush=True)
    while True:
        ctypes.CDLL(None).sleep(60)
logs.configure()
exit_status.run(job)
"""


def raise_(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


def run(command: Callable[[], int | None], monkeypatch: pytest.MonkeyPatch) -> object:
    """Run a command without handling SIGTERM in the process of the tests; return its status."""
    monkeypatch.setattr(exit_status, "exit_on_sigterm", lambda: None)
    with pytest.raises(SystemExit) as end:
        exit_status.run(command)
    return end.value.code


@pytest.mark.parametrize(
    ("error", "status", "problems"),
    [
        (BadParameter("no number"), 2, ["Invalid value: no number"]),
        (InputError("line 2: bad", "line 3: bad"), 65, ["line 2: bad", "line 3: bad"]),
        (FileNotFoundError(2, "Not found", "in.csv"), 74, ["in.csv: Not found"]),
        (PermissionError(13, "Denied", ".tmp", None, "out"), 74, ["out: Denied"]),
        (OSError(28, "No space left on device"), 74, ["No space left on device"]),
        (ConnectionError("refused"), 74, ["refused"]),
    ],
)
def test_each_failure_has_its_status_and_names_its_problems(
    error: Exception,
    status: int,
    problems: list[str],
    read_log: ReadLog,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run(raise_(error), monkeypatch) == status
    (line,) = read_log()
    assert (line["status"], line["problems"]) == (status, problems)


def test_a_bug_is_logged_with_its_traceback(
    read_log: ReadLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(raise_(ZeroDivisionError("oops")), monkeypatch) == 70
    (line,) = read_log()
    assert line["event"] == "a bug in the job"
    assert "ZeroDivisionError: oops" in line["exception"]


def test_success_and_ctrl_c_have_their_status(
    read_log: ReadLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(lambda: None, monkeypatch) == 0
    assert run(lambda: 130, monkeypatch) == 130
    assert [line["event"] for line in read_log()] == ["interrupted by Ctrl-C"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to handle")
def test_sigterm_ends_even_a_call_into_native_code() -> None:
    with subprocess.Popen(  # noqa: S603 - no shell, no input
        [sys.executable, "-c", STUCK], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "started\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 143
        assert '"status": 143' in process.stdout.read()
