"""Load or run the DAG, in a process that conftest.py starts. The last line of its output is JSON.

Nothing of Airflow is imported at the top: the process of the tests imports this too.
"""

import copy
import importlib
import json
import os
import sys
import time
import warnings
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import DAG, TaskGroup


def process(environment: dict[str, str], output: Path, function: str, *arguments: Any) -> None:
    """Call a function of this module in this environment, and write into `output` what it prints."""
    with output.open("w") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    os.environ.clear()
    os.environ.update(environment)
    warnings.simplefilter("ignore")
    from airflow import settings

    # This process is a copy of one that has started Airflow with other settings.
    settings.configure_vars()
    settings.reconfigure_orm()
    print("\n" + json.dumps(globals()[function](*arguments)))


def load() -> "DAG":
    """The DAG, as the DAG processor loads it."""
    from airflow.dag_processing.dagbag import BundleDagBag

    dags = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    bag = BundleDagBag(str(dags), bundle_path=dags, bundle_name="dags-folder", safe_mode=True)
    if bag.import_errors:
        sys.exit(json.dumps(bag.import_errors, indent=1))
    return bag.dags["pitwall_after_race"]


def about() -> dict[str, Any]:
    """What the DAG is, as Airflow sees it after it was stored and read again."""
    import pendulum
    from airflow.serialization.serialized_objects import DagSerialization

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
        "runs": [info.logical_date.isoformat() for info in runs]
        if stored.timetable.can_be_scheduled
        else None,
        "max_active_runs": stored.max_active_runs,
        "catchup": stored.catchup,
        "params": dag.params.dump(),
        "assets": [asset.uri for asset in dag.get_task("report_changes").outlets],
        "tasks": {
            task.task_id: {
                "pool": task.pool,
                "slots": task.pool_slots,
                "retries": task.retries,
                "grows": bool(task.retry_exponential_backoff),
                "pauses": [
                    pause.total_seconds() for pause in (task.retry_delay, task.max_retry_delay) if pause
                ],
                "weight": [task.priority_weight, str(task.weight_rule)],
                "after": sorted(task.upstream_task_ids),
                "outlets": len(task.outlets),
                "deferrable": bool(getattr(task, "deferrable", False)),
                "dbt": str(getattr(task, "dbt_executable_path", "")),
            }
            for task in dag.tasks
        },
    }


def refused(confs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Which of these parameters the DAG refuses."""
    from airflow.sdk.exceptions import ParamValidationError

    params, found = load().params, []
    for conf in confs:
        changed = copy.deepcopy(params)
        try:
            for name, value in conf.items():
                changed[name] = value
            changed.validate()
        except (ParamValidationError, ValueError):
            found.append(conf)
    return found


def alert_of_killed_task(task_id: str) -> str:
    """Report a task that ended without an exception, as Airflow does when a task was killed."""
    load()
    alerts = sys.modules["pitwall_alerts"]
    alerts.alert_of_failure({"task_instance": SimpleNamespace(task_id=task_id)})
    return task_id


def run(conf: dict[str, Any], when: str | None, sensors_run: bool) -> dict[str, Any]:
    """Run it. Returns the state of every task.

    Args:
        conf: the parameters.
        when: the logical date.
        sensors_run: whether the sensors run after a build that failed.
    """
    dag = load()
    # dag.test() runs one task after the other. A sensor before the build would wait for it forever.
    build = dag.get_task("dbt.dbt_producer_watcher")
    group: TaskGroup = dag.task_group.children["dbt"]
    for task in group.iter_tasks():
        if task is not build and build.task_id not in task.upstream_task_ids:
            build >> task
            if sensors_run:  # as they do in Airflow, where they are not after the build
                task.trigger_rule = "all_done"
    ended = dag.test(run_conf=conf, logical_date=datetime.fromisoformat(when) if when else None)
    instances = ended.get_task_instances()
    return {
        "run": str(ended.state),
        "tasks": {each.task_id: str(each.state) for each in instances},
        "tries": {each.task_id: each.try_number for each in instances},
    }
