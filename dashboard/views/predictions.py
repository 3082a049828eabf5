"""Predictions: the next race, the title, and how good the forecasts and the backtest were."""

from typing import Any

import altair as alt
import polars as pl
import streamlit as st
from charts import band_heights, extent
from controls import seasons_between, switch
from show import choose, number, show
from theme import constructor_colors, ground, is_dark
from warehouse import query

ROW = 22
# The model card and the bars are of the seasons from this one on: earlier ones were used to choose the model.
FIRST_SEASON = 2014
TARGETS = {
    "Win": "win",
    "Podium": "podium",
    "Points": "points",
    "Classified": "classified",
    "Title": "title",
}
MOMENTS = {"Before the weekend": "before_weekend", "After qualifying": "after_qualifying"}
GOALS = {
    "win": "to win",
    "podium": "to be on the podium",
    "points": "to score points",
    "classified": "to be classified",
    "title": "to win the title",
}
# The same as `plain`, in a chart.
PLAIN_LABEL = (
    "replace(replace(replace(datum.label, regexp('_', 'g'), ' '), 'plackett luce', 'Plackett-Luce'), "
    "'lightgbm', 'LightGBM')"
)
HOW = (
    "The ledger has no {what}. `make train` trains the model and tests it on past seasons, `make predict` "
    "writes a forecast of the next race, and `make build` loads both."
)


def chances(frame: pl.DataFrame, tooltip: list[alt.Tooltip]) -> Any:
    """A bar for the chance of each driver, and a mark at that of the baseline."""
    drawn = frame.with_columns(
        color=pl.col("constructor_id").replace_strict(
            constructor_colors(), default=ground().quiet, return_dtype=pl.String
        ),
        # Names of two drivers may be equal: bars follow the order of the frame.
        text=pl.when(pl.col("probability_percent") < 0.1)
        .then(pl.lit("< 0.1"))
        .otherwise(pl.col("probability_percent").round(1).cast(pl.String)),
        # Right of the mark too, so that it does not cover the number.
        text_x=pl.max_horizontal("probability_percent", "baseline_percent"),
    )
    base = alt.Chart(drawn).encode(
        y=alt.Y("driver_name:N", sort=None, title=None, axis=alt.Axis(grid=False, labelColor=ground().ink)),
        tooltip=[
            alt.Tooltip("driver_name:N", title="driver"),
            alt.Tooltip("constructor_name:N", title="team"),
            alt.Tooltip("probability_percent:Q", title="chance in %", format=".1f"),
            alt.Tooltip("baseline_percent:Q", title="baseline in %", format=".1f"),
            *tooltip,
        ],
    )
    value = alt.X(
        "probability_percent:Q",
        title="chance in %",
        axis=alt.Axis(grid=True, tickCount=6),
        scale=alt.Scale(domainMin=0),
    )
    bars = base.mark_bar(height=ROW - 8).encode(x=value, color=alt.Color("color:N", scale=None))
    texts = base.mark_text(align="left", dx=5, color=ground().ink).encode(x="text_x:Q", text="text:N")
    if drawn["baseline_percent"].is_null().all():
        return alt.layer(bars, texts)
    marks = base.mark_tick(color=ground().ink, thickness=3, height=ROW - 4).encode(x="baseline_percent:Q")
    return alt.layer(bars, marks, texts)


def plain(name: str) -> str:
    """The name of a model, a baseline or a circuit, as in a sentence."""
    return name.replace("_", " ").replace("plackett luce", "Plackett-Luce").replace("lightgbm", "LightGBM")


def race_of(forecast: dict[str, Any]) -> str:
    """The race of a forecast. A race that was not yet in the calendar has only its circuit."""
    return str(forecast["race_name"] or plain(forecast["circuit_ref"]))


def written(row: dict[str, Any], race: str) -> str:
    """When a forecast was written and by what, whether it counts, and what it is compared with."""
    text = (
        f"Forecast of {row['predicted_at']:%-d %B %Y} by {plain(row['model'])}, "
        f"version {row['model_version']}, trained on races to {row['trained_through']:%-d %B %Y}."
    )
    if not row["is_before_race"]:
        text += f" It was written after the date of {race}, so it is never scored."
    if row["baseline"]:
        text += f" Marks: the baseline, {plain(row['baseline'])}."
    return text


