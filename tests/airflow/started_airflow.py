"""Import this to start Airflow. Each run of the DAG is a copy of a process that has done so.

Starting takes longer than most runs: the imports, and the API that tasks talk to.
"""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import airflow.dag_processing.dagbag
    import airflow.models
    import airflow.providers.http.notifications.http
    import airflow.providers.smtp.notifications.smtp
    import airflow.serialization.serialized_objects  # noqa: F401
    import cosmos.airflow.task_group
    import cosmos.operators.watcher
    import cosmos.plugin.airflow3  # noqa: F401
    from airflow.sdk.execution_time.supervisor import in_process_api_server

    assert in_process_api_server().app
