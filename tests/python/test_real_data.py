"""The real files, 1950 to October 2025: every row arrives, data errors are found, known facts are right.

Each fact was counted on the CSV files with other SQL than the project's. Skipped if the files are missing.
"""

import json
from collections.abc import Iterator
from datetime import date, datetime
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


# Marts with the names of races, drivers and constructors.
NAMES = """
create temp view results as
select fct.*, driver_ref, constructor_ref
from marts.fct_race_results as fct
join marts.dim_drivers using (driver_id)
join marts.dim_constructors using (constructor_id);

create temp view laps as
select fct.*, race_name, dim_drivers.driver_ref, actual_drivers.driver_ref as actual_driver_ref
from marts.fct_lap_times as fct
join marts.dim_races using (race_id)
join marts.dim_drivers using (driver_id)
join marts.dim_drivers as actual_drivers on fct.actual_driver_id = actual_drivers.driver_id;

create temp view stops as
select fct.*, driver_ref
from marts.fct_pit_stops as fct
join marts.dim_drivers using (driver_id);

create temp view qualifying as
select fct.*, driver_ref, constructor_ref
from marts.fct_qualifying_results as fct
join marts.dim_drivers using (driver_id)
join marts.dim_constructors using (constructor_id);

create temp view final_standings as
select fct.*, driver_ref
from marts.fct_driver_standings as fct
join marts.dim_drivers using (driver_id)
where is_latest_of_season;

create temp view final_constructor_standings as
select fct.*, constructor_ref
from marts.fct_constructor_standings as fct
join marts.dim_constructors using (constructor_id)
where is_latest_of_season;

create temp view season_points as
select season, driver_id, sum(points) as points
from (
    select season, driver_id, points from marts.fct_race_results
    union all
    select season, driver_id, points from marts.fct_sprint_results
)
group by season, driver_id;

create temp view lap_sums as
select results.*, driver_laps.laps, driver_laps.laps_ms, source_race_time_ms - laps_ms as difference_ms
from (
    select race_id, driver_id, count(*) as laps, sum(lap_time_ms) as laps_ms
    from marts.fct_lap_times group by race_id, driver_id
) as driver_laps
join results using (race_id, driver_id);
"""

# Table of the source, its number of rows, and the mart that has these rows.
TABLES = [
    ("circuits", 77, "dim_circuits"),
    ("constructor_results", 12_805, "fct_constructor_results"),
    ("constructor_standings", 13_571, "fct_constructor_standings"),
    ("constructors", 212, "dim_constructors"),
    ("driver_standings", 35_235, "fct_driver_standings"),
    ("drivers", 864, "dim_drivers"),
    ("lap_times", 589_081, "fct_lap_times"),
    ("pit_stops", 12_016, "fct_pit_stops"),
    ("qualifying", 10_854, "fct_qualifying_results"),
    ("races", 1_149, "dim_races"),
    ("results", 27_118, "fct_race_results"),
    ("seasons", 76, "dim_seasons"),
    ("sprint_results", 420, "fct_sprint_results"),
    ("status", 139, "dim_statuses"),
]

SEASONS = [
    ("fct_constructor_results", 1958, 2025),
    ("fct_constructor_standings", 1958, 2025),
    ("fct_driver_standings", 1950, 2025),
    ("fct_lap_times", 1996, 2024),
    ("fct_pit_stops", 2011, 2025),
    ("fct_qualifying_results", 1994, 2025),
    ("dim_races", 1950, 2025),
    ("fct_race_results", 1950, 2025),
    ("fct_sprint_results", 2021, 2025),
]

ANOMALIES = {
    "accident_date_differs": 2,
    "classified_short_of_distance": 16,
    "country_spelling": 17,  # USA 11, UK 4, UAE and Korea
    "did_not_start_with_laps": 6,
    "driver_code_repeated": 7,
    "driver_repeated_in_race": 85,
    "fastest_lap_after_last_lap": 12,
    "fastest_lap_differs_from_laps": 209,
    "fastest_lap_of_other_driver": 101,
    "fastest_lap_rank_zero": 258,
    "fastest_lap_speed_missing": 342,
    "fastest_laps_missing": 2,  # Belgium 2021 and Monaco 2024
    "finishing_position_wrong": 21,  # Brazil 2009 4, Canada 2011 4, the United States 2013 5, and four swaps
    "gap_text_differs": 20,  # all 18 of Belgium 2024, Austria 1980, Germany 1994
    "grid_slot_repeated": 179,
    "http_urls": 5,  # tables
    "lap_above_ten_minutes": 626,
    "lap_count_differs": 92,  # 90 and two drivers whose laps are all filed under others
    "lap_sum_differs": 138,  # 5,134 times, of which 4,996 fit
    "laps_of_disqualified_missing": 5,  # São Paulo 2024, China 2025 three times, Bahrain 2025
    "laps_under_wrong_driver": 11,
    "order_differs_from_times": 12,  # 9 results of races and 3 of sprints
    "permanent_number_repeated": 13,
    "pit_lane_start_not_marked": 18,  # 11 races of 2025
    "pit_lane_starts_missing": 70,  # seasons: all to 2018, and 2025
    "phantom_pit_stop": 104,  # Australia 2025 51, Canada 2025 53
    "pit_stop_above_ten_minutes": 460,
    "pit_stop_between_normal_laps": 1,  # Japan 2015, Hülkenberg lap 42
    "pit_stop_number_gap": 2,
    "pit_stops_missing": 1,  # Belgium 2021
    "pole_not_in_slot_1": 1,  # São Paulo 2022
    "position_differs_from_order": 13,  # Brazil 1983
    "position_missing": 2,  # Australia 2005
    "position_of_excluded": 18,  # Schumacher in 1997, and McLaren after each race of 2007
    "position_of_unclassified": 41,
    "position_order_repeated": 105,
    "position_shared": 70,
    "qualifying_constructor_differs": 10,
    "qualifying_exclusion_ignored": 12,  # nine races of 2009 to 2025
    "qualifying_missing": 83,
    "qualifying_position_is_grid": 64,  # China 2006, and seven races of 2007
    "qualifying_position_repeated": 2,  # Singapore 2025
    "qualifying_time_above_ten_minutes": 1,
    "race_name_differs": 3,
    "race_name_unknown": 0,
    "race_time_wrong": 53,  # 51 results of 8 races and 2 of a sprint
    "race_time_too_short": 3,  # Brazil 1997 twice, and Webber in Malaysia 2010
    "safety_car_laps_differ": 102,
    "short_rows": 1,  # the table races
    "sprint_classified_short_of_distance": 3,  # Miami 2024 twice, São Paulo 2024
    "sprint_points_left_out": 17,
    "standing_without_position": 7,
    "standings_missing": 0,
    "start_not_taken": 37,
    "start_time_wrong": 51,  # 37 races of 2005 and 2006, Las Vegas nine times, and five sessions of 2024
    "two_constructors_in_race": 16,
    "unclassified_with_distance": 36,
    "unclean_text": 2,
}