def race() -> None:
    """The forecast of a race: the next one, unless another is chosen."""
    forecasts = query("predictions/forecasts").frame
    if forecasts.is_empty():
        st.info(HOW.format(what="forecast of a race"))
        return
    moments = {known_at: text for text, known_at in MOMENTS.items()}
    options = {
        f"{row['season']} {race_of(row)}, {moments[row['known_at']].lower()}": row
        for row in forecasts.iter_rows(named=True)
    }
    columns = st.columns(2)
    with columns[0]:
        label = choose("Forecast", list(options), "forecast")
    with columns[1]:
        target = TARGETS[switch("Chance of", [each for each in TARGETS if each != "Title"], "chance")]
    chosen = options[label]
    answer = query(
        "predictions/race",
        season=chosen["season"],
        round=chosen["round"],
        circuit=chosen["circuit_ref"],
        known_at=chosen["known_at"],
        target=target,
    )
    frame = answer.frame
    finding, note = "No forecast of this kind was written", ""
    if frame.height:
        first = frame.row(0, named=True)
        finding = (
            f"{chosen['season']} {race_of(chosen)}: {first['driver_name']} has the "
            f"best chance {GOALS[target]}, {number(round(first['probability_percent'], 1))} %"
        )
        note = written(first, "the race")
    show(
        chances(frame, [alt.Tooltip("outcome:Q", title="happened (1: yes)")]),
        frame,
        answer.sql,
        "forecast_of_race",
        "A bar for each driver: the chance of the forecast.",
        title=finding,
        note=note,
        empty=HOW.format(what="forecast of this kind"),
        height=band_heights(frame.height, ROW),
    )


def title() -> None:
    """The last odds of the title."""
    answer = query("predictions/titles")
    frame = answer.frame
    if frame.is_empty():
        st.info(HOW.format(what="odds of the title"))
        return
    first = frame.row(0, named=True)
    show(
        chances(
            frame,
            [
                alt.Tooltip("championship_position:Q", title="place"),
                alt.Tooltip("points_counted:Q", title="points"),
            ],
        ),
        frame,
        answer.sql,
        "odds_of_title",
        "A bar for each driver: the chance to win the title.",
        title=f"{first['driver_name']} wins the {first['season']} title with a chance of "
        f"{number(round(first['probability_percent'], 1))} %",
        note=written(first, "the race that came next"),
        height=band_heights(frame.height, ROW),
    )


def scored() -> tuple[bool, pl.DataFrame] | None:
    """Whether to show forecasts or the backtest, and what of it is scored. The two are never mixed."""
    everything = query("predictions/scored").frame
    kind = switch("Scores of", ["Backtest", "Forecasts"], "scores_of")
    is_backtest = kind == "Backtest"
    known = everything.filter(pl.col("is_backtest") == is_backtest)
    if known.is_empty():
        st.info(
            HOW.format(what="backtest that is scored")
            if is_backtest
            else "No forecast is scored yet. A forecast that was written before its race is scored once "
            "the race has results. `make predict` writes one."
        )
        return None
    return is_backtest, known


def seasons_of(known: pl.DataFrame) -> tuple[int, int]:
    """The seasons to score, from the slider."""
    first, last = extent(known["first_season"])[0], extent(known["last_season"])[1]
    return seasons_between(int(first), int(last), "scored_seasons", FIRST_SEASON)


def pair() -> tuple[str, str]:
    """The colors of a model and of its baseline; they have different shapes too."""
    return ("#4a9ccb", "#e0913a") if is_dark() else ("#1f6f9f", "#b3611a")


