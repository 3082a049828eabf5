"""The rules of the real championships give the standings of the simulated one, without exceptions."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from conftest import Builder


@pytest.fixture(scope="module")
def simulated(simulated_warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse of five simulated seasons, read only."""
    with duckdb.connect(simulated_warehouse, read_only=True) as connection:
        yield connection


@pytest.mark.parametrize("competitor", ["driver", "constructor"])
def test_every_standing_agrees(simulated: duckdb.DuckDBPyConnection, competitor: str) -> None:
    """The simulated tables leave out no competitor, unlike the real ones."""
    rows, reconciled = simulated.execute(
        f"select count(*), count(*) filter (where is_reconciled) from marts.fct_{competitor}_championship"
    ).fetchone()
    assert rows == reconciled > 1000


@pytest.mark.parametrize("competitor", ["driver", "constructor"])
def test_every_season_has_one_champion(simulated: duckdb.DuckDBPyConnection, competitor: str) -> None:
    """The champion leads the last table, and the title was decided in its round or earlier."""
    champions = simulated.execute(
        f"select season, championship_position, title_decided_in_round <= round "
        f"from marts.fct_{competitor}_championship where is_champion and is_latest_of_season order by season"
    ).fetchall()
    assert champions == [(season, 1, True) for season in range(2021, 2026)]


def test_no_exception_of_the_real_championships_applies(simulated: duckdb.DuckDBPyConnection) -> None:
    """Seeds that name real drivers must not change a simulated race of the same season and round."""
    assert simulated.execute("select count(*) from marts.fct_championship_exceptions").fetchone() == (0,)
    fastest_laps = """
        select count(*) from intermediate.int_championship__places
        where season = 2024 and round = 8 and session_type = 'race' and fastest_lap_share = 1"""
    assert simulated.execute(fastest_laps).fetchone() == (1,)


def test_seasons_without_rules_are_named_in_one_line(
    builder: Builder, simulated_warehouse: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    warehouse = data / ".build" / "warehouse.duckdb"
    shutil.copytree(simulated_warehouse.parent / "parquet", data / "parquet")
    warehouse.parent.mkdir()
    shutil.copy(simulated_warehouse, warehouse)
    with duckdb.connect(warehouse) as connection:
        connection.execute(
            "insert into intermediate.int_championship__rules "
            "select rules.* replace (seasons.season as season, true as is_assumed) "
            "from intermediate.int_championship__rules as rules, (values (2026), (2027)) as seasons (season) "
            "where rules.season = 2025"
        )
    output = builder.dbt(data, "test", "-s", "every_season_has_rules").stdout
    assert "Seasons 2026 to 2027 have no rules in seeds/championship_periods.csv: those of 2025" in output
    assert output.count("no rules in seeds") == 1
