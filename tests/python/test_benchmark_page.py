"""docs/benchmarks.md is what the code writes from the measures that the page holds, and other pages agree."""

import re
from html import unescape
from itertools import chain
from typing import Any

import pytest
from conftest import ROOT

from benchmark import page as writer
from benchmark.goals import goals

DOCS = ROOT / "docs"
PAGE = (DOCS / "benchmarks.md").read_text(encoding="utf-8")
MEASURES = {
    "seconds": "seconds",
    "processors": "processor_seconds",
    "peak MB": "peak_mb",
    "nodes": "nodes",
    "dbt's own ms a node": "dbt_ms_a_node",
    "warehouse MB": "warehouse_mb",
    "SQL, s": "sql_seconds",
    "packages MB": "packages_mb",
}
Row = dict[str, Any]


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


def table(text: str) -> list[list[str]]:
    """The cells of the first table of a text: its header, and its rows."""
    lines = re.findall(r"(?m)^\|(.+)\|$", text)
    return [[cell.strip() for cell in line.split("|")] for line in lines if not re.match(r"[\s|:-]+$", line)]


def number(text: str) -> float:
    """A number as the page writes it."""
    return float(text.rstrip("x %").replace(",", ""))


def rows_of(text: str) -> list[Row]:
    """The measures that a table of the page holds, as run.py records them."""
    header, *lines = table(text)
    rows = []
    for cells in lines:
        data, laps = cells[0].removesuffix(" laps").rsplit(", ", 1)
        row: Row = {"data": data, "laps": int(laps.replace(",", "")), "name": cells[1], "failed": ""}
        if failed := re.fullmatch(r"failed \((.*)\)", cells[2]):
            row["failed"] = failed[1]
        else:
            row |= {
                MEASURES[name]: number(cell)
                for name, cell in zip(header, cells, strict=True)
                if name in MEASURES and cell
            }
        rows.append(row)
    return rows


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
    assert differences(table(PARTS[name]), table(writer.PARTS[name].write(rows_of(PARTS[name])))) == []


def test_goals_follow_from_the_measures() -> None:
    results = {writer.PARTS[name].comparison: {"rows": rows_of(PARTS[name])} for name in MEASURED}
    # A new race is measured with its SQL; the table of growth leaves it out.
    results["growth"] = {"rows": rows_of(PARTS["new-race"])}
    assert len(list(goals(results))) > 8
    assert differences(table(PARTS["goals"]), table(writer.reached(results))) == []


@pytest.mark.parametrize("name", MEASURED)
def test_charts_show_the_measures(name: str) -> None:
    rows = rows_of(PARTS[name])
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
    header, *lines = table(text)
    measured = {(row["data"], row["name"]): row for row in rows_of(PARTS["engines"])}
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
