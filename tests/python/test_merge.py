"""Several sources of the same tables: which value and which rows are taken, and what is listed."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pitwall.command import PlainError
from pitwall.raw.checksums import part_checksums
from pitwall.raw.merge import RANKS, Ranks, disagreements_table, merge
from pitwall.raw.schema import SOURCES, Table, read_tables
from pitwall.warehouse.changes import source_of

SEASONS = pl.DataFrame(
    {"race_id": [1, 2, 3], "season": [2023, 2024, 2025]}, schema_overrides={"season": pl.Int32}
)
HEADER = "table_name,column_name,source_name,source_rank,reason\n"
DEFAULT = HEADER + "*,*,old,1,Old is first.\n*,*,new,2,New is second.\n*,*,third,3,Third is last.\n"


def table(name: str) -> Table:
    return next(one for one in read_tables(SOURCES) if one.name == name)


def stops(*rows: tuple[int, int, int, int | None]) -> pl.DataFrame:
    """Pit stops: race, driver, stop, milliseconds. The other columns are NULL."""
    names = ["race_id", "driver_id", "stop", "milliseconds"]
    given = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.Int32), orient="row")
    columns = table("pit_stops").columns
    return given.select(
        pl.col(column.name) if column.name in names else pl.lit(None, column.dtype).alias(column.name)
        for column in columns
    )


def drivers(*rows: tuple[int, str, int | None]) -> pl.DataFrame:
    """Drivers: id, reference, number."""
    names = {"driver_id": pl.Int32, "driver_ref": pl.String, "number": pl.Int32}
    given = pl.DataFrame(rows, schema=names, orient="row")
    return given.select(
        pl.col(column.name) if column.name in names else pl.lit(None, column.dtype).alias(column.name)
        for column in table("drivers").columns
    )


@pytest.fixture
def ranks(tmp_path: Path) -> Any:
    """Makes the ranks of some rows of the seed after the default."""

    def make(*rows: str) -> Ranks:
        path = tmp_path / "source_ranks.csv"
        path.write_text(DEFAULT + "".join(f"{row}\n" for row in rows))
        return Ranks(path)

    return make


def test_a_cell_has_the_value_of_the_best_source_that_has_one(ranks: Any) -> None:
    frames = {
        "new": stops((1, 1, 1, 21), (1, 1, 2, 32), (1, 1, 3, 43)),
        "old": stops((1, 1, 1, 20), (1, 1, 2, None), (1, 1, 3, 43)),
    }
    rows, found = merge(table("pit_stops"), frames, SEASONS, ranks())
    assert rows["milliseconds"].to_list() == [20, 32, 43]
    columns = (
        "row_key",
        "column_name",
        "season",
        "used_source",
        "used_value",
        "other_source",
        "other_value",
        "reason",
    )
    assert sorted(found.select(columns).rows()) == [
        ("race_id=1, driver_id=1, stop=1", "milliseconds", 2023, "old", "20", "new", "21", "Old is first."),
        (
            "race_id=1, driver_id=1, stop=2",
            "milliseconds",
            2023,
            "new",
            "32",
            "old",
            None,
            "The source old has no value.",
        ),
    ]


def test_the_rows_of_a_race_are_those_of_one_source(ranks: Any) -> None:
    """Race 1 is in both: the stop that only the new source has is listed. Race 2 is only in the new one."""
    frames = {
        "old": stops((1, 1, 1, 20), (1, 1, 2, 30)),
        "new": stops((1, 1, 1, 20), (1, 7, 1, 25), (2, 1, 1, 40)),
    }
    rows, found = merge(table("pit_stops"), frames, SEASONS, ranks())
    assert rows.select("race_id", "driver_id", "stop").rows() == [(1, 1, 1), (1, 1, 2), (2, 1, 1)]
    assert found.select("row_key", "column_name", "used_value", "other_value").rows() == [
        ("race_id=1, driver_id=1, stop=2", "(row)", "there", "not there"),
        ("race_id=1, driver_id=7, stop=1", "(row)", "not there", "there"),
    ]


def test_rows_without_a_race_are_those_of_all_sources(ranks: Any) -> None:
    frames = {"old": drivers((1, "one", 1)), "new": drivers((1, "one", 1), (2, "two", None))}
    rows, found = merge(table("drivers"), frames, SEASONS, ranks())
    assert rows["driver_ref"].to_list() == ["one", "two"]
    assert found.height == 0


def test_a_column_has_a_rank_of_its_own(ranks: Any) -> None:
    frames = {"old": drivers((1, "one", 38)), "new": drivers((1, "uno", 87))}
    better = ranks("drivers,number,old,2,Old.", "drivers,number,new,1,New numbers are better.")
    rows, found = merge(table("drivers"), frames, SEASONS, better)
    assert rows.select("driver_ref", "number").rows() == [("one", 87)]
    assert found.select("column_name", "used_source", "reason").rows() == [
        ("driver_ref", "old", "Old is first."),
        ("number", "new", "New numbers are better."),
    ]


def test_a_source_with_rank_0_is_not_used(ranks: Any) -> None:
    frames = {"old": drivers((1, "one", None)), "new": drivers((1, "one", 87))}
    rows, found = merge(table("drivers"), frames, SEASONS, ranks("drivers,number,new,0,Not to be used."))
    assert rows["number"].to_list() == [None]
    assert found.select("used_source", "used_value", "other_value", "reason").rows() == [
        ("old", None, "87", "Not to be used.")
    ]


def test_a_third_source_has_its_own_rank_and_disagreements(ranks: Any) -> None:
    """It fills what both others lack, and differs from the value that is used."""
    frames = {
        "old": stops((1, 1, 1, 20), (1, 1, 2, None)),
        "new": stops((1, 1, 1, 21), (1, 1, 2, None), (2, 1, 1, 40)),
        "third": stops((1, 1, 1, 22), (1, 1, 2, 31), (3, 1, 1, 50)),
    }
    rows, found = merge(table("pit_stops"), frames, SEASONS, ranks())
    assert rows.select("race_id", "milliseconds").rows() == [(1, 20), (1, 31), (2, 40), (3, 50)]
    assert set(found.select("used_source", "used_value", "other_source", "other_value").rows()) == {
        ("old", "20", "new", "21"),
        ("old", "20", "third", "22"),
        ("third", "31", "old", None),
        ("third", "31", "new", None),
    }
    assert found.select(disagreements_table().key).is_unique().all()


def test_the_season_of_a_race_is_its_own(ranks: Any) -> None:
    columns = {column.name: column.dtype for column in table("races").columns}
    one = pl.DataFrame([{"race_id": 9, "year": 2026, "name": "A"}], schema=columns)
    rows, found = merge(
        table("races"), {"old": one, "new": one.with_columns(name=pl.lit("B"))}, SEASONS, ranks()
    )
    assert rows["name"].to_list() == ["A"]
    assert found.select("row_key", "season").rows() == [("race_id=9", 2026)]


def test_a_source_without_a_rank_is_refused(ranks: Any) -> None:
    frames = {"old": drivers((1, "one", 1)), "unknown": drivers((1, "one", 1))}
    with pytest.raises(PlainError, match="no rank for the source unknown"):
        merge(table("drivers"), frames, SEASONS, ranks())


def test_the_seed_names_tables_columns_and_sources_that_exist() -> None:
    columns = {(one.name, column.name) for one in read_tables(SOURCES) for column in one.columns}
    for name, column, source in Ranks(RANKS).rows:
        assert (name, column) == ("*", "*") or (name, column) in columns
        assert source in ("archive", "jolpica")


def test_a_build_sees_the_seasons_in_which_the_sources_differ(tmp_path: Path) -> None:
    """A disagreement without a season has 0, for which everything is built again."""
    disagreements = disagreements_table()
    columns = {column.name: column.dtype for column in disagreements.columns}
    path = tmp_path / f"{disagreements.name}.parquet"
    pl.DataFrame([{"season": 2023}, {"season": 2023}, {"season": None}], schema=columns).write_parquet(path)
    parts = part_checksums(disagreements, path).sort("part")
    assert parts.select("part", "row_count").rows() == [(0, 1), (2023, 2)]
    assert source_of(disagreements.name) == "pitwall"
