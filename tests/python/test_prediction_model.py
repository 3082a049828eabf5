"""The model of a race, its scores, the backtest and its bars."""

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from conftest import SCRIPTS, run

from pitwall.command import PlainError

pytestmark = pytest.mark.extra
for package in ("numpy", "scipy", "lightgbm"):
    pytest.importorskip(package, reason=f"no {package}: `make ml-extra` installs it")

import numpy as np  # noqa: E402
from numpy.testing import assert_allclose  # noqa: E402

from pitwall.prediction import bars, classified, features, model, ranking, scores, walk_forward  # noqa: E402
from pitwall.prediction.model import Model  # noqa: E402
from pitwall.prediction.targets import MOMENTS, TARGETS  # noqa: E402

Array = Any


@pytest.fixture(scope="module")
def rows(simulated_warehouse: Path) -> pl.DataFrame:
    """The rows of five simulated seasons."""
    return features.read(simulated_warehouse.parent)


@pytest.fixture(scope="module")
def last(rows: pl.DataFrame) -> int:
    """The last simulated season."""
    return int(rows["season"].max())  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def fitted(rows: pl.DataFrame, last: int) -> Model:
    """A model that has not seen the last season."""
    return Model.fit(rows, last)


def season_of(rows: pl.DataFrame, season: int, moment: str) -> pl.DataFrame:
    return rows.filter(season=season, known_at=moment)


# The order of a race


def orders(rates: Array, finishing: Array) -> Iterator[tuple[float, list[int], list[int]]]:
    """Each outcome of a race with its chance: the cars that are classified, in order, and the others."""
    cars = range(len(rates))
    for chosen in itertools.product([True, False], repeat=len(rates)):
        out = [car for car in cars if not chosen[car]]
        chance = np.prod(np.where(chosen, finishing, 1 - finishing))
        for order in itertools.permutations([car for car in cars if chosen[car]]):
            left, of_order = sum(rates[list(order)]), 1.0
            for car in order:
                of_order *= rates[car] / left
                left -= rates[car]
            yield chance * of_order, list(order), out


@pytest.mark.parametrize("finishing", [[1.0] * 5, [0.9, 0.3, 0.8, 0.99, 0.6]])
def test_chances_are_those_of_all_orders_added_up(finishing: list[float]) -> None:
    strengths, chance = np.array([1.5, 0.2, -3.0, 0.9, -0.4]), np.array(finishing)
    wanted = np.zeros((2, 5))
    for probability, order, _ in orders(np.exp(strengths), chance):
        wanted[0, order[:1]] += probability
        wanted[1, order[:3]] += probability
    found = ranking.chances(
        strengths[None], chance[None], np.ones((1, 5), bool), {"win": np.array([1]), "podium": np.array([3])}
    )
    for row, name, k in ((0, "win", 1), (1, "podium", 3)):
        missing = k - wanted[row].sum()
        shared = wanted[row] + missing * (1 - wanted[row]) / (1 - wanted[row]).sum()
        assert_allclose(found[name][0], shared, atol=2e-5)


def test_the_expected_order_is_that_of_all_orders() -> None:
    """Cars that are not classified share the last places."""
    strengths, finishing = np.array([1.0, 0.0, -0.5, 0.3]), np.array([0.9, 0.6, 0.8, 0.95])
    wanted = np.zeros(4)
    for probability, order, out in orders(np.exp(strengths), finishing):
        wanted[order] += probability * np.arange(1, len(order) + 1)
        wanted[out] += probability * np.mean(np.arange(len(order) + 1, 5)) if out else 0
    found = ranking.expected_order(strengths[None], finishing[None], np.ones((1, 4), bool))
    assert_allclose(found[0], wanted, atol=1e-9)


