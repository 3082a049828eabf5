"""Each file in analyses/ begins with a question and its answer from the real data."""

import json
import re
from pathlib import Path

import duckdb
import pytest
from conftest import ROOT, table_cells

ANALYSES = sorted((ROOT / "analyses").rglob("*.sql"))


def comment(analysis: Path) -> str:
    """The comment at the beginning of the file, without its dashes."""
    lines = analysis.read_text(encoding="utf-8").splitlines()
    end = next((number for number, line in enumerate(lines) if not line.startswith("--")), len(lines))
    return "\n".join(line[2:].strip() for line in lines[:end])


def rendered(analysis: Path, relations: dict[str, str]) -> str:
    """The SQL with every ref() replaced by its relation."""
    sql = analysis.read_text(encoding="utf-8")
    return re.sub(r"{{ ref\('(\w+)'\) }}", lambda found: relations[found[1]], sql)


@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda path: path.stem)
def test_analysis_begins_with_a_question_and_an_answer(analysis: Path) -> None:
    assert comment(analysis).partition("\n")[0].endswith("?")
    assert "| " in comment(analysis)


@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda path: path.stem)
def test_no_tie_is_cut(analysis: Path) -> None:
    """`limit` drops rows that are as good as the last one that it keeps: filter on `rank()`."""
    assert not re.search(r"(?m)^[^-]*\blimit\b", analysis.read_text(encoding="utf-8"))


@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda path: path.stem)
def test_query_returns_the_answer_in_its_comment(analysis: Path, real_warehouse: Path) -> None:
    manifest = json.loads((real_warehouse.parent / ".build/target/manifest.json").read_text(encoding="utf-8"))
    relations = {node["name"]: node.get("relation_name") for node in manifest["nodes"].values()}
    with duckdb.connect(real_warehouse, read_only=True) as connection:
        result = connection.execute(rendered(analysis, relations))
        names = [column[0] for column in result.description]
        rows = [["" if value is None else str(value) for value in row] for row in result.fetchall()]
    table = "\n".join(line for line in comment(analysis).splitlines() if line.startswith("|"))
    assert [names, *rows] == table_cells(table)
