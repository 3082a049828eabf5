"""Controls and figures that several pages have."""

from typing import Any

import polars as pl
import streamlit as st


def switch(label: str, options: list[str], key: str) -> str:
    """A choice between a few, all in sight. The choice is in the URL, as `key`."""
    chosen = st.segmented_control(
        label, options, default=options[0], key=key, bind="query-params", required=True
    )
    return str(chosen)


def seasons_between(first: int, last: int, key: str, default: int) -> tuple[int, int]:
    """The seasons to look at, by their first and last. The choice is in the URL, as `key`."""
    if first == last:
        return first, last
    chosen = st.slider(
        "Seasons", first, last, (min(max(default, first), last), last), key=key, bind="query-params"
    )
    return chosen[0], chosen[1]


def figures(values: dict[str, Any]) -> None:
    """A row of figures with their names; they wrap on a narrow screen. NULL is a dash."""
    with st.container(horizontal=True, gap="medium"):
        for name, value in values.items():
            shown = "-" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
            st.metric(name, shown, width="content")


def place_values(places: pl.Series) -> list[int]:
    """The places that an axis names: each of a few, else the first and every fifth."""
    last = max([1, *places.drop_nulls()])
    return list(range(1, last + 1)) if last <= 8 else [1, *range(5, last + 5, 5)]