FORMAT = [
    Fact(
        "The 24 races of 2025 have 8 fields where the header has 18, and all arrive.",
        "select table_name, rows_short, rows_converted from raw.load_manifest where rows_short > 0",
        [("races", 24, 1_149)],
    ),
    Fact(
        "No row is quarantined.",
        "select sum(rows_quarantined), sum(rows_read) = sum(rows_converted) from raw.load_manifest",
        [(0, True)],
    ),
    Fact(
        "The 24 races of 2025 have a date and a start, and no session times.",
        "select count(*), count(race_date), count(race_starts_at), count(qualifying_starts_at) "
        "from marts.dim_races where season = 2025",
        [(24, 24, 24, 0)],
    ),
    Fact(
        "Sprint results have `rank` at another position: statuses and ranks are read correctly.",
        "select count(*), count(distinct status_id) < 20, max(fastest_lap_rank) <= 20 "
        "from marts.fct_sprint_results",
        [(420, True, True)],
    ),
    Fact(
        "Trailing zeros that the source lost do not matter: 218.3 is 218.300 km/h.",
        "select count(*) from marts.fct_race_results where fastest_lap_speed_kph = 218.300",
        1,
    ),
    Fact(
        "`Argentinian ` is replaced by `Argentine`.",
        "select count(*), count(*) filter (where driver_ref = 'colapinto') "
        "from marts.dim_drivers where nationality = 'Argentine'",
        [(25, 1)],
    ),
    Fact(
        "HTML entities are decoded.",
        "select constructor_name from marts.dim_constructors where constructor_name like '%&%'",
        "Lotus-Pratt & Whitney",
    ),
    Fact(
        "The United States are one country with 12 circuits.",
        "select country, count(*) from marts.dim_circuits "
        "where country in ('USA', 'United States') group by country",
        [("United States", 12)],
    ),
    Fact(
        "All addresses are https.",
        "select count(*) from marts.dim_circuits where wikipedia_url not like 'https://%'",
        0,
    ),
    Fact(
        "No text of a dimension has spaces around it.",
        "select count(*) from marts.dim_drivers where driver_name <> trim(driver_name) or nationality <> "
        "trim(nationality)",
        0,
    ),
]

