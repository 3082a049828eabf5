"""docs/benchmarks.md is what the code writes from the measures that the page holds, and other pages agree."""

import re
from dataclasses import replace
from html import unescape
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from benchmark import page as writer
from benchmark.goals import goals
from pitwall.command import PlainError

DOCS = ROOT / "docs"
PAGE = (DOCS / "benchmarks.md").read_text(encoding="utf-8")


def parts() -> dict[str, str]:
    """What stands in the page for each placeholder of its template."""
    template = writer.TEMPLATE.read_text(encoding="utf-8")
    prose = re.split(r"<!-- ([\w-]+) -->", template)
    expression = "".join(
        f"(?P<{each.replace('-', '_')}>.*?)" if place % 2 else re.escape(each)
        for place, each in enumerate(prose)
    )
    found = re.fullmatch(expression, PAGE, re.DOTALL)
    assert found, "the text of the page is not that of docs/benchmarks/page.md"
    return {name.replace("_", "-"): text for name, text in found.groupdict().items()}


def number(text: str) -> float:
    """A number as the page writes it."""
    return float(re.sub(r"( [A-Za-z]+|x| %)$", "", text).replace(",", ""))


PARTS = parts()
MEASURED = [name for name in writer.PARTS if "Not measured yet." not in PARTS[name]]


def differences(said: list[list[str]], computed: list[list[str]]) -> list[str]:
    """Cells that differ by more than rounding does: 0.12 s stands for all from 0.115 to 0.125."""
    assert [len(each) for each in said] == [len(each) for each in computed]
    return [
        f"{one} is {other}"
        for one, other in zip(chain(*said), chain(*computed), strict=True)
        if one != other and abs(number(one) - number(other)) > max(0.011, 0.05 * number(other))
    ]


@pytest.mark.parametrize("name", MEASURED)
def test_ratios_follow_from_the_measures(name: str) -> None:
    assert (
        differences(
            writer.cells(PARTS[name]), writer.cells(writer.PARTS[name].write(writer.rows_of(PARTS[name])))
        )
        == []
    )


def test_goals_follow_from_the_measures() -> None:
    results = {writer.PARTS[name].comparison: {"rows": writer.rows_of(PARTS[name])} for name in MEASURED}
    # A new race is measured with its SQL; the table of growth leaves it out.
    results["growth"] = {"rows": writer.rows_of(PARTS["new-race"])}
    assert len(list(goals(results))) > 8
    said, computed = PARTS["goals"], writer.reached(results)
    assert differences(writer.cells(said), writer.cells(computed)) == []
    # The reasons below the table are those of the goals that are missed.
    assert said.rpartition("|\n")[2] == computed.rpartition("|\n")[2]


@pytest.mark.parametrize("name", ["claims", "not-run"])
def test_what_the_page_concludes_follows_from_the_measures(name: str) -> None:
    results = {writer.PARTS[name].comparison: {"rows": writer.rows_of(PARTS[name])} for name in MEASURED}
    write = {"claims": writer.claims, "not-run": writer.not_run}[name]
    said, computed = PARTS[name].split(), write(results).split()
    assert differences([said], [computed]) == []


def test_every_goal_has_a_limit_to_show_if_it_is_missed() -> None:
    rows = every_row()
    missed = [replace(goal, measured=0 if goal.at_least else float("inf")) for goal in goals(rows)]
    assert len({goal.what for goal in missed}) == len(missed) > 15
    for goal in missed:
        assert not goal.reached
        assert goal.limit.count("Tried: ") == 1, goal.what
        assert "," in goal.limit.partition("Tried: ")[2] or " and " in goal.limit.partition("Tried: ")[2]


def every_row() -> dict[str, Any]:
    """Results with every goal, in which all ways are equally good."""
    common = {"seconds": 2.0, "peak_mb": 900.0, "failed": "", "warehouse_mb": 200, "sql_seconds": 3.0}
    ways = {
        "convert": ["pitwall", "duckdb", "pandas", "pandas_pyarrow", "pyarrow", "pyarrow_stream"],
        "pipeline": [writer.CAREFUL, writer.WITH_TESTS, writer.SQL_ALONE],
        "typical": [writer.TYPICAL, writer.WITH_TESTS],
        "builds": ["one more race", "nothing changed", "everything"],
        "limit": ["build everything"],
        "growth": ["build one more race"],
    }
    return {
        comparison: {
            "rows": [
                {**common, "data": data, "laps": laps, "name": name}
                for data, laps in (("1x", 600_000), ("17x", 10_000_001))
                for name in names
            ]
        }
        for comparison, names in ways.items()
    }


