"""Title odds: every rule of a season counts, and nothing that was not known after the round."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

pytest.importorskip("numpy")

import numpy as np

from pitwall.prediction import bars, ledger, title
from pitwall.prediction.ratings import Race, Ratings, performances
from pitwall.prediction.title import Round, Rules, Seasons, Standing

pytestmark = pytest.mark.extra

A, B, C, D = 1, 2, 3, 4
TEAMS = {A: 10, B: 20, C: 30, D: 40}
FEW = 400


def race(number: int, order: str = "ABCD", out: str = "", season: int = 2000) -> Race:
    """A race with this finishing order; those who are `out` were not classified."""
    drivers = [globals()[name] for name in order]
    return Race(
        season, number, drivers, [TEAMS[each] for each in drivers], [name not in out for name in order]
    )


def standing(driver: int, points: float, can_win: bool = True, adjustment: float = 0.0) -> Standing:
    return Standing(driver, points, adjustment, can_win, driver == A)


def season_of(
    table: list[Standing],
    left: list[Round],
    results: list[tuple[int, int, float]],
    rules: Rules | None = None,
    **others: Any,
) -> Seasons:
    """A season 2000 with one race driven, in the order A B C D. Who is not in the table cannot win."""
    table = [
        *table,
        *(standing(each, 0, can_win=False) for each in TEAMS if each not in {row[0] for row in table}),
    ]
    found = Seasons(
        races=[race(1)],
        calendar={2000: [Round(1, False, 1.0, True), *left]},
        rules={2000: rules or Rules({"race": [10.0, 6.0, 4.0, 3.0]}, 0.0, None, [])},
        standings={(2000, 1): table},
        results={2000: results},
        places={},
        deaths={},
    )
    return found._replace(**others)


def probabilities(seasons: Seasons, after_round: int = 1, **options: Any) -> dict[int, float]:
    """The odds in season 2000, by driver."""
    ratings = Ratings()
    for each in seasons.races:
        ratings.update(each)
    found = title.odds(seasons, ratings, 2000, after_round, **{"simulations": FEW, **options})
    drivers = [standing.driver_id for standing in seasons.standings[2000, after_round]]
    return dict(zip(drivers, found.tolist(), strict=True))


def next_race(number: int = 2, *, sprint: bool = False, factor: float = 1.0, fastest: bool = True) -> Round:
    return Round(number, sprint, factor, fastest)


# Who can win


def test_the_odds_sum_to_one_and_who_can_win_has_some() -> None:
    """D would have to win 9 races out of 9 in a field that D is the slowest of."""
    table = [standing(A, 80), standing(B, 60), standing(C, 40), standing(D, 0), standing(5, 0)]
    results = [(1, A, 80.0), (1, B, 60.0), (1, C, 40.0)]
    found = probabilities(season_of(table, [next_race(each) for each in range(2, 11)], results))
    assert sum(found.values()) == pytest.approx(1)
    assert min(found.values()) > 0
    assert found[A] > found[B] > found[C] > found[D]


def test_who_cannot_win_has_none() -> None:
    """By the points B could still win: the mart knows why not."""
    table = [standing(A, 10), standing(B, 6, can_win=False), standing(C, 4), standing(D, 3)]
    found = probabilities(
        season_of(table, [next_race()], [(1, A, 10.0), (1, B, 6.0), (1, C, 4.0), (1, D, 3.0)])
    )
    assert found[B] == 0
    assert sum(found.values()) == pytest.approx(1)


def test_a_decided_season_is_certain() -> None:
    table = [standing(A, 50), standing(B, 6, can_win=False)]
    found = probabilities(season_of(table, [next_race()], [(1, A, 50.0), (1, B, 6.0)]))
    assert found == {A: 1, B: 0, C: 0, D: 0}


# The rules of the season


def test_a_part_of_the_season_counts_its_best_results_only() -> None:
    """A has more points in all, and B more of those that count."""
    table = [standing(A, 10), standing(B, 10)]
    results = [(1, A, 5.0), (1, A, 5.0), (1, A, 5.0), (1, A, 5.0), (1, B, 9.0), (1, B, 9.0)]
    rules = Rules({"race": [1.0]}, 0.0, None, [(1, 9, 2)])
    assert probabilities(season_of(table, [], results, rules))[B] > 0.98
    every = rules._replace(parts=[])
    assert probabilities(season_of(table, [], results, every))[A] > 0.98


def test_a_result_to_come_replaces_one_that_counts() -> None:
    """A win brings A one point more, not ten: only the best result counts."""
    table = [standing(A, 9), standing(B, 9.5)]
    rules = Rules({"race": [10.0]}, 0.0, None, [(1, 1, 1), (2, 9, 1)])
    results = [(1, A, 9.0), (1, B, 9.5)]
    seasons = season_of(table, [next_race()], results, rules)
    columns, scored = [0, 1], np.array([[10.0, 0.0], [0.0, 10.0]])
    apart = title.count(seasons, 2000, 1, {rules.part_of(2): [scored]}, columns, 2)
    assert apart[:, :2].tolist() == [[19.0, 9.5], [9.0, 19.5]]
    together = seasons._replace(rules={2000: rules._replace(parts=[(1, 9, 1)])})
    both = title.count(together, 2000, 1, {(1, 9, 1): [scored]}, columns, 2)
    assert both[:, :2].tolist() == [[10.0, 9.5], [9.0, 10.0]]


def behind(gap: float, left: Round, rules: Rules) -> float:
    """The odds of B, who is behind A by so many points before the last race."""
    table = [standing(A, 100 + gap), standing(B, 100)]
    return probabilities(season_of(table, [left], [(1, A, 100.0 + gap), (1, B, 100.0)], rules))[B]


def test_sprints_count() -> None:
    rules = Rules({"race": [1.0], "sprint": [8.0]}, 0.0, None, [])
    assert behind(5, next_race(sprint=True), rules) > 0.1
    assert behind(5, next_race(), rules) < 0.01


def test_a_race_with_double_points_counts_double() -> None:
    rules = Rules({"race": [4.0]}, 0.0, None, [])
    assert behind(5, next_race(factor=2), rules) > 0.1
    assert behind(5, next_race(), rules) < 0.01


def test_the_fastest_lap_counts_if_it_does() -> None:
    rules = Rules({"race": []}, 1.0, None, [])
    assert behind(0.5, next_race(), rules) > 0.1
    assert behind(0.5, next_race(fastest=False), rules) < 0.01
    assert behind(0.5, next_race(), rules._replace(fastest_lap_points=0.0)) < 0.01


def test_the_fastest_lap_counts_within_a_place_only() -> None:
    rules = Rules({"race": []}, 1.0, 1, [])
    strengths, place = np.array([[50.0, 0.0]]), np.array([[1, 0]])
    random = np.random.default_rng(1)
    assert title.fastest_laps(strengths, place, rules, random).tolist() == [[False, False]]
    assert title.fastest_laps(strengths, place, rules._replace(fastest_lap_within=2), random).any()


def test_points_that_were_deducted_stay_so() -> None:
    results = [(1, A, 20.0), (1, B, 15.0)]
    table = [standing(B, 15), standing(A, 10, adjustment=-10.0)]
    assert probabilities(season_of(table, [], results))[B] > 0.98


@pytest.mark.parametrize(
    ("places", "champion"),
    [
        ([(1, B, 1)], B),
        ([(1, A, 2), (1, B, 3), (1, B, 3)], A),
        ([(1, B, 2), (1, A, 1)], A),
        ([], A),
        ([(2, B, 1)], A),
    ],
)
def test_among_equal_points_the_better_places_win(places: list[tuple[int, int, int]], champion: int) -> None:
    table = [standing(A, 12), standing(B, 12)]
    seasons = season_of(table, [], [(1, A, 12.0), (1, B, 12.0)], places={2000: places})
    assert probabilities(seasons)[champion] > 0.98


def test_places_of_the_races_to_come_count_too() -> None:
    """Both points and places are level: only the race to come, in which none is scored, can decide."""
    table = [standing(A, 12), standing(B, 12)]
    rules = Rules({"race": []}, 0.0, None, [])
    found = probabilities(season_of(table, [next_race()], [(1, A, 12.0), (1, B, 12.0)], rules))
    assert found[B] > 0.1


# The simulation


def test_a_car_that_often_fails_has_lower_odds() -> None:
    table = [standing(A, 10), standing(B, 10)]
    left = [next_race(each) for each in range(21, 31)]
    results = [(1, A, 10.0), (1, B, 10.0)]
    found = []
    for out in ("", "A"):
        races = [
            race(each, "ABCD" if each % 2 else ("BCDA" if out else "ABCD"), out if each % 2 == 0 else "")
            for each in range(1, 21)
        ]
        seasons = season_of(table, left, results, races=races)
        seasons.standings[2000, 20] = seasons.standings[2000, 1]
        found.append(probabilities(seasons, 20)[A])
    assert found[0] > found[1] + 0.1


def test_cars_that_fail_have_no_place() -> None:
    """Even if no car is left to be the first."""
    random = np.random.default_rng(1)
    assert (title.drive(np.zeros((3, 4)), 1.0, np.ones((3, 4)), random) == 4).all()
    assert title.lookup([9.0, 6.0, 4.0, 3.0, 2.0, 1.0], np.array([[4, 4, 4, 0]])).tolist() == [[0, 0, 0, 9]]


def test_ratings_learn_from_the_seasons_before() -> None:
    table = [standing(A, 10), standing(B, 10)]
    left = [next_race(each) for each in range(2, 8)]
    seasons = season_of(table, left, [(1, A, 10.0), (1, B, 10.0)])
    before = [race(each, "BADC", season=1999) for each in range(1, 9)]
    assert probabilities(seasons._replace(races=[*before, race(1)]))[B] > probabilities(seasons)[B] + 0.05


def test_a_driver_who_died_drives_no_more() -> None:
    table = [standing(A, 10), standing(B, 6)]
    left = [next_race(each) for each in range(2, 8)]
    seasons = season_of(table, left, [(1, A, 10.0), (1, B, 6.0)], deaths={(2000, A): 1})
    assert probabilities(seasons)[A] < 0.05
    assert probabilities(seasons._replace(deaths={(2000, A): 2}))[A] > 0.5


def test_who_missed_the_last_race_is_expected_in_the_next() -> None:
    races = [race(1), race(2, "ACD"), race(3, "ACD")._replace(constructors=[20, 30, 40])]
    seasons = season_of([], [], [], races=races)
    assert title.entrants(seasons, 2000, 2) == TEAMS
    assert title.entrants(seasons, 2000, 3) == {A: 20, C: 30, D: 40}


def test_strengths_that_are_not_known_exactly_make_odds_less_sure(monkeypatch: pytest.MonkeyPatch) -> None:
    table = [standing(each, 10) for each in (A, B, C, D)]
    left = [next_race(each) for each in range(2, 20)]
    seasons = season_of(table, left, [(1, each, 10.0) for each in (A, B, C, D)])
    unsure = probabilities(seasons)[A]
    beliefs = Ratings.beliefs
    monkeypatch.setattr(
        Ratings,
        "beliefs",
        lambda self, cars: [part * scale for part, scale in zip(beliefs(self, cars), (1, 0, 0), strict=True)],
    )
    assert probabilities(seasons)[A] > unsure + 0.05


def test_the_same_seed_gives_the_same_odds() -> None:
    table = [standing(A, 10), standing(B, 6), standing(C, 4)]
    seasons = season_of(table, [next_race(2), next_race(3)], [(1, A, 10.0), (1, B, 6.0), (1, C, 4.0)])
    assert probabilities(seasons) == probabilities(seasons)
    assert probabilities(seasons) != probabilities(seasons, seed=2)


# Ratings


def test_ratings_learn_who_is_faster_and_from_whom_it_came() -> None:
    """B and C share a car: what B shows is partly the car's."""
    ratings = Ratings()
    for number in range(1, 6):
        ratings.update(Race(2000, number, [B, A, D], [20, 10, 40], [True] * 3))
    ratings.found("driver", C)
    mean, covariance, _ = ratings.beliefs({A: 10, B: 20, C: 20, D: 40})
    assert mean[1] > mean[2] > mean[0] > mean[3]
    assert covariance[1, 2] > 0.01
    assert covariance[2, 2] > covariance[1, 1]


