"""What the scripts share: the data folder, its lock and its swap, and errors that a person can read."""

import fcntl
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lake import Lake


class PlainError(Exception):
    """A failure told in one line: what it concerns, why it failed and, if not obvious, what to do."""


def data_folder() -> Path:
    """The folder for everything that a run makes: `$PITWALL_DATA`, or `data` in the current folder."""
    return Path(os.environ.get("PITWALL_DATA") or "data")


def lake() -> "Lake | None":
    """The lake that `$PITWALL_LAKE` names, or none. Raises PlainError if it cannot be one."""
    url = os.environ.get("PITWALL_LAKE")
    if not url:
        return None
    from lake import Lake  # only who has a lake waits for its imports

    return Lake(url)


@contextmanager
def locked(data: Path) -> Iterator[int]:
    """Hold the data folder, made if missing, for this process alone. Yields the lock's file descriptor.

    Raises PlainError at once when another process holds it. The lock ends with the process, however that
    ends, and with the children that the descriptor is passed on to. It is not re-entrant: whoever holds it
    calls functions, not scripts that lock for themselves.
    """
    data.mkdir(parents=True, exist_ok=True)
    with (data / ".lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PlainError(
                f"{data}: another run is using this folder; start again when it has ended"
            ) from None
        yield handle.fileno()


def recover(data: Path) -> None:
    """Bring the folder back to its last good state after a run that failed or was killed. Needs the lock.

    A run builds `parquet.new` and then `quarantine.new`; the rename of the former commits both.
    """
    if (data / "parquet.old").exists() and not (data / "parquet").exists():
        (data / "parquet.old").rename(data / "parquet")
    if (data / "quarantine.new").exists() and not (data / "parquet.new").exists():
        shutil.rmtree(data / "quarantine", ignore_errors=True)
        (data / "quarantine.new").rename(data / "quarantine")
    # In this order: quarantine.new without parquet.new would look like a commit.
    for leftover in ("quarantine.new", "parquet.new", "parquet.old", ".tmp"):
        shutil.rmtree(data / leftover, ignore_errors=True)


def swap(data: Path) -> None:
    """Put the Parquet and the quarantine of a finished run in the place of the last ones. Needs the lock."""
    if (data / "parquet").exists():
        (data / "parquet").rename(data / "parquet.old")
    (data / "parquet.new").rename(data / "parquet")
    recover(data)


def printable(text: str) -> str:
    """A text in one line of at most 500 characters, with nothing in it that a terminal would obey."""
    line = "".join(each if each.isprintable() else "?" for each in " ".join(text.split()))
    return line if len(line) <= 500 else f"{line[:497]}..."


def exit_code(program: str, action: Callable[[], None], place: Path) -> int:
    """Run the action; tell a failure in one line on stderr. Returns 0 done, 2 failed, 130 interrupted.

    `place` is what the action writes: named where the system does not say which file failed.
    """
    try:
        action()
    except (PlainError, OSError) as error:
        text = str(error)
        if isinstance(error, OSError) and error.strerror:
            text = f"{error.filename or place}: {error.strerror}"
        # So that this comes last where both go into one log, and is said also where stdout is full or closed.
        with suppress(OSError):
            sys.stdout.flush()
        print(f"{program}: {printable(text)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        return 130
    return 0
