"""Title odds: the races that are left of a season are simulated many times, under the season's own rules.

All rules come from the warehouse: points for each place, in races and sprints, the fastest lap, races that
score double, how many results count, and who can still win. Only what was known after the round is used:
that a race was stopped and scored half was not known before it.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import duckdb
import numpy as np
import polars as pl

from pitwall.command import PlainError
from pitwall.prediction.ratings import Array, Race, Ratings
from pitwall.prediction.tables import frame

MODEL = "title_simulation"  # its name in the ledger

# Chosen on the seasons 1962 to 1990, as the constants of the ratings.
SIMULATIONS = 4000
SEED = 1
SEASONS_BEFORE = 8  # results that ratings learn from; with more of them nothing changes
RACES_TO_ENTER = 2  # who drove in one of the last races is expected to drive in the next ones
SHARE_OF_SURPRISES = 0.01  # shared equally by all who can still win: what the simulation does not know of
SPRINT_DISTANCE = 1 / 3  # of a race, and so many of its cars fail
# Countback: a place counts more than any number of the next one.
PLACES_COMPARED = 3
MOST_RACES = 128

# The moments at which the odds are tested, as parts of a season.
MOMENTS = (0.25, 0.5, 0.75)
FIRST_TESTED, LAST_TESTED = 1991, 2024
# The baseline's scales, in wins. One is chosen for each season, on all seasons before it.
SCALES = np.geomspace(0.1, 4, 40)
CALIBRATION_BINS = 5
RESAMPLES = 2000
SMALLEST = 1e-6


class Round(NamedTuple):
    """A race of the calendar, as it was known beforehand."""

    round: int
    has_sprint: bool
    points_factor: float
    is_fastest_lap_scored: bool


class Standing(NamedTuple):
    """A row of the drivers' championship after a round."""

    driver_id: int
    driver_name: str
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
        select season, round, driver_id, driver_name, points_counted::double, points_adjustment::double,
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
    seasons: Seasons, season: int, after_round: int, *, simulations: int = SIMULATIONS, seed: int = SEED
) -> pl.DataFrame:
    """The chance of each driver in the table to become champion.

    Returns:
        `driver_id`, `driver_name`, `probability`: 0 if the driver cannot win any more, else above 0.

    Raises:
        PlainError: the season has no table after this round.
    """
    check_table(seasons, season, after_round)
    for race, ratings in rated(seasons, season):
        if race.round == after_round:
            return odds_from(seasons, ratings, season, after_round, simulations, seed)
    raise PlainError(f"season {season}: round {after_round} has no car that started, so there are no odds")


def check_table(seasons: Seasons, season: int, after_round: int) -> None:
    """Raise PlainError if there is no championship table after the round."""
    if (season, after_round) in seasons.standings:
        return
    rounds = [number for year, number in seasons.standings if year == season]
    if not rounds:
        raise PlainError(f"season {season}: has no race with results, so there are no odds for its title")
    raise PlainError(
        f"season {season}: has no championship table after round {after_round}; "
        f"name a round from {min(rounds)} to {max(rounds)}"
    )


def rated(seasons: Seasons, season: int) -> Iterator[tuple[Race, Ratings]]:
    """The races of a season, each with the ratings after it. The ratings change with the next one."""
    ratings = Ratings()
    for race in seasons.races:
        if season - SEASONS_BEFORE <= race.season <= season:
            ratings.update(race)
            if race.season == season:
                yield race, ratings