def test_the_fit_finds_the_coefficients_that_orders_were_drawn_with() -> None:
    random, wanted = np.random.default_rng(1), np.array([1.2, -0.7])
    inputs = random.normal(size=(4000, 8, 2))
    # The same order as by exponential arrival times.
    arrivals = random.exponential(size=(4000, 8)) / np.exp(inputs @ wanted)
    for depth in (1, 3):
        found = ranking.fit(inputs, np.ones((4000, 8), bool), arrivals, np.ones(4000), depth=depth, ridge=1.0)
        assert_allclose(found, wanted, atol=0.08)


def test_cars_that_are_not_classified_have_no_place_in_the_fit() -> None:
    random = np.random.default_rng(1)
    inputs, order = random.normal(size=(50, 6, 2)), random.permuted(np.tile(np.arange(6.0), (50, 1)), axis=1)
    finished = random.random((50, 6)) < 0.7
    settings = {"weights": np.ones(50), "depth": 2, "ridge": 1.0}
    first = ranking.fit(inputs, finished, order, **settings)
    last = ranking.fit(np.where(finished[:, :, None], inputs, 9), finished, order, **settings)
    assert_allclose(first, last, atol=1e-6)


def test_the_logistic_finds_the_coefficients_that_outcomes_were_drawn_with() -> None:
    random = np.random.default_rng(1)
    inputs = random.normal(3, 2, size=(20_000, 2))
    chances = 1 / (1 + np.exp(-(0.5 + inputs @ np.array([0.4, -0.6]))))
    found = classified.fit(inputs, (random.random(20_000) < chances) * 1.0, np.ones(20_000), ridge=1.0)
    assert_allclose([found.intercept, *found.coefficients], [0.5, 0.4, -0.6], atol=0.08)
    assert_allclose(found.chances(inputs).mean(), chances.mean(), atol=0.01)


# The model


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_chances_of_a_race_add_up(fitted: Model, rows: pl.DataFrame, last: int, moment: str) -> None:
    """One wins, three are on the podium, as many score as there are places. A win is a podium too."""
    field = season_of(rows, last, moment)
    said = fitted.probabilities(field, moment).with_columns(field["points_places"])
    sums = said.group_by("race_id").agg(
        pl.col("win", "podium", "points").sum(), pl.col("points_places").first(), cars=pl.len()
    )
    assert_allclose(sums["win"], 1, atol=1e-9)
    assert_allclose(sums["podium"], 3, atol=1e-9)
    assert_allclose(sums["points"], np.minimum(sums["points_places"], sums["cars"]), atol=1e-9)
    assert said.filter((pl.col("win") > pl.col("podium")) | (pl.col("podium") > pl.col("points"))).is_empty()
    assert said.select(pl.col(*TARGETS).is_between(0, 1).all()).row(0) == (True,) * 4


def test_a_model_knows_only_the_seasons_before(fitted: Model, rows: pl.DataFrame, last: int) -> None:
    """With other results of the season itself, it learns the same."""
    garbled = rows.with_columns(
        pl.when(season=last).then(1 - pl.col(name)).otherwise(name).alias(name) for name in TARGETS
    ).with_columns(
        finishing_order=pl.when(season=last).then(-pl.col("finishing_order")).otherwise("finishing_order")
    )
    assert Model.fit(garbled, last) == fitted
    assert fitted.trained_through == rows.filter(pl.col("season") < last)["race_date"].max()


def test_a_model_does_not_learn_from_cars_that_never_were_in_the_race(
    fitted: Model, rows: pl.DataFrame, last: int
) -> None:
    """Neither a grid slot nor a start: their results are none."""
    absent = rows.with_columns(
        pl.lit(False).alias("is_scored"),
        pl.lit(-1, pl.Int64).alias("driver_id"),
        pl.lit(1, pl.Int64).alias("grid"),
        pl.lit(1, pl.Int64).alias("classified"),
    )
    assert Model.fit(pl.concat([rows, absent], how="vertical_relaxed"), last) == fitted


def test_a_model_is_the_same_after_json(fitted: Model, rows: pl.DataFrame, last: int) -> None:
    field = season_of(rows, last, "after_qualifying")
    again = Model.from_json(fitted.to_json())
    assert again == fitted
    assert again.probabilities(field, "after_qualifying").equals(
        fitted.probabilities(field, "after_qualifying")
    )


