"""Careers and seasons on the real files, 1950 to October 2025 (round 18), compared with record books.

If a record book and the files differ, the sentence says why. Skipped if the files are missing.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest


class Fact(NamedTuple):
    """A sentence about the data, a query, and its answer: a value, or a list of rows."""

    sentence: str
    query: str
    answer: Any


NAMES = """
create temp view careers as
select * from marts.driver_careers join marts.dim_drivers using (driver_id, driver_name);
create temp view seasons as
select * from marts.driver_seasons join marts.dim_drivers using (driver_id, driver_name);
create temp view teams as
select * from marts.constructor_careers join marts.dim_constructors using (constructor_id, constructor_name);
create temp view team_seasons as
select * from marts.constructor_seasons join marts.dim_constructors using (constructor_id, constructor_name);
"""

FACTS = [
    Fact(
        "864 drivers have a career, 75 of them without a start.",
        "select count(*), count(*) filter (where starts = 0), count(*) filter (where entries = 0) from "
        "careers",
        [(864, 75, 0)],
    ),
    Fact(
        "1,146 wins (three were shared), 3,448 podiums, 1,143 poles and 75 titles to 2024.",
        "select sum(wins), sum(podiums), sum(poles), sum(titles) from careers",
        [(1_146, 3_448, 1_143, 75)],
    ),
    Fact(
        "Of these 11 wins, 36 podiums and 11 poles are of the Indianapolis 500.",
        "select sum(indianapolis_500_wins), sum(indianapolis_500_podiums), sum(indianapolis_500_poles) "
        "from careers",
        [(11, 36, 11)],
    ),
    Fact(
        "Constructors won 1,143 races, one each, and 67 titles from 1958 to 2024.",
        "select sum(wins), sum(poles), sum(titles) from teams",
        [(1_143, 1_143, 67)],
    ),
    Fact(
        "The most wins: Hamilton 105, Schumacher 91, Verstappen 67, Vettel 53, Prost 51, Senna 41.",
        "select driver_ref, wins, poles, titles from careers order by wins desc limit 6",
        [
            ("hamilton", 105, 104, 7),
            ("michael_schumacher", 91, 68, 7),
            ("max_verstappen", 67, 46, 4),
            ("vettel", 53, 57, 4),
            ("prost", 51, 33, 4),
            ("senna", 41, 65, 3),
        ],
    ),
    Fact(
        "Fangio won 24 of 51 races with 29 poles, 23 fastest laps and five titles; two of the "
        "wins and one of the laps were shared.",
        "select starts, wins, poles, fastest_laps, titles, age_at_first_title from careers "
        "where driver_ref = 'fangio'",
        [(51, 24, 29, 23, 5, 40)],
    ),
    Fact(
        "Clark won 25 of 72 races, with 33 poles; Moss 16 of 66, without a title.",
        "select driver_ref, starts, wins, poles, titles, age_at_first_title from careers "
        "where driver_ref in ('clark', 'moss') order by 1",
        [("clark", 72, 25, 33, 2, 27), ("moss", 66, 16, 16, 0, None)],
    ),
    Fact(
        "Barrichello was entered 326 times and started 322, Button 309 and 306, Rosberg 206 and 206.",
        "select driver_ref, entries, starts from careers "
        "where driver_ref in ('barrichello', 'button', 'rosberg') order by 1",
        [("barrichello", 326, 322), ("button", 309, 306), ("rosberg", 206, 206)],
    ),
    Fact(
        "Starts are those of record books: no start for a driver who retired before it, or who did not take "
        "part when a race was started again from the beginning.",
        "select driver_ref, starts from careers where driver_ref in ('alonso', 'coulthard', 'fisichella', "
        "'ganley', 'hamilton', 'herbert', 'lauda', 'massa', 'max_verstappen', 'michael_schumacher', "
        "'patrese', 'raikkonen', 'trulli', 'vettel') order by 1",
        [
            ("alonso", 419),
            ("coulthard", 246),
            ("fisichella", 229),
            ("ganley", 35),
            ("hamilton", 374),
            ("herbert", 160),
            ("lauda", 171),
            ("massa", 269),
            ("max_verstappen", 227),
            ("michael_schumacher", 306),
            ("patrese", 256),
            ("raikkonen", 349),
            ("trulli", 252),
            ("vettel", 299),
        ],
    ),
    Fact(
        "Each driver of the seed has a result without a lap, which would be a start: retired, from a slot.",
        "select count(*), count(*) filter (where position_text = 'R' and laps_completed = 0 "
        "and grid_position is not null and not is_started), "
        "(select count(*) from seeds.start_exceptions where start = 'not taken') "
        "from marts.fct_race_results where non_start_reason is not null",
        [(37, 37, 37)],
    ),
    Fact(
        "Career points are the counted ones, the gross in brackets: Clark 255 (274), Prost 768.5 (798.5), "
        "Senna 610 (614).",
        "select driver_ref, points, points_gross from careers "
        "where driver_ref in ('clark', 'prost', 'senna') order by 1",
        [
            ("clark", Decimal("255.00"), Decimal("274.00")),
            ("prost", Decimal("768.50"), Decimal("798.50")),
            ("senna", Decimal("610.00"), Decimal("614.00")),
        ],
    ),
    Fact(
        "Fastest laps of drivers for whom all seasons are known: Räikkönen 46, Vettel 38, Rosberg 20, "
        "Montoya 12, Ascari 12, Villeneuve 9, Ralf Schumacher 8 (Japan 2001 among them, where Montoya's "
        "quicker lap does not count).",
        "select driver_ref, fastest_laps from careers where driver_ref in ('raikkonen', 'vettel', 'rosberg', "
        "'montoya', 'ascari', 'villeneuve', 'ralf_schumacher') order by 2 desc, 1",
        [
            ("raikkonen", 46),
            ("vettel", 38),
            ("rosberg", 20),
            ("ascari", 12),
            ("montoya", 12),
            ("villeneuve", 9),
            ("ralf_schumacher", 8),
        ],
    ),
    Fact(
        "Prost's fastest laps and laps led are unknown; those of Schumacher, Berger and Graham Hill are "
        "known in some of their races, so their counts are lower bounds.",
        "select driver_ref, fastest_laps, fastest_laps_at_least, races_with_fastest_lap, laps_led, "
        "laps_led_at_least, races_with_laps, entries from careers "
        "where driver_ref in ('prost', 'michael_schumacher', 'berger', 'hill') order by 1 desc",
        [
            ("prost", None, None, 0, None, None, 0, 202),
            ("michael_schumacher", None, 54, 239, None, 3_937, 239, 308),
            ("hill", None, 0, 16, None, None, 0, 179),
            ("berger", None, 3, 30, None, 72, 30, 210),
        ],
    ),
    Fact(
        "Nobody has the fastest lap of Belgium 2021, whose result is that of one lap; so the counts of "
        "Hamilton and Verstappen are complete.",
        "select driver_ref, fastest_laps, races_with_fastest_lap = entries from careers "
        "where driver_ref in ('hamilton', 'max_verstappen') order by 1",
        [("hamilton", 68, True), ("max_verstappen", 35, True)],
    ),
    Fact(
        "Of the races before 1960 and since 1996 only Belgium 2021 has no fastest lap.",
        "select season, round from marts.dim_races where is_held and (season < 1960 or season >= 1996) "
        "and race_id not in (select race_id from intermediate.int_careers__fastest_laps)",
        [(2021, 12)],
    ),
    Fact(
        "From 2004 on the best rank and the least time are of the same driver in all 428 races that have "
        "them.",
        "select count(*), count(*) filter (where fastest_lap_rank = 1) from ("
        "select *, min(fastest_lap_time_ms) over (partition by race_id) as best from marts.fct_race_results) "
        "where fastest_lap_time_ms = best",
        [(428, 428)],
    ),
    Fact(
        "The result of China 2014 is that of lap 54, and Hamilton led all 54; 33,194 laps are led in all, "
        "none of them twice.",
        "select (select sum(laps_led_at_least) from careers), "
        "(select sum(laps_led_at_least) from teams), laps_led "
        "from intermediate.int_laps__by_driver join marts.dim_races using (race_id, season) "
        "join marts.dim_drivers using (driver_id) where season = 2014 and round = 4 and driver_ref = "
        "'hamilton'",
        [(33_194, 33_194, 54)],
    ),
    Fact(
        "The youngest at the first start and win is Verstappen, 17 and 18; the oldest winner Fagioli, "
        "53; the youngest "
        "champion Vettel, 23; the oldest first-time champion Farina, 43.",
        "select arg_min(driver_ref, age_at_first_race), min(age_at_first_race), "
        "arg_min(driver_ref, age_at_first_win), min(age_at_first_win), "
        "arg_max(driver_ref, age_at_first_win), max(age_at_first_win), min(age_at_first_title), "
        "arg_max(driver_ref, age_at_first_title), max(age_at_first_title) from careers",
        [("max_verstappen", 17, "max_verstappen", 18, "fagioli", 53, 23, "farina", 43)],
    ),
    Fact(
        "Schumacher has 78 points and no position in 1997; McLaren has no position in 2007.",
        "select driver_ref, points, championship_position from seasons "
        "where season = 1997 and driver_ref = 'michael_schumacher' union all "
        "select constructor_ref, points, championship_position from team_seasons "
        "where season = 2007 and constructor_ref = 'mclaren'",
        [("michael_schumacher", Decimal("78.00"), None), ("mclaren", Decimal("218.00"), None)],
    ),
    Fact(
        "2025 is under way: Piastri leads, and no driver is champion.",
        "select driver_ref, championship_position, is_season_complete, is_champion from seasons "
        "where season = 2025 and championship_position = 1",
        [("piastri", 1, False, False)],
    ),
    Fact(
        "Ferrari: 248 wins, 254 poles, 16 titles; Williams 114, 128, 9; McLaren 197 and 9 under its own "
        "name alone.",
        "select constructor_ref, wins, poles, titles from teams "
        "where constructor_ref in ('ferrari', 'williams', 'mclaren') order by wins desc",
        [("ferrari", 248, 254, 16), ("mclaren", 197, 173, 9), ("williams", 114, 128, 9)],
    ),
    Fact(
        "The wins of all names of a team: McLaren 201 wins, Lotus 79, Brabham 35, Cooper 16.",
        "select split_part(replace(constructor_ref, 'team_', ''), '-', 1) as team, sum(wins) from teams "
        "where constructor_ref in ('mclaren', 'team_lotus', 'brabham', 'cooper') or constructor_ref like "
        "'mclaren-%' "
        "or constructor_ref like 'lotus-%' or constructor_ref like 'brabham-%' or constructor_ref like "
        "'cooper-%' "
        "group by team order by 2 desc",
        [("mclaren", 201), ("lotus", 79), ("brabham", 35), ("cooper", 16)],
    ),
    Fact(
        "Each driver and constructor has the wins of the latest official table of the season.",
        "select (select count(*) from marts.driver_seasons join marts.fct_driver_standings as official "
        "using (season, driver_id) where is_latest_of_season and driver_seasons.wins <> official.wins), "
        "(select count(*) from marts.constructor_seasons join marts.fct_constructor_standings as official "
        "using (season, constructor_id) where is_latest_of_season and constructor_seasons.wins <> "
        "official.wins)",
        [(0, 0)],
    ),
    # Teams and lineages
    Fact(
        "Team Lotus won 79 races and seven titles as seven constructors, Brabham 35, Cooper 16, McLaren 201.",
        "select team_name, constructors, first_season, last_season, wins, titles from marts.team_careers "
        "where team_name in ('Team Lotus', 'Brabham', 'Cooper', 'McLaren', 'Ferrari') order by wins desc",
        [
            ("Ferrari", 1, 1950, 2025, 248, 16),
            ("McLaren", 5, 1966, 2025, 201, 9),
            ("Team Lotus", 7, 1958, 1994, 79, 7),
            ("Brabham", 6, 1962, 1992, 35, 2),
            ("Cooper", 11, 1950, 1969, 16, 2),
        ],
    ),
    Fact(
        "A team has one start in a race: fewer than the sum of its constructors where several of them raced.",
        "select team_name, team_careers.starts, sum(teams.starts)::int from marts.team_careers "
        "join teams using (team_ref, team_name) where team_name in ('Team Lotus', 'Ferrari') group by all "
        "order by all",
        [("Ferrari", 1116, 1116), ("Team Lotus", 491, 542)],
    ),
    Fact(
        "Every season of a constructor has one lineage, and the chains are as their factories were.",
        "select lineage_name, string_agg(distinct constructor_name, ', ' order by constructor_name), "
        "min(season), max(season), count(distinct season) from team_seasons "
        "where lineage_name in ('Tyrrell to Mercedes', 'Toleman to Alpine') group by all order by all",
        [
            ("Toleman to Alpine", "Alpine F1 Team, Benetton, Lotus F1, Renault, Toleman", 1981, 2025, 45),
            ("Tyrrell to Mercedes", "BAR, Brawn, Honda, Mercedes, Tyrrell", 1970, 2025, 56),
        ],
    ),
    Fact(
        "Names that came back are one team and several lineages.",
        "select team_name, count(distinct lineage_ref) from team_seasons group by all "
        "having count(distinct lineage_ref) > 1 order by all",
        [
            ("Alfa Romeo", 2),
            ("Aston Martin", 2),
            ("Honda", 2),
            ("March", 2),
            ("Mercedes", 2),
            ("Renault", 2),
        ],
    ),
    Fact(
        "Teams and lineages have all wins and titles of the constructors.",
        "select (select sum(wins) from teams), (select sum(wins) from marts.team_careers), "
        "(select sum(wins) from marts.lineage_careers), (select sum(titles) from teams), "
        "(select sum(titles) from marts.team_careers), (select sum(titles) from marts.lineage_careers)",
        [(1_143, 1_143, 1_143, 67, 67, 67)],
    ),
    Fact(
        "Each constructor of the seeds exists, and each season of a lineage's constructor has a row in it.",
        "select (select count(*) from seeds.constructor_teams anti join marts.dim_constructors "
        "using (constructor_ref)), (select count(*) from seeds.team_lineages anti join team_seasons on "
        "team_lineages.constructor_ref = team_seasons.constructor_ref and season = first_season)",
        [(0, 0)],
    ),
]


@pytest.fixture(scope="module")
def warehouse(real_warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the warehouse of the real files, with the marts joined to their names."""
    with duckdb.connect(real_warehouse, read_only=True) as connection:
        connection.execute(NAMES)
        yield connection


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.sentence)
def test_careers_match_the_record_books(warehouse: duckdb.DuckDBPyConnection, fact: Fact) -> None:
    """The totals of seasons and careers are the known ones."""
    assert warehouse.execute(fact.query).fetchall() == fact.answer
