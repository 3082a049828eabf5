"""Run the DAG once, in a process of its own, and print the state of every task as JSON in the last line.

Usage: run_dag.py CONF [LOGICAL_DATE]
"""

import importlib
import json
import os
import sys
import time
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

warnings.simplefilter("ignore")

import pendulum  # noqa: E402
from airflow.dag_processing.dagbag import BundleDagBag  # noqa: E402
from airflow.sdk import DAG, TaskGroup  # noqa: E402
from airflow.serialization.serialized_objects import DagSerialization  # noqa: E402

DAGS = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])


def load() -> DAG:
    """The DAG, as the DAG processor loads it."""
    bag = BundleDagBag(str(DAGS), bundle_path=DAGS, bundle_name="dags-folder", safe_mode=True)
    if bag.import_errors:
        sys.exit(json.dumps(bag.import_errors, indent=1))
    return bag.dags["pitwall_after_race"]


def about() -> dict[str, Any]:
    """What the DAG is, as Airflow sees it after it was stored and read again."""
    # Airflow's own programs have imported these before they read the first DAG.
    importlib.import_module("cosmos.airflow.task_group")
    importlib.import_module("cosmos.plugin.airflow3")
    started = time.process_time()
    dag = load()
    seconds = time.process_time() - started
    stored = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))
    first, last = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    runs = stored.iter_dagrun_infos_between(pendulum.instance(first), pendulum.instance(last))
    return {
        "parse_seconds": seconds,
        "runs": [info.logical_date.isoformat() for info in runs] if stored.timetable.can_be_scheduled else [],
        "max_active_runs": stored.max_active_runs,
        "catchup": stored.catchup,
        "assets": [asset.uri for asset in dag.get_task("report_changes").outlets],
        "tasks": {
            task.task_id: {
                "pool": task.pool,
                "retries": task.retries,
                "grows": bool(task.retry_exponential_backoff),
                "dbt": str(getattr(task, "dbt_executable_path", "")),
            }
            for task in dag.tasks
        },
    }


def main() -> None:
    """Run it."""
    dag = load()
    # dag.test() runs one task after the other. A sensor before the build would wait for it forever.
    build = dag.get_task("dbt.dbt_producer_watcher")
    group: TaskGroup = dag.task_group.children["dbt"]
    for task in group.iter_tasks():
        if task is not build and build.task_id not in task.upstream_task_ids:
            build >> task
            if os.environ.get("SENSORS_RUN"):  # as they do in Airflow, where they are not after the build
                task.trigger_rule = "all_done"
    when = datetime.fromisoformat(sys.argv[2]) if len(sys.argv) > 2 else None
    run = dag.test(run_conf=json.loads(sys.argv[1]), logical_date=when)
    tasks = {each.task_id: str(each.state) for each in run.get_task_instances()}
    tries = {each.task_id: each.try_number for each in run.get_task_instances()}
    print()
    print(json.dumps({"run": str(run.state), "tasks": tasks, "tries": tries}))


if __name__ == "__main__":
    main()
