import random
import signal
import subprocess
import sys
import tracemalloc
from decimal import Decimal
from pathlib import Path
from time import sleep

import pytest

from {{ cookiecutter.package_name }} import job, shards
from {{ cookiecutter.package_name }}.files import FileError
from {{ cookiecutter.package_name }}.shards import Shard

HEADER = "order_id,quantity,unit_price,discount_percent\n"
SOURCE, TARGET = Path("in.csv"), Path("out.jsonl")


def awkward(rows: int = 200) -> str:
    """Orders of many lengths, with quotes and line ends in them, blank lines, and no last end."""
    draw = random.Random(7)  # noqa: S311 - a seed, not a secret
    names = ["A{}", '"A\n{}"', '"A""{}"', 'A"{}', '"A,\r\n\n{}' + "x" * 40 + '"']
    lines = [f"{draw.choice(names).format(it)},{it + 1},0.{it:03}"[:-1] for it in range(rows)]
    ends = [draw.choice(["\n", "\r\n", "\n\n"]) for _ in lines]
    return HEADER + "".join(f"{line},0{end}" for line, end in zip(lines, ends, strict=True)).strip()


def nothing(_done: int, _size: int) -> None:
    pass


def run(shard: Shard) -> job.Summary:
    return shards.run(SOURCE, TARGET, shard, max_errors=20, on_progress=nothing)


def run_all(count: int) -> list[job.Summary]:
    return [run(Shard(index, count)) for index in range(count)]


def merge() -> job.Summary:
    return shards.merge(SOURCE, TARGET, on_progress=nothing)


def left() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path().iterdir()}


def refused(message: str, *arguments: Shard) -> None:
    """Expect the shard, or the merge where there is none, to be refused and to change nothing."""
    before = left()
    with pytest.raises(FileError, match=message):
        run(*arguments) if arguments else merge()
    assert left() == before


@pytest.mark.parametrize("count", [1, 2, 3, 7, 500])
def test_merged_shards_are_the_bytes_of_one_run(count: int) -> None:
    SOURCE.write_text(awkward(), newline="")
    whole = job.run(SOURCE, Path("whole"), max_errors=1, on_progress=nothing)

    summaries = run_all(count)

    assert merge() == whole
    assert TARGET.read_bytes() == Path("whole").read_bytes()
    assert whole.orders == sum(one.orders for one in summaries) == 200
    assert whole.total == sum(one.total for one in summaries)


def test_every_byte_may_begin_a_part_of_its_own() -> None:
    SOURCE.write_text("\ufeff" + awkward(5), newline="")
    whole = job.run(SOURCE, Path("whole"), max_errors=1, on_progress=nothing)

    run_all(SOURCE.stat().st_size)

    assert merge() == whole
    assert TARGET.read_bytes() == Path("whole").read_bytes()


def test_a_shard_that_is_done_is_not_done_again() -> None:
    SOURCE.write_text(awkward())
    first = run(Shard(1, 3))
    before = left()
    written = Shard(1, 3).beside(TARGET).stat().st_mtime_ns

    assert run(Shard(1, 3)) == first
    assert left() == before
    assert Shard(1, 3).beside(TARGET).stat().st_mtime_ns == written


def test_a_merge_may_be_repeated() -> None:
    SOURCE.write_text(awkward())
    run_all(2)
    first = merge()
    before = left()

    assert merge() == first
    assert left() == before


def test_an_input_that_changes_between_shards_is_refused() -> None:
    SOURCE.write_text(awkward())
    run_all(2)
    SOURCE.write_text(awkward().replace("A", "B"))

    refused(r"out\.jsonl\.0-of-2 is of another run, with another input: move it", Shard(0, 2))
    refused(r"out\.jsonl\.0-of-2 is of another run, with another input: move it")
    Shard(0, 2).beside(TARGET).unlink()
    run(Shard(0, 2))
    refused(r"out\.jsonl\.1-of-2 is of another run, with another input: move it")


def test_an_input_that_grows_while_a_shard_reads_it_is_refused() -> None:
    SOURCE.write_text(HEADER + "A,1,1,0\n" * 10)

    def grow(_done: int, _size: int) -> None:
        with SOURCE.open("a") as file:
            file.write("A,1,1,0\n")

    for shard in (Shard(0, 2), Shard(1, 2)):
        with pytest.raises(FileError, match=r"in\.csv changes while it is read"):
            shards.run(SOURCE, TARGET, shard, max_errors=1, on_progress=grow)
    assert list(left()) == ["in.csv"]


def test_the_output_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    SOURCE.write_text(awkward())
    run_all(2)
    monkeypatch.setattr(shards, "__version__", "9")

    refused("with another version", Shard(0, 2))
    refused("with another version")


