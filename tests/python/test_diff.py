"""`make diff` reports exactly what changed between two versions of the project."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from conftest import ROOT, must_run, run, run_dbt

from pitwall.command import PlainError
from pitwall.raw import manifest
from pitwall.raw.manifest import file_sha256
from pitwall.raw.origin import write_origin
from pitwall.warehouse import diff_report, versions
from pitwall.warehouse.comparison import Difference, compare_rows
from pitwall.warehouse.diff_report import Built, Comparison, TableChange, compare_warehouses, render
from pitwall.warehouse.versions import Version, base_commit, converter_fingerprint, why_everything

SETTINGS = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
WHO = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, without the user's settings. Returns what it prints."""
    done = subprocess.run(
        ["git", *WHO, *arguments], cwd=folder, env=os.environ | SETTINGS, capture_output=True, text=True
    )
    assert not done.returncode, done.stderr
    return done.stdout.strip()


def commit_all(folder: Path, message: str = "A step") -> str:
    """Commit all files of a folder. Returns the id of the commit."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def change(file: Path, old: str, new: str) -> None:
    """Replace a text that a file has once."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, (file.name, old)
    file.write_text(text.replace(old, new), encoding="utf-8")


# Rows


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory, with a table `was` of three rows."""
    with duckdb.connect() as database:
        database.execute(
            "create table laps as from "
            "(values (1, 1, 1.50, 'Senna'), (1, 2, null, 'Prost'), (2, 1, 3.00, '')) "
            "as laps (race_id, lap, points, driver)"
        )
        yield database


COLUMNS = {"race_id": "integer", "lap": "integer", "points": "decimal(8, 2)", "driver": "varchar"}


def compare(connection: duckdb.DuckDBPyConnection, now: str) -> Difference:
    """Compare the table with a query."""
    return compare_rows(connection, "laps", f"({now})", COLUMNS, ["race_id", "lap"])


def test_added_removed_and_changed_rows_are_counted(connection: duckdb.DuckDBPyConnection) -> None:
    found = compare(
        connection,
        "select race_id, lap, coalesce(points, 7) as points, driver from laps where race_id = 1 "
        "union all select 3, 1, 0, 'Hill'",
    )
    assert (found.added, found.removed, found.changed, found.columns) == (1, 1, 1, {"points": 1})
    assert [row.cells["driver"] for row in found.added_rows] == ["Hill"]
    assert [row.cells["race_id"] for row in found.removed_rows] == [2]
    [row] = found.changed_rows["points"]
    assert row.was
    assert row.now
    assert (row.was["points"], row.now["points"]) == (None, Decimal(7))
    assert found.first == row


def test_each_column_is_counted_and_three_rows_are_kept_of_each(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    connection.execute("insert into laps select 9, lap, 1, 'Hill' from range(5) as laps (lap)")
    found = compare(
        connection,
        "select * replace (if(race_id = 9, 2, points) as points, if(lap = 2, 'x', driver) as driver) "
        "from laps",
    )
    assert (found.changed, found.columns) == (6, {"points": 5, "driver": 2})
    assert [row.cells["lap"] for row in found.changed_rows["points"]] == [0, 1, 2]
    assert [row.cells["race_id"] for row in found.changed_rows["driver"]] == [1, 9]


@pytest.mark.parametrize("repeats", [1, 2])
def test_rows_of_a_repeated_key_are_paired(connection: duckdb.DuckDBPyConnection, repeats: int) -> None:
    """Only then are they numbered, which takes time."""
    rows = " union all ".join(["from laps"] * repeats)
    assert compare_rows(connection, f"({rows})", f"({rows})", COLUMNS, ["race_id"]).rows == 0
    found = compare_rows(
        connection, f"({rows})", f"({rows} union all from laps where lap = 2)", COLUMNS, ["race_id", "lap"]
    )
    assert (found.added, found.removed, found.changed) == (1, 0, 0)


# Tables. Both sides are files of the same small project, whose manifest is made here.


class Side:
    """A warehouse file with some tables, and what dbt would say of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.nodes: dict[str, dict[str, Any]] = {}
        with duckdb.connect(folder / "warehouse.duckdb") as connection:
            connection.execute("create schema marts")

    def add(self, name: str, query: str, key: list[str]) -> "Side":
        """Add a mart."""
        with duckdb.connect(self.folder / "warehouse.duckdb") as connection:
            connection.execute(f"create table marts.{name} as {query}")
        unique_id = f"model.pitwall.{name}"
        self.nodes[unique_id] = {
            "unique_id": unique_id,
            "name": name,
            "alias": name,
            "resource_type": "model",
            "config": {"contract": {"enforced": True}, "schema": "marts"},
            "constraints": [{"type": "primary_key", "columns": key}],
        }
        return self

    def add_test(self, name: str) -> "Side":
        """Add a data test to the manifest."""
        self.nodes[f"test.pitwall.{name}"] = {
            "unique_id": f"test.pitwall.{name}",
            "name": name,
            "resource_type": "test",
        }
        return self

    def built(self, *names: str, seconds: float = 1) -> Built:
        """The warehouse, in which dbt built the named tables; all of them if none is named."""
        results = [
            {"unique_id": unique_id, "execution_time": seconds}
            for unique_id, node in self.nodes.items()
            if node["resource_type"] == "model" and (not names or node["name"] in names)
        ]
        return Built(
            self.folder / "warehouse.duckdb", {"nodes": self.nodes, "unit_tests": {}}, {"results": results}
        )


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Side, Side]:
    """Two warehouses with the same table of races."""
    query = "select race_id::integer as race_id, 2020 as season, 'GP ' || race_id as race_name "
    query += "from range(4) as races (race_id)"
    base, head = (Side(tmp_path / name).add("dim_races", query, ["race_id"]) for name in ("base", "head"))
    return base, head