MEANING = [
    Fact("1,143 races have results.", "select count(distinct race_id) from results", 1_143),
    Fact("Six races are scheduled only.", "select count(*) from marts.dim_races where not is_held", 6),
    Fact(
        "75 seasons are complete; 2025 is not.",
        "select count(*) filter (where is_complete), max(season) filter (where not is_complete) "
        "from marts.dim_seasons",
        [(75, 2025)],
    ),
    Fact(
        "Unclassified results have these letters.",
        "select position_text, count(*) from results where not is_classified "
        "group by position_text order by 2 desc",
        [("R", 8_931), ("F", 1_368), ("W", 339), ("N", 190), ("D", 155), ("E", 9)],
    ),
    Fact(
        "A result is classified if, and only if, its position text is a number.",
        "select count(*) from results where is_classified <> (position_text not in ('R', 'F', 'W', 'N', "
        "'D', 'E'))",
        0,
    ),
    Fact(
        "In 2025 the source has a position for 41 unclassified cars; in the mart it is NULL.",
        "select count(*), count(finishing_position) from results "
        "join raw.results as source using (result_id) "
        "where source.position is not null and not results.is_classified",
        [(41, 0)],
    ),
    Fact(
        "In Australia 2005 two classified cars have no position in the source.",
        "select driver_ref, finishing_position from results join raw.results as source using (result_id) "
        "where source.position is null and results.is_classified order by finishing_position",
        [("button", 11), ("sato", 14)],
    ),
    Fact(
        "Brazil 1983 has no second place: Rosberg was disqualified, and no driver moved up.",
        "select count(*) filter (where finishing_position = 2), "
        "count(*) filter (where finishing_position <> position_order) "
        "from results where season = 1983 and race_name = 'Brazilian Grand Prix'",
        [(0, 13)],
    ),
    Fact(
        "In the source 1,638 cars have grid 0; 72 of them started, from the pit lane.",
        "select count(*), count(*) filter (where is_pit_lane_start), "
        "count(*) filter (where grid = 'pit lane' and laps_completed > 0), "
        "count(*) filter (where grid is null) "
        "from results where source_grid_position is null",
        [(1_638, 72, 72, 1_566)],
    ),
    Fact(
        "18 more starts from the pit lane are known, all of 2025, and the source puts each behind slot 16.",
        "select count(*), count(*) filter (where grid = 'pit lane' and grid_position is null), min(season), "
        "min(source_grid_position) from results where is_pit_lane_start and source_grid_position is not null",
        [(18, 18, 2025, 17)],
    ),
    Fact(
        "Before 2019 the source marks seven starts from the pit lane, so of the others it is not known.",
        "select count(*) filter (where is_pit_lane_start), "
        "count(*) filter (where is_started and not is_pit_lane_start), "
        "min(season) filter (where is_pit_lane_start) from results where season < 2019",
        [(7, 0, 2015)],
    ),
    Fact(
        "Grid 0 never occurs in 2025.",
        "select count(*) from results where season = 2025 and source_grid_position is null",
        0,
    ),
    Fact(
        "Six cars with the text of a car that did not start ran laps.",
        "select driver_ref, season from results where is_started "
        "and position_text in ('F', 'W') order by season, 1",
        [
            ("macklin", 1952),
            ("moss", 1952),
            ("rodriguez", 1970),
            ("dolhem", 1974),
            ("heyer", 1977),
            ("lauda", 1979),
        ],
    ),
    Fact(
        "A car started if it ran a lap or was classified, but not if it failed to qualify and ran no lap.",
        "select count(*) filter (where (laps_completed > 0 or is_classified) and not is_started), "
        "count(*) filter (where laps_completed = 0 and position_text = 'F' and is_started) from results",
        [(0, 0)],
    ),
    Fact(
        "Fastest laps begin in 2004, and two races have none.",
        "select season, race_name from results where season >= 2004 group by season, race_name "
        "having count(fastest_lap_time_ms) = 0 or season < 2004 order by season",
        [(2021, "Belgian Grand Prix"), (2024, "Monaco Grand Prix")],
    ),
    Fact(
        "No fastest lap is older than 2004.",
        "select min(season) from results where fastest_lap_time_ms is not null",
        2004,
    ),
    Fact(
        "Rank 0 of the source, 2011 to 2024, means no rank.",
        "select (select count(*) from raw.results where rank = 0), min(fastest_lap_rank) from results",
        [(258, 1)],
    ),
    Fact(
        "No fastest lap of 2025 has a speed.",
        "select count(fastest_lap_time_ms), count(fastest_lap_speed_kph) from results where season = 2025",
        [(342, 0)],
    ),
    Fact(
        "The source has a start for each race from 2005 on, but a local one in 2005 and 2006.",
        "select min(races.season), min(races.season) filter (where starts.race_starts_at is not null), "
        "count(*) filter (where starts.race_starts_at is null) from staging.stg_ergast__races as races "
        "inner join marts.dim_races as starts using (race_id) where races.race_starts_at is not null",
        [(2005, 2007, 37)],
    ),
    Fact(
        "Las Vegas started at 22:00 on a Saturday, 06:00 UTC of Sunday; the source has 2024 a day early.",
        "select starts.race_starts_at, races.race_starts_at from marts.dim_races as starts "
        "inner join staging.stg_ergast__races as races using (race_id) "
        "where starts.season in (2023, 2024) and starts.race_name = 'Las Vegas Grand Prix' order by 1",
        [
            (datetime(2023, 11, 19, 6), datetime(2023, 11, 19, 6)),
            (datetime(2024, 11, 24, 6), datetime(2024, 11, 23, 6)),
        ],
    ),
    Fact(
        "São Paulo 2024 was moved to 15:30 UTC, its qualifying to Sunday; Qatar 2024 started at 16:00 UTC.",
        "select race_name, sprint_starts_at, qualifying_starts_at, race_starts_at from marts.dim_races "
        "where season = 2024 and race_name in ('São Paulo Grand Prix', 'Qatar Grand Prix') order by round",
        [
            (
                "São Paulo Grand Prix",
                datetime(2024, 11, 2, 14),
                datetime(2024, 11, 3, 10, 30),
                datetime(2024, 11, 3, 15, 30),
            ),
            (
                "Qatar Grand Prix",
                datetime(2024, 11, 30, 14),
                datetime(2024, 11, 30, 18),
                datetime(2024, 12, 1, 16),
            ),
        ],
    ),
    Fact(
        "Constructors' results hold sprint points from 2021 to 2024, and not in 2025.",
        """
        with race_points as (
            select race_id, constructor_id, sum(points) as points
            from results group by race_id, constructor_id
        ),
        sprint_points as (
            select race_id, constructor_id, sum(points) as points
            from marts.fct_sprint_results group by race_id, constructor_id
        )
        select season = 2025, count(*),
            count(*) filter (where fct.points = race_points.points + sprint_points.points),
            count(*) filter (where fct.points = race_points.points)
        from marts.fct_constructor_results as fct
        join race_points using (race_id, constructor_id)
        join sprint_points using (race_id, constructor_id)
        where sprint_points.points > 0
        group by 1 order by 1
        """,
        [(False, 82, 82, 0), (True, 17, 0, 17)],
    ),
    Fact(
        "Seven standings of 2025, after the first two rounds, have the text `-` and no position.",
        "select season, max(round), position_text, count(*) from marts.fct_driver_standings "
        "where position is null and position_text <> 'D' group by season, position_text",
        [(2025, 2, "-", 7)],
    ),
]

KEYS = [
    Fact(
        "85 drivers have several results in a race, 91 more than one each.",
        "select count(*), sum(number - 1) from "
        "(select count(*) as number from results group by race_id, driver_id having count(*) > 1)",
        [(85, 91)],
    ),
    Fact(
        "Adding the constructor leaves 71 of them.",
        "select count(*) from (select 1 from results group by race_id, driver_id, constructor_id "
        "having count(*) > 1)",
        71,
    ),
    Fact(
        "They are shared drives and second entries of 1950 to 1964, and Ertl in Italy 1978.",
        "select season, race_name, driver_ref from results where driver_entry_number > 1 and season > 1964",
        [(1978, "Italian Grand Prix", "ertl")],
    ),
    Fact(
        "One result for each driver and race would lose 91 rows, 2 podiums and 6.16 points if it is the one "
        "with the better position, and 4.16 points if it is the one with more points.",
        """
        select count(*) filter (where driver_entry_number > 1),
            count(*) filter (where driver_entry_number > 1 and is_podium),
            sum(points) filter (where driver_entry_number > 1),
            sum(points) - (select sum(points) from
                (select max(points) as points from results group by race_id, driver_id))
        from results
        """,
        [(91, 2, Decimal("6.16"), Decimal("4.16"))],
    ),
    Fact(
        "70 positions of 1950 to 1961 are shared.",
        "select count(*), min(season), max(season) from (select season from results where is_classified "
        "group by season, race_id, finishing_position having count(*) > 1)",
        [(70, 1950, 1961)],
    ),
    Fact(
        "Three races have two winners.",
        "select season, race_name, count(*) from results where is_win group by season, race_name "
        "having count(*) > 1 order by season",
        [(1951, "French Grand Prix", 2), (1956, "Argentine Grand Prix", 2), (1957, "British Grand Prix", 2)],
    ),
    Fact(
        "1,146 wins in 1,143 races, of which no driver has two in one race.",
        "select count(*), count(distinct (race_id, driver_id)), count(distinct race_id) "
        "from results where is_win",
        [(1_146, 1_146, 1_143)],
    ),
    Fact(
        "3,450 results on the podium belong to 3,448 pairs of driver and race.",
        "select count(*), count(distinct (race_id, driver_id)) from results where is_podium",
        [(3_450, 3_448)],
    ),
    Fact(
        "Races repeat a position order 105 times, the last time in 1964.",
        "select count(*), max(season) from "
        "(select season from results group by season, race_id, position_order having count(*) > 1)",
        [(105, 1964)],
    ),
    Fact(
        "Codes repeat 7 times and permanent numbers 13 times.",
        """
        select
            (select count(*) from (select 1 from marts.dim_drivers
                where driver_code is not null group by driver_code having count(*) > 1)),
            (select count(*) from (select 1 from marts.dim_drivers
                where permanent_number is not null group by permanent_number having count(*) > 1))
        """,
        [(7, 13)],
    ),
    Fact(
        "All 420 ids of sprint results are ids of race results as well.",
        "select count(*) from marts.fct_sprint_results as sprint "
        "join results on sprint.sprint_result_id = result_id",
        420,
    ),
    Fact(
        "A driver had two constructors in 16 races, and several in 314 seasons.",
        """
        select
            (select count(*) from (select 1 from results
                group by race_id, driver_id having count(distinct constructor_id) > 1)),
            (select count(*) from (select 1 from results
                group by season, driver_id having count(distinct constructor_id) > 1))
        """,
        [(16, 314)],
    ),
    Fact(
        "Four times a circuit was visited twice in a season.",
        "select season, circuit_id from marts.dim_races group by season, circuit_id "
        "having count(*) > 1 order by all",
        [(2020, 3), (2020, 9), (2020, 70), (2021, 70)],
    ),
]

