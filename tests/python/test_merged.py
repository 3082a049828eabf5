"""tests/generic/merged.sql finds the same failures as the native data tests that run one by one.

Both ways name the failing test.
"""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, must_run, run_dbt

ENTRIES = """
select * from (values
    (1, 'a', 10, 'x'), (2, 'a', 10, 'x'), (3, null, null, 'it''s'), (4, null, null, ''), (5, 'b', 20, null)
) as entries(id, team, points, note)
"""
MODELS = {
    "entries": ENTRIES,
    "entries_twice": f"{ENTRIES} union all {ENTRIES}",
    "no_entries": f"{ENTRIES} where false",
    "teams": "select 'a' as team, 'a' as code union all select 'a', 'c'",
}
COMBINATION, RANGE = "dbt_utils.unique_combination_of_columns", "dbt_utils.accepted_range"
ROWCOUNT, EXPRESSION = "dbt_utils.equal_rowcount", "dbt_utils.expression_is_true"
# The column (None: on the model), the test, its arguments, the number of failures, the first failing rows.
CASES: list[tuple[str | None, str, dict[str, Any], int, str]] = [
    ("id", "not_null", {}, 0, ""),
    ("team", "not_null", {}, 2, "id=3, team=NULL | id=4, team=NULL"),
    ("id", "unique", {}, 0, ""),
    ("team", "unique", {}, 1, "team=a, row_count=2"),
    ("points", "unique", {}, 1, "points=10, row_count=2"),
    (None, COMBINATION, {"combination_of_columns": ["id", "team"]}, 0, ""),
    (
        None,
        COMBINATION,
        {"combination_of_columns": ["team", "points"]},
        2,
        "team=a, points=10, row_count=2 | team=NULL, points=NULL, row_count=2",
    ),
    ("team", "accepted_values", {"values": ["a", "b"]}, 0, ""),
    ("note", "accepted_values", {"values": ["x", ""]}, 1, "id=3, note=it's"),
    ("points", "accepted_values", {"values": [10], "quote": False}, 1, "id=5, points=20"),
    ("id", RANGE, {"min_value": 1, "max_value": 5}, 0, ""),
    ("id", RANGE, {"min_value": 1, "inclusive": False}, 1, "id=1"),
    ("points", RANGE, {"min_value": 10}, 0, ""),
    ("id", RANGE, {"min_value": 2, "max_value": 4}, 2, "id=1 | id=5"),
    ("id", RANGE, {"max_value": "points - 9"}, 1, "id=2"),
    ("id", RANGE, {"min_value": "{{ var('least') }}"}, 4, "id=1 | id=2 | id=3"),
    ("team", "relationships", {"to": "ref('entries_twice')", "field": "team"}, 0, ""),
    ("team", "relationships", {"to": "ref('teams')", "field": "team"}, 1, "id=5, team=b"),
    ("id", "relationships", {"to": "ref('entries')", "field": "points"}, 5, "id=1 | id=2 | id=3"),
    (None, ROWCOUNT, {"compare_model": "ref('teams')"}, 3, "entries=5, teams=2"),
    (None, ROWCOUNT, {"compare_model": "ref('no_entries')"}, 5, "entries=5, no_entries=0"),
    (None, EXPRESSION, {"expression": "id < points"}, 0, ""),
    (None, EXPRESSION, {"expression": "id > 1 and points is not null"}, 3, "id=1 | id=3 | id=4"),
    ("id", EXPRESSION, {"expression": "> {{ var('least') }} - 1"}, 4, "id=1 | id=2 | id=3"),
]
WAYS = ("merged", "single")
MERGED_OPTIONS = ("--vars", "{merged_tests: true}", "--exclude", "config.meta.merged:true")


