import errno
from pathlib import Path

import pytest

from {{ cookiecutter.package_name }}.files import replacing

TARGET = Path("out.jsonl")


def names() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def test_a_failure_keeps_the_target_and_is_said_to_concern_it() -> None:
    TARGET.write_text("old")

    with pytest.raises(OSError, match="No space left") as error, replacing(TARGET):
        raise OSError(errno.ENOSPC, "No space left on device")

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


def test_what_is_not_written_replaces_nothing() -> None:
    TARGET.write_text("old")

    with pytest.raises(RuntimeError, match="was not written"), replacing(TARGET):
        pass

    assert TARGET.read_text() == "old"


def test_a_missing_directory_is_no_missing_input() -> None:
    with pytest.raises(NotADirectoryError), replacing(Path("missing", "out.jsonl")):
        pass
