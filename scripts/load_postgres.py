#!/usr/bin/env python3
"""Load the Parquet files of the last conversion into schema `raw` of a PostgreSQL database.

Reads $PITWALL_DATA/parquet, which csv_to_parquet.py writes, or the lake that $PITWALL_LAKE names, and the
ledger in $PITWALL_DATA/predictions. PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE name the database. All
tables change in one transaction.

`make build ENGINE=postgres` does not need this: it loads the tables itself. Use it before a plain
`.venv/bin/dbt build --target postgres`.
"""

import argparse
import sys

from pitwall.command import Parser, PlainError, exit_code
from pitwall.data_folder import data_folder, locked, recover
from pitwall.needs import database_name
from pitwall.raw.lake import lake_from_environment
from pitwall.raw.manifest import check_intact
from pitwall.warehouse.postgres_connection import connect, plain_errors, transaction
from pitwall.warehouse.postgres_raw import declared_tables, load_raw


def load() -> None:
    """Load all tables, and print how many rows there are."""
    data = data_folder()
    if not data.is_dir():
        raise PlainError(f"{data}: no such folder; run `make build`, or `make build RAW=path`")
    with locked(data):
        recover(data)
        if lake := lake_from_environment():
            lake.fetch(data)
        else:
            check_intact(data / "parquet")
        with connect() as connection, connection.cursor() as cursor, plain_errors(), transaction(cursor):
            count = load_raw(cursor, data, "raw")
    print(f"{database_name()}: {len(declared_tables())} tables with {count:,} rows in schema raw.")


def main() -> int:
    """The command line. Returns the exit code: 0 done, 2 failed with one line on stderr."""
    Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    return exit_code("load_postgres", load, data_folder())


if __name__ == "__main__":
    sys.exit(main())
