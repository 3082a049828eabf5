"""The model card: every figure is that of the data, and its sentences follow from them."""

import re
import shutil
from pathlib import Path

import duckdb
import polars as pl
import pytest
from conftest import SCRIPTS, run

pytest.importorskip("scipy")

import numpy as np

from pitwall.command import PlainError
from pitwall.prediction import card, title
from pitwall.prediction.card import Evidence, contents

pytestmark = pytest.mark.extra

RACES, CARS = 60, 20
# How much a target's probability says more than its baseline's. The model of `classified` says less.
BETTER = {"win": 1.5, "podium": 1.5, "points": 0.0, "classified": -1.5}
SCORES = """
    select is_backtest, model, model_version, forecaster, is_baseline, season, known_at, target,
        count(*) as forecasts, count(distinct race_id) as races, sum(outcome) as outcomes,
        avg(-ln(case when outcome = 1 then forecast else 1 - forecast end)) as log_loss,
        avg((forecast - outcome) * (forecast - outcome)) as brier_score
    from forecasts group by all"""
CALIBRATION = """
    select is_backtest, model, model_version, forecaster, is_baseline, season, known_at, target,
        least(floor(forecast * 10), 9)::integer as bin, count(*) as forecasts, sum(outcome) as outcomes,
        avg(forecast) as mean_probability, avg(outcome) as outcome_rate
    from forecasts group by all"""


def fill(connection: duckdb.DuckDBPyConnection) -> None:
    """Replace the marts of predictions by made-up ones: a backtest of two seasons, and a forecast."""
    random = np.random.default_rng(1)
    rows = []
    for race in range(RACES):
        strengths = random.standard_normal(CARS)
        for target, better in BETTER.items():
            for strength in strengths:
                logits = strength * max(better, 0), strength * max(-better, 0)
                true = strength * abs(better)
                chances = [float(1 / (1 + np.exp(-logit))) for logit in (*logits, true)]
                outcome = int(random.random() < chances[2])
                season = 2014 if race < RACES // 2 else 2015
                key = (season, race, "after_qualifying", target, "plackett_luce", "backtest-1", True, True)
                rows.append((*key, chances[0], chances[1], outcome))
    rows += [(2016, 999, "before_weekend", "win", "plackett_luce", "1", False, True, 0.5, 0.5, 1)]
    rows += [(2016, 998, "before_weekend", "win", "plackett_luce", "1", False, False, 0.5, 0.5, None)]
    rows += [(2014, 1, "after_qualifying", "win", "lightgbm", "backtest-1", True, True, 0.5, 0.5, 1)]
    names = "season, race_id, known_at, target, model, model_version, is_backtest, is_scored, "
    names += "probability, baseline_probability, outcome"
    connection.execute("create schema if not exists marts")
    for name in ("fct_predictions", "fct_prediction_scores", "fct_prediction_calibration"):
        found = connection.execute(
            "select table_type from information_schema.tables "
            "where table_schema = 'marts' and table_name = ?",
            [name],
        ).fetchall()
        for (kind,) in found:
            connection.execute(f"drop {'view' if kind == 'VIEW' else 'table'} marts.{name}")
    connection.execute(
        "create table marts.fct_predictions (season integer, race_id integer, known_at varchar, "
        "target varchar, model varchar, model_version varchar, is_backtest boolean, is_scored boolean, "
        "probability double, baseline_probability double, outcome integer)"
    )
    connection.executemany(
        f"insert into marts.fct_predictions ({names}) values ({', '.join('?' * 11)})", rows
    )
    connection.execute("""
        create temp view forecasts as
        select *, model as forecaster, false as is_baseline, probability as forecast
        from marts.fct_predictions where is_scored
        union all
        select *, 'grid_slot', true, baseline_probability from marts.fct_predictions where is_scored""")
    connection.execute(f"create table marts.fct_prediction_scores as {SCORES}")
    connection.execute(f"create table marts.fct_prediction_calibration as {CALIBRATION}")


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    """What is read from the made-up marts, without titles."""
    with pytest.MonkeyPatch.context() as patch, duckdb.connect() as connection:
        patch.setattr(title, "read", lambda connection: None)
        patch.setattr(card, "tested_titles", lambda seasons: None)
        fill(connection)
        return card.read(connection, "plackett_luce")


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
    found = rows_of(page, "")
    assert set(found) == {f"{target} after qualifying" for target in BETTER}
    for target in BETTER:
        rows = evidence.predictions.filter(target=target)
        losses = [loss(rows[column], rows["outcome"]) for column in ("probability", "baseline_probability")]
        cells = found[f"{target} after qualifying"]
        assert cells[:2] == [f"{each:.3f}" for each in losses]
        assert cells[2].startswith(f"{losses[1] - losses[0]:+.4f} [")
        low, high = map(float, re.findall(r"[+-][\d.]+", cells[2])[1:])
        assert low <= losses[1] - losses[0] <= high
        assert cells[3] == f"{((rows['probability'] - rows['outcome']) ** 2).mean():.3f}"


