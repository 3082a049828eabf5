"""The ledger of forecasts: a file for each writing, whole or not at all, and never touched again."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from conftest import ROOT, SCRIPTS, Builder, must_run, run

from pitwall.command import PlainError
from pitwall.data_folder import REPLACED, check_kept
from pitwall.prediction import ledger
from pitwall.prediction.ledger import Prediction

ROW = Prediction(
    season=2025,
    round=3,
    circuit_ref="suzuka",
    driver_ref="hamilton",
    known_at="after_qualifying",
    target="win",
    probability=0.25,
    model="plackett_luce",
    model_version="7",
    trained_through=date(2025, 3, 23),
    predicted_at="2025-04-05T10:00:00Z",
    is_backtest=False,
)


def contents(data: Path) -> dict[str, bytes]:
    """The files of the ledger and their bytes."""
    return {path.name: path.read_bytes() for path in (data / "predictions").glob("*.parquet")}


def test_a_forecast_is_read_as_it_was_written(tmp_path: Path) -> None:
    other = ROW._replace(driver_ref="russell", probability=Decimal("0.123456789"))
    path = ledger.append(tmp_path, [ROW, other])
    assert path.name.startswith("20250405T100000Z-")
    read = ledger.read(tmp_path)
    assert dict(read.schema) == ledger.SCHEMA
    assert read.rows() == [ROW._replace(probability=Decimal("0.250000000")), other]


def test_a_frame_may_have_other_types_and_another_order(tmp_path: Path) -> None:
    frame = pl.DataFrame([ROW._asdict()]).with_columns(pl.col("season").cast(pl.Int64))
    assert frame.schema["season"] != ledger.SCHEMA["season"]
    ledger.append(tmp_path, frame.select(reversed(frame.columns)))
    assert ledger.read(tmp_path).rows() == [ROW._replace(probability=Decimal("0.25"))]


def test_a_second_forecast_is_a_second_file_and_touches_no_other(tmp_path: Path) -> None:
    first = ledger.append(tmp_path, [ROW])
    before, written_at = contents(tmp_path), first.stat().st_mtime_ns
    later = ROW._replace(predicted_at="2025-04-05T10:00:01Z", probability=0.5)
    second = ledger.append(tmp_path, [later])
    after = contents(tmp_path)
    assert after.keys() == {first.name, second.name}
    assert after.items() >= before.items()
    assert first.stat().st_mtime_ns == written_at
    assert ledger.read(tmp_path)["probability"].to_list() == [Decimal("0.25"), Decimal("0.5")]


def test_two_writers_in_the_same_second_have_two_files(tmp_path: Path) -> None:
    paths = {ledger.append(tmp_path, [ROW]), ledger.append(tmp_path, [ROW._replace(driver_ref="russell")])}
    assert len(paths) == len(contents(tmp_path)) == 2


def test_a_file_that_was_copied_counts_once(tmp_path: Path) -> None:
    path = ledger.append(tmp_path, [ROW])
    shutil.copy(path, path.with_name("copy.parquet"))
    assert ledger.read(tmp_path).height == 1


BAD = [
    ([ROW._replace(probability=1.5)], "has a probability that is not from 0 to 1"),
    ([ROW._replace(probability=-0.1)], "has a probability that is not from 0 to 1"),
    ([ROW._replace(probability=float("nan"))], "has a probability that is not from 0 to 1"),
    ([ROW._replace(probability=None)], "has a column without a value"),
    ([ROW._replace(target="pole")], "has another target than win, podium, points, classified, title"),
    ([ROW._replace(known_at="now")], "is known at another moment than before_weekend, after_qualifying"),
    ([ROW._replace(target="title")], "is of a title, which is predicted before_weekend only"),
    ([ROW._replace(season=25)], "has a season before 1950, or a round below 1"),
    ([ROW._replace(round=0)], "has a season before 1950, or a round below 1"),
    ([ROW._replace(driver_ref=" ")], "has an empty text"),
    ([ROW._replace(predicted_at="2025-04-05 10:00")], "has a predicted_at that is no time like"),
    ([ROW._replace(predicted_at="2025-4-5T10:00:00Z")], "has a predicted_at that is no time like"),
    ([ROW._replace(trained_through=date(2025, 4, 6))], "was predicted before the last race that the model"),
    ([ROW._replace(is_backtest=True)], "must have a version backtest-… if it is a backtest"),
    ([ROW._replace(model_version="backtest-1")], "must have a version backtest-… if it is a backtest"),
    ([ROW, ROW], "row 1 (2025 round 3, hamilton, after_qualifying, win) is repeated"),
    (
        [ROW, ROW._replace(driver_ref="russell", predicted_at="2025-04-05T10:00:01Z")],
        "row 2 (2025 round 3, russell, after_qualifying, win) has another predicted_at than the first row",
    ),
    ([ROW._replace(season="soon")], "soon"),
    ([], "there are no rows"),
    (pl.DataFrame([ROW._asdict()]).drop("round"), "the columns must be season, round, circuit_ref"),
    (pl.DataFrame([{**ROW._asdict(), "note": "x"}]), "the columns must be season, round, circuit_ref"),
]


@pytest.mark.parametrize(("rows", "reason"), BAD, ids=range(len(BAD)))
def test_a_bad_row_is_refused_with_one_plain_line(tmp_path: Path, rows: Any, reason: str) -> None:
    with pytest.raises(PlainError) as refused:
        ledger.append(tmp_path, rows)
    message = str(refused.value)
    assert message.startswith(f"{tmp_path / 'predictions'}: nothing was written: ")
    assert reason in message
    assert "\n" not in message
    assert not (tmp_path / "predictions").exists()


def test_a_row_of_the_ledger_is_not_written_again(tmp_path: Path) -> None:
    ledger.append(tmp_path, [ROW])
    before = contents(tmp_path)
    with pytest.raises(PlainError, match="is in the ledger already"):
        ledger.append(tmp_path, [ROW._replace(probability=0.5)])
    assert contents(tmp_path) == before


def test_a_missing_data_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(PlainError, match="no such folder; run `make build` first"):
        ledger.append(tmp_path / "nowhere", [ROW])


@pytest.mark.parametrize("name", ["other", "damaged"])
def test_a_file_that_is_not_of_the_ledger_is_named(tmp_path: Path, name: str) -> None:
    ledger.append(tmp_path, [ROW])
    path = tmp_path / "predictions" / f"{name}.parquet"
    if name == "other":
        pl.DataFrame({"a": [1]}).write_parquet(path)
    else:
        path.write_bytes(b"PAR1 and no more")
    for action in (lambda: ledger.read(tmp_path), lambda: ledger.append(tmp_path, [ROW])):
        with pytest.raises(PlainError, match=rf"{name}\.parquet: .*move it out of predictions"):
            action()


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = {paths}
from pitwall.prediction import ledger
from test_ledger import ROW
setattr(*{patched}, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
ledger.append(Path(sys.argv[1]), [ROW._replace(driver_ref="russell")])
"""


