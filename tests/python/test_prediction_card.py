"""The model card: every figure is that of the data, and its sentences follow from them."""

import re
import shutil
from pathlib import Path

import duckdb
import polars as pl
import pytest
from conftest import ROOT, SCRIPTS, run

pytest.importorskip("scipy")

import numpy as np

from pitwall.command import PlainError
from pitwall.prediction import card
from pitwall.prediction.card import Evidence, contents
from pitwall.prediction.driver_and_car import Split

pytestmark = pytest.mark.extra

RACES, CARS = 60, 20
# How much a target's probability says more than its baseline's. The model of `classified` says less.
BETTER = {"win": 1.5, "podium": 1.5, "points": 0.0, "classified": -1.5}


def fill(connection: duckdb.DuckDBPyConnection) -> None:
    """Replace the predictions of a warehouse: a backtest of two seasons, one of titles, and a forecast."""
    random = np.random.default_rng(1)
    names = (
        "season, round, race_id, driver_id, known_at, target, model, model_version, is_backtest, is_scored, "
    )
    names += "probability, baseline_probability, outcome"
    rows: list[tuple[object, ...]] = []
    backtest = ("backtest-1", True, True)
    for race in range(RACES):
        season = 2014 if race < RACES // 2 else 2021
        strengths = random.standard_normal(CARS)
        for target, better in BETTER.items():
            for driver, strength in enumerate(strengths):
                logits = strength * max(better, 0), strength * max(-better, 0), strength * abs(better)
                ours, theirs, true = (float(1 / (1 + np.exp(-logit))) for logit in logits)
                key = (season, race + 1, race, driver, "after_qualifying", target)
                outcome = int(random.random() < true)
                rows.append((*key, "plackett_luce", *backtest, ours, theirs, outcome))
                if target == "podium":
                    rows.append((*key, "lightgbm", *backtest, 0.5, theirs, outcome))
    for season in (2001, 2002):
        for number, chance in ((5, 0.5), (9, 0.75), (13, 1.0)):
            for driver, odds in ((1, chance), (2, 1 - chance)):
                key = (
                    season,
                    number + season % 2,
                    number,
                    driver,
                    "before_weekend",
                    "title",
                    "title_simulation",
                )
                rows.append((*key, *backtest, odds, 0.5, int(driver == 1)))
    win = ("before_weekend", "win", "plackett_luce", "1", False)
    rows += [(2016, 1, 999, 1, *win, True, 0.5, 0.5, 1), (2016, 2, 998, 1, *win, False, 0.5, 0.5, None)]
    # Before the seasons that the card is of.
    rows += [(2013, 1, 997, 1, "after_qualifying", "win", "plackett_luce", *backtest, 0.5, 0.5, 1)]
    connection.execute("create schema if not exists marts")
    for (kind,) in connection.execute(
        "select table_type from information_schema.tables "
        "where table_schema = 'marts' and table_name = 'fct_predictions'"
    ).fetchall():
        connection.execute(f"drop {'view' if kind == 'VIEW' else 'table'} marts.fct_predictions")
    connection.execute(
        "create table marts.fct_predictions (season integer, round integer, race_id integer, "
        "driver_id integer, known_at varchar, target varchar, model varchar, model_version varchar, "
        "is_backtest boolean, is_scored boolean, probability double, baseline_probability double, "
        "outcome integer)"
    )
    connection.executemany(
        f"insert into marts.fct_predictions ({names}) values ({', '.join('?' * 13)})", rows
    )
    connection.execute(
        "create table if not exists marts.fct_race_results (season integer, round integer, race_id integer, "
        "driver_id integer, driver_name varchar, constructor_id integer, constructor_name varchar, "
        "is_classified boolean, position_order integer, result_id integer)"
    )


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    """What is read from the made-up marts."""
    with duckdb.connect() as connection:
        fill(connection)
        return card.read(connection)


@pytest.fixture(scope="module")
def page(evidence: Evidence) -> str:
    return contents(evidence)["model-card.md"]


def rows_of(page: str, first: str) -> dict[str, list[str]]:
    """The rows of the table whose header starts with a cell, by their first cell."""
    lines = page.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first} |"))
    rows = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        rows[cells[0]] = cells[1:]
    return rows


def loss(probability: pl.Series, outcome: pl.Series) -> float:
    chances = np.where(outcome.to_numpy() == 1, probability.to_numpy(), 1 - probability.to_numpy())
    return float(-np.log(chances).mean())


def test_scores_are_those_of_the_rows(evidence: Evidence, page: str) -> None:
    """Recomputed from single forecasts, in another way."""
    found = rows_of(page, "after qualifying")
    assert set(found) == set(BETTER)
    for target in BETTER:
        rows = evidence.predictions.filter(target=target)
        losses = [loss(rows[column], rows["outcome"]) for column in ("plackett_luce", "baseline")]
        cells = found[target]
        assert cells[:2] == [f"{each:.3f}" for each in losses]
        assert cells[2].startswith(f"{losses[1] - losses[0]:+.3f} [")
        low, high = map(float, re.findall(r"[+-][\d.]+", cells[2])[1:])
        assert low <= losses[1] - losses[0] <= high


