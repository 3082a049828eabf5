"""Race: the result, and how it came about, lap by lap."""

from typing import Any

import altair as alt
import polars as pl
import streamlit as st
from charts import band_heights, bands, extent, lines, uncovered
from controls import place_values, switch
from show import choose, counted, lap_time, show
from theme import BAND_NAMES, ground, with_colors
from warehouse import query

# The race trace ends where a car is this far behind, in seconds: about a lap.
CUT = 110
# So many drivers are chosen at first in the chart of lap times.
FIRST = 3
# Laps of more than so many times the fastest are not drawn: they would squeeze the others together.
SLOWEST = 1.7
STOPS_HEIGHT = 360
MINUTES = "floor(datum.value / 60) + ':' + format(datum.value % 60, '04.1f')"

races = query("race/races").frame
if races.is_empty():
    st.info("The warehouse has no race that was held. Build it from files with results.")
    st.stop()

st.title("Race")
left, right = st.columns(2)
with left:
    with_laps = races.filter("has_lap_times")["season"]
    latest = with_laps[0] if len(with_laps) else races["season"][0]
    seasons = races["season"].unique(maintain_order=True).to_list()
    season = int(choose("Season", [str(each) for each in seasons], "season", str(latest)))
with right:
    of_season = races.filter(pl.col("season") == season)
    names = of_season["race_name"].to_list()
    race_name = choose("Race", names, "race", names[-1])
this = of_season.row(by_predicate=pl.col("race_name") == race_name, named=True)
race = this["race_id"]
heading = f"{race_name} {season}"
NO_LAPS = (
    f"The source has no lap times of this race{'' if this['has_lap_times'] else f', nor of any in {season}'}."
)
NO_STOPS = (
    f"The source has no pit stops of this race{'' if this['has_pit_stops'] else f', nor of any in {season}'}."
)
LAP = alt.X("lap_number:Q", title="lap", axis=alt.Axis(format="d", tickMinStep=1))
DRIVER = [alt.Tooltip("driver_name:N", title="driver"), alt.Tooltip("constructor_name:N", title="team")]


def axis_of_names(names: list[str]) -> alt.Y:
    """A row for each driver, in this order."""
    axis = alt.Axis(grid=False, labelColor=ground().ink, labelLimit=170)
    return alt.Y("driver_name:N", sort=names, title=None, axis=axis)


