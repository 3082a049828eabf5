"""Charts that several pages draw, in one look: no box, a horizontal grid, labels at the lines, no legend."""

from itertools import pairwise
from typing import Any

import altair as alt
import polars as pl
from theme import ground

HEIGHT = 460
# Between two labels at the right end, in pixels.
LABEL_PIXELS = 15
# The height of a small label, and about its width as a share of a chart on a phone.
SMALL_LABEL = (11, 0.08)
# What a chart has above and below its rows: the labels of the axis, its title.
AROUND = 60
# The first is a solid line. As [1, 0] it would be drawn as dashes of a pixel: 20 frames a second, not 55.
DASHES = alt.Scale(domain=[0, 1, 2], range=[[100_000, 0], [7, 3], [2, 3]])


def styled(chart: Any, height: int | None = HEIGHT) -> Any:
    """A chart in the look of all charts. The canvas renderer is what makes hovering smooth."""
    colors = ground()
    look = {
        "font": "Source Sans, sans-serif",
        "view": {"strokeWidth": 0},
        "axis": {
            "domain": False,
            "ticks": False,
            "gridColor": colors.grid,
            "labelColor": colors.quiet,
            "titleColor": colors.quiet,
            "titleFontWeight": "normal",
            "labelPadding": 6,
        },
        "axisX": {"grid": False},
        "legend": {
            "labelColor": colors.ink,
            "titleColor": colors.quiet,
            "symbolFillColor": colors.quiet,
            "symbolStrokeColor": colors.quiet,
            "orient": "top",
        },
        "title": {"color": colors.ink},
    }
    # In one step: Altair copies and checks all layers in each.
    return chart.properties(
        usermeta={"embedOptions": {"renderer": "canvas"}},
        background="transparent",
        config=look,
        **({"height": height} if height else {}),
    )


def extent(numbers: pl.Series) -> tuple[float, float]:
    """The smallest and the largest of numbers; 0 and 0 if there are none."""
    known = [float(number) for number in numbers.drop_nulls()]
    return min(known, default=0.0), max(known, default=0.0)


def band_heights(rows: int, pixels: int = 20) -> int:
    """The height of a chart with a row for each of so many names."""
    return max(rows, 2) * pixels + AROUND


def pushed_apart(
    ends: pl.DataFrame, y: str, domain: tuple[float, float], height: int, pixels: float = LABEL_PIXELS
) -> pl.DataFrame:
    """Add `label_y`: where the label of each line stands so that labels do not cover each other.

    Args:
        ends: a row for each line.
        y: the column with the value at its end.
        domain: the values at the bottom and at the top of the axis.
    """
    bottom, top = domain
    scale = height / ((top - bottom) or 1)
    spots = [(value - bottom) * scale for value in ends[y]]
    order = sorted(range(len(spots)), key=spots.__getitem__)
    step = min(pixels, height / max(len(spots) - 1, 1))
    # From the bottom up, each at least a step above the last. What comes out at the top is pushed down.
    for before, after in pairwise(order):
        spots[after] = max(spots[after], spots[before] + step)
    for index, place in enumerate(reversed(order)):
        spots[place] = min(spots[place], height - index * step)
    return ends.with_columns(label_y=pl.Series([bottom + spot / scale for spot in spots], dtype=pl.Float64))


def uncovered(
    rows: pl.DataFrame, x: str, y: str, *, span: float, domain: tuple[float, float], height: int
) -> pl.DataFrame:
    """Add `label_y`: where the labels of single points stand. One that would cover another is moved up.

    Args:
        rows: a row for each label.
        x: the column with its place from left to right.
        y: the column with its place from the bottom up.
        span: how much of x the chart shows.
        domain: the values of y at the bottom and at the top of the chart.
        height: of the chart in pixels.
    """
    bottom, top = domain
    scale = height / ((top - bottom) or 1)
    up, share = SMALL_LABEL
    placed: list[tuple[float, float]] = []
    spots = [0.0] * rows.height
    wanted = [(float(value) - bottom) * scale for value in rows[y]]
    for index in sorted(range(rows.height), key=wanted.__getitem__):
        spot, across = wanted[index], float(rows[x][index])
        for other_spot, other_across in sorted(placed):
            if abs(across - other_across) < share * span and abs(spot - other_spot) < up:
                spot = other_spot + up
        placed.append((spot, across))
        spots[index] = bottom + spot / scale
    return rows.with_columns(label_y=pl.Series(spots, dtype=pl.Float64))


