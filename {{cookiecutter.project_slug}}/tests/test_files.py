import errno
from pathlib import Path

import pytest

from {{ cookiecutter.package_name }}.files import replacing

TARGET = Path("out.jsonl")


def names() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def test_a_failure_keeps_the_target_and_names_it() -> None:
    TARGET.write_text("old")

    with pytest.raises(OSError, match="No space left") as error, replacing(TARGET):
        raise OSError(errno.ENOSPC, "No space left on device")

    assert error.value.__notes__ == ["while writing out.jsonl"]
    assert TARGET.read_text() == "old"
    assert names() == ["out.jsonl"]


def test_remains_of_a_killed_run_are_removed_by_the_next_run() -> None:
    for name in (".out.jsonl.0123abcd.partial", ".out.jsonl.part.0123abcd.partial"):
        Path(name).mkdir()
        Path(name, "out.jsonl").write_text("half")

    with replacing(TARGET) as path:
        path.write_text("new")
        assert path.name == TARGET.name

    assert names() == [".out.jsonl.part.0123abcd.partial", "out.jsonl"]
