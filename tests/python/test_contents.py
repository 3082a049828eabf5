"""What a build checks and reports of a new warehouse: lost rows, a closed history, what changed."""

import pytest

from pitwall.command import PlainError
from pitwall.warehouse.contents import Contents, check_whole, describe_changes

RAW = {"results": 20, "lap_times": 1000}


def contents(results: int = 20, laps: int = 1000, current: int = 20, ended: int = 0) -> Contents:
    rows = {"fct_race_results": results, "fct_lap_times": laps, "fct_result_revisions": 0}
    return Contents(rows, ("2025 Monaco Grand Prix",), current, ended)


def test_a_whole_warehouse_is_accepted() -> None:
    check_whole(contents(), None, RAW)
    check_whole(contents(), contents(results=19, current=19), RAW)


@pytest.mark.parametrize("new", [contents(results=0), contents(laps=0), contents(results=19)])
def test_a_mart_without_the_rows_of_its_raw_table_is_refused(new: Contents) -> None:
    with pytest.raises(PlainError, match=r"marts\.fct_\w+ has [0-9]+ rows, but [0-9,]+ were converted"):
        check_whole(new, None, RAW)


def test_marts_may_be_empty_if_raw_is() -> None:
    check_whole(contents(results=0, laps=0), None, {"results": 0, "lap_times": 0})


def test_a_build_that_ends_most_of_the_history_is_refused() -> None:
    with pytest.raises(PlainError, match="would end 20 of 20 results in the history"):
        check_whole(contents(current=0, ended=20), contents(), RAW)
    check_whole(contents(current=11, ended=9), contents(), RAW)


def test_a_build_that_revises_most_results_is_accepted() -> None:
    check_whole(contents(current=20, ended=20), contents(), RAW)


def test_another_championship_with_fewer_results_is_accepted() -> None:
    check_whole(contents(current=2, ended=0), contents(current=20, ended=5), RAW)


def test_three_lines_say_what_changed() -> None:
    last = contents()
    new = Contents(
        {"fct_race_results": 40, "fct_lap_times": 2500, "fct_result_revisions": 0, "dim_new": 3},
        ("2025 Monaco Grand Prix", "2025 Spanish Grand Prix"),
        40,
        1,
    )
    assert describe_changes(new, last) == [
        "Rows: fct_lap_times +1,500, fct_race_results +20, dim_new +3.",
        "New races: 2025 Spanish Grand Prix.",
        "Revised: 1 result; marts.fct_result_revisions has both values.",
    ]


def test_a_line_says_that_nothing_changed() -> None:
    unchanged = ["No table has more or fewer rows, and no result was revised."]
    assert describe_changes(contents(), contents()) == unchanged


def test_a_long_list_is_cut() -> None:
    new = Contents({f"mart_{number}": number for number in range(1, 9)})
    [line] = describe_changes(new, Contents({}))
    assert line == "Rows: mart_8 +8, mart_7 +7, mart_6 +6, mart_5 +5, mart_4 +4 and 3 more tables."
