"""Merge the raw tables of several sources, cell by cell, and list where the sources differ.

The seed `source_ranks` gives each source a rank for each column, with the reason. A cell has the value of the
best source that has one. The rows of a race are those of the best source that has any in that table, so that
two records of one race are never mixed. Rows that belong to no race are those of all sources.
"""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import polars as pl

from pitwall.command import ROOT, PlainError
from pitwall.raw.manifest import Row, file_sha256, utc_now
from pitwall.raw.schema import MANIFEST_SOURCES, Table, read_tables

RANKS = ROOT / "seeds/source_ranks.csv"
ALL = "*"  # in the seed: all tables, or all columns
ROW = "(row)"  # the column of a disagreement about a row that one of two sources lacks


@dataclass(frozen=True)
class Rank:
    """The place of a source for a column, 1 for the best and 0 for a source that is not used, and why."""

    place: int
    reason: str


class Ranks:
    """The seed `source_ranks`."""

    def __init__(self, path: Path = RANKS) -> None:
        with path.open(encoding="utf-8", newline="") as file:
            self.rows = {
                (row["table_name"], row["column_name"], row["source_name"]): Rank(
                    int(row["source_rank"]), row["reason"]
                )
                for row in csv.DictReader(file)
            }

    def of(self, table: str, column: str, source: str) -> Rank:
        """The rank of a source for a column: that of the column, else of its table, else of the source."""
        for key in ((table, column, source), (table, ALL, source), (ALL, ALL, source)):
            if key in self.rows:
                return self.rows[key]
        raise PlainError(f"{RANKS.name}: no rank for the source {source}")

    def best_first(self, table: str, column: str, sources: list[str]) -> list[str]:
        """The sources that are used for a column."""
        used = [source for source in sources if self.of(table, column, source).place]
        return sorted(used, key=lambda source: self.of(table, column, source).place)


def disagreements_table() -> Table:
    """The declaration of the raw table of disagreements."""
    [table] = [one for one in read_tables(MANIFEST_SOURCES) if one.name == "source_disagreements"]
    return table


