"""Count a CSV file from its bytes, without Polars, to check what Polars reads."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from pitwall.command import PlainError

BOM = b"\xef\xbb\xbf"
LONGEST_LINE = 1 << 20  # bytes
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
    only exception is a value that is quoted as a whole.

    Raises:
        PlainError: the file cannot be a CSV.
    """
    account, digest, separators = Account(is_plain=count), hashlib.sha256(), b""
    with path.open("rb") as file:
        while chunk := file.read(LONGEST_LINE):
            if len(chunk) == LONGEST_LINE and b"\n" not in chunk:
                raise PlainError(f"{path.name}: not CSV (no line end within {LONGEST_LINE:,} bytes)")
            lines = chunk + file.readline(LONGEST_LINE)
            if b"\0" in lines:
                raise PlainError(f"{path.name}: not CSV but binary (it has NUL bytes)")
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

    A quote inside a value is not noticed here. Polars keeps such a quote, so that it counts more characters.
    """
    if lines and not lines.endswith(b"\n"):
        lines += separators.lstrip(b",")
    shape = lines.translate(None, ORDINARY)
    rows = shape.count(b"\n")
    first = shape[: shape.find(b"\n") + 1]
    # Usually all rows have the same shape, and comparing is faster than replacing.
    unquoted = first.replace(b'""', b"") * rows if shape == first * rows else shape.replace(b'""', b"")
    if unquoted != separators * rows:
        return False
    quoted = (len(shape) - len(unquoted)) // 2
    closed = lines.count(b'",') if quoted else 0
    if closed != quoted and closed + lines.count(b'"' + separators.lstrip(b",")) != quoted:
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