def test_goals_are_those_that_were_set() -> None:
    """The bounds, each with the way in which the measure must grow to reach it."""
    found = {goal.what: (goal.at_least, round(goal.bound, 3), goal.unit) for goal in goals(every_row())}
    whole = "The whole way at 17x"
    assert found == {
        "Convert: speed, DuckDB = 1": (True, 1, ""),
        "Convert: speed, pyarrow = 1": (True, 0.8, ""),
        "Convert: speed, pandas = 1": (True, 1.8, ""),
        "Convert: memory, pandas = 1": (False, 0.25, ""),
        f"{whole}, the SQL alone: speed, careful pandas = 1": (True, 1.3, ""),
        f"{whole}, dbt build, tests included: speed, careful pandas = 1": (True, 1, ""),
        f"{whole}, the SQL alone: memory, careful pandas = 1": (False, 0.25, ""),
        f"{whole}, dbt build, tests included: memory, careful pandas = 1": (False, 0.333, ""),
        f"{whole}: the warehouse": (False, 250, "MB"),
        f"{whole}, dbt build, tests included: speed, typical pandas = 1": (True, 10, ""),
        "`make build` on 1x, nothing changed": (False, 1, "s"),
        "`make build` on 1x, one more race": (False, 8, "s"),
        "`make build` on 1x, everything": (False, 10, "s"),
        "`make build` on 17x, nothing changed": (False, 1, "s"),
        "`make build` on 17x, one more race": (False, 8, "s"),
        "`make build` on 17x, everything": (False, 10, "s"),
        "`make build` at 17x, 10,000,001 laps: memory": (False, 8, "GB"),
        "A new race at 17x: SQL, 1x = 1": (False, 1.5, ""),
    }


def test_the_readme_has_the_measures_of_this_page() -> None:
    """`run.py page` writes the paragraph. Its figures may be rounded twice here."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = writer.SUMMARY.search(readme)
    results = {writer.PARTS[name].comparison: {"rows": writer.rows_of(PARTS[name])} for name in MEASURED}
    if found:  # the paragraph is there
        assert differences([found[0].split()], [writer.summary(results).split()]) == []


def test_the_paragraph_of_the_readme_is_written_between_its_markers(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(
        "Before.\n<!-- how fast -->\nOld.\n<!-- end of how fast -->\nAfter.\n", encoding="utf-8"
    )
    for _ in range(2):
        writer.write_summary(every_row(), readme)
        first, marker, paragraph, end, last = readme.read_text(encoding="utf-8").splitlines()
        assert (first, marker, end, last) == (
            "Before.",
            "<!-- how fast -->",
            "<!-- end of how fast -->",
            "After.",
        )
        assert "10,000,001 laps: 2.00 s and 900 MB with a careful pandas program" in paragraph
        assert "Old" not in paragraph


def test_an_older_page_is_read_and_compared() -> None:
    older = writer.read_page(DOCS / "benchmarks.md")
    assert set(older["rows"]) == set(MEASURED)
    was = older["rows"]["engines"]
    now = [{**row, "seconds": row["seconds"] / 2} for row in was]
    header, *lines = writer.cells(writer.changes({"before": older, "engines": {"rows": now}}))
    assert header[2:5] == ["seconds: before", "now", "before = 1"]
    assert [number(line[2]) for line in lines] == [row["seconds"] for row in was]
    assert {line[4] for line in lines} == {"0.50x"}


@pytest.mark.parametrize("text", [None, "# A page\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"])
def test_a_file_that_is_no_older_page_is_refused(text: str | None, tmp_path: Path) -> None:
    if text:
        (tmp_path / "old.md").write_text(text, encoding="utf-8")
    with pytest.raises(PlainError, match=r"old\.md: no .*; name an older docs/benchmarks\.md"):
        writer.read_page(tmp_path / "old.md")


@pytest.mark.parametrize("name", MEASURED)
def test_charts_show_the_measures(name: str) -> None:
    rows = writer.rows_of(PARTS[name])
    for file, measure, unit in (("time", "seconds", "s"), ("memory", "peak_mb", "MB")):
        drawn = (DOCS / "benchmarks" / f"{name}-{file}.svg").read_text(encoding="utf-8")
        texts = [unescape(each) for each in re.findall(r"<text[^>]*>([^<]*)</text>", drawn)[1:]]
        expected = ["failed" if row["failed"] else f"{writer.number(row[measure])} {unit}" for row in rows]
        assert [each for each in texts if re.fullmatch(rf"failed|[\d.,]+ {unit}", each)] == expected


def test_the_page_on_engines_has_the_measures_of_this_page() -> None:
    text = (
        (DOCS / "from-laptop-to-cloud.md")
        .read_text(encoding="utf-8")
        .partition("\n## Measured side by side")[2]
    )
    header, *lines = writer.cells(text)
    measured = {(row["data"], row["name"]): row for row in writer.rows_of(PARTS["engines"])}
    largest = header[3]
    for cells, engine in zip(lines, ("duckdb", "postgres", "spark"), strict=True):
        assert cells[0].lower().startswith(engine)
        here, there = measured["real files", engine], measured[largest, engine]
        base, far = measured["real files", "duckdb"], measured[largest, "duckdb"]
        computed = [
            f"{writer.number(here['seconds'])} s",
            f"{writer.number(here['seconds'] / base['seconds'])}x",
            f"{writer.number(there['seconds'])} s",
            f"{writer.number(there['seconds'] / far['seconds'])}x",
            f"{writer.number(here['packages_mb'])} MB",
        ]
        units = re.compile(r" (?:s|MB)$")
        said = [[units.sub("", each) for each in cells[1:6]]]
        assert differences(said, [[units.sub("", each) for each in computed]]) == []
