"""The store of MLflow: what a training records, when its model becomes the champion, and what breaks it."""

import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import prediction_standin as standin
import pytest
from conftest import ROOT, make_once

from pitwall.command import PlainError

pytestmark = [pytest.mark.extra, pytest.mark.filterwarnings(*standin.OF_LIBRARIES)]
for package in ("mlflow", "pandas", "sqlalchemy"):
    pytest.importorskip(package, reason=f"no {package}: `make ml-extra` installs it")


@pytest.fixture
def backtest(monkeypatch: pytest.MonkeyPatch) -> standin.StandInTest:
    """What the backtest of the next training finds."""
    return standin.install(monkeypatch)


@pytest.fixture
def data(shared_folder: Path, tmp_path: Path, backtest: standin.StandInTest) -> Path:
    """A data folder with one training, copied from where it was made."""
    from pitwall.prediction import forecasting

    def make(folder: Path) -> None:
        standin.write_warehouse(folder)
        forecasting.train(folder)

    return shutil.copytree(make_once(shared_folder / "trained", make), tmp_path / "data")


def verdict(data: Path) -> tuple[str, list[str], str | None]:
    """Train. Returns the new version, why it is not the champion, and which version is."""
    from pitwall.prediction import forecasting, tracking

    recorded = forecasting.train(data).recorded
    with tracking.opened(data) as client:
        champion = tracking.champion_version(client)
    return recorded.version, recorded.reasons, str(champion.version) if champion else None


def test_a_run_can_be_read_by_a_person(data: Path) -> None:
    from pitwall.prediction import tracking

    with tracking.opened(data) as client:
        experiment = client.get_experiment_by_name("pitwall")
        assert experiment.experiment_id == "1"  # the link that `make mlflow` prints
        runs = client.search_runs(["1"], order_by=["attributes.start_time"])
    [parent] = [run for run in runs if run.data.tags["kind"] == "training"]
    seasons = [run for run in runs if run.data.tags["kind"] == "season"]
    assert parent.info.run_name == "through 2023-06-07"
    assert parent.info.status == "FINISHED"
    assert parent.data.params == {
        "model": "plackett_luce",
        "trained_through": "2023-06-07",
        "backtest_seasons": "2022 to 2023",
        "first_season": "1985",
        "half_life_seasons": "8.0",
        "ridge": "3.0",
        "depth_before_weekend": "1",
        "depth_after_qualifying": "2",
    }
    metrics = parent.data.metrics
    assert metrics["after_qualifying/podium_log_loss"] == pytest.approx(0.2)
    assert metrics["after_qualifying/podium_log_loss_baseline"] == pytest.approx(0.25)
    assert metrics["after_qualifying/podium_log_loss_lightgbm"] == 0.21
    assert "after_qualifying/podium_log_loss_baseline_lightgbm" not in metrics
    assert metrics["before_weekend/win_calibration_error"] > 0
    assert sorted(run.info.run_name for run in seasons) == ["season 2022", "season 2023"]
    assert {run.data.tags["mlflow.parentRunId"] for run in seasons} == {parent.info.run_id}
    assert all(run.data.metrics.keys() == metrics.keys() for run in seasons)
    note = parent.data.tags["mlflow.note.content"]
    assert note.startswith("Version 1 became the champion.\n\n")
    assert re.search(r"(?m)^podium log loss +0\.2000 +0\.1900 to 0\.2100 +<= 0\.209 +met$", note)
    assert re.search(r"(?m)^after_qualifying +podium +lightgbm +0\.2100 +0\.2500 ", note)
    assert parent.data.tags["gate"] == "passed"


def test_the_model_is_code_and_json(data: Path) -> None:
    files = [path for path in (data / "mlflow" / "artifacts").rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"served_model.py", "weights.json", "entrants.json", "MLmodel"}
    assert [path for path in files if path.suffix in (".pkl", ".pickle", ".bin")] == []


def test_the_model_runs_where_the_project_is_not(data: Path, tmp_path: Path) -> None:
    """The code that it needs is beside it."""
    [folder] = [path.parent for path in (data / "mlflow" / "artifacts").rglob("MLmodel")]
    program = (
        "import mlflow, pandas, sys\n"
        f"model = mlflow.pyfunc.load_model({str(folder)!r})\n"
        f"rows = pandas.DataFrame({{'driver': {list(standin.REFS)}, 'known_at': 'after_qualifying', "
        "'grid': [1.0, 2, 3, 4, 5, 6]})\n"
        "print(len(model.predict(rows)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
    )
    assert result.stdout == "6\n", result.stderr


