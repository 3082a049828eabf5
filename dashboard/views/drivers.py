"""Drivers: a career at a glance, and a driver against another."""

from typing import Any

import altair as alt
import polars as pl
import streamlit as st
from charts import band_heights, extent
from controls import figures, place_values, switch
from show import choose, number, show
from theme import constructor_colors, ground, is_dark
from warehouse import Answer, query

# The best result first: on a light ground, on a dark ground. They differ in lightness too.
OUTCOMES = {
    "win": ("#0b4566", "#a6dcff"),
    "podium": ("#347aa6", "#4a9ccb"),
    "points": ("#a9cfe4", "#28607f"),
    "classified": ("#dfe7ea", "#22333e"),
    "disqualified": ("#e0a3b8", "#7a3350"),
    "out": ("#f4cfbf", "#5c2f26"),
    "did not start": ("#f0efec", "#1b1e22"),
}
# On these the ink of the page cannot be read, but this ink: on a light ground, on a dark ground.
STRONG = ["win", "podium"]
INK_ON_STRONG = ("#ffffff", "#1d1f22")
ROW = 24
LEGEND = 20
NOBODY = "Longest team mate"
# Gaps beyond the first number, in per cent, are drawn at the end of the scale: rain, or a lap given up.
# Two cars differ more than two team mates do. The second number is the width of a column of dots.
SCALES = {"team_mates": (2.0, 0.1), "all": (4.0, 0.2)}
# On a phone there is room for every fourth number.
FEWER_ROUNDS = "width < 420 && datum.value % 4 != 1 ? '' : datum.value"


def career(driver: int) -> None:
    """The career of a driver: figures, every race, every season."""
    totals = query("drivers/career", driver=driver).frame.row(0, named=True)
    name = totals["driver_name"]
    figures(
        {
            "Seasons": totals["seasons"],
            "Starts": totals["starts"],
            "Titles": totals["titles"],
            "Wins": totals["wins"],
            "Podiums": totals["podiums"],
            "Poles": totals["poles"],
            "Points": number(totals["points"] or 0),
        }
    )
    races(driver, name, totals)
    places(driver, name, totals)


def races(driver: int, name: str, totals: dict[str, Any]) -> None:
    """A cell for every race."""
    answer = query("drivers/results", driver=driver)
    dark = is_dark()
    colors = [pair[dark] for pair in OUTCOMES.values()]
    frame = answer.frame.with_columns(
        cell=pl.coalesce(pl.col("finishing_position").cast(pl.String), pl.lit("·")),
    )
    base = alt.Chart(frame).encode(
        x=alt.X("round:O", title="round", axis=alt.Axis(labelAngle=0, orient="top", labelExpr=FEWER_ROUNDS)),
        y=alt.Y("season:O", title=None),
        tooltip=[
            alt.Tooltip("race_name:N", title="race"),
            alt.Tooltip("race_date:T", title="date", format="%-d %b %Y"),
            alt.Tooltip("constructor_name:N", title="team"),
            alt.Tooltip("grid:N", title="grid"),
            alt.Tooltip("position_text:N", title="result"),
            alt.Tooltip("status:N", title="status"),
            alt.Tooltip("points:Q", title="points"),
        ],
    )
    cells = base.mark_rect(stroke=ground().paper, strokeWidth=2, cornerRadius=3).encode(
        color=alt.Color(
            "outcome:N",
            title=None,
            scale=alt.Scale(domain=list(OUTCOMES), range=colors),
            legend=alt.Legend(
                orient="bottom",
                direction="horizontal",
                columns=alt.expr("width < 420 ? 3 : 7"),
                symbolType="square",
            ),
        )
    )
    # On a phone a cell is too narrow for a number.
    numbers = base.mark_text(fontSize=11, opacity=alt.expr("width < 420 ? 0 : 1")).encode(
        text="cell:N",
        color=alt.condition(
            alt.FieldOneOfPredicate("outcome", STRONG),
            alt.value(INK_ON_STRONG[dark]),
            alt.value(ground().ink),
        ),
    )
    seasons = frame["season"].n_unique()
    show(
        alt.layer(cells, numbers),
        answer.frame,
        answer.sql,
        f"results_of_driver_{driver}",
        "A row for each season and a cell for each race, in the color of the result, with the place in it.",
        title=results_title(name, totals),
        note="A row is a season, a cell a race with its place. A dot: not classified. Hover for the race.",
        height=band_heights(seasons, ROW) + LEGEND,
    )


