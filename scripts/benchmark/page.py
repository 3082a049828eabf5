"""Write the results of the benchmark as a page, docs/benchmarks.md, with charts in docs/benchmarks/."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from benchmark.goals import Row, goals, groups
from pitwall.command import ROOT

TEMPLATE = ROOT / "docs" / "benchmarks" / "page.md"

# Colours that can be seen on a light and on a dark page. The colour of the text depends on the reader's
# theme.
STYLE = """
text { font: 12px sans-serif; fill: #24292f } .dim { fill: #6e7781 } .head { font-weight: bold }
.bar { fill: #2f81c1 } .first { fill: #d2691e }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .dim { fill: #9da7b3 } }
"""
LINE, LABEL, WIDTH, END = 22, 200, 380, 110


def number(value: float) -> str:
    """A number with three significant digits, and commas between thousands."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table. The first two columns are text, the others are numbers."""
    ruler = ["---"] * 2 + ["---:"] * (len(header) - 2)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [header, ruler, *rows])


def chart(title: str, rows: list[Row], measure: str, unit: str) -> str:
    """A bar chart as SVG, with a group for each data set. The first bar of a group has another colour."""
    parts, y = [], 2 * LINE
    for label, group in groups(rows).items():
        parts.append(f'<text x="0" y="{y}" class="dim">{escape(label)}</text>')
        longest = max((row[measure] for row in group if not row["failed"]), default=1) or 1
        for place, row in enumerate(group):
            y += LINE
            width = 1 if row["failed"] else max(1, round(WIDTH * row[measure] / longest))
            kind = "bar" if place else "first"
            value = "failed" if row["failed"] else f"{number(row[measure])} {unit}"
            parts.append(
                f'<text x="{LABEL - 8}" y="{y}" text-anchor="end">{escape(row["name"])}</text>'
                f'<rect x="{LABEL}" y="{y - 12}" width="{width}" height="15" class="{kind}"/>'
                f'<text x="{LABEL + width + 6}" y="{y}">{value}</text>'
            )
        y += LINE + LINE // 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LABEL + WIDTH + END}" height="{y}" role="img">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
        f'<text x="0" y="16" class="head">{escape(title)}</text>{"".join(parts)}</svg>\n'
    )


def against(first: str) -> Callable[[list[Row]], str]:
    """A function that writes a table of ratios to the way `first`. Above 1x is better than that way."""

    def write(rows: list[Row]) -> str:
        lines = []
        for label, group in groups(rows).items():
            base = next((row for row in group if row["name"] == first and not row["failed"]), None)
            for row in group:
                ratios = ["", ""]
                if base and not row["failed"]:
                    ratios = [
                        number(base[measure] / row[measure]) + "x" for measure in ("seconds", "peak_mb")
                    ]
                lines.append([label, row["name"], *measures(row), *ratios])
        return table([*MEASURES, f"speed, {first} = 1", f"memory, {first} = 1"], lines)

    return write


MEASURES = ["data", "", "seconds", "processors", "peak MB"]


def measures(row: Row) -> list[str]:
    """The cells of MEASURES, or how it failed."""
    if row["failed"]:
        return [f"failed ({row['failed']})", "", ""]
    return [number(row[measure]) for measure in ("seconds", "processor_seconds", "peak_mb")]


def dbt_cost(rows: list[Row]) -> str:
    """A table of what dbt costs in addition to its SQL."""
    lines = []
    for label, group in groups(rows).items():
        sql = group[-1]["seconds"]
        lines += [
            [
                label,
                row["name"],
                *measures(row),
                f"{number(row['seconds'] / sql)}x",
                f"{row['nodes']:,}" if "nodes" in row else "",
                number(row["dbt_ms_a_node"]) if "nodes" in row else "",
            ]
            for row in group
        ]
    return table([*MEASURES, "the SQL = 1", "nodes", "dbt's own ms a node"], lines)


def growth(rows: list[Row]) -> str:
    """A table of time and memory per million laps."""
    lines = []
    for label, group in groups(rows).items():
        for row in group:
            each = ["", ""]
            if not row["failed"]:
                each = [number(row[name] / row["laps"] * 1e6) for name in ("seconds", "peak_mb")]
            size = number(row["warehouse_mb"]) if "warehouse_mb" in row else ""
            lines.append([label, row["name"], *measures(row), *each, size])
    return table([*MEASURES, "seconds a million laps", "MB a million laps", "warehouse MB"], lines)


