"""The queries in the README give the answers that it prints, and its commands exist."""

import re
from pathlib import Path

import duckdb
from conftest import ROOT, table_cells

README = (ROOT / "README.md").read_text(encoding="utf-8")
QUESTIONS = re.findall(r"```sql\n(.+?)```\n\n((?:\|[^\n]*\n)+)", README, flags=re.DOTALL)


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
