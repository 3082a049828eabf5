"""The project's own rules, checked on dbt's manifest, the SQL files and a built warehouse.

- Models, columns and macros are documented, typed and constrained, as they are in the warehouse.
- The layering rules of dbt-project-evaluator hold.
- The SQL runs on every engine, and uses no deprecated syntax.
- Thresholds are vars.
"""

import csv
import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import dbt.include
import duckdb
import pytest
from conftest import run

PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = "pitwall"
MODEL_FILES = sorted((PROJECT / "models").rglob("*.sql"))
MACRO_FILES = sorted(
    path for path in (PROJECT / "macros").rglob("*.sql") if "cross_db" not in path.relative_to(PROJECT).parts
)

# A column of marts/ or quality/ refers to the dimension if its name is one of these, or ends in an underscore
# and one of these. Every other column that ends in `_id` must be the model's own key.
FOREIGN_KEYS = {
    "race_id": "dim_races",
    "driver_id": "dim_drivers",
    "constructor_id": "dim_constructors",
    "circuit_id": "dim_circuits",
    "status_id": "dim_statuses",
}

# What a person reads in place of a key: the columns of its dimension that stand next to it in every mart.
NAMES = {
    "race_id": ["race_name", "race_date"],
    "driver_id": ["driver_name"],
    "constructor_id": ["constructor_name"],
    "circuit_id": ["circuit_name"],
    "status_id": ["status"],
}

# The marts without names.
NARROW = {
    "fct_lap_times": "A row for every lap, hundreds of thousands: names would be most of the table.",
    "fct_race_laps": "A row for every lap, hundreds of thousands: names would be most of the table.",
}

# Types as the YAML spells them, and DuckDB's names for them.
DUCKDB_TYPES = {
    "string": "VARCHAR",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}

# Exemptions from the rules of dbt-project-evaluator, by rule and resource, with the reason.
EXEMPT: dict[str, dict[str, str]] = {
    "model fanout": {
        **dict.fromkeys(
            ("dim_constructors", "dim_drivers", "dim_races"),
            "Every mart carries the names: a star fans out here.",
        ),
    },
    "names of marts": {
        **dict.fromkeys(
            ("fct_prediction_scores", "fct_prediction_calibration"),
            "Measured on the forecasts of races, and read together with them.",
        ),
    },
    "exposure parents": {
        "dashboard_trust reads pitwall.load_manifest": "What was loaded and what was not. No mart has it.",
        "dashboard_trust reads race_results_history": "When results were new or revised. No mart has both.",
    },
    "sources without freshness": {
        "pitwall.source_disagreements": "The conversion writes it with load_manifest, which says when.",
    },
    "rejoining of upstream concepts": {
        "int_careers__fastest_laps": "A rule that needs thought has its own model and unit test.",
        "int_races__session_starts": "A rule that needs thought has its own model and unit test.",
    },
    "too many joins": {
        "source_anomalies": "A union of its parts; it joins nothing.",
    },
}


@dataclass(frozen=True)
class Project:
    """The manifest of the project, without the resources of its packages."""

    manifest: dict[str, Any]

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """Models, seeds, snapshots, sources and exposures by unique id."""
        every = {**self.manifest["nodes"], **self.manifest["sources"], **self.manifest["exposures"]}
        kinds = {"model", "seed", "snapshot", "source", "exposure"}
        return {
            key: node
            for key, node in every.items()
            if node["package_name"] == PACKAGE and node["resource_type"] in kinds
        }

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The resources of one kind."""
        return [node for node in self.resources.values() if node["resource_type"] == kind]

    @property
    def models(self) -> list[dict[str, Any]]:
        """All models."""
        return self.of("model")

    @property
    def contracted(self) -> list[dict[str, Any]]:
        """The models that people query: marts and quality."""
        return [model for model in self.models if layer(model) in ("marts", "quality")]

    def tests(self, node: dict[str, Any]) -> list[dict[str, Any]]:
        """The generic tests on a resource that fail a build."""
        return [
            test
            for test in self.manifest["nodes"].values()
            if test["resource_type"] == "test"
            and test.get("attached_node") == node["unique_id"]
            and test["config"]["enabled"]
            and test["config"]["severity"].lower() == "error"
            and not test["config"]["where"]
        ]

    def tested_columns(self, node: dict[str, Any], kind: str) -> list[str]:
        """The columns of a resource that have a test of one kind: `not_null`, `unique`."""
        return [test["column_name"] for test in self.tests(node) if test["test_metadata"]["name"] == kind]

    def parents(self, node: dict[str, Any]) -> list[dict[str, Any]]:
        """The resources that a resource reads."""
        return [self.resources[key] for key in self.manifest["parent_map"][node["unique_id"]]]

    def ancestors(self, node: dict[str, Any]) -> set[str]:
        """The names of the resources that a resource is built from."""
        found: dict[str, str] = {}
        following = self.parents(node)
        while following:
            parent = following.pop()
            if parent["unique_id"] not in found:
                found[parent["unique_id"]] = parent["name"]
                following += self.parents(parent)
        return set(found.values())

    def children(self, node: dict[str, Any]) -> list[dict[str, Any]]:
        """The resources that read a resource, without tests."""
        keys = self.manifest["child_map"].get(node["unique_id"], [])
        return [self.resources[key] for key in keys if key in self.resources]


@pytest.fixture(scope="session")
def project(simulated_warehouse: Path) -> Project:
    """The manifest of the build of the simulated championship."""
    manifest = simulated_warehouse.parent / ".build" / "target" / "manifest.json"
    return Project(json.loads(manifest.read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def built(simulated_warehouse: Path) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Columns and their types, in order, of every relation in the built warehouse."""
    relations: dict[tuple[str, str], list[tuple[str, str]]] = {}
    with duckdb.connect(simulated_warehouse, read_only=True) as connection:
        rows = connection.execute(
            "select table_schema, table_name, column_name, data_type from information_schema.columns "
            "order by table_schema, table_name, ordinal_position"
        ).fetchall()
    for schema, table, column, data_type in rows:
        relations.setdefault((schema, table), []).append((column, data_type))
    return relations


def layer(node: dict[str, Any]) -> str:
    """The folder below models/; for a resource that is not a model, its kind."""
    return node["fqn"][1] if node["resource_type"] == "model" else node["resource_type"]


def label(node: dict[str, Any]) -> str:
    """The name of a resource; for a table of a source, with the name of the source."""
    return f"{node['source_name']}.{node['name']}" if node["resource_type"] == "source" else node["name"]


def fail_on(problems: Iterable[str], rule: str) -> None:
    """Fail with the rule and the list of problems, if there are any."""
    found = sorted(problems)
    assert not found, f"{rule}\n  " + "\n  ".join(found)


