"""Constructors: seasons and wins, and what stopped their cars."""

from typing import Any

import altair as alt
import polars as pl
import streamlit as st
from charts import lines
from controls import figures, switch
from show import choose, number, show
from theme import constructor_colors, ground, is_dark
from warehouse import query

YEARS = alt.Axis(format="d", tickMinStep=1, labelOverlap=True, labelSeparation=8)
# For causes in the order of their frequency: on a light ground, on a dark ground. Lightness differs too.
CAUSES = [
    ("#0b4566", "#a6dcff"),
    ("#d98a2b", "#b8660f"),
    ("#3a83b0", "#3f8fbe"),
    ("#f0c98f", "#7a4a15"),
    ("#7d6ba8", "#8f7cc0"),
    ("#a9cfe4", "#235672"),
]
# All other causes, and cars whose cause the source does not name.
OTHER = ("#cfd0cc", "#3c4046")
WHOLE_FIELD = 0


def seasons_of(constructor: int, name: str) -> None:
    """The wins by season, and a table of the seasons."""
    totals = query("constructors/career", constructor=constructor).frame.row(0, named=True)
    figures(
        {
            "Seasons": totals["seasons"],
            "Races": totals["starts"],
            "Titles": totals["titles"],
            "Wins": totals["wins"],
            "Podium places": totals["podium_places"],
            "Poles": totals["poles"],
            "Finished": f"{number(totals['finishes_percent'])} %" if totals["car_starts"] else None,
        }
    )
    answer = query("constructors/seasons", constructor=constructor)
    frame = answer.frame
    color = constructor_colors().get(constructor, ground().quiet)
    base = alt.Chart(frame).encode(
        x=alt.X("season:Q", title=None, axis=YEARS, scale=alt.Scale(nice=False, padding=14)),
        tooltip=[
            alt.Tooltip("season:Q", title="season", format="d"),
            alt.Tooltip("wins:Q", title="wins"),
            alt.Tooltip("starts:Q", title="races"),
            alt.Tooltip("wins_percent:Q", title="% of races won"),
            alt.Tooltip("podium_places:Q", title="podium places"),
            alt.Tooltip("poles:Q", title="poles"),
            alt.Tooltip("points:Q", title="points"),
            alt.Tooltip("championship_position:Q", title="place"),
        ],
    )
    wins = alt.Y("wins:Q", title="races won", axis=alt.Axis(tickMinStep=1, format="d"))
    # Wide enough to see, and never wider than a season.
    bars = base.mark_bar(
        width=alt.expr(f"min(22, max(3, width / {frame.height + 2} - 3))"), color=color
    ).encode(y=wins)
    titles = base.mark_text(dy=-9, fontSize=14, color=ground().ink, text="★").encode(y=wins)
    show(
        alt.layer(bars, titles.transform_filter("datum.is_champion")),
        frame,
        answer.sql,
        f"seasons_of_constructor_{constructor}",
        "Bars: races won, by season.",
        title=wins_title(name, totals),
        note="Races won by season. A star: constructors' champion.",
        height=320,
    )
    show(
        None,
        frame.sort("season", descending=True),
        answer.sql,
        f"table_of_constructor_{constructor}",
        "A row for each season.",
        title="Season by season",
        columns={
            "season": st.column_config.NumberColumn("Season", format="%d"),
            "starts": "Races",
            "wins": "Wins",
            "podium_places": "Podium places",
            "poles": "Poles",
            "points": st.column_config.NumberColumn("Points", format="%g"),
            "championship_position": "Place",
            "is_champion": "Champion",
            "is_season_complete": "Season complete",
            "car_starts": "Cars started",
            "finishes": "Cars finished",
            "wins_percent": st.column_config.NumberColumn("Won %", format="%.1f"),
            "finishes_percent": st.column_config.NumberColumn("Finished %", format="%.1f"),
            "field_finishes_percent": st.column_config.NumberColumn("Field finished %", format="%.1f"),
            "all_finishes_percent": None,
            "all_field_finishes_percent": None,
        },
    )


def wins_title(name: str, totals: dict[str, Any]) -> str:
    """What the seasons came to."""
    if not totals["starts"]:
        return f"{name} entered, and never started a race"
    races = "race" if totals["starts"] == 1 else "races"
    if totals["wins"]:
        finding = (
            f"{name} won {totals['wins']} of {totals['starts']:,} {races}, {number(totals['wins_percent'])} %"
        )
    elif totals["best_finish"]:
        finding = (
            f"{name} never won in {totals['starts']} {races}: the best place was {totals['best_finish']}"
        )
    else:
        finding = f"{name} was never classified in {totals['starts']} {races}"
    if totals["titles"]:
        times = (
            "one constructors' title" if totals["titles"] == 1 else f"{totals['titles']} constructors' titles"
        )
        finding += f", and {times}"
    return finding


def reliability(constructor: int, name: str) -> None:
    """How many cars finished beside the field, and what stopped the others."""
    finishing_rate(constructor, name)
    columns = st.columns(2)
    with columns[0]:
        by = switch("By", ["Decade", "Season"], "causes_by").lower()
    with columns[1]:
        whose = switch("Cars of", ["This constructor", "All constructors"], "causes_of")
    causes(constructor if whose == "This constructor" else WHOLE_FIELD, name, by)


