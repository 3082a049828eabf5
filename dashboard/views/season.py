"""Season: the title race, who could still win it, the final table, and the table under other rules."""

import altair as alt
import polars as pl
import streamlit as st
from charts import band_heights, extent, lines
from show import choose, counted, number, show
from theme import ground, with_colors
from warehouse import query

# Lines in the title race. More would cover each other.
SHOWN = 10
NONE = "none"

seasons = query("season/seasons").frame
if seasons.is_empty():
    st.info("The warehouse has no race that was held. Build it from files with results.")
    st.stop()

st.title("Season")
columns = st.columns(3)
with columns[0]:
    season = int(choose("Season", [str(each) for each in seasons["season"]], "season"))
with columns[1]:
    table = choose("Championship", ["drivers", "constructors"], "table")
with columns[2]:
    measure = choose("Show", ["points", "gap to the leader"], "measure")
this = seasons.row(by_predicate=pl.col("season") == season, named=True)


def title_race() -> None:
    """The points after each round, or the gap to the leader."""
    answer = query(f"season/{table}_title_race", season=season, shown=SHOWN)
    if answer.frame.is_empty():
        show(
            None,
            answer.frame,
            answer.sql,
            "title_race",
            "",
            title=f"{season}: no championship of {table}",
            empty=f"There was no championship of {table} in {season}.",
        )
        return
    frame = with_colors(answer.frame, "competitor")
    last = frame.filter("is_latest_of_season").sort("championship_position")
    leader = last.row(0, named=True)
    ahead = f" by {counted(last['gap_to_leader'][1], 'point')}" if last.height > 1 else ""
    decided = frame.filter(pl.col("round") == pl.col("title_decided_in_round"))
    if not this["is_complete"]:
        finding = f"{season}: {leader['competitor']} leads{ahead} after round {leader['round']}"
    else:
        finding = f"{season}: {leader['competitor']} wins the title{ahead}"
    if not decided.is_empty():
        finding += f", decided in round {decided['round'][0]} ({decided['race_name'][0]})"
    column, y_title = "points_counted", "points that count"
    domain = (0.0, extent(frame["points_counted"])[1])
    if measure != "points":
        column, y_title = "gap_to_leader", "points behind the leader"
        domain = (max(extent(frame["gap_to_leader"])[1], 1.0), 0.0)
    chart = lines(
        frame,
        x=alt.X("round:Q", title="round", axis=alt.Axis(format="d", tickMinStep=1)),
        y=column,
        y_title=y_title,
        domain=domain,
        key="competitor",
        tooltip=[
            alt.Tooltip("competitor:N", title="name"),
            alt.Tooltip("constructor_name:N", title="team"),
            alt.Tooltip("race_name:N", title="after"),
            alt.Tooltip("round:Q", title="round"),
            alt.Tooltip("championship_position:Q", title="position"),
            alt.Tooltip("points_counted:Q", title="points"),
            alt.Tooltip("gap_to_leader:Q", title="behind the leader"),
            alt.Tooltip("wins:Q", title="wins"),
        ],
    )
    show(
        chart,
        answer.frame,
        answer.sql,
        "title_race",
        f"Lines of the {table} in the first {SHOWN} places of the final table, by round.",
        title=finding,
        note=f"The first {SHOWN} of the table. Points that count: without dropped results, with penalties. "
        "A line has the color of the constructor; a second line of the same color is dashed.",
    )


def still_possible() -> None:
    """Who could still win the title after each round."""
    answer = query(f"season/{table}_still_possible", season=season)
    if answer.frame.is_empty():
        return
    frame = with_colors(answer.frame, "competitor")
    first = frame.filter(pl.col("round") == frame["round"].min())
    decided = frame["title_decided_in_round"].drop_nulls()
    contested = frame.filter(pl.col("competitors") > 1)
    latest = frame.filter(pl.col("round") == frame["round"].max())
    finding = f"{first['competitors'][0]} {table} could still win after round {first['round'][0]}"
    if decided.is_empty():
        finding += f", {latest['competitors'][0]} after round {latest['round'][0]}"
    elif not contested.is_empty():
        final = contested.filter(pl.col("round") == contested["round"].max())
        finding += f", {final['competitors'][0]} after round {final['round'][0]}"
    if not decided.is_empty():
        race = frame.filter(pl.col("round") == decided[0])["race_name"]
        finding += f"; decided in round {decided[0]} ({race[0]})"
    order = frame["competitor"].unique(maintain_order=True).to_list()
    chart = (
        alt.Chart(frame)
        .mark_rect(cornerRadius=2)
        .encode(
            x=alt.X(
                "round:O",
                title="after round",
                axis=alt.Axis(labelAngle=0, labelOverlap=True, labelSeparation=4),
            ),
            y=alt.Y(
                "competitor:N", sort=order, title=None, axis=alt.Axis(grid=False, labelColor=ground().ink)
            ),
            color=alt.Color("color:N", scale=None),
            tooltip=[
                alt.Tooltip("competitor:N", title="name"),
                alt.Tooltip("constructor_name:N", title="team"),
                alt.Tooltip("race_name:N", title="after"),
                alt.Tooltip("points_counted:Q", title="points"),
                alt.Tooltip("gap_to_leader:Q", title="behind the leader"),
                alt.Tooltip("points_attainable:Q", title="can still reach"),
                alt.Tooltip("competitors:Q", title=f"{table} in the fight"),
            ],
        )
    )
    show(
        chart,
        answer.frame,
        answer.sql,
        "still_possible",
        f"A row for each of the {table}, a mark for each round after which the title was still possible.",
        title=finding,
        note="A mark: winning everything that was left would have been enough if nobody else had scored. The "
        "rules of the season decide what was left: sprints, fastest laps, results that count.",
        height=band_heights(len(order)),
    )


