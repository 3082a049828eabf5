"""The queries in the README give the answers that it prints, and its commands exist."""

import re
from pathlib import Path

import duckdb
import yaml
from conftest import ROOT, table_cells

README = (ROOT / "README.md").read_text(encoding="utf-8")
QUESTIONS = re.findall(r"```sql\n(.+?)```\n\n((?:\|[^\n]*\n)+)", README, flags=re.DOTALL)

RECONCILED = """
    select count(*), count(*) filter (where not is_reconciled)
    from (
        select is_reconciled from marts.fct_driver_championship
        union all
        select is_reconciled from marts.fct_constructor_championship
    )
    where is_reconciled is not null
"""


def test_the_readme_has_three_questions() -> None:
    assert len(QUESTIONS) == 3


def test_no_question_needs_a_join_or_cuts_a_tie() -> None:
    """The marts have the names. `limit` drops rows that are as good as the last one that it keeps."""
    for sql, _ in QUESTIONS:
        assert not re.search(r"\b(join|limit)\b", sql)


def test_queries_give_the_printed_answers(real_warehouse: Path) -> None:
    with duckdb.connect(real_warehouse, read_only=True) as connection:
        for sql, table in QUESTIONS:
            result = connection.execute(sql)
            names = [column[0] for column in result.description]
            rows = [[str(value) for value in row] for row in result.fetchall()]
            assert [names, *rows] == table_cells(table)


def test_commands_are_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|^)make ([a-z]+)", README, flags=re.MULTILINE))
    assert named
    assert named <= set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))


def test_the_number_of_reconciled_rows_is_that_of_the_warehouse(real_warehouse: Path) -> None:
    with duckdb.connect(real_warehouse, read_only=True) as connection:
        [(compared, differing)] = connection.execute(RECONCILED).fetchall()
    printed = f"in all but {differing} of {compared:,} rows"
    for name in ("README.md", "docs/rules-of-the-sport.md"):
        assert printed in " ".join((ROOT / name).read_text(encoding="utf-8").split()), name


def test_the_terminal_shows_what_the_commands_print(real_warehouse: Path) -> None:
    [sample] = re.findall(r"```console\n(.+?)```", README, flags=re.DOTALL)
    [question] = re.findall(r"^\$ echo '(.+)' \| make shell$", sample, flags=re.MULTILINE)
    with duckdb.connect(real_warehouse, read_only=True) as connection:
        connection.execute("set search_path = 'marts'")
        [(driver, wins)] = connection.execute(question.rstrip(";")).fetchall()
        [(tables, rows, data_tests)] = connection.execute(
            "select mart_tables, mart_rows, data_tests from ops.builds order by built_at desc limit 1"
        ).fetchall()
        # The reader has made no forecast yet; the warehouse of the tests has some.
        for table in ("fct_predictions", "fct_prediction_scores", "fct_prediction_calibration"):
            [(forecasts,)] = connection.execute(f"select count(*) from {table}").fetchall()
            rows -= forecasts
    lines = sample.splitlines()
    assert f", {tables} tables with {rows:,} rows in marts, {data_tests} data tests passed, " in lines[1]
    files = [path for folder in ("models", "macros") for path in (ROOT / folder).rglob("*.yml")]
    unit_tests = [
        each
        for path in files
        for each in yaml.safe_load(path.read_text(encoding="utf-8")).get("unit_tests") or []
    ]
    assert f", {len(unit_tests)} unit tests passed.\n" in sample
    assert lines[-1].split() == [*driver.split(), str(wins)]
