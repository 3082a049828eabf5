"""The pictures of the README and of the first page: a title race, and the layers, as SVG.

They are drawn here, and not by a library of charts, so that the same data give the same file on every
machine: a test compares them with the data. Each is for a light or for a dark page.
"""

import re
from collections import Counter, defaultdict
from html import escape
from pathlib import Path
from textwrap import wrap
from typing import Any, NamedTuple

import duckdb
import yaml

from pitwall.command import ROOT, PlainError
from pitwall.prediction.tables import open_warehouse

FOLDER = ROOT / "docs" / "pictures"
MINUS = "\N{MINUS SIGN}"
SEASON = 2010  # four drivers could win the title in its last race
DRIVERS = 5
RACE = """
select round, race_name, driver_name, points_counted::double as points, gap_to_leader::double as gap,
    championship_position, is_title_possible
from marts.fct_driver_championship where season = ? order by round, championship_position"""
FONT = "font-family=\"system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif\""


class Ground(NamedTuple):
    """The colours of a picture on a ground: at least 3:1, and distinct for the colour-blind too."""

    ink: str
    soft: str
    rule: str
    lines: tuple[str, ...]
    edge: float  # the opacity of a line between two boxes


GROUNDS = {
    "light": Ground(
        "#1f2328", "#59636e", "#d8dee4", ("#0b6aa2", "#c2410c", "#7a3e9d", "#00785a", "#8a6d00"), 0.45
    ),
    "dark": Ground(
        "#e6edf3", "#9aa5b1", "#39424d", ("#5db3e6", "#f58b57", "#c79be8", "#3fc79a", "#dcb93f"), 0.85
    ),
}


def write(data: Path, folder: Path = FOLDER) -> None:
    """Write the pictures from the warehouse of a data folder, and print where they are."""
    with open_warehouse(data) as connection:
        files = contents(connection)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    print(f"The pictures: {', '.join(sorted(files))} in {folder}.")


