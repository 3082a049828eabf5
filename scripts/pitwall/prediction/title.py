"""Title odds: the races that are left of a season are simulated many times, under the season's own rules.

All rules come from the warehouse: points for each place, in races and sprints, the fastest lap, races that
score double, how many results count, and who can still win. Only what was known after the round is used:
that a race was stopped and scored half was not known before it.
"""

from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import polars as pl

from pitwall.prediction import ledger
from pitwall.prediction.features import Array
from pitwall.prediction.ratings import Race, Ratings
from pitwall.prediction.scores import interval, log_losses, resampled_means, resampled_worst_bins
from pitwall.prediction.tables import frame, open_warehouse

MODEL = "title_simulation"  # its name in the ledger

# Chosen on the seasons 1962 to 1990, as the constants of the ratings.
SIMULATIONS = 4000
SEED = 1
RACES_TO_ENTER = 2  # who drove in one of the last races is expected to drive in the next ones
SHARE_OF_SURPRISES = 0.01  # shared equally by all who can still win: what the simulation does not know of
SPRINT_DISTANCE = 1 / 3  # of a race, and so many of its cars fail
# Countback: a place counts more than any number of the next one.
PLACES_COMPARED = 3
MOST_RACES = 128

# The moments at which the odds are tested, as parts of a season.
MOMENTS = (0.25, 0.5, 0.75)
FIRST_TESTED, LAST_TESTED = 1991, 2024
BINS = 5  # of the odds: few drivers have any

# The columns of odds, and their types.
ODDS = {"season": pl.Int64, "after_round": pl.Int64, "driver_id": pl.Int64, "probability": pl.Float64}

# Each race that was held or is to come, the round before it, and the day of the last race before it.
RACES = """
select season, round, circuit_ref,
    coalesce(lag(round) over (partition by season order by round), 0) as after_round,
    lag(race_date) over (order by season, round) as trained_through
from marts.dim_races inner join marts.dim_circuits using (circuit_id)
where is_held or (season, round) > (select max((season, round)) from marts.dim_races where is_held)
"""


class Round(NamedTuple):
    """A race of the calendar, as it was known beforehand."""

    round: int
    has_sprint: bool
    points_factor: float
    is_fastest_lap_scored: bool


class Standing(NamedTuple):
    """A row of the drivers' championship after a round."""

    driver_id: int
    points: float
    adjustment: float
    can_win: bool
    is_champion: bool


class Rules(NamedTuple):
    """How a season scores.

    Args:
        points: for each session type, the points of each place, best first.
        fastest_lap_within: the last place in which the fastest lap scores; None if it scores in every place.
        parts: first and last round of each part of the season, and how many results count in it.
    """

    points: dict[str, list[float]]
    fastest_lap_points: float
    fastest_lap_within: int | None
    parts: list[tuple[int, int, int]]

    def part_of(self, number: int) -> tuple[int, int, int] | None:
        """The part of the season that a round belongs to; None if all results count."""
        return next((part for part in self.parts if part[0] <= number <= part[1]), None)


class Seasons(NamedTuple):
    """What the odds read from the warehouse.

    Args:
        races: all races that were held, in their order.
        calendar: the rounds of each season.
        standings: for each season and round the table of drivers, its leader first.
        results: for each season the round, driver and points of each result that scored.
        places: for each season the round, driver and place of the best places in races.
        deaths: season and driver, with the round after which they drive no more.
    """

    races: list[Race]
    calendar: dict[int, list[Round]]
    rules: dict[int, Rules]
    standings: dict[tuple[int, int], list[Standing]]
    results: dict[int, list[tuple[int, int, float]]]
    places: dict[int, list[tuple[int, int, int]]]
    deaths: dict[tuple[int, int], int]


