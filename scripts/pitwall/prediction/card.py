"""The model card: docs/model-card.md with its pictures, written from the marts.

The text is docs/model-card/page.md. It has no figure: each comment in it is replaced by what the data say.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import polars as pl

from pitwall.command import ROOT, PlainError
from pitwall.prediction import bars, challenger, driver_and_car, model, scores, title
from pitwall.prediction.driver_and_car import Split
from pitwall.prediction.features import Array
from pitwall.prediction.tables import frame, open_warehouse
from pitwall.prediction.targets import MOMENTS, TARGETS
from pitwall.prediction.walk_forward import BASELINE

TEMPLATE = ROOT / "docs" / "model-card" / "page.md"
WINDOW = (2014, 2021)  # of driver and car
DRIVERS = 8

# The backtest of the races, as `walk_forward.run` returns it.
PREDICTIONS = f"""
select season, race_id, driver_id, known_at, target,
    max(probability) filter (where model = '{model.NAME}')::double as {model.NAME},
    max(probability) filter (where model = '{challenger.NAME}')::double as {challenger.NAME},
    max(baseline_probability)::double as {BASELINE},
    max(outcome) as outcome
from marts.fct_predictions
where is_backtest and is_scored and target in {TARGETS} and season >= {bars.FIRST_SEASON}
group by all
having {model.NAME} is not null
order by all"""
FORECASTS = """
select model, count(distinct race_id) as races, count(*) as forecasts
from marts.fct_predictions where is_scored and not is_backtest group by model order by model"""
# The rows of `title.test`. A season was tested at each of its moments, in their order.
TITLES = f"""
select season, {list(title.MOMENTS)}[dense_rank() over (partition by season order by round)] as moment,
    probability::double as probability, baseline_probability::double as baseline, outcome = 1 as is_champion
