"""The charts of the questions, as SVG for a light and for a dark page."""

from decimal import Decimal
from typing import Any, NamedTuple

import altair as alt
import vl_convert

from pitwall.site.evidence import Answer

WIDTH = 380  # so that letters can be read on a phone, where the picture is as wide as the page
STEP = 42  # the height of a bar, its name and a gap
MOST_BARS = 30
FONT = "system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif"
# Of text, of the grid, and of series: distinct for the colour-blind too, at least 3:1 on their ground.
GROUNDS = {
    "light": ("#24292f", "#d0d7de", ("#0b6aa2", "#b45309", "#a8347c")),
    "dark": ("#d5dae0", "#3a424c", ("#5db3e6", "#f0a54a", "#e58ac0")),
}


class Bars(NamedTuple):
    """A chart with a bar for each row.

    Args:
        label: what names a bar, with the columns in braces.
        value: the column of its length.
        unit: what the length is.
        divisor: what the value is divided by: a thousand for seconds.
        of: a column of which the value is shown as a percentage.
        decimals: the most that the number at the end of a bar has.
    """

    label: str
    value: str
    unit: str
    divisor: float = 1
    of: str = ""
    decimals: int = 1


class Series(NamedTuple):
    """A chart with a line for each of some columns.

    Args:
        across: the column of the horizontal axis.
        lines: the columns, each with what it is called.
        unit: what the height is.
    """

    across: str
    lines: dict[str, str]
    unit: str


RACE = "{season} {race_name}"
CHARTS: dict[str, Bars | Series] = {
    "what_puts_cars_out_of_the_race": Series(
        "decade",
        {"finished": "finished", "engine": "stopped by the engine", "accident": "stopped by an accident"},
        "per cent of starts",
    ),
    "who_won_from_the_furthest_back": Bars(f"{RACE}, {{driver_name}}", "grid", "grid slot of the winner"),
    "cheaper_stops_behind_the_safety_car": Bars(
        "{circuit_name}", "saved_ms", "seconds that a stop behind the safety car saves", 1000
    ),
    "closest_fights_for_pole": Bars(f"{RACE}, {{second_name}}", "gap_to_pole_ms", "milliseconds behind pole"),
    "closest_titles": Bars(
        "{season} {champion}, {runner_up}", "margin", "points between champion and runner-up"
    ),
    "costliest_pit_lanes": Bars("{circuit_name}", "median_time_lost_ms", "seconds lost by a stop", 1000),
    "fastest_pit_crews": Bars(
        "{season} {constructor_name}",
        "median_to_race_median_ms",
        "milliseconds to the median stop of the race; below 0: faster",
    ),
    "greatest_undercuts": Bars(
        "{season} {race_name}, {driver_name}", "early_gain_ms", "seconds gained by stopping first", 1000
    ),
    "longest_finishing_streaks": Bars(
        "{driver_name}, {first_season} to {last_season}", "races", "races finished in a row"
    ),
    "most_fragile_cars": Bars(
        "{season} {constructor_name}", "all_failures", "failures in per cent of the starts", of="race_starts"
    ),
    "most_laps_behind_the_safety_car": Bars(RACE, "slow_laps", "laps on which the field was slow"),
    "perfect_qualifying_seasons": Bars(
        "{season} {driver_name}, {team_mate_name}", "qualifyings_ahead", "qualifyings ahead of the team mate"
    ),
    "pole_by_circuit": Bars("{circuit_name}", "pole_to_win_rate", "per cent of races won from pole", 0.01),
    "recoveries": Bars(
        "{season} {race_name}, {driver_name}", "above_usual", "places gained more than is usual"
    ),
    "stints_that_did_not_fade": Bars(
        "{season} {race_name}, {driver_name}", "slope_ms_per_lap", "milliseconds by which each lap is slower"
    ),
    "undercut_or_overcut": Series(
        "season",
        {"came_ahead": "came ahead by stopping first", "lost_the_place": "lost the place by stopping first"},
        "pairs of drivers",
    ),
    "wins_from_the_back": Bars(f"{RACE}, {{driver_name}}", "grid_position", "grid slot of the winner"),
    "winners_without_the_best_pace": Bars(
        "{race_name}, {winner}", "median_pct_of_best", "per cent of the best pace of the race", decimals=3
    ),
}


def draw(name: str, answer: Answer) -> dict[str, str]:
    """The chart of a question for each ground; none if it has none, or the answer has no row."""
    chosen = CHARTS.get(name)
    if chosen is None or not answer.rows:
        return {}
    rows = [dict(zip(answer.names, row, strict=True)) for row in answer.rows]
    return {ground: picture(chosen, rows, ground) for ground in GROUNDS}