def test_the_order_of_the_rows_does_not_matter(fitted: Model, rows: pl.DataFrame, last: int) -> None:
    """Neither in the fit nor in the answer, so no id and no order of a file is an input."""
    shuffled = rows.sample(fraction=1, shuffle=True, seed=1)
    again = Model.fit(shuffled, last)
    field = season_of(rows, last, "after_qualifying")
    said = [
        each.probabilities(part, "after_qualifying").sort("race_id", "driver_id")
        for each, part in ((fitted, field), (again, field.sample(fraction=1, shuffle=True, seed=2)))
    ]
    for name in TARGETS:
        assert_allclose(said[0][name], said[1][name], atol=1e-4)


def test_a_field_without_slots_times_or_form_is_answered(
    fitted: Model, rows: pl.DataFrame, last: int
) -> None:
    """A debutant in a new team, without a place in the championship, a grid slot or a lap."""
    field = season_of(rows, last, "after_qualifying").filter(pl.col("race_id") == pl.col("race_id").first())
    form = [
        name for name in field.columns if name.startswith(("driver_", "constructor_")) and name[-1].isdigit()
    ]
    unknown = field.with_columns(
        *(pl.when(pl.int_range(pl.len()) == 0).then(0).otherwise(name).alias(name) for name in form),
        *(
            pl.lit(None, pl.Int64).alias(name)
            for name in ("championship_place", "gap_to_pole_ms", "pole_ms", "qualifying_position")
        ),
        grid=pl.when(pl.int_range(pl.len()) == 0).then(None).otherwise("grid"),
    )
    said = fitted.probabilities(unknown, "after_qualifying")
    assert said.select(pl.col(*TARGETS).is_finite().all()).row(0) == (True,) * 4
    assert said["win"][0] < 1 / field.height


def test_too_little_history_is_refused(rows: pl.DataFrame) -> None:
    first = int(rows["season"].min())  # type: ignore[arg-type]
    with pytest.raises(PlainError, match=r"only 0 races from 1985 on have results before \d{4}, .* needs 30"):
        Model.fit(rows, first)


# The scores


def test_scores_have_their_known_values() -> None:
    chances, outcomes = np.array([0.8, 0.3, 0.0, 1.0]), np.array([1, 0, 1, 1])
    assert_allclose(scores.log_losses(chances, outcomes), -np.log([0.8, 0.7, 1e-6, 1 - 1e-6]))
    # Bins: 0.0 (off by 1), 0.3 (off by 0.3), 0.8 (off by 0.2), 1.0 in the last one.
    assert scores.calibration_error(chances, outcomes) == pytest.approx((1 + 0.3 + 0.2) / 4)
    # Probability 1 is in the last bin, with the others above 0.9.
    assert scores.calibration_error(np.array([1, 0.95]), np.array([0, 1])) == pytest.approx(0.95 / 2)
    assert scores.area_under_curve(np.array([0.9, 0.5, 0.5, 0.1]), np.array([1, 1, 0, 0])) == 0.875
    assert scores.rank_correlation(np.array([1, 2, 3.0]), np.array([30, 20, 10])) == pytest.approx(-1)
    assert scores.rank_correlation(np.array([1, 2, 2, 4.0]), np.array([1, 2, 3, 4])) == pytest.approx(
        0.9486833
    )


def test_an_interval_holds_the_mean_of_most_samples() -> None:
    """Of 200 samples of 60 races, the interval holds the true mean in about 95 %."""
    random = np.random.default_rng(3)
    held = 0
    for _ in range(200):
        low, high = scores.interval(scores.resampled_means(random.exponential(size=60) * 20, np.full(60, 20)))
        held += low <= 1 <= high
    assert 175 <= held <= 198


