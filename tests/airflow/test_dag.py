"""The DAG in Airflow, with stand-ins for the project's commands."""

from conftest import StandIn


def test_all_stages_run_in_order(project: StandIn) -> None:
    result = project.run(publish_to="/srv/pitwall")
    assert result.run == "success"
    assert {task for task, state in result.tasks.items() if state != "success"} == {"nothing_new"}
    assert project.called() == []
