"""No figure is typed into prose: a number on a page is recomputed, or it is a setting, or it has a reason.

Numbers in code, in links and in tables that other tests recompute are not read; 0, 1, 2, years and versions
need no reason.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest
import yaml
from conftest import ROOT, table_cells

from pitwall.site import questions
from pitwall.warehouse.engines import ENGINES

WORDS = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
]
LARGE = ["thirty", "forty", "fifty", "hundred", "hundreds", "thousand", "million", "dozen", "half"]
LARGE += ["thirds", "quarter", "quarters", "tenth", "tenths"]
NUMBER = re.compile(rf"(?<![\w.,:])\d[\d,.:]*(?<![.,:])(?!\w)|\b(?:{'|'.join(WORDS[3:] + LARGE)})\b", re.I)
# What is not read: code, tags, the targets of links, numbers of headings and of lists.
CODE = re.compile(r"```.*?```|<!--.*?-->|<[^>]*>|`[^`]*`|(?<=\])\([^)]*\)|\{[{%].*?[%}]\}", re.DOTALL)
NUMBERED = re.compile(r"(?m)^#+ \d+\. |^\s*\d+\. ")
GENERAL = [
    r"\b(?:19[5-9]\d|20[0-3]\d)s?(?:\u2013\d\d)?\b",
    r"(?<![\d.,])[012](?![\d.,]*\d)",
    r"(?:Python|dbt|DuckDB|PostgreSQL|Airflow|Java|License|storage version|[Vv]ersion) "
    r"\d[\d.]*(?<!\.)(?: to \d[\d.]*(?<!\.))?",
    r"SHA-256|UTF-8|Indianapolis 500",
    r"\b[Hh]alf(?: points|-lives|-filled)",
]


class Sql(NamedTuple):
    """The values are what the warehouse of the real files answers."""

    query: str


class Because(NamedTuple):
    """The number is no figure, for this reason."""

    reason: str


Settings = Callable[[dict[str, Any]], tuple[Any, ...]]
Source = Sql | Because | Settings

RULE = Because("a rule of the sport")
TERM = Because("a term, no figure")
DEFAULT = Because("a default that the command itself names")
EXAMPLE = Because("an example")
ADDED = Because("what this entry added, on its day")
CHANGED = Because("what this entry changed, on its day")

BUILD_LOG = "scripts/pitwall/warehouse/build_log.py"
STOPS = "intermediate.int_laps__pit_stop_kinds"
RECONCILED = Sql("""
    select count(*) filter (where not is_reconciled), count(is_reconciled)
    from (
        select is_reconciled from marts.fct_driver_championship
        union all
        select is_reconciled from marts.fct_constructor_championship
    )
""")
FANGIO = Sql("""
    select other_value, computed_value from marts.fct_championship_exceptions
    where kind = 'record_books_differ' and season = 1956
