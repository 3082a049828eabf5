"""The DAG in Airflow, with stand-ins for the project's commands."""

import json
import re
import subprocess
import time
from pathlib import Path

import pytest
from conftest import MODELS, Alerts, StandIn, builds

DONE = ["success", "skipped"]
SLOW_BUILD = """
import signal
(root / "pid").write_text(str(os.getpid()))
while True:
    time.sleep(0.1)
"""


def states(tasks: dict[str, str], *wanted: str) -> set[str]:
    """The tasks that are in one of these states."""
    return {task for task, state in tasks.items() if state in wanted}


def test_all_stages_run_in_order(project: StandIn) -> None:
    result = project.run(publish_to="/srv/pitwall")
    assert result.run == "success"
    assert states(result.tasks, "success") == set(result.tasks) - {"nothing_new"}
    assert project.called() == [
        "fetch.py",
        "convert_input.py",
        "whats_new.py",
        "build.py",
        "last_build.py",
        "train.py",
        "predict.py",
        "build.py",
        "release.py",
        "publish.py",
        "whats_new.py",
    ]
    arguments = [arguments for _, arguments, _ in project.calls()]
    engine = ["--engine", "duckdb"]
    assert arguments == [
        [],
        ["--", str(project.data / "raw" / "ergast.zip")],
        ["--json", *engine],
        engine,
        ["--json", *engine],
        [],
        [],
        engine,
        ["--only-changes"],
        ["/srv/pitwall"],
        [*engine, "--completed", "f00d"],
    ]
    assert project.calls()[3][2]["PITWALL_LOG"] == "json", "Cosmos reads the events"
    for _, _, environment in project.calls():
        assert environment["PITWALL_DATA"] == str(project.data)
        assert environment["PITWALL_END_WITH_PARENT"] == "1", "a killed task leaves nothing behind"
    assert "success dim_races" in result.output
    assert "Building the warehouse with dbt" in result.output


def test_nothing_new_builds_nothing_and_says_so(project: StandIn) -> None:
    project.news(is_new=False, message="nothing new: real files to 9 Mar 2025.")
    result = project.run()
    assert result.run == "success"
    assert result.tasks["nothing_new"] == "success"
    assert "nothing new: real files to 9 Mar 2025." in result.output
    assert project.called() == ["fetch.py", "convert_input.py", "whats_new.py"]
    looked = {"fetch", "convert", "look_for_news", "check_freshness", "nothing_new", "continue_if_new"}
    assert states(result.tasks, "skipped") == set(result.tasks) - looked


def test_a_stale_source_is_reported_and_new_data_are_built(project: StandIn, alerts: Alerts) -> None:
    text = "new: real files. stale: the Third Grand Prix was 20 days ago"
    project.news(is_stale=True, message=text)
    result = project.run()
    assert result.run == "failed"
    assert states(result.tasks, "failed") == {"check_freshness"}
    assert result.tries["check_freshness"] == 1, "another look would find the same"
    assert result.tasks["complete"] == "success"
    assert alerts.texts() == [f"Pitwall: check_freshness failed\n{text}"]


def test_what_can_heal_is_tried_again(project: StandIn, alerts: Alerts) -> None:
    """The source is down and comes back; then another run holds the lock for a while."""
    down = "print('fetch: http://127.0.0.1/x: no answer', file=sys.stderr); sys.exit(75)"
    project.answer("fetch.py", down, down, "")
    busy = "print('build: another run is using this folder'); sys.exit(75)"
    project.answer("build.py", busy, busy, builds("stg_races"))
    result = project.run()
    assert result.run == "success"
    assert result.tries["fetch"] == 3
    assert "fetch: http://127.0.0.1/x: no answer" in result.output
    assert project.called()[:4] == ["fetch.py", "fetch.py", "fetch.py", "convert_input.py"]
    # Cosmos cannot start a build twice, so its wrapper does.
    assert project.called().count("build.py") == 4
    assert result.tries["dbt.dbt_producer_watcher"] == 1
    assert "Trying again in 0.1 seconds." in result.output
    assert "Trying again in 0.2 seconds." in result.output
    assert alerts.texts() == []