def not_exempt(rule: str, broken: dict[str, str]) -> list[str]:
    """The resources that break a rule and are not exempt. An exemption that is not needed breaks it too."""
    exempt = EXEMPT.get(rule, {})
    stale = [f"{name}: its exemption is no longer needed" for name in exempt if name not in broken]
    return [f"{name}: {what}" for name, what in broken.items() if name not in exempt] + stale


def duckdb_type(declared: str) -> str:
    """DuckDB's name for a declared type."""
    if declared.startswith("decimal"):
        return declared.replace(" ", "").upper()
    return DUCKDB_TYPES.get(declared, f"(no known type: {declared})")


def primary_key(node: dict[str, Any]) -> list[str]:
    """The columns of the primary key constraint, which is on the model or on one of its columns."""
    keys = [each["columns"] for each in node["constraints"] if each["type"] == "primary_key"]
    keys += [
        [column["name"]]
        for column in node["columns"].values()
        if any(each["type"] == "primary_key" for each in column["constraints"])
    ]
    return keys[0] if keys else []


def key_in_description(description: str) -> list[str]:
    """The columns that a description names after `Key:` or `Primary key:`."""
    sentence = " ".join(description.split())
    match = re.search(r"\b(?:Primary key|Key): ((?:`\w+`(?:, | and )?)+)", sentence)
    return re.findall(r"`(\w+)`", match[1]) if match else []


# Documentation


@pytest.mark.parametrize("kind", ["source", "model", "seed", "snapshot"])
def test_everything_is_described_and_typed(project: Project, kind: str) -> None:
    """100 % of the tables have a description, 100 % of their columns a description and a type."""
    lacking = [
        f"{label(node)}: no description" for node in project.of(kind) if not node["description"].strip()
    ]
    lacking += [f"{label(node)}: no columns" for node in project.of(kind) if not node["columns"]]
    columns = [(label(node), column) for node in project.of(kind) for column in node["columns"].values()]
    for name, column in columns:
        if not column["description"].strip():
            lacking.append(f"{name}.{column['name']}: no description")
        if not column["data_type"]:
            lacking.append(f"{name}.{column['name']}: no data_type")
    needed = len(project.of(kind)) * 2 + len(columns) * 2
    done = 100 * (needed - len(lacking)) / max(needed, 1)
    fail_on(lacking, f"{done:.1f} % of the {kind}s and their columns are described and typed; these lack it:")


@pytest.mark.parametrize("kind", ["source", "model", "seed"])
def test_declared_columns_are_those_of_the_warehouse(project: Project, built: Any, kind: str) -> None:
    """Their names, types and order, in every layer, in seeds and in raw tables."""
    differing = []
    for node in project.of(kind):
        declared = [(each["name"], duckdb_type(each["data_type"] or "")) for each in node["columns"].values()]
        relation = built.get((node["schema"], node.get("identifier") or node["alias"]), [])
        if declared != relation:
            differing += [
                f"{label(node)}: declared {each}, not built so" for each in declared if each not in relation
            ]
            differing += [
                f"{label(node)}: built {each}, not declared so" for each in relation if each not in declared
            ]
            if sorted(declared) == sorted(relation):
                differing.append(f"{label(node)}: other order, built {[name for name, _ in relation]}")
    fail_on(differing, "The YAML and the warehouse differ:")


def test_the_warehouse_has_nothing_undeclared(project: Project, built: Any) -> None:
    """Every relation in the warehouse is a source, a model, a seed or a snapshot.

    Schema `build` belongs to scripts/build.py, which records there what it built from.
    """
    declared = {
        (node["schema"], node.get("identifier") or node["alias"])
        for node in project.resources.values()
        if node["resource_type"] != "exposure"
    }
    found = (relation for relation in built if relation[0] != "build" and relation not in declared)
    fail_on(map(".".join, found), "In no YAML:")


def test_every_model_states_its_grain_and_primary_key(project: Project) -> None:
    """The first sentence of a description is `Grain: … Primary key: …`."""
    pattern = re.compile(r"Grain: one row per [^.]+\. Primary key: (`\w+`(, )?)+\.")
    fail_on(
        (
            f"{model['name']}: {model['description'][:70]!r}"
            for model in project.models
            if not pattern.match(" ".join(model["description"].split()))
        ),
        "A description starts with `Grain: one row per …. Primary key: `…`.`:",
    )


def test_every_mart_says_which_questions_it_answers(project: Project) -> None:
    """An analyst, or a platform engineer, searches for a table by a question."""
    marts = [model for model in project.models if layer(model) in ("marts", "ops")]
    fail_on(
        (mart["name"] for mart in marts if "Questions it answers:" not in mart["description"]),
        "No `Questions it answers:` in the description:",
    )


def test_every_source_and_seed_states_its_grain_and_key(project: Project) -> None:
    """Tables that the project does not compute say what a row is, too."""
    pattern = re.compile(r"\bGrain: one row per .+\. Key: `", re.DOTALL)
    fail_on(
        (
            label(node)
            for node in project.of("source") + project.of("seed")
            if not pattern.search(node["description"])
        ),
        "No `Grain: one row per …. Key: `…`` in the description:",
    )


def test_every_singular_test_says_what_is_true(project: Project) -> None:
    """It has a description, and its name states what is true."""
    singular = [
        node
        for node in project.manifest["nodes"].values()
        if node["resource_type"] == "test"
        and node["package_name"] == PACKAGE
        and not node.get("test_metadata")
    ]
    assert singular
    problems = [f"{test['name']}: no description" for test in singular if not test["description"].strip()]
    problems += [
        f"{test['name']}: begins with {prefix}"
        for test in singular
        for prefix in ("assert_", "warn_", "test_")
        if test["name"].startswith(prefix)
    ]
    fail_on(problems, "Singular tests:")


def test_every_macro_is_described(project: Project) -> None:
    """Generic tests and materializations too, with all arguments (dbt defines those of a materialization)."""
    problems = []
    for macro in project.manifest["macros"].values():
        if macro["package_name"] != PACKAGE:
            continue
        name = f"{macro['original_file_path']}: {macro['name']}"
        if not macro["description"].strip():
            problems.append(f"{name}: no description")
        if not macro["name"].startswith("materialization_"):
            problems += [
                f"{name}: no description of {argument['name']}"
                for argument in macro["arguments"]
                if not (argument.get("description") or "").strip()
            ]
    fail_on(problems, "Macros:")


# Contracts and keys


def test_every_mart_and_quality_model_has_a_contract(project: Project) -> None:
    """The columns of tables that people query cannot change by accident."""
    fail_on(
        (model["name"] for model in project.contracted if not model["config"]["contract"]["enforced"]),
        "No enforced contract:",
    )