def test_other_scores_are_resampled_by_race() -> None:
    """Each draw of races has the score of the forecasts that it draws."""
    random = np.random.default_rng(4)
    chances, races = random.uniform(size=60), np.repeat([7, 3, 9, 4, 5, 6], 10)
    outcomes = (random.uniform(size=60) < chances**2).astype(float)
    found = {
        scores.calibration_error: scores.resampled_calibration_errors(chances, outcomes, races),
        scores.area_under_curve: scores.resampled_areas(chances, outcomes, races),
        worst_bin: scores.resampled_worst_bins(chances, outcomes, races, 5),
    }
    for draw in (0, 1, 9999):
        times = dict(zip(np.unique(races), scores.draws(6)[draw].astype(int), strict=True))
        drawn = np.repeat(np.arange(60), [times[race] for race in races])
        for score, values in found.items():
            assert values[draw] == pytest.approx(score(chances[drawn], outcomes[drawn]))


def worst_bin(chances: Array, outcomes: Array) -> float:
    bins = (chances * 5).astype(int)
    return float(max(abs((chances - outcomes)[bins == each].mean()) for each in set(bins)))


def test_a_value_is_compared_with_the_decimals_of_its_bar() -> None:
    assert bars.at_most("", 0.4214, None, 0.421).passed
    assert not bars.at_most("", 0.4216, None, 0.421).passed
    assert bars.at_least("", 0.0176, None, 0.018).passed
    assert not bars.at_least("", -0.0001, None, 0).passed
    assert not bars.at_most("", 0.0001, None, 0).passed


def test_scores_are_by_season_and_over_all(backtest: walk_forward.Backtest, last: int) -> None:
    found = backtest.scores()
    [over_all] = found.filter(
        pl.col("season").is_null(), known_at="after_qualifying", target="podium", model=model.NAME
    ).to_dicts()
    chosen = backtest.predictions.filter(known_at="after_qualifying", target="podium")
    assert over_all["forecasts"] == chosen.height
    assert over_all["races"] == chosen["race_id"].n_unique()
    assert over_all["baseline_log_loss"] == pytest.approx(
        scores.log_losses(chosen["baseline"].to_numpy(), chosen["outcome"].to_numpy()).mean()
    )
    assert set(found["season"]) == {None, last - 1, last}
    assert found.height == 3 * 2 * 4 * 2


# The backtest


@pytest.fixture(scope="module")
def backtest(rows: pl.DataFrame, last: int) -> walk_forward.Backtest:
    """The backtest of the last two simulated seasons."""
    return walk_forward.run(rows, last - 1)


def test_each_season_is_predicted_without_itself(
    backtest: walk_forward.Backtest, rows: pl.DataFrame, last: int
) -> None:
    """With the results of the last season garbled, all probabilities of the backtest are the same."""
    garbled = rows.with_columns(
        pl.when(season=last).then(1 - pl.col(name)).otherwise(name).alias(name) for name in TARGETS
    ).with_columns(
        finishing_order=pl.when(season=last).then(-pl.col("finishing_order")).otherwise("finishing_order")
    )
    again = walk_forward.run(garbled, last - 1)
    assert again.predictions.drop("outcome").equals(backtest.predictions.drop("outcome"))
    assert again.orders["expected_order"].equals(backtest.orders["expected_order"])
    assert not again.predictions["outcome"].equals(backtest.predictions["outcome"])


def test_every_scored_car_is_predicted_once(
    backtest: walk_forward.Backtest, rows: pl.DataFrame, last: int
) -> None:
    wanted = rows.filter("is_scored", pl.col("season") >= last - 1)
    keys = ["race_id", "driver_id", "known_at", "target"]
    assert backtest.predictions.height == wanted.height * len(TARGETS)
    assert not backtest.predictions.select(pl.struct(keys).is_duplicated().any()).item()
    assert backtest.predictions.select(pl.all().is_null().any()).row(0) == (False,) * len(
        backtest.predictions.columns
    )