def test_a_model_that_is_not_worse_becomes_the_champion(data: Path, backtest: standin.StandInTest) -> None:
    assert verdict(data) == ("2", [], "2")
    backtest.log_loss = 0.2005
    assert verdict(data) == ("3", [], "3")


def test_a_worse_model_does_not_become_the_champion(data: Path, backtest: standin.StandInTest) -> None:
    from pitwall.prediction import tracking

    backtest.log_loss = 0.202
    reason = (
        "its mean log loss in the seasons of the present champion is 0.2020, and the champion's is 0.2000"
    )
    assert verdict(data) == ("2", [reason], "1")
    with tracking.opened(data) as client:
        version = client.get_model_version("pitwall", "2")
        run = client.get_run(version.run_id)
    assert version.description == f"Version 2 did not become the champion: {reason}."
    assert (run.data.tags["gate"], run.data.tags["version"]) == ("not passed", "2")
    assert reason in run.data.tags["mlflow.note.content"]
    assert tracking.champion(data).version == "1"


def test_a_broken_bar_keeps_the_champion(data: Path, backtest: standin.StandInTest) -> None:
    reason = backtest.break_bar()
    assert verdict(data) == ("2", [reason], "1")


def test_a_first_model_with_a_broken_bar_is_no_champion(
    tmp_path: Path, backtest: standin.StandInTest
) -> None:
    from pitwall.prediction import tracking

    standin.write_warehouse(tmp_path)
    reason = backtest.break_bar()
    assert verdict(tmp_path) == ("1", [reason], None)
    with pytest.raises(PlainError, match=r"mlflow: no model has passed the gate, so there is no @champion"):
        tracking.champion(tmp_path)


def test_a_champion_whose_run_was_deleted_is_replaced(data: Path, backtest: standin.StandInTest) -> None:
    for path in (data / "mlflow" / "artifacts").rglob("scores.json"):
        path.unlink()
    backtest.log_loss = 0.3
    assert verdict(data) == ("2", [], "2")


def test_a_moved_store_works_where_it_is(data: Path, shared_folder: Path, tmp_path: Path) -> None:
    """The store was copied from another folder; MLflow wrote absolute paths into it."""
    from pitwall.prediction import tracking

    moved = data.rename(tmp_path / "a b#é")
    assert tracking.champion(moved).version == "1"
    with sqlite3.connect(moved / "mlflow" / "mlflow.db") as connection:
        dump = "\n".join(connection.iterdump())
    connection.close()
    assert str(shared_folder) not in dump.replace((tmp_path / "a b#é").absolute().as_uri(), "")
    assert verdict(moved) == ("2", [], "2")
    assert not data.exists()


def test_a_path_that_mlflow_would_misread_is_refused(data: Path, tmp_path: Path) -> None:
    from pitwall.prediction import tracking

    moved = data.rename(tmp_path / "a%20b")
    with pytest.raises(PlainError, match="MLflow reads %XX in a path as a character; rename that folder"):
        tracking.champion(moved)


def test_a_store_that_is_missing_is_not_made_by_a_reader(
    tmp_path: Path, backtest: standin.StandInTest
) -> None:
    from pitwall.prediction import tracking

    with pytest.raises(PlainError, match=r"mlflow: there is no model yet; run `make train` first"):
        tracking.champion(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"no database" * 1000, b""])
def test_a_damaged_database_is_reported_in_one_line(data: Path, content: bytes) -> None:
    from pitwall.prediction import tracking

    (data / "mlflow" / "mlflow.db").write_bytes(content)
    with pytest.raises(PlainError, match=r"mlflow: MLflow cannot use it: .*; if it is damaged, move it away"):
        tracking.champion(data)


def test_a_model_without_its_files_is_reported_in_one_line(data: Path) -> None:
    from pitwall.prediction import tracking

    shutil.rmtree(data / "mlflow" / "artifacts")
    with pytest.raises(PlainError, match=r"version 1 of the model cannot be loaded \(.*\); run `make train`"):
        tracking.champion(data)


@pytest.mark.slow
def test_two_trainings_at_once_make_one_store(tmp_path: Path, backtest: standin.StandInTest) -> None:
    """Without the lock, one of the processes would find half of the tables."""
    standin.write_warehouse(tmp_path)
    program = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[2])\n"
        "from pitwall.prediction import tracking\n"
        "with tracking.opened(pathlib.Path(sys.argv[1])) as client: print(len(client.search_experiments()))"
    )
    command = [sys.executable, "-c", program, str(tmp_path), str(ROOT / "scripts")]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    assert [process.communicate(timeout=120) for process in processes] == [("2\n", "")] * 2