def page(base: Built, head: Built) -> str:
    """The report."""
    return render(
        "`main`", "the working tree", "some data", compare_warehouses(base, head), ["Mind the gap."]
    )


def test_tables_that_are_the_same_are_not_listed(sides: tuple[Side, Side]) -> None:
    text = page(sides[0].built(), sides[1].built())
    assert "**No differences** in 1 table.\n" in text
    assert "dim_races" not in text
    assert "- No test was added or removed." in text
    assert text.endswith("\nNote: Mind the gap.\n")


def test_a_new_table_and_one_that_is_gone_are_listed(sides: tuple[Side, Side]) -> None:
    base, head = sides
    base.add("fct_old", "select 1 as one", ["one"])
    head.add("fct_new", "select 1 as one union all select 2", ["one"])
    text = page(base.built(), head.built("fct_new"))
    assert "**2 of 3 tables differ.**" in text
    assert "## marts.fct_new\n\n- New table with 2 rows.\n" in text
    assert "## marts.fct_old\n\n- The table, with 1 row, is gone.\n" in text


def test_columns_that_came_went_or_have_another_type_are_listed(sides: tuple[Side, Side]) -> None:
    """The rows are compared by the other columns, and a number by its value."""
    base, head = sides
    base.add("fct_laps", "select 1 as lap, 2.50::decimal(5, 2) as points, 'a' as old, 'x' as text", ["lap"])
    head.add(
        "fct_laps", "select 'x' as text, 1::bigint as lap, 2.5::decimal(8, 3) as points, true as new", ["lap"]
    )
    text = page(base.built(), head.built())
    assert text.partition("## marts.fct_laps\n\n")[2].partition("\n\n")[0].splitlines() == [
        "- New column `new`, BOOLEAN.",
        "- Column `old`, VARCHAR, is gone.",
        "- Column `lap` is BIGINT; it was INTEGER.",
        "- Column `points` is DECIMAL(8,3); it was DECIMAL(5,2).",
        "- The columns are in another order.",
    ]
    assert re.search(
        r"\| `marts.fct_laps` +\| +1 \| +0 \| +0 \| +0 \| new: `new`, gone: `old`, type: `lap` and 2 more",
        text,
    )