from marts.fct_predictions
where is_backtest and is_scored and target = 'title' and model = '{title.MODEL}'
order by season, round, driver_id"""

# Colours that can be seen on a light and on a dark page. The colour of the text depends on the reader's
# theme.
STYLE = """
text { font: 12px sans-serif; fill: #24292f } .head { font-weight: bold }
.axis { stroke: #8c959f; fill: none } circle { fill-opacity: 0.8 }
.model { fill: #2f81c1 } .chance { stroke: #2f81c1 } .baseline { fill: #d2691e }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }
"""
SIDE, LEFT, TOP = 260, 46, 50
FEWEST_FORECASTS = 10  # of a bin that is drawn


class Evidence(NamedTuple):
    """What the card is written from.

    Args:
        predictions: of the backtest: a row per race, driver, moment and target, with the probabilities of the
            model, the challenger and the baseline.
        forecasts: how many forecasts were written before a race: `model`, `races`, `forecasts`.
        titles: the backtest of the titles, as `title.scores` takes it.
        splits: driver and car in WINDOW, and in its halves; none if the warehouse has no results of it.
    """

    predictions: pl.DataFrame
    forecasts: pl.DataFrame
    titles: pl.DataFrame
    splits: list[Split]


def read(connection: duckdb.DuckDBPyConnection) -> Evidence:
    """Read the evidence. Raises PlainError if the warehouse has no backtest."""
    predictions = frame(connection, PREDICTIONS)
    if predictions.is_empty():
        raise PlainError(
            f"marts.fct_predictions: has no backtest of {model.NAME} from {bars.FIRST_SEASON} on, so there "
            "is no card; run `make train`, then `make build`"
        )
    splits: list[Split] = []
    with suppress(PlainError):  # the warehouse may have other seasons
        splits = driver_and_car.with_halves(driver_and_car.read(connection), *WINDOW)
    return Evidence(predictions, frame(connection, FORECASTS), frame(connection, TITLES), splits)


def contents(evidence: Evidence) -> dict[str, str]:
    """The page and its pictures: the content of each file, by its path in docs/."""
    measured = list(measures(evidence.predictions))
    files = {
        path_of(moment, target): picture(f"{target}, {bars.words(moment)}", bins(chosen))
        for moment, target, chosen in measured
    }
    parts = {
        "tested": tested(evidence.predictions),
        "depths": ", ".join(f"{depth} {bars.words(moment)}" for moment, depth in model.DEPTH.items()),
        "forecasts": forecasts(evidence.forecasts),
        "scores": scores_tables(evidence.predictions),
        "better": verdicts(evidence.predictions, is_better=True),
        "not-better": verdicts(evidence.predictions, is_better=False),
        "classified": classified(evidence.predictions),
        "favourites": favourites(evidence.predictions),
        "challenger": challenged(evidence.predictions),
        "pictures": pictures(evidence.predictions),
        "title": titles(evidence.titles),
        "title-bins": title_bins(evidence.titles),
        "driver-and-car": split_table(evidence.splits),
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, filled in parts.items():
        text = text.replace(f"<!-- {name} -->", filled)
    if left := re.findall(r"<!-- .* -->", text):
        raise ValueError(f"nothing to fill {left} with")
    return {**files, "model-card.md": text}


def write_card(data: Path, docs: Path) -> None:
    """Write the page and its pictures into a folder. Raises PlainError if there is no backtest."""
    with open_warehouse(data) as connection:
        files = contents(read(connection))
    (docs / "model-card").mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        (docs / path).write_text(content, encoding="utf-8")
    print(f"The model card: {docs / 'model-card.md'}, with {len(files) - 1} pictures.")


# What the marts say


def measures(predictions: pl.DataFrame) -> Iterator[tuple[str, str, pl.DataFrame]]:
    """Each moment and target of which there are forecasts, with them."""
    for moment in MOMENTS:
        for target in TARGETS:
            chosen = predictions.filter(known_at=moment, target=target)
            if chosen.height:
                yield moment, target, chosen


def bins(predictions: pl.DataFrame) -> pl.DataFrame:
    """The bins of one target: `is_baseline`, `bin`, `forecasts`, `probability`, `rate`."""
    frames = [
        predictions.group_by(
            (pl.col(name) * scores.BINS).cast(pl.Int32).clip(0, scores.BINS - 1).alias("bin")
        )
        .agg(forecasts=pl.len(), probability=pl.col(name).mean(), rate=pl.col("outcome").mean())
        .select(pl.lit(name == BASELINE).alias("is_baseline"), pl.all())
        .sort("bin")
        for name in (model.NAME, BASELINE)
    ]
    return pl.concat(frames)


def advantage(
    predictions: pl.DataFrame, name: str = model.NAME, other: str = BASELINE
) -> tuple[float, float, float]:
    """How much lower the log loss of a model is than another's, and the interval of it."""
    better, (low, high), _ = bars.mean_by_race(predictions, bars.gain(predictions, name, other))
    return better, low, high


# The parts of the page


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table. The first column is text, the others are numbers."""
    ruler = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [header, ruler, *rows])


def with_interval(value: float, low: float, high: float, form: str = "+.3f") -> str:
    """A value and its interval."""
    return f"{value:{form}} [{low:{form}}, {high:{form}}]"


def verdict(low: float, high: float) -> str:
    """What an interval says of a model that may be better than another."""
    return "better" if low > 0 else "worse" if high < 0 else "no certain difference"


def tested(predictions: pl.DataFrame) -> str:
    """What the backtest covers."""
    seasons, races = predictions["season"].to_list(), predictions["race_id"].n_unique()
    return (
        f"The figures are of the seasons {min(seasons)} to {max(seasons)}: {races:,} races, "
        f"{predictions.height:,} probabilities of `{model.NAME}`."
    )


def forecasts(found: pl.DataFrame) -> str:
    """How many forecasts were made in time."""
    rows = [[f"`{name}`", f"{races:,}", f"{count:,}"] for name, races, count in found.rows()]
    return table(["model", "races", "probabilities"], rows) if rows else "None is scored yet."


def scores_tables(predictions: pl.DataFrame) -> str:
    """The scores, a table for each moment."""
    rows: dict[str, list[list[str]]] = {}
    for moment, target, chosen in measures(predictions):
        outcomes = chosen["outcome"].to_numpy()
        ours, theirs = (scores.of(chosen[name], outcomes) for name in (model.NAME, BASELINE))
        rows.setdefault(moment, []).append(
            [
                target,
                f"{ours['log_loss']:.3f}",
                f"{theirs['log_loss']:.3f}",
                with_interval(*advantage(chosen)),
                f"{ours['calibration_error']:.3f}",
                f"{theirs['calibration_error']:.3f}",
            ]
        )
    header = ["log loss", "baseline's", "better by", "calibration error", "baseline's"]
    return "\n\n".join(table([bars.words(moment), *header], found) for moment, found in rows.items())


def verdicts(predictions: pl.DataFrame, *, is_better: bool) -> str:
    """The targets whose interval is above 0, or the others; beside them both halves of the seasons."""
    rows = []
    for moment, target, chosen in measures(predictions):
        _, low, high = advantage(chosen)
        if (low > 0) == is_better:
            halves = [chosen.filter(pl.col("season").is_between(*half)) for half in bars.HALVES]
            cells = [with_interval(*advantage(half)) if half.height else "" for half in halves]
            rows.append([f"**{target}** {bars.words(moment)}", verdict(low, high), *cells])
    header = ["better by", "all seasons", *(f"{first} to {last}" for first, last in bars.HALVES)]
    return table(header, rows) if rows else "Nowhere."


def classified(predictions: pl.DataFrame) -> str:
    """The area under the curve of `classified`, of the model and of its baseline."""
    rows = []
    for moment, target, chosen in measures(predictions):
        if target == "classified" and chosen["outcome"].n_unique() == 2:
            outcomes = chosen["outcome"].to_numpy()
            areas = [
                scores.area_under_curve(chosen[name].to_numpy(), outcomes) for name in (model.NAME, BASELINE)
            ]
            rows.append([bars.words(moment), *(f"{area:.2f}" for area in areas)])
    return table(["area under the curve", "model", "baseline"], rows) if rows else "Not measured."


def favourites(predictions: pl.DataFrame) -> str:
    """How often the most probable winner won."""
    rows = []
    for moment, target, chosen in measures(predictions):
        if target == "win":
            cells = []
            for name in (model.NAME, BASELINE):
                best = chosen.sort(name, descending=True, maintain_order=True).group_by("race_id").first()
                won: Array = best.sort("race_id")["outcome"].to_numpy().astype(float)
                means = scores.resampled_means(won, np.ones(len(won)))
                cells.append(with_interval(float(won.mean()), *scores.interval(means), form=".2f"))
            rows.append([bars.words(moment), *cells])
    return table(["favourites who won", "model", "baseline"], rows) if rows else "Not measured."


def challenged(predictions: pl.DataFrame) -> str:
    """How much better the challenger is, where it was tested."""
    rows = [
        [f"{target} {bars.words(moment)}", with_interval(*advantage(found, challenger.NAME, model.NAME))]
        for moment, target, chosen in measures(predictions)
        if (found := chosen.drop_nulls(challenger.NAME)).height
    ]
    return table(["", "LightGBM is better by"], rows) if rows else "Not measured."


def path_of(moment: str, target: str) -> str:
    """The path of a picture in docs/."""
    return f"model-card/{target}-{moment}.svg"


def pictures(predictions: pl.DataFrame) -> str:
    """The pictures, a row for each target."""
    measured = {(moment, target) for moment, target, _ in measures(predictions)}
    columns = [moment for moment in MOMENTS if any(moment == found for found, _ in measured)]
    rows = [
        [
            f"![{target}, {bars.words(moment)}]({path_of(moment, target)})"
            if (moment, target) in measured
            else ""
            for moment in columns
        ]
        for target in TARGETS
        if any(target == found for _, found in measured)
    ]
    return table([bars.words(moment) for moment in columns], rows)


def titles(backtest: pl.DataFrame) -> str:
    """The scores of the title odds at each moment."""
    if backtest.is_empty():
        return "Not measured: it needs finished seasons."
    rows = []
    for row in title.scores(backtest).iter_rows(named=True):
        when = "over all" if row["moment"] is None else f"after {100 * row['moment']:.0f} % of a season"
        better = with_interval(row["better_by"], row["better_by_low"], row["better_by_high"], "+.2f")
        rows.append(
            [
                when,
                f"{row['log_loss']:.2f}",
                f"{row['baseline_log_loss']:.2f}",
                better,
                verdict(row["better_by_low"], row["better_by_high"]),
            ]
        )
    seasons = backtest["season"].to_list()
    return f"Seasons {min(seasons)} to {max(seasons)}:\n\n" + table(
        ["", "log loss", "baseline's", "better by", ""], rows
    )


def title_bins(backtest: pl.DataFrame) -> str:
    """The calibration of the title odds."""
    rows = [
        [
            f"{(each - 1) / title.BINS:.1f} to {each / title.BINS:.1f}",
            f"{drivers:,}",
            f"{probability:.2f}",
            f"{champions:.2f}",
        ]
        for each, drivers, probability, champions in title.calibration(backtest).rows()
    ]
    return table(["odds", "drivers", "mean of the odds", "became champion"], rows) if rows else ""


def split_table(splits: list[Split]) -> str:
    """The car's share in each window, and the best drivers of the first one."""
    if not splits:
        return f"Not measured: the warehouse has no results of {WINDOW[0]} to {WINDOW[1]}."
    windows = [f"{each.first} to {each.last}" for each in splits]
    shares = [
        with_interval(each.car_share, each.car_share_low, each.car_share_high, ".2f") for each in splits
    ]
    drivers = [
        [name, *(driver_and_car.effect_of(each.drivers.filter(driver_name=name)) for each in splits)]
        for name in driver_and_car.listed(splits[0]).head(DRIVERS)
    ]
    return table(["", *windows], [["**the car's share**", *shares], *drivers])


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
    for row in found.filter(pl.col("forecasts") >= FEWEST_FORECASTS).iter_rows(named=True):
        kind = "baseline" if row["is_baseline"] else "model"
        radius = 2 + 5 * (row["forecasts"] / most) ** 0.5
        words = f"{row['forecasts']:,} forecasts"
        parts.append(point(across(row["probability"]), up(row["rate"]), radius, kind, words))
        if not row["is_baseline"]:
            # Two standard deviations of the rate of independent forecasts.
            share = row["probability"]
            reach = 2 * (share * (1 - share) / row["forecasts"]) ** 0.5
            low, high = up(max(share - reach, 0)), up(min(share + reach, 1))
            parts.append(f'<path d="M{across(share)} {low}V{high}" class="chance"/>')
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