def read(connection: duckdb.DuckDBPyConnection) -> Seasons:
    """Read what the odds need from an open warehouse."""

    def rows(sql: str) -> list[Any]:
        return connection.execute(sql).fetchall()

    # A driver who drove two cars counts with the better one.
    races: dict[tuple[int, int], Race] = {}
    for season, number, driver, constructor, classified in rows("""
        select season, round, driver_id, constructor_id, is_classified from marts.fct_race_results
        where is_started order by season, round, is_classified desc, position_order, result_id"""):
        race = races.setdefault((season, number), Race(season, number, [], [], []))
        if driver not in race.drivers:
            race.drivers.append(driver)
            race.constructors.append(constructor)
            race.classified.append(classified)

    calendar: dict[int, list[Round]] = {}
    for season, *row in rows("""
        select season, round, is_sprint_weekend,
            case when is_factor_known_before then points_factor else 1 end::double,
            is_fastest_lap_scored or not is_factor_known_before
        from intermediate.int_championship__races order by season, round"""):
        calendar.setdefault(season, []).append(Round(*row))

    points: dict[str, dict[str, list[float]]] = {}
    for system, session, value in rows("""
        select points_system, session_type, points::double from seeds.points_by_position
        order by points_system, session_type, position"""):
        points.setdefault(system, {}).setdefault(session, []).append(value)
    parts: dict[int, list[tuple[int, int, int]]] = {}
    for season, *part in rows("""
        select season, from_round, to_round, best_results from seeds.counted_results
        where championship in ('both', 'drivers')"""):
        parts.setdefault(season, []).append((part[0], part[1], part[2]))
    rules = {
        season: Rules(points[system], of_lap, within, parts.get(season, []))
        for season, system, of_lap, within in rows("""
            select season, points_system, fastest_lap_points::double, fastest_lap_within_position
            from intermediate.int_championship__rules
            inner join seeds.points_systems using (points_system) where championship = 'drivers'""")
    }

    standings: dict[tuple[int, int], list[Standing]] = {}
    for season, number, *row in rows("""
        select season, round, driver_id, points_counted::double, points_adjustment::double,
            is_title_possible, is_champion
        from marts.fct_driver_championship order by season, round, championship_position, driver_id"""):
        standings.setdefault((season, number), []).append(Standing(*row))
    results: dict[int, list[tuple[int, int, float]]] = {}
    for season, *result in rows("""
        select season, round, competitor_id, points_computed::double
        from intermediate.int_championship__result_points
        where championship = 'drivers' and is_scoring and points_computed > 0 order by round, result_id"""):
        results.setdefault(season, []).append((result[0], result[1], result[2]))
    places: dict[int, list[tuple[int, int, int]]] = {}
    for season, *place in rows(f"""
        select season, round, driver_id, countback_position from intermediate.int_championship__places
        where session_type = 'race' and countback_position <= {PLACES_COMPARED}"""):
        places.setdefault(season, []).append((place[0], place[1], place[2]))
    deaths = rows("""
        select season, driver_id, after_round from seeds.driver_deaths
        inner join marts.dim_drivers using (driver_ref)""")
    return Seasons(
        races=[races[key] for key in sorted(races)],
        calendar=calendar,
        rules=rules,
        standings=standings,
        results=results,
        places=places,
        deaths={(season, driver): after for season, driver, after in deaths},
    )


def odds(
    seasons: Seasons,
    ratings: Ratings,
    season: int,
    after_round: int,
    *,
    simulations: int = SIMULATIONS,
    seed: int = SEED,
) -> Array:
    """The chance of each driver in the table to become champion: 0 if they cannot any more, else above 0.

    Args:
        ratings: those after the round.
        after_round: 0 before the first one.
    """
    can_win = np.array([standing.can_win for standing in seasons.standings[season, after_round]])
    if can_win.sum() == 1:
        return can_win.astype(float)
    champions = simulate(seasons, ratings, season, after_round, simulations, seed)
    titles = np.bincount(champions, minlength=len(can_win)) / simulations
    return np.where(can_win, (1 - SHARE_OF_SURPRISES) * titles + SHARE_OF_SURPRISES / can_win.sum(), 0.0)