def new_race(rows: list[Row]) -> str:
    """A table that compares one more race with everything."""
    lines = []
    for label, group in groups(rows).items():
        full = {row["name"].split()[0]: row for row in group if row["name"].endswith("everything")}
        for row in group:
            whole = full[row["name"].split()[0]]
            sql = ["", ""]
            if "sql_seconds" in row:
                sql = [number(row["sql_seconds"]), f"{100 * row['sql_seconds'] / whole['sql_seconds']:.0f} %"]
            share = f"{100 * row['seconds'] / whole['seconds']:.0f} %"
            lines.append([label, row["name"], *measures(row), share, *sql])
    return table([*MEASURES, "everything = 100 %", "SQL, s", "everything = 100 %"], lines)


def engines(rows: list[Row]) -> str:
    """A table that compares the engines with the first one."""
    lines = []
    for label, group in groups(rows).items():
        for row in group:
            slower = "" if row["failed"] else f"{number(row['seconds'] / group[0]['seconds'])}x"
            lines.append([label, row["name"], *measures(row), slower, number(row["packages_mb"])])
    return table([*MEASURES, "time, duckdb = 1", "packages MB"], lines)


def reached(results: dict[str, Any]) -> str:
    """A table of all goals, and whether they are reached."""
    lines = [
        [
            goal.what,
            f"{'at least' if goal.at_least else 'at most'} {goal.bound:g}",
            number(goal.ratio),
            "yes" if goal.reached else "**no**",
        ]
        for goal in goals(results)
    ]
    return table(["", "goal", "measured", "reached"], lines) if lines else "Not measured yet."


@dataclass(frozen=True)
class Part:
    """A part of the page: a table and charts of the rows of a comparison whose names end with `names`."""

    comparison: str
    write: Callable[[list[Row]], str]
    title: str
    names: str = ""


PARTS = {
    "convert": Part("convert", against("pandas"), "Lap times from CSV to Parquet"),
    "question": Part("question", against("pandas"), "Points, laps and lap time by driver"),
    "pipeline": Part("pipeline", against("pandas"), "Raw CSVs to seven marts"),
    "dbt": Part("dbt", dbt_cost, "dbt and its SQL"),
    "growth": Part("growth", growth, "Convert and build, as data grow", "everything"),
    "limit": Part("limit", growth, "Convert and build, as much as fits"),
    "new-race": Part("growth", new_race, "One more race"),
    "engines": Part("engines", engines, "The whole project, by engine"),
}


def machine_sentence(machine: dict[str, str], day: str) -> str:
    """The day, the machine and the versions."""
    of_machine = ("system", "processor", "cores", "memory")
    versions = ", ".join(f"{name} {value}" for name, value in machine.items() if name not in of_machine)
    system, processor, cores, memory = (machine[name] for name in of_machine)
    return f"{day}, on {system}, {processor}, {cores} cores, {memory} of memory; {versions}."


def write_page(results: dict[str, Any], docs: Path) -> Path:
    """Write the page and its charts into a folder. Returns the path of the page.

    Args:
        results: the results by comparison, as run.py keeps them.
        docs: the folder.
    """
    text = TEMPLATE.read_text(encoding="utf-8")
    charts = docs / "benchmarks"
    charts.mkdir(parents=True, exist_ok=True)
    machines = {machine_sentence(part["machine"], part["day"]) for part in results.values()}
    for name, page_part in PARTS.items():
        filled = "Not measured yet."
        if part := results.get(page_part.comparison):
            rows = [row for row in part["rows"] if row["name"].endswith(page_part.names)]
            shown = [charts / f"{name}-{measure}.svg" for measure in ("time", "memory")]
            for file, measure, unit in zip(shown, ("seconds", "peak_mb"), ("s", "MB"), strict=True):
                heading = f"{page_part.title}: {'seconds' if unit == 's' else 'most memory, MB'}"
                file.write_text(chart(heading, rows, measure, unit), encoding="utf-8")
            images = "\n".join(f"![{page_part.title}, {file.stem}](benchmarks/{file.name})" for file in shown)
            machine = machine_sentence(part["machine"], part["day"]) if len(machines) > 1 else ""
            runs = sorted({row["runs"] for row in rows}, reverse=True)
            count = f"Runs: {', '.join(map(str, runs))}."
            filled = "\n\n".join(each for each in (page_part.write(rows), count, machine, images) if each)
        text = text.replace(f"<!-- {name} -->", filled)
    text = text.replace("<!-- goals -->", reached(results))
    # `make bench` does not include the limit.
    minutes = max(1, round(sum(part["seconds"] for name, part in results.items() if name != "limit") / 60))
    text = text.replace("<!-- minutes -->", f"{minutes} minutes for what is on this page")
    text = text.replace(
        "<!-- machine -->", machines.pop() if len(machines) == 1 else "Measured on several days."
    )
    if left := re.findall(r"<!-- .* -->", text):
        raise ValueError(f"no results for {left}")
    page = docs / "benchmarks.md"
    page.write_text(text, encoding="utf-8")
    return page