def finishing_rate(constructor: int, name: str) -> None:
    """The cars that finished, season by season, beside all constructors."""
    answer = query("constructors/seasons", constructor=constructor)
    known = answer.frame.filter(pl.col("car_starts") > 0)
    finding = f"No car of {name} ever started"
    if known.height:
        own, field = known["all_finishes_percent"][0], known["all_field_finishes_percent"][0]
        compared = "as many as" if own == field else "more than" if own > field else "fewer than"
        finding = (
            f"{number(own)} % of the cars of {name} finished, {compared} the field: "
            f"{number(field)} % in the same seasons"
        )
    shared = ["season", "finishes_percent", "field_finishes_percent", "car_starts", "finishes"]
    long = pl.concat(
        [
            known.select(*shared, percent="finishes_percent", name=pl.lit(name)),
            known.select(*shared, percent="field_finishes_percent", name=pl.lit("All")),
        ]
    ).with_columns(
        color=pl.when(pl.col("name") == name)
        .then(pl.lit(constructor_colors().get(constructor, ground().ink)))
        .otherwise(pl.lit(ground().quiet)),
        mate=pl.when(pl.col("name") == name).then(0).otherwise(1).cast(pl.Int64),
    )
    # Without a row there is nothing to draw, and `empty` is shown.
    chart = known.height and lines(
        long,
        x=alt.X("season:Q", title=None, axis=YEARS, scale=alt.Scale(nice=False)),
        y="percent",
        y_title="% of the cars that started",
        domain=(0, 100),
        key="name",
        label="name",
        line={"point": {"size": 40}} if known.height == 1 else None,
        height=320,
        tooltip=[
            alt.Tooltip("season:Q", title="season", format="d"),
            alt.Tooltip("finishes_percent:Q", title=f"{name}: % finished".replace(".", "")),
            alt.Tooltip("field_finishes_percent:Q", title="all: % finished"),
            alt.Tooltip("finishes:Q", title="cars finished"),
            alt.Tooltip("car_starts:Q", title="cars started"),
        ],
    )
    show(
        chart,
        known,
        answer.sql,
        f"finishing_rate_of_constructor_{constructor}",
        "Two lines by season: the cars that finished, of the constructor and of all constructors.",
        title=finding,
        note="A car finished if it ran at the flag and kept its result. The dashed line is the whole field.",
        empty=f"No car of {name} ever started a race.",
        height=320,
    )


def causes(constructor: int, name: str, by: str) -> None:
    """What stopped the cars, in per cent of those that started."""
    answer = query("constructors/causes", constructor=constructor, by=by)
    frame = answer.frame
    who = "all constructors" if constructor == WHOLE_FIELD else name
    order = frame.sort("cause_rank")["cause"].unique(maintain_order=True).to_list()
    dark = is_dark()
    colors = [OTHER[dark] if each == "other" else CAUSES[rank][dark] for rank, each in enumerate(order)]
    drawn = frame.with_columns(shown=period_name(by))
    show(
        alt.Chart(drawn)
        .mark_bar(stroke=ground().paper, strokeWidth=0.5 if by == "season" else 1)
        .encode(
            x=alt.X("shown:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y("failures_percent:Q", title="% of the cars that started"),
            color=alt.Color(
                "cause:N",
                title=None,
                scale=alt.Scale(domain=order, range=colors),
                legend=alt.Legend(
                    orient="bottom",
                    columns=alt.expr("width < 420 ? 2 : 4"),
                    labelLimit=180,
                    symbolType="square",
                ),
            ),
            order=alt.Order("cause_rank:Q"),
            tooltip=[
                alt.Tooltip("shown:N", title="when"),
                alt.Tooltip("cause:N", title="reason out"),
                alt.Tooltip("failures:Q", title="cars out for it"),
                alt.Tooltip("failures_percent:Q", title="% of the cars"),
                alt.Tooltip("out_percent:Q", title="% out in all"),
                alt.Tooltip("cars:Q", title="cars started"),
            ],
        ),
        frame,
        answer.sql,
        f"causes_of_constructor_{constructor}_by_{by}",
        f"Stacked bars by {by}: the cars that did not finish, by reason.",
        title=causes_title(frame, who, by),
        note="Reasons out in per cent of the cars that started. Disqualified cars are among them.",
        empty=f"Every car of {who} finished.",
        height=400,
    )


def period_name(by: str) -> pl.Expr:
    """How a period is called: 1970s, or 1975."""
    year = pl.col("period").cast(pl.String)
    return pl.concat_str(year, pl.lit("s")) if by == "decade" else year


def causes_title(frame: pl.DataFrame, who: str, by: str) -> str:
    """The main cause at first and at last."""
    named = frame.filter(pl.col("cause") != "other")
    if named.is_empty():
        return f"What stopped the cars of {who} is not known"
    most = (
        named.with_columns(shown=period_name(by))
        .sort("period", "failures", "cause_rank", descending=[False, True, False])
        .group_by("period", maintain_order=True)
        .first()
    )
    first, last = most.row(0, named=True), most.row(-1, named=True)
    the = "the " if by == "decade" else ""
    finding = (
        f"What stopped most cars of {who} in {the}{first['shown']}: {first['cause']}, "
        f"{first['failures_percent']:.1f} %"
    )
    if first["period"] != last["period"]:
        finding += f"; in {the}{last['shown']}: {last['cause']}, {last['failures_percent']:.1f} %"
    return finding


constructors = query("constructors/constructors").frame
if constructors.is_empty():
    st.info("The warehouse has no constructor yet. Build it from files with results.")
    st.stop()
ids = dict(constructors.select("choice", "constructor_id").iter_rows())
names = dict(constructors.select("choice", "constructor_name").iter_rows())

st.title("Constructors")
columns = st.columns(2)
with columns[0]:
    label = choose("Constructor", list(ids), "team", default=constructors.sort("success_rank")["choice"][0])
with columns[1]:
    view = switch("View", ["Seasons", "Reliability"], "team_view")
if view == "Seasons":
    seasons_of(ids[label], names[label])
else:
    reliability(ids[label], names[label])
