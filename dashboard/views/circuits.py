"""Circuits: who wins there, from where, and what a stop costs."""

from typing import Any, NamedTuple

import altair as alt
import polars as pl
import streamlit as st
from charts import band_heights, extent, lines
from controls import figures, place_values, switch
from show import choose, lap_time, number, show
from theme import constructor_colors, ground
from warehouse import Answer, query

ROW = 22
TOP_WINNERS = 12


class Measure(NamedTuple):
    """What circuits are compared by."""

    column: str
    unit: str
    finding: str  # of the first circuit
    note: str


MEASURES = {
    "Pole advantage": Measure(
        "pole_wins_percent",
        "% of the races",
        "Pole wins most often at {name}: {value} % of its races",
        "Races whose winner started from pole.",
    ),
    "Cost of a stop": Measure(
        "pit_loss_s",
        "seconds",
        "A pit stop costs most at {name}: {value} s",
        "Median time lost by a stop, in the last season in which it could be measured.",
    ),
    "Attrition": Measure(
        "attrition_percent",
        "% of the cars that started",
        "The most cars are lost at {name}: {value} %",
        "Cars that started and did not finish, over all races of the circuit.",
    ),
    "Places changed": Measure(
        "mean_places_changed",
        "places",
        "Most places change at {name}: {value} for each car",
        "Mean distance between the start and the finish of a car, in races of full length.",
    ),
    "Different winners": Measure(
        "different_winners",
        "drivers",
        "The most drivers won at {name}: {value}",
        "Drivers who won a race there.",
    ),
}


def one(circuit: dict[str, Any]) -> None:
    """One circuit: figures, from where its winners started, who won, what a stop costs."""
    record = circuit["lap_record_ms"]
    figures(
        {
            "Races": circuit["races"],
            "Different winners": circuit["different_winners"],
            "Won from pole": None
            if circuit["pole_wins_percent"] is None
            else f"{number(circuit['pole_wins_percent'])} %",
            "Cars lost": None
            if circuit["attrition_percent"] is None
            else f"{number(circuit['attrition_percent'])} %",
            "Cost of a stop": None if circuit["pit_loss_s"] is None else f"{number(circuit['pit_loss_s'])} s",
            "Fastest lap": None if record is None else lap_time(record),
        }
    )
    notes = []
    if circuit["pit_loss_s"] is not None:
        notes.append(f"The cost of a stop is that of {circuit['pit_loss_season']}.")
    if record is not None:
        notes.append(
            f"The fastest lap is by {circuit['lap_record_driver_name']}, {circuit['lap_record_season']}."
        )
    if notes:
        st.caption(" ".join(notes))
    number_of, name = circuit["circuit_id"], circuit["circuit_name"]
    columns = st.columns(2, gap="large")
    with columns[0]:
        starts(number_of, name)
    with columns[1]:
        top_winners(number_of, name)
    winners(number_of, name)
    pit_losses(number_of, name)


def starts(circuit: int, name: str) -> None:
    """From which slot the winners started, here and everywhere."""
    answer = query("circuits/winner_starts", circuit=circuit)
    frame = answer.frame
    finding = f"{name}: no winner is known"
    if frame.height and frame["races"][0]:
        first = frame.filter(pl.col("grid_position") == 1)
        here, everywhere = (
            first[each][0] if first.height else 0 for each in ("wins_percent", "everywhere_percent")
        )
        finding = f"{number(here)} % of the winners started first; at all circuits, {number(everywhere)} %"
    base = alt.Chart(frame).encode(
        x=alt.X("grid:N", sort=None, title="slot on the grid", axis=alt.Axis(labelAngle=0)),
        tooltip=[
            alt.Tooltip("grid:N", title="slot"),
            alt.Tooltip("wins:Q", title="wins here"),
            alt.Tooltip("wins_percent:Q", title="% of wins here"),
            alt.Tooltip("everywhere_percent:Q", title="% of wins everywhere"),
        ],
    )
    bars = base.mark_bar(color=ground().good).encode(y=alt.Y("wins_percent:Q", title="% of the wins"))
    ticks = base.mark_tick(color=ground().ink, thickness=3, width=alt.expr("width / 28")).encode(
        y="everywhere_percent:Q"
    )
    show(
        alt.layer(bars, ticks),
        frame if frame.height and frame["races"][0] else frame.clear(),
        answer.sql,
        f"starts_of_winners_at_circuit_{circuit}",
        "Bars by slot on the grid: from where the winners started here; marks: at all circuits.",
        title=finding,
        note="Bars: this circuit. Marks: all circuits.",
        empty=f"No winner at {name} is known.",
        height=340,
    )