def test_cars_that_were_not_classified_say_nothing_of_speed() -> None:
    ratings = Ratings()
    ratings.update(race(1, "ABCD", out="CD"))
    assert ratings.mean[ratings.index["driver", C]] == ratings.mean[ratings.index["driver", D]]
    rates = ratings.draw_failure_rates([10, 40], 500, np.random.default_rng(1)).mean(axis=0)
    assert rates[1] > rates[0]


def test_ratings_forget_who_no_longer_races() -> None:
    ratings = Ratings()
    for season in range(2000, 2004):
        ratings.update(race(1, "ABCD" if season == 2000 else "BCD", season=season))
    assert ("driver", A) not in ratings.index
    assert ("driver", B) in ratings.index


def test_a_season_makes_ratings_less_sure() -> None:
    ratings = Ratings()
    ratings.update(race(1))
    before = ratings.beliefs(TEAMS)[1].diagonal().copy()
    ratings.begin(2001)
    assert (ratings.beliefs(TEAMS)[1].diagonal() > before).all()


def test_chance_is_what_strengths_do_not_explain() -> None:
    """Races that always end alike leave little to chance, races in any order much."""
    random = np.random.default_rng(1)
    alike, any_order = Ratings(), Ratings()
    for number in range(60):
        alike.update(race(number))
        any_order.update(race(number, "".join(random.permutation(list("ABCD")))))
    assert alike.chance < 0.5 < any_order.chance