def results_title(name: str, totals: dict[str, Any]) -> str:
    """What the career came to."""
    if not totals["starts"]:
        return f"{name} entered, and never started a race"
    races = "race" if totals["starts"] == 1 else "races"
    if totals["wins"]:
        return (
            f"{name} won {totals['wins']} of {totals['starts']} {races}, {number(totals['wins_percent'])} %, "
            f"and was on the podium in {number(totals['podiums_percent'])} %"
        )
    if totals["podiums"]:
        return f"{name} never won, and was on the podium in {totals['podiums']} of {totals['starts']} {races}"
    best = (
        f"the best place was {totals['best_finish']}"
        if totals["best_finish"]
        else "none was finished in a place"
    )
    return f"{name} started {totals['starts']} {races}; {best}"


def places(driver: int, name: str, totals: dict[str, Any]) -> None:
    """The place in the championship, by season."""
    answer = query("drivers/seasons", driver=driver)
    frame = answer.frame.with_columns(
        color=pl.col("constructor_id").replace_strict(
            constructor_colors(), default=ground().quiet, return_dtype=pl.String
        )
    )
    ranked = frame.drop_nulls("championship_position")
    titles, best = totals["titles"], totals["best_championship_position"]
    if titles:
        finding = f"{name} was world champion {'once' if titles == 1 else f'{titles} times'}"
    elif best:
        finding = f"Best place of {name} in the championship: {best}"
    else:
        finding = f"{name} has no place in the championship"
    years = alt.Axis(format="d", tickMinStep=1, labelOverlap=True)
    base = alt.Chart(ranked).encode(
        x=alt.X("season:Q", title=None, axis=years, scale=alt.Scale(nice=False, padding=32)),
        y=alt.Y(
            "championship_position:Q",
            title="place in the championship",
            scale=alt.Scale(reverse=True, zero=False, nice=False, padding=14),
            axis=alt.Axis(tickMinStep=1, format="d", values=place_values(ranked["championship_position"])),
        ),
    )
    dots = base.mark_point(filled=True, opacity=1, size=260).encode(
        color=alt.Color("color:N", scale=None),
        tooltip=[
            alt.Tooltip("season:Q", title="season", format="d"),
            alt.Tooltip("teams:N", title="teams"),
            alt.Tooltip("championship_position:Q", title="place"),
            alt.Tooltip("points:Q", title="points"),
            alt.Tooltip("starts:Q", title="starts"),
            alt.Tooltip("wins:Q", title="wins"),
            alt.Tooltip("podiums:Q", title="podiums"),
            alt.Tooltip("poles:Q", title="poles"),
        ],
    )
    line = base.mark_line(color=ground().grid, strokeWidth=2)
    numbers = base.mark_text(fontSize=10, fontWeight="bold", color=ground().paper).encode(
        text="championship_position:Q"
    )
    # The name of a team stands where the driver joined it.
    joined = ranked.filter((pl.col("constructor_id") != pl.col("constructor_id").shift(1)).fill_null(True))
    teams = (
        alt.Chart(joined)
        .mark_text(dy=-18, fontWeight="bold", fontSize=11)
        .encode(
            x="season:Q",
            y="championship_position:Q",
            text="constructor_name:N",
            color=alt.Color("color:N", scale=None),
        )
    )
    show(
        alt.layer(line, dots, numbers, teams),
        answer.frame if ranked.height else answer.frame.clear(),
        answer.sql,
        f"places_of_driver_{driver}",
        "The place in the championship by season, in the color of the constructor.",
        title=finding,
        note="The name of a constructor stands where the driver joined it.",
        empty=f"{name} is in no final table of the championship.",
        height=300,
    )
    show(
        None,
        answer.frame.sort("season", descending=True),
        answer.sql,
        f"seasons_of_driver_{driver}",
        "A row for each season.",
        title="Season by season",
        columns={
            "season": st.column_config.NumberColumn("Season", format="%d"),
            "teams": "Constructors",
            "constructor_id": None,
            "constructor_name": None,
            "starts": "Starts",
            "wins": "Wins",
            "podiums": "Podiums",
            "poles": "Poles",
            "retirements": "Retirements",
            "points": st.column_config.NumberColumn("Points", format="%g"),
            "championship_position": "Place",
            "is_champion": "Champion",
            "is_season_complete": "Season complete",
        },
    )


