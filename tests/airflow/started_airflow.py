"""Import this to start Airflow. Each run of the DAG is a copy of a process that has done so.

Starting takes longer than most runs: the imports, and the API that tasks talk to, which makes its routes at
the first request. No thread may be left here, because a copy would lack it.
"""

import asyncio
import warnings

import httpx

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


async def ask_nothing() -> None:
    """Send the API a request to which it has no answer."""
    transport = httpx.ASGITransport(in_process_api_server().app)
    async with httpx.AsyncClient(transport=transport, base_url="http://in-process") as client:
        assert (await client.get("/nothing")).status_code == httpx.codes.NOT_FOUND


asyncio.run(ask_nothing())