def listed(names: list[str]) -> str:
    """Names as in a sentence."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def lacking() -> str:
    """What the source lacks for stints and undercuts, which need pit stops and laps; else nothing."""
    if query("race/pit_stops", race=race).frame.is_empty():
        return NO_STOPS
    return NO_LAPS if query("race/lap_chart", race=race).frame.is_empty() else ""


def result() -> None:
    """The result."""
    answer = query("race/result", race=race)
    winners = answer.frame.filter("is_win")
    finding = f"{heading}: no winner in the source"
    if not winners.is_empty():
        winner = winners.row(0, named=True)
        finding = f"{heading}: {listed(winners['driver_name'].to_list())}"
        second = answer.frame.filter((pl.col("gap_to_winner_ms") > 0) & (pl.col("position_text") == "2"))
        if not second.is_empty():
            finding += f" by {lap_time(second['gap_to_winner_ms'][0])} s"
        if winner["grid_position"]:
            finding += f", from {'pole' if winner['grid_position'] == 1 else 'slot ' + winner['grid']}"
    table = answer.frame.select(
        "position_text",
        "driver_name",
        "constructor_name",
        "grid",
        "laps_completed",
        time=pl.struct("race_time_ms", "gap_to_winner_ms", "outcome").map_elements(
            lambda row: (
                f"+{lap_time(row['gap_to_winner_ms'])}"
                if row["gap_to_winner_ms"]
                else lap_time(row["race_time_ms"]) or row["outcome"]
            ),
            return_dtype=pl.String,
        ),
        points="points",
        fastest_lap=pl.col("fastest_lap_time_ms").map_elements(lap_time, return_dtype=pl.String),
    )
    if table["fastest_lap"].is_null().all():
        table = table.drop("fastest_lap")
    show(
        table,
        answer.frame,
        answer.sql,
        "result",
        "",
        title=finding,
        note=f"{answer.frame['circuit_name'][0]}, {answer.frame['race_date'][0]:%-d %B %Y}",
        columns={
            "position_text": st.column_config.TextColumn("Place", width="small"),
            "driver_name": "Driver",
            "constructor_name": "Constructor",
            "grid": st.column_config.TextColumn("Grid", width="small"),
            "laps_completed": st.column_config.NumberColumn("Laps", width="small"),
            "time": "Time, gap or reason out",
            "points": st.column_config.NumberColumn("Points", width="small"),
            "fastest_lap": "Fastest lap",
        },
    )


def slow_laps() -> tuple[list[Any], str]:
    """The bands of the laps that something slowed, for behind the lines, and a sentence that names them."""
    slow = query("race/slow_laps", race=race).frame
    kinds = set(slow["kind"])
    named = [name for kind, name in BAND_NAMES.items() if kind in kinds]
    return bands(slow), f" Bands: {'; '.join(named)}." if named else ""


def lap_chart() -> None:
    """The position of each car at the end of each lap."""
    answer = query("race/lap_chart", race=race)
    if answer.frame.is_empty():
        show(None, answer.frame, answer.sql, "lap_chart", "", title="Lap chart", empty=NO_LAPS)
        return
    frame = with_colors(answer.frame)
    leaders = frame.filter((pl.col("place") == 1) & (pl.col("lap_number") > 0)).sort("lap_number")
    led = leaders["driver_name"].value_counts(sort=True)
    finding = f"{led['driver_name'][0]} leads {led['count'][0]} of {leaders.height} laps"
    if led.height > 1:
        finding += f", {led['driver_name'][1]} {led['count'][1]}"
    bottom = int(max(extent(frame["place"])[1], extent(frame["start_position"])[1]))
    slow, band_names = slow_laps()
    chart = lines(
        frame,
        x=LAP,
        y="place",
        y_title="position",
        domain=(bottom, 1),
        axis=alt.Axis(values=place_values(pl.Series([bottom])), format="d", grid=False),
        behind=slow,
        tooltip=[
            *DRIVER,
            alt.Tooltip("lap_number:Q", title="lap"),
            alt.Tooltip("place:Q", title="position"),
            alt.Tooltip("start_position:Q", title="started from"),
            alt.Tooltip("position_text:N", title="result"),
        ],
        height=max(460, bottom * 22),
    )
    show(
        chart,
        answer.frame,
        answer.sql,
        "lap_chart",
        "A line for each car: its position at the start and at the end of each lap.",
        title=finding,
        note=f"Lap 0 is the grid.{band_names}",
        height=max(460, bottom * 22),
    )


def trace() -> None:
    """How far ahead of the winner's average pace each car is."""
    answer = query("race/trace", race=race, cut=CUT)
    if answer.frame.is_empty():
        show(None, answer.frame, answer.sql, "trace", "", title="Race trace", empty=NO_LAPS)
        return
    frame = with_colors(answer.frame)
    last = frame.filter(pl.col("lap_number") == frame["lap_number"].max()).drop_nulls("ahead_s")
    last = last.sort("ahead_s", descending=True)
    finding = f"Race trace: {last['driver_name'][0]} is alone at the flag"
    if last.height > 1:
        behind = [
            f"{row['driver_name']} {row['behind_winner_s']:.1f} s"
            for row in last.slice(1, FIRST - 1).iter_rows(named=True)
        ]
        finding = f"On the last lap {listed(behind)} behind {last['driver_name'][0]}"
    lowest, highest = extent(frame["ahead_s"])
    slow, band_names = slow_laps()
    chart = lines(
        frame,
        x=LAP,
        y="ahead_s",
        y_title="seconds ahead of the reference",
        domain=(max(lowest, -CUT), highest),
        behind=slow,
        tooltip=[
            *DRIVER,
            alt.Tooltip("lap_number:Q", title="lap"),
            alt.Tooltip("ahead_s:Q", title="ahead of the reference, s", format="+.1f"),
            alt.Tooltip("behind_winner_s:Q", title="behind the winner, s", format="+.1f"),
        ],
    )
    show(
        chart,
        answer.frame,
        answer.sql,
        "trace",
        "A line for each car: seconds ahead of a car with the winner's average pace, by lap.",
        title=finding,
        note="The reference: the winner's average green lap; where the field or the first three are "
        "slow, the winner's own lap. "
        f"A rising line is faster than it. A step down is a stop. Cut {CUT} s behind.{band_names}",
    )


