"""The engines on which a warehouse can be built."""

from pathlib import Path

from pitwall import needs
from pitwall.needs import NotAvailable, check_needs
from pitwall.warehouse.base import Warehouse

ENGINES = tuple(needs.ENGINES)


def check_available(engine: str) -> None:
    """Raise PlainError if there is no such engine, or if anything is missing that it needs.

    It takes a second at most if nothing is missing, so call it before any work.
    """
    check_needs(engine)
    warehouse_of(engine, Path())
    if engine == "postgres":
        from pitwall.warehouse.postgres_connection import connect

        connect().close()


def warehouse_of(engine: str, data: Path) -> Warehouse:
    """The engine's warehouse. Raises NotAvailable if its packages are not installed.

    The modules are imported here, so that one engine does not need the packages of the others.
    """
    try:
        if engine == "postgres":
            from pitwall.warehouse.postgres import PostgresWarehouse

            return PostgresWarehouse(data)
        if engine == "spark":
            from pitwall.warehouse.spark import spark_warehouse

            return spark_warehouse(data)
        from pitwall.warehouse.duckdb import DuckDBWarehouse

        return DuckDBWarehouse(data)
    except ImportError as error:
        raise NotAvailable(
            f"{engine}: {error.name} is not installed; `make build ENGINE={engine}` installs it"
        ) from None
