"""What a build has to do: which seasons changed since the last one, or why everything has to be made anew.

A warehouse that scripts/build.py made has a schema `build`: the fingerprint of the code, and the checksums of
the raw data that it was made from. Plain dbt drops the schema.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from pitwall.command import ROOT
from pitwall.raw.checksums import FILE
from pitwall.raw.manifest import MANIFEST

# Tables with neither races nor seasons. All the others hang on a race, `seasons` on the year.
REFERENCE = ("circuits", "constructors", "drivers", "status")
# What hangs on the first season that has such data compares all later seasons with it.
FIRST_SEASONS = """
    select
        (select min(season) from marts.dim_seasons where races_with_pit_stops > 0),
        (select min(season) from marts.dim_seasons where races_with_qualifying > 0),
        (select min(season) from marts.fct_race_results where fastest_lap_time_ms is not null)
"""


@dataclass(frozen=True)
class Changes:
    """The seasons that changed, and the ids of all their races, then and now."""

    seasons: list[int]
    races: list[int]
    told: str
    is_nothing: bool  # no row of any raw table changed, not even of one that belongs to no season

    @property
    def variables(self) -> dict[str, str]:
        """The environment that tells them to macros/incremental.sql; -1 is no season and no race."""
        return {
            "PITWALL_SEASONS": ",".join(map(str, self.seasons or [-1])),
            "PITWALL_RACES": ",".join(map(str, self.races or [-1])),
        }


def find(last: duckdb.DuckDBPyConnection, parquet: Path, code: str) -> Changes | str:
    """Compare the data with what the warehouse open in `last` was made from.

    Returns the changed seasons, or in a few words why everything has to be made anew.
    """
    try:
        return _find(last, parquet, code)
    except (duckdb.BinderException, duckdb.CatalogException):  # somebody's hand, or another program's
        return "the last one has not the tables that it should have"


def _find(last: duckdb.DuckDBPyConnection, parquet: Path, code: str) -> Changes | str:
    recorded = last.execute(
        "select count(*) from information_schema.tables where table_schema = 'build'"
    ).fetchall()
    if not code or recorded != [(3,)]:
        return "it is not known what the last one was made from"
    if last.execute("select fingerprint from build.code").fetchall() != [(code,)]:
        return "the code changed, or dbt, or DuckDB"

    last.execute(
        "create temporary table changed as "
        "select table_name, part, was.part is not null as was_there "
        "from build.checksums as was full join read_parquet(?) as now using (table_name, part) "
        "where (was.row_count, was.checksum) is distinct from (now.row_count, now.checksum)",
        [str(parquet / FILE)],
    )
    last.execute(
        "create temporary table all_races as select race_id, season from marts.dim_races "
        "union select race_id, year from read_parquet(?)",
        [str(parquet / "races.parquet")],
    )
    if reason := reference_changed(last, parquet):
        return reason
    last.execute(
        "create temporary table changed_seasons as "
        "select distinct table_name, case table_name when 'seasons' then part else season end as season "
        "from changed left join all_races on part = race_id where table_name not in ?",
        [REFERENCE],
    )
    strays = last.execute("select table_name from changed_seasons where season is null").fetchall()
    if strays:
        return f"rows of {strays[0][0]} are of no race"
    seasons = sorted({season for (season,) in last.execute("select season from changed_seasons").fetchall()})
    [(total,)] = last.execute(
        "select count(*) from (select season from all_races union select season from changed_seasons)"
    ).fetchall()
    [firsts] = last.execute(FIRST_SEASONS).fetchall()
    if 2 * len(seasons) > total:
        return f"{len(seasons)} of {total} seasons changed"
    if seasons and (None in firsts or seasons[0] <= max(firsts)):
        return f"season {seasons[0]} changed, which later ones are compared with"
    races = last.execute(
        "select distinct race_id from all_races where season in ? order by race_id", [seasons]
    ).fetchall()
    return Changes(
        seasons, [race for (race,) in races], told(seasons, total), is_nothing=is_current(last, parquet)
    )


def is_current(last: duckdb.DuckDBPyConnection, parquet: Path) -> bool:
    """Whether a build would make the warehouse open in `last` again, as it is and where it is.

    Needs the temporary table `changed`. Views of a warehouse that was moved would look into the old folder.
    """
    folder = f"{parquet.absolute()}/".replace("'", "''")
    [(is_current,)] = last.execute(
        "select not exists (from changed) "
        "and not exists (select table_name, rows_short from read_parquet(?) except from build.short_rows) "
        "and not exists (from duckdb_views() where schema_name = 'raw' and not contains(sql, ?))",
        [str(parquet / MANIFEST), folder],
    ).fetchall()
    return bool(is_current)


def reference_changed(last: duckdb.DuckDBPyConnection, parquet: Path) -> str:
    """Why a change of drivers and the like concerns all seasons; empty if it does not.

    A new row concerns none but those that use it, unless a seed names it.
    """
    gone = last.execute(
        "select table_name from changed where table_name in ? and was_there", [REFERENCE]
    ).fetchall()
    if gone:
        return f"a row of {gone[0][0]} changed, or is gone"
    seeds = set()
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
            [str(parquet / f"{table}.parquet"), table],
        ).fetchall()
        if known := sorted(seeds.intersection(each for (each,) in new)):
            return f"{known[0]} is new, and a seed names it"
    return ""


def told(seasons: list[int], total: int) -> str:
    """The changed seasons in words."""
    if not seasons:
        return f"incremental: nothing changed in {total} seasons"
    named = ", ".join(map(str, seasons[:5])) + (" and more" if len(seasons) > 5 else "")
    return f"incremental: {len(seasons)} of {total} seasons changed ({named})"


def can_be_told(parquet: Path) -> bool:
    """Whether there are checksums of the data that can be read."""
    try:
        pl.read_parquet(parquet / FILE)
    except (OSError, pl.exceptions.PolarsError):
        return False
    return True


def record(warehouse: duckdb.DuckDBPyConnection, parquet: Path, code: str) -> None:
    """Write into a finished warehouse what it was made from."""
    if code:
        warehouse.execute("drop schema if exists build cascade")
        warehouse.execute("create schema build")
        warehouse.execute("create table build.code as select ? as fingerprint", [code])
        warehouse.execute("create table build.checksums as from read_parquet(?)", [str(parquet / FILE)])
        warehouse.execute(
            "create table build.short_rows as select table_name, rows_short from read_parquet(?)",
            [str(parquet / MANIFEST)],
        )
