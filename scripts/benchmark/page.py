"""Write the results of the benchmark as a page, docs/benchmarks.md, with charts in docs/benchmarks/.

No figure stands in the text of the page, docs/benchmarks/page.md. All come from the results. The README has a
paragraph of them between two markers.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from benchmark.goals import CAREFUL, SQL_ALONE, TYPICAL, WITH_TESTS, Row, complete, goals, groups
from pitwall.command import ROOT, PlainError

TEMPLATE = ROOT / "docs" / "benchmarks" / "page.md"

REAL_LAPS = 589_081  # the real files: 1x
# The typical program takes minutes where the others take seconds. It gets no more than this.
TYPICAL_MINUTES = 10
LIMIT = "limit"  # `make bench` does not include it

# Colours that can be seen on a light and on a dark page. The colour of the text depends on the reader's
# theme.
STYLE = """
text { font: 12px sans-serif; fill: #24292f } .dim { fill: #6e7781 } .head { font-weight: bold }
.bar { fill: #2f81c1 } .first { fill: #d2691e }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .dim { fill: #9da7b3 } }
"""
LINE, LABEL, WIDTH, END = 22, 200, 380, 110
NOT_MEASURED = "Not measured yet."
Results = dict[str, Any]


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
        has_warehouse = any("warehouse_mb" in row for row in rows)
        for label, group in groups(rows).items():
            base = next((row for row in group if row["name"] == first and not row["failed"]), None)
            for row in group:
                ratios = ["", ""]
                if base and not row["failed"]:
                    ratios = [
                        number(base[measure] / row[measure]) + "x" for measure in ("seconds", "peak_mb")
                    ]
                size = [number(row["warehouse_mb"]) if "warehouse_mb" in row else ""] if has_warehouse else []
                lines.append([label, row["name"], *measures(row), *ratios, *size])
        header = [*MEASURES, f"speed, {first} = 1", f"memory, {first} = 1"]
        return table([*header, "warehouse MB"] if has_warehouse else header, lines)

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
            share, sql = "", ["", ""]
            if not row["failed"]:
                share = f"{100 * row['seconds'] / whole['seconds']:.0f} %"
            if "sql_seconds" in row:
                sql = [number(row["sql_seconds"]), f"{100 * row['sql_seconds'] / whole['sql_seconds']:.0f} %"]
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


def builds(rows: list[Row]) -> str:
    """A table of `make build`, beside the same of another version if one was measured."""
    lines = []
    for label, group in groups(rows).items():
        now = {row["name"]: row for row in group}
        for row in group:
            ours = now[row["name"].partition(", ")[0]]
            lines.append([label, row["name"], *measures(row), f"{number(row['seconds'] / ours['seconds'])}x"])
    return table([*MEASURES, "time, this version = 1"], lines)


def value(measured: float, unit: str) -> str:
    """A measure with its unit; infinity is a failure."""
    return "failed" if measured == float("inf") else f"{number(measured)} {unit}".strip()


def reached(results: Results) -> str:
    """A table of all goals, and whether they are reached. Below it, what limits those that are not."""
    found = goals(results)
    lines = [
        [
            goal.what,
            f"{'at least' if goal.at_least else 'at most'} {goal.bound:.3g} {goal.unit}".strip(),
            value(goal.measured, goal.unit),
            "yes" if goal.reached else "**no**",
        ]
        for goal in found
    ]
    if not lines:
        return NOT_MEASURED
    missed: dict[str, list[str]] = {}
    for goal in found:
        if not goal.reached:
            missed.setdefault(goal.limit, []).append(goal.what)
    reasons = [f"- **{'; '.join(names)}.** {reason}" for reason, names in missed.items()]
    text = ["What limits the goals that are not reached:", "\n".join(reasons)] if reasons else []
    return "\n\n".join([table(["", "goal", "measured", "reached"], lines), *text])


def claims(results: Results) -> str:
    """A table of the claim of the beginning, against each rival at its largest size."""
    lines = []
    for comparison, rival in (("pipeline", CAREFUL), ("typical", TYPICAL)):
        rows = results[comparison]["rows"] if comparison in results else []
        for ways in complete(rows, rival, WITH_TESTS, SQL_ALONE)[-1:]:
            theirs = ways[rival]
            for name in (SQL_ALONE, WITH_TESTS):
                speed = theirs["seconds"] / ways[name]["seconds"]
                memory = ways[name]["peak_mb"] / theirs["peak_mb"]
                lines.append(
                    [
                        f"{theirs['data']}, {theirs['laps']:,} laps",
                        f"{name}, against {rival}",
                        f"{number(speed)}x",
                        "holds" if speed >= 10 else "does not hold",
                        f"{number(memory)}x",
                        "holds" if memory <= 0.25 else "does not hold",
                    ]
                )
    header = ["data", "", "speed, the rival = 1", "ten times or more"]
    header += ["share of its memory", "a quarter or less"]
    return table(header, lines) if lines else NOT_MEASURED


def not_run(results: Results) -> str:
    """How long the typical program would take at the largest size of the careful one."""
    if not {"pipeline", "typical"} <= set(results):
        return NOT_MEASURED
    done = complete(results["typical"]["rows"], TYPICAL)[-1:]
    largest = complete(results["pipeline"]["rows"], CAREFUL)[-1:]
    if not done or not largest:
        return NOT_MEASURED
    row, goal = done[0][TYPICAL], largest[0][CAREFUL]
    if goal["laps"] <= row["laps"]:
        return f"At {goal['data']} it ends too."
    minutes = row["seconds"] / row["laps"] * goal["laps"] / 60
    return (
        f"At {goal['data']} it was not started: with the same time per lap it would take "
        f"{number(minutes)} minutes, where {CAREFUL} takes {number(goal['seconds'])} seconds."
    )


def changes(results: Results) -> str:
    """A table of what an older page says of the same ways and data, beside the present measures."""
    before: Results = results.get("before", {})
    lines = []
    for name, part in PARTS.items():
        if name not in before.get("rows", {}) or part.comparison not in results:
            continue
        old = {(row["data"], row["name"]): row for row in before["rows"][name]}
        for row in results[part.comparison]["rows"]:
            was = old.get((row["data"], row["name"]))
            if not row["name"].endswith(part.names) or not was or not was.get("laps"):
                continue
            cells = [f"{part.title}: {row['data']}", row["name"]]
            for measure in ("seconds", "processor_seconds", "peak_mb"):
                then = None if was["failed"] else was.get(measure)
                now = None if row["failed"] else row[measure]
                cells += [number(each) if each is not None else "failed" for each in (then, now)]
                cells.append(f"{number(now / then)}x" if then and now is not None else "")
            lines.append(cells)
    header = ["data", ""]
    for measure in MEASURES[2:]:
        header += [f"{measure}: before", "now", "before = 1"]
    return table(header, lines) if lines else "No older page was named."


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
    "pipeline": Part("pipeline", against(CAREFUL), "Raw CSVs to seven marts"),
    "typical": Part("typical", against(TYPICAL), "Raw CSVs to seven marts, as notebooks do it"),
    "laps": Part("laps", against("Polars"), "Raw CSVs to the lap tables"),
    "builds": Part("builds", builds, "make build"),
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


def write_page(results: Results, docs: Path) -> Path:
    """Write the page and its charts into a folder. Returns the path of the page.

    Args:
        results: the results by comparison, as run.py keeps them; `before` is what read_page() returned.
        docs: the folder.
    """
    text = TEMPLATE.read_text(encoding="utf-8")
    charts = docs / "benchmarks"
    charts.mkdir(parents=True, exist_ok=True)
    measured = {name: part for name, part in results.items() if name != "before"}
    machines = {machine_sentence(part["machine"], part["day"]) for part in measured.values()}
    for name, page_part in PARTS.items():
        filled = NOT_MEASURED
        if part := measured.get(page_part.comparison):
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
    minutes = max(1, round(sum(part["seconds"] for name, part in measured.items() if name != LIMIT) / 60))
    for name, filled in {
        "goals": reached(measured),
        "claims": claims(measured),
        "not-run": not_run(measured),
        "changes": changes(results),
        "minutes": f"{minutes} minutes for what is on this page",
        "machine": machines.pop() if len(machines) == 1 else "Measured on several days.",
        "real-laps": f"{REAL_LAPS:,}",
        "typical-minutes": str(TYPICAL_MINUTES),
    }.items():
        text = text.replace(f"<!-- {name} -->", filled)
    if left := re.findall(r"<!-- .* -->", text):
        raise ValueError(f"no results for {left}")
    page = docs / "benchmarks.md"
    page.write_text(text, encoding="utf-8")
    return page


# Read a page again.

COLUMNS = {
    "seconds": "seconds",
    "processors": "processor_seconds",
    "peak MB": "peak_mb",
    "nodes": "nodes",
    "dbt's own ms a node": "dbt_ms_a_node",
    "warehouse MB": "warehouse_mb",
    "SQL, s": "sql_seconds",
    "packages MB": "packages_mb",
}


def cells(text: str) -> list[list[str]]:
    """The cells of the tables of a text: the headers, and the rows."""
    lines = re.findall(r"(?m)^\|(.+)\|$", text)
    return [[cell.strip() for cell in line.split("|")] for line in lines if not re.match(r"[\s|:-]+$", line)]


def rows_of(text: str) -> list[Row]:
    """The measures that a table of a page holds, as run.py records them."""
    header, *lines = cells(text)
    rows = []
    for line in lines:
        data, laps = line[0].removesuffix(" laps").rsplit(", ", 1)
        row: Row = {"data": data, "laps": int(laps.replace(",", "")), "name": line[1], "failed": ""}
        if failed := re.fullmatch(r"failed \((.*)\)", line[2]):
            row["failed"] = failed[1]
        else:
            row |= {
                COLUMNS[name]: float(cell.rstrip("x %").replace(",", ""))
                for name, cell in zip(header, line, strict=True)
                if name in COLUMNS and cell
            }
        rows.append(row)
    return rows


def read_page(path: Path) -> Results:
    """The measures of an older page: its rows by the name of the part. A part is known by its chart.

    Raises:
        PlainError: there is no such file, or it has no tables of measures.
    """
    if not path.is_file():
        raise PlainError(f"{path}: no such file; name an older docs/benchmarks.md")
    text = path.read_text(encoding="utf-8")
    tables = re.findall(
        r"((?:^\|.*\|\n)+)(?:(?!^\||^#).*\n)*?!\[[^\]]*\]\(benchmarks/([\w-]+)-time\.svg\)",
        text,
        re.MULTILINE,
    )
    rows = {name: rows_of(table) for table, name in tables}
    if not rows:
        raise PlainError(f"{path}: no tables of measures in it; name an older docs/benchmarks.md")
    return {"rows": rows}


# The paragraph of the README.

SUMMARY = re.compile(r"(?<=<!-- how fast -->\n).*?(?=<!-- end of how fast -->)", re.DOTALL)


def summary(results: Results) -> str:
    """The paragraph of the README: who is faster, by how much. Each figure is of the results."""
    sentences = []
    if found := complete(results.get("pipeline", {}).get("rows", []), CAREFUL, WITH_TESTS, SQL_ALONE)[-1:]:
        ways = found[0]
        careful, sql, tested = (ways[name] for name in (CAREFUL, SQL_ALONE, WITH_TESTS))
        sentences.append(
            f"From raw CSVs to seven marts, {careful['laps']:,} laps: {number(careful['seconds'])} s and "
            f"{number(careful['peak_mb'])} MB with a careful pandas program, {number(sql['seconds'])} s and "
            f"{number(sql['peak_mb'])} MB with our SQL alone, {number(tested['seconds'])} s and "
            f"{number(tested['peak_mb'])} MB with dbt and all tests."
        )
    if found := complete(results.get("typical", {}).get("rows", []), TYPICAL, WITH_TESTS)[-1:]:
        ways = found[0]
        everyday, tested = ways[TYPICAL], ways[WITH_TESTS]
        sentences.append(
            f"pandas as most notebooks use it takes {number(everyday['seconds'])} s for "
            f"{everyday['laps']:,} laps, where dbt with all tests takes {number(tested['seconds'])} s, "
            f"so it is {number(everyday['seconds'] / tested['seconds'])} times faster."
        )
    if found := complete(results.get("pipeline", {}).get("rows", []), CAREFUL, WITH_TESTS):
        ways = found[0]
        sentences.append(
            f"With little data pandas wins: {number(ways[CAREFUL]['seconds'])} s against "
            f"{number(ways[WITH_TESTS]['seconds'])} s for {ways[CAREFUL]['laps']:,} laps, because dbt takes "
            "seconds to start."
        )
    return " ".join([*sentences, "[How fast it is](docs/benchmarks.md) says where each one wins."]) + "\n"


def write_summary(results: Results, readme: Path) -> None:
    """Write the paragraph into the README, between its markers."""
    text = readme.read_text(encoding="utf-8")
    new = SUMMARY.sub(lambda _: summary(results), text)
    if new != text:
        readme.write_text(new, encoding="utf-8")