def test_rows_are_paired_by_a_key_that_both_sides_have(sides: tuple[Side, Side]) -> None:
    base, head = sides
    base.add("fct_laps", "select 1 as lap, 5 as points", ["lap"])
    head.add("fct_laps", "select 1 as lap, 6 as points, 1 as turn", ["lap", "turn"])
    text = page(base.built(), head.built())
    assert "- The primary key is `lap`, `turn`; it was `lap`.\n" in text
    assert "- `points` changed in 1 row:\n  - lap `1`: `5` → `6`\n" in text


def test_without_such_a_key_whole_rows_are_compared(sides: tuple[Side, Side]) -> None:
    base, head = sides
    base.add("fct_laps", "select 1 as lap, 5 as points", ["lap"])
    head.add("fct_laps", "select 1 as turn, 6 as points", ["turn"])
    text = page(base.built(), head.built())
    assert "- 1 row added:\n  - points `6`\n- 1 row removed:\n  - points `5`\n" in text


def test_rows_are_named_by_their_key_and_for_a_reader(sides: tuple[Side, Side]) -> None:
    base, head = sides
    with duckdb.connect(head.folder / "warehouse.duckdb") as connection:
        connection.execute("delete from marts.dim_races where race_id = 3")
        connection.execute("update marts.dim_races set race_name = 'a `b` | c' where race_id = 1")
        connection.execute("update marts.dim_races set race_name = null where race_id = 2")
        connection.execute("update marts.dim_races set race_name = '' where race_id = 0")
    text = page(base.built(), head.built())
    assert "- 1 row removed:\n  - race_id `3` (2020, GP 3)\n" in text
    assert "  - race_id `0` (2020): `GP 0` → an empty text\n" in text
    assert "  - race_id `1` (2020, a `b` | c): `GP 1` → `a 'b' | c`\n" in text
    assert "  - race_id `2` (2020): `GP 2` → NULL\n" in text


def test_what_dbt_did_not_build_again_is_not_read(sides: tuple[Side, Side]) -> None:
    """It is as it was copied. This saves most of the time."""
    base, head = sides
    with duckdb.connect(head.folder / "warehouse.duckdb") as connection:
        connection.execute("delete from marts.dim_races")
    head.add("fct_new", "select 1 as one", ["one"])
    assert [each.name for each in compare_warehouses(base.built(), head.built("fct_new")).changes] == [
        "marts.fct_new"
    ]


def test_tests_are_listed_and_counted(sides: tuple[Side, Side]) -> None:
    base, head = sides
    base.add_test("both").add_test("old")
    head.add_test("both")
    for number in range(12):
        head.add_test(f"new_{number:02}")
    text = page(base.built(), head.built())
    assert "- 12 tests added: `new_00`, " in text
    assert "`new_09` and 2 more.\n- 1 test removed: `old`.\n" in text


def test_a_model_that_takes_much_longer_is_named(sides: tuple[Side, Side]) -> None:
    base, head = sides
    text = page(base.built(seconds=1.2), head.built(seconds=5))
    assert "- What was built in both took 1.2 s in the base, 5.0 s in the head.\n" in text
    assert "- `dim_races` is slower: 1.2 s → 5.0 s.\n" in text
    assert "slower" not in page(base.built(seconds=1.2), head.built(seconds=2))


def test_long_lists_of_columns_are_cut() -> None:
    columns = {f"column_{number:02}": number + 1 for number in range(13)}
    row = diff_report.Row(1, {"key": 1, **dict.fromkeys(columns, 0)}, {"key": 1, **dict.fromkeys(columns, 1)})
    difference = Difference(changed=9, columns=columns, changed_rows={name: [row] for name in columns})
    found = TableChange("marts.fct_wide", (9, 9), ["key"], [], difference)
    text = render("a", "b", "c", Comparison(1, [found], (1, 1), ([], []), {}), [])
    assert "- Also changed: `column_10` (11), `column_11` (12), `column_12` (13).\n" in text
    assert "| `column_00`, `column_01`, `column_02` and 10 more |" in text


