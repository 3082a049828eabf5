"""Team mates, qualifying, places, reliability and circuits of the real files: facts from other sources."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest


class Fact(NamedTuple):
    """A sentence about the sport, a query, and its answer as rows."""

    sentence: str
    query: str
    answer: list[tuple[Any, ...]]


# Marts with the names of races, drivers and constructors.
NAMES = """
create temp view mates as
select seasons.*, drivers.driver_ref, mates.driver_ref as mate_ref, constructor_ref
from marts.team_mate_seasons as seasons
join marts.dim_drivers as drivers using (driver_id)
join marts.dim_drivers as mates on mates.driver_id = seasons.team_mate_driver_id
join marts.dim_constructors using (constructor_id);

create temp view careers as
select careers.*, drivers.driver_ref, mates.driver_ref as mate_ref
from marts.team_mate_careers as careers
join marts.dim_drivers as drivers using (driver_id)
join marts.dim_drivers as mates on mates.driver_id = careers.team_mate_driver_id;

create temp view gaps as
select gaps.*, driver_ref
from marts.fct_qualifying_gaps as gaps
join marts.dim_drivers using (driver_id);

create temp view places as
select places.*, driver_ref
from marts.fct_places_gained as places
join marts.dim_drivers using (driver_id);

create temp view reliability as
select reliability.*, constructor_ref
from marts.constructor_reliability as reliability
join marts.dim_constructors using (constructor_id);

create temp view streaks as
select streaks.*, driver_ref, last_race_name as last_race
from marts.driver_finishing_streaks as streaks
join marts.dim_drivers using (driver_id);