def test_a_backtest_without_seasons_is_refused(rows: pl.DataFrame, last: int) -> None:
    with pytest.raises(PlainError, match=f"no race has results from {last + 1} on"):
        walk_forward.run(rows, last + 1)


# The bars. Their seasons are moved to those of the simulation.


@pytest.fixture
def tested(
    backtest: walk_forward.Backtest, last: int, monkeypatch: pytest.MonkeyPatch
) -> walk_forward.Backtest:
    monkeypatch.setattr(bars, "FIRST_SEASON", last - 1)
    monkeypatch.setattr(bars, "LAST_SEASON", last)
    monkeypatch.setattr(bars, "HALVES", ((last - 1, last - 1), (last, last)))
    return backtest


def passed(backtest: walk_forward.Backtest, start: str) -> list[bool]:
    """Whether each bar was met whose name starts so."""
    found = [bar.passed for bar in bars.of_races(backtest) if bar.name.startswith(start)]
    assert found
    return found


def with_chances(backtest: walk_forward.Backtest, **columns: pl.Expr) -> walk_forward.Backtest:
    return backtest._replace(predictions=backtest.predictions.with_columns(**columns))


OUTCOME = pl.col("outcome")


def test_a_model_that_is_as_good_as_its_baseline_fails(tested: walk_forward.Backtest) -> None:
    same = with_chances(tested, plackett_luce=pl.col("baseline"))
    assert passed(same, "podium after qualifying: better by") == [False]
    assert passed(same, "podium before the weekend: better by") == [False]
    assert passed(same, "classified after qualifying: better by") == [True]


def test_a_difference_that_may_be_chance_fails(tested: walk_forward.Backtest) -> None:
    """Better on one race only, and by far: the mean is good enough, and most draws of races are not."""
    race = tested.predictions["race_id"][0]
    lucky = with_chances(
        tested,
        baseline=pl.when(race_id=race).then(1 - OUTCOME).otherwise(0.5),
        plackett_luce=pl.when(race_id=race).then(OUTCOME).otherwise(0.5),
    )
    [bar] = [
        bar for bar in bars.of_races(lucky) if bar.name.startswith("podium before the weekend: better by")
    ]
    assert bar.value > bar.limit
    assert not bar.passed


def test_a_score_that_is_too_good_fails(tested: walk_forward.Backtest) -> None:
    knows = with_chances(tested, plackett_luce=0.9 * OUTCOME + 0.05)
    assert passed(knows, "podium after qualifying: too good") == [False, False]
    assert passed(knows, "podium after qualifying: log loss") == [True]


def test_the_loss_of_the_winner_is_that_of_winners_alone(tested: walk_forward.Backtest) -> None:
    sure = with_chances(tested, plackett_luce=pl.when(OUTCOME == 1).then(0.25).otherwise(0.0))
    [bar] = [bar for bar in bars.of_races(sure) if bar.name.endswith("log loss of the winner")]
    assert bar.value == pytest.approx(np.log(4))


def test_lightgbm_fails_the_model_only_if_it_is_surely_better(tested: walk_forward.Backtest) -> None:
    name = "podium after qualifying: LightGBM"
    better = with_chances(tested, lightgbm=0.9 * pl.col("plackett_luce") + 0.1 * OUTCOME)
    assert passed(better, name) == [False]
    assert passed(with_chances(tested, lightgbm=pl.col("plackett_luce")), name) == [True]


def test_bad_probabilities_fail_the_other_bars(tested: walk_forward.Backtest) -> None:
    """The reverse of what is likely: no loss, no calibration and no order is good enough."""
    bad = with_chances(tested, plackett_luce=1 - 0.9 * OUTCOME)
    bad = bad._replace(orders=bad.orders.with_columns(expected_order=-pl.col("finishing_order")))
    failed = {bar.name for bar in bars.of_races(bad) if not bar.passed}
    unharmed = {bar.name for bar in bars.of_races(bad)} - failed
    assert {name.partition(": ")[2] for name in unharmed} == {
        "too good, log loss",
        "too good, area under the curve",
    }


