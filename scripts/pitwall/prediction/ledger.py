"""The ledger of forecasts: each writing adds a Parquet file to `predictions/`, which is never touched again.

A second forecast of the same race is a second row. So the ledger shows what was said, and when.
"""

import fcntl
import hashlib
import io
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import polars as pl

from pitwall.command import PlainError, first_line
from pitwall.prediction.targets import BEFORE_WEEKEND, MOMENTS, TARGETS, TITLE
from pitwall.raw.predictions import FOLDER, ledger_table, read_ledger
from pitwall.raw.values import POLARS_ERRORS

SCHEMA: dict[str, pl.DataType] = {column.name: column.dtype for column in ledger_table().columns}
KEY = ledger_table().key
BACKTEST = "backtest-"  # how the version of a backtest starts
TIME = "%Y-%m-%dT%H:%M:%SZ"
FIRST_SEASON = 1950


class Prediction(NamedTuple):
    """A row of the ledger, with its columns in order.

    Args:
        round: for the target `title`, the next race to be driven.
        trained_through: the day of the last race that the model had seen.
        predicted_at: the time in UTC, as `2026-11-27T10:00:00Z`; the same for all rows of a writing.
        is_backtest: whether it was computed after the race. The version is then `backtest-…`.
    """

    season: int
    round: int
    circuit_ref: str
    driver_ref: str
    known_at: str
    target: str
    probability: float | Decimal
    model: str
    model_version: str
    trained_through: date
    predicted_at: str
    is_backtest: bool


def append(data_folder: Path, rows: Sequence[Prediction] | pl.DataFrame) -> Path:
    """Write forecasts into a new file of the ledger.

    Returns:
        The path of the file.

    Raises:
        PlainError: why nothing was written: there is no such data folder, or what is wrong with a row.
    """
    folder = data_folder / FOLDER
    if not data_folder.is_dir():
        raise PlainError(f"{data_folder}: no such folder; run `make build` first")
    frame = checked(rows, folder)
    folder.mkdir(exist_ok=True)
    with one_writer(folder):
        repeated = frame.join(read(data_folder), on=KEY, how="semi")
        if repeated.height:
            raise refusal(folder, repeated, 0, "is in the ledger already; start again in a second")
        return write(folder, frame)


def read(data_folder: Path) -> pl.DataFrame:
    """All rows of the ledger, oldest file first. Raises PlainError if a file is damaged or not its own."""
    return read_ledger(data_folder)


def checked(rows: Sequence[Prediction] | pl.DataFrame, folder: Path) -> pl.DataFrame:
    """The rows with the types of the ledger. Raises PlainError for the first row that breaks a rule."""
    if not len(rows):
        raise PlainError(f"{folder}: nothing was written: there are no rows")
    try:
        frame = rows if isinstance(rows, pl.DataFrame) else pl.DataFrame([row._asdict() for row in rows])
        if set(frame.columns) != set(SCHEMA):
            raise PlainError(f"{folder}: nothing was written: the columns must be {', '.join(SCHEMA)}")
        frame = frame.select(
            # As a decimal it would be cut off, not rounded.
            pl.col(name).cast(pl.Float64 if name == "probability" else dtype)
            for name, dtype in SCHEMA.items()
        )
    except (TypeError, *POLARS_ERRORS) as error:
        raise PlainError(f"{folder}: nothing was written: {first_line(error)}") from None
    for what, is_wrong in rules().items():
        # A comparison with NULL is NULL.
        wrong = frame.select(is_wrong.fill_null(value=True)).to_series().arg_true()
        if len(wrong):
            raise refusal(folder, frame, wrong[0], what)
    return frame.with_columns(pl.col("probability").round(9).cast(SCHEMA["probability"]))


def rules() -> dict[str, pl.Expr]:
    """What a row must not be, with the words for it. The first one that is true is reported."""
    col = pl.col
    time = col("predicted_at").str.strptime(pl.Datetime("us"), TIME, strict=False, exact=True)
    texts = ("circuit_ref", "driver_ref", "model", "model_version")
    return {
        "has a column without a value": pl.any_horizontal(pl.all().is_null()),
        "has a probability that is not from 0 to 1": ~col("probability").is_between(0, 1)
        | col("probability").is_nan(),
        f"has a season before {FIRST_SEASON}, or a round below 1": (col("season") < FIRST_SEASON)
        | (col("round") < 1),
        f"has another target than {', '.join([*TARGETS, TITLE])}": ~col("target").is_in([*TARGETS, TITLE]),
        f"is known at another moment than {', '.join(MOMENTS)}": ~col("known_at").is_in(MOMENTS),
        "is of a title, which is predicted before_weekend only": (col("target") == TITLE)
        & (col("known_at") != BEFORE_WEEKEND),
        "has an empty text": pl.any_horizontal(col(name).str.strip_chars() == "" for name in texts),
        "has a predicted_at that is no time like 2026-11-27T10:00:00Z": time.is_null()
        | (time.dt.strftime(TIME) != col("predicted_at")),
        "has another predicted_at than the first row": col("predicted_at") != col("predicted_at").first(),
        "was predicted before the last race that the model had seen": time.dt.date() < col("trained_through"),
        f"must have a version {BACKTEST}… if it is a backtest, and another if it is not": col(
            "model_version"
        ).str.starts_with(BACKTEST)
        != col("is_backtest"),
        "is repeated": pl.struct(KEY).is_duplicated(),
    }


def refusal(folder: Path, frame: pl.DataFrame, index: int, what: str) -> PlainError:
    """The failure of one row, with its number from 1 and what it is about."""
    row = frame.row(index, named=True)
    about = f"{row['season']} round {row['round']}, {row['driver_ref']}, {row['known_at']}, {row['target']}"
    return PlainError(f"{folder}: nothing was written: row {index + 1} ({about}) {what}")


@contextmanager
def one_writer(folder: Path) -> Iterator[None]:
    """Let one process at a time write to the ledger; the others wait."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write(folder: Path, frame: pl.DataFrame) -> Path:
    """Write a file aside, and give it its name once all of it is on the disk. Needs the lock."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    content = buffer.getvalue()
    time = re.sub(r"\W", "", frame["predicted_at"][0])
    path = folder / f"{time}-{hashlib.sha256(content).hexdigest()[:12]}.parquet"
    aside = folder / ".new"  # also what a writer left that was killed
    with aside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return path
