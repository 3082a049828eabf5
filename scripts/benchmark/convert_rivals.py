"""Convert lap times from CSV to typed Parquet with another library, as its users would.

The rivals do less than csv_to_parquet.py: no checksum, no second count, no check of keys, and they stop at a
bad value. The types are those that the sources YAML declares.
"""

import argparse
from pathlib import Path
from typing import Any

NUMBERS = ["raceId", "driverId", "lap", "position", "milliseconds"]


def pandas(source: Path, target: Path) -> None:
    """pandas with its default parser, in C and on one core."""
    import pandas

    types = dict.fromkeys(NUMBERS, "int32") | {"time": "str"}
    pandas.read_csv(source, dtype=types).to_parquet(target, compression="zstd", index=False)


def pandas_pyarrow(source: Path, target: Path) -> None:
    """pandas with the parser of pyarrow, on all cores."""
    import pandas

    types = dict.fromkeys(NUMBERS, "int32") | {"time": "str"}
    frame = pandas.read_csv(source, dtype=types, engine="pyarrow")
    frame.to_parquet(target, compression="zstd", index=False)


def pyarrow(source: Path, target: Path) -> None:
    """pyarrow with the whole file in memory, on all cores."""
    from pyarrow import csv, parquet

    table = csv.read_csv(source, convert_options=_pyarrow_types())
    parquet.write_table(table, target, compression="zstd")


def pyarrow_stream(source: Path, target: Path) -> None:
    """pyarrow with a batch at a time, in little memory."""
    from pyarrow import csv, parquet

    batches = csv.open_csv(
        source,
        read_options=csv.ReadOptions(block_size=1 << 24),
        convert_options=_pyarrow_types(),
    )
    with parquet.ParquetWriter(target, batches.schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)


def _pyarrow_types() -> Any:
    import pyarrow
    from pyarrow import csv

    types = dict.fromkeys(NUMBERS, pyarrow.int32()) | {"time": pyarrow.string()}
    return csv.ConvertOptions(column_types=types, null_values=["", "\\N"], strings_can_be_null=True)


def duckdb(source: Path, target: Path) -> None:
    """DuckDB, which streams on all cores."""
    import duckdb

    types = dict.fromkeys(NUMBERS, "integer") | {"time": "varchar"}
    laps = duckdb.read_csv(str(source), header=True, dtype=types, na_values=["", "\\N"])
    laps.write_parquet(str(target), compression="zstd")


RIVALS = {rival.__name__: rival for rival in (pandas, pandas_pyarrow, pyarrow, pyarrow_stream, duckdb)}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rival", choices=RIVALS)
    parser.add_argument("source", metavar="IN.csv", type=Path)
    parser.add_argument("target", metavar="OUT.parquet", type=Path)
    options = parser.parse_args()
    RIVALS[options.rival](options.source, options.target)


if __name__ == "__main__":
    main()