create temp view circuits as
select statistics.*, circuit_ref, records.driver_ref as record_ref, best.driver_ref as best_ref
from marts.circuit_statistics as statistics
join marts.dim_circuits using (circuit_id)
left join marts.dim_drivers as records on records.driver_id = lap_record_driver_id
left join marts.dim_drivers as best on best.driver_id = most_successful_driver_id;
"""

FACTS = [
    Fact(
        "What a gap to pole compares: 291 gaps of 34 races are from a drier or wetter track.",
        "select pole_comparison, count(*), count(distinct race_id) from gaps "
        "where pole_comparison is not null group by all order by all",
        [
            ("earlier session", 3277, 306),
            ("other track", 291, 34),
            ("race fuel", 777, 70),
            ("same session", 6328, 511),
        ],
    ),
    Fact(
        "Germany 2012: a dry Q1 and a wet Q3 make a gap of -24 %; no gap that counts is negative by more.",
        "select min(gap_to_pole_percent), min(gap_to_pole_percent) filter ("
        "where pole_comparison in ('same session', 'earlier session')) from gaps",
        [(Decimal("-23.733"), Decimal("-0.031"))],
    ),
    Fact(
        "A gap of team mates above 5 % is no comparison; without them no season's median is above 4 %.",
        "select (select count(*) // 2 from intermediate.int_results__team_mates "
        "where not is_qualifying_gap_usual), max(abs(median_qualifying_gap_percent)) from mates",
        [(51, Decimal("3.727"))],
    ),
    Fact(
        "Hamilton beat Rosberg in qualifying 42 to 36 in four years, but lost 2014 by 7 to 12.",
        "select 'all', qualifyings_ahead, qualifyings_behind from careers "
        "where driver_ref = 'hamilton' and mate_ref = 'rosberg' union all "
        "select season::text, qualifyings_ahead, qualifyings_behind from mates "
        "where driver_ref = 'hamilton' and mate_ref = 'rosberg' and season >= 2014 order by all",
        [("2014", 7, 12), ("2015", 12, 7), ("2016", 12, 9), ("all", 42, 36)],
    ),
    Fact(
        "In 1988 Senna scored 94 points and Prost 105, before the dropped scores that made Senna champion.",
        "select races_together, points, team_mate_points, qualifying_gaps, median_qualifying_gap_percent "
        "from mates where season = 1988 and driver_ref = 'senna' and mate_ref = 'prost'",
        [(16, Decimal(94), Decimal(105), 0, None)],
    ),
    Fact(
        "In 2007 Alonso and Hamilton ended level on 109 points.",
        "select points, team_mate_points from mates where season = 2007 and constructor_ref = 'mclaren' "
        "and driver_ref = 'alonso'",
        [(Decimal(109), Decimal(109))],
    ),
    Fact(
        "Verstappen had three team mates at two teams in 2016, and two at Red Bull in 2025.",
        "select season, mate_ref, races_together from mates where driver_ref = 'max_verstappen' "
        "and season in (2016, 2025) order by season, races_together",
        [
            (2016, "sainz", 4),
            (2016, "ricciardo", 17),
            (2025, "lawson", 2),
            (2025, "tsunoda", 16),
        ],
    ),
    Fact(
        "Qualifying that the source files under Marussia is in the comparison of the Manor drivers of 2015.",
        "select mate_ref, qualifyings_ahead + qualifyings_behind from mates where season = 2015 "
        "and driver_ref = 'stevens' order by mate_ref",
        [("merhi", 12), ("rossi", 5)],
    ),
    Fact(
        "Albon beat Sargeant in all 22 qualifyings of 2023.",
        "select qualifyings_ahead, qualifyings_behind from mates "
        "where season = 2023 and driver_ref = 'albon'",
        [(22, 0)],
    ),
    Fact(
        "Russell and Verstappen set the same time to the millisecond for pole in Canada 2024.",
        "select driver_ref, last_session_ms, gap_to_pole_ms from gaps where season = 2024 "
        "and race_name = 'Canadian Grand Prix' and qualifying_position <= 2 order by qualifying_position",
        [("russell", 72000, 0), ("max_verstappen", 72000, 0)],
    ),
    Fact(
        "A storm in Texas 2015 left no third session: the second decided, and Rosberg had pole.",
        "select driver_ref, last_session, gap_to_pole_ms from gaps where season = 2015 "
        "and race_name = 'United States Grand Prix' and qualifying_position <= 2 "
        "order by qualifying_position",
        [("rosberg", "q2", 0), ("hamilton", "q2", 105)],
    ),
    Fact(
        "Two times were added up in the first six races of 2005.",
        "select min(round), max(round), count(distinct round) from gaps "
        "where qualifying_format = 'aggregate'",
        [(1, 6, 6)],
    ),
    Fact(
        "The 16:42.640 of Adelaide 1995 is not used, and its driver has no time.",
        "select count(*), max(last_session_ms) < 150000 from gaps where season = 1995 and round = 16 "
        "union all select count(*), bool_or(last_session_ms is not null) from gaps "
        "where season = 1995 and round = 16 and driver_ref = 'blundell'",
        [(24, True), (1, False)],
    ),
    Fact(
        "Watson won Long Beach 1983 from 22nd; Verstappen won at Interlagos 2024 from 17th, where two cars "
        "on better slots did not start.",
        "select season, grid_position, start_position, places_gained from places "
        "where finishing_position = 1 and ((season = 1983 and driver_ref = 'watson') "
        "or (season = 2024 and grid_position = 17)) order by season",
        [(1983, 22, 22, 21), (2024, 17, 15, 14)],
    ),
    Fact(
        "Belgium 2021, a race of one lap, has no expected places gained.",
        "select count(*), count(expected_places_gained) from places "
        "where season = 2021 and race_name = 'Belgian Grand Prix'",
        [(20, 0)],
    ),
    Fact(
        "Seven races ended early, because of rain or an accident.",
        "select count(distinct race_id) from places where not is_full_race",
        [(7,)],
    ),
    Fact(
        "McLaren won 2024 without a single retirement.",
        "select sum(failures)::int, max(race_starts) from reliability "
        "where season = 2024 and constructor_ref = 'mclaren'",
        [(0, 48)],
    ),
    Fact(
        "Tyrrell was disqualified from every race of 1984.",
        "select cause, failures, race_starts from reliability "
        "where season = 1984 and constructor_ref = 'tyrrell' and failures > 0",
        [("disqualified", 21, 21)],
    ),
    Fact(
        "Verstappen finished 43 races in a row, until the brakes failed in Australia 2024.",
        "select races, last_race, last_season, reason_ended from streaks "
        "where driver_ref = 'max_verstappen' order by races desc limit 1",
        [(43, "Saudi Arabian Grand Prix", 2024, "brakes")],
    ),
    Fact(
        "Chilton finished 25 races in a row from the very first one.",
        "select races, streak_number, first_season, last_season, reason_ended from streaks "
        "where driver_ref = 'chilton' order by races desc limit 1",
        [(25, 1, 2013, 2014, "collision")],
    ),
    Fact(
        "Lap records: Monza Norris 2025, Monaco Hamilton 2021, Spa Pérez 2024, Interlagos Bottas 2018.",
        "select circuit_ref, lap_record_ms, record_ref, lap_record_season from circuits "
        "where circuit_ref in ('monza', 'monaco', 'spa', 'interlagos') order by circuit_ref",
        [
            ("interlagos", 70540, "bottas", 2018),
            ("monaco", 72909, "hamilton", 2021),
            ("monza", 80901, "norris", 2025),
            ("spa", 104701, "perez", 2024),
        ],
    ),
    Fact(
        "Senna won Monaco six times, Hamilton Silverstone nine and Budapest eight, Schumacher Spa six.",
        "select circuit_ref, best_ref, most_successful_driver_wins from circuits "
        "where circuit_ref in ('monaco', 'silverstone', 'hungaroring', 'spa') order by circuit_ref",
        [
            ("hungaroring", "hamilton", 8),
            ("monaco", "senna", 6),
            ("silverstone", "hamilton", 9),
            ("spa", "michael_schumacher", 6),
        ],
    ),
    Fact(
        "Circuits last raced at before 1996 have no lap record.",
        "select count(*), count(lap_record_ms) from circuits where last_season < 1996",
        [(36, 0)],
    ),
    Fact(
        "A first build has no revisions.",
        "select count(*) from marts.fct_result_revisions union all "
        "select count(*) from snapshots.race_results_history where dbt_valid_to is not null",
        [(0,), (0,)],
    ),
]


@pytest.fixture(scope="module")
def warehouse(real_warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse of the real files, with views that have the names of drivers and races."""
    with duckdb.connect(real_warehouse, read_only=True) as connection:
        connection.execute(NAMES)
        yield connection


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.sentence)
def test_known_facts_are_right(warehouse: duckdb.DuckDBPyConnection, fact: Fact) -> None:
    assert warehouse.execute(fact.query).fetchall() == fact.answer
