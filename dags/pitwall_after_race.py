"""The DAG `pitwall_after_race`: after each race, look for new data, build, predict, release, publish.

Each stage calls a command of the project. No rule of the data is here. Airflow has an environment of its own,
without dbt: `scripts/build.py` runs dbt, under its lock, and replaces the warehouse. Cosmos only shows what
dbt reports, as a task per model.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.sdk import DAG, Asset, Param, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.timetables.events import EventsTimetable
from cosmos import DbtTaskGroup, ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from cosmos.constants import ExecutionMode, InvocationMode, LoadMode, TestBehavior
from pitwall_alerts import alert, alert_of_failure
from pitwall_stages import CAUSE, DATA, ROOT, setting, stage, variables

AFTER_START = timedelta(hours=4)  # a race, with all that can stop it, is over
CORRECTIONS = timedelta(days=1)  # results are often corrected on the day after
MANIFEST = DATA / "airflow" / "target" / "manifest.json"
POOL = "pitwall"  # one slot, for all that writes into the data folder
GROUP = "dbt"
# Only a command that ends with exit code 75 is started again: see pitwall_stages.
RETRIES = {
    "retries": 5,
    "retry_delay": timedelta(seconds=float(setting("RETRY_SECONDS", "60"))),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(hours=1),
}
# After dbt, do not wait until all sensors have looked.
SOON = {"priority_weight": 1000, "weight_rule": "absolute"}
WRITES = {"pool": POOL, **RETRIES, **SOON, "on_failure_callback": alert_of_failure}
IS_URL = ("http://", "https://")


def timetable() -> EventsTimetable | None:
    """When to run: after each race of the calendar that the last conversion wrote, and a day later."""
    try:
        calendar = json.loads((DATA / "parquet" / "calendar.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    starts = [datetime.fromisoformat(race["starts_at"]) for race in calendar]
    events = [start + AFTER_START + later for start in starts for later in (timedelta(0), CORRECTIONS)]
    return EventsTimetable(events, description="after each race, and a day later") if events else None


def marts() -> list[Asset]:
    """The tables of the warehouse that people query, as assets that other DAGs can wait for."""
    nodes = json.loads(MANIFEST.read_text(encoding="utf-8"))["nodes"].values()
    names = [node["name"] for node in nodes if node["resource_type"] == "model" and node["schema"] == "marts"]
    return [
        Asset(name=f"pitwall.marts.{name}", uri=f"pitwall://marts/{name}", group="pitwall")
        for name in sorted(names)
    ]


def raw_of(source: str) -> str:
    """The input of the conversion."""
    if source == "simulator":
        return str(DATA / "raw" / "simulated")
    if source == "archive" or source.startswith(IS_URL):
        return str(DATA / "raw" / "ergast.zip")
    return source


with DAG(
    "pitwall_after_race",
    schedule=timetable(),
    start_date=datetime(2021, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    tags=["pitwall"],
    params={
        "source": Param(
            setting("SOURCE", "archive"),
            type="string",
            minLength=1,
            title="Where the data come from",
            description_md="`archive` is the public one, `simulator` makes a championship. "
            "Or a folder, a zip, or the address of a zip.",
        ),
        "also": Param(
            setting("ALSO") or None,
            type=["null", "string"],
            minLength=1,
            title="A second source",
            description_md="A dump of jolpica-f1 that fills what the source lacks: a folder, a zip, "
            "the address of a zip, or nothing.",
        ),
        "engine": Param(
            setting("ENGINE", "duckdb"), enum=["duckdb", "postgres"], title="The engine of the warehouse"
        ),
        "lake": Param(
            setting("LAKE") or None,
            type=["null", "string"],
            pattern="^s3://.+$",
            title="The lake",
            description_md="`s3://bucket/prefix`, or nothing.",
        ),
        "publish_to": Param(
            setting("PUBLISH_TO") or None,
            type=["null", "string"],
            title="Where the release is published",
            description_md="A folder that a web server shows, `s3://bucket/prefix`, or nothing.",
        ),
    },
) as dag:

    @task(task_id="fetch", **WRITES)
    def fetch(params: dict) -> None:
        """Download the archive."""
        source = params["source"]
        if source != "archive" and not source.startswith(IS_URL):
            raise AirflowSkipException("this source needs no download")
        stage(params, "fetch.py", *([] if source == "archive" else ["--url", source, raw_of(source)]))

    @task(task_id="convert", trigger_rule="none_failed", **WRITES)
    def convert(params: dict) -> None:
        """Convert the raw files to Parquet, and check them."""
        also = [f"--also={params['also']}"] if params["also"] else []
        stage(params, "convert_input.py", *also, "--", raw_of(params["source"]))

    @task(task_id="look_for_news", **WRITES)
    def look_for_news(params: dict) -> dict:
        """Compare the data with those of the last completed run, and with the calendar."""
        news = json.loads(stage(params, "whats_new.py", "--json", "--engine", params["engine"]))
        print(news["message"])
        return news

    @task(task_id="check_freshness", on_failure_callback=alert_of_failure)
    def check_freshness(news: dict) -> None:
        """Fail if the source lacks a race that it should have by now."""
        if news["is_stale"]:
            raise AirflowFailException(news["message"])

    @task(task_id="nothing_new")
    def nothing_new(news: dict) -> str:
        """Green if there is nothing new, and nothing is built."""
        if news["is_new"]:
            raise AirflowSkipException(news["message"])
        return news["message"]

    @task.short_circuit(task_id="continue_if_new", ignore_downstream_trigger_rules=True)
    def continue_if_new(news: dict) -> bool:
        """Skip all that follows if there is nothing new."""
        return news["is_new"]

    dbt = DbtTaskGroup(
        group_id=GROUP,
        project_config=ProjectConfig(
            dbt_project_path=ROOT, manifest_path=MANIFEST, project_name="pitwall", install_dbt_deps=False
        ),
        profile_config=ProfileConfig(
            profile_name="pitwall", target_name="duckdb", profiles_yml_filepath=ROOT / "profiles.yml"
        ),
        render_config=RenderConfig(load_method=LoadMode.DBT_MANIFEST, test_behavior=TestBehavior.NONE),
        execution_config=ExecutionConfig(
            execution_mode=ExecutionMode.WATCHER,
            invocation_mode=InvocationMode.SUBPROCESS,
            # A sensor that has missed a report of dbt would run dbt. It must not: only build.py has the lock.
            dbt_executable_path="/bin/false",
            setup_operator_args={
                "dbt_executable_path": str(Path(__file__).with_name("build_for_cosmos.py")),
                "env": {
                    **variables({"lake": "{{ params.lake or '' }}"}),
                    "PITWALL_ENGINE": "{{ params.engine }}",
                    "PITWALL_LOG": "json",
                    "PITWALL_CAUSE": str(CAUSE),
                    "PITWALL_MANIFEST": str(MANIFEST),
                },
                "append_env": True,
                "pool": POOL,
                "on_failure_callback": alert_of_failure,
            },
        ),
        # A sensor that waits in its process starts once. One that is deferred starts twice, which costs more.
        operator_args={
            "emit_datasets": False,
            "retries": 0,
            "deferrable": False,
            "poke_interval": 3,
            "install_deps": False,
        },
    )

    @task(task_id="report_changes", outlets=marts(), **WRITES)
    def report_changes(params: dict) -> None:
        """Report tables that shrank, and published results that were revised. Now the marts are new."""
        last = json.loads(stage(params, "last_build.py", "--json", "--engine", params["engine"]))
        shrunk = [
            f"{table['table_name']}: {table['rows_before']:,} to {table['rows_after'] or 0:,} rows"
            for table in last["tables"]
            if table["table_schema"] == "marts" and table["rows_added"] < 0
        ]
        revised = [
            f"{row['season']} {row['race_name']}, {row['driver_name']}: {row['revised_column']} "
            f"from {row['value_before'] or 'NULL'} to {row['value_after'] or 'NULL'}"
            for row in last["revisions"]
        ]
        changes = [
            *(["Tables that shrank:", *shrunk] if shrunk else []),
            *(["Published results that the source revised:", *revised] if revised else []),
        ]
        for line in changes:
            print(line)
        if changes:
            alert("the data changed in a way that is worth a look", "\n".join(changes))

    def only_on_duckdb(params: dict) -> None:
        if params["engine"] != "duckdb":
            raise AirflowSkipException("predictions and releases are made from a warehouse on DuckDB")

    @task(task_id="train", **WRITES)
    def train(params: dict, news: dict) -> None:
        """Train the model of races, and test it season by season."""
        only_on_duckdb(params)
        if news["is_simulated"]:
            raise AirflowSkipException("a simulated championship is too short to learn from")
        stage(params, "train.py")

    @task(task_id="predict", **WRITES)
    def predict(params: dict, news: dict) -> None:
        """Predict the next race, and write it to the ledger."""
        only_on_duckdb(params)
        if not news["next_race"]:
            raise AirflowSkipException("the calendar has no next race")
        stage(params, "predict.py")

    @task(task_id="load_forecasts", trigger_rule="none_failed", **WRITES)
    def load_forecasts(params: dict) -> None:
        """Build what reads the ledger."""
        stage(params, "build.py", "--engine", params["engine"])

    @task(task_id="release", **WRITES)
    def release(params: dict) -> None:
        """Write the tables as files to take away, if one of them changed."""
        only_on_duckdb(params)
        stage(params, "release.py", "--only-changes")

    @task(task_id="publish", **WRITES)
    def publish(params: dict) -> None:
        """Copy the release to where readers find it."""
        if not params["publish_to"]:
            raise AirflowSkipException("no place to publish to is named")
        stage(params, "publish.py", params["publish_to"])

    @task(task_id="complete", trigger_rule="none_failed", **WRITES)
    def complete(params: dict, news: dict) -> None:
        """Remember that these data are done, so that they are not new for the next run."""
        stage(params, "whats_new.py", "--engine", params["engine"], "--completed", news["fingerprint"])

    news = look_for_news()
    fetch() >> convert() >> news
    check_freshness(news)
    nothing_new(news)
    done = dag.get_task(f"{GROUP}.dbt_producer_watcher_done")
    continue_if_new(news) >> dbt
    (
        done
        >> report_changes()
        >> train(news=news)
        >> predict(news=news)
        >> load_forecasts()
        >> release()
        >> publish()
        >> complete(news=news)
    )
