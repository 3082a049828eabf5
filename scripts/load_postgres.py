#!/usr/bin/env python3
"""Load the Parquet of the last conversion into schema `raw` of a PostgreSQL database.

Reads $PITWALL_DATA/parquet, which csv_to_parquet.py writes, or the lake that $PITWALL_LAKE names; the
database is that of PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE. All tables change in one transaction.
`make build ENGINE=postgres` loads by itself; this is for working with plain `dbt build --target postgres`.
"""

import argparse
import sys

from pitwall.command import PlainError, exit_code
from pitwall.data_folder import data_folder, locked, recover
from pitwall.raw import manifest
from pitwall.raw.lake import lake_from_environment
from pitwall.warehouse.postgres_raw import connect, declared_tables, load, name_of_place, plainly, transaction


def main() -> None:
    """Load in place."""
    data = data_folder()
    if not data.is_dir():
        raise PlainError(f"{data}: no such folder; `make build` makes it, or `make build RAW=path`")
    with locked(data):
        recover(data)
        if source := lake_from_environment():
            source.fetch(data)
        else:
            manifest.check(data / "parquet")
        with connect() as connection, connection.cursor() as cursor, plainly(), transaction(cursor):
            count = load(cursor, data / "parquet", "raw")
    print(f"{name_of_place()}: {len(declared_tables())} tables with {count:,} rows in schema raw.")


if __name__ == "__main__":
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    sys.exit(exit_code("load_postgres", main, data_folder()))