# Three planted changes in the shared simulated warehouse, with the real manifest


def test_three_planted_changes_are_reported_and_nothing_else(
    simulated_warehouse: Path, tmp_path: Path
) -> None:
    """A wrong value, a dropped row, a new column: in a copy of the warehouse."""
    copy = Path(shutil.copy(simulated_warehouse, tmp_path / "warehouse.duckdb"))
    with duckdb.connect(copy) as connection:
        [(driver, name, wins)] = connection.execute(
            "select driver_id, driver_name, wins from marts.driver_careers order by wins desc limit 1"
        ).fetchall()
        [(status, status_name)] = connection.execute(
            "select status_id, status from marts.dim_statuses limit 1"
        ).fetchall()
        connection.execute("update marts.driver_careers set wins = wins + 1 where driver_id = ?", [driver])
        connection.execute("delete from marts.dim_statuses where status_id = ?", [status])
        connection.execute("alter table marts.fct_pit_stops add column is_slow boolean")
    target = simulated_warehouse.parent / ".build" / "target"
    manifest, results = (
        json.loads((target / f"{each}.json").read_text(encoding="utf-8"))
        for each in ("manifest", "run_results")
    )
    base = Built(simulated_warehouse, manifest, results)
    text = page(base, replace(base, warehouse=copy))
    assert re.findall(r"(?m)^## (marts\..+)", text) == [
        "marts.dim_statuses",
        "marts.driver_careers",
        "marts.fct_pit_stops",
    ]
    assert text.partition("## marts.")[2].partition("\n## Tests")[0].splitlines() == [
        "dim_statuses",
        "",
        "- 1 row removed:",
        f"  - status_id `{status}` ({status_name})",
        "",
        "## marts.driver_careers",
        "",
        "- `wins` changed in 1 row:",
        f"  - driver_id `{driver}` ({name}): `{wins}` → `{wins + 1}`",
        "",
        "## marts.fct_pit_stops",
        "",
        "- New column `is_slow`, BOOLEAN.",
    ]