def test_performances_of_an_order_are_normal_scores() -> None:
    assert performances(3).round(3).tolist() == [0.967, 0.0, -0.967]


# The test of the odds


def finished(season: int, champion: int) -> dict[tuple[int, int], list[Standing]]:
    """Tables of a season of four rounds, in which A leads all the time."""
    return {
        (season, number): [
            Standing(each, points, 0.0, True, each == champion)
            for each, points in ((A, 10.0 * number), (B, 6.0 * number), (C, 4.0 * number), (D, 3.0 * number))
        ]
        for number in range(1, 5)
    }


def four_seasons(champions: list[int]) -> Seasons:
    """Seasons of four rounds from 2000 on."""
    years = range(2000, 2000 + len(champions))
    rules = Rules({"race": [10.0, 6.0, 4.0, 3.0]}, 0.0, None, [])
    standings: dict[tuple[int, int], list[Standing]] = {}
    for year, champion in zip(years, champions, strict=True):
        standings |= finished(year, champion)
    return Seasons(
        races=[race(number, season=year) for year in years for number in range(1, 5)],
        calendar={year: [next_race(number) for number in range(1, 5)] for year in years},
        rules=dict.fromkeys(years, rules),
        standings=standings,
        results={
            year: [(n, A, 10.0) for n in range(1, 5)] + [(n, B, 6.0) for n in range(1, 5)] for year in years
        },
        places={},
        deaths={},
    )