""")


def trains(season: int, race: str) -> str:
    """SQL: on how many laps the safety car led the field of a race through the pit lane."""
    return (
        f"(select count(*) from (select lap_number from {STOPS} inner join marts.dim_races using (race_id) "
        f"where dim_races.season = {season} and race_name = '{race}' and stop_kind = 'drive-through' "
        "group by lap_number having count(*) >= 13))"
    )


def slow_laps(season: int, race: str) -> str:
    """SQL: the laps of a race on which the field is slow, as ranges."""
    return f"""
        (select string_agg(first || '\N{EN DASH}' || last, ' and ' order by first)
        from (
            select min(lap_number) as first, max(lap_number) as last
            from (
                select lap_number, lap_number - row_number() over (order by lap_number) as run
                from marts.fct_race_laps inner join marts.dim_races using (race_id)
                where dim_races.season = {season} and race_name = '{race}' and is_field_slow
                group by lap_number
            )
            group by run
        ))
    """


# By page: what it says, with places for the values, and where these come from.
# {:w} is a number as a word, {:W} one that begins a sentence.
FIGURES: dict[str, dict[str, Source]] = {
    "README.md": {
        "in all but {0} of {1:,} rows, and each of the {0} is": RECONCILED,
        "drivers with at least {} starts": lambda _: tuple(
            re.findall(r"'starts', \['driver'\]\) }} >= (\d+)", (ROOT / "README.md").read_text("utf-8"))
        ),
        "more than {} days ago, and fails after {} days": lambda _: freshness(),
        "a winter break of {} days": lambda _: winter_break(),
        "## Three questions": Because("test_readme.py counts them"),
        "The names of Formula 1": TERM,
    },
    "CONTRIBUTING.md": {
        "simulates five seasons": Because("the default of simulate.py"),
        "is in three places": Because("the sentence goes on to name them"),
        "a factor of 100": Because("per cent"),
        "once three marts that nothing reads": Because("a rule of dbt-project-evaluator"),
        "takes half a minute": Because("a rule of this project, as in pyproject.toml"),
    },
    "CHANGELOG.md": {
        "for all {:w} tables": lambda _: (len(sources()["tables"]),),
        "half and double points": TERM,
        "any points system; three analyses": ADDED,
        "Seven worked questions": ADDED,
        "on all {:w} engines": lambda _: (len(ENGINES),),
        "every client since {}": lambda _: in_file(
            "scripts/pitwall/warehouse/duckdb.py", r'STORAGE = "v([\d.]+)\.0"'
        ),
        "the exit code {}": lambda _: in_file("scripts/pitwall/command.py", r"TEMPORARY = (\d+)"),
        "more than {:,} columns": lambda _: in_file(
            "scripts/pitwall/raw/schema.py", r"MAX_COLUMNS = ([\d_]+)"
        ),
        "The README and five analyses": CHANGED,
        "0.6 s and 160 MB instead of 10 s and 2.4 GB at half a million laps": CHANGED,
        "At fifty million laps": CHANGED,
        "Three marts are renamed": Because("the list below names them"),
        "Four overrides of dbt": CHANGED,
        "in the last five races": CHANGED,
        "At ten million laps": Because("the size at which it was seen"),
    },
    "docs/site/index.md": {
        "A Formula 1": TERM,
        "Start in five minutes": Because("a promise; test_first_hour.py keeps it"),
    },
    "docs/site/start.md": {
        "Start in five minutes": Because("a promise; test_first_hour.py keeps it"),
        "Three of them answer": Because("the table below names them"),
    },
    "docs/site/how-it-is-built.md": {
        "hundreds of tests": Because("a round word; the table above has the number"),
        "Nothing is half done": TERM,
        "Three engines": Because("the section names them"),
    },
    "docs/site/ask.md": {},
    "docs/data-to-take-away.md": {"*65001: Unicode": Because("what Excel calls it")},
    "docs/predictions.md": {
        "by more than {}": lambda _: in_file(
            "scripts/pitwall/prediction/tracking.py", r"MAY_BE_WORSE_BY = ([\d.]+)"
        ),
        "at port 8000": DEFAULT,
        "at port 5000": DEFAULT,
        "the status 400, 404, 405, 413 or 415": Because("codes of HTTP"),
    },
    "docs/model-card/page.md": {
        "the rate of the last {:w} seasons": lambda each: (each["baseline_classified_seasons"],),
        "over {:w} bins": lambda each: (each["calibration_bins"],),
        "the middle 95 %": Because("the usual interval, as card.py draws it"),
        "One half is a coin": TERM,
        "A point is a bin of ten forecasts or more": Because("as card.py draws it"),
    },
    "docs/benchmarks/page.md": {
        "ten to a hundred times": Because("the claim that the table below it tests"),
        "a quarter of the memory is enough": Because("the claim that the table below it tests"),
        "Ten times its speed": Because("the claim above"),
        "the same two.": Because("the two tables that the sentence before names"),
    },
    "docs/from-laptop-to-cloud.md": {
        "in a dozen models": Because("a round word"),
        "the other three engines": Because("the engines above"),
        "was not measured above 17x": Because("the largest size of the table"),
        "*17x* is": Because("a column of the table"),
        "which is 256 characters": Because("Redshift's text"),
        "All three engines have": Because("the engines above"),
        "hundreds of statements": Because("a round word"),
        "hundreds of rows per lap": EXAMPLE,
    },
    "docs/airflow.md": {
        "{:W} hours after the start": lambda _: in_file(
            "dags/pitwall_after_race.py", r"AFTER_START = timedelta\(hours=(\d+)\)"
        ),
        "the exit code 75": Because("what sysexits.h calls a failure that passes"),
        "is tried again | {} |": lambda _: in_file("dags/pitwall_after_race.py", r'"RETRY_SECONDS", "(\d+)"'),
        "a backfill of three races": Because("what the tests do"),
    },
    "docs/containers.md": {
        "port 5432": Because("PostgreSQL's own"),
        "has the number {}": lambda _: in_file("Dockerfile", r"useradd --uid (\d+)"),
        "smaller than 600 MB": lambda _: share(
            in_file("tests/python/test_images.py", r"MAX_BYTES = ([\d_]+)")[0], 600_000_000
        ),
    },
    "docs/rules-of-the-sport.md": {
        "of Formula 1": TERM,
        "leaves out a tenth of the laps": lambda each: share(each["trimmed_percent"], 10),
        "In {:w} cases the source files": Sql("select count(*) from seeds.misfiled_laps"),
        "In {} results the source says that a car retired": Sql(
            "select count(*) from seeds.start_exceptions where start = 'not taken'"
        ),
        "Only from {} to {} does the source mark these": (
            lambda each: (each["first_pit_lane_season"], each["last_pit_lane_season"])
        ),
        "the {} of {} in the seed": Sql(
            "select count(*), min(season) from seeds.start_exceptions where start = 'pit lane'"
        ),
        "classified with {} % of the winner's laps, rounded down. The results follow this rule from {} on": (
            lambda each: (each["classified_distance_percent"], each["first_classified_distance_season"])
        ),
        "the rule: {} cars that are classified with fewer laps, and {} that are not": Sql("""
            select
                count(*) filter (anomaly_kind = 'classified_short_of_distance'),
                count(*) filter (anomaly_kind = 'unclassified_with_distance')
            from quality.source_anomalies
        """),
        "From {} the source gives every car a position, so {:w} cars": Sql("""
            select min(season), count(*) from quality.source_anomalies
            where anomaly_kind = 'sprint_classified_short_of_distance'
        """),
        "in {:w} races of {} and {} the source has the grid after penalties": Sql("""
            select count(distinct race_id), min(season), max(season)
            from marts.fct_qualifying_results where qualifying_position_basis = 'times'
        """),
        "at least {:w} places behind it": lambda each: (each["penalty_places"],),
        "Before {} most races have one time per driver": lambda each: (each["first_knockout_season"],),
        "There are {:w} exceptions": Sql("""
            select count(*) from seeds.pole_position_exceptions
        """),
        "In {:w} races of {} to {} the source has several results in slot 1": Sql("""
            select count(*), min(season), max(season)
            from seeds.pole_position_exceptions where season < 2022
        """),
        "They scored {:f} and {:f} points": Sql(
            "select max(points), min(points) from marts.fct_race_results "
            "where season = 1956 and race_name = 'Monaco Grand Prix' and driver_name = 'Juan Fangio'"
        ),
        "among the best {:w} results of the season": Sql(
            "select best_results from seeds.counted_results where season = 1956 and championship = 'drivers'"
        ),
        "Record books give {:f} points in all instead of {:f}": FANGIO,
        "For Fangio's 1956 it is {1:f}, with both cars at Monaco; record books have {0:f}": FANGIO,
        "Lotus is {:w} of them": Sql(
            "select count(*) from marts.dim_constructors "
            "where constructor_name = 'Team Lotus' or constructor_name like 'Lotus-%'"
        ),
        "has the official fastest lap in {0} of {1} races. In the other {2:w} a time": Sql("""
            with laps as (
                select race_id, arg_min(driver_id, lap_time_ms) as driver_id
                from marts.fct_race_laps where lap_class <> 'not counted'
                group by race_id
            ),
            ranked as (
                select race_id, driver_id as official from marts.fct_race_results where fastest_lap_rank = 1
            )
            select count(*) filter (official = driver_id), count(*), count(*) filter (official <> driver_id)
            from laps inner join ranked using (race_id)
        """),
        "in all but {} of {:,} rows": RECONCILED,
        "In {:w} seasons two engines of one constructor": Sql(
            "select count(distinct season) from seeds.championship_entry_cars"
        ),
        "- {:w} rows of": Sql(
            "select count(*) from seeds.place_exceptions where contains(reason, 'found by comparison')"
        ),
        "do not count {:w} places in countback": Sql(
            "select count(*) from seeds.place_exceptions where purpose = 'countback'"
        ),
        "less than 60 % of the time of every other": Because(
            "the threshold of the test race_times_fit_the_circuit"
        ),
        "In {:w} season totals": Sql(
            "select count(*) from marts.fct_championship_exceptions "
            "where kind = 'record_books_differ' and measure = 'points_counted'"
        ),
        "In {} rows our order differs": Sql(
            "select count(*) from marts.fct_championship_exceptions where kind = 'tie_order'"
        ),
        "Constructors with three cars": EXAMPLE,
        "in {:w} races the car on pole was not its driver's best": Sql("""
            select count(distinct race_id)
            from marts.fct_race_results where is_pole and driver_entry_number > 1
        """),
        "A time more than {} % slower": lambda each: (each["slowest_qualifying_percent"] - 100,),
        "Wet sessions stay below {} %": lambda each: (each["slowest_qualifying_percent"] - 100,),
        "There are {:w}, from laps that were given up to the {} of {}": Sql("""
            with times as (
                select race_id, unnest([q1_ms, q2_ms, q3_ms]) as ms, unnest([1, 2, 3]) as session
                from staging.stg_ergast__qualifying
            ),
            bests as (
                select *, min(ms) over (partition by race_id, session) as best from times
            )
            select
                count(*),
                max(ms) // 60000 || ':' || printf('%06.3f', max(ms) % 60000 / 1000),
                arg_max(season, ms)
            from bests inner join marts.dim_races using (race_id)
            where ms > 1.3 * best
        """),
        "Add {:w} cars": lambda each: (each["expected_places_weight_cars"],),
        "with fewer than {:w} other cars": lambda each: (each["expected_places_cars"],),
        "less than {} minutes": lambda each: (each["full_race_ms"] // 60_000,),
        "minutes: {:w} races were cut short, and the shortest full races took {:.0f} minutes": Sql("""
            select
                count(*) filter (where minutes < 65),
                floor(min(minutes) filter (where minutes >= 65))
            from (
                select min(source_race_time_ms) / 60000 as minutes from marts.fct_race_results where is_win
                group by race_id
            )
        """),
        "at least {} % above the race's reference": lambda each: (each["slow_field_percent"] - 100,),
        "Why {} %:* there are": lambda each: (each["slow_field_percent"] - 100,),
        "there are {:,} such medians. {:,} lie at 99 to 100 % of the reference, {} at 103 %, {} at 104 %, "
        "{} at 105 %. From 106 to 115 % there is a flat tail of {} to {} medians": Sql("""
            with medians as (
                select distinct race_id, lap_number, field_median_ms
                from marts.fct_race_laps where field_median_ms is not null
            ),
            shares as (
                select floor(100 * field_median_ms / quantile_cont(field_median_ms, 0.25) over race) as share
                from medians
                window race as (partition by race_id)
            ),
            counts as (
                select share, count(*) as medians from shares group by share
            )
            select
                sum(medians)::int,
                max(medians) filter (share = 99),
                max(medians) filter (share = 103),
                max(medians) filter (share = 104),
                max(medians) filter (share = 105),
                min(medians) filter (share between 106 and 115),
                max(medians) filter (share between 106 and 115)
            from counts
        """),
        "slow for half of its laps": EXAMPLE,
        "is at least {} % above their usual share": lambda each: (each["slow_driver_percent"] - 100,),
        "take {:,} of {:,} laps. On {:,} of these the whole field is slow": Sql(
            "select count(*) filter (where lap_class = 'slow'), count(*), "
            "count(*) filter (where lap_class = 'slow' and is_field_slow) from marts.fct_race_laps"
        ),
        "Abu Dhabi 2021 (laps {}), Singapore 2008 (laps {})": Sql(
            f"select {slow_laps(2021, 'Abu Dhabi Grand Prix')}, {slow_laps(2008, 'Singapore Grand Prix')}"
        ),
        "fewer than {:w} such medians": lambda each: (each["race_reference_laps"],),
        "at least {:w} green laps": lambda each: (each["race_pace_laps"],),
        "at least half as many green laps": lambda each: share(each["representative_percent"], 50),
        "interquartile range is {} % in 2010\N{EN DASH}13, without refuelling, and {} % before": Sql(
            "select round(median(interquartile_range_pct) filter (season between 2010 and 2013), 1), "
            "round(median(interquartile_range_pct) filter (season < 2010), 1) from marts.fct_race_pace"
        ),
        "in {} of {} rows it counts another number": Sql(
            "select count(*) filter (full_laps <> source_full_laps), count(*) from marts.fct_safety_cars"
        ),
        "A lap of more than {:w} minutes counts": lambda each: (each["recorded_red_flag_ms"] // 60_000,),
        "Cars up to {:w} laps behind the leader": lambda each: (each["red_flag_lapped_laps"],),
        "leader count from {:w} minutes on": lambda each: (each["red_flag_ms"] // 60_000,),
        "a lap of more than {:w} minutes was taken": lambda each: (each["red_flag_ms"] // 60_000,),
        "This took {} long repairs for one, and missed {} laps, {} of them in Japan 2022, where the source "
        "lost two hours": Sql("""
            select
                count(*) filter (is_red_flag_by_rule and not is_red_flag),
                count(*) filter (is_red_flag and not is_red_flag_by_rule),
                count(*) filter (
                    is_red_flag and not is_red_flag_by_rule
                    and dim_races.season = 2022 and race_name = 'Japanese Grand Prix'
                )
            from marts.fct_lap_times inner join marts.dim_races using (race_id)
        """),
        "The field is slow on {:,} of {:,} whole laps": Sql(
            "select sum(recorded_laps_found), sum(recorded_laps) from quality.rule_of_thumb_scores "
            "where recorded_as = 'safety car'"
        ),
        "From {} to {}, {} of {:,} slow laps have neither": Sql(
            "select min(season), max(season), sum(laps_found - laps_found_right), sum(laps_found) "
            "from quality.rule_of_thumb_scores where recorded_as = 'safety car or virtual safety car'"
        ),
        "within {} seconds on the lap before": lambda each: (each["neighbour_gap_ms"] // 1000,),
        "the medians of the stops that have both are {:.1f} s and {:.1f} s": Sql("""
            select median(lost_to_neighbours_ms) / 1000, median(time_lost_ms) / 1000
            from marts.fct_pit_stop_costs
            inner join marts.fct_pit_stop_times using (race_id, driver_id, stop_number)
            where time_lost_ms is not null
        """),
        "Behind the safety car the median is {:.1f} s": Sql(
            "select median(lost_to_neighbours_ms) / 1000 from marts.fct_pit_stop_costs "
            "where is_under_safety_car"
        ),
        "from {:w} green laps on": lambda each: (each["stint_slope_laps"],),
        "stops of up to two minutes. Laps on which at least four fifths": lambda each: (
            share(each["long_stop_ms"], 120_000) + share(each["led_field_percent"], 80)
        ),
        "more than {:w} minutes in the lane. Or: more than twice the usual time, on a lap on which at least "
        "{:w} cars": (
            lambda each: (
                each["red_flag_ms"] // 60_000,
                each["red_flag_long_stops"],
                *share(each["red_flag_stop_percent"], 200),
            )
        ),
        "The second rule finds {} stops. {} of them are in Japan 2022": Sql(f"""
            select
                count(*),
                count(*) filter (where race_name = 'Japanese Grand Prix' and dim_races.season = 2022)
            from {STOPS} inner join marts.dim_races using (race_id)
            where stop_kind = 'red flag' and duration_ms <= 600000
        """),
        "says less than {:w} minutes for two hours": lambda each: (each["red_flag_ms"] // 60_000,),
        "Or: under {} % of the": lambda each: (each["drive_through_percent"],),
        "Why {0} %:* of": lambda each: (each["drive_through_percent"],),
        "of {:,} stops, only {:w} take 84 to 90 % of the usual time": Sql(
            "select count(*), count(*) filter (cars < 13 and duration_ms >= 0.84 * usual_ms "
            "and duration_ms < 0.9 * usual_ms) from (select duration_ms, median(duration_ms) "
            "filter (where stop_kind = 'stop') over (partition by race_id) as usual_ms, "
            f"count(*) over (partition by race_id, lap_number) as cars from {STOPS})"
        ),
        "{:w} laps in China 2017, {:w} in Portugal 2021, {:w} in São Paulo 2021": Sql(
            f"select {trains(2017, 'Chinese Grand Prix')}, {trains(2021, 'Portuguese Grand Prix')}, "
            f"{trains(2021, 'São Paulo Grand Prix')}"
        ),
        "longer by {} % of the time in the lane": lambda each: (each["no_stop_percent"],),
        "in Japan {}, lap {}. Of the others": Sql(
            "select season, lap_number from marts.fct_pit_stop_times where stop_kind = 'no stop'"
        ),
        "more than {} s longer in the lane than the median": lambda each: (each["unusual_stop_ms"] // 1000,),
        "laps differ by more than {} s from two": lambda each: (each["changing_track_ms"] // 1000,),
        "seemed to cost {:.0f} s": Sql(
            "select median(time_lost_ms) / 1000 from marts.fct_pit_stop_times inner join marts.dim_races "
            "using (race_id, season, race_name) where season = 2022 and race_name = 'Singapore Grand Prix'"
        ),
        "outside the lane differs by more than {} s": lambda each: (each["unusual_stop_ms"] // 1000,),
        "Of {:,} measured stops these are {}, {} and {}": Sql("""
            select
                count(time_lost_ms),
                count(time_lost_ms) filter (unusual_reason = 'long stop'),
                count(time_lost_ms) filter (unusual_reason = 'changing track'),
                count(time_lost_ms) filter (unusual_reason = 'unusual laps')
            from marts.fct_pit_stop_times
        """),
        "median from {:w} usual stops on": lambda each: (each["pit_loss_stops"],),
        "A slope beyond {} ms a lap": lambda each: (each["stint_slope_ms"],),
        "{} of {:,} stints have one": Sql(
            "select count(*) filter (is_slope_unusual), count(is_slope_unusual) from marts.fct_stints"
        ),
        "up to {} % faster, as the track": lambda each: (100 - each["later_session_fastest_percent"],),
        "more than 1 % slower or more than {} % faster": lambda each: (
            *share(each["later_session_slowest_percent"], 101),
            100 - each["later_session_fastest_percent"],
        ),
        "a dry Q1 was {:.0f} % faster than pole. {} gaps in {} races": Sql(
            "select -min(gap_to_pole_percent), count(*), count(distinct race_id) "
            "from marts.fct_qualifying_gaps where pole_comparison = 'other track'"
        ),
        "A gap of more than {} % is left out": lambda each: (each["team_mate_gap_percent"],),
        "{} pairs of times are such": Sql(
            "select count(*) // 2 from intermediate.int_results__team_mates where not is_qualifying_gap_usual"
        ),
        "within {:w} seconds of each other": lambda each: (each["undercut_gap_ms"] // 1000,),
        "stops first gains {:.1f} s in the median, the work of the crews left out": Sql(
            "select median(early_gain_ms - lane_gain_ms) / 1000 from marts.fct_undercuts"
        ),
        "stops one to {:w} laps after the first": lambda each: (each["undercut_laps"],),
        "counts half as much as the one {:w} seasons later": lambda each: (
            each["baseline_half_life_seasons"],
        ),
        "the share of the last {:w} seasons": lambda each: (each["baseline_classified_seasons"],),
        "gap of half the points for a win": lambda each: share(each["baseline_title_percent"], 50),
        "in the season: {:w} since 2010, {:w} from 2003, {:w} before": Sql(
            "select max(places) filter (season = 2010), max(places) filter (season = 2003), "
            "max(places) filter (season = 2002) from (select season, max(position) as places "
            "from seeds.championship_periods inner join seeds.points_by_position using (points_system) "
            "inner join marts.dim_seasons on season between first_season and last_season "
            "where championship = 'drivers' and session_type = 'race' group by season)"
        ),
    },
    "analyses": {
        "{:W} titles change hands": lambda _: (
            len([row for row in answer("champions_under_the_modern_system") if row["is_another"] == "True"]),
        ),
        "by half a point in {}": lambda _: tuple(
            row["season"] for row in answer("closest_titles") if row["margin"] == "0.50"
        ),
        "{:W} more drivers' titles were won by a point or two, the latest in {}": lambda _: (
            by_a_point_or_two()
        ),
        "? {:W}. Hill would have": lambda _: (len(answer("titles_changed_by_dropped_scores")),),
        "at circuits with {:w} or more such stops": lambda _: limit(
            "cheaper_stops_behind_the_safety_car", "then 1 end) >="
        ),
        "such stops since 2011": Because("the first season with pit stops"),
        "among circuits with {:w} or more seasons": lambda _: limit("costliest_pit_lanes", "count(*) >="),
        "equally long, to half a second": lambda _: share(
            limit("greatest_undercuts", "abs(lane_gain_ms) <=")[0], 500
        ),
        "in seasons with at least {:w} starts": lambda _: limit("most_fragile_cars", "race_starts >="),
        "of at least {:w} comparisons": lambda _: limit("perfect_qualifying_seasons", "qualifyings_ahead >="),
        "with at least {:w} races": lambda _: limit("pole_by_circuit", "races >="),
        "of {} or more green laps": lambda _: limit("stints_that_did_not_fade", "green_laps >="),
    },
    "descriptions": {
        "Only the newest {} builds are known": lambda _: in_file(
            BUILD_LOG, r"KEPT_BUILDS_WITH_TABLES = (\d+)"
        ),
        "each of the newest {} builds": lambda _: in_file(BUILD_LOG, r"KEPT_BUILDS_WITH_TABLES = (\d+)"),
        "The newest {:,} builds": lambda _: in_file(BUILD_LOG, r"KEPT_BUILDS = (\d+)"),
        "Mean duration of the {:w} builds": lambda each: (each["usual_builds"],),
        "at least {} % of the field": lambda each: (each["led_field_percent"],),
        "gap of half the points for a win": lambda each: share(each["baseline_title_percent"], 50),
        "at least {} minutes": lambda each: (each["full_race_ms"] // 60_000,),
        "a winning time below {} minutes": lambda each: (each["full_race_ms"] // 60_000,),
        "by a usual stop, in milliseconds; NULL with fewer than {:w}": lambda each: (each["pit_loss_stops"],),
        "fewer than {:w} such medians": lambda each: (each["race_reference_laps"],),
        "is at least {} % above the lower quartile": lambda each: (each["slow_field_percent"] - 100,),
        "over green laps only, at least {:w},": lambda each: (each["race_pace_laps"],),
        "at least half as many": lambda each: share(each["representative_percent"], 50),
        "first {0:w} green laps in milliseconds; NULL with fewer than {0:w}": lambda each: (
            each["stint_start_laps"],
        ),
        "NULL with fewer than {:w}": lambda each: (each["stint_slope_laps"],),
        "within {:w} seconds": lambda each: (each["undercut_gap_ms"] // 1000,),
        "one to {:w} laps apart": lambda each: (each["undercut_laps"],),
        "counts half as much as the one {:w} seasons later": lambda each: (
            each["baseline_half_life_seasons"],
        ),
        "cars of the last {:w} seasons": lambda each: (each["baseline_classified_seasons"],),
        "counts as at least {}": lambda each: (each["probability_clip"],),
        "at most 0.999999": lambda each: share(float(each["probability_clip"]), 1e-6),
        "0 is below 0.1, 9 from 0.9": lambda each: share(each["calibration_bins"], 10),
        "counts as {:w} more cars": lambda each: (each["expected_places_weight_cars"],),
        "fewer than {:w} other classified cars": lambda each: (each["expected_places_cars"],),
        "more than {} % above the best": lambda each: (each["slowest_qualifying_percent"] - 100,),
        "the {} of {}": Sql(
            "select '16:42.640', season from marts.dim_races inner join staging.stg_ergast__qualifying "
            "using (race_id) where greatest(q1_ms, q2_ms, q3_ms) = 1002640"
        ),
        "in {:w} races of 2005 the sum of two": Sql("""
            select count(distinct race_id)
            from marts.fct_qualifying_gaps where qualifying_format = 'aggregate'
        """),
        "in the first {:w} rounds of 2005": Sql(
            "select max(round) from marts.fct_qualifying_gaps where qualifying_format = 'aggregate'"
        ),
        "driver was at least {} % slower": lambda each: (each["slow_driver_percent"] - 100,),
        "Above {:w} minutes": lambda each: (each["red_flag_ms"] // 60_000,),
        "more than {:w} minutes, or that of a lapped car which takes more than {:w}": lambda each: (
            each["recorded_red_flag_ms"] // 60_000,
            each["red_flag_ms"] // 60_000,
        ),
        "any lap above {:w} minutes": lambda each: (each["red_flag_ms"] // 60_000,),
        "at most {} s ahead or behind": lambda each: (each["neighbour_gap_ms"] // 1000,),
        "more than {:w} minutes": lambda each: (each["red_flag_ms"] // 60_000,),
        "at least {:w} cars stood for more than two minutes": lambda each: (
            each["red_flag_long_stops"],
            *share(each["long_stop_ms"], 120_000),
        ),
        "under {} % of the race's usual time": lambda each: (each["drive_through_percent"],),
        "half or double points": TERM,
        "three questions in the README": Because("test_readme.py counts them"),
        "Drivers with 20 wins or more": Because("the filter of the query below it"),
        "at least 50 starts": Because("the filter of the query below it"),
        "who won a tenth or more": Because("the filter of the query below it"),
        "; 100 is the best": Because("per cent"),
        "of 30 to 40 per cent, three or four in ten": EXAMPLE,
        "each of the three scores": Because("the columns of the table"),
        "From 2006 there are three sessions": RULE,
        "in three sessions": RULE,
        "Three-letter timing code": RULE,
        "for 1950\N{EN DASH}59": RULE,
        "scale of 2010 in every season: 25-18-15-12-10-8-6-4-2-1": RULE,
        "among the first three": RULE,
        "the first three": RULE,
        "up to three per race": RULE,
        "0.5 for a race that was stopped early": RULE,
        "10 since 2010": RULE,
        "Formula 1": TERM,
        "Half of the usual points": RULE,
    },
}
# Entries of a day: their figures are of that day.
RECORDS = "DECISIONS.md"
# So are those of a release. What is not released says what is true now.
RELEASES = "CHANGELOG.md"


def sources() -> dict[str, Any]:
    """The declaration of the raw tables."""
    [source] = yaml.safe_load((ROOT / "models/staging/ergast/_ergast__sources.yml").read_text("utf-8"))[
        "sources"
    ]
    return dict(source)


def freshness() -> tuple[int, int]:
    """After how many days dbt warns and fails."""
    rule = sources()["config"]["freshness"]
    return rule["warn_after"]["count"], rule["error_after"]["count"]


def winter_break() -> tuple[str, ...]:
    """How many days may be between two seasons."""
    text = (ROOT / "models/staging/ergast/_ergast__sources.yml").read_text("utf-8")
    return tuple(re.findall(r"max\(held\.newest\) \+ (\d+)", text))


def in_file(path: str, expression: str) -> tuple[float]:
    """The number that a regex finds in a file."""
    [value] = re.findall(expression, (ROOT / path).read_text("utf-8"))
    return (float(value) if "." in value else int(value),)


def limit(name: str, condition: str) -> tuple[float]:
    """The number that a query of analyses/ compares with."""
    return in_file(f"analyses/{name}.sql", re.escape(condition) + r" (\d+)")


def answer(name: str) -> list[dict[str, str]]:
    """The answer that stands in a file of analyses/. test_analyses.py compares it with the real files."""
    lines = re.findall(r"(?m)^-- (\|.+)$", (ROOT / "analyses" / f"{name}.sql").read_text("utf-8"))
    header, *rows = table_cells("\n".join(lines))
    return [dict(zip(header, row, strict=True)) for row in rows]


def by_a_point_or_two() -> tuple[int, str]:
    """How many titles were won by a point or two, and when the last was."""
    seasons = [row["season"] for row in answer("closest_titles") if row["margin"] in ("1.00", "2.00")]
    return len(seasons), max(seasons)


def share(value: float, said: float) -> tuple[()]:
    """Check a setting that the text says in other words than its number."""
    assert value == said
    return ()


class Value:
    """A value in a sentence: {:w} writes it as a word, {:W} as one that begins a sentence, {:f} as points."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __format__(self, form: str) -> str:
        if form in ("w", "W"):
            word = WORDS[self.value]
            return word.capitalize() if form == "W" else word
        return f"{self.value:.2f}".rstrip("0").rstrip(".") if form == "f" else format(self.value, form)