SCORING = [
    Fact(
        "Races for half points, and the one for double points.",
        """
        select season, race_name, sum(points) from results
        where (season, race_name) in (
            (1975, 'Spanish Grand Prix'), (1975, 'Austrian Grand Prix'), (1984, 'Monaco Grand Prix'),
            (1991, 'Australian Grand Prix'), (2009, 'Malaysian Grand Prix'), (2014, 'Abu Dhabi Grand Prix'),
            (2021, 'Belgian Grand Prix')
        )
        group by season, round, race_name order by season, round
        """,
        [
            (1975, "Spanish Grand Prix", Decimal("12.50")),
            (1975, "Austrian Grand Prix", Decimal("12.50")),
            (1984, "Monaco Grand Prix", Decimal("12.50")),
            (1991, "Australian Grand Prix", Decimal("13.00")),
            (2009, "Malaysian Grand Prix", Decimal("19.50")),
            (2014, "Abu Dhabi Grand Prix", Decimal("202.00")),
            (2021, "Belgian Grand Prix", Decimal("50.50")),
        ],
    ),
    Fact(
        "In Britain 1954 seven drivers shared the point for the fastest lap, 0.14 each; in the source the "
        "four who finished in the points have it, but Ascari, Behra and Moss do not.",
        "select driver_ref, points from results where season = 1954 and race_name = 'British Grand Prix' "
        "and (points <> round(points) or driver_ref in ('ascari', 'behra', 'moss')) order by points desc, 1",
        [
            ("gonzalez", Decimal("8.14")),
            ("hawthorn", Decimal("6.14")),
            ("marimon", Decimal("4.14")),
            ("fangio", Decimal("3.14")),
            ("ascari", Decimal("0.00")),
            ("ascari", Decimal("0.00")),
            ("behra", Decimal("0.00")),
            ("moss", Decimal("0.00")),
        ],
    ),
    Fact(
        "The sum of points differs from the final standing in 26 seasons, the last of them 1990.",
        "select count(distinct season), max(season) from final_standings "
        "join season_points using (season, driver_id) "
        "where final_standings.points <> season_points.points",
        [(26, 1990)],
    ),
    Fact(
        "Without sprints, the sum would differ in every season from 2021 on.",
        """
        select count(distinct season) from final_standings
        join (
            select season, driver_id, sum(points) as points from results group by season, driver_id
        ) as race_points
            using (season, driver_id)
        where season >= 2021 and final_standings.points <> race_points.points
        """,
        5,
    ),
    Fact(
        "Every season has one champion.",
        "select count(*), count(distinct season) from final_standings where position = 1",
        [(76, 76)],
    ),
    Fact(
        "In 1988 a driver's best eleven count: Senna is champion with 90 points, though Prost scored more.",
        "select driver_ref, position, final_standings.points, season_points.points from final_standings "
        "join season_points using (season, driver_id) where season = 1988 and position <= 2 order by "
        "position",
        [
            ("senna", 1, Decimal("90.00"), Decimal("94.00")),
            ("prost", 2, Decimal("87.00"), Decimal("105.00")),
        ],
    ),
    Fact(
        "Schumacher was excluded from 1997 and kept 78 points; the champion is Villeneuve.",
        "select driver_ref, points, position_text from final_standings "
        "where season = 1997 and (position = 1 or driver_ref = 'michael_schumacher') order by points desc",
        [("villeneuve", Decimal("81.00"), "1"), ("michael_schumacher", Decimal("78.00"), "D")],
    ),
    Fact(
        "McLaren was excluded from the constructors' championship of 2007.",
        "select constructor_ref, position_text from final_constructor_standings where position_text = 'E'",
        [("mclaren", "E")],
    ),
    Fact(
        "McLaren's 17 races of 2007 are the only disqualified results of a constructor.",
        "select season, count(*) from marts.fct_constructor_results where is_disqualified group by season",
        [(2007, 17)],
    ),
    Fact(
        "Force India started from zero again in 2018, when its first points were annulled; Racing Point lost "
        "15 points in 2020.",
        "select season, constructor_ref, points from final_constructor_standings "
        "where (season, constructor_ref) in ((2018, 'force_india'), (2020, 'racing_point')) order by season",
        [(2018, "force_india", Decimal("52.00")), (2020, "racing_point", Decimal("195.00"))],
    ),
]

