"""The model card: docs/model-card.md with its pictures, written from the marts.

The text is docs/model-card/page.md. It has no figure: each comment in it is replaced by what the data say.
"""

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import polars as pl

from pitwall.command import ROOT, PlainError
from pitwall.prediction import title
from pitwall.prediction.features import Array
from pitwall.prediction.tables import frame, open_warehouse

TEMPLATE = ROOT / "docs" / "model-card" / "page.md"
TARGETS = ("win", "podium", "points", "classified")
MOMENTS = {"before_weekend": "before the weekend", "after_qualifying": "after qualifying"}
RESAMPLES = 2000
SEED = 1
INTERVAL = (0.025, 0.975)
CLIP = 1e-6  # as in fct_prediction_scores

# Colours that can be seen on a light and on a dark page. The colour of the text depends on the reader's
# theme.
STYLE = """
text { font: 12px sans-serif; fill: #24292f } .head { font-weight: bold }
.axis { stroke: #8c959f; fill: none } circle { fill-opacity: 0.8 }
.model { fill: #2f81c1 } .baseline { fill: #d2691e }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }
"""
SIDE, LEFT, TOP = 260, 46, 50


class Evidence(NamedTuple):
    """What the card is written from.

    Args:
        model: the model of the backtest.
        predictions: its rows of `fct_predictions` that are scored.
        scores: its rows of `fct_prediction_scores`, with those of the baselines.
        calibration: the same of `fct_prediction_calibration`.
        forecasts: how many forecasts were written before a race: `model`, `races`, `forecasts`.
        titles: what `title.backtest` returns; None if no season can be tested.
    """

    model: str
    predictions: pl.DataFrame
    scores: pl.DataFrame
    calibration: pl.DataFrame
    forecasts: pl.DataFrame
    titles: pl.DataFrame | None


def read(connection: duckdb.DuckDBPyConnection, model: str) -> Evidence:
    """Read the evidence on a model. Raises PlainError if the warehouse has no backtest of it."""
    chosen = f"where is_backtest and model = '{model}' and target in {TARGETS}"
    predictions = frame(
        connection,
        f"""
        select season, race_id, known_at, target, probability::double as probability,
            baseline_probability::double as baseline_probability, outcome
        from marts.fct_predictions {chosen} and is_scored order by all""",
    )
    if predictions.is_empty():
        raise PlainError(
            f"marts.fct_predictions: has no backtest of {model}, so there is no card; run `make backtest`, "
            "then `make build`"
        )
    return Evidence(
        model=model,
        predictions=predictions,
        scores=frame(
            connection,
            f"""
            select is_baseline, season, known_at, target, forecasts, races, outcomes,
                log_loss::double as log_loss, brier_score::double as brier_score
            from marts.fct_prediction_scores {chosen} order by all""",
        ),
        calibration=frame(
            connection,
            f"""
            select is_baseline, known_at, target, bin, forecasts, outcomes,
                mean_probability::double as mean_probability
            from marts.fct_prediction_calibration {chosen} order by all""",
        ),
        forecasts=frame(
            connection,
            """
            select model, count(distinct race_id) as races, count(*) as forecasts
            from marts.fct_predictions where is_scored and not is_backtest group by model order by model""",
        ),
        titles=tested_titles(title.read(connection)),
    )


def tested_titles(seasons: title.Seasons) -> pl.DataFrame | None:
    """The test of the title odds over the finished seasons of its range; None if there are none."""
    finished = sorted(
        {year for (year, _), table in seasons.standings.items() if any(each.is_champion for each in table)}
    )
    # A baseline needs a season before the first one that is tested.
    tested = [year for year in finished[1:] if title.FIRST_TESTED <= year <= title.LAST_TESTED]
    return title.backtest(seasons, tested[0], tested[-1]) if tested else None


