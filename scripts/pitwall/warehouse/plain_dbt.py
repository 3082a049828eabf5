"""A plugin of dbt-duckdb, named in profiles.yml: dbt says in one line why it cannot open the warehouse.

dbt-duckdb makes a message only of a RuntimeError. DuckDB's own errors are none, so dbt prints a traceback.
"""

from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin

from pitwall.command import PlainError
from pitwall.warehouse.opening import check_path, unreadable


class Plugin(BasePlugin):
    """Opens the warehouse before dbt does, and closes it again."""

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Raise RuntimeError if the warehouse cannot be opened. dbt-duckdb calls this just before it does."""
        warehouse = Path(creds.path)
        try:
            check_path(warehouse)
            duckdb.connect(creds.path, config=config).close()
        except PlainError as error:
            raise RuntimeError(str(error)) from None
        except duckdb.Error as error:
            raise RuntimeError(str(unreadable(warehouse, error))) from None