def test_a_build_that_cannot_start_fails_in_the_end(project: StandIn, alerts: Alerts) -> None:
    project.variables["PITWALL_RETRY_SECONDS"] = "0.02"
    busy = "print('build: another run is using this folder'); sys.exit(75)"
    project.answer("build.py", "for number in range(40):\n    print('line', number)\n" + busy)
    result = project.run()
    assert result.tasks["dbt.dbt_producer_watcher"] == "failed"
    assert project.called().count("build.py") == 6
    assert "last_build.py" not in project.called()
    [text] = alerts.texts()
    last = [f"line {number}" for number in range(11, 40)]
    assert text.splitlines()[1:] == [*last, "build: another run is using this folder"]


def test_what_cannot_heal_is_not_tried_again(project: StandIn, alerts: Alerts) -> None:
    """The text in the alert comes from data: it is no template, and no HTML."""
    (project.data / "airflow" / "cause.txt").write_text("of an earlier build")
    project.answer(
        "convert_input.py",
        "sys.stdout.buffer.write(b'not \\xff UTF-8\\n')\n"
        "print('csv_to_parquet: 3 unfit rows (<b>{{ 7 * 7 }})', flush=True); sys.exit(2)",
    )
    result = project.run()
    assert (result.run, result.tries["convert"]) == ("failed", 1)
    assert project.called() == ["fetch.py", "convert_input.py"]
    assert alerts.texts() == ["Pitwall: convert failed\ncsv_to_parquet: 3 unfit rows (<b>{{ 7 * 7 }})"]
    [(sender, receivers, subject, text)] = alerts.mails
    assert (sender, receivers) == ("pitwall@example.org", ["pit@example.org"])
    assert subject == "Pitwall: convert failed"
    assert "3 unfit rows (&lt;b&gt;{{ 7 * 7 }})" in text


def test_an_alert_of_a_broken_rule_names_it_and_its_rows(project: StandIn, alerts: Alerts) -> None:
    """dbt has not reported the first model. Its sensor must not run dbt."""
    project.answer("build.py", builds("dim_races", fails="dim_races", code=2))
    result = project.run(sensors_run=True)
    assert result.run == "failed"
    assert {"dbt.dbt_producer_watcher", "dbt.stg_races_run"} <= states(result.tasks, "failed")
    assert project.called().count("build.py") == 1, "a broken rule does not heal"
    assert "last_build.py" not in project.called()
    [text] = alerts.texts()
    assert text.startswith("Pitwall: dbt.dbt_producer_watcher failed\n")
    for words in (
        "error dim_races",
        "not_null_dim_races",
        "race_id\n1109",
        "the last good warehouse is unchanged",
    ):
        assert words in text
    assert len(alerts.mails) == 1


def test_revised_results_and_tables_that_shrank_are_reported(project: StandIn, alerts: Alerts) -> None:
    tables = [
        table("marts", "fct_laps", 1000, 900),
        table("marts", "fct_gone", 20, None),
        table("marts", "dim_races", 90, 91),
        table("quality", "source_anomalies", 9, 8),
    ]
    row = {"season": 2025, "race_name": "Italian Grand Prix", "driver_name": "A Driver"}
    revision = row | {"revised_column": "position", "value_before": "1", "value_after": None}
    last = {"tables": tables, "revisions": [revision]}
    project.answer("last_build.py", f"print({json.dumps(last)!r})")
    result = project.run()
    assert result.run == "success"
    [text] = alerts.texts()
    assert text.splitlines() == [
        "Pitwall: the data changed in a way that is worth a look",
        "Tables that shrank:",
        "fct_laps: 1,000 to 900 rows",
        "fct_gone: 20 to 0 rows",
        "Published results that the source revised:",
        "2025 Italian Grand Prix, A Driver: position from 1 to NULL",
    ]


