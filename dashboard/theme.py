"""Colors of a chart on a light and on a dark ground, and the colors of the constructors."""

from typing import NamedTuple

import polars as pl
import streamlit as st
from warehouse import query


class Ground(NamedTuple):
    """What a chart is drawn with. .streamlit/config.toml has the same paper and ink."""

    paper: str
    ink: str
    quiet: str  # secondary text, and what is compared with
    grid: str
    good: str
    bad: str
    bands: dict[str, str]  # behind laps, by what slows the field


LIGHT = Ground(
    "#fcfcfb",
    "#141618",
    "#6a6e75",
    "#e4e4e0",
    "#1a7f6b",
    "#b3261e",
    {"slow": "#e6e8ec", "virtual safety car": "#f9f0c8", "safety car": "#f4dd83", "red flag": "#f3c4bf"},
)
DARK = Ground(
    "#121417",
    "#e8e8e4",
    "#9a9fa8",
    "#2a2e34",
    "#3fc1a5",
    "#ff7a6b",
    {"slow": "#23272f", "virtual safety car": "#38321a", "safety car": "#5c4f1c", "red flag": "#5a2a28"},
)
# How a note names the bands.
BAND_NAMES = {
    "safety car": "yellow, safety car",
    "virtual safety car": "pale yellow, virtual safety car",
    "slow": "grey, the field is slow, as in rain",
    "red flag": "red, race stopped",
}
# For constructors without a row in the seed, by their id: on a light ground, on a dark ground.
SPARE = [
    ("#5f6b7a", "#8593a5"),
    ("#7a5ea8", "#9f86c9"),
    ("#2f7f8f", "#4fa9ba"),
    ("#96602b", "#c28a52"),
    ("#56793a", "#84a866"),
    ("#a34d72", "#cf7d9f"),
]


def is_dark() -> bool:
    """Whether the reader's page is dark. Streamlit knows it when the page loads."""
    return bool(st.context.theme.type == "dark")


def ground() -> Ground:
    """The colors of the reader's ground."""
    return DARK if is_dark() else LIGHT


def constructor_colors() -> dict[int, str]:
    """The color of every constructor, by id, on the reader's ground."""
    dark = is_dark()
    return {
        number: (on_dark if dark else on_light) or SPARE[number % len(SPARE)][dark]
        for number, on_light, on_dark in query("shared/constructor_colors").frame.iter_rows()
    }


def with_colors(frame: pl.DataFrame, key: str = "driver_name") -> pl.DataFrame:
    """Add what `lines` draws with: `color` by `constructor_id`, and `mate`.

    Args:
        key: the column that names a line. In the order of the frame, the first of a constructor's lines is
            solid, the second dashed, the third dotted.
    """
    colors = constructor_colors()
    lines = frame.select("constructor_id", key).unique(maintain_order=True)
    # A driver of several constructors has one line: in the color of the first.
    lines = lines.unique(subset=key, keep="first", maintain_order=True).with_columns(
        color=pl.col("constructor_id").replace_strict(
            colors, default=SPARE[0][is_dark()], return_dtype=pl.String
        ),
        mate=(pl.int_range(pl.len()).over("constructor_id") % 3).cast(pl.Int64),
    )
    return frame.join(lines.select(key, "color", "mate"), on=key, how="left", maintain_order="left")
