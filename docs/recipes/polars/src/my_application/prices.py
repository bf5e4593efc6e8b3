"""Load prices: from Parquet files of any size into PostgreSQL, all rows of a file or none."""

import io
from pathlib import Path
from typing import IO, Any, cast

import polars as pl
import psycopg
from pydantic_settings import SettingsError

from my_application.exit_status import InputError

TABLE = """
CREATE TABLE IF NOT EXISTS prices (
    source text NOT NULL,
    order_id text NOT NULL,
    net numeric NOT NULL,
    PRIMARY KEY (source, order_id)
)
"""


class CopyFile(io.RawIOBase):
    """A file whose content is written to a table."""

    def __init__(self, copy: psycopg.Copy) -> None:
        """Write to a running COPY."""
        self._copy = copy

    def write(self, data: Any, /) -> int:
        """Write bytes; return how many."""
        self._copy.write(data)
        return len(data)


def load(source: Path, database_url: str) -> dict[str, object]:
    """Price every order of a file into the table `prices`, replacing the rows of that file."""
    # Polars keeps the scale of decimals in a division, so it must be large enough.
    exact = pl.Decimal(38, 6)
    price, discount = pl.col("unit_price").cast(exact), pl.col("discount_percent").cast(exact)
    net = (pl.col("quantity") * price * (100 - discount) / 100).round(2).cast(pl.Decimal(38, 2))
    prices = pl.scan_parquet(source, glob=False).select(pl.lit(source.name), "order_id", net)
    try:
        return {"orders": replace(source.name, prices, database_url)}
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{source}: {str(error).partition('\n')[0]}") from None
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        # The rest of its message shows the row.
        raise InputError(f"{source}: {error.diag.message_primary}") from None
    except psycopg.OperationalError as error:
        raise ConnectionError(str(error)) from None  # A retry may help.


def connect(database_url: str) -> psycopg.Connection:
    """Connect to the database, or raise an error that does not contain its URL."""
    try:
        return psycopg.connect(database_url)
    except psycopg.ProgrammingError:
        raise SettingsError("MY_APPLICATION_DATABASE_URL is not valid") from None


def replace(name: str, prices: pl.LazyFrame, database_url: str) -> int:
    """Replace the rows of a file in one transaction, and return their number."""
    with connect(database_url) as connection, connection.cursor() as cursor:
        # The session of a run that was killed may still be open: wait for its end.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('prices'))")
        cursor.execute(TABLE)
        cursor.execute("DELETE FROM prices WHERE source = %s", [name])
        with cursor.copy("COPY prices (source, order_id, net) FROM STDIN (FORMAT csv)") as copy:
            prices.sink_csv(cast("IO[bytes]", CopyFile(copy)), include_header=False)
        return cursor.rowcount