def test_every_mart_and_quality_model_has_a_primary_key(project: Project) -> None:
    """DuckDB enforces the key. The description names the same columns."""
    problems = []
    for model in project.contracted:
        if not primary_key(model):
            problems.append(f"{model['name']}: no primary_key constraint")
        elif primary_key(model) != key_in_description(model["description"]):
            described = key_in_description(model["description"])
            problems.append(
                f"{model['name']}: the key is {primary_key(model)}, the description says {described}"
            )
    fail_on(problems, "Primary keys:")


def test_key_columns_are_not_null_by_contract(project: Project) -> None:
    """On some engines a primary key does not imply NOT NULL."""
    fail_on(
        (
            f"{model['name']}.{name}"
            for model in project.contracted
            for name in primary_key(model)
            if not any(each["type"] == "not_null" for each in model["columns"][name]["constraints"])
        ),
        "A column of a primary key without a not_null constraint:",
    )


def test_only_tables_have_constraints(project: Project) -> None:
    """No engine enforces a constraint of a view, and dbt_project.yml silences dbt's warning about that."""
    fail_on(
        (
            f"{model['name']}: {model['config']['materialized']}"
            for model in project.models
            if model["config"]["materialized"] not in ("table", "by_season")
            and (model["constraints"] or any(column["constraints"] for column in model["columns"].values()))
        ),
        "Constraints that nothing enforces:",
    )


def test_the_key_of_every_other_model_is_tested(project: Project) -> None:
    """Evaluator: missing primary key tests. The tested columns are those that the description names."""
    problems = []
    for model in project.models:
        if primary_key(model):
            continue
        key = set(key_in_description(model["description"]))
        not_null = project.tested_columns(model, "not_null")
        tested = [{column} for column in project.tested_columns(model, "unique") if column in not_null]
        tested += [
            set(test["test_metadata"]["kwargs"]["combination_of_columns"])
            for test in project.tests(model)
            if test["test_metadata"]["name"] == "unique_combination_of_columns"
        ]
        if key not in tested:
            problems.append(f"{model['name']}: no test that {sorted(key)} is a key")
    fail_on(problems, "Keys without a test:")


@pytest.fixture(scope="session")
def tests_that_ran(simulated_warehouse: Path) -> set[str]:
    """The unique ids of the data tests that `make build` ran, alone or in a merged query."""
    target = simulated_warehouse.parent / ".build" / "target"
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    ran = {
        result["unique_id"]: result["compiled_code"] or "" for result in results if result["status"] == "pass"
    }
    merged = "".join(code for name, code in ran.items() if name.startswith("test.pitwall.merged_"))
    return set(ran) | set(re.findall(r"'(test\.[^']+)' as test_id", merged))


def test_make_build_runs_every_data_test(project: Project, tests_that_ran: set[str]) -> None:
    """Native tests, singular tests and tests with their own severity, in a merged query or alone."""
    tests = {key for key, node in project.manifest["nodes"].items() if node["resource_type"] == "test"}
    assert len(tests) > 500
    fail_on(tests - tests_that_ran, "Data tests that did not run:")