def laps() -> None:
    """The lap times of chosen drivers."""
    everyone = query("race/laps", race=race, only_green=False)
    if everyone.frame.is_empty():
        show(None, everyone.frame, everyone.sql, "laps", "", title="Lap times", empty=NO_LAPS)
        return
    drivers = everyone.frame["driver_name"].unique(maintain_order=True).to_list()
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        chosen = st.multiselect("Drivers", drivers, drivers[:FIRST], key="drivers", bind="query-params")
    with right:
        only_green = st.toggle("Pure pace: green laps only", key="green", bind="query-params")
    answer = query("race/laps", race=race, only_green=only_green)
    frame = answer.frame.filter(pl.col("driver_name").is_in(chosen))
    if frame.is_empty():
        show(None, frame, answer.sql, "laps", "", title="Lap times", empty="Choose drivers with lap times.")
        return
    frame = with_colors(frame).drop("is_out")
    pace = frame.filter(pl.col("median_green_ms").is_not_null()).unique("driver_name").sort("median_green_ms")
    finding = "Lap times"
    if not pace.is_empty():
        finding = (
            f"{pace['driver_name'][0]} has the best median green lap: {lap_time(pace['median_green_ms'][0])}"
        )
        if pace.height > 1:
            finding += f"; {pace['driver_name'][1]}: {lap_time(pace['median_green_ms'][1])}"
    slowest = SLOWEST * extent(frame["lap_time_s"])[0]
    drawn = frame.with_columns(pl.when(pl.col("lap_time_s") <= slowest).then(pl.col("lap_time_s")))
    slow, band_names = slow_laps()
    note = (
        "Green laps: without the first lap, in-laps, out-laps and slow laps. The SQL has all drivers."
        f"{band_names}"
    )
    if drawn["lap_time_s"].has_nulls():
        note += f" Laps of more than {SLOWEST} times the fastest are not drawn."
    others = drawn.filter(pl.col("lap_class") != "green").drop_nulls("lap_time_s")
    special = [
        alt.Chart(others)
        .mark_point(size=55, filled=True)
        .encode(
            x=LAP,
            y=alt.Y("lap_time_s:Q"),
            color=alt.Color("color:N", scale=None),
            shape=alt.Shape("lap_class:N", title="kind of lap"),
        )
    ]
    chart = lines(
        drawn,
        x=LAP,
        y="lap_time_s",
        y_title="lap time, min:s",
        domain=extent(drawn["lap_time_s"]),
        axis=alt.Axis(labelExpr=MINUTES, tickCount=6),
        behind=[*slow, *(special if not others.is_empty() else [])],
        tooltip=[
            *DRIVER,
            alt.Tooltip("lap_number:Q", title="lap"),
            alt.Tooltip("lap_time_s:Q", title="lap time, s", format=".3f"),
            alt.Tooltip("lap_class:N", title="kind of lap"),
            alt.Tooltip("place:Q", title="position"),
        ],
    )
    show(
        chart,
        frame.drop("color", "mate"),
        answer.sql,
        "laps",
        "A line for each chosen driver: the time of each lap.",
        title=finding,
        note=note,
    )


def stints() -> None:
    """The stints of each car."""
    answer = query("race/stints", race=race)
    if answer.frame.is_empty():
        show(None, answer.frame, answer.sql, "stints", "", title="Stints", empty=lacking() or NO_STOPS)
        return
    frame = with_colors(answer.frame)
    longest = frame.filter(pl.col("laps") == pl.col("longest")).row(0, named=True)
    finding = (
        f"Longest stint: {longest['driver_name']}, {longest['laps']} laps from lap {longest['first_lap']}"
    )
    names = frame["driver_name"].unique(maintain_order=True).to_list()
    base = alt.Chart(frame).transform_calculate(start="datum.first_lap - 1")
    bars = base.mark_bar(cornerRadius=3, height=15, stroke=ground().paper, strokeWidth=2).encode(
        x=alt.X("start:Q", title="lap", scale=alt.Scale(domain=[0, frame["last_lap"].max()], nice=False)),
        x2="last_lap:Q",
        y=axis_of_names(names),
        color=alt.Color("color:N", scale=None),
        tooltip=[
            *DRIVER,
            alt.Tooltip("stint_number:Q", title="stint"),
            alt.Tooltip("first_lap:Q", title="first lap"),
            alt.Tooltip("last_lap:Q", title="last lap"),
            alt.Tooltip("start_pace_s:Q", title="pace at the start, s", format=".3f"),
            alt.Tooltip("slope_ms_per_lap:Q", title="slower a lap, ms", format="+.0f"),
            alt.Tooltip("is_slope_unusual:N", title="dry and wet track"),
            alt.Tooltip("ended_by:N", title="ended by"),
        ],
    )
    text = base.transform_filter("datum.laps > 4").transform_calculate(
        middle="(datum.first_lap - 1 + datum.last_lap) / 2"
    )
    text = text.mark_text(fontSize=11, fontWeight="bold", color=ground().paper).encode(
        x="middle:Q", y=axis_of_names(names), text="laps:Q"
    )
    show(
        alt.layer(bars, text),
        answer.frame,
        answer.sql,
        "stints",
        "Bars of laps between two stops, for each car in the order of the result.",
        title=finding,
        note="In the order of the result. The number in a bar is its laps. The source has no tyres.",
        height=band_heights(len(names), 22),
    )


