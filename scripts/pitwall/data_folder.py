"""The data folder, its lock and its swap."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pitwall.command import PlainError


def data_folder() -> Path:
    """The folder for everything that a run makes: `$PITWALL_DATA`, or `data` in the current folder."""
    return Path(os.environ.get("PITWALL_DATA") or "data")


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
