"""The data folder: where it is, its lock, and how the files of a finished run replace the last ones."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pitwall.command import PlainError, TemporaryError

# What a run makes and replaces in the data folder, and the file that says so. Other names are the user's.
REPLACED = (
    "parquet",
    "parquet.new",
    "parquet.old",
    "quarantine",
    "quarantine.new",
    ".tmp",
    "spark",
    "site",
)
MARKER = ".pitwall"
MANIFEST = "load_manifest.parquet"  # in the folder of the converted tables, which it describes


def data_folder() -> Path:
    """The folder for everything that a run makes: `$PITWALL_DATA`, or `data` in the current folder."""
    return Path(os.environ.get("PITWALL_DATA") or "data")


def regular(path: Path) -> Path:
    """A path that is a regular file. Reading a named pipe in its place would never end.

    Raises:
        FileNotFoundError: it is none.
    """
    if not path.is_file():
        raise FileNotFoundError(path)
    return path


def claim(data: Path) -> None:
    """Mark the data folder as Pitwall's.

    Raises:
        PlainError: it has no mark, but something with a name that a run would replace. It may be the user's.
    """
    marker = data / MARKER
    if os.path.lexists(marker):
        return
    found = [name for name in REPLACED if os.path.lexists(data / name)]
    # Before there was a marker, a manifest was the sure sign of a conversion.
    if found and not any(data.glob("parquet*/load_manifest.parquet")):
        raise PlainError(
            f"{data / found[0]}: exists, and Pitwall would replace it; move it away, or name another folder "
            "with PITWALL_DATA"
        )
    marker.write_text(
        "Pitwall writes into this folder. It replaces and deletes warehouse.duckdb and these folders:\n"
        f"{' '.join(REPLACED)}\n"
        "It never replaces or deletes a file in predictions, the ledger of forecasts.\n",
        encoding="utf-8",
    )


def check_kept(path: Path, data: Path) -> None:
    """Raise PlainError if a file or folder of the user is in a place that a run replaces."""
    real = path.resolve()
    for name in REPLACED:
        if real.is_relative_to((data / name).resolve()):
            raise PlainError(
                f"{path}: is in {data / name}, which Pitwall replaces; move it to another folder, for "
                f"example {data / 'raw'}"
            )


@contextmanager
def locked(data: Path) -> Iterator[int]:
    """Lock the data folder for this process, and make the folder if it is missing.

    The lock ends when this process ends, and every child that got the file descriptor. It is not re-entrant:
    inside the lock, do not run a command that takes the lock itself.

    Yields:
        The file descriptor of the lock.

    Raises:
        TemporaryError: another process holds the lock, for which there is no wait.
        PlainError: the folder is the user's.
    """
    data.mkdir(parents=True, exist_ok=True)
    claim(data)
    with (data / ".lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TemporaryError(
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
        remove(data / "quarantine")
        (data / "quarantine.new").rename(data / "quarantine")
    # In this order, because quarantine.new without parquet.new would look like a commit.
    for leftover in ("quarantine.new", "parquet.new", "parquet.old", ".tmp"):
        remove(data / leftover)


def remove(path: Path) -> None:
    """Remove what has a name that a run replaces: usually a folder, but it can be a file or a link."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)


def swap(data: Path) -> None:
    """Replace the Parquet and the quarantine of the last run with those of this one. Needs the lock."""
    if (data / "parquet").exists():
        (data / "parquet").rename(data / "parquet.old")
    (data / "parquet.new").rename(data / "parquet")
    recover(data)
