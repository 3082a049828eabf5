"""The files for GitHub: valid, safe for pull requests from strangers, and each check in its tier."""

import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, run

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
BIN = Path(sys.executable).parent
FORMS = [path for path in sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml")) if path.name != "config.yml"]
PINNED = re.compile(r"[\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


@cache
def workflow(name: str) -> dict[str, Any]:
    """A workflow. YAML 1.1 reads the key `on` as true."""
    loaded = yaml.safe_load((GITHUB / "workflows" / f"{name}.yml").read_text(encoding="utf-8"))
    loaded["on"] = loaded.pop(True)
    return dict(loaded)


def commands(job: dict[str, Any]) -> list[str]:
    """The commands of a job, with the variables of their steps."""
    return [f"{step['run']} {step.get('env', '')}" for step in job["steps"] if "run" in step]


def passes(*command: str | Path) -> None:
    """Fail the test unless a check passes."""
    result = run(BIN / command[0], *command[1:])
    assert result.returncode == 0, result.stdout


# The same as in `make lint`, which `make test` runs first.


def test_the_workflows_are_valid() -> None:
    passes("actionlint", "-shellcheck=", "-pyflakes=")
    passes("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)


def test_the_workflows_are_safe() -> None:
    passes("zizmor", "--offline", "--quiet", GITHUB)


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("dependabot", [GITHUB / "dependabot.yml"]),
        ("github-issue-forms", FORMS),
        ("github-issue-config", [GITHUB / "ISSUE_TEMPLATE" / "config.yml"]),
    ],
)
def test_the_other_files_are_valid(schema: str, files: list[Path]) -> None:
    assert files
    passes("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files)


@pytest.mark.parametrize(
    ("command", "old", "new"),
    [
        (["actionlint", "-shellcheck=", "-pyflakes="], "steps.archive.outcome", "steps.archives.outcome"),
        (["check-jsonschema", "--builtin-schema", "vendor.github-workflows"], "runs-on:", "run-on:"),
        (["zizmor", "--offline", "--quiet"], "  pull_request:\n", "  pull_request_target:\n"),
        (["zizmor", "--offline", "--quiet"], "persist-credentials: false", "fetch-depth: 1"),
    ],
)
def test_the_checks_find_a_broken_workflow(command: list[str], old: str, new: str, tmp_path: Path) -> None:
    text = (GITHUB / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / ".github" / "workflows" / "ci.yml"
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    assert run(BIN / command[0], *command[1:], file).returncode == 0
    file.write_text(text.replace(old, new), encoding="utf-8")
    assert run(BIN / command[0], *command[1:], file).returncode != 0


def test_make_lint_checks_them_all() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = text.partition("\nlint:")[2].partition("\n\n")[0]
    for name in ("actionlint", "zizmor --offline", "check-jsonschema"):
        assert f".venv/bin/{name}" in recipe
    for schema in ("github-workflows", "dependabot", "github-issue-forms", "github-issue-config"):
        assert f"'{schema} " in recipe


# What strangers can run


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_pinned(path: Path) -> None:
    used = re.findall(r"(?m)uses: (.+)$", path.read_text(encoding="utf-8"))
    assert used
    assert [each for each in used if not PINNED.fullmatch(each)] == []


def test_an_action_has_one_version_everywhere() -> None:
    used = {
        each for path in WORKFLOWS for each in re.findall(r"uses: (\S+@.+)", path.read_text(encoding="utf-8"))
    }
    assert len(used) == len({each.partition("@")[0] for each in used})


def test_a_pull_request_gets_no_rights_and_no_secret() -> None:
    """Its code runs, also from forks: it can read, and nothing else."""
    for path in WORKFLOWS:
        triggers = workflow(path.stem)["on"]
        assert "pull_request_target" not in triggers
        assert "workflow_run" not in triggers
    ci = workflow("ci")
    assert "pull_request" in ci["on"]
    assert ci["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in ci["jobs"].values())
    text = (GITHUB / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert not re.search(r"secrets\.|github\.token|GITHUB_TOKEN", text)
    checkouts = [
        step for job in ci["jobs"].values() for step in job["steps"] if "checkout" in step.get("uses", "")
    ]
    assert len(checkouts) == len(ci["jobs"])
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_new_run_replaces_or_awaits_the_last_and_each_job_ends(path: Path) -> None:
    loaded = workflow(path.stem)
    assert loaded["concurrency"]["group"]
    assert all(job["timeout-minutes"] <= 150 for job in loaded["jobs"].values())


# Tiers


def test_a_pull_request_gets_linters_tests_and_a_build_on_each_python() -> None:
    job = workflow("ci")["jobs"]["test"]
    declared = re.findall(
        r"(?m)^requires-python = \">=3\.(\d+),<3\.(\d+)\"",
        (ROOT / "pyproject.toml").read_text(encoding="utf-8"),
    )
    [(first, end)] = declared
    pythons = [f"3.{minor}" for minor in range(int(first), int(end))]
    assert job["strategy"]["matrix"]["python-version"] == pythons
    for name in ("make build", "make lint", "make test"):
        assert any(command.startswith(name) for command in commands(job))
    assert job["timeout-minutes"] <= 30
    annotated = [command for command in commands(job) if "github-annotation-native" in command]
    [sql] = re.findall(
        r"(?m)^override SQL = \$\(wildcard (.+)\)", (ROOT / "Makefile").read_text(encoding="utf-8")
    )
    assert [command.strip().endswith(sql) for command in annotated] == [True]
    assert workflow("nightly")["jobs"]["test"]["strategy"]["matrix"]["python-version"] == pythons


def test_a_pull_request_shows_what_it_changes_in_the_data() -> None:
    """As the summary of the job and as a file; on the real results only if they can be downloaded."""
    job = workflow("ci")["jobs"]["diff"]
    assert job["if"] == "github.event_name == 'pull_request'"
    assert job["steps"][0]["with"]["fetch-depth"] == 2  # the merge, and what it is merged into
    simulated, real = (command for command in commands(job) if "make diff" in command)
    for command in (simulated, real):
        assert "make diff BASE=HEAD^1" in command
        assert 'diff.md >> "$GITHUB_STEP_SUMMARY"' in command
    [download] = [step for step in job["steps"] if step.get("run") == "make data"]
    assert download["continue-on-error"] is True
    [compare] = [step for step in job["steps"] if "scripts/csv_to_parquet.py" in step.get("run", "")]
    assert compare["if"] == f"steps.{download['id']}.outcome == 'success'"
    [upload] = [step for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
    assert upload["with"]["path"].split() == ["data/simulated/diff.md", "data/diff.md"]


def test_what_takes_long_runs_each_night_and_on_main() -> None:
    nightly = workflow("nightly")
    assert nightly["on"].keys() == {"push", "schedule", "workflow_dispatch"}
    assert nightly["on"]["push"]["branches"] == ["main"]
    found = [command for job in nightly["jobs"].values() for command in commands(job)]
    for name in ("test-extras", "test-all", "make torture", "make images-test"):
        assert any(name in command for command in found), name
        assert not any(
            name in command for job in workflow("ci")["jobs"].values() for command in commands(job)
        ), name


def test_workflows_run_make_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {name for line in re.findall(r"(?m)^([a-z][a-z -]*):(?!=)", makefile) for name in line.split()}
    named = {
        name
        for path in WORKFLOWS
        for job in workflow(path.stem)["jobs"].values()
        for command in commands(job)
        for name in re.findall(r"(?m)^\s*(?:sudo )?make ([a-z-]+)", command)
    }
    assert named > {"build", "diff", "data"}
    assert named - targets == set()


# The next dbt


def test_the_next_dbt_may_fail() -> None:
    job = workflow("nightly")["jobs"]["next-dbt"]
    assert job["continue-on-error"] is True
    assert any("--pre 'dbt-core>=2" in command for command in commands(job))
    assert any("dbt parse" in command for command in commands(job))


def test_the_dbt_that_is_locked_is_the_one_that_the_project_asks_for() -> None:
    locked = (ROOT / "requirements" / "core.txt").read_text(encoding="utf-8")
    [version] = re.findall(r"(?m)^dbt-core==(\d+\.\d+)\.", locked)
    wanted = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))["require-dbt-version"]
    assert wanted[0] == f">={version}.0"
    for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines():
        if named := re.findall(r"\bdbt (\d+\.\d+)\b", line):
            assert named == [version], line


# Templates


def test_every_way_to_report_is_complete() -> None:
    """No placeholder of a template is left over, and security has its own way."""
    assert {path.stem for path in FORMS} == {"wrong-number", "build-fails", "question"}
    for path in FORMS:
        form = yaml.safe_load(path.read_text(encoding="utf-8"))
        ids = [item["id"] for item in form["body"]]
        assert len(ids) == len(set(ids))
        assert any(item.get("validations", {}).get("required") for item in form["body"])
    security = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert "security/advisories/new" in security
    assert "@" not in security, "no address of a person"
    assert (GITHUB / "PULL_REQUEST_TEMPLATE.md").read_text(encoding="utf-8").count("- [ ] ") >= 3


def test_the_devcontainer_builds_the_warehouse() -> None:
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert container["postCreateCommand"].split()[:2] == ["make", "build"]
    [python] = re.findall(r"python:3\.(\d+)$", container["image"])
    [(first, end)] = re.findall(
        r">=3\.(\d+),<3\.(\d+)", (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    )[:1]
    assert int(first) <= int(python) < int(end)