def pit_stops() -> None:
    """The time in the pit lane of each stop."""
    answer = query("race/pit_stops", race=race)
    if answer.frame.is_empty():
        show(None, answer.frame, answer.sql, "pit_stops", "", title="Pit stops", empty=NO_STOPS)
        return
    frame = with_colors(answer.frame)
    stops = frame.filter(pl.col("stop_kind") == "stop")
    kinds = frame["stop_kind"].unique()
    finding = "Pit stops"
    if not stops.is_empty():
        best = stops.row(0, named=True)
        finding = f"The shortest stop: {best['driver_name']}, {best['duration_s']:.1f} s in the lane"
        if best["race_median_s"]:
            finding += f"; the median is {best['race_median_s']:.1f} s"
    shortest, longest = extent(frame["duration_s"])
    margin = (longest - shortest) / 20 or 1
    domain = (shortest - margin, longest + margin)
    # Room for a name at the right.
    span = 1.05 * extent(frame["lap_number"])[1]
    y_scale = alt.Scale(domain=list(domain), nice=False)
    base = alt.Chart(frame).encode(
        x=LAP.scale(alt.Scale(domain=[0, span], nice=False)),
        y=alt.Y("duration_s:Q", title="seconds in the pit lane", scale=y_scale, axis=alt.Axis(tickCount=6)),
    )
    dots = base.mark_point(filled=True, size=80, opacity=0.9).encode(
        color=alt.Color("color:N", scale=None),
        shape=alt.Shape("stop_kind:N", title=None, legend=alt.Legend() if len(kinds) > 1 else None),
        tooltip=[
            *DRIVER,
            alt.Tooltip("lap_number:Q", title="lap"),
            alt.Tooltip("stop_number:Q", title="stop"),
            alt.Tooltip("duration_s:Q", title="in the lane, s", format=".3f"),
            alt.Tooltip("time_lost_s:Q", title="time lost, s", format=".3f"),
            alt.Tooltip("is_field_slow:N", title="field slow"),
            alt.Tooltip("unusual_reason:N", title="unusual"),
        ],
    )
    # Names of stops close to the median would cover each other.
    named = frame.filter(
        (pl.col("duration_s") > 1.05 * pl.col("race_median_s")) | (pl.col("duration_s") <= shortest)
    )
    named = uncovered(named, "lap_number", "duration_s", span=span, domain=domain, height=STOPS_HEIGHT)
    text = (
        alt.Chart(named)
        .mark_text(align="left", dx=8, fontSize=10)
        .encode(
            x="lap_number:Q",
            y=alt.Y("label_y:Q", scale=y_scale),
            text="code:N",
            color=alt.Color("color:N", scale=None),
        )
    )
    show(
        alt.layer(text, dots),
        answer.frame,
        answer.sql,
        "pit_stops",
        "A dot for each stop, by lap and by seconds in the pit lane.",
        title=finding,
        note="From the entry of the pit lane to its exit. Stops under a red flag are left out.",
        height=STOPS_HEIGHT,
    )