def test_the_test_is_taken_at_the_quarters_of_a_season() -> None:
    tested = title.backtest(four_seasons([A, A, B]), 2001, 2002, simulations=FEW)
    moments = tested.select("season", "moment", "after_round").unique(maintain_order=True).rows()
    assert moments == [(year, part, int(part * 4)) for year in (2001, 2002) for part in (0.25, 0.5, 0.75)]
    assert tested.filter("is_champion").select("season", "driver_id").unique(maintain_order=True).rows() == [
        (2001, A),
        (2002, B),
    ]


def test_only_races_that_were_held_make_up_a_season() -> None:
    """A race of the calendar was cancelled."""
    seasons = four_seasons([A])
    held = [each for each in seasons.races if each.round != 2]
    tested = title.backtest(seasons._replace(races=held), 2000, 2000, simulations=FEW)
    assert tested["after_round"].unique(maintain_order=True).to_list() == [1, 3]
    assert tested.select("moment", "after_round").unique(maintain_order=True).rows() == [
        (0.25, 1),
        (0.5, 3),
        (0.75, 3),
    ]


def test_what_came_later_is_not_used() -> None:
    """The champion and all races after the round are others: the odds are the same."""
    seasons = four_seasons([A, A])
    races = [
        each if each.round < 3 else race(each.round, "DCBA", season=each.season) for each in seasons.races
    ]
    later = seasons._replace(
        races=[
            each if each.season == 2001 else same for each, same in zip(races, seasons.races, strict=True)
        ],
        results={**seasons.results, 2001: [*seasons.results[2001], (3, C, 10.0), (4, C, 10.0)]},
        places={2001: [(3, C, 1), (4, C, 1)]},
        standings={**seasons.standings, **finished(2001, D), (2001, 3): [standing(C, 14)]},
    )
    odds, others = (
        title.backtest(each, 2001, 2001, simulations=FEW).filter(pl.col("after_round") <= 2)
        for each in (seasons, later)
    )
    assert others.height == odds.height == 8
    assert others["probability"].to_list() == odds["probability"].to_list()
    assert others["is_champion"].to_list() != odds["is_champion"].to_list()


