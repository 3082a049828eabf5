"""tests/generic/rules.sql: each argument finds a violation, names it, and takes no other rule for it."""

import json
import re
import shutil
from typing import Any

import pytest
import yaml
from conftest import DBT, ROOT, run

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
# The arguments, and which rules are broken how often.
CASES: list[tuple[dict[str, Any], dict[str, int]]] = [
    ({"not_null": ["id"]}, {}),
    ({"not_null": ["id", "team", "note"]}, {"team is not null": 2, "note is not null": 1}),
    ({"unique": ["id"]}, {}),
    ({"unique": ["id", "team", "points"]}, {"team is unique": 1, "points is unique": 1}),
    ({"unique": [["id", "team"]]}, {}),
    ({"unique": ["id", ["team", "points"]]}, {"team, points is unique": 2}),
    ({"accepted_values": {"team": ["a", "b"], "points": [10, 20]}}, {}),
    ({"accepted_values": {"note": ["x", "it's", ""]}}, {}),
    (
        {"accepted_values": {"team": ["b"], "points": [10]}},
        {"team is one of 'b'": 2, "points is one of 10": 1},
    ),
    ({"accepted_range": {"id": {"min_value": 1, "max_value": 5}, "points": {"min_value": 10}}}, {}),
    (
        {"accepted_range": {"id": {"min_value": 2, "max_value": 4}, "points": {"max_value": 19}}},
        {"id is at least 2 and at most 4": 2, "points is at most 19": 1},
    ),
    ({"accepted_range": {"id": {"max_value": "points - 9"}}}, {"id is at most points - 9": 1}),
    ({"accepted_range": {"id": {"min_value": "{{ var('least') }}"}}}, {"id is at least 5": 4}),
    ({"relationships": {"team": {"to": "ref('entries_twice')", "field": "team"}}}, {}),
    (
        {
            "not_null": ["id"],
            "relationships": {
                "team": {"to": "ref('teams')", "field": "team"},
                "note": {"to": "ref('teams')", "field": "code"},
            },
        },
        {"team is in team of teams": 1, "note is in code of teams": 4},
    ),
    ({"equal_rowcount": "ref('entries')"}, {}),
    ({"equal_rowcount": "ref('entries_twice')"}, {"as many rows as entries_twice": 5}),
    ({"equal_rowcount": "ref('no_entries')"}, {"as many rows as no_entries": 5}),
    ({"expression_is_true": {"gains": "id < points", "either": "id > 4 or points = 10"}}, {}),
    (
        {"expression_is_true": {"late": "id > 1", "late_and_scored": "id > 1 and points is not null"}},
        {"late": 1, "late_and_scored": 3},
    ),
]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, int]]:
    """What `dbt build` says of a project with each case as a test, and the failures that it counts."""
    root = tmp_path_factory.mktemp("project")
    for name in ("tests/generic/rules.sql", "macros/name_broken_rules.sql", "macros/incremental.sql"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    (root / "models").mkdir()
    for name, sql in MODELS.items():
        (root / "models" / f"{name}.sql").write_text(sql)
    tests: list[dict[str, Any]] = [
        {"rules": {"name": f"case_{number}", "arguments": arguments}}
        for number, (arguments, _) in enumerate(CASES)
    ]
    every = {"not_null": ["id"], "unique": ["id"], "equal_rowcount": "ref('no_entries')"}
    empty = {"name": "no_entries", "data_tests": [{"rules": {"name": "of_nothing", "arguments": every}}]}
    warned = {"name": "warned", "arguments": {"not_null": ["code"], "unique": ["team"]}}
    warns = {"name": "teams", "data_tests": [{"rules": {**warned, "config": {"severity": "warn"}}}]}
    models = [{"name": "entries", "data_tests": tests}, empty, warns]
    (root / "models" / "models.yml").write_text(yaml.safe_dump({"models": models}))
    project = {
        "name": "probe",
        "profile": "probe",
        "vars": {"least": 5},
        "flags": {"send_anonymous_usage_stats": False},
        "on-run-end": yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))["on-run-end"],
    }
    (root / "dbt_project.yml").write_text(yaml.safe_dump(project))
    target = {"type": "duckdb", "path": str(root / "probe.duckdb"), "threads": 1}
    (root / "profiles.yml").write_text(
        yaml.safe_dump({"probe": {"target": "dev", "outputs": {"dev": target}}})
    )
    said = run(DBT, "--log-level", "warn", "build", cwd=root).stdout
    results = root / "target" / "run_results.json"
    assert results.exists(), said
    failures = {
        result["unique_id"].split(".")[2]: result["failures"]
        for result in json.loads(results.read_text())["results"]
        if result["unique_id"].startswith("test.")
    }
    return said, failures


@pytest.mark.parametrize("number", range(len(CASES)))
def test_broken_rules_are_found_and_named(outcome: tuple[str, dict[str, int]], number: int) -> None:
    said, failures = outcome
    named = re.findall(rf"broken in case_{number}: (.+) \((\d+)\)$", said, flags=re.MULTILINE)
    assert {rule: int(count) for rule, count in named} == CASES[number][1]
    assert failures[f"case_{number}"] == sum(CASES[number][1].values())


def test_of_no_rows_only_their_number_is_wrong(outcome: tuple[str, dict[str, int]]) -> None:
    """Nothing is null, nothing is twice, and there are as many as there should be."""
    assert outcome[1]["of_nothing"] == 0


def test_a_warning_is_named_too(outcome: tuple[str, dict[str, int]]) -> None:
    assert "broken in warned: team is unique (1)" in outcome[0]
