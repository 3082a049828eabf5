"""Season: who won the title, when, and under which rules they would have."""

import altair as alt
import polars as pl
from charts import lines
from show import choose, show
from theme import with_colors
from warehouse import query

seasons = query("season/seasons").frame
season = int(choose("Season", [str(each) for each in seasons["season"]], "season"))

race = query("season/drivers_title_race", season=season)
frame = with_colors(race.frame.filter(pl.col("final_position") <= 10), "competitor")
chart = lines(
    frame,
    x=alt.X("round:Q", title="Round"),
    y="points_counted",
    y_title="Points",
    domain=(0, frame["points_counted"].max()),
    key="competitor",
    tooltip=["competitor:N", "race_name:N", "points_counted:Q"],
)
show(
    chart,
    frame,
    race.sql,
    "title_race",
    "Points of the drivers after each round.",
    title=f"Title race {season}",
)
