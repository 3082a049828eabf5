"""What a build has to do: which seasons changed since the last one, or why everything has to be built again.

A warehouse that scripts/build.py built has a schema `build`, with the fingerprints of the code and of the
ledger and the checksums of the raw data that it was built from. Plain dbt drops that schema.
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb
import polars as pl

from pitwall.command import ROOT
from pitwall.data_folder import regular
from pitwall.raw.checksums import FILE, SCHEMA
from pitwall.raw.manifest import MANIFEST
from pitwall.raw.schema import OPTIONAL_SOURCES, read_tables
from pitwall.raw.values import POLARS_ERRORS
from pitwall.warehouse.sql import glob_pattern

DISAGREEMENTS = "source_disagreements"  # where the sources differ: its rows have a season, or none
# Tables with neither races nor seasons. `seasons` and the optional tables have a year, all others a race.
REFERENCE = ("circuits", "constructors", "drivers", "status")
# The first season with pit stops, with qualifying and with lap times: later seasons are compared with it.
FIRST_SEASONS = """
    select
        (select min(season) from marts.dim_seasons where races_with_pit_stops > 0),
        (select min(season) from marts.dim_seasons where races_with_qualifying > 0),
        (select min(season) from marts.fct_race_results where fastest_lap_time_ms is not null)
"""


@dataclass(frozen=True)
class Changes:
    """The seasons that changed, and the ids of all their races, in the last data and in these."""

    seasons: list[int]
    races: list[int]
    summary: str
    is_nothing: bool  # no row of any raw table changed, not even of one that belongs to no season
    sources: list[str]  # the sources of dbt that changed, such as `ergast.results`

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that dbt's macros read; -1 is no season and no race."""
        return {
            "PITWALL_SEASONS": ",".join(map(str, self.seasons or [-1])),
            "PITWALL_RACES": ",".join(map(str, self.races or [-1])),
        }

    @property
    def options(self) -> list[str]:
        """The options of `dbt build` that build and test only what depends on a changed source.

        The code is that of the last build, so its seeds and views are what they would be. The tests of a view
        run if its data changed: without `empty`, dbt excludes the tests of what it excludes.
        """
        return [
            *("--select", *(f"source:{source}+" for source in self.sources)),
            *("--exclude", "config.materialized:view", "resource_type:seed"),
            *("--indirect-selection", "empty"),
        ]


def find_changes(last: duckdb.DuckDBPyConnection, parquet: Path, code: str, ledger: str) -> Changes | str:
    """Compare the data with those that the last warehouse was built from.

    Args:
        last: a connection to the last warehouse.
        parquet: the folder of the Parquet files.
        code: the fingerprint of the code; "" if unknown.
        ledger: the fingerprint of the ledger.

    Returns:
        What changed, or the reason for a full build in a few words.
    """
    try:
        return _find_changes(last, parquet, code, ledger)
    except (duckdb.BinderException, duckdb.CatalogException):  # another program changed the warehouse
        return "the last warehouse lacks a table or a column"


def _find_changes(last: duckdb.DuckDBPyConnection, parquet: Path, code: str, ledger: str) -> Changes | str:
    recorded = last.execute(
        "select count(*) from information_schema.tables where table_schema = 'build'"
    ).fetchall()
    if not code or recorded != [(4,)]:
        return "it is not known what the last warehouse was built from"
    if last.execute("select fingerprint from build.code").fetchall() != [(code,)]:
        return "the code changed, or dbt, or DuckDB"

    last.execute(
        "create temporary table changed as "
        "select table_name, part, was.part is not null as was_there "
        "from build.checksums as was full join read_parquet(?) as now using (table_name, part) "
        "where (was.row_count, was.checksum) is distinct from (now.row_count, now.checksum)",
        [glob_pattern(parquet / FILE)],
    )
    last.execute(
        "create temporary table all_races as select race_id, season from marts.dim_races "
        "union select race_id, year from read_parquet(?)",
        [glob_pattern(parquet / "races.parquet")],
    )
    optional = optional_tables()
    if reason := reference_change(last, parquet) or optional_change(last, parquet, optional):
        return reason
    last.execute(
        "create temporary table changed_seasons as "
        "select distinct table_name, "
        "case when table_name = 'seasons' or table_name in ? then nullif(part, 0) else season end as season "
        "from changed left join all_races on part = race_id where table_name not in ?",
        [[*optional, DISAGREEMENTS], REFERENCE],
    )
    without_race = last.execute("select table_name from changed_seasons where season is null").fetchall()
    if without_race:
        return f"rows of {without_race[0][0]} belong to no race"
    seasons = sorted({season for (season,) in last.execute("select season from changed_seasons").fetchall()})
    [(total,)] = last.execute(
        "select count(*) from (select season from all_races union select season from changed_seasons)"
    ).fetchall()
    [first_seasons] = last.execute(FIRST_SEASONS).fetchall()
    if 2 * len(seasons) > total:
        return f"{len(seasons)} of {total} seasons changed"
    if seasons and (None in first_seasons or seasons[0] <= max(first_seasons)):
        return f"season {seasons[0]} changed, with which later seasons are compared"
    races = last.execute(
        "select distinct race_id from all_races where season in ? order by race_id", [seasons]
    ).fetchall()
    is_same = is_current(last, parquet)
    is_ledger = last.execute("select fingerprint from build.ledger").fetchall() != [(ledger,)]
    tables = last.execute("select distinct table_name from changed order by table_name").fetchall()
    return Changes(
        seasons,
        [race for (race,) in races],
        "incremental: only the ledger changed" if is_same and is_ledger else summary(seasons, total),
        is_nothing=is_same and not is_ledger,
        sources=[
            *(f"{source_of(table)}.{table}" for (table,) in tables),
            # They have a row for each load, and for each build.
            *([] if is_same else ["pitwall", "ops"]),
            *(["predictions"] if is_ledger else []),
        ],
    )


