"""`train.py`, `predict.py` and `serve.py`: what they print, what they write, and their errors."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import prediction_standin as standin
import pytest
from conftest import ROOT, make_once

pytestmark = [pytest.mark.extra, pytest.mark.filterwarnings(*standin.OF_LIBRARIES)]
for package in ("mlflow", "fastapi", "uvicorn", "pandas", "sqlalchemy"):
    pytest.importorskip(package, reason=f"no {package}: `make ml-extra` installs it")

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def backtest(monkeypatch: pytest.MonkeyPatch) -> standin.StandInTest:
    """What the backtest of the next training finds."""
    return standin.install(monkeypatch)


@pytest.fixture
def data(shared_folder: Path, tmp_path: Path, backtest: standin.StandInTest) -> Path:
    """A data folder with one training."""
    from pitwall.prediction import forecasting

    def make(folder: Path) -> None:
        standin.write_warehouse(folder)
        forecasting.train(folder)

    return shutil.copytree(make_once(shared_folder / "trained_once", make), tmp_path / "data")


@pytest.fixture
def command(
    backtest: standin.StandInTest, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    """Runs a command in this process, with the stand-ins. Returns its exit code and what it printed."""

    def start(name: str, data: Path, *arguments: str | Path) -> tuple[int, str, str]:
        import predict
        import serve
        import train

        monkeypatch.setenv("PITWALL_DATA", str(data))
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, arguments)])
        capfd.readouterr()
        try:
            code = {"train": train, "predict": predict, "serve": serve}[name].main()
        except SystemExit as error:
            code = int(str(error.code))
        return (code, *capfd.readouterr())

    return start


def files(data: Path) -> set[str]:
    """The files of the ledger."""
    return {path.name for path in (data / "predictions").glob("*.parquet")}


def ledger_rows(data: Path) -> pl.DataFrame:
    """The rows of the ledger."""
    from pitwall.prediction import ledger

    return ledger.read(data)


def test_train_prints_the_scores_and_writes_the_backtest(
    tmp_path: Path, command: Command, backtest: standin.StandInTest
) -> None:
    standin.write_warehouse(tmp_path)
    code, printed, errors = command("train", tmp_path)
    assert (code, errors) == (0, "")
    assert re.search(r"after_qualifying +podium +plackett_luce +0\.2000 +0\.2500", printed)
    assert re.search(r"after_qualifying +podium +lightgbm +0\.2100", printed)
    assert "Version 1 of the model is the champion. Next: `make predict`, `make serve`.\n" in printed
    [file] = files(tmp_path)
    assert f"The backtest is in {tmp_path / 'predictions' / file};" in printed
    rows = ledger_rows(tmp_path)
    assert rows["is_backtest"].all()
    assert rows["model_version"].n_unique() == rows["predicted_at"].n_unique() == 1
    assert rows["model_version"].str.starts_with("backtest-").all()
    counts = dict(rows.group_by("model").len().iter_rows())
    # Races, drivers, moments, targets.
    assert counts == {"plackett_luce": 16 * 6 * 2 * 2, "lightgbm": 16 * 6 * 2 * 2, "title_simulation": 6}
    through = rows.filter(model="lightgbm").group_by("season").agg(pl.col("trained_through").unique())
    found = {row["season"]: list(map(str, row["trained_through"])) for row in through.to_dicts()}
    assert found == {2022: ["2021-07-05"], 2023: ["2022-07-05"]}


def test_train_says_why_a_model_is_not_the_champion(
    data: Path, command: Command, backtest: standin.StandInTest
) -> None:
    reason = backtest.break_bar()
    code, printed, errors = command("train", data)
    assert (code, errors) == (0, "")
    assert f"Version 2 of the model is not the champion: {reason}.\n" in printed


def test_the_next_race_is_predicted_and_written_down(data: Path, command: Command) -> None:
    before = files(data)
    code, printed, errors = command("predict", data)
    assert (code, errors) == (0, "")
    lines = printed.splitlines()
    assert lines[0] == "2023 round 8, 8. Grand Prix, before weekend:"
    assert lines[2].split() == ["driver", "win", "%", "podium", "%", "points", "%", "classified", "%"]
    assert [line[0] for line in lines[3:9]] == list("123456")
    assert lines[3].split()[1:3] == ["Ada", "Lovelace"]
    assert sum(float(line.split()[3]) for line in lines[3:9]) == pytest.approx(100, abs=0.3)
    assert "after qualifying" not in printed
    assert "\nTitle: Ada Lovelace 75.0 %, Emmy Noether 25.0 %, Sofja Kowalewskaja <0.1 %.\n" in printed
    [file] = files(data) - before
    assert f"Written to {data / 'predictions' / file}, by version 1 of the model;" in printed
    assert "The race was to start on 2023-06-21, so this forecast does not count in the scores." in printed
    rows = ledger_rows(data).filter(~pl.col("is_backtest"))
    assert rows.height == 6 * 5
    assert dict(rows.group_by("target").len().iter_rows())["title"] == 6
    assert rows["predicted_at"].n_unique() == 1
    assert rows.row(0, named=True) == {
        "season": 2023,
        "round": 8,
        "circuit_ref": "ring",
        "driver_ref": "lovelace",
        "known_at": "before_weekend",
        "target": "win",
        "probability": rows["probability"][0],
        "model": "plackett_luce",
        "model_version": "1",
        "trained_through": rows["trained_through"][0],
        "predicted_at": rows["predicted_at"][0],
        "is_backtest": False,
    }
    assert str(rows["trained_through"][0]) == "2023-06-07"
    assert float(rows.filter(target="win")["probability"].sum()) == pytest.approx(1)


def test_the_grid_of_the_source_is_used(data: Path, command: Command) -> None:
    standin.write_warehouse(data, has_qualifying=True)
    code, printed, _ = command("predict", data)
    assert code == 0
    assert printed.index("before weekend") < printed.index("after qualifying")
    assert set(ledger_rows(data).filter(~pl.col("is_backtest"))["known_at"]) == {
        "before_weekend",
        "after_qualifying",
    }


def write_grid(data: Path, text: str) -> Path:
    """Write a grid into a file. `{all}` stands for all lines of a good one."""
    slots = ("pit", 1, 2, 3, 4, 5)
    lines = "\n".join(f"{ref},{slot}" for ref, slot in zip(standin.REFS, slots, strict=True))
    path = data / "grid.csv"
    path.write_text(text.replace("{all}", lines), encoding="utf-8")
    return path


def test_a_given_grid_is_used(data: Path, command: Command) -> None:
    grid = write_grid(data, "\ufeffdriver,grid\n{all}\n".replace("noether", "Emmy Noether"))
    code, printed, errors = command("predict", data, "--grid", grid, "--race", "2023-9")
    assert (code, errors) == (0, "")
    table = printed.partition("after qualifying")[2].splitlines()
    assert table[3].split()[:4] == ["1", "Emmy", "Noether", "1"]
    [pit] = [line for line in table if "Ada Lovelace" in line]
    assert pit.split()[3] == "pit"
    rows = ledger_rows(data).filter(~pl.col("is_backtest"))
    assert set(rows["round"]) == {9}
    # It is not the next race.
    assert "title" not in set(rows["target"])
    assert "Title" not in printed


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "driver,grid\n{all}\nfangio,6\n",
            "driver 'fangio' is no entrant; the entrants of 2023 round 8 are lovelace, noether, ",
        ),
        ("driver,grid\n{all}\nabel,6\n", "driver 'abel' is repeated"),
        ("driver,grid\nabel,1\n", "a row is missing for lovelace, noether, kowalewskaja, galois, gauss"),
        ("grid,driver\n1.5,abel\n", "a row is missing for"),
        ("driver,place\n{all}\n", "the columns must be driver and grid"),
        ("", "the columns must be driver and grid"),
        ("driver,grid\n{all},7\n", "a line has not two values"),
        ("driver,grid\nabel\n", "a line has not two values"),
        ('driver,grid\n"abel,1\n', "unexpected end of data"),
    ],
)
def test_a_wrong_grid_is_reported_and_nothing_is_written(
    data: Path, command: Command, text: str, reason: str
) -> None:
    before = files(data)
    grid = write_grid(data, text)
    code, printed, errors = command("predict", data, "--grid", grid)
    assert (code, printed, errors.count("\n")) == (2, "", 1)
    assert errors.startswith(f"predict: {grid}: {reason}")
    assert files(data) == before


@pytest.mark.parametrize(("slot", "with_slot"), [("3", "2"), ("1.5", "1"), ("7", "1"), ("x", "1")])
def test_a_wrong_slot_is_reported(data: Path, command: Command, slot: str, with_slot: str) -> None:
    grid = write_grid(data, "driver,grid\n{all}\n")
    grid.write_text(grid.read_text().replace(f",{with_slot}\n", f",{slot}\n"))
    code, _, errors = command("predict", data, "--grid", grid)
    assert (code, errors.count("\n")) == (2, 1)
    assert f"grid slot {slot} is given to more than one driver" in errors or (
        f"grid {slot!r} is no slot" in errors or f"grid {slot} is no slot" in errors
    )


def test_a_grid_that_cannot_be_read_is_reported(data: Path, command: Command) -> None:
    code, _, errors = command("predict", data, "--grid", data / "none.csv")
    assert (code, errors) == (2, f"predict: {data / 'none.csv'}: No such file or directory\n")
    (data / "grid.csv").write_bytes(b"driver,grid\nP\xe9rez,1\n")
    code, _, errors = command("predict", data, "--grid", data / "grid.csv")
    assert (code, errors.count("\n")) == (2, 1)
    assert errors.startswith(f"predict: {data / 'grid.csv'}: 'utf-8' codec")


def no_warehouse(data: Path) -> None:
    (data / "warehouse.duckdb").unlink()


def old_warehouse(data: Path) -> None:
    with duckdb.connect(data / "warehouse.duckdb") as connection:
        connection.execute("drop table marts.fct_race_features")


def damaged_warehouse(data: Path) -> None:
    (data / "warehouse.duckdb").write_bytes(b"no database" * 1000)


def no_scheduled_race(data: Path) -> None:
    standin.write_warehouse(data, scheduled=0)


def no_registry(data: Path) -> None:
    shutil.rmtree(data / "mlflow")


def no_champion(data: Path) -> None:
    from pitwall.prediction import tracking

    with tracking.opened(data) as client:
        client.delete_registered_model_alias("pitwall", "champion")


def deleted_registry(data: Path) -> None:
    from pitwall.prediction import tracking

    with tracking.opened(data) as client:
        client.delete_registered_model("pitwall")


@pytest.mark.parametrize(
    ("breaks", "reason"),
    [
        (no_warehouse, "warehouse.duckdb: there is no warehouse yet; run `make build` first"),
        (old_warehouse, "lacks a table or column, since an earlier version built it; run `make build` again"),
        (damaged_warehouse, "warehouse.duckdb: cannot be read, and no other file has the history of revised"),
        (
            no_scheduled_race,
            "no race is scheduled after the last one with results; run `make build` with newer data",
        ),
        (no_registry, "mlflow: there is no model yet; run `make train` first"),
        (no_champion, "no model has passed the gate, so there is no @champion"),
        (deleted_registry, "no model has passed the gate, so there is no @champion"),
    ],
)
def test_what_is_missing_is_reported_and_nothing_is_written(
    data: Path, command: Command, breaks: Callable[[Path], None], reason: str
) -> None:
    breaks(data)
    before = files(data)
    code, printed, errors = command("predict", data)
    assert (code, printed, errors.count("\n")) == (2, "", 1), errors
    assert errors.startswith("predict: ")
    assert reason in errors
    assert files(data) == before


@pytest.mark.parametrize(
    ("race", "reason"),
    [
        ("2023-1", "2023-1: has results already, and a forecast is made before the race"),
        ("2023-10", "2023-10: the calendar has no such race; name one as SEASON-ROUND"),
        ("2023-5", "2023-5: was cancelled: a later race has results, and this one has none"),
        ("next", "argument --race: 'next' is no race; give its season and round, as 2025-19"),
        ("2023-\u0661", "is no race; give its season and round"),
    ],
)
def test_a_race_that_cannot_be_predicted_is_refused(
    data: Path, command: Command, race: str, reason: str
) -> None:
    with duckdb.connect(data / "warehouse.duckdb") as connection:
        connection.execute("update marts.dim_races set is_held = false where season = 2023 and round = 5")
    code, _, errors = command("predict", data, "--race", race)
    assert (code, errors.count("\n")) == (2, 1)
    assert reason in errors


def without_a_column(data: Path) -> None:
    with duckdb.connect(data / "warehouse.duckdb") as connection:
        connection.execute("alter table marts.fct_race_features drop points_places")


@pytest.mark.parametrize("breaks", [no_warehouse, old_warehouse, without_a_column])
def test_train_reports_a_warehouse_that_it_cannot_use(
    data: Path, command: Command, breaks: Callable[[Path], None]
) -> None:
    breaks(data)
    code, _, errors = command("train", data)
    assert (code, errors.count("\n")) == (2, 1)
    assert "`make build`" in errors


def test_too_little_history_is_reported_and_nothing_is_written(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a simulated championship. The backtest is the real one."""
    from pitwall.prediction import walk_forward

    monkeypatch.undo()
    monkeypatch.setattr("pitwall.prediction.title.test", lambda _: None)
    standin.write_warehouse(tmp_path)
    code, printed, errors = command("train", tmp_path)
    assert walk_forward.run.__module__ == "pitwall.prediction.walk_forward"
    assert (code, printed) == (2, "")
    assert errors == (
        "train: only 0 races from 1985 on have results before 2020, and the model needs 30 to learn from; "
        "build from the real files\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["warehouse.duckdb"]


def damaged_ledger(data: Path) -> None:
    [file] = (data / "predictions").glob("*.parquet")
    file.write_bytes(b"no Parquet")


def damaged_store(data: Path) -> None:
    (data / "mlflow" / "mlflow.db").write_bytes(b"no database" * 1000)


@pytest.mark.parametrize(
    ("breaks", "reason"),
    [
        (damaged_ledger, "parquet: damaged; put a good copy in its place, or move it out of predictions\n"),
        (damaged_store, "file is not a database; if it is damaged, move it away and run `make train`\n"),
    ],
)
def test_what_is_damaged_is_reported_before_the_work_and_nothing_is_written(
    data: Path,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    breaks: Callable[[Path], None],
    reason: str,
) -> None:
    def run(_: pl.DataFrame) -> None:
        raise AssertionError("the backtest was started")

    breaks(data)
    monkeypatch.setattr("pitwall.prediction.walk_forward.run", run)

    def contents() -> dict[Path, bytes]:
        # MLflow writes to other files too when a model is loaded.
        files = [path for path in data.rglob("*") if path.suffix == ".parquet" or path.name == "MLmodel"]
        return {path: path.read_bytes() for path in files}

    before = contents()
    for name in ("train", "predict"):
        code, printed, errors = command(name, data)
        assert (code, printed, errors.count("\n")) == (2, "", 1), errors
        assert errors.endswith(reason)
    assert contents() == before


def test_a_season_that_has_not_begun_is_predicted(data: Path, command: Command) -> None:
    standin.write_warehouse(data, scheduled=standin.ROUNDS)
    code, printed, _ = command("predict", data)
    assert (code, printed.partition(",")[0]) == (0, "2023 round 1")


def test_without_a_scheduled_race_the_model_knows_the_entrants_of_the_last(
    tmp_path: Path, command: Command
) -> None:
    standin.write_warehouse(tmp_path, scheduled=0)
    assert command("train", tmp_path)[0] == 0
    [file] = (tmp_path / "mlflow").rglob("entrants.json")
    assert {row["round"] for row in json.loads(file.read_text())} == {9}


def test_a_debutant_of_a_new_team_is_predicted(data: Path, command: Command) -> None:
    """Nothing is known of them, and they have no time in qualifying."""
    standin.write_warehouse(data, has_qualifying=True)
    with duckdb.connect(data / "warehouse.duckdb") as connection:
        connection.execute(
            "update marts.fct_race_features set championship_place = null, grid = null where driver_id = 6"
        )
    code, _, errors = command("predict", data)
    assert (code, errors) == (0, "")
    rows = ledger_rows(data).filter(~pl.col("is_backtest"), driver_ref="gauss", target="win")
    assert rows.height == 2
    assert all(0 < chance < 1 / 6 for chance in rows["probability"])


def test_serve_reports_what_is_missing(data: Path, command: Command) -> None:
    no_champion(data)
    code, _, errors = command("serve", data, "--port", "0")
    assert (code, errors.count("\n")) == (2, 1)
    assert "there is no @champion" in errors
    with socket.create_server(("127.0.0.1", 0)) as server:
        code, _, errors = command("serve", data, "--port", str(server.getsockname()[1]))
    assert (code, errors.count("\n")) == (2, 1)
    assert "Address already in use; name another with PORT=number" in errors


def test_serve_answers_until_it_is_ended(data: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, ROOT / "scripts" / "serve.py", "--port", "0"],
        env={**os.environ, "PITWALL_DATA": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        line = process.stdout.readline()
        address = re.fullmatch(
            r"Version 1 of the model answers at (http://127\.0\.0\.1:\d+)/invocations\. Ctrl-C ends it\.\n",
            line,
        )
        assert address, line
        with urllib.request.urlopen(f"{address[1]}/ping", timeout=30) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert (process.returncode, errors) == (130, "serve: interrupted\n")
    finally:
        process.kill()
        process.communicate()


# MLflow's server, without MLflow: it has a child, as that has, and answers.
SERVER = f"""#!{sys.executable}
import http.server, subprocess, sys
options = dict(zip(sys.argv[2::2], sys.argv[3::2]))
child = subprocess.Popen(["sleep", "600"])
open("child", "w").write(str(child.pid))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
if options["--port"] == "{{broken}}":
    sys.exit("no such table")
http.server.HTTPServer((options["--host"], int(options["--port"])), Handler).serve_forever()
"""


@pytest.fixture
def free_port() -> str:
    """A port on which no server listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


def start_pages(data: Path, port: str, *, is_broken: bool = False) -> "subprocess.Popen[str]":
    """Start show_runs.py with the stand-in of the server."""
    program = data / "mlflow_server"
    program.write_text(SERVER.replace("{broken}", port if is_broken else ""), encoding="utf-8")
    program.chmod(0o755)
    code = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[1]); import show_runs\n"
        "show_runs.PROGRAM = pathlib.Path(sys.argv[2])\n"
        "sys.argv = ['show_runs.py', '--port', sys.argv[3]]\n"
        "sys.exit(show_runs.main())"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, ROOT / "scripts", program, port],
        env={**os.environ, "PITWALL_DATA": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def is_running(process: int) -> bool:
    """Whether a process runs, and is no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_pages_of_mlflow_leave_no_process_behind(
    data: Path, free_port: str, number: signal.Signals
) -> None:
    process = start_pages(data, free_port)
    try:
        assert process.stdout
        line = process.stdout.readline()
        address = f"http://127.0.0.1:{free_port}/#/experiments/1/runs?workflowType=machine_learning"
        assert line == f"The runs: {address}\n"
        child = int((data / "mlflow" / "child").read_text())
        assert is_running(child)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
        assert (process.returncode, errors) == (130, "mlflow: interrupted\n")
        assert not is_running(child)
    finally:
        process.kill()
        process.communicate()


def test_pages_that_do_not_start_are_reported(data: Path, free_port: str) -> None:
    process = start_pages(data, free_port, is_broken=True)
    printed, errors = process.communicate(timeout=60)
    assert (process.returncode, printed) == (2, "")
    assert errors == "mlflow: MLflow does not start: no such table\n"
    assert not is_running(int((data / "mlflow" / "child").read_text()))


def test_pages_without_runs_are_refused(tmp_path: Path, free_port: str) -> None:
    process = start_pages(tmp_path, free_port)
    printed, errors = process.communicate(timeout=60)
    assert (process.returncode, printed) == (2, "")
    assert errors == f"mlflow: {tmp_path / 'mlflow'}: there are no runs yet; run `make train` first\n"
