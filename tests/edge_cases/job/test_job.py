import pytest
from tests.test_job import HEADER, TARGET, run

from my_application.exit_status import InputError


def test_an_input_without_orders_gives_an_empty_output() -> None:
    assert run(HEADER)["orders"] == 0
    assert TARGET.read_bytes() == b""


def test_the_job_stops_after_the_maximum_number_of_errors() -> None:
    with pytest.raises(InputError) as error:
        run(HEADER + "A,0,-1,0\n" * 100, max_errors=3)

    assert len(error.value.args) == 3


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("A,1", "line 2: unit_price: Input should be a valid decimal"),
        ("A,1,1,0,9", "line 2: surplus fields: Extra inputs are not permitted"),
    ],
)
def test_a_row_with_too_few_or_too_many_cells_is_refused(row: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(f"{HEADER}{row}\n")