def test_dbt_build_runs_every_native_test(
    project: Project, parsed: tuple[Path, subprocess.CompletedProcess[str]]
) -> None:
    """Plain dbt runs all native tests one by one, and no merged test: its manifest has what it would run."""
    scratch, _ = parsed
    nodes = json.loads((scratch / "target" / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    found = {key for key, node in nodes.items() if node["resource_type"] == "test"}
    every = {
        key
        for key, node in project.manifest["nodes"].items()
        if node["resource_type"] == "test" and (node.get("test_metadata") or {}).get("name") != "merged"
    }
    assert found == every


def test_native_tests_are_declared_on_their_columns(project: Project) -> None:
    """There are hundreds. The catalog shows each on its column, and dbt selects them by kind."""
    kinds = Counter(
        node["test_metadata"]["name"]
        for node in project.manifest["nodes"].values()
        if node.get("column_name")
    )
    assert sum(kinds[kind] for kind in ("not_null", "unique", "relationships")) > 250


def foreign_keys(model: dict[str, Any]) -> dict[str, str | None]:
    """The foreign keys of a model: column to `dimension.field`, or to None if no dimension is known.

    The season (and with it the round) of a model with a race_id is exempt: it is tested through the race.
    """
    keys: dict[str, str | None] = {}
    for name in model["columns"]:
        field = next((each for each in FOREIGN_KEYS if name == each or name.endswith(f"_{each}")), None)
        if field and FOREIGN_KEYS[field] != model["name"]:
            keys[name] = f"{FOREIGN_KEYS[field]}.{field}"
        elif not field and name.endswith("_id") and name not in primary_key(model):
            keys[name] = None
    if "season" in model["columns"] and "race_id" not in keys and model["name"] != "dim_seasons":
        keys["season"] = "dim_seasons.season"
    return keys


def test_every_foreign_key_has_a_relationships_test(project: Project) -> None:
    """A column of marts/ and quality/ that refers to a dimension is tested against it."""
    problems = []
    for model in project.contracted:
        tested = {
            (
                test["column_name"],
                test["test_metadata"]["kwargs"]["to"],
                test["test_metadata"]["kwargs"]["field"],
            )
            for test in project.tests(model)
            if test["test_metadata"]["name"] == "relationships"
        }
        for column, target in foreign_keys(model).items():
            if target is None:
                problems.append(f"{model['name']}.{column}: neither its own key nor one of a dimension")
                continue
            dimension, field = target.split(".")
            if (column, f"ref('{dimension}')", field) not in tested:
                problems.append(f"{model['name']}.{column}: no relationships test to {target}")
    fail_on(problems, "Foreign keys:")


def named_keys(model: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    """The foreign keys of a model that have names: the column, the dimension's key, the names' columns."""
    keys = []
    for column, target in foreign_keys(model).items():
        field = (target or "").partition(".")[2]
        if field in NAMES:
            keys.append((column, field, [column.removesuffix(field) + name for name in NAMES[field]]))
    return keys


def test_names_stand_next_to_their_keys(project: Project) -> None:
    """An analyst needs no join: each key of a mart is followed by its names, also that of a team mate."""
    problems = []
    for model in project.contracted:
        columns = list(model["columns"])
        lacking = [
            f"{model['name']}.{column} is not followed by {', '.join(names)}"
            for column, _, names in named_keys(model)
            if columns[columns.index(column) + 1 :][: len(names)] != names
        ]
        if model["name"] not in NARROW:
            problems += lacking
        elif not lacking:
            problems.append(f"{model['name']}: its exemption in NARROW is no longer needed")
    fail_on(problems, "Join the dimension in the last CTE, and put its names next to the key:")


def test_names_are_those_of_the_dimension(project: Project, simulated_warehouse: Path) -> None:
    """Each name belongs to the key next to it, so it is NULL only if the key is."""
    problems = []
    with duckdb.connect(simulated_warehouse, read_only=True) as connection:
        for model in (each for each in project.contracted if each["name"] not in NARROW):
            for column, field, names in named_keys(model):
                differs = " or ".join(
                    f"mart.{name} is distinct from dimension.{in_dimension}"
                    for name, in_dimension in zip(names, NAMES[field], strict=True)
                )
                [(wrong,)] = connection.execute(
                    f"select count(*) from {model['schema']}.{model['name']} as mart "
                    f"left join marts.{FOREIGN_KEYS[field]} as dimension "
                    f"on mart.{column} = dimension.{field} where {differs}"
                ).fetchall()
                if wrong:
                    problems.append(f"{model['name']}: {wrong} rows with other {', '.join(names)}")
    fail_on(problems, "Other names than in the dimension:")


def test_columns_of_marts_have_portable_types(project: Project) -> None:
    """No float and no HUGEINT: PostgreSQL and Spark have the types too, and points add up exactly."""
    allowed = re.compile(r"integer|bigint|boolean|date|timestamp|string|decimal\(\d+, \d+\)")
    fail_on(
        (
            f"{model['name']}.{column['name']}: {column['data_type']}"
            for model in project.contracted
            for column in model["columns"].values()
            if not allowed.fullmatch(column["data_type"] or "")
        ),
        "Other types:",
    )


# Sources


def test_sources_declare_their_primary_key(project: Project) -> None:
    """`meta.primary_key`, which the converter uses, names columns, and the description names the same key."""
    problems = []
    for source in project.of("source"):
        key = source["config"]["meta"].get("primary_key")
        if not key:
            problems.append(f"{label(source)}: no meta.primary_key")
            continue
        problems += [f"{label(source)}: no column {name}" for name in key if name not in source["columns"]]
        if key != key_in_description(source["description"]):
            described = key_in_description(source["description"])
            problems.append(f"{label(source)}: {key}, but the description says {described}")
    fail_on(problems, "Primary keys of sources:")


def test_sources_refer_to_tables_that_exist(project: Project) -> None:
    """`refers to` names an existing table, and each column with the name of a key says where it refers."""
    tables = {source["name"]: source for source in project.of("source")}
    keys = {
        source["config"]["meta"]["primary_key"][0]: source["name"]
        for source in tables.values()
        if len(source["config"]["meta"]["primary_key"]) == 1
    }
    problems = []
    for source in tables.values():
        for column in source["columns"].values():
            referred = re.findall(r"refers to `(\w+)`", column["description"])
            problems += [
                f"{label(source)}.{column['name']}: no table {name}"
                for name in referred
                if name not in tables
            ]
            expected = keys.get(column["name"], source["name"])
            if expected != source["name"] and column["name"].endswith("_id") and expected not in referred:
                if column["name"] == "result_id":
                    continue  # two tables have a key of this name, and neither refers to the other
                problems.append(
                    f"{label(source)}.{column['name']}: does not say that it refers to `{expected}`"
                )
    fail_on(problems, "References between sources:")


def test_the_declared_key_of_every_source_is_a_key(project: Project, simulated_warehouse: Path) -> None:
    """The converter quarantines rows with a repeated key, so the warehouse has none."""
    repeated = []
    with duckdb.connect(simulated_warehouse, read_only=True) as connection:
        for source in project.of("source"):
            key = ", ".join(source["config"]["meta"]["primary_key"])
            relation = f"{source['schema']}.{source['identifier']}"
            query = f"select count(*) - count(distinct ({key})) from {relation}"
            if connection.execute(query).fetchall() != [(0,)]:
                repeated.append(f"{relation}: {key}")
    fail_on(repeated, "Repeated keys:")


def test_anomalies_name_marts_that_read_their_table(project: Project) -> None:
    """Each mart that the seed names for a kind of anomaly is built from a table that has the anomaly."""
    folder = PROJECT / "models" / "intermediate" / "anomalies"
    tables: dict[str, set[str]] = {}
    for path in folder.glob("*.sql"):
        text = path.read_text(encoding="utf-8")
        by_macro = re.findall(r"anomaly\(\s*'(\w+)', ('[^']+')", text)
        by_hand = re.findall(r"'(\w+)' as anomaly_kind,\s*(\S+) as source_table", text)
        for kind, table in by_macro + by_hand:
            tables.setdefault(kind, set()).add(table)
    marts = {model["name"]: model for model in project.models if layer(model) == "marts"}
    with (PROJECT / "seeds" / "anomaly_kinds.csv").open(encoding="utf-8", newline="") as file:
        named = [(row["anomaly_kind"], mart) for row in csv.DictReader(file) for mart in row["marts"].split()]
    # A kind that is looked for in many tables has the name of a column there.
    wrong = [
        f"{kind}: {mart}"
        for kind, mart in named
        if mart not in marts
        or (
            all(re.fullmatch(r"'\w+'", table) for table in tables[kind])
            and not tables[kind]
            & {f"'{name.rpartition('__')[2]}'" for name in project.ancestors(marts[mart])}
        )
    ]
    assert wrong == []


def test_seed_files_have_the_declared_columns(project: Project) -> None:
    """Header and YAML agree, and no row is longer or shorter."""
    problems = []
    for seed in project.of("seed"):
        with (PROJECT / seed["original_file_path"]).open(encoding="utf-8", newline="") as handle:
            header, *rows = list(csv.reader(handle))
        if header != list(seed["columns"]):
            problems.append(f"{seed['name']}: header {header}")
        problems += [f"{seed['name']}: {row}" for row in rows if len(row) != len(header)]
    fail_on(problems, "Seeds:")


# The layering rules of dbt-project-evaluator


def test_no_model_reads_a_source_and_a_model(project: Project) -> None:
    """Evaluator: direct join to source."""
    broken = {
        model["name"]: "reads a source and " + ", ".join(label(each) for each in project.parents(model))
        for model in project.models
        if {"source"} < {each["resource_type"] for each in project.parents(model)}
    }
    fail_on(not_exempt("direct join to source", broken), "A staging model reads its source and nothing else:")


def test_only_staging_reads_sources(project: Project) -> None:
    """Evaluator: marts or intermediate dependent on source; and everything else that is not staging."""
    broken = {
        model["name"]: "reads " + ", ".join(label(each) for each in project.parents(model))
        for model in project.models
        if layer(model) != "staging"
        and any(each["resource_type"] == "source" for each in project.parents(model))
    }
    fail_on(not_exempt("dependent on source", broken), "Read a staging model instead:")


def test_every_source_is_read_by_one_model(project: Project) -> None:
    """Evaluator: source fanout, and unused sources."""
    readers = {
        label(source): [each["name"] for each in project.children(source) if each["resource_type"] == "model"]
        for source in project.of("source")
    }
    broken = {name: f"read by {models or 'no model'}" for name, models in readers.items() if len(models) != 1}
    fail_on(not_exempt("source fanout", broken), "One staging model for each source table:")


def test_no_model_reads_two_sources(project: Project) -> None:
    """Evaluator: multiple sources joined."""
    broken = {}
    for model in project.models:
        sources = [label(each) for each in project.parents(model) if each["resource_type"] == "source"]
        if len(sources) > 1:
            broken[model["name"]] = "reads " + ", ".join(sources)
    fail_on(not_exempt("multiple sources joined", broken), "One source table for each staging model:")


def test_no_table_is_declared_as_two_sources(project: Project) -> None:
    """Evaluator: duplicate sources."""
    names_of: dict[str, list[str]] = {}
    for source in project.of("source"):
        names_of.setdefault(f"{source['schema']}.{source['identifier']}", []).append(label(source))
    broken = {table: "is " + ", ".join(names) for table, names in names_of.items() if len(names) > 1}
    fail_on(not_exempt("duplicate sources", broken), "One declaration for each table:")


def test_no_hard_coded_references() -> None:
    """Evaluator: hard coded references. `from` and `join` are followed by a CTE, ref() or source()."""
    broken = {}
    for path in MODEL_FILES:
        text = code_of(path.read_text(encoding="utf-8"))
        ctes = set(re.findall(r"^(\w+) as \($", text, re.MULTILINE))
        read = re.findall(r"\b(?:from|join)\s+(?!\{\{ *(?:ref|source)\()([^\s)]+)", text)
        # `extract(year from …)` and `trim(both from …)` read no table.
        inner = set(re.findall(r"\b(?:extract|trim|substring)\([^()]*?\bfrom\s+([^\s)]+)", text))
        inner |= set(re.findall(r"\bdistinct\s+from\s+([^\s)]+)", text))
        if unknown := sorted(set(read) - ctes - inner):
            broken[path.stem] = ", ".join(unknown)
    fail_on(not_exempt("hard coded references", broken), "Neither a CTE nor ref() or source():")


def test_staging_reads_nothing_but_sources(project: Project) -> None:
    """Evaluator: staging dependent on staging, on intermediate or on marts; and no seeds either."""
    broken = {}
    for model in project.models:
        others = [label(each) for each in project.parents(model) if each["resource_type"] != "source"]
        if layer(model) == "staging" and others:
            broken[model["name"]] = "reads " + ", ".join(others)
    fail_on(not_exempt("staging dependent on models", broken), "Staging reads its source only:")


def test_layers_are_read_in_one_direction(project: Project) -> None:
    """Raw, staging, intermediate, marts, quality, ops: nothing reads a later layer."""
    order = ["source", "seed", "staging", "snapshot", "intermediate", "marts", "quality", "ops"]
    broken = {
        f"{model['name']} reads {label(parent)}": f"{layer(model)} is before {layer(parent)}"
        for model in project.models
        for parent in project.parents(model)
        if order.index(layer(parent)) > order.index(layer(model))
    }
    fail_on(not_exempt("one direction", broken), "A later layer is read:")


def test_every_model_has_parents(project: Project) -> None:
    """Evaluator: root models."""
    broken = {model["name"]: "reads nothing" for model in project.models if not project.parents(model)}
    fail_on(not_exempt("root models", broken), "Models that read nothing:")


def test_no_rejoining_of_upstream_concepts(project: Project) -> None:
    """Evaluator: a model with one reader, which reads the same parent too, is a CTE of that reader."""
    broken = {}
    for child in project.models:
        parents = project.parents(child)
        for between in parents:
            if between["resource_type"] != "model" or len(project.children(between)) != 1:
                continue
            if shared := [label(each) for each in project.parents(between) if each in parents]:
                broken[between["name"]] = (
                    f"only {child['name']} reads it, and that reads {', '.join(shared)} too"
                )
    fail_on(not_exempt("rejoining of upstream concepts", broken), "Make it a CTE of its one reader:")


def test_no_model_fans_out_into_many_leaves(project: Project) -> None:
    """Evaluator: model fanout, three or more children that nothing reads (no model, no exposure)."""
    broken = {}
    for model in project.models:
        children = [each for each in project.children(model) if each["resource_type"] == "model"]
        leaves = sorted(each["name"] for each in children if not project.children(each))
        if len(leaves) >= 3:
            broken[model["name"]] = f"{len(leaves)} children that nothing reads: {', '.join(leaves)}"
    fail_on(
        not_exempt("model fanout", broken),
        "Add an exposure for a mart that people read, or compute once what several children compute:",
    )


def test_no_model_reads_too_many_others(project: Project) -> None:
    """Evaluator: too many joins, seven or more resources read by one model."""
    broken = {
        model["name"]: f"reads {len(project.parents(model))}: "
        + ", ".join(sorted(label(each) for each in project.parents(model)))
        for model in project.models
        if len(project.parents(model)) >= 7
    }
    fail_on(not_exempt("too many joins", broken), "Split it by subject:")


def test_no_long_chains_of_views(project: Project) -> None:
    """Evaluator: chained view dependencies, five or more views in a row."""

    def views(node: dict[str, Any]) -> int:
        if node["resource_type"] != "model" or node["config"]["materialized"] not in ("view", "ephemeral"):
            return 0
        return 1 + max((views(parent) for parent in project.parents(node)), default=0)

    broken = {
        model["name"]: f"{views(model)} views in a row" for model in project.models if views(model) >= 5
    }
    fail_on(not_exempt("chained views", broken), "Make one of them a table:")


def test_models_are_named_by_layer(project: Project) -> None:
    """Evaluator: model naming conventions; intermediate models by subject. quality/ and ops/ are free."""
    patterns = {
        "staging": r"stg_{folder}__\w+",
        "intermediate": r"int_{folder}__\w+",
        "marts": r"(?!stg_|int_)\w+",
        "quality": r"(?!stg_|int_|dim_|fct_)\w+",
        "ops": r"(?!stg_|int_|dim_|fct_)\w+",
    }
    broken = {}
    for model in project.models:
        pattern = patterns.get(layer(model), "(no such layer)").replace("{folder}", model["fqn"][2])
        if not re.fullmatch(pattern, model["name"]):
            broken[model["name"]] = (
                f"in models/{'/'.join(model['fqn'][1:-1])}, where names are like {pattern}"
            )
    fail_on(not_exempt("model naming conventions", broken), "Names:")


def test_marts_are_named_by_their_grain(project: Project) -> None:
    """`dim_`: facts refer to it. `fct_`: measured in a race or after a round. No prefix: a summary."""
    broken = {}
    for mart in (model for model in project.models if layer(model) == "marts"):
        prefix = re.match(r"(dim_|fct_)?", mart["name"])[0]
        is_of_a_race = bool({"race_id", "round"} & set(mart["columns"]))
        if prefix != "dim_" and (prefix == "fct_") != is_of_a_race:
            broken[mart["name"]] = "has a race or a round" if is_of_a_race else "has no race and no round"
    fail_on(not_exempt("names of marts", broken), "A fact of a race is fct_*, a summary has no prefix:")


def test_a_model_has_one_yaml_file_next_to_its_sql(project: Project) -> None:
    """The file has the name of the model: its description, columns, data tests and unit tests."""
    broken = {}
    for node in project.of("model") + project.of("seed"):
        expected = Path(node["original_file_path"]).with_suffix(".yml").as_posix()
        if (declared := (node["patch_path"] or "nowhere").removeprefix(f"{PACKAGE}://")) != expected:
            broken[node["name"]] = f"described in {declared}"
    for test in project.manifest["unit_tests"].values():
        model = project.resources[f"model.{PACKAGE}.{test['model']}"]
        if test["original_file_path"] != Path(model["original_file_path"]).with_suffix(".yml").as_posix():
            broken[test["name"]] = f"in {test['original_file_path']}"
    fail_on(not_exempt("one YAML file a model", broken), "Not in <name>.yml next to the SQL or CSV:")


def test_no_yaml_file_is_long() -> None:
    """Long files are hard to read. The declaration of the sources is the longest."""
    files = [
        path for folder in ("models", "seeds", "snapshots") for path in (PROJECT / folder).rglob("*.yml")
    ]
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    fail_on(
        (f"{path.name}: {count} lines" for path, count in lines.items() if count > 600), "Over 600 lines:"
    )


def test_staging_models_are_in_the_folder_of_their_source(project: Project) -> None:
    """Evaluator: model directories."""
    broken = {
        model["name"]: f"in {Path(model['original_file_path']).parent}, reads {label(parent)}"
        for model in project.models
        for parent in project.parents(model)
        if layer(model) == "staging"
        and parent["resource_type"] == "source"
        and Path(model["original_file_path"]).parent != Path("models/staging") / parent["source_name"]
    }
    fail_on(not_exempt("model directories", broken), "models/staging/<source>/:")


def test_sources_are_declared_in_their_folder(project: Project) -> None:
    """Evaluator: source directories."""
    broken = {
        label(source): source["original_file_path"]
        for source in project.of("source")
        if source["original_file_path"]
        != f"models/staging/{source['source_name']}/_{source['source_name']}__sources.yml"
    }
    fail_on(not_exempt("source directories", broken), "models/staging/<source>/_<source>__sources.yml:")


def test_models_and_their_tests_are_declared_in_the_folder_of_the_model(project: Project) -> None:
    """Evaluator: test directories. The description of a model is in the folder of its SQL, too."""
    broken = {}
    for model in project.models:
        folder = Path(model["original_file_path"]).parent
        declared = (model["patch_path"] or "nowhere").removeprefix(f"{PACKAGE}://")
        if Path(declared).parent != folder:
            broken[model["name"]] = f"declared in {declared}"
        for test in project.manifest["nodes"].values():
            attached = test["resource_type"] == "test" and test.get("attached_node") == model["unique_id"]
            if attached and Path(test["original_file_path"]).parent != folder:
                broken[model["name"]] = f"{test['name']} is in {test['original_file_path']}"
    fail_on(not_exempt("test directories", broken), "YAML in another folder than the model:")


def test_every_model_is_tested(project: Project) -> None:
    """Evaluator: test coverage, 100 %. A primary key that the engine enforces is a test."""
    tested = {
        test.get("attached_node")
        for test in project.manifest["nodes"].values()
        if test["resource_type"] == "test"
    }
    broken = {
        model["name"]: "no test and no primary key"
        for model in project.models
        if model["unique_id"] not in tested and not primary_key(model)
    }
    fail_on(not_exempt("test coverage", broken), "Untested models:")


def test_sources_are_documented_as_a_whole(project: Project) -> None:
    """Evaluator: undocumented sources (its rules on models and tables are covered above)."""
    broken = {
        source["source_name"]: "no description"
        for source in project.of("source")
        if not source["source_description"].strip()
    }
    fail_on(not_exempt("undocumented sources", broken), "Sources:")


def test_sources_have_freshness(project: Project) -> None:
    """Evaluator: sources without freshness."""
    broken = {}
    for source in project.of("source"):
        limits = source["freshness"] or {}
        if not any((limits.get(each) or {}).get("count") for each in ("warn_after", "error_after")):
            broken[label(source)] = "no freshness"
    fail_on(not_exempt("sources without freshness", broken), "Sources without freshness:")


def test_exposures_read_public_tables(project: Project) -> None:
    """Evaluator: exposures dependent on private models, or on other layers than marts, quality, ops, seeds.

    Models of ops are views, because a build adds its own row to what they read after dbt has finished.
    """
    broken = {
        f"{exposure['name']} reads {label(parent)}": f"in {layer(parent)}"
        for exposure in project.of("exposure")
        for parent in project.parents(exposure)
        # A seed is public: it has the rules of the sport, and colors.
        if parent["resource_type"] != "seed"
        if layer(parent) not in ("marts", "quality", "ops")
        or (layer(parent) != "ops" and parent["config"]["materialized"] not in ("table", "by_season"))
        or parent["config"]["access"] == "private"
    }
    fail_on(
        not_exempt("exposure parents", broken), "An exposure reads tables of marts/ and quality/, and seeds:"
    )


def test_public_models_have_a_contract(project: Project) -> None:
    """Evaluator: public models without contract."""
    broken = {
        model["name"]: "public, no contract"
        for model in project.models
        if model["config"]["access"] == "public" and not model["config"]["contract"]["enforced"]
    }
    fail_on(not_exempt("public models without contract", broken), "Public models:")


# SQL


def code_of(text: str) -> str:
    """SQL without its comments and without the contents of its strings, Jinja left in."""
    text = re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL)
    text = re.sub(r"--.*", "", text)
    return re.sub(r"'[^'\n]*'", "''", text)


@pytest.mark.parametrize("path", MODEL_FILES, ids=lambda path: path.stem)
def test_a_model_starts_with_imports_and_ends_with_its_last_cte(path: Path) -> None:
    """Imports are a plain `select *`. The last line selects all of the last CTE."""
    text = re.sub(r"--.*", "", path.read_text(encoding="utf-8"))
    ctes = re.findall(r"^(\w+) as \(\n(.*?)^\),?$", text, flags=re.MULTILINE | re.DOTALL)
    assert ctes, "no CTE"
    last_line = text.rstrip().splitlines()[-1]
    assert last_line == f"select * from {ctes[-1][0]}", f"the last line is {last_line!r}"

    plain = re.compile(r"\s*select \* from \{\{ (?:ref|source)\([^{}]*\) \}\}(?:\s+where [^;]*)?\s*")
    readers = [index for index, (_, body) in enumerate(ctes) if re.search(r"\{\{ *(ref|source)\(", body)]
    computing = [ctes[index][0] for index in readers if not plain.fullmatch(ctes[index][1])]
    assert not computing, f"{', '.join(computing)}: read ref() or source() by a plain import CTE"
    assert readers == list(range(len(readers))), "import CTEs come first"


NOT_PORTABLE = {
    "qualify": r"\bqualify\b",
    "group by all": r"\b(group|order)\s+by\s+all\b",
    "try_cast": r"\btry_cast\s*\(|\bsafe_cast\s*\(",
    "median": r"\bmedian\s*\(",
    "max_by": r"\b(max_by|min_by|arg_max|arg_min|argmax|argmin)\s*\(",
    "every": r"\bevery\s*\(",
    "distinct on": r"\bdistinct\s+on\b",
    "double colon": r"::",
    "regular expressions": r"\bregexp\w*\s*\(|\s~\*?\s|\bsimilar\s+to\b|\brlike\b",
    "initcap": r"\binitcap\s*\(",
    "to_char": r"\b(to_char|strftime|strptime|date_format|to_timestamp)\s*\(",
    "ordered aggregate": r"\b(array_agg|string_agg|listagg|group_concat|list)\s*\(",
    "day of week": r"\bextract\s*\(\s*(dow|dayofweek|isodow)\b|\bdayofweek\s*\(|\bdayname\s*\(",
    "date functions": r"(?<!dbt\.)\b(date_diff|datediff|date_part|date_add|epoch_ms|epoch)\s*\(",
    "trailing comma": r",\s*\bfrom\b",
    "star modifiers": r"\*\s*(exclude|except|replace|rename)\b|\bcolumns\s*\(",
    "null functions": r"\b(ifnull|nvl|isnull|iff)\s*\(|(?<![%-] )\bif\s*\(",
    "float": r"\bas\s+(double|float|real|numeric)\b",
    "integer division": r"\s//\s|\bdiv\b",
    "files": r"\bread_(parquet|csv|csv_auto|json)\s*\(",
    "asof and positional joins": r"\b(asof|positional|semi|anti|natural)\s+join\b",
    "pivot": r"^\s*(un)?pivot\b",
    "lists and structs": r"(?<!dbt_utils\.)\b(list_\w+|struct_\w+|unnest|explode|generate_series)\s*\(",
    # Spark reads the name of a window and a minus after it as one name.
    "minus after a window": r"\bover\s+\w+\s*-",
    "unsafe dbt macros": r"\bdbt\.(type_float|listagg|split_part|safe_cast)\b|\bdbt_utils\.date_spine\b",
    "engine names": r"\b(target\.type|adapter\.dispatch|adapter\.type)\b",
}


@pytest.mark.parametrize("construct", NOT_PORTABLE)
def test_sql_is_portable(construct: str) -> None:
    """Models and macros outside macros/cross_db/ use only SQL that DuckDB, PostgreSQL and Spark share."""
    pattern = re.compile(NOT_PORTABLE[construct], re.IGNORECASE | re.MULTILINE)
    found = []
    for path in MODEL_FILES + MACRO_FILES:
        text = code_of(path.read_text(encoding="utf-8"))
        if construct == "regular expressions":  # in Jinja, ~ joins strings
            text = re.sub(r"\{[%{].*?[%}]\}", "", text, flags=re.DOTALL)
        found += [f"{path.relative_to(PROJECT)}: {match[0].strip()!r}" for match in pattern.finditer(text)]
    fail_on(found, "Not the same on every engine:")


# Overrides


def test_every_override_of_dbt_has_its_reason(project: Project) -> None:
    """A macro that replaces one of dbt or of an installed adapter is listed in DECISIONS.md."""
    include = Path(dbt.include.__path__[0])
    files = [path.read_text(encoding="utf-8") for path in include.rglob("macros/**/*.sql")]
    of_dbt = {name for text in files for name in re.findall(r"{%-?\s*macro\s+(\w+)", text)}
    of_dbt |= {
        f"materialization_{name}"
        for text in files
        for name in re.findall(r"{%-?\s*materialization\s+(\w+)", text)
    }
    assert {"create_table_as", "materialization_snapshot"} <= of_dbt
    engine = re.compile(r"^(duckdb|postgres|spark|redshift)__|_(default|duckdb|spark)$")
    own = {macro["name"] for macro in project.manifest["macros"].values() if macro["package_name"] == PACKAGE}
    overrides = {name for name in own if {name, engine.sub("", name)} & of_dbt}
    assert "generate_schema_name" in overrides
    decisions = (PROJECT / "DECISIONS.md").read_text(encoding="utf-8")
    section = decisions.partition(": Overrides of dbt\n")[2].partition("\n## ")[0]
    listed = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    assert overrides <= listed, (
        "List it in DECISIONS.md, section `Overrides of dbt`, with the reason and the way out"
    )
    assert listed <= own, "What DECISIONS.md lists is no longer there"


# Deprecations

PARSE = """
import sys
from dbt.cli.main import dbtRunner
from dbt.jsonschemas import jsonschemas

jsonschemas._JSONSCHEMA_SUPPORTED_ADAPTERS.add("duckdb")  # dbt checks YAML for its own adapters only
found = []


def collect(event):
    if "Deprecation" in event.info.name:
        found.append(f"{event.info.name}: {event.info.msg}")


result = dbtRunner(callbacks=[collect]).invoke(sys.argv[1:])
print("DEPRECATIONS", *found, sep="\\n")
sys.exit(1 if found or not result.success else 0)
"""


def parse(folder: Path, scratch: Path) -> subprocess.CompletedProcess[str]:
    """Parse a whole project, with all deprecation warnings of dbt switched on."""
    program = scratch / "parse.py"
    program.write_text(PARSE, encoding="utf-8")
    command = ["parse", "--no-partial-parse", "--show-all-deprecations"]
    command += ["--project-dir", str(folder), "--profiles-dir", str(PROJECT)]
    command += ["--target-path", str(scratch / "target"), "--log-path", str(scratch / "logs")]
    return run(program, *command, cwd=folder, PITWALL_DATA=scratch)


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The folder with dbt's parse state of the project, and what dbt printed."""
    scratch = tmp_path_factory.mktemp("parsed")
    return scratch, parse(PROJECT, scratch)


def test_dbt_reports_no_deprecation(parsed: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """The check includes deprecations that dbt does not look for on DuckDB."""
    _, result = parsed
    assert result.returncode == 0, result.stdout


def test_a_deprecation_is_found(tmp_path: Path) -> None:
    """The check above relies on dbt's internals: this test fails if the check finds nothing any more."""
    (tmp_path / "models").mkdir()
    (tmp_path / "dbt_project.yml").write_text(
        "name: old\nprofile: pitwall\nflags: {send_anonymous_usage_stats: false}\n"
    )
    (tmp_path / "models" / "old.sql").write_text("select 1 as one")
    (tmp_path / "models" / "old.yml").write_text(
        "models:\n  - name: old\n    config: {no_such_setting: 1}\n    no_such_key: 1\n"
    )
    result = parse(tmp_path, tmp_path)
    assert result.returncode == 1
    assert "Deprecation" in result.stdout.partition("DEPRECATIONS")[2]


# Thresholds

# Numbers in SQL that are not thresholds, by file, with the reason.
# 0, 1 and a factor of 100 (per cent) need no reason.
NUMBERS = {
    "constructor_pit_stops": {"0.25": "a quartile", "0.75": "a quartile"},
    "dim_dates": {
        **dict.fromkeys(("10", "1000", "10000", "100000"), "the value of a digit at its position"),
        **dict.fromkeys(("12", "31"), "the last day of the year"),
    },
    "fct_baseline_predictions": {
        "0.5": "the weight after a half-life",
        "11": "half-lives after which a thousand thousandths are less than a half",
        "1000": "weights are in thousandths",
    },
    "fct_pit_stop_times": {"2": "the lap into the lane and the lap out of it"},
    "fct_qualifying_results": {"2147483647": "the greatest integer, in place of a missing time"},
    "fct_race_laps": {"1000000.0": "the unit is a millionth"},
    "fct_race_pace": {
        "0.25": "a quartile",
        "0.75": "a quartile",
        "0.5": "the median",
        "2": "place in the array of percentiles",
        "3": "place in the array of percentiles",
        "4": "place in the array of percentiles",
        "5": "place in the array of percentiles",
    },
    "fct_race_results": {"3": "the places on a podium"},
    "fct_undercuts": {"2": "the lap before the out-lap"},
    "int_careers__seasons": {"3": "the places on a podium"},
    "int_careers__teams": {"3": "the places on a podium"},
    "int_championship__countback": {"19": "one place after 18", "37": "one place after 36"},
    "int_championship__points_by_system": {"2": "points have two decimals"},
    "int_championship__session_maxima": {"2": "the best place of a second car"},
    "int_results__corrected_times": {
        **dict.fromkeys(("3600000", "3600000.0"), "the milliseconds of an hour"),
        **dict.fromkeys(("60000", "60000.0"), "the milliseconds of a minute"),
        "1800000": "half an hour: nearer to no lost hour than to one",
    },
    "int_laps__stops_between_normal_laps": {"2": "the lap into the lane and the lap out of it"},
    "int_prediction__outcomes": {"3": "the places on a podium"},
    "int_prediction__title_baselines": {"100": "per cent"},
    "int_qualifying__positions": {"2": "sessions with a time", "3": "sessions with a time"},
    "race_times_fit_the_circuit": {
        "10": "seasons in which cars and circuits change little",
        "60": "per cent: a race that lost an hour takes less",
    },
    "stg_ops__builds": {"2": "the length of a colon and a space"},
    "team_mate_careers": {"0.5": "the median"},
    "team_mate_seasons": {"0.5": "the median"},
}


def numbers_of(text: str) -> set[str]:
    """The numbers in SQL that need a reason. Numbers inside a string argument of a macro are not found."""
    text = re.sub(r"\bdecimal\(\d+, \d+\)|[*/] 100(\.0)?\b|\b100(\.0)? \*", "", code_of(text))
    return set(re.findall(r"(?<![\w.])\d+(?:\.\d+)?", text)) - {"0", "1"}


def test_a_threshold_is_a_var() -> None:
    """It is in dbt_project.yml with its reason, and not a number in a model or a test."""
    problems = []
    for path in MODEL_FILES + sorted((PROJECT / "tests").rglob("*.sql")):
        found, known = numbers_of(path.read_text(encoding="utf-8")), NUMBERS.get(path.stem, {}).keys()
        problems += [f"{path.stem}: {number} has no reason" for number in found - known]
        problems += [f"{path.stem}: {number} is not there any more" for number in known - found]
    fail_on(
        problems,
        "Make it a var of dbt_project.yml. If it is not a threshold, add it with its reason to NUMBERS in "
        "tests/python/test_project.py:",
    )


def test_a_threshold_in_sql_is_found() -> None:
    """Types, per cent, comments and vars need no reason. Every other number does."""
    assert numbers_of("select 100.0 * wins / starts") == set()
    assert numbers_of("where laps >= 5 and share * 100 < {{ var('least_percent') }} -- 7 of 9") == {"5"}
    assert numbers_of("select cast(x as decimal(8, 3)), 1.05 * y from t_2 having count(*) > 1") == {"1.05"}


def test_duckdb_leaves_memory_to_dbt() -> None:
    """The limit of profiles.yml is less than half of DuckDB's own: large builds use the disk in time."""
    found = re.search(r"memory_limit: (\S+)", (PROJECT / "profiles.yml").read_text(encoding="utf-8"))
    assert found
    with duckdb.connect() as connection:
        limits = []
        for value in (None, found[1]):
            if value:
                connection.execute(f"set memory_limit = '{value}'")
            limits += connection.execute(
                "select parse_formatted_bytes(current_setting('memory_limit'))"
            ).fetchall()[0]
    default, ours = limits
    assert ours < default / 2


def test_every_var_has_a_reason_and_a_reader() -> None:
    """A comment stands above each var or block of vars, and a model, macro or generic test reads the var."""
    lines = (PROJECT / "dbt_project.yml").read_text(encoding="utf-8").partition("\nvars:\n")[2].splitlines()
    declared: dict[str, bool] = {}
    for before, line in zip(["", *lines], lines, strict=False):
        if line and not line.startswith(" "):
            break
        if name := re.match(r"  (\w+):", line):
            declared[name[1]] = bool(before.strip())
    readers = [
        *MODEL_FILES,
        *(PROJECT / "macros").rglob("*.sql"),
        *(PROJECT / "tests" / "generic").glob("*.sql"),
    ]
    read = set(re.findall(r"\bvar\('(\w+)'\)", "".join(path.read_text(encoding="utf-8") for path in readers)))
    problems = [f"{name}: no comment" for name, has_reason in declared.items() if not has_reason]
    problems += [f"{name}: nothing reads it" for name in declared.keys() - read]
    fail_on(problems, "The vars of dbt_project.yml:")
