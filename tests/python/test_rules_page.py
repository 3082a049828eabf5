"""The figures of docs/rules-of-the-sport.md are those of the real files.

test_readme.py has the number of reconciled rows.
"""

from pathlib import Path

import duckdb
import pytest
from conftest import ROOT

PAGE = " ".join((ROOT / "docs" / "rules-of-the-sport.md").read_text(encoding="utf-8").split())

# What the page says, with places for the values that the query gives.
FIGURES = {
    "ties": (
        "In {} rows our order differs",
        "from marts.fct_championship_exceptions where kind = 'tie_order'",
    ),
    "short races": (
        "less than 65 minutes: {} races were cut short, and the shortest full races took {:.0f} minutes",
        """
        select
            ['six', 'seven', 'eight', 'nine'][count(*) filter (where minutes < 65) - 5],
            floor(min(minutes) filter (where minutes >= 65))
        from (
            select min(race_time_ms) / 60000 as minutes
            from marts.fct_race_results where is_win
            group by race_id
        )
        """,
    ),
    "medians": (
        "there are {:,} such medians. {:,} lie at 99 to 100 % of the reference, {} at 103 %, {} at 104 %, "
        "{} at 105 %",
        """
        with medians as (
            select distinct race_id, lap_number, field_median_ms
            from marts.fct_race_laps where field_median_ms is not null
        ),
        shares as (
            select floor(100 * field_median_ms / quantile_cont(field_median_ms, 0.25) over race) as share
            from medians
            window race as (partition by race_id)
        )
        select count(*), count(*) filter (where share = 99), count(*) filter (where share = 103),
            count(*) filter (where share = 104), count(*) filter (where share = 105)
        from shares
        """,
    ),
    "slow laps": (
        "take {:,} of {:,} laps. On {:,} of these the whole field is slow",
        """
        select count(*) filter (where lap_class = 'slow'), count(*),
            count(*) filter (where lap_class = 'slow' and is_field_slow)
        from marts.fct_race_laps
        """,
    ),
    "undercuts": (
        "stops first gains {:.1f} s in the median, the work of the crews left out",
        "select median(early_gain_ms - lane_gain_ms) / 1000 from marts.fct_undercuts",
    ),
    "stops": ("of {:,} stops, about", "from marts.fct_pit_stops"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_that_of_the_warehouse(name: str, real_warehouse: Path) -> None:
    text, query = FIGURES[name]
    with duckdb.connect(real_warehouse, read_only=True) as connection:
        found = connection.execute(f"select count(*) {query}" if query.startswith("from") else query)
        [values] = found.fetchall()
    assert text.format(*values) in PAGE