def merge(
    table: Table, frames: dict[str, pl.DataFrame], seasons: pl.DataFrame, ranks: Ranks
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Merge one table.

    Args:
        frames: the rows of each source, by its name.
        seasons: `race_id` and `season` of all races.

    Returns:
        The merged rows, and the disagreements.
    """
    sources = ranks.best_first(table.name, ALL, list(frames))
    has_races = table.name != "races" and "race_id" in frames[sources[0]].columns
    wide = _wide(table, {source: frames[source] for source in sources}, has_races=has_races)
    season = pl.lit(None, pl.Int32)
    if has_races:
        wide = wide.join(seasons, on="race_id", how="left", maintain_order="left")
        season = pl.col("season")
    elif "year" in frames[sources[0]].columns:
        season = pl.coalesce("year" if "year" in table.key else [f"year@{source}" for source in sources])
    found = list(_rows_that_differ(wide, sources)) if has_races else []
    taken = wide.filter("is_taken")
    values = []
    for column in frames[sources[0]].columns:
        if column in table.key:
            values.append(pl.col(column))
            continue
        order = ranks.best_first(table.name, column, sources)
        values.append(pl.coalesce(f"{column}@{source}" for source in order).alias(column))
        found.extend(_cells_that_differ(taken, table, column, order, sources, ranks))
    key = pl.concat_str(
        [pl.concat_str(pl.lit(f"{name}="), pl.col(name).cast(pl.String)) for name in table.key],
        separator=", ",
    )
    columns = [column.name for column in disagreements_table().columns]
    described = [
        each.with_columns(table_name=pl.lit(table.name), row_key=key, season=season).select(columns)
        for each in found
        if each.height
    ]
    empty = pl.DataFrame(schema={column.name: column.dtype for column in disagreements_table().columns})
    return taken.select(values), pl.concat([empty, *described])


def _wide(table: Table, frames: dict[str, pl.DataFrame], *, has_races: bool) -> pl.DataFrame:
    """A row for each key of any source, with the columns of each source, as `points@archive`.

    `has@` says whether a source has the row, `covers@` whether it has a row of the race. `is_taken` says
    whether the row is one of the merged table.
    """
    race = ["race_id"] if has_races and "race_id" not in table.key else []
    wide = pl.concat([frame.select(*table.key, *race) for frame in frames.values()])
    wide = wide.unique(table.key, keep="first", maintain_order=True)
    for source, frame in frames.items():
        renamed = frame.rename({name: f"{name}@{source}" for name in frame.columns if name not in table.key})
        wide = wide.join(
            renamed.with_columns(pl.lit(True).alias(f"has@{source}")),
            on=table.key,
            how="left",
            maintain_order="left",
        ).with_columns(pl.col(f"has@{source}").fill_null(False))
        if has_races:
            covered = frame["race_id"].unique().implode()
            wide = wide.with_columns(pl.col("race_id").is_in(covered).alias(f"covers@{source}"))
    if not has_races:
        return wide.with_columns(is_taken=pl.lit(True))
    owner = pl.coalesce(pl.when(f"covers@{source}").then(pl.lit(source)) for source in frames)
    wide = wide.with_columns(owner=owner)
    is_taken = pl.any_horizontal([(pl.col("owner") == source) & pl.col(f"has@{source}") for source in frames])
    return wide.with_columns(is_taken=is_taken)


def _rows_that_differ(wide: pl.DataFrame, sources: list[str]) -> Iterator[pl.DataFrame]:
    """Rows of a race that only one of two sources has, although both have rows of that race."""
    for number, used in enumerate(sources):
        for other in sources[number + 1 :]:
            is_one_sided = pl.col(f"has@{used}") != pl.col(f"has@{other}")
            yield wide.filter(
                (pl.col("owner") == used) & pl.col(f"covers@{other}") & is_one_sided
            ).with_columns(
                column_name=pl.lit(ROW),
                used_source=pl.lit(used),
                used_value=pl.when(f"has@{used}").then(pl.lit("there")).otherwise(pl.lit("not there")),
                other_source=pl.lit(other),
                other_value=pl.when(f"has@{other}").then(pl.lit("there")).otherwise(pl.lit("not there")),
                reason=pl.lit("The rows of a race are those of one source."),
            )


def _cells_that_differ(
    taken: pl.DataFrame, table: Table, column: str, order: list[str], sources: list[str], ranks: Ranks
) -> Iterator[pl.DataFrame]:
    """The cells of a column in which a source differs from the one that is used."""
    has_value = {source: pl.col(f"{column}@{source}").is_not_null() for source in sources}
    used_source = pl.coalesce(pl.when(has_value[source]).then(pl.lit(source)) for source in order)
    # A cell that only a source has that is not used is NULL, as in the best source.
    used_source = used_source.fill_null(order[0])
    used = pl.coalesce(f"{column}@{source}" for source in order)
    for other in sources:
        differs = pl.col(f"has@{other}") & used.ne_missing(pl.col(f"{column}@{other}"))
        cells = taken.with_columns(used_source=used_source, used_value=used.cast(pl.String)).filter(
            differs & (pl.col("used_source") != other)
        )
        reasons = {source: ranks.of(table.name, column, source).reason for source in order}
        reason = pl.col("used_source").replace_strict(reasons, return_dtype=pl.String)
        if not ranks.of(table.name, column, other).place:
            reason = pl.lit(ranks.of(table.name, column, other).reason)
        # Only used by its rank if the better sources have no value.
        is_filled = pl.col(f"{column}@{other}").is_null() & pl.col("used_value").is_not_null()
        better = [source for source in order if other in order and order.index(source) > order.index(other)]
        is_filled &= pl.col("used_source").is_in(better)
        yield cells.with_columns(
            column_name=pl.lit(column),
            other_source=pl.lit(other),
            other_value=pl.col(f"{column}@{other}").cast(pl.String),
            reason=pl.when(is_filled).then(pl.lit(f"The source {other} has no value.")).otherwise(reason),
        )


def merge_folders(
    tables: list[Table], folders: dict[str, Path], rows: dict[str, dict[str, Row]]
) -> pl.DataFrame:
    """Merge the tables of several sources into the folder of the first, and update its rows of the manifest.

    Args:
        folders: the converted tables of each source, by its name.
        rows: the rows of the manifest of each source.

    Returns:
        The disagreements.
    """
    ranks = Ranks()
    first, *others = folders
    races = [pl.read_parquet(folder / "races.parquet", glob=False) for folder in folders.values()]
    seasons = pl.concat([each.select("race_id", season="year") for each in races]).unique(
        "race_id", keep="first"
    )
    found = []
    for table in tables:
        frames = {
            source: pl.read_parquet(folder / f"{table.name}.parquet", glob=False)
            for source, folder in folders.items()
        }
        merged, disagreements = merge(table, frames, seasons, ranks)
        found.append(disagreements)
        path = folders[first] / f"{table.name}.parquet"
        path.unlink()
        merged.write_parquet(path, compression="zstd")
        row = rows[first][table.name]
        quarantined = sum(rows[source][table.name]["rows_quarantined"] for source in folders)
        hashes = [rows[source][table.name]["source_sha256"] for source in folders]
        row |= {
            "source_name": " + ".join([row["source_name"], *others]),
            "source_sha256": hashlib.sha256("".join(hashes).encode()).hexdigest(),
            "rows_read": merged.height + quarantined,
            "rows_converted": merged.height,
            "rows_quarantined": quarantined,
            "parquet_bytes": path.stat().st_size,
            "parquet_sha256": file_sha256(path),
        }
    return pl.concat(found)


def write_disagreements(disagreements: pl.DataFrame | None, parquet: Path) -> Row:
    """Write the table of disagreements: no rows if there is one source. Returns its row of the manifest."""
    table, now = disagreements_table(), utc_now()
    path = parquet / f"{table.name}.parquet"
    rows = pl.DataFrame(schema={column.name: column.dtype for column in table.columns})
    rows = rows if disagreements is None else disagreements.sort(table.key)
    rows.write_parquet(path, compression="zstd")
    return {
        "table_name": table.name,
        "source_name": "",
        "source_sha256": "",
        "schema_sha256": table.sha256,
        "rows_read": rows.height,
        "rows_converted": rows.height,
        "rows_quarantined": 0,
        "rows_short": 0,
        "source_bytes": 0,
        "parquet_bytes": path.stat().st_size,
        "parquet_sha256": file_sha256(path),
        "seconds": Decimal(0),
        "converted_at": now,
        "checked_at": now,
    }
