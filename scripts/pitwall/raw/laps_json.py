"""Read a JSON file that maps races to laps, such as `{"2015 Belgian Grand Prix": [20, 21]}`, as a CSV."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pitwall.command import PlainError
from pitwall.raw.account import checksum, not_utf8

DECODER = json.JSONDecoder()
SPACE = " \t\n\r"


def laps_as_csv(path: Path, source: str, out: Path, header: list[str]) -> dict[int, int]:
    """Write a row for each lap: the race, and the lap as the file has it.

    Args:
        source: the name of the JSON file, for messages.
        out: the CSV.
        header: the names of the two columns.

    Returns:
        For each line of the CSV on which a row begins, its line in the JSON file.

    Raises:
        PlainError: the file is not JSON, or no object of races.
    """
    checksum(path)  # raises PlainError if the file is binary, UTF-16 or a web page
    try:
        text = path.read_text(encoding="utf-8-sig")
        json.loads(text)
        entries = list(_entries(text))
    except UnicodeDecodeError:
        raise not_utf8(path) from None
    except json.JSONDecodeError as error:
        raise PlainError(f"{source}: not JSON from line {error.lineno} on: {error.msg}") from None
    except (TypeError, RecursionError):  # not an object, or one with lists in lists in lists
        raise PlainError(f"{source}: not an object of races, each with a list of laps") from None
    lines, line = {}, 2
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for offset, race, lap in entries:
            lines[line] = text.count("\n", 0, offset) + 1
            writer.writerow([race, lap])
            line += 1 + race.count("\n") + lap.count("\n")
    return lines


def _entries(text: str) -> Iterator[tuple[int, str, str]]:
    """Offset, race and lap of each entry of valid JSON. What is not a list of laps is one entry."""
    at = _skip(text, 0)
    if text[at] != "{":
        raise TypeError
    at = _skip(text, at + 1)
    while text[at] != "}":
        race, at = DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)  # the colon
        if text[at] == "[":
            at = _skip(text, at + 1)
            while text[at] != "]":
                start = at
                lap, at = DECODER.raw_decode(text, at)
                yield start, race, _text(lap)
                at = _skip(text, at, ",")
            at += 1
        else:
            start = at
            laps, at = DECODER.raw_decode(text, at)
            yield start, race, _text(laps)
        at = _skip(text, at, ",")


def _skip(text: str, at: int, also: str = "") -> int:
    """The offset of the next character that is neither white space nor one of `also`."""
    while text[at] in SPACE + also:
        at += 1
    return at


def _text(lap: Any) -> str:
    """The lap as a value of a CSV."""
    if lap is None:
        return ""
    return lap if isinstance(lap, str) else json.dumps(lap, ensure_ascii=False)


def correct_lines(quarantine: Path, lines: dict[int, int]) -> None:
    """Replace the lines of the CSV in a quarantine file by those of the JSON file."""
    with quarantine.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    with quarantine.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(header)
        writer.writerows([row[0], lines[int(row[1])], *row[2:]] for row in rows)