def test_the_titles_have_bars() -> None:
    found = pl.DataFrame(
        {
            "moment": [0.25, 0.5, 0.75, None],
            "log_loss": [0.57, 0.5, 0.4, 0.5],
            "log_loss_low": [0.3, 0.3, 0.3, 0.3],
            "log_loss_high": [0.8, 0.8, 0.8, 0.8],
            "better_by": [0.1, 0.1, 0.1, 0.1],
            "better_by_low": [0.0, 0.0, 0.0, 0.01],
            "better_by_high": [0.2, 0.2, 0.2, 0.2],
            "worst_bin": [0.0, 0.0, 0.0, 0.16],
            "worst_bin_low": [0.0] * 4,
            "worst_bin_high": [0.0] * 4,
        }
    )
    assert [bar.passed for bar in bars.of_titles(found)] == [False, True, True, True, False]
    unsure = found.with_columns(better_by_low=pl.lit(-0.01))
    assert [bar.passed for bar in bars.of_titles(unsure)][3] is False


def test_bars_need_all_their_seasons(backtest: walk_forward.Backtest) -> None:
    with pytest.raises(PlainError, match=r"the bars are of the seasons 2014 to 2025, and 2014, .* cannot be"):
        bars.of_races(backtest)


def test_the_command_refuses_a_short_history_in_one_line(simulated_warehouse: Path, tmp_path: Path) -> None:
    shutil.copy(simulated_warehouse, tmp_path)
    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        connection.execute("delete from marts.fct_race_features where season > 2021")
    result = run(SCRIPTS / "backtest.py", PITWALL_DATA=tmp_path)
    assert result.returncode == 2
    [line] = result.stdout.splitlines()
    assert line.startswith("backtest: ")


# The real files


@pytest.fixture(scope="module")
def real_rows(real_warehouse: Path) -> pl.DataFrame:
    return features.read(real_warehouse.parent)


@pytest.fixture(scope="module")
def recent(real_rows: pl.DataFrame) -> walk_forward.Backtest:
    """The last three seasons of the bars, without LightGBM."""
    return walk_forward.run(real_rows, bars.LAST_SEASON - 2, bars.LAST_SEASON, challenge=False)


def test_recent_seasons_are_predicted_better_than_by_the_baselines(recent: walk_forward.Backtest) -> None:
    """The short form of the bars. Three seasons are too few to say it of who is classified."""
    found = recent.scores().filter(pl.col("season").is_null(), pl.col("target") != "classified")
    assert found.height == 6
    assert found.filter(pl.col("log_loss") >= pl.col("baseline_log_loss")).is_empty()


def test_a_leak_into_the_inputs_is_noticed(
    real_rows: pl.DataFrame, recent: walk_forward.Backtest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An input that is drawn towards the finishing order trips the canary; the real inputs do not."""

    def canary(backtest: walk_forward.Backtest) -> list[bool]:
        podium = backtest.predictions.filter(known_at="after_qualifying", target="podium")
        return [bar.passed for bar in bars.canaries(podium)]

    leak = pl.col("finishing_order") + 12 * (pl.col("driver_id") * 7919 % 101 / 101)
    monkeypatch.setitem(features.PACE, "leak", leak / 10)
    leaked = walk_forward.run(real_rows, bars.LAST_SEASON - 2, bars.LAST_SEASON, challenge=False)
    assert canary(recent)[1]
    assert not all(canary(leaked))


@pytest.mark.slow
def test_all_bars_are_met(real_rows: pl.DataFrame) -> None:
    """The long form, as `make backtest` prints it."""
    found = bars.of_races(walk_forward.run(real_rows, bars.FIRST_SEASON, bars.LAST_SEASON))
    assert [f"{bar.name}: {bar.value:.4f}" for bar in found if not bar.passed] == []
    [podium] = [bar for bar in found if bar.name == "podium after qualifying: log loss"]
    assert podium.interval
    assert podium.interval[0] < podium.value < podium.interval[1]