# Commits


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two commits on main and one on a branch `work` that left main at the first."""
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    for name in ("first", "second"):
        (folder / name).touch()
        commit_all(folder, name)
    git(folder, "checkout", "--quiet", "-b", "work", "HEAD~1")
    (folder / "third").touch()
    commit_all(folder, "third")
    monkeypatch.setattr(versions, "ROOT", folder)
    return folder


def test_by_default_the_base_is_where_the_branch_left_main(repository: Path) -> None:
    assert base_commit(None).id == git(repository, "rev-parse", "main~1")
    assert base_commit("main").id == git(repository, "rev-parse", "main")


def test_the_default_branch_of_origin_comes_first(repository: Path) -> None:
    git(repository, "update-ref", "refs/remotes/origin/trunk", "work")
    git(repository, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
    assert base_commit(None).id == git(repository, "rev-parse", "work")


def test_the_head_is_described(repository: Path) -> None:
    commit = git(repository, "rev-parse", "--short=7", "HEAD")
    assert versions.describe_head() == f"the working tree, `work` ({commit})"
    (repository / "new").touch()
    assert (
        versions.describe_head() == f"the working tree, `work` ({commit}) with changes that are not committed"
    )


@pytest.mark.parametrize("ref", ["nowhere", "", "--help", "HEAD:first", "0" * 40])
def test_a_name_that_is_no_commit_is_refused(repository: Path, ref: str) -> None:
    with pytest.raises(PlainError, match=f"^BASE={ref}: is no commit; name a branch"):
        base_commit(ref)


def test_without_a_branch_main_a_base_has_to_be_named(repository: Path) -> None:
    git(repository, "branch", "--delete", "--force", "main")
    with pytest.raises(PlainError, match="no branch main to compare with; name a commit"):
        base_commit(None)


def test_a_folder_that_is_no_repository_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "ROOT", tmp_path)
    with pytest.raises(PlainError, match="not a git repository"):
        base_commit("main")


def test_a_commit_without_the_project_is_refused(repository: Path) -> None:
    with (
        pytest.raises(PlainError, match="work: has no dbt_project"),
        versions.extracted(base_commit("work")),
    ):
        pass


def test_only_local_files_are_compared(tmp_path: Path) -> None:
    result = run(ROOT / "scripts" / "diff.py", PITWALL_DATA=tmp_path, PITWALL_LAKE="s3://bucket")
    assert (result.returncode, result.stdout.count("\n")) == (2, 1)
    assert "PITWALL_LAKE is set" in result.stdout
    assert list(tmp_path.iterdir()) == []


# What dbt's state does not know


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Version, Version]:
    """Two versions of a small project with the same files. Base has a manifest: one model uses one macro."""
    made = []
    for name in ("base", "head"):
        project = tmp_path / name / "project"
        for path, text in {
            "dbt_project.yml": "name: pitwall\nvars: {laps: 5}\nmodels: {}\nflags: {}\n",
            "profiles.yml": "pitwall: {}\n",
            "macros/used.sql": "{% macro used() %}1{% endmacro %}",
            "macros/hook.sql": "{% macro hook() %}1{% endmacro %}",
            "macros/other.sql": "{% macro spark__used() %}1{% endmacro %}",
            "models/model.sql": "select {{ used() }} as one",
        }.items():
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_text(text, encoding="utf-8")
        made.append(Version(project, tmp_path / name / "data"))
        made[-1].target.mkdir(parents=True)
    macros = {
        f"macro.pitwall.{name}": {
            "name": name,
            "package_name": "pitwall",
            "original_file_path": f"macros/{file}.sql",
            "depends_on": {"macros": ["macro.pitwall.deep"] if name == "used" else []},
        }
        for name, file in {"used": "used", "deep": "used", "hook": "hook", "spark__used": "other"}.items()
    }
    nodes = {"model": {"depends_on": {"macros": ["macro.pitwall.used"]}}, "seed": {"depends_on": {}}}
    (made[0].target / "manifest.json").write_text(
        json.dumps({"nodes": nodes, "macros": macros}), encoding="utf-8"
    )
    return made[0], made[1]


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("models/model.sql", "select 2 as one", ""),
        ("macros/used.sql", "{% macro used() %}2{% endmacro %}", ""),
        ("macros/other.sql", "{% macro spark__used() %}2{% endmacro %}", ""),
        ("macros/hook.sql", "{% macro hook() %}2{% endmacro %}", "macros in macros/hook.sql differ"),
        ("macros/new.sql", "{% macro ref() %}2{% endmacro %}", "macros in macros/new.sql differ"),
        ("profiles.yml", "pitwall: {a: 1}", "profiles.yml differs"),
        (
            "dbt_project.yml",
            "name: pitwall\nvars: {laps: 6}\nmodels: {}\n",
            "`vars` in dbt_project.yml differs",
        ),
        ("dbt_project.yml", "name: pitwall\nvars: {laps: 5}\nmodels: {a: 1}\n", ""),
    ],
)
def test_everything_is_built_if_state_does_not_show_what_changed(
    pair: tuple[Version, Version], monkeypatch: pytest.MonkeyPatch, file: str, text: str, reason: str
) -> None:
    monkeypatch.setattr(versions, "tables_of", lambda _: {"races": "checksum"})
    assert why_everything(*pair) == ""
    (pair[1].project / file).write_text(text, encoding="utf-8")
    found = why_everything(*pair)
    assert found.startswith(reason)
    assert bool(found) == bool(reason)


def test_without_checksums_of_the_converted_files_everything_is_built(pair: tuple[Version, Version]) -> None:
    assert why_everything(*pair) == "it is not known which of the converted files differ"


def test_the_conversion_depends_on_its_code_and_the_declarations(tmp_path: Path) -> None:
    project = tmp_path / "project"
    files = ("scripts/csv_to_parquet.py", "scripts/pitwall/raw/values.py", "models/staging/a/_a__sources.yml")
    files += ("scripts/pitwall/raw/dump/sql/laps.sql", "seeds/source_ranks.csv")
    others = ("scripts/build.py", "models/staging/a/stg_a.sql", "scripts/pitwall/raw/__pycache__/values.py")
    for name in (*files, *others):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).touch()
    before = converter_fingerprint(project)
    for name in others:
        (project / name).write_text("changed", encoding="utf-8")
    assert converter_fingerprint(project) == before
    for name in files:
        (project / name).write_text("changed", encoding="utf-8")
        assert converter_fingerprint(project) != before
        (project / name).write_text("", encoding="utf-8")


def test_a_second_source_is_converted_again_by_versions_that_know_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, dump, parquet = tmp_path / "archive", tmp_path / "dump", tmp_path / "data" / "parquet"
    for folder in (archive, dump, parquet):
        folder.mkdir(parents=True)
    (parquet / manifest.MANIFEST).touch()
    write_origin(parquet, str(archive), str(dump))
    assert versions.find_input(parquet.parent, tmp_path) == (str(archive), str(dump), "")

    calls: list[tuple[str | Path, ...]] = []
    monkeypatch.setattr(versions, "run_script", lambda *arguments: calls.append(arguments[3:]))
    version = Version(tmp_path / "project", tmp_path / "work")
    version.data.mkdir()
    versions.convert(version, str(archive), str(dump))
    (version.project / versions.SECOND_SOURCE).parent.mkdir(parents=True)
    (version.project / versions.SECOND_SOURCE).touch()
    versions.convert(version, str(archive), str(dump))
    limit = ("--max-bad-rows", versions.ANY_NUMBER)
    assert calls == [(*limit, "--", str(archive)), (*limit, f"--also={dump}", "--", str(archive))]

    dump.rmdir()
    monkeypatch.setattr(manifest, "check_intact", lambda _: None)
    raw, also, note = versions.find_input(parquet.parent, tmp_path)
    assert (raw, also, note.startswith("The raw files are gone")) == ("", "", True)


# The command, on a repository with a copy of the project


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, one_season: Path, simulated_warehouse: Path) -> Path:
    """A repository with a copy of the project; in `data` one simulated season, and some warehouse."""
    folder = tmp_path_factory.mktemp("checkout") / "project"
    for name in must_run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0"):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    shutil.copytree(ROOT / "dbt_packages", folder / "dbt_packages")
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit_all(folder)
    shutil.rmtree(folder / "data")
    for name in ("parquet", "predictions"):
        shutil.copytree(one_season / name, folder / "data" / name)
    shutil.copy(simulated_warehouse, folder / "data")
    return folder


@pytest.fixture
def clean(checkout: Path) -> Iterator[Path]:
    """The repository. Afterwards it is as it was committed."""
    yield checkout
    git(checkout, "checkout", "--quiet", "--", ".")
    git(checkout, "clean", "--quiet", "--force", "-d")


def diff(checkout: Path, *arguments: str) -> tuple[str, str]:
    """Run the command. Returns the report, and what it printed on stderr."""
    done = subprocess.run(
        [sys.executable, "scripts/diff.py", *arguments],
        cwd=checkout,
        env={**os.environ, **SETTINGS, "PITWALL_DATA": "data"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (checkout / "data" / "diff.md").read_text(encoding="utf-8") == done.stdout
    return done.stdout, done.stderr


def sections(text: str) -> dict[str, list[str]]:
    """The lists of a report, by title."""
    parts = re.split(r"(?m)^##? ", text)[1:]
    return {title: body.strip().splitlines() for title, _, body in (part.partition("\n") for part in parts)}


def test_the_same_code_is_not_built(clean: Path) -> None:
    text, progress = diff(clean)
    assert "**No differences:** both have the same code of the warehouse" in text
    assert "Building" not in progress
    (clean / "README.md").write_text("Changed", encoding="utf-8")
    assert "**No differences:**" in diff(clean, "--base", "HEAD")[0]


@pytest.mark.slow
def test_planted_changes_are_reported_and_nothing_else(clean: Path) -> None:
    """A wrong rule, a dropped row, a new column. Before that, a change that changes no table."""
    warehouse = file_sha256(clean / "data" / "warehouse.duckdb")
    marts = clean / "models" / "marts"
    with (marts / "core" / "fct_race_results.sql").open("a", encoding="utf-8") as file:
        file.write("-- A comment.\n")
    text, progress = diff(clean)
    assert ("Building the base" in progress, "Building the head" in progress) == (True, True)
    assert re.search(r"\*\*No differences\*\* in \d+ tables\.", text)
    assert sections(text).keys() == {"What changed in the data", "Tests and time"}
    git(clean, "checkout", "--quiet", "--", ".")

    with duckdb.connect(clean / "data" / "warehouse.duckdb", read_only=True) as connection:
        [(season, constructor, name, fastest)] = connection.execute(
            "select season, constructor_id, constructor_name, fastest_ms from marts.constructor_pit_stops "
            "order by constructor_id limit 1"
        ).fetchall()
        [(result, who)] = connection.execute(
            "select qualifying_result_id, concat_ws(', ', race_name, driver_name, constructor_name) "
            "from marts.fct_qualifying_results order by 1 limit 1"
        ).fetchall()
    change(
        marts / "laps_and_stops" / "constructor_pit_stops.sql",
        "        seasons.fastest_ms,\n",
        f"        seasons.fastest_ms + case seasons.constructor_id when {constructor} then 1 else 0 end "
        "as fastest_ms,\n",
    )
    file = marts / "core" / "fct_qualifying_results.sql"
    change(file, "select * from final", f"select * from final\nwhere qualifying_result_id <> {result}")
    change(
        marts / "core" / "fct_driver_standings.sql",
        "        standings.is_latest_of_season\n",
        "        standings.is_latest_of_season,\n        standings.wins > 0 as has_won\n",
    )
    column = "      - name: has_won\n        data_type: boolean\n        description: Whether they won.\n"
    column += "        data_tests: [not_null]\n"
    change(marts / "core" / "fct_driver_standings.yml", "    metrics:\n", f"{column}    metrics:\n")
    before = git(clean, "status", "--porcelain"), git(clean, "diff")
    text, progress = diff(clean)
    found = sections(text)
    assert "Building the base" not in progress, "it is kept"
    assert found.keys() == {
        "What changed in the data",
        "marts.constructor_pit_stops",
        "marts.fct_driver_standings",
        "marts.fct_qualifying_results",
        "Tests and time",
    }
    assert found["marts.constructor_pit_stops"] == [
        "- `fastest_ms` changed in 1 row:",
        f"  - season `{season}`, constructor_id `{constructor}` ({name}): `{fastest}` → `{fastest + 1}`",
    ]
    assert found["marts.fct_driver_standings"] == ["- New column `has_won`, BOOLEAN."]
    assert found["marts.fct_qualifying_results"][0] == "- 1 row removed:"
    assert found["marts.fct_qualifying_results"][1:] == [
        f"  - qualifying_result_id `{result}` ({season}, {who})"
    ]
    assert found["Tests and time"][0] == "- 1 test added: `not_null_fct_driver_standings_has_won`."
    assert "with changes that are not committed" in text
    assert (git(clean, "status", "--porcelain"), git(clean, "diff")) == before
    assert file_sha256(clean / "data" / "warehouse.duckdb") == warehouse


@pytest.mark.slow
def test_each_side_converts_the_raw_files_by_its_own_code(clean: Path) -> None:
    """With another key, all but the first stop of a driver are set aside."""
    sources = clean / "models" / "staging" / "ergast" / "_ergast__sources.yml"
    text = sources.read_text(encoding="utf-8")
    assert text.count("[race_id, driver_id, stop]") == 1
    sources.write_text(text.replace("[race_id, driver_id, stop]", "[race_id, driver_id]"), encoding="utf-8")
    found = sections(diff(clean)[0])
    assert re.match(r"- \d+ rows removed, the first 3:", found["marts.fct_pit_stops"][0])
    assert "marts.fct_lap_times" not in found
    assert not any(name.startswith("marts.dim_") for name in found)


@pytest.mark.slow
def test_a_version_that_cannot_be_built_is_named(clean: Path) -> None:
    change(
        clean / "models" / "marts" / "core" / "dim_statuses.sql",
        "select * from final",
        "select * from nowhere",
    )
    done = run("scripts/diff.py", cwd=clean, PITWALL_DATA=clean / "data")
    assert done.returncode == 2
    assert done.stdout.splitlines()[-1].startswith(
        "diff: the head cannot be built (exit code 1): fix what dbt reports"
    )


# Selections by state


def listed(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `dbt ls` for what is modified."""
    options = ["--select", "state:modified+", "--state", cwd / "state", "--target-path", cwd / "target"]
    return run_dbt("--log-level-file", "none", "ls", *options, *arguments, cwd=cwd, PITWALL_DATA=cwd)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A small dbt project with the flags of ours, whose state is in `state`: a model with a contract."""
    project = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    settings = {name: project[name] for name in ("name", "version", "config-version", "profile", "flags")}
    (tmp_path / "dbt_project.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    profile = {"outputs": {"duckdb": {"type": "duckdb", "path": ":memory:"}}, "target": "duckdb"}
    (tmp_path / "profiles.yml").write_text(yaml.safe_dump({"pitwall": profile}), encoding="utf-8")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "laps.sql").write_text("select 1 as lap, 2 as points", encoding="utf-8")
    columns = [{"name": name, "data_type": "integer"} for name in ("lap", "points")]
    model = {"name": "laps", "config": {"contract": {"enforced": True}}, "columns": columns}
    (tmp_path / "models" / "laps.yml").write_text(yaml.safe_dump({"models": [model]}), encoding="utf-8")
    done = run_dbt("--log-level-file", "none", "parse", "--target-path", tmp_path / "state", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    return tmp_path


def test_it_is_no_error_if_nothing_is_modified(state: Path) -> None:
    done = listed(cwd=state)
    assert done.returncode == 0, done.stdout
    assert "does not match any enabled nodes" in done.stdout
    (state / "models" / "laps.sql").write_text("select 1 as lap, 3 as points", encoding="utf-8")
    done = listed(cwd=state)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "pitwall.laps")


def test_it_is_no_error_if_a_contract_lost_a_column(state: Path) -> None:
    (state / "models" / "laps.sql").write_text("select 1 as lap", encoding="utf-8")
    file = state / "models" / "laps.yml"
    text = yaml.safe_load(file.read_text(encoding="utf-8"))
    del text["models"][0]["columns"][1]
    file.write_text(yaml.safe_dump(text), encoding="utf-8")
    done = listed(cwd=state)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "pitwall.laps"), done.stdout
    assert "points" in done.stdout, "it is a warning"


def test_other_warnings_of_dbt_are_errors(state: Path) -> None:
    with (state / "models" / "laps.yml").open("a", encoding="utf-8") as file:
        file.write("- name: nowhere\n")
    done = run_dbt("--log-level-file", "none", "parse", "--target-path", state / "target", cwd=state)
    assert done.returncode == 2, done.stdout
    assert "nowhere" in done.stdout