def native_test(name: str, kind: str, arguments: dict[str, Any], **config: Any) -> dict[str, Any]:
    """A data test as it is written in YAML."""
    return {kind: {"name": name, "arguments": arguments, "config": config}}


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dbt project with our macros for data tests. Each case is a test of the model `entries`."""
    root = tmp_path_factory.mktemp("project")
    must_run(ROOT / "scripts" / "setup_packages.py")
    for name in ("tests/generic", "macros/data_tests", "dbt_packages/dbt_utils", "packages.yml"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, root / name)
    shutil.copy(ROOT / "macros" / "incremental.sql", root / "macros")
    (root / "models").mkdir()
    for name, sql in MODELS.items():
        (root / "models" / f"{name}.sql").write_text(sql)
    column_tests: dict[str, list[Any]] = {name: [] for name in ("id", "team", "points", "note")}
    model_tests: list[Any] = [
        native_test(
            "merged_entries",
            "merged",
            {"parents": [f"ref('{name}')" for name in MODELS if name != "entries"]},
        )
    ]
    for number, (column, kind, arguments, *_) in enumerate(CASES):
        test = native_test(f"entries__case_{number}", kind, arguments)
        (column_tests[column] if column else model_tests).append(test)
    warned = native_test("entries__warned", "not_null", {}, severity="warn", meta={"merged": False})
    limited = native_test("entries__limited", "not_null", {}, where="id > 3", meta={"merged": False})
    column_tests["team"] += [warned, limited]
    model_without_rows = {
        "name": "no_entries",
        "data_tests": [
            "merged",
            native_test("no_entries__key", COMBINATION, {"combination_of_columns": ["id", "team"]}),
        ],
        "columns": [
            {"name": "id", "data_tests": ["not_null", "unique", {RANGE: {"arguments": {"min_value": 1}}}]}
        ],
    }
    columns = [{"name": name, "data_tests": tests} for name, tests in column_tests.items()]
    models = [{"name": "entries", "data_tests": model_tests, "columns": columns}, model_without_rows]
    (root / "models" / "models.yml").write_text(yaml.safe_dump({"models": models}))
    settings = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    project = {
        "name": "probe",
        "profile": "probe",
        "vars": {"least": 5, "merged_tests": settings["vars"]["merged_tests"]},
        "flags": {"send_anonymous_usage_stats": False},
        "data_tests": {"probe": {"+meta": settings["data_tests"]["pitwall"]["+meta"]}},
        "on-run-end": [hook for hook in settings["on-run-end"] if "print_failures" in hook],
    }
    (root / "dbt_project.yml").write_text(yaml.safe_dump(project))
    target = {"type": "duckdb", "path": str(root / "probe.duckdb"), "threads": 1}
    (root / "profiles.yml").write_text(
        yaml.safe_dump({"probe": {"target": "dev", "outputs": {"dev": target}}})
    )
    return root


@pytest.fixture(scope="module")
def outcome(probe: Path) -> dict[str, tuple[str, dict[str, str]]]:
    """For each way: what `dbt build` prints, and the status of each test that it ran."""
    found = {}
    for way in WAYS:
        options = MERGED_OPTIONS if way == "merged" else ()
        target = probe / "target" / way
        printed = run_dbt("--log-level", "warn", "build", "--target-path", target, *options, cwd=probe).stdout
        results = target / "run_results.json"
        assert results.exists(), printed
        found[way] = (
            printed,
            {
                result["unique_id"].split(".")[2]: result["status"]
                for result in json.loads(results.read_text())["results"]
                if result["unique_id"].startswith("test.")
            },
        )
    return found


def named_failures(printed: str) -> dict[str, tuple[int, str]]:
    """For each failing test that is printed: the number of failures, and the first rows, joined by bars."""
    found = re.findall(
        r"^(\w+: \w+) \(dbt counts (\d+)\). The first rows:\n((?:    .*\n)*)", printed, flags=re.MULTILINE
    )
    return {
        name: (int(failures), " | ".join(line.strip() for line in rows.splitlines()))
        for name, failures, rows in found
    }


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", range(len(CASES)))
def test_a_broken_rule_is_named_with_its_first_failing_rows(outcome: Any, number: int, way: str) -> None:
    """Each kind has a test that passes and one that fails."""
    *_, failures, rows = CASES[number]
    printed = named_failures(outcome[way][0]).get(f"Failed: entries__case_{number}")
    assert printed == ((failures, rows) if failures else None)


def test_each_way_runs_every_test_once(outcome: Any) -> None:
    merged, single = (sorted(outcome[way][1], reverse=True) for way in WAYS)
    assert [name for name in merged if not name.startswith("merged_")] == [
        "entries__warned",
        "entries__limited",
    ]
    assert len(merged) == 4
    assert len([name for name in single if name.startswith("entries__case_")]) == len(CASES)
    assert not [name for name in single if name.startswith("merged_")]


@pytest.mark.parametrize("way", WAYS)
def test_all_tests_pass_on_a_model_without_rows(outcome: Any, way: str) -> None:
    """Without rows there is no NULL and no duplicate."""
    statuses = {name: status for name, status in outcome[way][1].items() if "no_entries_" in name}
    assert statuses
    assert set(statuses.values()) == {"pass"}


@pytest.mark.parametrize("way", WAYS)
def test_severity_and_where_apply_to_one_test(outcome: Any, way: str) -> None:
    """A test with its own setting is not merged: it runs alone in both ways."""
    printed, statuses = outcome[way]
    assert statuses["entries__warned"] == "warn"
    named = named_failures(printed)
    assert named["Warning: entries__warned"] == (2, "id=3, team=NULL | id=4, team=NULL")
    assert named["Failed: entries__limited"] == (1, "id=4, team=NULL")


UNMERGEABLE = [
    (native_test("odd_0__test", "not_null", {}, severity="warn"), "because of its severity"),
    (native_test("odd_1__test", "not_null", {}, where="id > 3"), "because of its where"),
    (native_test("odd_2__test", "not_null", {}, error_if="> 9"), "because of its error_if"),
    (native_test("odd_3__test", "odd", {}), "because of its kind odd"),
    (
        native_test("odd_4__test", "relationships", {"to": "ref('teams')", "field": "team"}),
        "add ref('teams') to its `parents`",
    ),
]


def test_a_test_that_cannot_be_merged_is_an_error_with_the_reason(probe: Path, tmp_path: Path) -> None:
    """The reason is a setting of its own, a kind unknown to the macro, or a parent missing in `parents`."""
    root = tmp_path / "project"
    shutil.copytree(probe, root, ignore=shutil.ignore_patterns("target", "*.duckdb", "models"))
    (root / "models").mkdir()
    (root / "models" / "teams.sql").write_text(MODELS["teams"])
    (root / "macros" / "odd.sql").write_text(
        "{% test odd(model, column_name) %} select * from {{ model }} where false {% endtest %}"
    )
    models = []
    for number, (test, _) in enumerate(UNMERGEABLE):
        (root / "models" / f"odd_{number}.sql").write_text(ENTRIES)
        column = {"name": "team", "data_tests": [test]}
        models.append({"name": f"odd_{number}", "data_tests": ["merged"], "columns": [column]})
    (root / "models" / "models.yml").write_text(yaml.safe_dump({"models": models}))
    printed = " ".join(run_dbt("--log-level", "warn", "build", *MERGED_OPTIONS, cwd=root).stdout.split())
    for number, (_, reason) in enumerate(UNMERGEABLE):
        message = f"odd_{number}__test cannot be merged" if "because" in reason else "A native test refers to"
        assert message in printed
        assert reason in printed

    # Plain dbt merges nothing: it runs the same tests as they are, and prints their failing rows.
    printed = run_dbt("--log-level", "warn", "build", cwd=root).stdout
    assert "cannot be merged" not in printed
    assert named_failures(printed)["Failed: odd_1__test"] == (1, "team=NULL")
