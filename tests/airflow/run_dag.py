"""Run the DAG once, in a process of its own, and print the state of every task as JSON in the last line.

Usage: run_dag.py CONF [LOGICAL_DATE]
"""

import json
import os
import sys
import warnings
from datetime import datetime
from pathlib import Path

warnings.simplefilter("ignore")

from airflow.dag_processing.dagbag import BundleDagBag
from airflow.sdk import TaskGroup

DAGS = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])


def load():
    """The DAG, as the DAG processor loads it."""
    bag = BundleDagBag(str(DAGS), bundle_path=DAGS, bundle_name="dags-folder", safe_mode=True)
    if bag.import_errors:
        sys.exit(json.dumps(bag.import_errors, indent=1))
    return bag.dags["pitwall_after_race"]


def main() -> None:
    """Run it."""
    dag = load()
    # dag.test() runs one task after the other. A sensor before the build would wait for it forever.
    build = dag.get_task("dbt.dbt_producer_watcher")
    group: TaskGroup = dag.task_group.children["dbt"]
    for task in group.iter_tasks():
        if task is not build and not task.upstream_task_ids:
            build >> task
    when = datetime.fromisoformat(sys.argv[2]) if len(sys.argv) > 2 else None
    run = dag.test(run_conf=json.loads(sys.argv[1]), logical_date=when)
    tasks = {each.task_id: str(each.state) for each in run.get_task_instances()}
    tries = {each.task_id: each.try_number for each in run.get_task_instances()}
    print()
    print(json.dumps({"run": str(run.state), "tasks": tasks, "tries": tries}))


if __name__ == "__main__":
    main()