def is_current(last: duckdb.DuckDBPyConnection, parquet: Path) -> bool:
    """Whether a build from the same ledger would make the last warehouse again, as it is and where it is.

    Needs the temporary table `changed`. The views of a warehouse that was moved read the files in the old
    folder; the view of an empty ledger, and of an optional table that was not converted, reads none.
    """
    folder = f"{glob_pattern(parquet.absolute())}/".replace("'", "''")
    [(is_current,)] = last.execute(
        "select not exists (from changed) "
        "and not exists (select table_name, rows_short from read_parquet(?) except from build.short_rows) "
        "and not exists (from duckdb_views() "
        "where schema_name = 'raw' and view_name not in ? and not contains(sql, ?))",
        [glob_pattern(parquet / MANIFEST), ["ledger", *optional_tables()], folder],
    ).fetchall()
    return bool(is_current)


def reference_change(last: duckdb.DuckDBPyConnection, parquet: Path) -> str:
    """Why a change of drivers, circuits and the like concerns all seasons; "" if it does not.

    A new row concerns only the seasons that use it, unless a seed names it.
    """
    changed_or_gone = last.execute(
        "select table_name from changed where table_name in ? and was_there", [REFERENCE]
    ).fetchall()
    if changed_or_gone:
        return f"a row of {changed_or_gone[0][0]} changed, or is gone"
    seeds: set[str] = set()
    for seed in (ROOT / "seeds").glob("*.csv"):
        with seed.open(newline="", encoding="utf-8") as file:
            seeds.update(cell for row in csv.reader(file) for cell in row)
    for table, key, name in (
        ("circuits", "circuit_id", "circuit_ref"),
        ("constructors", "constructor_id", "constructor_ref"),
        ("drivers", "driver_id", "driver_ref"),
    ):
        new = last.execute(
            f"select {name} from read_parquet(?) "
            f"where {key} in (select part from changed where table_name = ?)",
            [glob_pattern(parquet / f"{table}.parquet"), table],
        ).fetchall()
        if known := sorted(seeds.intersection(ref for (ref,) in new)):
            return f"{known[0]} is new, and a seed names it"
    return ""


@cache
def optional_tables() -> list[str]:
    """The names of the raw tables whose file may be missing."""
    return [table.name for table in read_tables(OPTIONAL_SOURCES)]


def source_of(table: str) -> str:
    """The source of dbt that declares a raw table."""
    if table == DISAGREEMENTS:
        return "pitwall"
    return "racedata" if table in optional_tables() else "ergast"


def optional_change(last: duckdb.DuckDBPyConnection, parquet: Path, optional: list[str]) -> str:
    """Why an optional table concerns all seasons: it has its first rows, or none left. Else ""."""
    came_or_went = last.execute(
        "select table_name from (select distinct table_name, true as is_there from build.checksums) as was "
        "full join (select distinct table_name, true as is_there from read_parquet(?)) as now "
        "using (table_name) where table_name in ? and (was.is_there is null or now.is_there is null)",
        [glob_pattern(parquet / FILE), optional],
    ).fetchall()
    return f"{came_or_went[0][0]} has its first rows, or none left" if came_or_went else ""


def summary(seasons: list[int], total: int) -> str:
    """The changed seasons in a few words."""
    if not seasons:
        return f"incremental: nothing changed in {total} seasons"
    named = ", ".join(map(str, seasons[:5])) + (" and more" if len(seasons) > 5 else "")
    return f"incremental: {len(seasons)} of {total} seasons changed ({named})"


def has_checksums(parquet: Path) -> bool:
    """Whether there are checksums of the data, and they can be read."""
    try:
        pl.read_parquet(regular(parquet / FILE), glob=False, schema=SCHEMA)
    except (OSError, *POLARS_ERRORS):
        return False
    return True


def record(warehouse: duckdb.DuckDBPyConnection, parquet: Path, code: str, ledger: str) -> None:
    """Write into a finished warehouse what it was built from. Nothing if the code is unknown."""
    if code:
        warehouse.execute("drop schema if exists build cascade")
        warehouse.execute("create schema build")
        warehouse.execute("create table build.code as select ? as fingerprint", [code])
        warehouse.execute("create table build.ledger as select ? as fingerprint", [ledger])
        checksums = glob_pattern(parquet / FILE)
        warehouse.execute("create table build.checksums as from read_parquet(?)", [checksums])
        warehouse.execute(
            "create table build.short_rows as select table_name, rows_short from read_parquet(?)",
            [glob_pattern(parquet / MANIFEST)],
        )