def top_winners(circuit: int, name: str) -> None:
    """Who won most often."""
    answer = query("circuits/top_winners", circuit=circuit)
    frame = answer.frame.head(TOP_WINNERS)
    finding = f"{name}: no winner is known"
    if frame.height:
        most = frame["wins"][0]
        leaders = answer.frame.filter(pl.col("wins") == most)["driver_name"].to_list()
        times = "once" if most == 1 else f"{most} times"
        finding = (
            f"{leaders[0]} won most often: {times}"
            if len(leaders) == 1
            else f"{' and '.join(leaders)} won most often: {times}"
            if len(leaders) == 2
            else f"{len(leaders)} drivers won most often: {times}"
        )
    drawn = frame.with_columns(
        color=pl.col("constructor_id").replace_strict(
            constructor_colors(), default=ground().quiet, return_dtype=pl.String
        )
    )
    base = alt.Chart(drawn).encode(
        y=alt.Y(
            "driver_name:N",
            sort=None,
            title=None,
            axis=alt.Axis(grid=False, labelColor=ground().ink, labelLimit=140),
        ),
        x=alt.X("wins:Q", title="wins", axis=alt.Axis(tickMinStep=1, format="d", grid=True)),
        tooltip=[
            alt.Tooltip("driver_name:N", title="driver"),
            alt.Tooltip("wins:Q", title="wins"),
            alt.Tooltip("seasons:N", title="in"),
            alt.Tooltip("last_constructor_name:N", title="last for"),
        ],
    )
    show(
        base.mark_bar().encode(color=alt.Color("color:N", scale=None)),
        answer.frame,
        answer.sql,
        f"top_winners_at_circuit_{circuit}",
        "Bars: wins of a driver at the circuit.",
        title=finding,
        note=f"The first {TOP_WINNERS}, in the color of the constructor of their last win.",
        empty=f"No winner at {name} is known.",
        height=340,
    )


def winners(circuit: int, name: str) -> None:
    """Every winner, and where they started."""
    answer = query("circuits/winners", circuit=circuit)
    frame = answer.frame
    finding = f"{name}: no winner is known"
    if frame.height:
        behind = frame.drop_nulls("grid_position").sort("grid_position", "race_date", descending=[True, True])
        last = frame.row(-1, named=True)
        finding = f"The last winner: {last['driver_name']} in {last['season']}, from slot {last['grid']}"
        if behind.height and behind["grid_position"][0] > 1:
            back = behind.row(0, named=True)
            finding += (
                f"; from furthest back: {back['driver_name']} in {back['season']}, from slot {back['grid']}"
            )
    drawn = frame.with_columns(
        color=pl.col("constructor_id").replace_strict(
            constructor_colors(), default=ground().quiet, return_dtype=pl.String
        )
    )
    base = alt.Chart(drawn.drop_nulls("grid_position")).encode(
        x=alt.X(
            "race_date:T",
            title=None,
            axis=alt.Axis(format="%Y", tickMinStep=366 * 24 * 3600 * 1000, labelOverlap=True),
            scale=alt.Scale(padding=30),
        ),
        y=alt.Y(
            "grid_position:Q",
            title="slot on the grid",
            scale=alt.Scale(reverse=True, zero=False, nice=False, padding=16),
            axis=alt.Axis(format="d", values=place_values(frame["grid_position"])),
        ),
        color=alt.Color("color:N", scale=None),
        tooltip=[
            alt.Tooltip("driver_name:N", title="winner"),
            alt.Tooltip("constructor_name:N", title="team"),
            alt.Tooltip("race_name:N", title="race"),
            alt.Tooltip("race_date:T", title="date", format="%-d %b %Y"),
            alt.Tooltip("grid:N", title="slot"),
            alt.Tooltip("is_pole:N", title="had pole"),
        ],
    )
    names = base.transform_filter("datum.grid_position > 5").transform_calculate(
        family="slice(datum.driver_name, lastindexof(datum.driver_name, ' ') + 1)"
    )
    show(
        alt.layer(
            base.mark_point(filled=True, size=110, opacity=1),
            names.mark_text(
                dy=-12, fontSize=11, fontWeight="bold", opacity=alt.expr("width < 420 ? 0 : 1")
            ).encode(text="family:N"),
        ),
        frame,
        answer.sql,
        f"winners_at_circuit_{circuit}",
        "A point for each race: the slot from which its winner started.",
        title=finding,
        note="In the color of the winner's constructor. Where there is room, winners from behind slot 5 are "
        "named.",
        empty=f"No winner at {name} is known.",
        height=320,
    )