def simulate(
    seasons: Seasons, ratings: Ratings, season: int, after_round: int, simulations: int, seed: int
) -> Any:
    """Drive the rest of the season many times.

    Returns:
        The champion of each simulation, as a place in the table after the round.
    """
    random = np.random.default_rng([seed, season, after_round])
    rules, table = seasons.rules[season], seasons.standings[season, after_round]
    cars = entrants(seasons, season, after_round)
    column = {standing.driver_id: place for place, standing in enumerate(table)}
    columns = [column[driver] for driver in cars]
    rounds = [each for each in seasons.calendar[season] if each.round > after_round]

    # The strengths are drawn once for each simulation: they are not known exactly, and stay for the season.
    mean, covariance, drift = ratings.beliefs(cars)
    strengths = random.multivariate_normal(mean, covariance, size=simulations, method="eigh")
    constructors = sorted(set(cars.values()))
    rates = ratings.draw_failure_rates(constructors, simulations, random)
    rates = rates[:, [constructors.index(each) for each in cars.values()]]

    points: dict[tuple[int, int, int] | None, list[Array]] = {}
    places = np.zeros((simulations, len(table), PLACES_COMPARED))
    for each in rounds:
        strengths = strengths + random.multivariate_normal(
            np.zeros(len(cars)), drift, size=simulations, method="eigh"
        )
        sessions = [("sprint", SPRINT_DISTANCE, 1.0)] if each.has_sprint else []
        for session, distance, factor in [*sessions, ("race", 1.0, each.points_factor)]:
            place = drive(strengths, ratings.chance, rates * distance, random)
            scored = factor * lookup(rules.points.get(session, []), place)
            if session == "race":
                if rules.fastest_lap_points and each.is_fastest_lap_scored:
                    scored += rules.fastest_lap_points * fastest_laps(strengths, place, rules, random)
                for compared in range(PLACES_COMPARED):
                    places[:, columns, compared] += place == compared
            points.setdefault(rules.part_of(each.round), []).append(scored)

    total = count(seasons, season, after_round, points, columns, simulations)
    for number, driver, position in seasons.places.get(season, []):
        if number <= after_round:
            places[:, column[driver], position - 1] += 1
    # One number for each driver, which compares as points, then wins, seconds and so on. The last step
    # among equals is the order of the present table: argmax takes the first.
    rank = np.rint(total * 100)
    for compared in range(PLACES_COMPARED):
        rank = rank * MOST_RACES + places[:, :, compared]
    rank[:, [not standing.can_win for standing in table]] = -np.inf
    return rank.argmax(axis=1)


def entrants(seasons: Seasons, season: int, after_round: int) -> dict[int, int]:
    """The drivers who are expected in the races to come, each with the constructor of their last race.

    Before the first race of a season they are those of the last race of all.
    """
    before = [race for race in seasons.races if (race.season, race.round) <= (season, after_round)]
    of_season = [race for race in before[-RACES_TO_ENTER:] if race.season == season]
    latest = {
        driver: constructor
        for race in of_season or before[-1:]
        for driver, constructor in zip(race.drivers, race.constructors, strict=True)
    }
    # A round later than any stands for who is alive.
    return {
        driver: constructor
        for driver, constructor in latest.items()
        if after_round < seasons.deaths.get((season, driver), MOST_RACES)
    }


def drive(strengths: Array, chance: float, rates: Array, random: Any) -> Any:
    """The places of one session, from 0. Cars that are not classified have the place after the last one."""
    performance = strengths + chance * random.standard_normal(strengths.shape)
    performance[random.random(strengths.shape) < rates] = -np.inf
    order = np.argsort(-performance, axis=1)
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(strengths.shape[1])[None, :], axis=1)
    place[np.isneginf(performance)] = strengths.shape[1]
    return place


def lookup(points: list[float], place: Any) -> Array:
    """The points of places; a place that the list does not reach has none."""
    table = np.zeros(max(place.shape[1] + 1, len(points)))
    table[: len(points)] = points
    table[place.shape[1]] = 0  # not classified
    found: Array = table[place]
    return found


def fastest_laps(strengths: Array, place: Any, rules: Rules, random: Any) -> Any:
    """Whether each car has the point for the fastest lap: any car may drive it, a fast one more often."""
    fastest = (strengths + random.standard_normal(strengths.shape)).argmax(axis=1)
    got = np.arange(strengths.shape[1])[None, :] == fastest[:, None]
    return got if rules.fastest_lap_within is None else got & (place < rules.fastest_lap_within)


def count(
    seasons: Seasons,
    season: int,
    after_round: int,
    points: dict[tuple[int, int, int] | None, list[Array]],
    columns: list[int],
    simulations: int,
) -> Array:
    """The points that count at the end: of each part of the season the best results, driven or simulated.

    Args:
        points: the simulated sessions of each part, simulations by cars.
        columns: the place in the table of each car.
    """
    rules, table = seasons.rules[season], seasons.standings[season, after_round]
    column = {standing.driver_id: place for place, standing in enumerate(table)}
    driven: dict[tuple[int, int, int] | None, dict[int, list[float]]] = {}
    for number, driver, scored in seasons.results.get(season, []):
        if number <= after_round:
            part = driven.setdefault(rules.part_of(number), {})
            part.setdefault(column[driver], []).append(scored)
    total = np.zeros((simulations, len(table))) + [standing.adjustment for standing in table]
    for key in {*driven, *points}:
        before, to_come = driven.get(key, {}), points.get(key, [])
        most = max(map(len, before.values()), default=0)
        results = np.zeros((simulations, len(table), most + len(to_come)))
        for place, values in before.items():
            results[:, place, : len(values)] = values
        for session, scored in enumerate(to_come):
            results[:, columns, most + session] = scored
        if key is not None and results.shape[2] > key[2]:
            results = np.partition(results, -key[2], axis=2)[:, :, -key[2] :]
        total += results.sum(axis=2)
    return total