def scorecard() -> None:
    """The log loss of each model beside that of its baseline."""
    found = scored()
    if found is None:
        return
    is_backtest, known = found
    first, last = seasons_of(known)
    answer = query("predictions/scorecard", is_backtest=is_backtest, first_season=first, last_season=last)
    frame = answer.frame
    what = "backtest" if is_backtest else "forecasts"
    moments = {known_at: text.lower() for text, known_at in MOMENTS.items()}
    finding = f"The {what} of these seasons: nothing is scored"
    if frame.height:
        model = "plackett_luce" if "plackett_luce" in frame["model"] else frame["model"][0]
        own = frame.filter(pl.col("model").is_in([model, "title_simulation"]))
        better = own.filter(pl.col("better_by") > 0).height
        years = f"{first} to {last}" if first != last else str(first)
        finding = (
            f"{what.capitalize()}, {years}: the model beats its baseline in {better} of {own.height} "
            "comparisons"
        )
    drawn = frame.with_columns(
        row=pl.concat_str(
            pl.col("target"),
            pl.lit(", "),
            pl.col("known_at").replace_strict(moments, default=pl.col("known_at")),
        )
    )
    base = alt.Chart(drawn).encode(
        y=alt.Y(
            "row:N",
            sort=None,
            title=None,
            axis=alt.Axis(
                grid=False, labelColor=ground().ink, labelLimit=alt.expr("width < 420 ? 170 : 240")
            ),
        ),
        yOffset=alt.YOffset("model:N"),
        tooltip=[
            alt.Tooltip("target:N", title="forecast of"),
            alt.Tooltip("model:N", title="model"),
            alt.Tooltip("log_loss:Q", title="log loss", format=".3f"),
            alt.Tooltip("baseline:N", title="baseline"),
            alt.Tooltip("baseline_log_loss:Q", title="its log loss", format=".3f"),
            alt.Tooltip("better_by_percent:Q", title="better by %", format="+.1f"),
            alt.Tooltip("forecasts:Q", title="forecasts", format=","),
        ],
    )
    value, color = pair()
    models = sorted(frame["model"].unique().to_list()) if frame.height else []
    bars = base.mark_bar().encode(
        x=alt.X(
            "better_by_percent:Q",
            title="log loss below that of the baseline, in %",
            axis=alt.Axis(grid=True, tickCount=6),
        ),
        color=alt.Color(
            "model:N",
            title=None,
            scale=alt.Scale(domain=models, range=[ground().quiet, value, color][: len(models)]),
            legend=alt.Legend(
                orient="bottom", columns=alt.expr("width < 420 ? 2 : 3"), labelExpr=PLAIN_LABEL
            ),
        ),
    )
    zero = alt.Chart(pl.DataFrame({"zero": [0]})).mark_rule(color=ground().quiet).encode(x="zero:Q")
    show(
        alt.layer(bars, zero),
        frame,
        answer.sql,
        f"scorecard_of_{what}",
        "Bars: by how much the log loss of a model is below that of its baseline.",
        title=finding,
        note="Log loss: lower is better. A bar to the right: the model is better than the simplest rule, "
        "on the same cars. "
        + (
            "A backtest predicts past seasons by a model that had not seen them; it is no forecast."
            if is_backtest
            else "Only forecasts that were written before the race count."
        ),
        empty=f"In these seasons nothing of the {what} is scored.",
        height=420,
    )
    show(
        frame.with_columns(
            pl.col("known_at").replace(moments),
            pl.col("model", "baseline").map_elements(plain, return_dtype=pl.String),
        ),
        frame,
        answer.sql,
        f"scores_of_{what}",
        "A row for each target, moment and model.",
        title="The scores",
        columns={
            "known_at": "Known",
            "target": "Target",
            "model": "Model",
            "baseline": "Baseline",
            "first_season": st.column_config.NumberColumn("From", format="%d"),
            "last_season": st.column_config.NumberColumn("To", format="%d"),
            "forecasts": st.column_config.NumberColumn("Forecasts", format="localized"),
            "outcomes": st.column_config.NumberColumn("Happened", format="localized"),
            "log_loss": st.column_config.NumberColumn("Log loss", format="%.3f"),
            "baseline_log_loss": st.column_config.NumberColumn("Baseline's", format="%.3f"),
            "better_by": st.column_config.NumberColumn("Better by", format="%+.3f"),
            "better_by_percent": st.column_config.NumberColumn("Better by %", format="%+.1f"),
            "brier_score": st.column_config.NumberColumn("Brier score", format="%.3f"),
            "baseline_brier_score": st.column_config.NumberColumn("Baseline's Brier", format="%.3f"),
        },
    )


def reliability() -> None:
    """Whether things happen as often as they were predicted."""
    found = scored()
    if found is None:
        return
    is_backtest, known = found
    columns = st.columns(2)
    with columns[0]:
        label = switch(
            "Chance of", [each for each, name in TARGETS.items() if name in known["target"]], "reliability_of"
        )
    target = TARGETS[label]
    at = [
        text for text, name in MOMENTS.items() if name in known.filter(pl.col("target") == target)["known_at"]
    ]
    with columns[1]:
        # A title is forecast at one moment only, which needs no choice.
        moment = MOMENTS[switch("Known", at, "reliability_at") if len(at) > 1 else at[0]]
    first, last = seasons_of(known)
    values = {
        "is_backtest": is_backtest,
        "known_at": moment,
        "target": target,
        "first_season": first,
        "last_season": last,
    }
    reliability_of(values)
    by_season(values)


