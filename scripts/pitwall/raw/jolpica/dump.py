"""Map the dump of jolpica-f1 to CSV files of the raw tables, which are then converted like any others.

The correspondences are SQL: `sql/tables/` has a query for each raw table, over what `sql/*.sql` prepares.
`sql/odd/` has a query for each thing to report. All values stay text. A value that cannot be mapped is
written as it is, so that the conversion sets its row aside.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pitwall.command import PlainError, first_line, require
from pitwall.raw.careful import counted, survey
from pitwall.raw.fetch import without_secrets
from pitwall.raw.locate import find
from pitwall.raw.manifest import check_intact
from pitwall.raw.origin import is_simulated
from pitwall.raw.schema import SOURCES, Table, read_tables

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SQL = Path(__file__).parent / "sql"
PREFIX = "formula_one_"
# The columns that the queries read. A dump may have more tables and columns.
COLUMNS = {
    "championshipadjustment": "adjustment season_id team_id",
    "championshipsystem": "team_best_results team_points_per_session",
    "circuit": "altitude country latitude locality longitude name reference wikipedia",
    "driver": (
        "abbreviation date_of_birth forename nationality permanent_car_number reference surname wikipedia"
    ),
    "driverchampionship": "adjustment_type driver_id points position round_id win_count",
    "lap": "average_speed is_entry_fastest_lap number position session_entry_id time",
    "pitstop": "duration lap_id local_timestamp number session_entry_id",
    "pointsystem": "driver_fastest_lap team_position_points",
    "round": "circuit_id date is_cancelled name number season_id wikipedia",
    "roundentry": "car_number round_id team_driver_id",
    "season": "championship_system_id wikipedia year",
    "session": "has_time_data point_system_id round_id timestamp type",
    "sessionentry": (
        "detail fastest_lap_rank grid is_classified laps_completed points position round_entry_id session_id "
        "status time"
    ),
    "team": "name nationality reference wikipedia",
    "teamchampionship": "adjustment_type points position round_id team_id win_count",
    "teamdriver": "driver_id team_id",
}
# Tables that a dump may lack, and what then happens.
OPTIONAL = {
    "driverchampionship": "driver_standings has no rows; the championship is computed from results",
    "teamchampionship": "constructor_standings has no rows; the championship is computed from results",
    "championshipadjustment": "constructor_results names no exclusion",
}

Notes = Callable[[str], None]  # gets each line about what is odd and accepted


def files_of_dump(
    raw: str, work: Path, known: Path | None, note: Notes
) -> dict[str, tuple[str, Path]] | None:
    """The CSV files of the raw tables, mapped from a dump. None if `raw` is no dump.

    Args:
        raw: what the user named: a folder, a zip or an address.
        work: a folder for the mapped files, and for what has to be downloaded or unpacked.
        known: the folder of converted tables whose ids are kept; None if there are none.

    Returns:
        For each file of a raw table, what messages call it, and its path.

    Raises:
        PlainError: the dump cannot be mapped.
    """
    tables = read_tables(SOURCES)
    names = {f"{PREFIX}{name}.csv": name for name in COLUMNS}
    found = {names[file]: path for file, path in find(raw, set(names), work).items()}
    if not found:
        return None
    shown = without_secrets(raw)
    if missing := sorted(COLUMNS.keys() - OPTIONAL.keys() - found.keys()):
        raise PlainError(
            f"{shown}: a dump of jolpica-f1 without {', '.join(f'{PREFIX}{name}.csv' for name in missing)}; "
            "get a whole dump"
        )
    for name in OPTIONAL.keys() - found.keys():
        note(f"no {PREFIX}{name}.csv: {OPTIONAL[name]}")
    require("duckdb")
    import duckdb  # only here, because no other input needs it

    try:
        with duckdb.connect() as connection:
            _load(connection, found)
            _load_known(connection, tables, known)
            for query in sorted(SQL.glob("*.sql")):
                connection.execute(query.read_text(encoding="utf-8"))
            for line in _odd(connection):
                note(line)
            return {f"{table.name}.csv": _write(connection, table, work) for table in tables}
    except duckdb.Error as error:
        raise PlainError(f"{shown}: the dump cannot be mapped: {first_line(error)}") from None


def _load(connection: "DuckDBPyConnection", found: dict[str, Path]) -> None:
    """Read the files of the dump as tables of text. Every record must arrive, and every id once."""
    connection.execute("create schema dump")
    for name, text in COLUMNS.items():
        columns = ["id", *text.split()]
        declared = ", ".join(f"{column} varchar" for column in columns)
        if name not in found:
            connection.execute(f"create table dump.{name} ({declared})")
            continue
        path = found[name]
        account = survey(path)
        if missing := [column for column in columns if column not in account.header]:
            raise PlainError(f"{path.name}: no column {', '.join(missing)}; its layout is not known here")
        if odd := len(account.too_long) + account.short:
            raise PlainError(
                f"{path.name}: {counted(odd, 'row')} with another number of fields than the header; "
                "get an undamaged dump"
            )
        connection.execute(
            f"create table dump.{name} as select {', '.join(columns)} from read_csv("
            "$path, header = true, all_varchar = true, delim = ',', quote = '\"', escape = '\"', "
            "nullstr = ['', '\\N'], parallel = false)",
            {"path": str(path)},
        )
        counts = connection.execute(f"select count(*), count(distinct id) from dump.{name}").fetchall()
        [(rows, ids)] = counts
        if rows != account.records - account.blank:
            raise PlainError(f"{path.name}: can be read in more than one way; get an undamaged dump")
        if ids != rows:
            raise PlainError(f"{path.name}: an id is NULL or repeats; get an undamaged dump")


def known_tables(parquet: Path) -> Path | None:
    """The folder of the last conversion if its ids can be kept: it is intact, and not simulated."""
    try:
        check_intact(parquet)
    except PlainError:
        return None
    return None if is_simulated(parquet) else parquet


def _load_known(connection: "DuckDBPyConnection", tables: list[Table], known: Path | None) -> None:
    """Give the queries the tables whose ids are kept: empty if there are none."""
    connection.execute("create schema known")
    for table in tables:
        if known:
            path = known / f"{table.name}.parquet"
            query = f"create table known.{table.name} as from read_parquet($path)"
            connection.execute(query, {"path": str(path)})
        else:
            declared = ", ".join(f"{column.name} {_sql_type(column.declared)}" for column in table.columns)
            connection.execute(f"create table known.{table.name} ({declared})")


def _sql_type(declared: str) -> str:
    return "varchar" if declared == "string" else declared


def _odd(connection: "DuckDBPyConnection") -> Iterable[str]:
    """A line for each thing in the dump that is odd, and accepted."""
    for query in sorted((SQL / "odd").glob("*.sql")):
        for (line,) in connection.execute(query.read_text(encoding="utf-8")).fetchall():
            yield line


def _write(connection: "DuckDBPyConnection", table: Table, work: Path) -> tuple[str, Path]:
    """Write the CSV of a raw table. Returns what messages call it, and its path."""
    path = work / f"{table.name}.csv"
    query = (SQL / "tables" / f"{table.name}.sql").read_text(encoding="utf-8")
    connection.execute(f"copy ({query}) to '{path}' (header true, nullstr '\\N')")
    return f"{path.name} (mapped from the dump)", path
