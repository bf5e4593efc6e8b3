import errno
import io
import json
import shutil
from functools import partial
from pathlib import Path
from subprocess import CalledProcessError

import pytest
import typer
from tests.test_cli import SAMPLE, invoke
from typer import BadParameter

from my_application import cli, exit_status, logs
from my_application.exit_status import InputError


def test_merge_refuses_missing_and_unrelated_parts() -> None:
    invoke("run", "--shard", "0/3", SAMPLE, "out.jsonl")
    with pytest.raises(OSError, match=r"missing parts: .*1-of-3, .*2-of-3"):
        invoke("merge", SAMPLE, "out.jsonl")

    invoke("run", "--shard", "0/2", SAMPLE, "out.jsonl")
    with pytest.raises(InputError, match="0-of-2 belongs to another input, version or split"):
        invoke("merge", SAMPLE, "out.jsonl")
    with pytest.raises(OSError, match="missing parts: "):
        invoke("merge", SAMPLE, "missing/out.jsonl")


def test_merge_only_names_the_part_of_another_run() -> None:
    for shard in ("0/2", "1/2"):
        invoke("run", "--shard", shard, SAMPLE, "out.jsonl")
    Path("out.jsonl.0123.4-of-8").touch()

    with pytest.raises(InputError) as error:
        invoke("merge", SAMPLE, "out.jsonl")

    (problem,) = error.value.args
    assert problem.startswith("out.jsonl.0123.4-of-8 ")


def test_a_shard_out_of_range_is_refused() -> None:
    with pytest.raises(BadParameter, match="2/2 is not I/N"):
        invoke("run", "--shard", "2/2", SAMPLE, "out.jsonl")
    with pytest.raises(BadParameter, match="0 to N - 1, or JOB_COMPLETION_INDEX"):
        invoke("run", "--shard", "/2", SAMPLE, "out.jsonl")


def test_typer_does_not_change_the_exit_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exit_status, "exit_on_signals", lambda: None)
    monkeypatch.setattr(cli.app, "registered_commands", [])

    @cli.app.command()
    def count() -> int:
        return 5

    @cli.app.command()
    def leave() -> None:
        raise typer.Exit(7)

    @cli.app.command()
    def send() -> None:  # To a database, not to the reader of the log.
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    for command, status in (("count", 0), ("leave", 7), ("send", 74)):
        with pytest.raises(SystemExit) as outcome:
            exit_status.run(partial(cli.app, [command], standalone_mode=False))
        assert outcome.value.code == status


def test_a_question_that_is_answered_with_no_is_not_a_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(exit_status, "exit_on_signals", lambda: None)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    logs.configure("info", "json")

    with pytest.raises(SystemExit) as outcome:
        exit_status.run(partial(typer.confirm, "Delete everything?", abort=True))

    assert outcome.value.code == 1
    line = capsys.readouterr().out.removeprefix("Delete everything? [y/N]: ")
    assert json.loads(line)["event"] == "failed"


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (UnicodeDecodeError("utf-8", b"hunter2 \xff", 8, 9, "invalid start byte"), "can't decode"),
        (CalledProcessError(3, ["pg_dump"]), "returned non-zero exit status 3"),
        (TimeoutError(), "TimeoutError()"),
    ],
)
def test_the_arguments_of_other_exceptions_are_not_problems(error: Exception, problem: str) -> None:
    (description,) = exit_status.describe(error)

    assert problem in description
    assert "hunter2" not in description


def test_the_input_is_not_overwritten() -> None:
    shutil.copy(SAMPLE, "orders.csv")

    with pytest.raises(BadParameter, match="are the same file"):
        invoke("run", "orders.csv", "orders.csv")


def test_help_lists_the_exit_statuses() -> None:
    assert "Status 65: the input is invalid or missing" in " ".join(invoke("--help").split())


def test_text_in_another_encoding_is_a_fault_of_the_input() -> None:
    Path("in.csv").write_bytes(b"\xff")

    with pytest.raises(UnicodeDecodeError) as error:
        Path("in.csv").read_text("utf-8")

    assert exit_status.status_of(error.value) == 65
