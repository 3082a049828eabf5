"""The engines that a warehouse can be built on."""

import importlib
from pathlib import Path

from pitwall.warehouse.base import NotAvailable, Warehouse

# Imported by name, so that the one engine does not need the drivers of the others.
WAREHOUSES = {"duckdb": "DuckDBWarehouse", "postgres": "PostgresWarehouse", "spark": "spark_warehouse"}


def warehouse_of(engine: str, data: Path) -> Warehouse:
    """The engine's warehouse. Raises NotAvailable if what it needs is not installed."""
    try:
        module = importlib.import_module(f"pitwall.warehouse.{engine}")
    except ImportError as error:
        raise NotAvailable(
            f"{engine}: {error.name} is not installed; `make build ENGINE={engine}` installs it"
        ) from None
    return getattr(module, WAREHOUSES[engine])(data)
