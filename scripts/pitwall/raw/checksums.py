"""What changed in the raw tables since a build: a checksum of every race in every table that has races.

`checksums.parquet` beside the tables has a row per table and part. A part is a race; in the tables without
races it is a row: its key, or a hash of it where that is no whole number. The order of rows does not count.
"""

from pathlib import Path

import polars as pl

from pitwall.raw.schema import Table

FILE = "checksums.parquet"
SCHEMA = {"table_name": pl.String, "part": pl.Int64, "row_count": pl.Int64, "checksum": pl.UInt64}


def part_checksums(table: Table, parquet: Path) -> pl.DataFrame:
    """The parts of one converted table, in no more memory than its races need."""
    race = [column for column in table.columns if column.name == "race_id"]
    [first] = race or [column for column in table.columns if column.name == table.key[0]]
    part = pl.col(first.name)
    part = part.cast(pl.Int64) if first.is_integer else part.hash(seed=1950).reinterpret(signed=True)
    # A sum that wraps around: rows that trade places leave it as it is, rows that are there twice do not.
    rows = pl.scan_parquet(parquet).select(
        part.alias("part"), pl.struct(pl.all()).hash(seed=1950).alias("checksum")
    )
    parts = rows.group_by("part").agg(pl.len().cast(pl.Int64).alias("row_count"), pl.col("checksum").sum())
    return parts.select(pl.lit(table.name).alias("table_name"), *list(SCHEMA)[1:]).collect(engine="streaming")


def write_checksums(tables: list[Table], kept: set[str], old: Path, new: Path) -> None:
    """Write the checksums of the tables in folder `new`; those of `kept` tables are as in folder `old`."""
    try:
        known = pl.read_parquet(old / FILE, schema=SCHEMA).filter(pl.col("table_name").is_in(list(kept)))
    except (OSError, pl.exceptions.PolarsError):
        known = pl.DataFrame(schema=SCHEMA)
    # A table without a row has no parts, and is counted anew: it costs nothing.
    have = set(known["table_name"])
    fresh = [
        part_checksums(table, new / f"{table.name}.parquet") for table in tables if table.name not in have
    ]
    pl.concat([known, *fresh]).sort("table_name", "part").write_parquet(new / FILE, compression="zstd")
