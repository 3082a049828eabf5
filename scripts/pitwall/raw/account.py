"""Count a CSV file from its bytes, without Polars, to check what Polars reads."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pitwall.command import PlainError

BOM = b"\xef\xbb\xbf"
LONGEST_LINE = 1 << 20  # bytes
CHUNK = 1 << 18  # bytes read at once, so few that they stay in the cache of a core
ORDINARY = bytes(set(range(256)) - set(b',"\r\n'))  # bytes without a meaning in the CSV format


@dataclass
class Account:
    """What the bytes of a file say. The counts hold only if the file is plain."""

    sha256: str = ""  # in hexadecimal
    is_plain: bool = True
    records: int = 0
    characters: int = 0  # of all values except \N
    nulls: int = 0  # how often \N occurs
    notes: list[str] = field(default_factory=list)  # what differs from the usual format and is accepted


def checksum(path: Path) -> str:
    """SHA-256 of a file in hexadecimal. Raises PlainError for a file that cannot be a CSV."""
    return account_of(path, count=False).sha256


def account_of(path: Path, *, count: bool = True) -> Account:
    """Read a file once, for its checksum and, if wanted, its counts.

    A file is plain if each line has the separators of the header and nothing else with a meaning in CSV. The
    only exception is a value between two quotes.

    Raises:
        PlainError: the file cannot be a CSV.
    """
    account, digest, separators = Account(is_plain=count), hashlib.sha256(), b""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            lines = chunk + file.readline(LONGEST_LINE)
            if len(lines) >= LONGEST_LINE and b"\n" not in lines[:LONGEST_LINE]:
                raise PlainError(f"{path.name}: not CSV (no line end within {LONGEST_LINE:,} bytes)")
            if b"\0" in lines:
                raise _with_nul(path)
            digest.update(lines)
            if not separators:
                text = lines.removeprefix(BOM)
                if text.lstrip().startswith(b"<"):
                    raise PlainError(f"{path.name}: not CSV but a web page or XML")
                header, line_end, lines = text.partition(b"\n")
                is_crlf = header.endswith(b"\r")
                separators = b"," * header.count(b",") + (b"\r\n" if is_crlf else b"\n")
                account.is_plain &= b"," in separators and _add(Account(), header + line_end, separators)
                notes = {"byte order mark skipped": chunk.startswith(BOM), "CRLF line ends": is_crlf}
                account.notes = [note for note, applies in notes.items() if applies]
            account.is_plain = account.is_plain and _add(account, lines, separators)
    account.sha256 = digest.hexdigest()
    return account


def _add(account: Account, lines: bytes, separators: bytes) -> bool:
    """Add lines to an account. Returns whether they are plain.

    Two quotes that do not enclose their value are not noticed here, as looking for them takes longer than all
    else. Polars either fails at them or keeps them, so that it counts more characters.
    """
    if lines and not lines.endswith(b"\n"):
        lines += separators.lstrip(b",")
    shape = lines.translate(None, ORDINARY)
    rows = shape.count(b"\n")
    first = shape[: shape.find(b"\n") + 1]
    # Usually all rows have the same shape, and comparing is faster than replacing.
    seen, times = (first, rows) if shape == first * rows else (shape, 1)
    if b'"""' in seen or seen.replace(b'""', b"") * times != separators * rows:
        return False
    try:
        characters = len(lines if lines.isascii() else lines.decode())
    except UnicodeDecodeError:
        return False
    nulls = lines.count(b"\\N") if b"\\" in lines else 0
    account.records += rows
    account.characters += characters - len(shape) - 2 * nulls
    account.nulls += nulls
    return True


def _first_bad_line(path: Path, is_bad: Callable[[bytes], bool]) -> tuple[int, bytes]:
    """The first such line of a file, with its number."""
    with path.open("rb") as file:
        lines = iter(lambda: file.readline(LONGEST_LINE), b"")
        return next((number, line) for number, line in enumerate(lines, 1) if is_bad(line))


def _with_nul(path: Path) -> PlainError:
    """Why a file with NUL bytes is refused: it is UTF-16 or UTF-32 text, or no text."""
    with path.open("rb") as file:
        start = file.read(1000)
    number, _ = _first_bad_line(path, lambda line: b"\0" in line)
    even, odd = start[::2], start[1::2]
    encodings = {
        "UTF-32": start.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")),
        "UTF-16": start.startswith((b"\xff\xfe", b"\xfe\xff")),
        "UTF-16LE": odd.count(0) > len(odd) / 2 and not even.count(0),
        "UTF-16BE": even.count(0) > len(even) / 2 and not odd.count(0),
    }
    for encoding, applies in encodings.items():
        if applies:
            return PlainError(f"{path.name}: not UTF-8 text but {encoding}; {_iconv(encoding, path)}")
    return PlainError(f"{path.name}: not CSV but binary (line {number} has a NUL byte)")


def not_utf8(path: Path) -> PlainError:
    """Why a text that is not UTF-8 is refused: its first such line, and which encoding it has."""

    def fails(line: bytes, encoding: str = "utf-8") -> bool:
        try:
            line.decode(encoding)
        except UnicodeDecodeError:
            return True
        return False

    number, line = _first_bad_line(path, fails)
    if fails(line, "cp1252"):
        return PlainError(f"{path.name}: line {number} is not UTF-8 text; get an undamaged file")
    advice = f"it looks like Windows-1252 or Latin-1; {_iconv('WINDOWS-1252', path)}"
    return PlainError(f"{path.name}: line {number} is not UTF-8 text; {advice}")


def _iconv(encoding: str, path: Path) -> str:
    return f"convert it with `iconv -f {encoding} -t UTF-8 {path.name} > new.csv`"