def backtest(
    seasons: Seasons, first: int = FIRST_TESTED, last: int = LAST_TESTED, *, simulations: int = SIMULATIONS
) -> pl.DataFrame:
    """The odds at MOMENTS of finished seasons, as they would have been then.

    Returns:
        One row per season, moment and driver: `season`, `after_round`, `driver_id`, `probability`, `moment`,
        `is_champion`. No rows if none of the seasons is finished.
    """
    moments: dict[tuple[int, int], list[float]] = {}
    for season in range(first, last + 1):
        rounds = [race.round for race in seasons.races if race.season == season]
        if rounds and any(standing.is_champion for standing in seasons.standings[season, rounds[-1]]):
            for moment in MOMENTS:
                driven = max(1, int(len(rounds) * moment + 0.5))
                moments.setdefault((season, rounds[driven - 1]), []).append(moment)
    ratings = Ratings()
    rows: list[tuple[int, int, int, float, float, bool]] = []
    for race in seasons.races:
        ratings.update(race)
        key = race.season, race.round
        if key in moments:
            found = odds(seasons, ratings, *key, simulations=simulations).tolist()
            rows += [
                (*key, standing.driver_id, chance, moment, standing.is_champion)
                for moment in moments[key]
                for standing, chance in zip(seasons.standings[key], found, strict=True)
            ]
    return pl.DataFrame(rows, {**ODDS, "moment": pl.Float64, "is_champion": pl.Boolean}, orient="row")


def test(data: Path) -> pl.DataFrame:
    """The backtest of a warehouse beside its baseline.

    Returns:
        The columns of `backtest`, and `baseline`. No rows if no season can be tested.

    Raises:
        PlainError: there is no warehouse, or it has no tables for this.
    """
    with open_warehouse(data) as connection:
        tested = backtest(read(connection))
        races = frame(connection, RACES)
        baselines = frame(
            connection,
            """
            select season, round, driver_id, probability::double as baseline
            from marts.fct_baseline_predictions where target = 'title'""",
        )
    return (
        tested.join(races.select("season", "round", "after_round"), on=["season", "after_round"])
        .join(baselines, on=["season", "round", "driver_id"])
        .drop("round")
    )


def scores(tested: pl.DataFrame) -> pl.DataFrame:
    """The log loss of the odds and of the baseline at each moment, and over all (`moment` is NULL).

    The log loss is that of the champion. `better_by` is the difference. Both have an interval over seasons.
    `worst_bin` is the largest distance between the odds of a bin and the share that became champion.
    Chance adds to it, so most of its interval is above it.

    Args:
        tested: `season`, `moment`, `probability`, `baseline`, `is_champion`.

    Returns:
        `moment`, `seasons`, `log_loss`, `log_loss_low`, `log_loss_high`, `baseline_log_loss`, `better_by`,
        `better_by_low`, `better_by_high`, `worst_bin`, `worst_bin_low`, `worst_bin_high`.
    """
    rows = []
    for moment in (*MOMENTS, None):
        chosen = tested if moment is None else tested.filter(moment=moment)
        champions = chosen.filter("is_champion")
        ours, theirs = (
            log_losses(champions[column].to_numpy(), np.ones(champions.height))
            for column in ("probability", "baseline")
        )
        seasons = (
            champions.select("season", loss=pl.Series(ours), better=pl.Series(theirs - ours))
            .group_by("season")
            .agg(pl.col("loss", "better").sum(), count=pl.len())
            .sort("season")
        )
        loss, better, count = (seasons[name].to_numpy() for name in ("loss", "better", "count"))
        loss_low, loss_high = interval(resampled_means(loss, count))
        low, high = interval(resampled_means(better, count))
        bins = calibration(chosen)
        possible = chosen.filter(pl.col("probability") > 0)
        worst_low, worst_high = interval(
            resampled_worst_bins(
                possible["probability"].to_numpy(),
                possible["is_champion"].cast(pl.Float64).to_numpy(),
                possible["season"].to_numpy(),
                BINS,
            )
        )
        rows.append(
            {
                "moment": moment,
                "seasons": seasons.height,
                "log_loss": float(ours.mean()),
                "log_loss_low": loss_low,
                "log_loss_high": loss_high,
                "baseline_log_loss": float(theirs.mean()),
                "better_by": float((theirs - ours).mean()),
                "better_by_low": low,
                "better_by_high": high,
                "worst_bin": (bins["probability"] - bins["champions"]).abs().max(),
                "worst_bin_low": worst_low,
                "worst_bin_high": worst_high,
            }
        )
    return pl.DataFrame(rows)