def test_scores_are_those_of_the_champion() -> None:
    tested = pl.DataFrame(
        {
            "season": [2001, 2001, 2002, 2002] * 3,
            "moment": [0.25] * 4 + [0.5] * 4 + [0.75] * 4,
            "probability": [0.5, 0.5, 0.25, 0.75, 1.0, 0.0, 0.5, 0.5, 1.0, 0.0, 1.0, 0.0],
            "baseline": [0.5] * 12,
            "is_champion": [True, False] * 6,
        }
    )
    found = title.scores(tested)
    two = np.log(2)
    assert found["moment"].to_list() == [0.25, 0.5, 0.75, None]
    assert found["log_loss"].to_list() == pytest.approx([1.5 * two, two / 2, 0, 2 * two / 3], abs=2e-6)
    assert found["better_by"].to_list() == pytest.approx([-two / 2, two / 2, two, two / 3], abs=2e-6)
    assert (found["better_by_low"] <= found["better_by"]).all()
    assert (found["log_loss_low"] <= found["log_loss"]).all()
    assert (found["log_loss"] <= found["log_loss_high"]).all()
    bins = title.calibration(tested)
    assert found["worst_bin"].to_list() == [0.75, 0, 0, 0.75]
    # Who has no chance is in no bin.
    assert bins.rows() == [(2, 1, 0.25, 1.0), (3, 4, 0.5, 0.5), (4, 1, 0.75, 0.0), (5, 3, 1.0, 1.0)]


def test_a_season_that_is_not_finished_is_not_tested() -> None:
    tested = title.backtest(four_seasons([A, 0, B]), 1999, 2002, simulations=FEW)
    assert tested["season"].unique(maintain_order=True).to_list() == [2000, 2002]
    assert title.backtest(four_seasons([0]), simulations=FEW).is_empty()


# The next race


def test_the_odds_of_a_forecast_are_those_after_the_last_race() -> None:
    seasons = four_seasons([A, A, B])
    begun = seasons._replace(races=seasons.races[:10])
    found = title.forecast(begun, 2002, 3)
    tested = title.backtest(seasons, 2002, 2002).filter(after_round=2)
    assert found["after_round"].unique().to_list() == [2]
    assert found["probability"].to_list() == tested["probability"].to_list()