def odds_from(
    seasons: Seasons, ratings: Ratings, season: int, after_round: int, simulations: int, seed: int
) -> pl.DataFrame:
    """The odds after a round, from the ratings after it."""
    table = seasons.standings[season, after_round]
    can_win = np.array([standing.can_win for standing in table])
    titles = np.zeros(len(table))
    if can_win.sum() > 1:
        champions = simulate(seasons, ratings, season, after_round, simulations, seed)
        titles = np.bincount(champions, minlength=len(table)) / simulations
        titles = (1 - SHARE_OF_SURPRISES) * titles + SHARE_OF_SURPRISES / can_win.sum()
    probability = np.where(can_win, titles if can_win.sum() > 1 else 1.0, 0.0)
    return pl.DataFrame(
        {
            "driver_id": [standing.driver_id for standing in table],
            "driver_name": [standing.driver_name for standing in table],
            "probability": probability,
        }
    )


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
    """The drivers who are expected in the races to come, each with the constructor of their last race."""
    first = after_round - RACES_TO_ENTER
    latest = {
        driver: constructor
        for race in seasons.races
        if race.season == season and first < race.round <= after_round
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
    seasons: Seasons,
    first: int = FIRST_TESTED,
    last: int = LAST_TESTED,
    *,
    simulations: int = SIMULATIONS,
    seed: int = SEED,
) -> pl.DataFrame:
    """The odds at MOMENTS of finished seasons, as they would have been then, beside those of the baseline.

    The baseline is a softmax of points gaps among those who can still win: the gap to the leader in wins,
    divided by the scale that was best on all seasons before.

    Returns:
        One row per season, moment and driver: `season`, `moment`, `after_round`, `driver_id`, `driver_name`,
        `probability`, `baseline`, `is_champion`.

    Raises:
        PlainError: one of the seasons has no champion yet.
    """
    frames = []
    loss, tested = np.zeros(len(SCALES)), 0
    for season in sorted({year for year, _ in seasons.standings if year <= last}):
        rounds = moments(seasons, season)
        losses = np.array([baseline_losses(seasons, season, each) for each in rounds])
        if season >= first:
            if not np.isfinite(losses).all():
                raise PlainError(f"season {season}: has no champion yet; test earlier seasons")
            scale = SCALES[loss.argmin()]
            found = {
                race.round: odds_from(seasons, ratings, season, race.round, simulations, seed)
                for race, ratings in rated(seasons, season)
                if race.round in rounds
            }
            frames += [
                found[after_round].with_columns(
                    season=pl.lit(season, pl.Int32),
                    moment=pl.lit(moment),
                    after_round=pl.lit(after_round, pl.Int32),
                    baseline=pl.Series(baseline(seasons, season, after_round, scale)),
                    is_champion=pl.Series(
                        [each.is_champion for each in seasons.standings[season, after_round]]
                    ),
                )
                for moment, after_round in zip(MOMENTS, rounds, strict=True)
            ]
            tested += 1
        if np.isfinite(losses).all():
            loss += losses.sum(axis=0)
    if not tested:
        raise PlainError(f"seasons {first} to {last}: none of them is in the warehouse")
    columns = ("season", "moment", "after_round", "driver_id", "driver_name")
    return pl.concat(frames).select(*columns, "probability", "baseline", "is_champion")


def moments(seasons: Seasons, season: int) -> list[int]:
    """The rounds of a season after which the odds are tested: the nearest to each part of MOMENTS."""
    last = max(each.round for each in seasons.calendar[season])
    return [max(1, int(last * moment + 0.5)) for moment in MOMENTS]


def champions(seasons: Seasons, season: int, after_round: int) -> list[bool]:
    """Whether each driver of the table becomes champion."""
    return [standing.is_champion for standing in seasons.standings.get((season, after_round), [])]


def baseline(seasons: Seasons, season: int, after_round: int, scale: float) -> Array:
    """The softmax of points gaps, in the order of the table."""
    table = seasons.standings[season, after_round]
    wins = np.array([standing.points for standing in table]) / seasons.rules[season].points["race"][0]
    weights = np.where([standing.can_win for standing in table], np.exp((wins - wins.max()) / scale), 0)
    shares: Array = weights / weights.sum()
    return shares


def baseline_losses(seasons: Seasons, season: int, after_round: int) -> list[float]:
    """The baseline's log loss with each of SCALES; infinite if the season has no champion yet."""
    is_champion = champions(seasons, season, after_round)
    if not any(is_champion):
        return [float("inf")] * len(SCALES)
    place = is_champion.index(True)
    return [log_loss(baseline(seasons, season, after_round, scale)[place]) for scale in SCALES]


def log_loss(chance: float) -> float:
    """Minus the logarithm of the chance that was given to what happened, of at least one in a million."""
    return float(-np.log(max(chance, SMALLEST)))


