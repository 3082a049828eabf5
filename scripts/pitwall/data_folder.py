"""The data folder: where it is, its lock, and how the files of a finished run replace the last ones."""

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
    """Lock the data folder for this process, and make the folder if it is missing.

    The lock ends when this process ends, and every child that got the file descriptor. It is not re-entrant:
    inside the lock, do not run a command that takes the lock itself.

    Yields:
        The file descriptor of the lock.

    Raises:
        PlainError: another process holds the lock. There is no wait.
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

    A run makes `parquet.new` and then `quarantine.new`. Renaming `parquet.new` commits both.
    """
    if (data / "parquet.old").exists() and not (data / "parquet").exists():
        (data / "parquet.old").rename(data / "parquet")
    if (data / "quarantine.new").exists() and not (data / "parquet.new").exists():
        shutil.rmtree(data / "quarantine", ignore_errors=True)
        (data / "quarantine.new").rename(data / "quarantine")
    # In this order, because quarantine.new without parquet.new would look like a commit.
    for leftover in ("quarantine.new", "parquet.new", "parquet.old", ".tmp"):
        shutil.rmtree(data / leftover, ignore_errors=True)


def swap(data: Path) -> None:
    """Replace the Parquet and the quarantine of the last run with those of this one. Needs the lock."""
    if (data / "parquet").exists():
        (data / "parquet").rename(data / "parquet.old")
    (data / "parquet.new").rename(data / "parquet")
    recover(data)