def test_only_the_next_race_has_a_forecast() -> None:
    seasons = four_seasons([A, A])
    begun = seasons._replace(races=seasons.races[:6])
    asked = [(1999, 1), (2001, 2), (2001, 3), (2001, 4), (2002, 1)]
    assert [title.forecast(begun, *race).height for race in asked] == [0, 0, 4, 0, 0]
    # The season is over, and no race was held yet.
    assert title.forecast(seasons, 2002, 1).is_empty()
    assert title.forecast(seasons._replace(races=[]), 2000, 1).is_empty()
    assert title.forecast(seasons._replace(races=[], calendar={}), 2000, 1).is_empty()


def test_before_the_first_race_all_entrants_are_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are the drivers of the last race. Who was faster has better odds, and a season is between them."""
    seasons = four_seasons([A, A])
    races = [*seasons.races[:3], race(4, "ABD")]
    begun: list[int] = []
    begin = Ratings.begin
    monkeypatch.setattr(Ratings, "begin", lambda self, season: begun.append(season) or begin(self, season))
    found = title.forecast(seasons._replace(races=races), 2001, 1)
    assert begun == [2000, 2001]
    chances = dict(found.select("driver_id", "probability").iter_rows())
    assert set(chances) == {A, B, D}
    assert chances[A] > chances[B] > chances[D] > 0
    assert sum(chances.values()) == pytest.approx(1)
    assert found["after_round"].unique().to_list() == [0]


# The warehouse

WRITTEN = {"version": "backtest-1", "predicted_at": "2026-11-27T10:00:00Z"}


@pytest.fixture(scope="session")
def tested(simulated_warehouse: Path) -> pl.DataFrame:
    return title.test(simulated_warehouse.parent)


def test_a_simulated_championship_has_odds(tested: pl.DataFrame) -> None:
    sums = tested.group_by("season", "moment").agg(pl.col("probability", "baseline").sum())
    assert sums.height == 4 * 3  # the last season is after those that are tested
    assert sums["probability"].to_list() == pytest.approx([1] * sums.height)
    assert sums["baseline"].to_list() == pytest.approx([1] * sums.height, abs=1e-4)
    assert tested.filter("is_champion")["probability"].min() > 0  # type: ignore[operator]


def test_rows_of_the_backtest_name_the_next_race(
    tested: pl.DataFrame, simulated_warehouse: Path, tmp_path: Path
) -> None:
    rows = title.backtest_rows(simulated_warehouse.parent, tested=tested, **WRITTEN)
    assert rows.height == tested.height
    assert rows.select("target", "known_at", "model", "is_backtest").unique().rows() == [
        ("title", "before_weekend", "title_simulation", True)
    ]
    with duckdb.connect(simulated_warehouse, read_only=True) as connection:
        races: dict[tuple[int, int], tuple[date, str]] = {
            (season, number): (day, circuit)
            for season, number, day, circuit in connection.execute(
                "select season, round, race_date, circuit_ref "
                "from marts.dim_races inner join marts.dim_circuits using (circuit_id)"
            ).fetchall()
        }
    after = set(tested.select("season", "after_round").iter_rows())
    found = rows.select("season", "round", "trained_through", "circuit_ref").unique()
    assert {(season, number - 1) for season, number, _, _ in found.iter_rows()} == after
    assert all(
        (races[season, number - 1][0], races[season, number][1]) == (through, circuit)
        for season, number, through, circuit in found.iter_rows()
    )
    ledger.append(tmp_path, rows)


def test_after_a_cancelled_race_the_rows_are_of_the_one_that_was_held(
    tested: pl.DataFrame, simulated_warehouse: Path, tmp_path: Path
) -> None:
    season, after_round = tested.row(0)[:2]
    shutil.copy(simulated_warehouse, tmp_path / "warehouse.duckdb")
    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        connection.execute(
            "update marts.dim_races set is_held = false where season = ? and round = ?",
            [season, after_round + 1],
        )
    rows = title.backtest_rows(tmp_path, tested=tested, **WRITTEN)
    rounds = rows.filter(season=season)["round"].to_list()
    assert after_round + 1 not in rounds
    assert after_round + 2 in rounds


def test_without_a_finished_season_there_are_no_rows(tested: pl.DataFrame, simulated_warehouse: Path) -> None:
    rows = title.backtest_rows(simulated_warehouse.parent, tested=tested.clear(), **WRITTEN)
    assert (rows.height, rows.columns) == (0, list(ledger.SCHEMA))


@pytest.mark.parametrize("held", [10, 0])
def test_a_forecast_is_of_the_race_after_the_last_one(
    held: int, simulated_warehouse: Path, tmp_path: Path
) -> None:
    """In the middle of a season, and before its first race, when the last race was in the season before."""
    shutil.copy(simulated_warehouse, tmp_path / "warehouse.duckdb")
    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        connection.execute(f"delete from marts.fct_race_results where season = 2025 and round > {held}")
        connection.execute(
            f"update marts.dim_races set is_held = false where season = 2025 and round > {held}"
        )
        [(last,)] = connection.execute("select max(race_date) from marts.dim_races where is_held").fetchall()
    rows = title.forecast_rows(tmp_path, 2025, held + 1, version="7", predicted_at=WRITTEN["predicted_at"])
    assert rows.select("season", "round", "trained_through", "is_backtest").unique().rows() == [
        (2025, held + 1, last, False)
    ]
    assert rows["probability"].sum() == pytest.approx(1)
    assert rows["probability"].is_sorted(descending=True)
    ledger.append(tmp_path, rows)
    others = title.forecast_rows(tmp_path, 2025, held + 2, version="7", predicted_at="")
    assert (others.height, others.schema) == (0, rows.schema)


# The real files


@pytest.fixture(scope="session")
def real(real_warehouse: Path) -> Seasons:
    with duckdb.connect(real_warehouse, read_only=True) as connection:
        return title.read(connection)


def test_the_rules_of_real_seasons_are_those_that_were_known(real: Seasons) -> None:
    assert [each.round for each in real.calendar[2014] if each.points_factor == 2] == [19]
    # Nobody knew that these would be stopped.
    assert {each.points_factor for year in (1991, 2009, 2021) for each in real.calendar[year]} == {1.0}
    assert all(each.is_fastest_lap_scored for each in real.calendar[2021])
    assert [each.round for each in real.calendar[2023] if each.has_sprint] == [4, 9, 12, 17, 18, 20]
    assert real.rules[1988].parts == [(1, 16, 11)]
    assert real.rules[2023].points["sprint"][0] == 8
    assert (real.rules[2019].fastest_lap_points, real.rules[2019].fastest_lap_within) == (1, 10)


def test_the_points_that_counted_at_the_end_are_the_official_ones(real: Seasons) -> None:
    """Without a race left, the count is the table's: in seasons in which all results count, and in others."""
    for season in (1967, 1988, 1990, 2014, 2021, 2023):
        last = real.calendar[season][-1].round
        table = real.standings[season, last]
        assert title.count(real, season, last, {}, [], 1)[0].tolist() == [each.points for each in table]


@pytest.mark.slow
def test_the_odds_of_real_titles_reach_the_bars(real_warehouse: Path) -> None:
    tested = title.test(real_warehouse.parent)
    found = title.scores(tested)
    assert found["seasons"].to_list() == [34] * 4
    assert [bar.name for bar in bars.of_titles(found) if not bar.passed] == []
    per_moment = tested.group_by("season", "moment").agg(pl.col("probability").sum())
    assert per_moment["probability"].to_list() == pytest.approx([1] * 102)