def places_gained() -> None:
    """The places gained by each classified car, and the usual."""
    answer = query("race/places_gained", race=race)
    if answer.frame.is_empty():
        show(
            None,
            answer.frame,
            answer.sql,
            "places_gained",
            "",
            title="Places gained",
            empty="No car has two places.",
        )
        return
    frame = with_colors(answer.frame)
    best = frame.row(0, named=True)
    finding = f"{best['driver_name']} gains {counted(best['places_gained'], 'place')}"
    if best["expected_places_gained"] is not None:
        finding += f"; from slot {best['start_position']} the usual is {best['expected_places_gained']:+.1f}"
    base = alt.Chart(frame).encode(
        y=axis_of_names(frame["driver_name"].to_list()),
        tooltip=[
            *DRIVER,
            alt.Tooltip("start_position:Q", title="started from"),
            alt.Tooltip("finishing_position:Q", title="finished"),
            alt.Tooltip("places_gained:Q", title="places gained"),
            alt.Tooltip("expected_places_gained:Q", title="usual from there", format="+.1f"),
            alt.Tooltip("cars_at_circuit:Q", title="other cars at this circuit"),
            alt.Tooltip("cars_in_era:Q", title="other cars in the era"),
        ],
    )
    bars = base.mark_bar(cornerRadius=3, height=13).encode(
        x=alt.X(
            "places_gained:Q",
            title="places gained",
            axis=alt.Axis(
                grid=True, labelExpr="datum.value ? format(datum.value, '+d') : '0'", tickMinStep=1
            ),
        ),
        color=alt.Color("color:N", scale=None),
    )
    usual = base.mark_tick(color=ground().ink, thickness=3, height=18).encode(x="expected_places_gained:Q")
    note = "From the start to the finish, of classified cars."
    if frame["expected_places_gained"].drop_nulls().len():
        note += (
            " The tick: the mean of other cars from that slot in the era, those at this circuit above all."
        )
    show(
        alt.layer(bars, usual),
        answer.frame,
        answer.sql,
        "places_gained",
        "A bar for each classified car: places gained from start to finish; a tick for the usual.",
        title=finding,
        note=note,
        height=band_heights(frame.height, 22),
    )


def undercuts() -> None:
    """Pairs of drivers close to each other who stopped a few laps apart."""
    answer = query("race/undercuts", race=race)
    if answer.frame.is_empty():
        empty = lacking() or "No two cars that were close stopped a few laps apart."
        show(None, answer.frame, answer.sql, "undercuts", "", title="Undercuts", empty=empty)
        return
    worked = answer.frame.filter(pl.col("outcome") == "undercut")
    over = answer.frame.filter(pl.col("outcome") == "overcut")
    finding = "No stop changed who was ahead"
    if not worked.is_empty():
        first = worked.row(0, named=True)
        finding = f"{first['early_driver_name']} undercuts {first['late_driver_name']}"
        if worked.height > 1:
            finding += f", the clearest of {worked.height} undercuts"
    elif not over.is_empty():
        first = over.row(0, named=True)
        finding = f"{first['late_driver_name']} stays out longer and passes {first['early_driver_name']}"
    seconds = ["gap_before_s", "gap_after_s", "early_gain_s", "lane_gain_s"]
    show(
        # Rounded here, because a column would show -0.0.
        answer.frame.drop("same_outcome").with_columns(pl.col(seconds).cast(pl.Float64).round(1) + 0.0),
        answer.frame,
        answer.sql,
        "undercuts",
        "",
        title=finding,
        note="Two drivers within a few seconds whose first stops are a few laps apart. A gap below zero: the "
        "first to stop is ahead. Undercut: the first to stop gets ahead; overcut: the second does.",
        columns={
            "early_driver_name": "First to stop",
            "late_driver_name": "Second to stop",
            "outcome": "Outcome",
            "early_stop_lap": st.column_config.NumberColumn("Lap", width="small"),
            "late_stop_lap": st.column_config.NumberColumn("Second's lap", width="small"),
            "gap_before_s": st.column_config.NumberColumn("Gap before, s", format="%.1f"),
            "gap_after_s": st.column_config.NumberColumn("Gap after, s", format="%.1f"),
            "early_gain_s": st.column_config.NumberColumn("Gained by the first, s", format="%.1f"),
            "lane_gain_s": st.column_config.NumberColumn("of it in the lane, s", format="%.1f"),
            "has_unusual_stop": "Unusual stop",
        },
    )


def classification() -> None:
    """The result, and how the places came about."""
    result()
    lap_chart()
    places_gained()


def pace() -> None:
    """How fast the cars were."""
    trace()
    laps()


def stops() -> None:
    """When the cars stopped, and what it brought."""
    stints()
    pit_stops()
    undercuts()


VIEWS = {"Result": classification, "Pace": pace, "Stops": stops}
if this["has_lap_times"] or this["has_pit_stops"]:
    VIEWS[switch("View", list(VIEWS), "race_view")]()
else:
    result()
    places_gained()
    st.subheader("Lap by lap", anchor=False)
    st.info(
        f"The source has no lap times and no pit stops of any race in {season}, so there is no lap chart, "
        "no race trace, no stint and no undercut to show."
    )
