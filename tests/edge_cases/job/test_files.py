import io
import os
import sys
from pathlib import Path

import pytest
from tests.test_files import TARGET, names
from typer import BadParameter

from my_application.files import progress, replacing


def test_the_later_of_two_simultaneous_runs_wins() -> None:
    with pytest.raises(OSError, match="another run"), replacing(TARGET) as first:  # noqa: PT012 - two runs
        first.write_text("first")
        with replacing(TARGET) as second:
            second.write_text("second")

    assert TARGET.read_text() == "second"
    assert names() == ["out.jsonl"]


def test_a_run_fails_if_another_one_has_written_before_it() -> None:
    with pytest.raises(OSError, match="another run has started to write"), replacing(TARGET) as one:  # noqa: PT012 - two runs
        with replacing(TARGET) as other:
            other.touch()
        one.touch()


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="Only Linux has this directory.")  # noqa: S108 - no secret
def test_shared_memory_is_a_directory_like_others() -> None:
    target = Path("/dev/shm", f"test-{os.getpid()}.jsonl")  # noqa: S108 - no secret
    try:
        with replacing(target) as path:
            path.write_text("complete")

        assert target.read_text() == "complete"
    finally:
        target.unlink(missing_ok=True)


def test_a_failure_to_read_is_not_blamed_on_the_target() -> None:
    with pytest.raises(FileNotFoundError) as error, replacing(TARGET):
        Path("nope.csv").read_text()

    assert not hasattr(error.value, "__notes__")


@pytest.mark.parametrize("target", [Path(), Path(os.devnull), Path("/dev/stdout")], ids=str)
def test_a_target_that_is_not_a_regular_file_is_refused(target: Path) -> None:
    with pytest.raises(BadParameter, match="is not a regular file"), replacing(target):
        pass

    assert names() == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes and links")
def test_a_link_is_followed_and_the_target_keeps_its_mode() -> None:
    TARGET.touch(mode=0o600)
    link = Path("latest.jsonl")
    link.symlink_to(TARGET)

    with replacing(link) as path:
        path.write_text("new")

    assert link.is_symlink()
    assert TARGET.read_text() == "new"
    assert TARGET.stat().st_mode & 0o77 == 0


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_log_is_not_mixed_into_the_progress_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    output, terminal = io.StringIO(), Terminal()
    monkeypatch.setattr(sys, "stdout", output)
    monkeypatch.setattr(sys, "stderr", terminal)

    with progress() as bar:
        bar.add_task("Pricing", total=None)
        sys.stdout.write("a line of the log\n")

    assert output.getvalue() == "a line of the log\n"
    assert "Pricing" in terminal.getvalue()


def test_a_network_error_is_not_blamed_on_the_target() -> None:
    with pytest.raises(ConnectionRefusedError) as error, replacing(TARGET):
        raise ConnectionRefusedError(111, "Connection refused")

    assert not hasattr(error.value, "__notes__")


def test_a_target_is_kept_if_nothing_is_written() -> None:
    TARGET.write_text("old")

    with pytest.raises(RuntimeError, match="was not written"), replacing(TARGET):
        pass

    assert TARGET.read_text() == "old"


def test_a_missing_directory_is_not_a_missing_input() -> None:
    with pytest.raises(NotADirectoryError), replacing(Path("missing", "out.jsonl")):
        pass