LAPS = [
    Fact(
        "4,996 of 5,134 race times are the sum of the laps, within 5 ms.",
        "select count(*), count(*) filter (where abs(difference_ms) <= 5) from lap_sums "
        "where race_time_ms is not null",
        [(5_134, 4_996)],
    ),
    Fact(
        "Most of the others have a penalty of 5, 10, 20 or 30 seconds.",
        "select round(difference_ms / 1000.0) as seconds, count(*) from lap_sums "
        "where abs(difference_ms) > 5 "
        "group by seconds having seconds in (5, 10, 20, 30) order by seconds",
        [(5, 71), (10, 31), (20, 11), (30, 6)],
    ),
    Fact(
        "90 pairs of driver and race have another number of laps than the result, 20 of them in China 2014.",
        "select count(*), count(*) filter (where season = 2014 and race_name = 'Chinese Grand Prix') "
        "from lap_sums where laps <> source_laps_completed",
        [(90, 20)],
    ),
    Fact(
        "Two drivers have no laps although their results do: the laps are filed under other drivers.",
        "select season, driver_ref, laps_completed from results "
        "where laps_completed > 0 and race_id in (select race_id from laps) "
        "and (race_id, driver_id) not in (select (race_id, driver_id) from laps) order by season",
        [(2001, "alesi", 52), (2009, "alguersuari", 19)],
    ),
    Fact(
        "Alesi's and Trulli's laps are filed under each other in five races of 2001; in Italy 2009 "
        "Webber has "
        "Buemi's, and Buemi has Alguersuari's.",
        "select season, race_name, driver_ref, actual_driver_ref, count(*) from laps where is_misfiled "
        "group by season, round, race_name, driver_ref, actual_driver_ref order by season, round, driver_ref",
        [
            (2001, "Hungarian Grand Prix", "alesi", "trulli", 53),
            (2001, "Hungarian Grand Prix", "trulli", "alesi", 75),
            (2001, "Belgian Grand Prix", "alesi", "trulli", 31),
            (2001, "Belgian Grand Prix", "trulli", "alesi", 36),
            (2001, "Italian Grand Prix", "trulli", "alesi", 52),
            (2001, "United States Grand Prix", "alesi", "trulli", 73),
            (2001, "United States Grand Prix", "trulli", "alesi", 72),
            (2001, "Japanese Grand Prix", "alesi", "trulli", 52),
            (2001, "Japanese Grand Prix", "trulli", "alesi", 5),
            (2009, "Italian Grand Prix", "buemi", "alguersuari", 19),
            (2009, "Italian Grand Prix", "webber", "buemi", 52),
        ],
    ),
    Fact(
        "If laps are counted by the driver who drove them, misfiled laps match the results.",
        """
        select count(*) from (
            select race_id, actual_driver_id as driver_id, count(*) as laps from laps
            where race_id in (select race_id from laps where is_misfiled)
            group by race_id, actual_driver_id
        )
        join results using (race_id, driver_id)
        where laps <> laps_completed and driver_ref <> 'marques'
        """,
        0,
    ),
    Fact(
        "If laps are counted by the driver who drove them, no lap occurs twice.",
        "select count(*) - count(distinct (race_id, actual_driver_id, lap_number)) from laps",
        0,
    ),
    Fact(
        "Hülkenberg has 30 laps in São Paulo 2024, and 0 in the source's result, a disqualification.",
        "select laps, laps_completed, source_laps_completed, position_text from lap_sums "
        "where season = 2024 and race_name = 'São Paulo Grand Prix' and driver_ref = 'hulkenberg'",
        [(30, 30, 0, "D")],
    ),
    Fact(
        "No other result has other laps than in the source. Four disqualified cars of 2025 have 0 laps.",
        "select (select count(*) from results where laps_completed <> source_laps_completed), count(*) "
        "from results where season = 2025 and is_disqualified and laps_completed = 0",
        [(1, 4)],
    ),
    Fact(
        "Since 1966 52 results contradict the distance: 16 are classified short of it, 36 are not classified "
        "with it. 46 of the 52 are of 1978 or later.",
        "select count(*), count(*) filter (where anomaly_kind = 'classified_short_of_distance'), "
        "count(*) filter (where season >= 1978), min(season) from quality.source_anomalies "
        "where anomaly_kind in ('classified_short_of_distance', 'unclassified_with_distance')",
        [(52, 16, 46, 1967)],
    ),
    Fact(
        "Norris and Stroll in Miami 2024 and Hülkenberg in São Paulo 2024 are not classified in the sprint.",
        "select race_name, driver_name, position_text, laps_completed, is_started, finishing_position "
        "from marts.fct_sprint_results where not is_classified and position_text not in ('R', 'N', 'W') "
        "order by sprint_result_id",
        [
            ("Miami Grand Prix", "Lance Stroll", "19", 1, True, None),
            ("Miami Grand Prix", "Lando Norris", "20", 0, True, None),
            ("São Paulo Grand Prix", "Nico Hülkenberg", "20", 19, True, None),
        ],
    ),
    Fact(
        "620 laps are under a red flag, and 460 pit stops are above ten minutes.",
        "select (select count(*) from laps where is_red_flag), (select count(*) from stops "
        "where is_red_flag)",
        [(620, 460)],
    ),
    Fact(
        "Times of every text format become milliseconds: 43 laps last an hour or more, 517 stops a minute.",
        "select (select count(*) from laps where lap_time_ms >= 3600000), "
        "(select count(*) from stops where duration_ms >= 60000)",
        [(43, 517)],
    ),
    Fact(
        "Stop numbers have a gap for two drivers.",
        "select season, race_name, driver_ref from stops group by season, race_name, driver_ref "
        "having max(stop_number) <> count(*) order by season",
        [(2014, "British Grand Prix", "chilton"), (2019, "Singapore Grand Prix", "sainz")],
    ),
    Fact(
        "From 2011 on one race has no pit stops.",
        "select season, race_name from marts.dim_races where is_held and season >= 2011 "
        "and race_id not in (select race_id from stops)",
        [(2021, "Belgian Grand Prix")],
    ),
    Fact("512 races have qualifying.", "select count(distinct race_id) from qualifying", 512),
    Fact(
        "83 races from 1994 on have no qualifying, the last of them in 2002.",
        "select count(*), max(season) from marts.dim_races where is_held and season >= 1994 "
        "and race_id not in (select race_id from qualifying)",
        [(83, 2002)],
    ),
    Fact(
        "The first season with a second session is 2005 (in six rounds), with a third one 2006.",
        "select min(season) filter (where q2_ms is not null), min(season) filter (where q3_ms is not null), "
        "max(round) filter (where q2_ms is not null and season = 2005) from qualifying",
        [(2005, 2006, 6)],
    ),
    Fact(
        "One qualifying time is above ten minutes: 16:42.640.",
        "select season, driver_ref, q1_ms from qualifying where q1_ms > 600000",
        [(1995, "blundell", 1_002_640)],
    ),
    Fact(
        "Singapore 2025 repeats positions 12 and 13 in qualifying; the excluded drivers are 19th and 20th.",
        "select driver_ref, source_qualifying_position, qualifying_position from qualifying "
        "where season = 2025 and race_name = 'Singapore Grand Prix' "
        "and source_qualifying_position in (12, 13) order by 3",
        [("lawson", 12, 12), ("tsunoda", 13, 13), ("albon", 12, 19), ("sainz", 13, 20)],
    ),
    Fact(
        "In other races to 2011 the order contradicts the times in five pairs of neighbours: undecided.",
        "select season, race_name, list(driver_ref order by driver_ref) "
        "from (select *, row_number() over (partition by race_id "
        "order by (season >= 2006 and q3_ms is not null)::int desc, "
        "(q2_ms is not null)::int desc, (q1_ms is not null)::int desc, case when season < 2006 "
        "then coalesce(q1_ms + q2_ms, q1_ms) else coalesce(q3_ms, q2_ms, q1_ms) end, "
        "source_qualifying_position) as by_times from qualifying "
        "where season <= 2011 and qualifying_position_basis = 'source') "
        "where by_times <> source_qualifying_position group by all order by all",
        [
            (2005, "Monaco Grand Prix", ["karthikeyan", "montoya"]),
            (2008, "Australian Grand Prix", ["raikkonen", "webber"]),
            (2009, "Japanese Grand Prix", ["buemi", "kovalainen"]),
            (2011, "Japanese Grand Prix", ["bruno_senna", "petrov"]),
            (2011, "Korean Grand Prix", ["resta", "sutil"]),
        ],
    ),
    Fact(
        "A position in qualifying is held by one driver of a race.",
        "select count(*) from (select race_id, qualifying_position from qualifying "
        "group by race_id, qualifying_position having count(*) > 1)",
        0,
    ),
    Fact(
        "In eight races of 2006 and 2007 the source has the grid instead: Kubica was 5th at Spa in 2007.",
        "select count(distinct race_id), min(season), max(season), "
        "max(qualifying_position) filter (where season = 2007 and race_name = 'Belgian Grand Prix' "
        "and driver_ref = 'kubica'), max(source_qualifying_position) filter (where season = 2007 "
        "and race_name = 'Belgian Grand Prix' and driver_ref = 'kubica') "
        "from qualifying where qualifying_position_basis = 'times'",
        [(8, 2006, 2007, 5, 14)],
    ),
    Fact(
        "Hamilton was excluded from qualifying in Spain 2012 and São Paulo 2021: Maldonado and Verstappen "
        "were first.",
        "select season, race_name, driver_ref from qualifying where qualifying_position = 1 and "
        "(season, race_name) in ((2012, 'Spanish Grand Prix'), (2021, 'São Paulo Grand Prix')) order by 1",
        [(2012, "Spanish Grand Prix", "maldonado"), (2021, "São Paulo Grand Prix", "max_verstappen")],
    ),
    Fact(
        "Twelve drivers were excluded from qualifying in nine races; their gaps are NULL.",
        "select count(*), count(distinct race_id), count(gap_to_pole_ms) from qualifying "
        "join marts.fct_qualifying_gaps using (qualifying_result_id, race_id) "
        "where is_excluded_from_qualifying",
        [(12, 9, 0)],
    ),
    Fact(
        "Ten rows of qualifying in 2015 have Marussia, and the results have Manor.",
        "select qualifying.season, qualifying.constructor_ref, results.constructor_ref, count(*) "
        "from qualifying join results using (race_id, driver_id) "
        "where qualifying.constructor_id <> results.constructor_id group by all",
        [(2015, "marussia", "manor", 10)],
    ),
    Fact(
        "In Brazil 1997 the source's race times of Frentzen and Fisichella are a minute short.",
        "select driver_ref, difference_ms from lap_sums where season = 1997 "
        "and difference_ms < -5 order by 1",
        [("fisichella", -60_000), ("frentzen", -60_000)],
    ),
    Fact(
        "Of 7,935 race times 51 are corrected, in eight races, and three gaps.",
        "select race_time_basis, season, round, count(*), min(race_time_ms - source_race_time_ms), "
        "count(*) filter (where gap_to_winner_ms <> source_gap_to_winner_ms) "
        "from results where race_time_ms <> source_race_time_ms group by all order by all",
        [
            ("gap text", 1980, 10, 1, 12_160, 1),
            ("laps", 1997, 2, 2, 60_000, 2),
            ("pit stop clock", 2020, 15, 9, 3_600_000, 0),
            ("pit stop clock", 2022, 18, 18, 7_200_000, 0),
            ("record books", 1965, 4, 4, -1_620_000, 0),
            ("record books", 1970, 11, 3, 3_600_000, 0),
            ("record books", 1980, 9, 8, -60_000, 0),
            ("record books", 1994, 13, 6, -240_000, 0),
        ],
    ),
    Fact(
        "The winners took 2:59:47.515 in Bahrain 2020 and 3:01:44.004 in Japan 2022.",
        "select season, race_time_ms from results where is_win "
        "and (season, round) in ((2020, 15), (2022, 18)) order by season",
        [(2020, 10_787_515), (2022, 10_904_004)],
    ),
    Fact(
        "In the sprint of Azerbaijan 2023 the gaps of Russell and Hamilton are to the cars ahead.",
        "select driver_name, gap_to_winner_ms, source_gap_to_winner_ms, sprint_time_basis "
        "from marts.fct_sprint_results where sprint_time_ms <> source_sprint_time_ms order by 2",
        [
            ("George Russell", 8_532, 3_467, "gap to the car ahead"),
            ("Lewis Hamilton", 16_503, 4_890, "gap to the car ahead"),
        ],
    ),
    Fact(
        "By the race times Kovalainen was 12th in Brazil 2009 and Vergne 16th in the United States 2013; 12 "
        "lapped cars have another place by a decision of the stewards.",
        "select position_basis, count(*), count(*) filter (where lost > 0), max(lost) "
        "from (select *, finishing_position - source_finishing_position as lost from results) "
        "where lost <> 0 group by 1 order by 1",
        [("race times", 9, 2, 4), ("stewards", 12, 5, 3)],
    ),
    Fact(
        "No classified car took longer than a car behind it, but for Leclerc in the sprint of Qatar 2023.",
        "with times as ("
        "select 'race' as session, race_id, finishing_position, race_time_ms as ms, driver_name from results "
        "union all select 'sprint', race_id, finishing_position, sprint_time_ms, driver_name "
        "from marts.fct_sprint_results) "
        "select ahead.session, ahead.driver_name, behind.driver_name from times as ahead "
        "join times as behind using (session, race_id) "
        "where ahead.finishing_position < behind.finishing_position and ahead.ms > behind.ms",
        [("sprint", "Charles Leclerc", "Lance Stroll")],
    ),
    Fact(
        "101 fastest laps in 18 races were those of other drivers; none of them is the fastest of its race.",
        "select count(*), count(distinct race_id), count(*) filter (where 1 in "
        "(fastest_lap_rank, source_fastest_lap_rank)) from results where fastest_lap_basis = 'laps'",
        [(101, 18, 0)],
    ),
    Fact(
        "With them 97 ranks are those that the source has for the same lap at another result.",
        "select count(*), count(*) filter (where results.fastest_lap_rank = others.source_fastest_lap_rank) "
        "from results join results as others on results.race_id = others.race_id "
        "and results.fastest_lap_number = others.source_fastest_lap_number "
        "and results.fastest_lap_time_ms = others.source_fastest_lap_time_ms "
        "where results.fastest_lap_basis = 'laps'",
        [(97, 97)],
    ),
    Fact(
        "Gaps of Belgium 2024 are to the winner, not to Russell, who was disqualified.",
        "select driver_ref, gap_to_winner_ms from results where season = 2024 "
        "and race_name = 'Belgian Grand Prix' "
        "and finishing_position <= 3 order by finishing_position",
        [("hamilton", 0), ("piastri", 647), ("leclerc", 8_023)],
    ),
]

