"""Reading the warehouse."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl

from pitwall.command import PlainError
from pitwall.warehouse.opening import unreadable


@contextmanager
def open_warehouse(data: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse of a data folder, open for reading.

    Raises:
        PlainError: there is none, it cannot be read, or a table is missing in it.
    """
    warehouse = data / "warehouse.duckdb"
    if not warehouse.is_file():
        raise PlainError(f"{warehouse}: there is no warehouse yet; run `make build` first")
    try:
        with duckdb.connect(warehouse, read_only=True) as connection:
            yield connection
    except (duckdb.CatalogException, duckdb.BinderException):
        raise PlainError(
            f"{warehouse}: lacks a table or column, since an earlier version built it; run `make build` again"
        ) from None
    except duckdb.Error as error:
        raise unreadable(warehouse, error) from None


def frame(connection: duckdb.DuckDBPyConnection, sql: str, *values: object) -> pl.DataFrame:
    """The result of a query. Polars would read it directly, but then prints warnings when Python ends."""
    result = connection.execute(sql, values)
    names = [column[0] for column in result.description or []]
    return pl.DataFrame(result.fetchall(), names, orient="row", infer_schema_length=None)