def plain(text: str) -> str:
    """Prose in one line, without code."""
    return " ".join(NUMBERED.sub("", CODE.sub("§", text)).split())


@cache
def descriptions() -> str:
    """What the project's YAML says of models, columns, seeds and sources, and its doc blocks."""

    def found(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            for key, value in node.items():
                # The data of a unit test are its own.
                if key != "unit_tests":
                    yield from [value] if key == "description" and isinstance(value, str) else found(value)
        elif isinstance(node, list):
            for each in node:
                yield from found(each)

    files = [path for folder in ("models", "seeds", "snapshots") for path in (ROOT / folder).rglob("*.yml")]
    texts = [text for path in sorted(files) for text in found(yaml.safe_load(path.read_text("utf-8")))]
    texts += [path.read_text("utf-8") for path in sorted((ROOT / "models").rglob("*.md"))]
    return " ¶ ".join(plain(text) for text in texts)


def page(name: str) -> str:
    """The prose of a page. A table that another test recomputes is left out."""
    if name == "descriptions":
        return descriptions()
    if name == "analyses":
        return " ¶ ".join(plain(f"{each.text} {each.note}") for each in questions.of_analyses())
    text = (ROOT / name).read_text(encoding="utf-8")
    if name == RELEASES:
        text = re.split(r"(?m)^## ", text)[1]
        # What a figure was before can be computed from no code that is still here.
        text = re.sub(r"(?ms)^### Corrected figures, \d{4}-\d\d-\d\d\n.*?(?=^###|\Z)", "", text)
    for heading in RECOMPUTED.get(name, ()):
        before, section, after = re.split(rf"(### {re.escape(heading)}\n.*?)(?=\n##)", text, flags=re.DOTALL)
        text = before + re.sub(r"(?m)^\|.*\n", "", section) + after
    if name in TABLES:
        text = re.sub(r"(?m)^\|.*\n", "", text)
        text = MEASURES.sub("", text)
    return plain(text)


# test_readme.py recomputes the answers of the README, test_benchmark_page.py the measures.
TABLES = ("README.md", "docs/from-laptop-to-cloud.md")
# test_real_championship.py recomputes the tables under these headings.
RECOMPUTED = {
    "docs/rules-of-the-sport.md": (
        "Reconciled with the source, not with record books",
        "Entries: each chassis and engine apart",
    )
}
MEASURES = re.compile(r"<!-- how fast -->.*?<!-- end of how fast -->", re.DOTALL)


def pattern(text: str) -> str:
    """A regex for what a sentence may say, whatever the values are."""
    parts = re.split(r"\{[^}]*\}", plain(text) if "`" in text else text)
    return r"[\w,.:\u2013]+(?: and [\w\u2013]+)?".join(re.escape(part) for part in parts)


def unexplained(name: str) -> list[str]:
    """Numbers on a page that nothing explains, with the words around them."""
    text = page(name)
    explained = [
        found.span()
        for each in (*map(pattern, FIGURES.get(name, {})), *GENERAL)
        for found in re.finditer(each, text)
    ]
    return [
        text[max(0, found.start() - 40) : found.end() + 30]
        for found in NUMBER.finditer(text)
        if not any(start <= found.start() and found.end() <= end for start, end in explained)
    ]


def pages() -> list[str]:
    """Every page of prose that a person writes."""
    docs = [
        path for path in (ROOT / "docs").rglob("*.md") if not (path.parent / path.stem / "page.md").is_file()
    ]
    return [
        "README.md",
        "CONTRIBUTING.md",
        RELEASES,
        "analyses",
        "descriptions",
        *sorted(str(path.relative_to(ROOT)) for path in docs),
    ]


@pytest.mark.parametrize("name", pages())
def test_every_number_is_recomputed_or_has_a_reason(name: str) -> None:
    found = "".join(f"\n  ...{each}..." for each in unexplained(name))
    assert not found, (
        f'Say in FIGURES["{name}"] of tests/python/test_figures.py where each number comes from: the query '
        f"that gives it, the var that it repeats, or Because(a reason):{found}"
    )


@pytest.mark.parametrize("name", FIGURES)
def test_no_explanation_is_left_over(name: str) -> None:
    text = page(name)
    assert [each for each in FIGURES[name] if not re.search(pattern(each), text)] == []


def test_a_typed_number_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        f"{__name__}.page",
        lambda _: "Of 12,016 stops in 2024, three were slow, a quarter in rain; Java 17 and slot 1.",
    )
    assert [re.search(NUMBER, each[-40:]) is not None for each in unexplained("docs/site/ask.md")] == [
        True,
        True,
        True,
    ]