def test_calibration_errors_are_those_of_the_bins(evidence: Evidence, page: str) -> None:
    rows = evidence.predictions.filter(target="win").with_columns(bin=(pl.col("probability") * 10).floor())
    each = rows.group_by("bin").agg(pl.col("probability", "outcome").mean(), count=pl.len())
    error = ((each["probability"] - each["outcome"]).abs() * each["count"]).sum() / each["count"].sum()
    assert rows_of(page, "")["win after qualifying"][4] == f"{error:.3f}"


def test_the_card_says_where_the_model_is_better_and_where_not(page: str) -> None:
    better = page.partition("## Where the model is better")[2].partition("## Where it is not")[0]
    not_better = page.partition("## Where it is not")[2].partition("## Do probabilities")[0]
    assert re.findall(r"- \*\*(\w+)\*\*", better) == ["win", "podium"]
    assert re.findall(r"- \*\*(\w+)\*\* after", not_better) == ["points", "classified"]
    assert "**classified** after qualifying: worse" in not_better
    assert "**points** after qualifying: the interval holds no difference" in not_better


def test_an_interval_that_holds_nothing_is_no_advantage(
    evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"win": (0.01, 0.02), "podium": (-0.01, 0.02), "points": (-0.02, -0.01), "classified": (0.0, 0.1)}
    monkeypatch.setattr(card, "advantage", lambda evidence, moment, target: found[target])
    assert card.verdicts(evidence, is_better=True) == "- **win** after qualifying"
    others = card.verdicts(evidence, is_better=False).splitlines()
    assert [line.split(":")[0] for line in others] == [
        f"- **{target}** after qualifying" for target in ("podium", "points", "classified")
    ]
    assert [line.endswith(": worse") for line in others] == [False, True, False]


def test_means_weigh_each_forecast_alike() -> None:
    """Races and seasons with more forecasts count more."""
    low, high = card.interval(np.full(5, 0.3), np.array([1.0, 2.0, 3.0, 4.0, 50.0]))
    assert (low, high) == pytest.approx((0.3, 0.3))
    two = {"known_at": "after_qualifying", "target": "win", "bin": 1, "is_baseline": False}
    seasons = pl.DataFrame(
        [
            {**two, "forecasts": 30, "outcomes": 3, "mean_probability": 0.1},
            {**two, "forecasts": 10, "outcomes": 3, "mean_probability": 0.2},
        ]
    )
    assert card.bins(seasons, "after_qualifying", "win").rows() == [
        (False, 1, 40, pytest.approx(0.125), 0.15)
    ]


def test_the_area_under_the_curve_compares_pairs(page: str, evidence: Evidence) -> None:
    probability, outcome = np.array([0.1, 0.4, 0.4, 0.9]), np.array([0, 0, 1, 1])
    assert card.area_under_curve(probability, outcome) == (2 + 1.5) / 4
    model, baseline = rows_of(page, "area under the curve")["after qualifying"]
    assert model == "0.50"  # it gives all cars the same probability
    assert float(baseline) > 0.6


def test_favourites_are_counted_by_race(evidence: Evidence, page: str) -> None:
    wins = evidence.predictions.filter(target="win")
    won = [race.sort("probability")["outcome"][-1] for race in wins.partition_by("race_id")]
    cell = rows_of(page, "favourites who won")["after qualifying"][0]
    assert cell.startswith(f"{sum(won) / len(won):.2f} [")