def scores(tested: pl.DataFrame) -> pl.DataFrame:
    """The log loss of the odds and of the baseline at each moment, and over all (`moment` is NULL).

    The log loss is the mean of -log p of the champion. `better_by` is the difference, with the interval that
    holds 95 % of the means of seasons drawn at random from them.

    Returns:
        `moment`, `seasons`, `log_loss`, `baseline_log_loss`, `better_by`, `better_by_low`, `better_by_high`.
    """
    losses = tested.filter("is_champion").select(
        "season",
        "moment",
        pl.col("probability", "baseline").clip(SMALLEST).log() * -1,
    )
    rows = []
    for moment in (*MOMENTS, None):
        chosen = losses if moment is None else losses.filter(moment=moment)
        seasons = chosen.group_by("season").agg(pl.col("probability", "baseline").mean()).sort("season")
        better = (seasons["baseline"] - seasons["probability"]).to_numpy()
        random = np.random.default_rng(SEED)
        means = random.choice(better, (RESAMPLES, len(better))).mean(axis=1)
        low, high = np.quantile(means, (0.025, 0.975))
        loss, other = seasons["probability"].to_numpy().mean(), seasons["baseline"].to_numpy().mean()
        rows.append((moment, seasons.height, *map(float, (loss, other, better.mean(), low, high))))
    names = [
        "moment",
        "seasons",
        "log_loss",
        "baseline_log_loss",
        "better_by",
        "better_by_low",
        "better_by_high",
    ]
    return pl.DataFrame(rows, names, orient="row")


def calibration(tested: pl.DataFrame) -> pl.DataFrame:
    """How often drivers became champion, by bins of their odds. Drivers who cannot win are left out.

    Returns:
        `bin` from 1, `drivers`, `probability` (the mean of the odds), `champions` (the share that won).
    """
    return (
        tested.filter(pl.col("probability") > 0)
        .with_columns(
            bin=(pl.col("probability") * CALIBRATION_BINS)
            .floor()
            .cast(pl.Int32)
            .clip(0, CALIBRATION_BINS - 1)
            + 1
        )
        .group_by("bin")
        .agg(
            drivers=pl.len(),
            probability=pl.col("probability").mean(),
            champions=pl.col("is_champion").mean(),
        )
        .sort("bin")
    )


def forecast(seasons: Seasons, *, simulations: int = SIMULATIONS, seed: int = SEED) -> pl.DataFrame:
    """The odds of the season under way after its last race: the columns of `odds`, `season`, `after_round`.

    Raises:
        PlainError: no season is under way: the last one is over, or has not begun.
    """
    season = max(seasons.calendar, default=0)
    after_round = max((number for year, number in seasons.standings if year == season), default=0)
    if not after_round or after_round == seasons.calendar[season][-1].round:
        raise PlainError(
            f"season {season}: {'is over' if after_round else 'has not begun'}, so there are no odds"
        )
    found = odds(seasons, season, after_round, simulations=simulations, seed=seed)
    return found.with_columns(season=pl.lit(season, pl.Int32), after_round=pl.lit(after_round, pl.Int32))


def ledger_rows(
    connection: duckdb.DuckDBPyConnection,
    found: pl.DataFrame,
    *,
    version: str,
    predicted_at: str,
    is_backtest: bool,
) -> pl.DataFrame:
    """Rows of the ledger from `forecast` or `backtest`. They belong to the next race of the season."""
    races = frame(
        connection,
        """
        select season, round, race_date, circuit_ref
        from marts.dim_races inner join marts.dim_circuits using (circuit_id)""",
    ).with_columns(pl.col("season", "round").cast(pl.Int32))
    drivers = frame(connection, "select driver_id, driver_ref from marts.dim_drivers")
    last = races.select("season", after_round="round", trained_through="race_date")
    coming = races.select("season", "round", "circuit_ref")
    return (
        found.join(last, on=["season", "after_round"])
        .with_columns(round=pl.col("after_round") + 1)
        .join(coming, on=["season", "round"])
        .join(drivers, on="driver_id")
        .select(
            "season",
            "round",
            "circuit_ref",
            "driver_ref",
            "probability",
            "trained_through",
            known_at=pl.lit("before_weekend"),
            target=pl.lit("title"),
            model=pl.lit(MODEL),
            model_version=pl.lit(version),
            predicted_at=pl.lit(predicted_at),
            is_backtest=pl.lit(is_backtest),
        )
        .unique(["season", "round", "driver_ref"], maintain_order=True)
    )
