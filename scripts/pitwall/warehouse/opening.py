"""Why DuckDB cannot open a warehouse, in one line that says what to do."""

import re
from pathlib import Path

import duckdb

from pitwall.command import PlainError

# DuckDB knows the name of a program only if the program belongs to the same user.
HOLDER = re.compile(r"lock is held in(?: (?P<program>.+?))?(?: \(| )PID (?P<pid>\d+)")


def check_path(warehouse: Path) -> None:
    """Raise PlainError if DuckDB cannot write there: what follows a `?` is no path to it."""
    if "?" in str(warehouse):
        raise PlainError(
            f"{warehouse}: DuckDB cannot write to a path with a question mark; name another data folder with "
            "PITWALL_DATA, or rename the folder"
        )


def holder(error: duckdb.Error) -> str:
    """Which program has the file open, by name and PID; "" if that is not the reason."""
    found = HOLDER.search(str(error))
    return f"{Path(found['program'] or 'another program').name} (PID {found['pid']})" if found else ""


def unreadable(warehouse: Path, error: duckdb.Error) -> PlainError:
    """Why a warehouse cannot be opened, and what to do: first of all which program has it open."""
    if not warehouse.parent.is_dir():
        return PlainError(
            f"{warehouse.parent}: no such folder; name the data folder with PITWALL_DATA, or run `make build`"
        )
    if program := holder(error):
        return PlainError(f"{warehouse}: {program} has it open; end that program, then start again")
    if failed := re.search(r"^IO Error: Cannot open file .+: (.+)", str(error)):
        return PlainError(f"{warehouse}: {failed[1]}")
    return PlainError(
        f"{warehouse}: cannot be read, and no other file has the history of revised results. Put a good copy "
        f"in its place, or move it away to start a new history. DuckDB says: {error}"
    )