def contents(evidence: Evidence) -> dict[str, str]:
    """The page and its pictures: the content of each file, by its path in docs/."""
    files = {
        f"model-card/{target}-{moment}.svg": picture(
            f"{target}, {words}", bins(evidence.calibration, moment, target)
        )
        for moment, words in MOMENTS.items()
        for target in TARGETS
        if measured(evidence, moment, target)
    }
    parts = {
        "tested": tested(evidence),
        "forecasts": forecasts(evidence),
        "scores": scores(evidence),
        "better": verdicts(evidence, is_better=True),
        "not-better": verdicts(evidence, is_better=False),
        "classified": classified(evidence),
        "favourites": favourites(evidence),
        "pictures": "\n".join(f"![Calibration of {Path(path).stem}]({path})" for path in files),
        "title": titles(evidence.titles),
        "title-bins": title_bins(evidence.titles),
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, filled in parts.items():
        text = text.replace(f"<!-- {name} -->", filled)
    if left := re.findall(r"<!-- .* -->", text):
        raise ValueError(f"nothing to fill {left} with")
    return {**files, "model-card.md": text}


def write_card(data: Path, docs: Path, model: str) -> None:
    """Write the page and its pictures into a folder. Raises PlainError if there is no backtest."""
    with open_warehouse(data) as connection:
        files = contents(read(connection, model))
    (docs / "model-card").mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        (docs / path).write_text(content, encoding="utf-8")
    print(f"The model card: {docs / 'model-card.md'}, with {len(files) - 1} pictures.")


# What the marts say


def measured(evidence: Evidence, moment: str, target: str) -> bool:
    """Whether there are forecasts of this target at this moment."""
    return not evidence.predictions.filter(known_at=moment, target=target).is_empty()


def measures(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Each moment and target of which there are forecasts."""
    return (
        (moment, target) for moment in MOMENTS for target in TARGETS if measured(evidence, moment, target)
    )


def mean_score(evidence: Evidence, moment: str, target: str, column: str, *, is_baseline: bool) -> float:
    """A score over all seasons."""
    rows = evidence.scores.filter(known_at=moment, target=target, is_baseline=is_baseline)
    return float(rows.select((pl.col(column) * pl.col("forecasts")).sum() / pl.col("forecasts").sum()).item())


def bins(calibration: pl.DataFrame, moment: str, target: str) -> pl.DataFrame:
    """The bins of a target over all seasons: `is_baseline`, `forecasts`, `probability`, `rate`."""
    forecasts = pl.col("forecasts")
    return (
        calibration.filter(known_at=moment, target=target)
        .group_by("is_baseline", "bin")
        .agg(
            forecasts=forecasts.sum(),
            probability=(pl.col("mean_probability") * forecasts).sum() / forecasts.sum(),
            rate=pl.col("outcomes").sum() / forecasts.sum(),
        )
        .sort("is_baseline", "bin")
    )


def calibration_error(found: pl.DataFrame, *, is_baseline: bool) -> float:
    """The mean distance between probability and rate, weighted by the forecasts of the bins."""
    rows = found.filter(is_baseline=is_baseline)
    distance = (pl.col("probability") - pl.col("rate")).abs()
    return float(rows.select((distance * pl.col("forecasts")).sum() / pl.col("forecasts").sum()).item())


def interval(values: Array, weights: Array) -> tuple[float, float]:
    """The interval of a weighted mean of races, from races drawn at random from them."""
    random = np.random.default_rng(SEED)
    draws = random.integers(len(values), size=(RESAMPLES, len(values)))
    means = (values * weights)[draws].sum(axis=1) / weights[draws].sum(axis=1)
    low, high = np.quantile(means, INTERVAL)
    return float(low), float(high)


def advantage(evidence: Evidence, moment: str, target: str) -> tuple[float, float]:
    """The interval of how much lower the model's log loss is than its baseline's."""
    happened = pl.col("outcome") == 1

    def loss(column: str) -> pl.Expr:
        of_outcome = pl.when(happened).then(column).otherwise(1 - pl.col(column))
        return -of_outcome.clip(CLIP, 1 - CLIP).log()

    races = (
        evidence.predictions.filter(known_at=moment, target=target)
        .group_by("race_id")
        .agg(value=(loss("baseline_probability") - loss("probability")).mean(), weight=pl.len())
        .sort("race_id")
    )
    return interval(races["value"].to_numpy(), races["weight"].to_numpy())


# The parts of the page


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table. The first column is text, the others are numbers."""
    ruler = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [header, ruler, *rows])


def tested(evidence: Evidence) -> str:
    """What the backtest covers."""
    races, rows = evidence.predictions["race_id"].n_unique(), evidence.predictions.height
    seasons = evidence.predictions["season"].to_list()
    return (
        f"The model is `{evidence.model}`. The backtest has {races:,} races of the seasons "
        f"{min(seasons)} to {max(seasons)}, and {rows:,} probabilities."
    )


def forecasts(evidence: Evidence) -> str:
    """How many forecasts were made in time."""
    rows = [[f"`{model}`", f"{races:,}", f"{count:,}"] for model, races, count in evidence.forecasts.rows()]
    return table(["model", "races", "probabilities"], rows) if rows else "None is scored yet."


def scores(evidence: Evidence) -> str:
    """The table of all scores."""
    rows = []
    for moment, target in measures(evidence):
        ours, theirs = (
            mean_score(evidence, moment, target, "log_loss", is_baseline=is_baseline)
            for is_baseline in (False, True)
        )
        brier = mean_score(evidence, moment, target, "brier_score", is_baseline=False)
        low, high = advantage(evidence, moment, target)
        found = bins(evidence.calibration, moment, target)
        rows.append(
            [
                f"{target} {MOMENTS[moment]}",
                f"{ours:.3f}",
                f"{theirs:.3f}",
                f"{theirs - ours:+.4f} [{low:+.4f}, {high:+.4f}]",
                f"{brier:.3f}",
                *(
                    f"{calibration_error(found, is_baseline=is_baseline):.3f}"
                    for is_baseline in (False, True)
                ),
            ]
        )
    header = [
        "",
        "log loss",
        "of the baseline",
        "better by",
        "Brier score",
        "calibration error",
        "of the baseline",
    ]
    return table(header, rows)


def verdicts(evidence: Evidence, *, is_better: bool) -> str:
    """The targets whose interval is above 0, or the others."""
    lines = []
    for moment, target in measures(evidence):
        low, high = advantage(evidence, moment, target)
        if (low > 0) == is_better:
            what = "" if is_better else ": worse" if high < 0 else ": the interval holds no difference"
            lines.append(f"- **{target}** {MOMENTS[moment]}{what}")
    return "\n".join(lines) or "Nowhere."


def area_under_curve(probability: Array, outcome: Array) -> float:
    """The chance that one to whom it happened had a higher probability than one to whom it did not."""
    ranks = pl.Series(probability).rank().to_numpy()
    happened = outcome == 1
    count = happened.sum()
    return float((ranks[happened].sum() - count * (count + 1) / 2) / (count * (~happened).sum()))


def classified(evidence: Evidence) -> str:
    """The area under the curve of `classified`, of the model and of its baseline."""
    rows = []
    for moment, words in MOMENTS.items():
        chosen = evidence.predictions.filter(known_at=moment, target="classified")
        outcome = chosen["outcome"].to_numpy()
        if len(set(outcome.tolist())) == 2:
            areas = [
                area_under_curve(chosen[column].to_numpy(), outcome)
                for column in ("probability", "baseline_probability")
            ]
            rows.append([words, *(f"{area:.2f}" for area in areas)])
    return table(["area under the curve", "model", "baseline"], rows) if rows else "Not measured."


def favourites(evidence: Evidence) -> str:
    """How often the most probable winner won."""
    rows = []
    for moment, words in MOMENTS.items():
        chosen = evidence.predictions.filter(known_at=moment, target="win")
        cells = []
        for column in ("probability", "baseline_probability"):
            best = chosen.sort(column, descending=True, maintain_order=True).group_by(
                "race_id", maintain_order=True
            )
            won: Array = best.first().sort("race_id")["outcome"].to_numpy().astype(float)
            if len(won):
                low, high = interval(won, np.ones(len(won)))
                cells.append(f"{won.mean():.2f} [{low:.2f}, {high:.2f}]")
        if cells:
            rows.append([words, *cells])
    return table(["favourites who won", "model", "baseline"], rows) if rows else "Not measured."


def titles(backtest: pl.DataFrame | None) -> str:
    """The scores of the title odds at each moment."""
    if backtest is None:
        return "Not measured: it needs finished seasons."
    rows = []
    for row in title.scores(backtest).iter_rows(named=True):
        when = "over all" if row["moment"] is None else f"after {row['moment']:.0%} of a season"
        better = f"{row['better_by']:+.2f} [{row['better_by_low']:+.2f}, {row['better_by_high']:+.2f}]"
        rows.append([when, f"{row['log_loss']:.2f}", f"{row['baseline_log_loss']:.2f}", better])
    seasons = backtest["season"].to_list()
    return f"Seasons {min(seasons)} to {max(seasons)}:\n\n" + table(
        ["", "log loss", "of the baseline", "better by"], rows
    )


def title_bins(backtest: pl.DataFrame | None) -> str:
    """The calibration of the title odds."""
    if backtest is None:
        return ""
    rows = [
        [
            f"{(each - 1) / title.BINS:.1f} to {each / title.BINS:.1f}",
            f"{drivers:,}",
            f"{probability:.2f}",
            f"{champions:.2f}",
        ]
        for each, drivers, probability, champions in title.calibration(backtest).rows()
    ]
    return table(["odds", "drivers", "mean of the odds", "became champion"], rows)


def picture(heading: str, found: pl.DataFrame) -> str:
    """A reliability plot as SVG: a point per bin, of the model and of its baseline."""

    def across(share: float) -> str:
        return f"{LEFT + SIDE * share:.1f}"

    def up(share: float, below: int = 0) -> str:
        return f"{TOP + SIDE * (1 - share) + below:.1f}"

    def text(x: str, y: str, words: str, more: str = "") -> str:
        return f'<text x="{x}" y="{y}"{more}>{escape(words)}</text>'

    def point(x: str, y: str, radius: float, kind: str, words: str) -> str:
        return f'<circle cx="{x}" cy="{y}" r="{radius:.1f}" class="{kind}"><title>{words}</title></circle>'

    parts = [
        text("0", "16", heading, ' class="head"'),
        f'<rect x="{LEFT}" y="{TOP}" width="{SIDE}" height="{SIDE}" class="axis"/>',
        f'<path d="M{across(0)} {up(0)}L{across(1)} {up(1)}" class="axis"/>',
    ]
    for kind, x in (("model", LEFT), ("baseline", LEFT + 70)):
        parts += [point(f"{x + 6}", "32", 5, kind, kind), text(f"{x + 16}", "36", kind)]
    most = max(found["forecasts"].to_list(), default=1)
    for row in found.iter_rows(named=True):
        kind = "baseline" if row["is_baseline"] else "model"
        radius = 2 + 8 * (row["forecasts"] / most) ** 0.5
        words = f"{row['forecasts']:,} forecasts"
        parts.append(point(across(row["probability"]), up(row["rate"]), radius, kind, words))
    for share in (0, 0.5, 1):
        parts.append(text(f"{LEFT - 6}", up(share, 4), f"{share:g}", ' text-anchor="end"'))
        parts.append(text(across(share), up(0, 16), f"{share:g}", ' text-anchor="middle"'))
    turned = f' text-anchor="middle" transform="rotate(-90 12 {up(0.5)})"'
    parts.append(text(across(0.5), up(0, 36), "probability", ' text-anchor="middle"'))
    parts.append(text("12", up(0.5), "how often it happened", turned))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + SIDE + 20}" height="{TOP + SIDE + 44}" '
        f'role="img"><title>{escape(heading)}</title><style>{STYLE}</style>{"".join(parts)}</svg>\n'
    )