def test_only_forecasts_that_were_written_before_the_race_are_called_so(page: str) -> None:
    """Neither a backtest nor a row that is not scored."""
    assert rows_of(page, "model") == {"`plackett_luce`": ["1", "1"]}
    assert f"{RACES} races of the seasons 2014 to 2015, and {RACES * CARS * 4:,} probabilities" in page


def test_without_a_forecast_the_card_says_so(evidence: Evidence) -> None:
    text = contents(evidence._replace(forecasts=evidence.forecasts.clear()))["model-card.md"]
    assert "None is scored yet." in text


def test_the_title_has_its_scores_and_bins(evidence: Evidence) -> None:
    titles = pl.DataFrame(
        {
            "season": [2001, 2001, 2002, 2002] * 3,
            "moment": [0.25] * 4 + [0.5] * 4 + [0.75] * 4,
            "probability": [0.5, 0.5, 0.25, 0.75, 1.0, 0.0, 0.5, 0.5, 1.0, 0.0, 1.0, 0.0],
            "baseline": [0.5] * 12,
            "is_champion": [True, False] * 6,
        }
    )
    text = contents(evidence._replace(titles=titles))["model-card.md"]
    assert "Seasons 2001 to 2002:" in text
    assert rows_of(text, "odds")["0.4 to 0.6"] == ["4", "0.50", "0.50"]
    assert [
        cells[0] for cells in re.findall(r"\| (?:after \d+% of a season|over all) \| ([\d.]+) ()", text)
    ] == [f"{each:.2f}" for each in title.scores(titles)["log_loss"]]
    assert "Not measured: it needs finished seasons." in contents(evidence)["model-card.md"]


def test_pictures_have_a_point_for_each_bin(evidence: Evidence) -> None:
    files = contents(evidence)
    pictures = {path for path in files if path.endswith(".svg")}
    assert pictures == {f"model-card/{target}-after_qualifying.svg" for target in BETTER}
    assert all(f"]({path})" in files["model-card.md"] for path in pictures)
    found = card.bins(evidence.calibration, "after_qualifying", "win")
    svg = files["model-card/win-after_qualifying.svg"]
    assert svg.count("forecasts</title>") == found.height
    assert "prefers-color-scheme: dark" in svg
    # A bin on the diagonal is on the line.
    even = found.head(1).with_columns(probability=pl.lit(0.5), rate=pl.lit(0.5))
    middle = f'cx="{card.LEFT + card.SIDE / 2:.1f}" cy="{card.TOP + card.SIDE / 2:.1f}"'
    assert middle in card.picture("even", even)


def test_the_text_has_no_figure_of_its_own() -> None:
    """Figures come from the data. Code and file names may have digits."""
    text = re.sub(r"`[^`]*`", "", card.TEMPLATE.read_text(encoding="utf-8"))
    assert re.findall(r"\d+", text.replace("middle 95 %", "")) == []


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
        connection.execute("delete from marts.fct_predictions where is_backtest")
        with pytest.raises(PlainError, match="has no backtest of plackett_luce"):
            card.read(connection, "plackett_luce")


def test_the_command_writes_the_card(simulated_warehouse: Path, tmp_path: Path) -> None:
    shutil.copy(simulated_warehouse, tmp_path / "warehouse.duckdb")
    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        fill(connection)
    result = run(
        SCRIPTS / "model_card.py", "--to", tmp_path / "docs", PITWALL_DATA=tmp_path, OPENBLAS_NUM_THREADS=1
    )
    assert (result.returncode, result.stdout.count("\n")) == (0, 1), result.stdout
    text = (tmp_path / "docs" / "model-card.md").read_text(encoding="utf-8")
    assert "after 50% of a season" in text
    for path in re.findall(r"\]\((model-card/.*?)\)", text):
        assert (tmp_path / "docs" / path).is_file()


def test_the_command_without_a_warehouse_writes_nothing(tmp_path: Path) -> None:
    result = run(SCRIPTS / "model_card.py", "--to", tmp_path / "docs", PITWALL_DATA=tmp_path)
    assert (result.returncode, result.stdout.count("\n")) == (2, 1), result.stdout
    assert "there is no warehouse yet; run `make build` first" in result.stdout
    assert not (tmp_path / "docs").exists()