ANSWERS = [
    Fact(
        "Every race has one pole position.",
        "select count(*), count(distinct race_id) from results where is_pole",
        [(1_143, 1_143)],
    ),
    Fact(
        "Nine races of 1951 to 1964 name several cars or drivers in slot 1.",
        "select count(*), min(season), max(season) from "
        "(select season from results where grid_position = 1 group by season, race_id having count(*) > 1)",
        [(9, 1951, 1964)],
    ),
    Fact(
        "In those nine races, pole belongs to the driver who started the car.",
        """
        select season, race_name, driver_ref, car_number from results
        where is_pole and race_id in (
            select race_id from results where grid_position = 1 group by race_id having count(*) > 1
        )
        order by season, round
        """,
        [
            (1951, "French Grand Prix", "fangio", 24),
            (1952, "Italian Grand Prix", "ascari", 12),
            (1953, "German Grand Prix", "ascari", 1),
            (1953, "Swiss Grand Prix", "fangio", 32),
            (1955, "Argentine Grand Prix", "gonzalez", 12),
            (1956, "Monaco Grand Prix", "fangio", 20),
            (1956, "Italian Grand Prix", "fangio", 22),
            (1957, "British Grand Prix", "moss", 18),
            (1964, "United States Grand Prix", "clark", 1),
        ],
    ),
    Fact(
        "Pole positions, wins and podiums are those of the record books.",
        """
        select driver_ref, count(*) filter (where is_pole), count(*) filter (where is_win),
            count(distinct race_id) filter (where is_podium)
        from results where season <= 2024 and driver_ref in (
            'hamilton', 'michael_schumacher', 'senna', 'vettel', 'prost', 'clark', 'fangio', 'ascari'
        )
        group by driver_ref order by 2 desc, 3 desc
        """,
        [
            ("hamilton", 104, 105, 202),
            ("michael_schumacher", 68, 91, 155),
            ("senna", 65, 41, 80),
            ("vettel", 57, 53, 122),
            ("prost", 33, 51, 106),
            ("clark", 33, 25, 32),
            ("fangio", 29, 24, 35),
            ("ascari", 14, 13, 17),
        ],
    ),
    Fact(
        "The first race, Britain 1950, was won by Farina from pole.",
        "select race_date, driver_ref, is_pole from results where season = 1950 and round = 1 and is_win",
        [(date(1950, 5, 13), "farina", True)],
    ),
    Fact(
        "Argentina 1956 was won by Musso and Fangio in one car.",
        "select driver_ref, car_number, is_shared_drive from results "
        "where season = 1956 and race_name = 'Argentine Grand Prix' and is_win order by driver_ref",
        [("fangio", 34, True), ("musso", 34, True)],
    ),
    Fact(
        "In Monaco 1956 Fangio drove two cars, and has two results.",
        "select finishing_position, points, driver_entry_number from results "
        "where season = 1956 and race_name = 'Monaco Grand Prix' and driver_ref = 'fangio' order by 1",
        [(2, Decimal("4.00"), 1), (4, Decimal("1.50"), 2)],
    ),
    Fact(
        "The podium of Belgium 2021, one lap, half points.",
        "select driver_ref, laps_completed, points, gap_to_winner_ms from results "
        "where season = 2021 and race_name = 'Belgian Grand Prix' and is_podium order by finishing_position",
        [
            ("max_verstappen", 1, Decimal("12.50"), 0),
            ("russell", 1, Decimal("9.00"), 1_995),
            ("hamilton", 1, Decimal("7.50"), 2_601),
        ],
    ),
    Fact(
        "All 20 cars of Belgium 2021 are classified, and finished.",
        "select count(*), count(*) filter (where is_classified), count(*) filter (where is_finished) "
        "from results where season = 2021 and race_name = 'Belgian Grand Prix'",
        [(20, 20, 20)],
    ),
    Fact(
        "Leclerc has pole in Monaco 2021, but did not start.",
        "select driver_ref, is_started, is_classified, grid, reason_out_group from results "
        "where season = 2021 and race_name = 'Monaco Grand Prix' and is_pole",
        [("leclerc", False, False, "1", "transmission")],
    ),
    Fact(
        "Magnussen has pole in São Paulo 2022, with slot 8 in the source; Russell won the sprint and, "
        "from slot 1, the race.",
        "select driver_ref, is_pole, grid_position, is_win from results "
        "where season = 2022 and race_name = 'São Paulo Grand Prix' and (is_pole or grid_position = 1) "
        "order by 1",
        [("kevin_magnussen", True, 8, False), ("russell", False, 1, True)],
    ),
    Fact(
        "The winner of the sprint of São Paulo 2022.",
        "select driver_ref, grid_position, points from marts.fct_sprint_results as sprint "
        "join marts.dim_drivers using (driver_id) "
        "where season = 2022 and race_name = 'São Paulo Grand Prix' and is_win",
        [("russell", 3, Decimal("8.00"))],
    ),
    Fact(
        "The final standing of 2021: Verstappen 395.5, Hamilton 387.5.",
        "select driver_ref, points, wins from final_standings where season = 2021 "
        "and position <= 2 order by position",
        [("max_verstappen", Decimal("395.50"), 10), ("hamilton", Decimal("387.50"), 8)],
    ),
    Fact(
        "Räikkönen did not start in Malaysia 2017: the battery failed on the way to the grid.",
        "select is_started, grid, reason_out from results "
        "where season = 2017 and race_name = 'Malaysian Grand Prix' and driver_ref = 'raikkonen'",
        [(False, None, "Battery")],
    ),
    Fact(
        "Six drivers started in the United States 2005; 14 withdrew on the way to the grid.",
        "select count(*) filter (where is_started), count(*) filter (where position_text = 'W') from results "
        "where season = 2005 and race_name = 'United States Grand Prix'",
        [(6, 14)],
    ),
    Fact(
        "A classified car may have stopped before the flag: Russell in Australia 2024, after an accident.",
        "select finishing_position, is_classified, is_finished, reason_out_group from results "
        "where season = 2024 and race_name = 'Australian Grand Prix' and driver_ref = 'russell'",
        [(17, True, False, "accident")],
    ),
    Fact(
        "Starts are in UTC: Australia 2024 at four in the morning.",
        "select race_starts_at from marts.dim_races where season = 2024 "
        "and race_name = 'Australian Grand Prix'",
        datetime(2024, 3, 24, 4, 0),
    ),
    Fact(
        "21 sprint weekends have been held.",
        "select count(*) from marts.dim_races where race_id in (select race_id "
        "from marts.fct_sprint_results)",
        21,
    ),
    Fact(
        "Hamilton has the fastest lap of Italy 2020.",
        "select driver_ref, fastest_lap_time_ms from results "
        "where season = 2020 and race_name = 'Italian Grand Prix' and fastest_lap_rank = 1",
        [("hamilton", 82_746)],
    ),
]