def against(driver: int, name: str) -> None:
    """A driver against another: who was ahead how often, and by how much."""
    mates = query("drivers/team_mates", driver=driver)
    columns = st.columns(2)
    with columns[0]:
        chosen = choose("Against", [NOBODY, *(each for each in ids if each != label)], "rival")
    with columns[1]:
        races = switch("Races", ["As team mates", "All"], "driver_races")
    if chosen == NOBODY and mates.frame.is_empty():
        st.info(f"{name} never had a team mate. Choose another driver to compare with.")
        return
    rival = mates.frame["team_mate_driver_id"][0] if chosen == NOBODY else ids[chosen]
    rival_name = mates.frame["team_mate_driver_name"][0] if chosen == NOBODY else names[chosen]
    scope = "team_mates" if races == "As team mates" else "all"
    answer = query(f"drivers/head_to_head_{scope}", driver=driver, rival=rival)
    if answer.frame.is_empty():
        where = "were never team mates" if scope == "team_mates" else "never met in a race"
        more = " “All” compares them in any cars." if scope == "team_mates" else ""
        st.info(f"{name} and {rival_name} {where}.{more}")
    else:
        columns = st.columns(2, gap="large")
        for column, session, ahead, behind in (
            (columns[0], "qualifying", "qualifyings_ahead", "qualifyings_behind"),
            (columns[1], "races", "races_ahead", "races_behind"),
        ):
            with column:
                head_to_head(answer, session, ahead, behind, name, rival_name)
        gaps(driver, rival, scope, name, rival_name)
    team_mates(mates, driver, name)


def sides() -> tuple[str, str]:
    """The colors of the driver and of the rival. They also stand on different sides."""
    return ("#4a9ccb", "#e0913a") if is_dark() else ("#1f6f9f", "#b3611a")


def head_to_head(answer: Answer, session: str, ahead: str, behind: str, name: str, rival_name: str) -> None:
    """Bars to the right where the driver was ahead, to the left where the rival was."""
    frame = answer.frame
    won, lost = frame[f"total_{ahead}"][0], frame[f"total_{behind}"][0]
    if won + lost == 0:
        finding = f"In {session}, neither was ever ahead of the other"
    elif won == lost:
        finding = f"In {session}, {name} and {rival_name} are even: {won} to {lost}"
    else:
        pair, most = ((name, rival_name), won) if won > lost else ((rival_name, name), lost)
        finding = f"In {session}, {pair[0]} was ahead of {pair[1]} " + (
            f"{most} times of {won + lost}" if most < won + lost else f"every time, {most} of {most}"
        )
    right, left = sides()
    long = pl.concat(
        [
            frame.select("season", count=pl.col(ahead), drawn=pl.col(ahead), leader=pl.lit(name)),
            frame.select("season", count=pl.col(behind), drawn=-pl.col(behind), leader=pl.lit(rival_name)),
        ]
    )
    most = extent(long["count"])[1] or 1
    base = alt.Chart(long).encode(
        y=alt.Y("season:O", title=None, sort="ascending"),
        x=alt.X(
            "drawn:Q",
            title=f"← {rival_name} ahead     {name} ahead →",
            scale=alt.Scale(domain=[-most * 1.12, most * 1.12], nice=False),
            axis=alt.Axis(labelExpr="abs(datum.value)", tickMinStep=1, tickCount=6, titleFontSize=12),
        ),
        color=alt.Color(
            "leader:N", legend=None, scale=alt.Scale(domain=[name, rival_name], range=[right, left])
        ),
        tooltip=[
            alt.Tooltip("season:O", title="season"),
            alt.Tooltip("leader:N", title="ahead"),
            alt.Tooltip("count:Q", title="times"),
        ],
    )
    bars = base.mark_bar(size=ROW - 8)
    labels = base.mark_text(fontWeight="bold", dx=alt.expr("datum.drawn < 0 ? -10 : 10")).encode(
        text="count:Q"
    )
    zero = alt.Chart(pl.DataFrame({"drawn": [0]})).mark_rule(color=ground().quiet).encode(x="drawn:Q")
    drawn = long.filter(pl.col("count") > 0)
    show(
        alt.layer(bars.transform_filter("datum.count > 0"), labels.transform_filter("datum.count > 0"), zero),
        frame if drawn.height else frame.clear(),
        answer.sql,
        f"head_to_head_{session}",
        f"Bars by season: how often each was ahead in {session}.",
        title=finding,
        note=(
            "By position in qualifying, before penalties; from 1994."
            if session == "qualifying"
            else "A classified driver is ahead of one who is not. If neither is, nobody is ahead."
        ),
        empty=f"There is nothing to compare in {session}.",
        height=band_heights(frame.height, ROW),
    )