def table(schema: str, name: str, before: int, after: int | None) -> dict[str, object]:
    """What last_build.py says of a table."""
    counts = {"rows_before": before, "rows_after": after, "rows_added": (after or 0) - before}
    return {"table_schema": schema, "table_name": name} | counts


@pytest.mark.slow
def test_an_address_no_next_race_and_models_that_stay(project: StandIn) -> None:
    """A model that dbt does not build again is green. Its sensor would wait for its report for days."""
    project.news(next_race="")
    project.answer("build.py", builds("fct_results"))
    address = "https://example.org/data.zip?key=a-secret"
    result = project.run(source=address)
    assert result.run == "success"
    assert {result.tasks[f"dbt.{name}_run"] for name, *_ in MODELS} == {"success"}
    assert result.tasks["dbt.points_systems_seed"] == "success"
    assert "dim_races is as it was" in result.output
    archive = str(project.data / "raw" / "ergast.zip")
    assert project.calls()[0][1] == ["--url", address, archive]
    assert "Running scripts/fetch.py ..." in result.output
    assert "a-secret" not in result.output
    assert project.calls()[1][1] == ["--", archive]
    assert (result.tasks["train"], result.tasks["predict"]) == ("success", "skipped")
    assert (result.tasks["release"], result.tasks["publish"]) == ("success", "skipped")
    assert result.tasks["complete"] == "success"


@pytest.mark.slow
def test_on_postgres_with_a_lake(project: StandIn) -> None:
    result = project.run(
        engine="postgres",
        lake="s3://bucket/prefix",
        source="/srv/files",
        also="/srv/dump.zip",
        publish_to="/srv/www",
    )
    assert result.run == "success"
    assert {"fetch", "train", "predict", "release", "publish"} <= states(result.tasks, "skipped")
    assert result.tasks["complete"] == "success"
    calls = project.calls()
    assert [arguments for name, arguments, _ in calls if name == "build.py"] == [["--engine", "postgres"]] * 2
    assert {environment["PITWALL_LAKE"] for *_, environment in calls} == {"s3://bucket/prefix"}
    assert calls[0][:2] == ["convert_input.py", ["--also=/srv/dump.zip", "--", "/srv/files"]]


def test_a_simulated_championship_is_not_learned_from(project: StandIn) -> None:
    project.news(is_simulated=True, next_race="")
    result = project.run(source="simulator")
    assert result.run == "success"
    assert {"train", "predict"} <= states(result.tasks, "skipped")
    assert result.tasks["release"] == "success"
    assert project.calls()[0][1] == ["--", str(project.data / "raw" / "simulated")]


@pytest.mark.slow
def test_without_connections_there_are_no_alerts_and_no_errors(project: StandIn) -> None:
    project.answer("convert_input.py", "sys.exit(2)")
    result = project.run()
    assert result.run == "failed"
    assert "an alert could not be sent" not in result.output


@pytest.mark.slow
def test_a_place_that_cannot_be_reached_stops_no_other(project: StandIn, alerts: Alerts) -> None:
    mail = json.loads(project.variables["AIRFLOW_CONN_PITWALL_SMTP"])
    project.variables["AIRFLOW_CONN_PITWALL_SMTP"] = json.dumps(mail | {"port": 9})
    project.answer("convert_input.py", "sys.exit(2)")
    assert "an alert could not be sent" in project.run().output
    assert alerts.texts() == ["Pitwall: convert failed\nconvert_input.py: it printed nothing"]


def test_an_alert_of_a_killed_task(project: StandIn, alerts: Alerts) -> None:
    project.ask("alert_of_killed_task", "release")
    assert alerts.texts() == ["Pitwall: release failed\nit was killed, or never started"]