def test_a_file_that_is_no_shards_output_is_in_the_way() -> None:
    SOURCE.write_text(awkward())
    run_all(2)
    path = Shard(1, 2).beside(TARGET)
    whole = path.read_bytes()

    path.write_bytes(whole[:-1])
    refused("is not whole: remove it, and repeat --shard 1/2", Shard(1, 2))
    path.write_text("precious")
    refused("is no output of a shard: move it away", Shard(1, 2))
    refused("is no output of a shard: move it away")
    path.write_bytes(Shard(0, 2).beside(TARGET).read_bytes())
    refused("with another shard", Shard(1, 2))


def test_an_output_that_appears_in_the_meantime_is_not_overwritten() -> None:
    SOURCE.write_text(awkward())
    path = Shard(0, 2).beside(TARGET)

    with pytest.raises(FileError, match="is no output of a shard"):
        shards.run(
            SOURCE,
            TARGET,
            Shard(0, 2),
            max_errors=1,
            on_progress=lambda *_: path.write_text("precious"),
        )

    assert path.read_text() == "precious"
    assert sorted(left()) == ["in.csv", path.name]


@pytest.mark.parametrize("other", ["", "precious", "same and more", "same but the end"])
def test_a_merge_overwrites_nothing(other: str) -> None:
    SOURCE.write_text(awkward())
    run_all(2)
    merge()
    same = TARGET.read_bytes()
    changed = {"same and more": same + b"\n", "same but the end": same[:-1]}
    TARGET.write_bytes(changed.get(other, other.encode()))

    refused(r"out\.jsonl is another run's output: move it away")


def test_a_merge_names_what_is_missing_and_what_is_in_the_way() -> None:
    SOURCE.write_text(awkward())

    refused(r"There are no shards\.")
    run_all(3)
    Shard(0, 3).beside(TARGET).unlink()
    Shard(2, 3).beside(TARGET).unlink()
    refused(r"Missing: --shard 0/3, 2/3\.")
    run(Shard(0, 7))
    refused(r"more than one run are here\.\nout\.jsonl\.0-of-7\nout\.jsonl\.1-of-3")


def test_wrong_rows_are_refused_by_the_shard_that_has_them() -> None:
    SOURCE.write_text(HEADER + "A,1,1,0\n" * 10 + "B,0,1,0\n")
    run(Shard(0, 2))

    refused("line 12: quantity", Shard(1, 2))
    refused("Missing: --shard 1/2")


def test_an_input_without_a_header_is_refused() -> None:
    SOURCE.write_text("")

    refused("not even a header", Shard(0, 2))


@pytest.mark.parametrize(
    ("text", "index", "shard"),
    [("0/1", None, Shard(0, 1)), ("2/7", "5", Shard(2, 7)), ("/7", "5", Shard(5, 7))],
)
def test_a_shard_is_a_number_of_so_many(text: str, index: str | None, shard: Shard) -> None:
    assert Shard.parse(text, index) == shard


@pytest.mark.parametrize(
    ("text", "index", "message"),
    [
        ("7/7", None, "7/7 is out of range"),
        ("0/0", None, "0/0 is out of range"),
        ("/7", "7", "7/7 is out of range"),
        ("-1/7", None, "not of the form I/N"),
        ("1/1000000000", None, "not of the form I/N"),
        ("1", "1", "not of the form I/N"),
        ("/7", None, "JOB_COMPLETION_INDEX is not set"),
        ("/7", "x", "JOB_COMPLETION_INDEX is not a number: x"),
    ],
)
def test_a_shard_out_of_range_is_refused(text: str, index: str | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Shard.parse(text, index)


def test_memory_stays_flat_on_a_large_input() -> None:
    SOURCE.write_text(HEADER + f"A{' ' * 50_000},1,1,0\n" * 600)
    tracemalloc.start()

    run_all(2)
    merge()

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert SOURCE.stat().st_size > 30_000_000
    assert peak < 8_000_000


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_shard_is_repeated_without_doubling_its_output() -> None:
    SOURCE.write_text(HEADER + "A,1,1,0\n" * 30_000)
    job.run(SOURCE, Path("whole"), max_errors=1, on_progress=nothing)
    run(Shard(0, 2))
    command = [
        sys.executable,
        "-m",
        "{{ cookiecutter.package_name }}",
        *("run", "--shard", "1/2", "in.csv", "out.jsonl"),
    ]
    with subprocess.Popen(command) as process:  # noqa: S603 - no input
        while not list(Path().glob(".out.jsonl.*")):
            assert process.poll() is None
            sleep(0.01)
        process.send_signal(signal.SIGKILL)

    refused("Missing: --shard 1/2")
    run(Shard(1, 2))

    assert merge() == job.Summary(30_000, Decimal("30000.00"))
    assert TARGET.read_bytes() == Path("whole").read_bytes()