def final_table() -> None:
    """The final table, with the points that did not count."""
    answer = query(f"season/{table}_table", season=season)
    if answer.frame.is_empty():
        return
    dropped = answer.frame.filter(pl.col("points_dropped") != 0)
    finding = "Final table" if this["is_complete"] else f"Table after {this['races_held']} races"
    if dropped.is_empty():
        finding += ": every result counts"
    else:
        most = dropped.sort("points_dropped", descending=True).row(0, named=True)
        finding += (
            f": {most['competitor']} drops {number(most['points_dropped'])} of "
            f"{number(most['points_gross'])} points, the most"
        )
    # Columns that say nothing in this season.
    quiet = {
        "points_dropped": dropped.is_empty(),
        "points_adjustment": (answer.frame["points_adjustment"] == 0).all(),
        "is_excluded": not answer.frame["is_excluded"].any(),
    }
    show(
        None,
        answer.frame.drop(name for name, is_quiet in quiet.items() if is_quiet),
        answer.sql,
        "final_table",
        "",
        title=finding,
        note="Gross: all results. Counted: without dropped results, with penalties. Agrees: with the table "
        "of the source." + "".join(f" {each}." for each in known_differences(answer.frame)),
        columns={
            "championship_position": st.column_config.NumberColumn("Position", width="small"),
            "competitor": table[:-1].capitalize(),
            "constructor_name": "Constructor",
            "wins": "Wins",
            "points_gross": "Gross points",
            "points_dropped": "Dropped",
            "points_adjustment": "Adjusted",
            "points_counted": "Counted points",
            "gap_to_leader": "Behind the leader",
            "is_excluded": "Excluded",
            "is_reconciled": "Agrees",
            "exception_reason": None,
        },
    )


def known_differences(frame: pl.DataFrame) -> list[str]:
    """Why other tables have other values for a competitor, once for each reason."""
    grouped = frame.drop_nulls("exception_reason").group_by("exception_reason", maintain_order=True)
    return [
        f"{', '.join(rows['competitor'])}: {reason[0].lower()}{reason[1:]}" for (reason,), rows in grouped
    ]


def what_if() -> None:
    """The table of the drivers if every result counted, under any points system, without a race."""
    systems = query("season/points_systems", season=season).frame
    if systems.is_empty():
        return
    st.header("What if", anchor=False)
    st.caption("Every result counts, none is dropped. The championship of the drivers.")
    races = query("season/races", season=season).frame
    names = {f"of {name.removeprefix('points_')}": name for name in systems["points_system"]}
    left, right = st.columns(2)
    with left:
        chosen = choose(
            "Points system",
            list(names),
            "system",
            help="The first is that of the season.",
        )
        system = names[chosen]
        st.caption(systems.filter(pl.col("points_system") == system)["source"][0])
    with right:
        rounds = {NONE: 0} | {name: number for number, name in races.select("round", "race_name").iter_rows()}
        without = choose("Without the race", list(rounds), "without")
    answer = query("season/what_if", season=season, system=system, without=rounds[without])
    frame = with_colors(answer.frame.head(SHOWN), "driver_name")
    first = frame.row(0, named=True)
    margin = f"by {counted(first['ahead_of_next'], 'point')}" if first["ahead_of_next"] else "on places"
    real = frame.filter(pl.col("actual_position") == 1)["driver_name"]
    others = f", not {real[0]}" if first["actual_position"] != 1 and not real.is_empty() else ""
    rules = f"the points {chosen}" + (f" and without the {without}" if without != NONE else "")
    finding = f"With {rules}, {first['driver_name']} is first{others}, {margin}"
    bars = alt.Chart(frame).encode(
        y=alt.Y(
            "driver_name:N",
            sort=frame["driver_name"].to_list(),
            title=None,
            axis=alt.Axis(labelLimit=180, labelColor=ground().ink, grid=False),
        ),
        x=alt.X("points:Q", title="points", axis=alt.Axis(grid=True, tickCount=6)),
        tooltip=[
            alt.Tooltip("driver_name:N", title="driver"),
            alt.Tooltip("constructor_name:N", title="team"),
            alt.Tooltip("place:Q", title="place"),
            alt.Tooltip("points:Q", title="points"),
            alt.Tooltip("actual_position:Q", title="real position"),
            alt.Tooltip("actual_points:Q", title="real points"),
        ],
    )
    moved = (
        alt.when("datum.places_gained > 0")
        .then(alt.value(ground().good))
        .when("datum.places_gained < 0")
        .then(alt.value(ground().bad))
        .otherwise(alt.value(ground().quiet))
    )
    change = bars.transform_calculate(
        change="datum.places_gained > 0 ? '▲ ' + datum.places_gained : "
        "datum.places_gained < 0 ? '▼ ' + -datum.places_gained : '='"
    )
    chart = alt.layer(
        bars.mark_bar(cornerRadiusEnd=3, height=20).encode(color=alt.Color("color:N", scale=None)),
        change.mark_text(align="left", dx=6, fontSize=12).encode(text="change:N", color=moved),
    )
    show(
        chart,
        answer.frame,
        answer.sql,
        "what_if",
        "A bar for each of the first drivers, with the places gained on the real table.",
        title=finding,
        note="The arrow compares with the real table. Equal points stand in the order of places over the "
        "whole season.",
        height=band_heights(frame.height, 30),
    )


title_race()
still_possible()
final_table()
if table == "drivers":
    what_if()
