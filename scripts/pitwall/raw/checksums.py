"""Checksums of the raw tables, from which a build finds what changed since the last one.

`checksums.parquet`, in the folder of the tables, has a row for each part of each table. A part is one race.
In an optional table it is a season, 0 for rows of none. In another table without races it is one row,
identified by its key, or by a hash of the key if that is not an integer. The order of the rows makes no
difference.
"""

from pathlib import Path

import polars as pl

from pitwall.data_folder import regular
from pitwall.raw.schema import Table
from pitwall.raw.values import POLARS_ERRORS

FILE = "checksums.parquet"
SCHEMA = {"table_name": pl.String, "part": pl.Int64, "row_count": pl.Int64, "checksum": pl.UInt64}


def part_checksums(table: Table, parquet: Path) -> pl.DataFrame:
    """The parts of one converted table. Memory grows with the number of parts, not of rows."""
    race = [column for column in table.columns if column.name == "race_id"]
    [first] = race or [column for column in table.columns if column.name == table.key[0]]
    part = pl.col(first.name)
    if table.is_optional:
        part = season_of_row(table)
    else:
        part = part.cast(pl.Int64) if first.is_integer else part.hash(seed=1950).reinterpret(signed=True)
    # A sum that wraps around does not depend on the order of rows, and a repeated row changes it.
    rows = pl.scan_parquet(parquet, glob=False).select(
        part.alias("part"), pl.struct(pl.all()).hash(seed=1950).alias("checksum")
    )
    parts = rows.group_by("part").agg(pl.len().cast(pl.Int64).alias("row_count"), pl.col("checksum").sum())
    return parts.select(pl.lit(table.name).alias("table_name"), *list(SCHEMA)[1:]).collect(engine="streaming")


def season_of_row(table: Table) -> pl.Expr:
    """The season of each row of an optional table: its own, or of its date or `1973 Canadian Grand Prix`."""
    if any(column.name == "season" for column in table.columns):
        return pl.col("season").cast(pl.Int64).fill_null(0)
    dates = [column.name for column in table.columns if column.dtype == pl.Date]
    season = (
        pl.col(dates[0]).dt.year() if dates else pl.col("race").str.extract("^([0-9]{4}) ").cast(pl.Int32)
    )
    return season.cast(pl.Int64).fill_null(0)


def write_checksums(tables: list[Table], kept: set[str], old: Path, new: Path) -> None:
    """Write the checksums of the tables in folder `new`, copying those of `kept` tables from folder `old`."""
    try:
        known = pl.read_parquet(regular(old / FILE), glob=False, schema=SCHEMA)
        known = known.filter(pl.col("table_name").is_in(list(kept)))
    except (OSError, *POLARS_ERRORS):
        known = pl.DataFrame(schema=SCHEMA)
    # A kept table without rows has no parts here, so it is computed again. That costs nothing.
    have = set(known["table_name"])
    fresh = [
        part_checksums(table, new / f"{table.name}.parquet") for table in tables if table.name not in have
    ]
    pl.concat([known, *fresh]).sort("table_name", "part").write_parquet(new / FILE, compression="zstd")