@pytest.mark.parametrize("patched", ["(os, 'fsync')", "(Path, 'rename')"])
def test_a_write_that_is_killed_leaves_nothing_half_written(tmp_path: Path, patched: str) -> None:
    ledger.append(tmp_path, [ROW])
    before = contents(tmp_path)
    paths = [str(SCRIPTS), str(Path(__file__).parent)]
    program = KILLED.format(paths=paths, patched=patched)
    killed = subprocess.run([sys.executable, "-c", program, tmp_path], cwd=ROOT)
    assert killed.returncode == -signal.SIGKILL
    assert contents(tmp_path) == before
    assert ledger.read(tmp_path).height == 1
    ledger.append(tmp_path, [ROW._replace(driver_ref="russell")])
    assert ledger.read(tmp_path).height == 2
    assert {path.name for path in (tmp_path / "predictions").glob(".*")} == {".lock"}


def test_no_conversion_replaces_the_ledger(one_season: Path, tmp_path: Path) -> None:
    assert "predictions" not in REPLACED
    check_kept(tmp_path / "predictions", tmp_path)
    raw, data = one_season / "raw", tmp_path / "driver's [data] *"
    data.mkdir()
    ledger.append(data, [ROW])
    before = contents(data)
    for _ in range(2):
        must_run(SCRIPTS / "csv_to_parquet.py", raw, PITWALL_DATA=data)
        assert contents(data) == before


def test_dbt_reads_the_ledger_of_an_odd_folder(builder: Builder, one_season: Path, tmp_path: Path) -> None:
    """Without a file the view has the declared columns and no rows. Other files are not read."""
    data = tmp_path / "driver's [data] *"
    shutil.copytree(one_season / "parquet", data / "parquet")
    (data / ".build").mkdir()
    found = []
    for drivers in ([], ["hamilton", "russell"]):
        for driver in drivers:
            ledger.append(data, [ROW._replace(driver_ref=driver)])
            (data / "predictions" / "notes.txt").write_text("mine")
        result = builder.dbt(data, "run-operation", "create_raw_views")
        assert result.returncode == 0, result.stdout
        with duckdb.connect(data / ".build" / "warehouse.duckdb", read_only=True) as connection:
            found.append(connection.execute("select driver_ref from raw.ledger order by all").fetchall())
            types = connection.execute("select column_type from (describe raw.ledger)").fetchall()
        assert [each for (each,) in types[4:8]] == ["VARCHAR", "VARCHAR", "DECIMAL(10,9)", "VARCHAR"]
    assert found == [[], [("hamilton",), ("russell",)]]


def test_a_build_refuses_a_damaged_file_before_it_starts(
    one_season: Path, tmp_path: Path, fake_dbt: Callable[[str], Path]
) -> None:
    data = shutil.copytree(one_season, tmp_path / "data")
    (data / "predictions" / "mine.parquet").write_bytes(b"PAR1 and no more")
    result = run(SCRIPTS / "build.py", PITWALL_DATA=data, PYTHONPATH=fake_dbt("def cli(): return 1"))
    assert result.returncode == 2
    assert result.stdout == (
        f"build: {data}/predictions/mine.parquet: damaged; put a good copy in its place, or move it out of "
        "predictions\n"
    )


def test_the_baselines_of_the_real_files_score_as_expected(real_warehouse: Path) -> None:
    """2014 to October 2025, only cars that had a grid slot or started: log losses in thousandths."""
    with duckdb.connect(real_warehouse, read_only=True) as connection:
        scores = connection.execute("""
            select target, known_at, count(*), count(distinct race_id), round(1000 * avg(-ln(greatest(
                case when outcome = 1 then probability else 1 - probability end, 0.000001
            ))))::integer
            from marts.fct_baseline_predictions
            where season >= 2014 and target <> 'title'
            group by all order by known_at, target""").fetchall()
    assert [row[2:4] for row in scores] == [(4978, 246)] * 8
    assert [(*row[:2], row[4]) for row in scores] == [
        ("classified", "after_qualifying", 424),
        ("podium", "after_qualifying", 229),
        ("points", "after_qualifying", 516),
        ("win", "after_qualifying", 111),
        ("classified", "before_weekend", 424),
        ("podium", "before_weekend", 258),
        ("points", "before_weekend", 531),
        ("win", "before_weekend", 126),
    ]