def contents(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """All pictures, by the name of their file. Raises PlainError if the warehouse lacks the season."""
    rows = connection.execute(RACE, [SEASON]).fetchall()
    if not rows:
        raise PlainError(
            f"the warehouse has no season {SEASON}, of which the picture is; build it from the real files"
        )
    layers = read_layers()
    return {
        f"{name}-{ground}.svg": text
        for ground, colours in GROUNDS.items()
        for name, text in (
            ("title-race", title_race(rows, colours, WIDE)),
            ("title-race-narrow", title_race(rows, colours, NARROW)),
            ("lineage", lineage(layers, colours)),
        )
    }


def svg(width: int, height: int, title: str, parts: list[str]) -> str:
    """A picture with a title that screen readers read."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" {FONT}><title>{escape(title)}</title>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def words(x: float, y: float, text: str, colour: str, size: float = 14, more: str = "") -> str:
    """A line of text."""
    return f'<text x="{x:g}" y="{y:g}" fill="{colour}" font-size="{size:g}"{more}>{escape(text)}</text>'


# The title race


class Shape(NamedTuple):
    """The size of the title race, and of what stands in it."""

    width: int
    height: int
    right: int  # the room for the names
    letters: int  # in a line of the title
    small_letters: int  # in a line below it
    has_given_names: bool


WIDE = Shape(960, 500, 190, 100, 200, has_given_names=True)
NARROW = Shape(420, 560, 132, 31, 50, has_given_names=False)  # for a phone


def title_race(rows: list[tuple[Any, ...]], colours: Ground, shape: Shape) -> str:
    """The points behind the leader after each round, of the first drivers of the final table."""
    width, height, right = shape.width, shape.height, shape.right
    left, bottom = 44, 64
    rounds = sorted({row[0] for row in rows})
    final = [row for row in rows if row[0] == rounds[-1]]
    drivers = [row[2] for row in final[:DRIVERS]]
    gaps = {(row[0], row[2]): row[4] for row in rows}
    races = {row[0]: row[1] for row in rows}
    deepest = max(gap for (_, driver), gap in gaps.items() if driver in drivers)

    title, subtitle = finding(rows, drivers)
    heading, lines = wrap(title, shape.letters), wrap(subtitle, shape.small_letters)
    below = 51 + 28 * (len(heading) - 1)
    top = below + 20 * (len(lines) - 1) + 41

    def across(number: int) -> float:
        return round(left + (width - left - right) * (number - 1) / (len(rounds) - 1), 1)

    def down(gap: float) -> float:
        return float(round(top + (height - top - bottom) * gap / deepest, 1))

    bold = ' font-weight="700"'
    parts = [words(0, 26 + 28 * number, line, colours.ink, 23, bold) for number, line in enumerate(heading)]
    parts += [words(0, below + 20 * number, line, colours.soft, 15) for number, line in enumerate(lines)]
    step = next(step for step in (5, 10, 20, 25, 50) if deepest / step <= 6)
    for gap in range(0, int(deepest) + 1, step):
        y = down(gap)
        parts.append(f'<path d="M{left} {y:g}H{width - right}" stroke="{colours.rule}"/>')
        mark = f"{MINUS}{gap}" if gap else "0"
        parts.append(words(left - 8, y + 4, mark, colours.soft, 12, ' text-anchor="end"'))
    for number in rounds:
        code = short(races[number])
        turned = f' text-anchor="end" transform="rotate(-50 {across(number):g} {height - bottom + 22})"'
        parts.append(words(across(number), height - bottom + 22, code, colours.soft, 11, turned))
    ends = spread([(down(gaps[rounds[-1], driver]), driver) for driver in drivers], 21)
    for index, driver in reversed(list(enumerate(drivers))):
        colour = colours.lines[index]
        points = [
            (across(number), down(gaps[number, driver])) for number in rounds if (number, driver) in gaps
        ]
        path = "L".join(f"{x:g} {y:g}" for x, y in points)
        weight = 4 if index == 0 else 2.4
        parts.append(
            f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="{weight}" '
            'stroke-linejoin="round"/>'
        )
        parts += [f'<circle cx="{x:g}" cy="{y:g}" r="{weight:g}" fill="{colour}"/>' for x, y in points]
        last = final[index]
        behind = f"{last[3]:g}" if index == 0 else f"{MINUS}{last[4]:g}"
        name = driver if shape.has_given_names else driver.rpartition(" ")[2]
        parts.append(words(width - right + 14, ends[driver] + 5, f"{name} {behind}", colour, 15, bold))
    return svg(width, height, f"{title} {subtitle}", parts)


def finding(rows: list[tuple[Any, ...]], drivers: list[str]) -> tuple[str, str]:
    """What the race shows, in a title and a line below it."""
    rounds = sorted({row[0] for row in rows})
    champion = drivers[0]
    led = [row[0] for row in rows if row[2] == champion and row[5] == 1 and row[4] == 0]
    before = [row for row in rows if row[0] == rounds[-2]]
    possible = [row[2] for row in before if row[6]]
    behind = next(row[4] for row in before if row[2] == champion)
    title = f"{SEASON}: {champion} led the championship "
    title += "only after the last race" if led == rounds[-1:] else f"after {len(led)} of {len(rounds)} races"
    subtitle = (
        f"Points behind the leader after each race. Before the last one, {len(possible)} drivers could still "
        f"win, and {champion.rpartition(' ')[2]} was {behind:g} behind."
    )
    return title, subtitle


def short(race: str) -> str:
    """A Grand Prix without the words that all have."""
    return race.removesuffix(" Grand Prix")


def spread(places: list[tuple[float, str]], apart: float) -> dict[str, float]:
    """Move labels apart, so that none covers another, as little as possible downwards."""
    found: dict[str, float] = {}
    lowest = float("-inf")
    for place, name in sorted(places):
        lowest = max(place, lowest + apart)
        found[name] = round(lowest, 1)
    return found


# The layers

LAYERS = ("raw", "seeds", "staging", "intermediate", "marts", "quality", "ops")
REFERENCE = re.compile(r"(?:ref|source)\(\s*'(\w+)'(?:,\s*'(\w+)')?\s*\)")
TITLES = {"laps_and_stops": "laps and stops", "results_and_qualifying": "results, qualifying"}


class Box(NamedTuple):
    """Models of one folder: a box of the picture."""

    layer: str
    name: str


class Layers(NamedTuple):
    """The boxes with their number of models, the references from one to another, and the colours."""

    models: dict[Box, int]
    references: dict[tuple[Box, Box], int]
    colours: dict[str, str]


def read_layers() -> Layers:
    """Read the models and what each refers to from the project, and the colours from dbt_project.yml."""
    boxes: dict[str, Box] = {}
    texts: dict[str, str] = {}
    for path in sorted((ROOT / "models").rglob("*.sql")):
        layer, *folders = path.relative_to(ROOT / "models").parts[:-1]
        boxes[path.stem] = Box(layer, folders[0] if folders and layer != "staging" else layer)
        texts[path.stem] = path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "seeds").glob("*.csv")):
        boxes[path.stem] = Box("seeds", "seeds")
    models = Counter(boxes.values())
    references: Counter[tuple[Box, Box]] = Counter()
    for name, text in texts.items():
        for found in REFERENCE.finditer(text):
            source = Box("raw", "raw") if found[2] else boxes.get(found[1])
            if found[1] == "ops":
                continue  # what a build records is no raw file
            if source and source != boxes[name]:
                references[source, boxes[name]] += 1
                if found[2]:
                    models[source] += 1
    project = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    configured = {**project["models"]["pitwall"], "seeds": project["seeds"]["pitwall"]}
    colours = {layer: configured[layer]["+docs"]["node_color"] for layer in LAYERS if layer in configured}
    return Layers(dict(models), dict(references), {"raw": "#6b7280", **colours})


def lineage(layers: Layers, colours: Ground) -> str:
    """The layers from left to right, a box for each folder, and lines where its models read another's."""
    width, box, tall, gap, top = 960, 186, 34, 12, 84
    columns = [("raw", "seeds"), ("staging",), ("intermediate",), ("marts", "quality", "ops")]
    places: dict[Box, tuple[float, float]] = {}
    height = 0.0
    stacks = [
        sorted(
            (each for each in layers.models if each.layer in column),
            key=lambda each: (column.index(each.layer), order(each)),
        )
        for column in columns
    ]
    tallest = max(map(len, stacks)) * (tall + gap) - gap
    for index, stack in enumerate(stacks):
        x = index * (width - box) / (len(columns) - 1)
        room = len(stack) * (tall + gap) - gap
        for number, each in enumerate(stack):
            places[each] = (x, top + (tallest - room) / 2 + number * (tall + gap))
            height = max(height, places[each][1] + tall)
    parts = [words(0, 26, "From raw files to tables", colours.ink, 23, ' font-weight="700"')]
    total = sum(count for each, count in layers.models.items() if each.layer not in ("raw", "seeds"))
    seeds = layers.models[Box("seeds", "seeds")]
    line = f"{total} models and {seeds} seeds. A line is thicker the more models read from there."
    parts.append(words(0, 51, line, colours.soft, 15))
    edges: dict[tuple[Box, Box], int] = defaultdict(int)
    for (source, target), count in layers.references.items():
        if (
            places[source][0] < places[target][0]
        ):  # from left to right; within a layer there would be a tangle
            edges[source, target] += count
    for (source, target), count in sorted(edges.items(), key=lambda each: each[1]):
        (x1, y1), (x2, y2) = places[source], places[target]
        x1, y1, y2 = x1 + box, y1 + tall / 2, y2 + tall / 2
        bend = (x2 - x1) / 2
        weight = min(1 + count / 4, 6)
        parts.append(
            f'<path d="M{x1:g} {y1:g}C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}" fill="none" '
            f'stroke="{layers.colours[source.layer]}" stroke-opacity="{colours.edge:g}" '
            f'stroke-width="{weight:g}"/>'
        )
    for each, (x, y) in places.items():
        parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{box}" height="{tall}" rx="5" '
            f'fill="{layers.colours[each.layer]}"/>'
        )
        parts.append(
            words(x + 10, y + 22, TITLES.get(each.name, each.name), "#ffffff", 14, ' font-weight="600"')
        )
        count = layers.models[each]
        parts.append(words(x + box - 10, y + 22, str(count), "#ffffff", 13, ' text-anchor="end"'))
    for index, column in enumerate(columns):
        x = index * (width - box) / (len(columns) - 1)
        parts.append(words(x, top - 10, HEADS[column[0]], colours.soft, 13))
    return svg(width, round(height + 8), "The layers of the warehouse, from raw files to tables", parts)


HEADS = {
    "raw": "as they come",
    "staging": "rename, cast, clean",
    "intermediate": "one rule per model",
    "marts": "tables for people",
}
# The most read first, so that lines cross less.
ORDER = (
    "core",
    "championship",
    "careers",
    "results",
    "results_and_qualifying",
    "qualifying",
    "races",
    "laps",
)


def order(box: Box) -> tuple[int, str]:
    """The place of a box in its column."""
    return (ORDER.index(box.name) if box.name in ORDER else len(ORDER), box.name)
