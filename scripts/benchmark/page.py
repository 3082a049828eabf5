"""The results of the benchmark as a page: docs/benchmarks.md with its charts in docs/benchmarks/."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from benchmark.goals import Row, goals, groups
from pitwall.command import ROOT

TEMPLATE = ROOT / "docs" / "benchmarks" / "page.md"

# Mid tones on no background, and text that follows the reader's choice of light or dark.
STYLE = """
text { font: 12px sans-serif; fill: #24292f } .dim { fill: #6e7781 } .head { font-weight: bold }
.bar { fill: #2f81c1 } .first { fill: #d2691e }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .dim { fill: #9da7b3 } }
"""
LINE, LABEL, WIDTH, END = 22, 200, 380, 110


def number(value: float) -> str:
    """Three digits that matter, with thousands apart."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; the first two columns are text, the others numbers."""
    ruler = ["---"] * 2 + ["---:"] * (len(header) - 2)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [header, ruler, *rows])


def chart(title: str, rows: list[Row], measure: str, unit: str) -> str:
    """Bars as SVG, a group for each data set; the first of a group is what the others are compared with."""
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
    """A table that compares each way with the way called `first`: above 1x is better than it."""

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
    if row["failed"]:
        return [f"failed ({row['failed']})", "", ""]
    return [number(row[measure]) for measure in ("seconds", "processor_seconds", "peak_mb")]


def dbt_cost(rows: list[Row]) -> str:
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
    lines = []
    for label, group in groups(rows).items():
        for row in group:
            slower = "" if row["failed"] else f"{number(row['seconds'] / group[0]['seconds'])}x"
            lines.append([label, row["name"], *measures(row), slower, number(row["packages_mb"])])
    return table([*MEASURES, "time, duckdb = 1", "packages MB"], lines)


def reached(results: dict[str, Any]) -> str:
    """All goals, and whether they were reached."""
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
    """A part of the page: the rows of a comparison whose names end so, as a table and charts."""

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


def told(machine: dict[str, str], day: str) -> str:
    """The machine and the versions, in a sentence."""
    of_machine = ("system", "processor", "cores", "memory")
    versions = ", ".join(f"{name} {value}" for name, value in machine.items() if name not in of_machine)
    system, processor, cores, memory = (machine[name] for name in of_machine)
    return f"{day}, on {system}, {processor}, {cores} cores, {memory} of memory; {versions}."


def write_page(results: dict[str, Any], docs: Path) -> Path:
    """Write the page and its charts into a folder, from what was measured. Returns the page."""
    text = TEMPLATE.read_text(encoding="utf-8")
    charts = docs / "benchmarks"
    charts.mkdir(parents=True, exist_ok=True)
    machines = {told(part["machine"], part["day"]) for part in results.values()}
    for name, shows in PARTS.items():
        filled = "Not measured yet."
        if part := results.get(shows.comparison):
            rows = [row for row in part["rows"] if row["name"].endswith(shows.names)]
            shown = [charts / f"{name}-{measure}.svg" for measure in ("time", "memory")]
            for file, measure, unit in zip(shown, ("seconds", "peak_mb"), ("s", "MB"), strict=True):
                heading = f"{shows.title}: {'seconds' if unit == 's' else 'most memory, MB'}"
                file.write_text(chart(heading, rows, measure, unit), encoding="utf-8")
            images = "\n".join(f"![{shows.title}, {file.stem}](benchmarks/{file.name})" for file in shown)
            said = told(part["machine"], part["day"]) if len(machines) > 1 else ""
            runs = sorted({row["runs"] for row in rows}, reverse=True)
            count = f"Runs: {', '.join(map(str, runs))}."
            filled = "\n\n".join(each for each in (shows.write(rows), count, said, images) if each)
        text = text.replace(f"<!-- {name} -->", filled)
    text = text.replace("<!-- goals -->", reached(results))
    # `make bench` does not seek the limit.
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
