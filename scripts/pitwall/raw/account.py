"""What a CSV file holds by accounts that owe nothing to Polars: of its bytes, and of Python's csv module."""

import csv
import hashlib
import re
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pitwall.command import PlainError

BOM = b"\xef\xbb\xbf"
LONGEST_LINE = 1 << 20  # bytes
ORDINARY = bytes(set(range(256)) - set(b',"\r\n'))  # bytes that mean nothing to the format


@dataclass
class Survey:
    """What a file holds. A record is a line, or several if a quoted value has line breaks."""

    header: list[str] = field(default_factory=list)
    records: int = 0  # blank lines included
    blank: int = 0
    characters: int = 0  # in the values of all records that are not too long
    too_long: array = field(default_factory=lambda: array("L"))  # ordinals of records wider than the header
    short: int = 0  # records with fewer fields than the header
    notes: list[str] = field(default_factory=list)  # what was tolerated


@dataclass
class Account:
    """What the bytes of a file tell; the counts hold only if the file is plain."""

    sha: str = ""  # SHA-256 in hexadecimal
    plain: bool = True
    records: int = 0
    characters: int = 0  # in all values but the \N
    nulls: int = 0  # how often there is a \N
    notes: list[str] = field(default_factory=list)


def checksum(path: Path) -> str:
    """SHA-256 of a file in hexadecimal. Raises PlainError for a file that cannot be a CSV."""
    return account(path, plain=False).sha


def account(path: Path, *, plain: bool = True) -> Account:
    """Read a file once, for its checksum and, unless told otherwise, its counts.

    Raises:
        PlainError: the file cannot be a CSV.
    """
    found, digest, row = Account(plain=plain), hashlib.sha256(), b""
    with path.open("rb") as file:
        while chunk := file.read(LONGEST_LINE):
            if len(chunk) == LONGEST_LINE and b"\n" not in chunk:
                raise PlainError(f"{path.name}: not CSV (no line end within {LONGEST_LINE:,} bytes)")
            lines = chunk + file.readline(LONGEST_LINE)
            if b"\0" in lines:
                raise PlainError(f"{path.name}: not CSV but binary (it holds NUL bytes)")
            digest.update(lines)
            if not row:
                text = lines.removeprefix(BOM)
                if text.lstrip().startswith(b"<"):
                    raise PlainError(f"{path.name}: not CSV but a web page or XML")
                header, line_end, lines = text.partition(b"\n")
                is_crlf = header.endswith(b"\r")
                row = b"," * header.count(b",") + (b"\r\n" if is_crlf else b"\n")
                found.plain &= b"," in row and _count(Account(), header + line_end, row)
                told = {"byte order mark skipped": chunk.startswith(BOM), "CRLF line ends": is_crlf}
                found.notes = [note for note, is_so in told.items() if is_so]
            found.plain = found.plain and _count(found, lines, row)
    found.sha = digest.hexdigest()
    return found


def _count(found: Account, lines: bytes, row: bytes) -> bool:
    """Add lines to an account. Returns whether they are plain: each has the separators of `row` and nothing
    else of meaning, but for values that a quote opens and another closes.

    That a quote opens a value and does not stand inside one is for Polars to find: it keeps those that do,
    and its characters are then more than these.
    """
    if lines and not lines.endswith(b"\n"):
        lines += row.lstrip(b",")
    shape = lines.translate(None, ORDINARY)
    rows = shape.count(b"\n")
    first = shape[: shape.find(b"\n") + 1]
    # Mostly all rows have the same shape, and to compare is faster than to replace.
    bare = first.replace(b'""', b"") * rows if shape == first * rows else shape.replace(b'""', b"")
    if bare != row * rows:
        return False
    quoted = (len(shape) - len(bare)) // 2
    closed = lines.count(b'",') if quoted else 0
    if closed != quoted and closed + lines.count(b'"' + row.lstrip(b",")) != quoted:
        return False
    try:
        characters = len(lines if lines.isascii() else lines.decode())
    except UnicodeDecodeError:
        return False
    nulls = lines.count(b"\\N") if b"\\" in lines else 0
    found.records += rows
    found.characters += characters - len(shape) - 2 * nulls
    found.nulls += nulls
    return True


def survey(path: Path) -> Survey:
    """Read a file with Python's csv module. Raises PlainError naming the line from which it is not CSV."""
    found = Survey()
    last = 0
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.reader(lines, strict=True)
        try:
            found.header = next((row for row in reader if row), [])
            last = first = reader.line_num
            width = len(found.header)
            for row in reader:
                fields = len(row)
                if fields > width:
                    found.too_long.append(found.records)
                else:
                    found.characters += len("".join(row))
                    if fields < width:
                        blank = is_blank(row)
                        found.blank += blank
                        found.short += not blank
                found.records += 1
                last = reader.line_num
        except UnicodeDecodeError:
            raise PlainError(f"{path.name}: not UTF-8 text (near line {last + 1})") from None
        except csv.Error as error:
            unclosed = re.search("unexpected end|field larger", str(error))
            reason = "a quoted value that opens here is never closed" if unclosed else str(error)
            raise PlainError(f"{path.name}: not CSV from line {last + 1} on: {reason}") from None
    if not found.header:
        raise PlainError(f"{path.name}: the file is empty")
    with path.open("rb") as file:
        start = file.read(LONGEST_LINE)
    broken = last - first - found.records
    told = {
        "byte order mark skipped": start.startswith(BOM),
        "CRLF line ends": b"\r\n" in start,
        f"{counted(found.blank, 'blank line')} skipped": found.blank,
        f"{counted(found.short, 'short row')} filled with nulls": found.short,
        f"{counted(broken, 'line break')} inside quoted values kept": broken,
    }
    found.notes = [note for note, count in told.items() if count]
    return found


def counted(number: int, noun: str) -> str:
    """Such as "1 row" or "1,149 rows"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def is_blank(row: list[str]) -> bool:
    """Whether a record is an empty line, or a line of spaces."""
    return not row or (len(row) == 1 and not row[0].strip())


def set_aside(
    path: Path,
    source: str,
    destination: Path,
    unfit: Iterator[tuple[int, int]],
    describe: Callable[[int, list[str]], tuple[str, str, str]],
) -> int:
    """Write unfit records to a quarantine CSV. Blank lines are no loss and are left out.

    Args:
        source: the file's name as the reader knows it.
        unfit: ordinal, from 0 and rising, and problem of each unfit record.
        describe: turns a problem and its record into column, value and reason.

    Returns:
        The number of records written; if none, there is no quarantine file.
    """
    raw: list[str] = []

    def remembered(lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            raw.append(line)
            yield line

    wanted, problem = next(unfit, (-1, 0))
    written = 0
    with (
        path.open(encoding="utf-8-sig", newline="") as lines,
        destination.open("w", encoding="utf-8", newline="") as out,
    ):
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["file", "line", "column", "value", "reason", "row"])
        reader = csv.reader(remembered(lines), strict=True)
        next(row for row in reader if row)
        raw.clear()
        last = reader.line_num
        for ordinal, row in enumerate(reader):
            if ordinal == wanted:
                if not is_blank(row):
                    writer.writerow([source, last + 1, *describe(problem, row), "".join(raw).rstrip("\r\n")])
                    written += 1
                wanted, problem = next(unfit, (-1, 0))
                if wanted < 0:
                    break
            raw.clear()
            last = reader.line_num
    if not written:
        destination.unlink()
    return written
