from pathlib import Path

import pytest
from typer import BadParameter

from {{ cookiecutter.package_name }}.exit_status import InputError
from {{ cookiecutter.package_name }}.shards import Shard, merge, parse, scan

SOURCE, TARGET = Path("in.txt"), Path("out.txt")


def write_parts(count: int) -> list[Path]:
    """Write the lines of the source, each shard its own."""
    digest, lines = scan(SOURCE)
    rows = list(enumerate(SOURCE.read_text().splitlines(keepends=True), 1))
    parts = [Shard(index, count).path(TARGET, digest) for index in range(count)]
    for index, part in enumerate(parts):
        part.write_text("".join(row for _, row in Shard(index, count).select(iter(rows), lines)))
    return parts


@pytest.mark.parametrize("lines", [0, 1, 6, 100])
@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_every_row_is_in_one_shard_and_in_order(lines: int, count: int) -> None:
    SOURCE.write_text("\n".join(map(str, range(lines))))

    write_parts(count)
    merge(SOURCE, TARGET)

    assert TARGET.read_text() == SOURCE.read_text()


def test_missing_parts_are_named() -> None:
    SOURCE.write_text("1\n2\n3\n")
    parts = write_parts(3)
    parts[1].unlink()

    with pytest.raises(FileNotFoundError, match=f"missing parts: {parts[1]}"):
        merge(SOURCE, TARGET)
    assert not TARGET.exists()


def test_parts_of_another_input_or_split_are_refused() -> None:
    SOURCE.write_text("1\n2\n3\n")
    other_input = write_parts(1)
    SOURCE.write_text("1\n2\n")
    other_split = write_parts(2)[:1]
    write_parts(3)

    with pytest.raises(InputError) as error:
        merge(SOURCE, TARGET)
    named = {Path(problem.partition(" is of another input")[0]) for problem in error.value.args}
    assert named == {*other_input, *other_split, Shard(1, 2).path(TARGET, scan(SOURCE)[0])}


@pytest.mark.parametrize("text", ["2/2", "-1/2", "1", "/2", "a/2", "0/0", "0/2/3"])
def test_a_shard_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(BadParameter, match="is not I/N"):
        parse(text)
