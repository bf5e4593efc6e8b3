import os
import sys
from pathlib import Path

import pytest
from typer import BadParameter

from {{ cookiecutter.package_name }}.files import replacing

TARGET = Path("out.jsonl")


def names() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def test_a_failure_keeps_the_target_and_is_said_to_concern_it() -> None:
    TARGET.write_text("old")

    with pytest.raises(IsADirectoryError) as error, replacing(TARGET) as path:
        path.mkdir()

    assert error.value.__notes__ == ["while writing out.jsonl"]
    assert TARGET.read_text() == "old"
    assert names() == ["out.jsonl"]


def test_what_a_killed_run_left_is_removed_by_the_next_run_of_the_same_target() -> None:
    for name in (".out.jsonl.0123abcd.partial", ".out.jsonl.part.0123abcd.partial"):
        Path(name).mkdir()
        Path(name, "out.jsonl").write_text("half")

    with replacing(TARGET) as path:
        path.write_text("new")
        assert path.name == TARGET.name

    assert names() == [".out.jsonl.part.0123abcd.partial", "out.jsonl"]


def test_of_two_runs_at_once_the_one_that_started_last_wins() -> None:
    with pytest.raises(OSError, match="another run"), replacing(TARGET) as first:  # noqa: PT012 - two runs
        first.write_text("first")
        with replacing(TARGET) as second:
            second.write_text("second")

    assert TARGET.read_text() == "second"
    assert names() == ["out.jsonl"]


@pytest.mark.parametrize("target", [Path(), Path(os.devnull)], ids=["directory", "device"])
def test_a_target_that_is_no_regular_file_is_refused(target: Path) -> None:
    with pytest.raises(BadParameter, match="is not a regular file"), replacing(target):
        pass

    assert names() == []


def test_a_missing_directory_is_no_missing_input() -> None:
    with pytest.raises(NotADirectoryError), replacing(Path("missing", "out.jsonl")):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes and links")
def test_a_link_leads_to_the_target_which_keeps_its_mode() -> None:
    TARGET.touch(mode=0o600)
    link = Path("latest.jsonl")
    link.symlink_to(TARGET)

    with replacing(link) as path:
        path.write_text("new")

    assert link.is_symlink()
    assert TARGET.read_text() == "new"
    assert TARGET.stat().st_mode & 0o77 == 0