def test_parameters_are_checked_and_the_environment_sets_their_defaults(project: StandIn) -> None:
    good = [{"source": "/srv/files"}, {"engine": "postgres"}, {"lake": "s3://bucket/prefix"}]
    good.append({"also": "/srv/dump.zip"})
    bad = [{"source": ""}, {"engine": "oracle"}, {"lake": "bucket/prefix"}, {"publish_to": 3}, {"also": ""}]
    assert project.ask("refused", good + bad) == bad
    default = {"source": "archive", "also": None, "engine": "duckdb", "lake": None, "publish_to": None}
    assert project.about()["params"] == default
    own = {"source": "/srv/files", "also": "/srv/dump.zip", "engine": "postgres", "lake": "s3://b/p"}
    own["publish_to"] = "/srv/www"
    project.variables.update({f"PITWALL_{name.upper()}": value for name, value in own.items()})
    assert project.about()["params"] == own


def test_a_killed_task_leaves_no_build_behind(project: StandIn) -> None:
    """The stand-in ends as build.py does: when its parent has."""
    cause = project.data / "airflow" / "cause.txt"
    cause.write_text("of an earlier build")
    project.answer("build.py", WATCHES_PARENT + SLOW_BUILD)
    process = project.start().process
    pid = project.folder / "pid"
    deadline = time.monotonic() + 120
    while not pid.exists() and process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.1)
    build = int(pid.read_text())
    process.kill()
    process.join()
    while is_alive(build) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_alive(build)
    assert not cause.exists()
    project.answer("build.py", builds("stg_races"))
    assert project.run().run == "success"


WATCHES_PARENT = """
import threading, signal
def watch(parent=os.getppid()):
    while os.getppid() == parent:
        time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=watch, daemon=True).start()
"""


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for yet does not."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
    return bool(listed.strip()) and not listed.startswith("Z")


def test_the_dag_as_airflow_sees_it(project: StandIn) -> None:
    dag = project.about()
    assert dag["parse_seconds"] < 2
    # Two runs after each race: four hours after its start, and a day later.
    assert dag["runs"] == [
        f"2025-03-{day:02}T19:00:00+00:00" for first in (2, 9, 16) for day in (first, first + 1)
    ]
    assert dag["max_active_runs"] == 1
    assert not dag["catchup"]
    assert dag["assets"] == ["pitwall://marts/dim_races", "pitwall://marts/fct_results"]
    tasks = dag["tasks"]
    assert {f"dbt.{name}_run" for name, *_ in MODELS} <= set(tasks)
    build, built = "dbt.dbt_producer_watcher", "dbt.dbt_producer_watcher_done"
    watching = {name for name in tasks if name.startswith("dbt.")} - {build, built}
    looking = {"check_freshness", "nothing_new", "continue_if_new"}
    for name in watching:
        assert tasks[name]["dbt"] == "/bin/false", "a sensor must never run dbt"
        assert tasks[name]["retries"] == 0
        assert not tasks[name]["deferrable"]
    for name in set(tasks) - watching - looking - {built}:
        assert (tasks[name]["pool"], tasks[name]["slots"]) == ("pitwall", 1), f"{name} writes"
        if name != build:
            assert tasks[name]["retries"] == 5
            assert tasks[name]["grows"]
            assert tasks[name]["pauses"] == [0.2, 3600]
            assert tasks[name]["weight"] == tasks["fetch"]["weight"]
    assert tasks["fetch"]["weight"][0] > 100, "before the sensors"
    assert tasks["report_changes"]["after"] == [built], "not after all sensors"
    assert [name for name, task in tasks.items() if task["outlets"]] == ["report_changes"]


def test_without_a_calendar_the_dag_runs_by_hand_only(project: StandIn) -> None:
    project.calendar([])
    assert project.about()["runs"] is None
    (project.data / "parquet" / "calendar.json").write_text("[")
    assert project.about()["runs"] is None
    (project.data / "parquet" / "calendar.json").unlink()
    assert project.about()["runs"] is None


def test_no_rule_of_the_project_is_in_the_dag() -> None:
    """It calls commands: it imports nothing of the package, and names only scripts that exist."""
    root = Path(__file__).resolve().parents[2]
    for path in (root / "dags").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(?m)^\s*(from|import) pitwall(\.| )", text), path
        for script in re.findall(r'"(\w+\.py)"', text):
            assert (root / "scripts" / script).exists() or (root / "dags" / script).exists(), script
