import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from time import sleep

import pytest

from {{ cookiecutter.package_name }} import job
from {{ cookiecutter.package_name }}.files import FileError

HEADER = "order_id,quantity,unit_price,discount_percent\n"


def run(text: str | bytes, *, max_errors: int = 20) -> job.Summary:
    content = text if isinstance(text, bytes) else text.encode()
    Path("in.csv").write_bytes(content)
    return job.run(
        Path("in.csv"), Path("out.jsonl"), max_errors=max_errors, on_progress=lambda *_: None
    )


def test_an_output_that_is_a_folder_is_named_and_left_alone() -> None:
    Path("out.jsonl").mkdir()

    with pytest.raises(FileError, match=r"^out\.jsonl: "):
        run(HEADER)

    assert [path.name for path in Path().iterdir() if "out" in path.name] == ["out.jsonl"]


def test_orders_are_priced_in_their_order() -> None:
    summary = run(HEADER + "A,2,49.90,0\nB,3,0.05,50\n")

    assert summary == job.Summary(orders=2, total=Decimal("99.88"))
    assert Path("out.jsonl").read_text() == (
        '{"order_id":"A","net":"99.80"}\n{"order_id":"B","net":"0.08"}\n'
    )


def test_the_byte_order_mark_of_a_spreadsheet_is_no_part_of_the_header() -> None:
    assert run(b"\xef\xbb\xbf" + HEADER.encode() + b"A,1,1,0\n").orders == 1


def test_an_input_without_orders_gives_an_empty_output() -> None:
    assert run(HEADER) == job.Summary(0, Decimal(0))
    assert Path("out.jsonl").read_bytes() == b""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not even a header"),
        (HEADER + "A,one,1,0\n", "line 2: quantity: Input should be a valid integer"),
        (HEADER + "A,1,1,0\nB,1,-1,0\n", "line 3: unit_price: Input should be greater"),
        (HEADER + "A,1\n", "line 2: unit_price: Field required"),
        (HEADER + "A,1,1,0,9\n", "line 2: more columns than the header"),
        (HEADER + 'A,1,1,"0\n', "not CSV"),
        (HEADER.encode() + b"\xff,1,1,0\n", "not UTF-8"),
    ],
)
def test_wrong_input_is_refused_with_its_place(text: str | bytes, message: str) -> None:
    Path("out.jsonl").write_text("kept")

    with pytest.raises(FileError, match=message):
        run(text)

    assert Path("out.jsonl").read_text() == "kept"
    assert sorted(path.name for path in Path().iterdir()) == ["in.csv", "out.jsonl"]


def test_the_job_gives_up_after_so_many_wrong_rows() -> None:
    with pytest.raises(FileError) as error:
        run(HEADER + "A,0,1,0\n" * 100, max_errors=3)

    assert len(error.value.problems) == 3


def test_an_input_that_is_not_there_is_named() -> None:
    with pytest.raises(FileError, match=r"no\.csv: No such file"):
        job.run(Path("no.csv"), Path("out"), max_errors=1, on_progress=lambda *_: None)


def test_an_output_that_cannot_be_written_is_named() -> None:
    Path("in.csv").write_text(HEADER)

    with pytest.raises(FileError, match=r"out\.jsonl cannot be written: No such file"):
        job.run(Path("in.csv"), Path("no/out.jsonl"), max_errors=1, on_progress=lambda *_: None)


def test_progress_ends_with_the_size_of_the_input() -> None:
    Path("in.csv").write_text(HEADER + "A,1,1,0\n" * 3)
    seen: list[tuple[int, int]] = []

    job.run(
        Path("in.csv"),
        Path("out.jsonl"),
        max_errors=1,
        on_progress=lambda done, size: seen.append((done, size)),
    )

    assert len(seen) == 4
    assert seen[-1] == (Path("in.csv").stat().st_size,) * 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to handle")
def test_a_job_that_is_stopped_leaves_nothing_behind() -> None:
    Path("in.csv").write_text(HEADER + "A,1,1,0\n" * 500_000)
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "{{ cookiecutter.package_name }}",
            "run",
            "in.csv",
            "out.jsonl",
        ]
    ) as process:
        while not list(Path().glob(".out.jsonl.*")):
            assert process.poll() is None
            sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 128 + signal.SIGTERM

    assert [path.name for path in Path().iterdir()] == ["in.csv"]
