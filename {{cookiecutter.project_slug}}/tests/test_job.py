from pathlib import Path

import pytest

from {{ cookiecutter.package_name }} import job
from {{ cookiecutter.package_name }}.exit_status import InputError

HEADER = "order_id,quantity,unit_price,discount_percent\n"
SOURCE, TARGET = Path("in.csv"), Path("out.jsonl")


def run(text: str | bytes, *, max_errors: int = 20) -> dict[str, object]:
    SOURCE.write_bytes(text if isinstance(text, bytes) else text.encode())
    return job.run(SOURCE, TARGET, max_errors=max_errors)


def test_orders_are_priced_in_their_order() -> None:
    summary = run("\ufeff" + HEADER + "A,2,49.90,0\n\nB,3,0.05,50\n")

    assert summary == {"orders": 2, "total": "99.88"}
    assert TARGET.read_text() == ('{"order_id":"A","net":"99.80"}\n{"order_id":"B","net":"0.08"}\n')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the header must be order_id,quantity"),
        ("A,1,1,0\n", "line 1: the header must be order_id,quantity"),
        (HEADER + "A,one,1,0\n", "line 2: quantity: Input should be a valid integer"),
        (HEADER + 'A,1,1,0\n\n"B\n",1,-1,0\n', "line 5: unit_price: Input should be greater"),
        (HEADER + 'A,1,1,"0\n', "line 2: unexpected end of data"),
        (HEADER.encode() + b"\xff,1,1,0\n", "line 2: order_id: Input should be a valid string"),
    ],
)
def test_invalid_input_is_refused_with_its_line(text: str | bytes, message: str) -> None:
    TARGET.write_text("kept")

    with pytest.raises(InputError) as error:
        run(text)

    assert error.value.args[0].startswith(message)
    assert TARGET.read_text() == "kept"
