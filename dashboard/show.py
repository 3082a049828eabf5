"""Show a finding: its title, the chart or the table, the SQL it came from, and its rows as CSV."""

import re
from typing import Any

import polars as pl
import streamlit as st
from charts import HEIGHT, styled

# How many rows a table may have to be shown in full.
LONG = 40
# The space between a number and its unit: no line breaks there.
UNIT = re.compile(r"(?<=\d) (?=(?:s|%)(?!\w))")


def show(
    chart: Any,
    frame: pl.DataFrame,
    sql: str,
    name: str,
    alt: str,
    *,
    title: str,
    note: str = "",
    empty: str = "The warehouse has no data for this.",
    height: int | None = HEIGHT,
    columns: dict[str, Any] | None = None,
) -> None:
    """Show a chart or a table.

    Args:
        chart: from Altair, without its look; or the table to show; None shows the frame itself.
        frame: the rows behind it. If there are none, `empty` is shown instead.
        sql: what gave the rows.
        name: the name of the CSV, and the key of the widgets: different for each finding of a page.
        alt: what the chart shows, for those who cannot see it.
        title: the finding in words, computed.
        note: how to read it.
        height: of the plot in pixels; None if the chart has its own.
        columns: `column_config` of the table: labels, formats; None hides a column.
    """
    with st.container(key=f"finding_{name}"):
        st.subheader(UNIT.sub("\N{NO-BREAK SPACE}", title), anchor=False)
        if note:
            st.caption(note)
        if frame.is_empty():
            st.info(empty)
            return
        if chart is None or isinstance(chart, pl.DataFrame):
            rows = frame if chart is None else chart
            # A long table scrolls within its frame.
            fitting = "content" if rows.height <= LONG else "auto"
            st.dataframe(
                rows,
                hide_index=True,
                column_config=columns,
                width="stretch",
                height=fitting,
                placeholder="-",
            )
        else:
            described = chart.properties(description=f"{title}. {alt}")
            st.altair_chart(styled(described, height), theme=None, width="stretch", key=f"chart_{name}")
        with st.container(horizontal=True):
            with st.popover("Show SQL"):
                st.code(sql, language="sql")
            st.download_button(
                "Download CSV",
                frame.write_csv(),
                f"{name}.csv",
                mime="text/csv",
                key=f"csv_{name}",
                on_click="ignore",
            )


def lap_time(ms: float | None) -> str:
    """Milliseconds as the sport writes a time: 1:21.386, or 1:39:35.912."""
    if ms is None:
        return ""
    minutes, rest = divmod(round(ms), 60_000)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest / 1000:06.3f}" if minutes or hours else f"{rest / 1000:.3f}"
    return f"{hours}:{minutes:02}:{seconds}" if hours else f"{minutes}:{seconds}" if minutes else seconds


def choose(label: str, options: list[str], key: str, default: str | None = None, **settings: Any) -> str:
    """A list to choose from. The choice is in the URL, as `key`, so that a link reopens the same view."""
    index = options.index(default) if default in options else 0
    return str(st.selectbox(label, options, index=index, key=key, bind="query-params", **settings))


def counted(value: float, unit: str) -> str:
    """A number of things: 1 point, 2 points."""
    return f"{number(value)} {unit}{'' if value == 1 else 's'}"


def number(value: float) -> str:
    """A number of points as people write it: 52.5, but 90 and not 90.0."""
    return f"{value:,.2f}".rstrip("0").rstrip(".")