def reliability_of(values: dict[str, Any]) -> None:
    """What was predicted beside what happened, for the model and its baseline."""
    answer = query("predictions/reliability", **values)
    what = "Backtest" if values["is_backtest"] else "Forecasts"
    models = [each for each in answer.frame["model"].unique().sort() if each != "lightgbm"]
    model = models[0] if models else "lightgbm"
    frame = answer.frame.filter(pl.col("model") == model)
    finding = f"{what}: nothing of these seasons is scored"
    if frame.height:
        own = frame.filter(~pl.col("is_baseline"))
        base_line = frame.filter("is_baseline")
        finding = (
            f"{what}: chances {GOALS[str(values['target'])]} were off by {number(own['mean_error'][0])} "
            f"percentage points on average, those of the baseline by {number(base_line['mean_error'][0])}"
        )
    value, color = pair()
    names = [model, *frame.filter("is_baseline")["forecaster"].unique().to_list()]
    top = 100
    base = alt.Chart(frame).encode(
        x=alt.X(
            "predicted_percent:Q",
            title="predicted, in %",
            scale=alt.Scale(domain=[0, top]),
            axis=alt.Axis(grid=True),
        ),
        y=alt.Y("happened_percent:Q", title="happened, in %", scale=alt.Scale(domain=[0, top])),
        color=alt.Color(
            "forecaster:N",
            title=None,
            scale=alt.Scale(domain=names, range=[value, color]),
            legend=alt.Legend(orient="top", labelExpr=PLAIN_LABEL),
        ),
        shape=alt.Shape(
            "forecaster:N", scale=alt.Scale(domain=names, range=["circle", "diamond"]), legend=None
        ),
        tooltip=[
            alt.Tooltip("forecaster:N", title="forecaster"),
            alt.Tooltip("predicted_percent:Q", title="predicted %"),
            alt.Tooltip("happened_percent:Q", title="happened %"),
            alt.Tooltip("forecasts:Q", title="forecasts", format=","),
            alt.Tooltip("outcomes:Q", title="of which happened", format=","),
        ],
    )
    points = base.mark_point(filled=True, opacity=0.9).encode(
        size=alt.Size("forecasts:Q", scale=alt.Scale(type="sqrt", range=[60, 700]), legend=None)
    )
    ends = pl.DataFrame({"predicted_percent": [0, top], "happened_percent": [0, top]})
    diagonal = (
        alt.Chart(ends)
        .mark_line(color=ground().quiet, strokeDash=[4, 4])
        .encode(x="predicted_percent:Q", y="happened_percent:Q")
    )
    show(
        alt.layer(diagonal, base.mark_line(opacity=0.5), points),
        frame,
        answer.sql,
        "reliability",
        "Points: how often things happened that were predicted with this probability.",
        title=finding,
        note="On the dashed line, things happen as often as predicted. A larger point has more forecasts.",
        empty="In these seasons nothing of this kind is scored.",
        height=440,
    )


def by_season(values: dict[str, Any]) -> None:
    """By how much the model was better than its baseline, season by season."""
    answer = query("predictions/season_scores", **values)
    models = [each for each in answer.frame["model"].unique().sort() if each != "lightgbm"]
    model = models[0] if models else "lightgbm"
    frame = answer.frame.filter(pl.col("model") == model)
    better = frame.filter(pl.col("better_by") > 0).height
    what = "backtest" if values["is_backtest"] else "forecasts"
    value, color = pair()
    show(
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X(
                "season:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True, labelSeparation=8)
            ),
            y=alt.Y("better_by:Q", title="log loss below that of the baseline"),
            color=alt.condition("datum.better_by > 0", alt.value(value), alt.value(color)),
            tooltip=[
                alt.Tooltip("season:O", title="season"),
                alt.Tooltip("better_by:Q", title="better by", format="+.4f"),
                alt.Tooltip("log_loss:Q", title="log loss", format=".4f"),
                alt.Tooltip("baseline_log_loss:Q", title="baseline's", format=".4f"),
                alt.Tooltip("forecasts:Q", title="forecasts"),
            ],
        ),
        frame,
        answer.sql,
        "scores_by_season",
        "Bars by season: the log loss of the baseline minus that of the model.",
        title=f"In the {what}, {plain(model)} was better than its baseline in {better} of {frame.height} "
        "seasons",
        note="Above zero, the model is better.",
        empty="In these seasons nothing of this kind is scored.",
        height=280,
    )


VIEWS = {"Race": race, "Title": title, "Scorecard": scorecard, "Reliability": reliability}

st.title("Predictions")
VIEWS[switch("View", list(VIEWS), "prediction_view")]()