def lines(
    frame: pl.DataFrame,
    *,
    x: alt.X,
    y: str,
    y_title: str,
    domain: tuple[float, float],
    tooltip: list[Any],
    key: str = "driver_name",
    label: str = "code",
    behind: list[Any] | None = None,
    line: dict[str, Any] | None = None,
    axis: alt.Axis | None = None,
    height: int = HEIGHT,
) -> Any:
    """Lines with labels at their right ends; the one under the pointer comes forward with its values.

    Args:
        frame: sorted by x, with `color` and `mate` from `with_colors`. A missing y is a gap.
        x: the encoding of x.
        y: the column of y.
        domain: the values at the bottom and at the top, for example (20, 1) for positions.
        tooltip: what a point says. No title may be `constructor`: Vega refuses the word.
        key: the column that names a line.
        label: the column with the short name at its end. A column `is_out` says whose line ends early.
        behind: layers behind the lines, for example bands.
        line: properties of the line mark, for example {"interpolate": "step"}.
    """
    colors = ground()
    scale = alt.Scale(domain=list(domain), nice=False, zero=False)
    x_field = str(x.shorthand).partition(":")[0]
    x_domain = extent(frame[x_field])
    x_scale = alt.Scale(domain=list(x_domain), nice=False, zero=False)
    x = x.scale(x_scale)
    x_title = x.to_dict()["title"]
    base = alt.Chart(frame).encode(
        x=x,
        y=alt.Y(f"{y}:Q", title=y_title, scale=scale, axis=axis or alt.Axis(tickCount=6)),
        color=alt.Color("color:N", scale=None),
        detail=f"{key}:N",
    )
    hover = alt.selection_point(fields=[key], nearest=True, on="pointerover", clear="pointerout", empty=False)
    marks = line or {}
    drawn = base.mark_line(strokeWidth=2, **marks).encode(
        strokeDash=alt.StrokeDash("mate:O", scale=DASHES, legend=None)
    )
    points = base.mark_point(size=60, opacity=0).encode(tooltip=tooltip).add_params(hover)
    halo = base.mark_line(strokeWidth=8, opacity=0.9, **marks).encode(color=alt.value(colors.paper))
    front = base.mark_line(strokeWidth=4, **marks)
    ends = frame.filter(pl.col(y).is_not_null()).group_by(key, maintain_order=True).last()
    # Who is out has the label above the last point, the others in one column at the end of the longest line.
    is_out = pl.col("is_out") if "is_out" in frame.columns else pl.lit(False)
    out = ends.filter(is_out & (pl.col(x_field) < frame[x_field].max()))
    ends = ends.join(out.select(key), on=key, how="anti", maintain_order="left")
    ends = pushed_apart(ends, y, domain, height).with_columns(label_x=pl.lit(frame[x_field].max()))
    span = x_domain[1] - x_domain[0]
    out = uncovered(out, x_field, y, span=span, domain=domain, height=height).with_columns(
        label_x=pl.col(x_field)
    )

    def names(rows: pl.DataFrame, **text: Any) -> list[Any]:
        """Labels with a halo, which keeps them readable on lines."""
        # Another title, or none, would replace that of the axis.
        place = {"x": alt.X("label_x:Q", title=x_title, scale=x_scale), "y": alt.Y("label_y:Q", scale=scale)}
        drawn = alt.Chart(rows).encode(**place, text=f"{label}:N")
        mark = {"fontWeight": "bold", "fontSize": 12, "clip": False, **text}
        return [
            drawn.mark_text(stroke=colors.paper, strokeWidth=3, **mark),
            drawn.mark_text(**mark).encode(color=alt.Color("color:N", scale=None)),
        ]

    return alt.layer(
        *(behind or []),
        drawn,
        halo.transform_filter(hover),
        front.transform_filter(hover),
        *(names(out, dy=-9, fontSize=10) if not out.is_empty() else []),
        *names(ends, align="left", dx=8),
        points,
    )


def bands(rows: pl.DataFrame, x: str = "lap_number") -> list[Any]:
    """A layer of bands for laps, in the colors of their `kind`."""
    if rows.is_empty():
        return []
    colors = ground()
    shown = rows.select(
        start=pl.col(x) - 0.5,
        end=pl.col(x) + 0.5,
        color=pl.col("kind").replace_strict(colors.bands, return_dtype=pl.String),
    )
    return [
        alt.Chart(shown)
        .mark_rect(opacity=0.75, clip=True)
        .encode(x=alt.X("start:Q"), x2="end:Q", color=alt.Color("color:N", scale=None))
    ]