def gaps(driver: int, rival: int, scope: str, name: str, rival_name: str) -> None:
    """How large the gaps were: a dot for each race."""
    answer = query("drivers/gaps", driver=driver, rival=rival, scope=scope)
    right, left = sides()
    widest, step = SCALES[scope]
    for measure in ("qualifying", "race pace"):
        frame = answer.frame.filter(pl.col("measure") == measure)
        finding, median = f"No gap in {measure} is known", 0.0
        if frame.height:
            median, races = frame["median_gap_percent"][0], frame["races"][0]
            faster, slower = (name, rival_name) if median < 0 else (rival_name, name)
            among = "one race" if races == 1 else f"{races} races"
            finding = (
                f"In {measure}, {faster} was faster than {slower} by {number(abs(median))} % "
                f"at the median of {among}"
            )
            if not median:
                finding = f"In {measure}, {name} and {rival_name} were equally fast at the median of {among}"
        base = (
            alt.Chart(
                frame.with_columns(
                    faster=pl.when(pl.col("gap_percent") < 0).then(pl.lit(name)).otherwise(pl.lit(rival_name))
                )
            )
            .transform_calculate(shown=f"clamp(-datum.gap_percent, {-widest}, {widest})")
            .transform_bin(
                "bin", "shown", bin=alt.Bin(step=step, extent=[-widest, widest + step], nice=False)
            )
            .transform_window(stack="row_number()", groupby=["bin"], sort=[alt.SortField("race_date")])
            .transform_calculate(middle=f"datum.bin + {step / 2}")
        )
        dots = base.mark_circle(size=70, opacity=0.9).encode(
            x=alt.X(
                "middle:Q",
                title=f"← {rival_name} faster     {name} faster →   (% of the time)",
                scale=alt.Scale(domain=[-widest - step, widest + step], nice=False),
                axis=alt.Axis(labelExpr="abs(datum.value)", tickCount=8, titleFontSize=12),
            ),
            y=alt.Y("stack:Q", title=None, axis=None, scale=alt.Scale(domainMin=0, nice=False)),
            color=alt.Color(
                "faster:N", legend=None, scale=alt.Scale(domain=[name, rival_name], range=[right, left])
            ),
            tooltip=[
                alt.Tooltip("race_name:N", title="race"),
                alt.Tooltip("season:Q", title="season", format="d"),
                alt.Tooltip("faster:N", title="faster"),
                alt.Tooltip("gap_percent:Q", title="gap in %", format="+.3f"),
            ],
        )
        middle = pl.DataFrame({"middle": [-median]})
        rule = alt.Chart(middle).mark_rule(color=ground().ink, strokeDash=[4, 3]).encode(x="middle:Q")
        show(
            alt.layer(rule, dots),
            frame,
            answer.sql,
            f"gaps_{measure.replace(' ', '_')}",
            f"A dot for each race, at the gap between both in {measure}.",
            title=finding,
            note=(
                "In the last session in which both set a time; from 1994. The dashed line is the median."
                if measure == "qualifying"
                else "Median of the laps at racing speed, where known. The dashed line is the median."
            ),
            empty=f"The source has no times of {measure} in which both can be compared.",
            height=200,
        )


def team_mates(mates: Answer, driver: int, name: str) -> None:
    """All team mates of a driver, in a table."""
    finding = f"{name} never had a team mate"
    if mates.frame.height:
        first = mates.frame.row(0, named=True)
        finding = (
            f"{name} beat {first['beaten_in_qualifying']} of {first['compared_in_qualifying']} team mates in "
            f"qualifying, and {first['beaten_in_races']} of {first['compared_in_races']} in races"
        )
    show(
        None,
        mates.frame,
        mates.sql,
        f"team_mates_of_driver_{driver}",
        "A row for each team mate.",
        title=finding,
        note="A negative gap: the driver was faster.",
        empty="Nobody drove for the same constructor in the same race.",
        columns={
            "team_mate_driver_id": None,
            "team_mate_driver_name": "Team mate",
            "first_season": st.column_config.NumberColumn("From", format="%d"),
            "last_season": st.column_config.NumberColumn("To", format="%d"),
            "races_together": "Races together",
            "races_ahead": "Ahead in races",
            "races_behind": "Behind in races",
            "qualifyings_ahead": "Ahead in qualifying",
            "qualifyings_behind": "Behind in qualifying",
            "median_qualifying_gap_percent": st.column_config.NumberColumn("Median gap %", format="%+.3f"),
            "points": st.column_config.NumberColumn("Points", format="%g"),
            "team_mate_points": st.column_config.NumberColumn("Team mate's points", format="%g"),
            "beaten_in_qualifying": None,
            "compared_in_qualifying": None,
            "beaten_in_races": None,
            "compared_in_races": None,
        },
    )


drivers = query("drivers/drivers").frame
ids = dict(drivers.select("choice", "driver_id").iter_rows())
names = dict(drivers.select("choice", "driver_name").iter_rows())
best = drivers.sort("success_rank")["choice"][0] if drivers.height else None
if best is None:
    st.info("The warehouse has no drivers yet.")
    st.stop()
st.title("Drivers")
columns = st.columns(2)
with columns[0]:
    label = choose("Driver", list(ids), "driver", default=best)
with columns[1]:
    view = switch("View", ["Career", "Head to head"], "driver_view")
if view == "Career":
    career(ids[label])
else:
    against(ids[label], names[label])