def number(value: object) -> float | None:
    """A value for a chart. A grid slot is text, because it may be the pit lane."""
    if isinstance(value, str):
        return float(value) if value.isdecimal() else None
    return float(value) if isinstance(value, int | float | Decimal) else None


def picture(chosen: Bars | Series, rows: list[dict[str, Any]], ground: str) -> str:
    """A chart as SVG."""
    ink, rule, series = GROUNDS[ground]
    chart = bars(chosen, rows, ink, series) if isinstance(chosen, Bars) else lines(chosen, rows, series)
    axis = {"labelColor": ink, "titleColor": ink, "gridColor": rule, "domain": False, "ticks": False}
    axis |= {"labelFontSize": 13, "titleFontSize": 13, "labelLimit": 330, "titleFontWeight": "normal"}
    spec = chart.configure(font=FONT, background="transparent").configure_view(stroke=None)
    # The width of the reader's letters is not known here: without room, the ends of names would be cut.
    spec = spec.configure_axis(**axis).properties(padding={"left": 4, "right": 48, "top": 4, "bottom": 4})
    return str(vl_convert.vegalite_to_svg(spec.to_dict()))


def length(chosen: Bars, row: dict[str, Any]) -> float:
    """The length of a bar."""
    value = number(row[chosen.value]) or 0
    return 100 * value / (number(row[chosen.of]) or 1) if chosen.of else value / chosen.divisor


def bars(chosen: Bars, rows: list[dict[str, Any]], ink: str, series: tuple[str, ...]) -> Any:
    """A bar for each row, with its name above it and its value at its end.

    The names are above, because the width of the reader's letters is not known here: beside the bars they
    would be cut.
    """
    data = [
        {
            "place": place,
            "label": chosen.label.format(**row),
            "value": length(chosen, row),
        }
        for place, row in enumerate(rows[:MOST_BARS])
    ]
    values = [float(str(each["value"])) for each in data]
    lowest, highest = min(values), max(values)
    # Dots instead of bars where the values differ little: a bar must begin at 0.
    is_narrow = lowest > 0.97 * highest > 0
    margin = (highest - lowest if is_narrow else max(highest, 0) - min(lowest, 0)) * 0.14 or 1
    domain = [
        lowest - margin if is_narrow or lowest < 0 else 0,
        highest + margin if highest > 0 else 0,
    ]
    base = alt.Chart(alt.InlineData(values=data), width=WIDTH, height=alt.Step(STEP)).encode(
        y=alt.Y("place:O", axis=None)
    )
    across = alt.X(
        "value:Q",
        title=chosen.unit,
        scale=alt.Scale(domain=domain, nice=False, zero=not is_narrow),
        axis=alt.Axis(grid=False, labels=False),  # each bar has its value
    )
    marks = (
        base.mark_circle(size=90, color=series[0], opacity=1, yOffset=8).encode(x=across)
        if is_narrow
        else base.mark_bar(color=series[0], height=12, yOffset=8).encode(x=across)
    )
    label = base.mark_text(align="left", dy=-9, color=ink, fontSize=13).encode(x=alt.value(0), text="label:N")
    form = ",.0f" if all(value.is_integer() for value in values) else f",.{chosen.decimals}~f"
    ends = [
        base.transform_filter("datum.value < 0" if is_below else "datum.value >= 0")
        .mark_text(
            align="right" if is_below else "left", dx=-6 if is_below else 6, dy=8, color=ink, fontSize=12
        )
        .encode(x="value:Q", text=alt.Text("value:Q", format=form))
        for is_below in (False, True)
    ]
    return alt.layer(marks, label, *ends)


def lines(chosen: Series, rows: list[dict[str, Any]], series: tuple[str, ...]) -> Any:
    """A line for each column, with its name at its end."""
    data = [
        {"across": str(row[chosen.across]), "line": words, "value": number(row[column])}
        for row in rows
        for column, words in chosen.lines.items()
    ]
    color = alt.Color(
        "line:N", legend=None, scale=alt.Scale(domain=list(chosen.lines.values()), range=list(series))
    )
    across = alt.X("across:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True, labelSeparation=6))
    base = alt.Chart(alt.InlineData(values=data), width=WIDTH - 130, height=280).encode(
        x=across, y=alt.Y("value:Q", title=chosen.unit, axis=alt.Axis(tickCount=5)), color=color
    )
    last = str(rows[-1][chosen.across])
    names = base.transform_filter(alt.datum.across == last).mark_text(align="left", dx=10, fontSize=13)
    return alt.layer(
        base.mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(size=50)),
        names.encode(text="line:N"),
    )