def calibration(tested: pl.DataFrame) -> pl.DataFrame:
    """How often drivers became champion, by bins of their odds. Drivers who cannot win are left out.

    Returns:
        `bin` from 1, `drivers`, `probability` (the mean of the odds), `champions` (the share that won).
    """
    return (
        tested.filter(pl.col("probability") > 0)
        .group_by(bin=(pl.col("probability") * BINS).floor().cast(pl.Int32).clip(0, BINS - 1) + 1)
        .agg(
            drivers=pl.len(),
            probability=pl.col("probability").mean(),
            champions=pl.col("is_champion").mean(),
        )
        .sort("bin")
    )


def forecast_rows(data: Path, season: int, round_: int, *, version: str, predicted_at: str) -> pl.DataFrame:
    """The odds of the title before the next race, as rows of the ledger.

    Returns:
        The columns of the ledger, the best odds first. No rows if another race is the next one.

    Raises:
        PlainError: there is no warehouse, or it has no tables for this.
    """
    with open_warehouse(data) as connection:
        seasons = read(connection)
        found = forecast(seasons, season, round_)
        return ledger_rows(connection, found, version, predicted_at, is_backtest=False)


def forecast(seasons: Seasons, season: int, round_: int) -> pl.DataFrame:
    """The odds before the next race: `season`, `after_round`, `driver_id`, `probability`.

    No rows if another race is the next one, or if no race was held yet.
    """
    last = max(((race.season, race.round) for race in seasons.races), default=(0, 0))
    calendar = [(year, each.round) for year, rounds in seasons.calendar.items() for each in rounds]
    rows: list[tuple[int, int, int, float]] = []
    coming = min((race for race in calendar if race > last), default=None)
    if seasons.races and coming == (season, round_):
        ratings = Ratings()
        for race in seasons.races:
            ratings.update(race)
        after_round = last[1]
        if last[0] < season:
            after_round = 0
            ratings.begin(season)
            # There is no table yet: all entrants are without points, and can win.
            opening = [Standing(driver, 0, 0, True, False) for driver in entrants(seasons, season, 0)]
            seasons = seasons._replace(standings={(season, 0): opening})
        chances = odds(seasons, ratings, season, after_round).tolist()
        rows = [
            (season, after_round, standing.driver_id, chance)
            for standing, chance in zip(seasons.standings[season, after_round], chances, strict=True)
        ]
    return pl.DataFrame(rows, ODDS, orient="row")


def backtest_rows(
    data: Path, *, version: str, predicted_at: str, tested: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The odds of the backtest, as rows of the ledger.

    Args:
        tested: what `test` returns, if it is known.

    Raises:
        PlainError: there is no warehouse, or it has no tables for this.
    """
    found = test(data) if tested is None else tested
    with open_warehouse(data) as connection:
        return ledger_rows(connection, found, version, predicted_at, is_backtest=True)


def ledger_rows(
    connection: duckdb.DuckDBPyConnection,
    found: pl.DataFrame,
    version: str,
    predicted_at: str,
    *,
    is_backtest: bool,
) -> pl.DataFrame:
    """Odds as rows of the ledger. They belong to the race after the round."""
    races = frame(connection, RACES)
    drivers = frame(connection, "select driver_id, driver_ref from marts.dim_drivers")
    return (
        found.unique(["season", "after_round", "driver_id"], maintain_order=True)
        .join(races, on=["season", "after_round"])
        .join(drivers, on="driver_id")
        .with_columns(
            known_at=pl.lit("before_weekend"),
            target=pl.lit("title"),
            model=pl.lit(MODEL),
            model_version=pl.lit(version),
            predicted_at=pl.lit(predicted_at),
            is_backtest=pl.lit(is_backtest),
        )
        .select(
            pl.col(name).cast(pl.Float64 if name == "probability" else dtype)
            for name, dtype in ledger.SCHEMA.items()
        )
        .sort("season", "round", "probability", "driver_ref", descending=[False, False, True, False])
    )