@pytest.fixture(scope="module")
def warehouse(real_warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse of the real files, with views that have the names of drivers and races."""
    with duckdb.connect(real_warehouse, read_only=True) as connection:
        connection.execute(NAMES)
        yield connection


def check(warehouse: duckdb.DuckDBPyConnection, fact: Fact) -> None:
    """Fail with the fact's sentence if the warehouse has another answer."""
    expected = fact.answer if isinstance(fact.answer, list) else [(fact.answer,)]
    assert warehouse.execute(fact.query).fetchall() == expected, fact.sentence


@pytest.mark.parametrize(("table", "rows", "mart"), TABLES)
def test_every_row_of_the_source_arrives(
    warehouse: duckdb.DuckDBPyConnection, table: str, rows: int, mart: str
) -> None:
    """From the file to Parquet, to staging, to the mart."""
    manifest = "select rows_read, rows_converted from raw.load_manifest where table_name = ?"
    assert warehouse.execute(manifest, [table]).fetchall() == [(rows, rows)]
    for relation in (f"raw.{table}", f"staging.stg_ergast__{table}", f"marts.{mart}"):
        assert warehouse.execute(f"select count(*) from {relation}").fetchall() == [(rows,)], relation


@pytest.mark.parametrize(("mart", "first", "last"), SEASONS)
def test_a_mart_has_rows_from_its_first_to_its_last_season(
    warehouse: duckdb.DuckDBPyConnection, mart: str, first: int, last: int
) -> None:
    query = f"select min(season), max(season) from marts.{mart}"
    assert warehouse.execute(query).fetchall() == [(first, last)]


def test_nothing_fails_warns_or_is_skipped(real_warehouse: Path) -> None:
    """Every model, seed, test and unit test of the build passed."""
    path = real_warehouse.parent / ".build" / "target" / "run_results.json"
    results = json.loads(path.read_text(encoding="utf-8"))["results"]
    good = {"success", "pass", "no-op"}  # an exposure is a no-op
    assert [each["unique_id"] for each in results if each["status"] not in good] == []


def test_every_kind_of_anomaly_has_a_count_here(warehouse: duckdb.DuckDBPyConnection) -> None:
    """A new kind needs a count that was checked on the files."""
    rows = warehouse.execute("select anomaly_kind from quality.anomaly_counts").fetchall()
    assert {kind for (kind,) in rows} == set(ANOMALIES)


@pytest.mark.parametrize(("kind", "anomalies"), ANOMALIES.items())
def test_each_kind_has_the_known_number_of_anomalies(
    warehouse: duckdb.DuckDBPyConnection, kind: str, anomalies: int
) -> None:
    """The counts and the list have as many as the files."""
    counts = "select anomalies from quality.anomaly_counts where anomaly_kind = ?"
    assert warehouse.execute(counts, [kind]).fetchall() == [(anomalies,)]
    listed = "select count(*) from quality.source_anomalies where anomaly_kind = ?"
    assert warehouse.execute(listed, [kind]).fetchall() == [(anomalies,)]


@pytest.mark.parametrize("fact", FORMAT, ids=lambda fact: fact.sentence)
def test_errors_of_format_are_corrected(warehouse: duckdb.DuckDBPyConnection, fact: Fact) -> None:
    """Short rows, column order, spelling, spaces, HTML entities, addresses."""
    check(warehouse, fact)


@pytest.mark.parametrize("fact", MEANING, ids=lambda fact: fact.sentence)
def test_a_column_has_one_meaning_in_all_seasons(warehouse: duckdb.DuckDBPyConnection, fact: Fact) -> None:
    """In the source, the meaning of a column changes over time."""
    check(warehouse, fact)


@pytest.mark.parametrize("fact", KEYS, ids=lambda fact: fact.sentence)
def test_repeated_rows_are_kept(warehouse: duckdb.DuckDBPyConnection, fact: Fact) -> None:
    """Columns that look like keys are not keys."""
    check(warehouse, fact)


@pytest.mark.parametrize("fact", SCORING, ids=lambda fact: fact.sentence)
def test_points_are_exact(warehouse: duckdb.DuckDBPyConnection, fact: Fact) -> None:
    """Standings are the official ones."""
    check(warehouse, fact)


@pytest.mark.parametrize("fact", LAPS, ids=lambda fact: fact.sentence)
def test_wrong_laps_stops_and_qualifying_are_kept_and_marked(
    warehouse: duckdb.DuckDBPyConnection, fact: Fact
) -> None:
    """Missing ones stay missing."""
    check(warehouse, fact)


@pytest.mark.parametrize("fact", ANSWERS, ids=lambda fact: fact.sentence)
def test_known_facts_are_right(warehouse: duckdb.DuckDBPyConnection, fact: Fact) -> None:
    """A simple query of the source would give some of them wrongly."""
    check(warehouse, fact)