def test_calibration_errors_are_those_of_the_bins(evidence: Evidence, page: str) -> None:
    rows = evidence.predictions.filter(target="win").with_columns(bin=(pl.col("plackett_luce") * 10).floor())
    each = rows.group_by("bin").agg(pl.col("plackett_luce", "outcome").mean(), count=pl.len())
    error = ((each["plackett_luce"] - each["outcome"]).abs() * each["count"]).sum() / each["count"].sum()
    assert rows_of(page, "after qualifying")["win"][3] == f"{error:.3f}"


def test_the_card_says_where_the_model_is_better_and_where_not(page: str) -> None:
    better = page.partition("## Where the model is better")[2].partition("## Where it is not")[0]
    not_better = page.partition("## Where it is not")[2].partition("**Who fails")[0]
    assert re.findall(r"\| \*\*(\w+)\*\* after qualifying \| ([a-z ]+) \|", better) == [
        ("win", "better"),
        ("podium", "better"),
    ]
    assert re.findall(r"\| \*\*(\w+)\*\* after qualifying \| ([a-z ]+) \|", not_better) == [
        ("points", "no certain difference"),
        ("classified", "worse"),
    ]


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ((0.01, 0.02), "better"),
        ((0.0, 0.1), "no certain difference"),
        ((-0.01, 0.02), "no certain difference"),
        ((-0.02, -0.01), "worse"),
    ],
)
def test_an_interval_that_holds_nothing_is_no_advantage(
    interval: tuple[float, float], verdict: str, evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert card.verdict(*interval) == verdict
    monkeypatch.setattr(card, "advantage", lambda *_: (0.0, *interval))
    assert ("better |" in card.verdicts(evidence.predictions, is_better=True)) == (verdict == "better")
    assert (card.verdicts(evidence.predictions, is_better=False) == "Nowhere.") == (verdict == "better")


def test_each_half_has_its_own_difference(page: str, evidence: Evidence) -> None:
    cells = next(line for line in page.splitlines() if line.startswith("| **win** after")).split(" | ")
    assert len(cells) == 4
    for cell, season in zip(cells[2:], (2014, 2021), strict=True):
        rows = evidence.predictions.filter(target="win", season=season)
        losses = [loss(rows[column], rows["outcome"]) for column in ("plackett_luce", "baseline")]
        assert cell.startswith(f"{losses[1] - losses[0]:+.3f} [")


def test_the_challenger_is_compared_where_it_was_tested(page: str, evidence: Evidence) -> None:
    rows = evidence.predictions.filter(target="podium")
    losses = [loss(rows[column], rows["outcome"]) for column in ("lightgbm", "plackett_luce")]
    found = page.partition("LightGBM is better by |")[2].partition("##")[0]
    assert re.findall(r"\| (\w+) after qualifying \| ([+-][\d.]+) ", found) == [
        ("podium", f"{losses[1] - losses[0]:+.3f}")
    ]


def test_the_area_under_the_curve_is_of_classified_cars(page: str) -> None:
    model, baseline = rows_of(page, "area under the curve")["after qualifying"]
    assert model == "0.50"  # it gives all cars the same probability
    assert float(baseline) > 0.6


def test_favourites_are_counted_by_race(evidence: Evidence, page: str) -> None:
    wins = evidence.predictions.filter(target="win")
    won = [race.sort("plackett_luce")["outcome"][-1] for race in wins.partition_by("race_id")]
    cell = rows_of(page, "favourites who won")["after qualifying"][0]
    assert cell.startswith(f"{sum(won) / len(won):.2f} [")


def test_only_forecasts_that_were_written_before_the_race_are_called_so(page: str) -> None:
    """Neither a backtest nor a row that is not scored."""
    assert rows_of(page, "model") == {"`plackett_luce`": ["1", "1"]}
    assert f"2014 to 2021: {RACES} races, {RACES * CARS * 4:,} probabilities" in page


def test_without_a_forecast_the_card_says_so(evidence: Evidence) -> None:
    text = contents(evidence._replace(forecasts=evidence.forecasts.clear()))["model-card.md"]
    assert "None is scored yet." in text


def test_the_title_has_its_scores_and_bins(page: str, evidence: Evidence) -> None:
    assert "Seasons 2001 to 2002:" in page
    assert rows_of(page, "odds")["0.4 to 0.6"] == ["4", "0.50", "0.50"]
    found = re.findall(r"\| (?:after (\d+) % of a season|over all) \| ([\d.]+) ", page)
    assert found == [("25", "0.69"), ("50", "0.29"), ("75", "0.00"), ("", "0.33")]
    text = contents(evidence._replace(titles=evidence.titles.clear()))["model-card.md"]
    assert "Not measured: it needs finished seasons." in text


def test_the_split_of_driver_and_car_is_that_of_its_windows(page: str, evidence: Evidence) -> None:
    assert "Not measured: the warehouse has no results of 2014 to 2021." in page
    effects = pl.DataFrame(
        {"driver_name": ["One", "Guest"], "results": [20, 1], "place": [5.0, 6.0]}
    ).with_columns(place_low=pl.col("place") - 1, place_high=pl.col("place") + 1)
    whole = Split(2014, 2021, 160, 2700, 0.8, 0.7, 0.9, effects, effects)
    half = whole._replace(first=2018, car_share=0.5, drivers=effects.clear())
    text = contents(evidence._replace(splits=[whole, half]))["model-card.md"]
    assert "|  | 2014 to 2021 | 2018 to 2021 |" in text
    assert "| **the car's share** | 0.80 [0.70, 0.90] | 0.50 [0.70, 0.90] |" in text
    assert "| One | 5.0 [4.0, 6.0] |  |" in text
    assert "Guest" not in text


def test_pictures_have_a_point_for_each_bin(evidence: Evidence) -> None:
    files = contents(evidence)
    pictures = {path for path in files if path.endswith(".svg")}
    assert pictures == {f"model-card/{target}-after_qualifying.svg" for target in BETTER}
    assert all(f"]({path})" in files["model-card.md"] for path in pictures)
    found = card.bins(evidence.predictions.filter(target="win"))
    svg = files["model-card/win-after_qualifying.svg"]
    assert svg.count("forecasts</title>") == found.height
    assert svg.count('class="chance"') == found.filter(~pl.col("is_baseline")).height
    few = found.with_columns(pl.col("forecasts").clip(upper_bound=9))
    assert "forecasts</title>" not in card.picture("few", few)
    assert "prefers-color-scheme: dark" in svg
    # A bin on the diagonal is on the line.
    even = found.head(1).with_columns(probability=pl.lit(0.5), rate=pl.lit(0.5))
    middle = f'cx="{card.LEFT + card.SIDE / 2:.1f}" cy="{card.TOP + card.SIDE / 2:.1f}"'
    assert middle in card.picture("even", even)


def test_the_text_has_no_figure_of_its_own() -> None:
    """Figures come from the data. Code and file names may have digits."""
    text = re.sub(r"`[^`]*`", "", card.TEMPLATE.read_text(encoding="utf-8"))
    assert re.findall(r"\d+", text.replace("middle 95 %", "")) == []


def test_the_committed_card_is_that_of_the_text() -> None:
    """Between its figures it has the sentences of the text, and it has the pictures that it shows."""
    text = card.TEMPLATE.read_text(encoding="utf-8")
    pattern = ".+?".join(re.escape(part) for part in re.split(r"<!-- .*? -->", text))
    page = (ROOT / "docs" / "model-card.md").read_text(encoding="utf-8")
    assert re.fullmatch(pattern, page, flags=re.DOTALL), "run `make train`, `make build` and `make card`"
    shown = set(re.findall(r"\]\((model-card/.*?)\)", page))
    assert shown == {f"model-card/{path.name}" for path in (ROOT / "docs" / "model-card").glob("*.svg")}


def test_a_comment_that_nothing_fills_fails(
    evidence: Evidence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = tmp_path / "page.md"
    template.write_text("<!-- scores -->\n<!-- odds of rain -->\n", encoding="utf-8")
    monkeypatch.setattr(card, "TEMPLATE", template)
    with pytest.raises(ValueError, match="odds of rain"):
        contents(evidence)


def test_a_model_without_a_backtest_is_reported() -> None:
    with duckdb.connect() as connection:
        fill(connection)
        connection.execute("delete from marts.fct_predictions where is_backtest and model = 'plackett_luce'")
        with pytest.raises(PlainError, match="has no backtest of plackett_luce"):
            card.read(connection)


def test_the_command_writes_the_card(simulated_warehouse: Path, tmp_path: Path) -> None:
    shutil.copy(simulated_warehouse, tmp_path / "warehouse.duckdb")
    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        fill(connection)
    result = run(
        SCRIPTS / "model_card.py", "--to", tmp_path / "docs", PITWALL_DATA=tmp_path, OPENBLAS_NUM_THREADS=1
    )
    assert (result.returncode, result.stdout.count("\n")) == (0, 1), result.stdout
    text = (tmp_path / "docs" / "model-card.md").read_text(encoding="utf-8")
    assert "after 50 % of a season" in text
    for path in re.findall(r"\]\((model-card/.*?)\)", text):
        assert (tmp_path / "docs" / path).is_file()


def test_the_command_without_a_warehouse_writes_nothing(tmp_path: Path) -> None:
    result = run(SCRIPTS / "model_card.py", "--to", tmp_path / "docs", PITWALL_DATA=tmp_path)
    assert (result.returncode, result.stdout.count("\n")) == (2, 1), result.stdout
    assert "there is no warehouse yet; run `make build` first" in result.stdout
    assert not (tmp_path / "docs").exists()
