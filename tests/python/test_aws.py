"""The examples for AWS: cfn-lint accepts them, and they run what compose.yaml runs."""

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, must_run

pytest.importorskip("cfnlint", reason="no cfn-lint: `make images-extra`")
pytestmark = pytest.mark.extra

TEMPLATES = sorted((ROOT / "deploy" / "aws").glob("*.yaml"))


class Loader(yaml.SafeLoader):
    """Reads the short forms of functions, such as `!Ref Lake`, as their argument."""


Loader.add_multi_constructor("!", lambda _loader, _function, node: node.value)


def resources(template: Path, kind: str) -> dict[str, Any]:
    """The properties of the resources of a kind, by name."""
    found = yaml.load(template.read_text(encoding="utf-8"), Loader)["Resources"]
    return {name: each["Properties"] for name, each in found.items() if each["Type"] == f"AWS::{kind}"}


def containers() -> dict[str, Any]:
    """The containers of all task definitions, by name."""
    return {
        container["Name"]: container
        for template in TEMPLATES
        for task in resources(template, "ECS::TaskDefinition").values()
        for container in task["ContainerDefinitions"]
    }


def services() -> dict[str, Any]:
    """The services of compose.yaml."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    return found


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_cfn_lint_accepts_a_template(template: Path) -> None:
    """Warnings fail too."""
    must_run(Path(sys.executable).with_name("cfn-lint"), "--include-checks", "W", "--", template)


def test_a_task_runs_what_compose_runs() -> None:
    found = containers()
    assert set(found) == {"warehouse", "dashboard", "warehouse-postgres"}
    for name, container in found.items():
        service = services()[name]
        assert container["Command"] == service["command"], name
        assert container["LinuxParameters"]["Capabilities"]["Drop"] == service["cap_drop"], name
        assert container["LinuxParameters"]["InitProcessEnabled"] is service["init"], name
        settings = {each["Name"] for each in container.get("Environment", [])}
        settings |= {each["Name"] for each in container.get("Secrets", [])}
        # libpq reads PGSSLMODE; in compose.yaml both are on one machine.
        assert settings <= {*service.get("environment", {}), "PGSSLMODE"}, name
        ports = [str(each["ContainerPort"]) for each in container.get("PortMappings", [])]
        assert ports == [port.rpartition(":")[2] for port in service.get("ports", [])], name


def test_a_task_is_healthy_if_compose_says_so() -> None:
    check = services()["dashboard"]["healthcheck"]
    health = containers()["dashboard"]["HealthCheck"]
    assert health["Command"] == check["test"]
    of_compose = [check[name] for name in ("interval", "timeout", "start_period")]
    assert [f"{health[name]}s" for name in ("Interval", "Timeout", "StartPeriod")] == of_compose
    assert health["Retries"] == check["retries"]


def test_no_template_has_a_password() -> None:
    for container in containers().values():
        assert not [each for each in container.get("Environment", []) if "PASSWORD" in each["Name"]]


def test_the_folder_on_efs_belongs_to_the_user_of_the_image() -> None:
    users = [
        line.split()[1].partition(":")[0]
        for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
        if line.startswith("USER ")
    ]
    user = users[-1]
    points = [point for template in TEMPLATES for point in resources(template, "EFS::AccessPoint").values()]
    assert points
    for point in points:
        assert point["PosixUser"]["Uid"] == point["RootDirectory"]["CreationInfo"]["OwnerUid"] == user


def test_it_builds_when_the_timer_does() -> None:
    [schedule] = resources(ROOT / "deploy" / "aws" / "fargate.yaml", "Scheduler::Schedule").values()
    assert schedule["ScheduleExpression"] == "cron(0 6 ? * MON,TUE *)"
    timer = (ROOT / "deploy" / "systemd" / "pitwall.timer").read_text(encoding="utf-8")
    assert "OnCalendar=Mon,Tue *-*-* 06:00:00 UTC" in timer


def test_the_page_says_that_it_was_not_run() -> None:
    for template in TEMPLATES:
        assert template.read_text(encoding="utf-8").startswith("# Not run.")
        page = (ROOT / "docs" / "from-laptop-to-cloud.md").read_text(encoding="utf-8")
        assert f"deploy/aws/{template.name}" in page