def pit_losses(circuit: int, name: str) -> None:
    """What a stop costs, season by season, beside the median circuit."""
    answer = query("circuits/pit_losses", circuit=circuit)
    known = answer.frame.drop_nulls("pit_loss_s")
    finding = f"What a stop costs at {name} is not known"
    if known.height:
        last = known.row(-1, named=True)
        finding = (
            f"A stop cost {number(last['pit_loss_s'])} s in {last['season']}; "
            f"at the median circuit, {number(last['median_circuit_s'])} s"
        )
    long = pl.concat(
        [
            known.select("season", "measured_stops", seconds="pit_loss_s", where=pl.lit("here")),
            known.select("season", "measured_stops", seconds="median_circuit_s", where=pl.lit("median")),
        ]
    ).with_columns(
        color=pl.when(pl.col("where") == "here")
        .then(pl.lit(ground().good))
        .otherwise(pl.lit(ground().quiet)),
        mate=pl.when(pl.col("where") == "here").then(0).otherwise(1).cast(pl.Int64),
    )
    top = extent(long["seconds"])[1] or 1
    # Without a row there is nothing to draw, and `empty` is shown.
    chart = known.height and lines(
        long,
        x=alt.X(
            "season:Q", title=None, axis=alt.Axis(format="d", tickMinStep=1), scale=alt.Scale(nice=False)
        ),
        y="seconds",
        y_title="seconds",
        domain=(0, top * 1.1),
        key="where",
        label="where",
        line={"point": True},
        height=300,
        tooltip=[
            alt.Tooltip("season:Q", title="season", format="d"),
            alt.Tooltip("where:N", title="where"),
            alt.Tooltip("seconds:Q", title="seconds lost", format=".1f"),
            alt.Tooltip("measured_stops:Q", title="stops measured here"),
        ],
    )
    show(
        chart,
        known,
        answer.sql,
        f"pit_losses_at_circuit_{circuit}",
        "Two lines by season: the time lost by a stop here and at the median circuit.",
        title=finding,
        note="Median time lost by a stop: the laps into and out of the pit lane, minus two green laps.",
        empty="The source has no season with both the stops and the lap times of a race here.",
        height=300,
    )


def compare(circuits: Answer) -> None:
    """All circuits by one measure."""
    columns = st.columns(2)
    with columns[0]:
        measure = MEASURES[choose("By", list(MEASURES), "circuits_by")]
    with columns[1]:
        most = int(extent(circuits.frame["races"])[1])
        least = (
            st.slider(
                "At least so many races", 1, most, min(10, most), key="circuits_races", bind="query-params"
            )
            if most > 1
            else 1
        )
    frame = (
        circuits.frame.filter(pl.col("races") >= least)
        .drop_nulls(measure.column)
        .sort(measure.column, "races", descending=True)
    )
    finding = "No circuit has a value"
    if frame.height:
        first = frame.row(0, named=True)
        finding = measure.finding.format(name=first["circuit_name"], value=number(first[measure.column]))
    base = alt.Chart(frame).encode(
        y=alt.Y(
            "choice:N",
            sort=None,
            title=None,
            axis=alt.Axis(
                grid=False, labelColor=ground().ink, labelLimit=alt.expr("width < 420 ? 150 : 260")
            ),
        ),
        x=alt.X(
            f"{measure.column}:Q", title=measure.unit, axis=alt.Axis(grid=True, orient="top", tickCount=6)
        ),
        tooltip=[
            alt.Tooltip("circuit_name:N", title="circuit"),
            alt.Tooltip("locality:N", title="place"),
            alt.Tooltip("country:N", title="country"),
            alt.Tooltip("races:Q", title="races"),
            alt.Tooltip(f"{measure.column}:Q", title=measure.unit, format=".1f"),
        ],
    )
    show(
        alt.layer(
            base.mark_bar(color=ground().good, height=ROW - 8),
            base.mark_text(align="left", dx=5, color=ground().ink).encode(
                text=alt.Text(f"{measure.column}:Q", format="d" if measure.unit == "drivers" else ".1f")
            ),
        ),
        frame,
        circuits.sql,
        f"circuits_by_{measure.column}",
        "Bars: a circuit each, the highest first.",
        title=finding,
        note=measure.note + (f" Circuits with at least {least} races." if least > 1 else ""),
        empty="No circuit with so many races has a value. Choose fewer races.",
        height=band_heights(frame.height, ROW),
    )


circuits = query("circuits/circuits")
if circuits.frame.is_empty():
    st.info("The warehouse has no race that was held. Build it from files with results.")
    st.stop()
labels = circuits.frame["choice"].to_list()

st.title("Circuits")
columns = st.columns(2)
with columns[0]:
    view = switch("View", ["One circuit", "Compare circuits"], "circuit_view")
if view == "One circuit":
    with columns[1]:
        label = choose("Circuit", labels, "circuit", default=circuits.frame.sort("races_rank")["choice"][0])
    one(circuits.frame.row(by_predicate=pl.col("choice") == label, named=True))
else:
    compare(circuits)
