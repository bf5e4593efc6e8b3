from pathlib import Path

import polars as pl
import psycopg
import pytest
from pydantic_settings import SettingsError

from my_application import prices
from my_application.exit_status import InputError

ORDERS = {"order_id": ["A", "B"], "quantity": [2, 3], "unit_price": [49.9, 0.05]}
SOURCE = Path("orders.parquet")


@pytest.fixture
def url(postgresql: psycopg.Connection) -> str:
    """Return the address of a database of the test's own."""
    info = postgresql.info
    return f"postgresql://{info.user}@{info.host}:{info.port}/{info.dbname}"


def rows(url: str) -> list[tuple[str, str]]:
    with psycopg.connect(url) as connection:
        query = "SELECT order_id, net::text FROM prices ORDER BY order_id"
        return connection.execute(query).fetchall()


def write(**changes: list[object]) -> None:
    pl.DataFrame({**ORDERS, "discount_percent": [0, 50], **changes}).write_parquet(SOURCE)


def test_a_file_replaces_what_was_loaded_from_it(url: str) -> None:
    write()
    assert prices.load(SOURCE, url) == prices.load(SOURCE, url) == {"orders": 2}
    assert rows(url) == [("A", "99.80"), ("B", "0.08")]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"order_id": ["A", None]}, "null value in column"),
        ({"order_id": ["A", "A"]}, "duplicate key value"),
        ({"quantity": ["one", "two"]}, "String"),
    ],
)
def test_an_invalid_file_is_refused_as_a_whole(
    url: str, changes: dict[str, list[object]], message: str
) -> None:
    write()
    prices.load(SOURCE, url)
    write(**changes)

    with pytest.raises(InputError, match=message):
        prices.load(SOURCE, url)
    assert rows(url) == [("A", "99.80"), ("B", "0.08")]


@pytest.mark.parametrize("url", ["postgres//u:hunter2@host", "postgresql://u:hunter2%zz@host"])
def test_an_invalid_address_is_not_shown(url: str) -> None:
    write()

    with pytest.raises(SettingsError) as error:
        prices.load(SOURCE, url)
    assert "hunter2" not in str(error.value)


def test_a_database_that_cannot_be_reached_is_worth_a_retry() -> None:
    write()

    with pytest.raises(ConnectionError):
        prices.load(SOURCE, "postgresql://localhost:1/none")