def test_records_have_their_day() -> None:
    text = (ROOT / RECORDS).read_text(encoding="utf-8")
    head, *entries = re.split(r"(?m)^## ", text)
    assert "figures" in head
    assert [entry[:40] for entry in entries if not re.match(r"\d{4}-\d\d-\d\d: ", entry)] == []
    assert NUMBER.findall(plain(head)) == []


def test_releases_have_their_day() -> None:
    """The first section of the changelog is what is not released; the figures of the others are records."""
    head, unreleased, *releases = re.split(r"(?m)^## ", (ROOT / RELEASES).read_text(encoding="utf-8"))
    assert NUMBER.findall(plain(head)) == []
    assert unreleased.startswith("Unreleased\n")
    assert [each[:40] for each in releases if not re.match(r"[\d.]+, \d{4}-\d\d-\d\d\n", each)] == []


SETTINGS = [
    (name, text) for name, texts in FIGURES.items() for text, source in texts.items() if callable(source)
]


@pytest.mark.parametrize(("name", "text"), SETTINGS)
def test_a_setting_is_that_of_the_project(name: str, text: str) -> None:
    source = FIGURES[name][text]
    assert callable(source)
    values = source(yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"])
    assert text.format(*map(Value, values)) in page(name)


def test_figures_are_those_of_the_real_files(real_warehouse: Path) -> None:
    wrong = []
    asked = [
        (name, text, source)
        for name, texts in FIGURES.items()
        for text, source in texts.items()
        if isinstance(source, Sql)
    ]
    with duckdb.connect(real_warehouse, read_only=True) as connection:
        for name, of_page in groupby(asked, key=lambda each: each[0]):
            said = page(name)
            for _, text, source in of_page:
                [values] = connection.execute(source.query).fetchall()
                if (expected := text.format(*map(Value, values))) not in said:
                    wrong.append(f"{name}: not '{expected}'")
    assert wrong == []
