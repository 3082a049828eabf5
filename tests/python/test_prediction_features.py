"""The features of a race hold nothing that was decided later.

- Scramble: with another result of the race, and without all later ones, its features are the same.
- Cut: from a warehouse that ends before the race, the features before the weekend are the same.
- No ancestor of the features is a table that sums up whole seasons or careers.

Leaks that are planted on purpose show that these tests find them. The SQL is the one that dbt compiled,
run on changed raw tables in memory.
"""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import ROOT

MART = "model.pitwall.fct_race_features"
MODELS = ("int_prediction__entries", "int_prediction__entrants", "fct_race_features")

# What no ancestor of the features may be, with the reason.
FORBIDDEN = {
    r"\w+_seasons": "sums up whole seasons, or has the facts of their end",
    r"\w+_careers|int_careers__\w+": "sums up whole careers",
    r"circuit_\w+|constructor_reliability|driver_finishing_streaks|team_mate_\w+": "sums up all races",
    r"fct_places_gained": "expects places by all races of an era",
    r"\w*(?:championship__(?:attainable|title_fight|reconciliation)|\w+_championship)": "knows the champion",
    r"\w*(?:standings|constructor_results)(?<!int_championship__standings)": "the source restates its tables",
    r"fct_result_revisions|race_results_history": "knows what was revised after the race",
}
# What the models of the features may not name, with the reason.
UNKNOWN = {
    "is_pit_lane_start": "knows that the car started",
    "is_started": "is known after the start",
    "is_champion": "is known at the end of a season",
    "is_latest_of_season": "is known at the end of a season",
    "result_id": "follows the finishing order",
}

# Raw columns that belong to the entry of a car. All others of its result are known after the race.
ENTRY = ("driver_id", "constructor_id", "number", "grid")
RESULTS = ("results", "sprint_results")

Leak = list[tuple[str, str]]


class Features:
    """The ancestors of the mart, which can be built from changed raw tables."""

    def __init__(self, warehouse: Path) -> None:
        target = warehouse.parent / ".build" / "target"
        manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
        results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
        code = {result["unique_id"]: result["compiled_code"] for result in results}
        nodes = manifest["nodes"] | manifest["sources"]
        self.models = [
            (nodes[name]["schema"], nodes[name]["name"], nodes[name]["config"]["materialized"], code[name])
            for name in lineage(manifest["parent_map"], MART)
            if name.startswith("model.")
        ]
        self.db = duckdb.connect()
        self.db.execute("attach ':memory:' as warehouse; use warehouse")
        self.db.execute(f"attach '{warehouse}' as built (read_only)")
        for schema in ("raw", "seeds", "staging", "intermediate", "marts", "source"):
            self.db.execute(f"create schema {schema}")
        for name in lineage(manifest["parent_map"], MART):
            if not name.startswith("model."):
                schema, table = nodes[name]["schema"], nodes[name].get("alias") or nodes[name]["identifier"]
                self.db.execute(f"create table source.{table} as from built.{schema}.{table}")
                self.db.execute(f"create view {schema}.{table} as from warehouse.source.{table}")
        query = (
            "select view_name from duckdb_views() where schema_name = 'raw' and database_name = 'warehouse'"
        )
        self.raw = {table for (table,) in self.rows(query)}
        self.db.execute("detach built")
        # Whether all is built from the raw tables as they are now, and with which leak.
        self.is_built = False
        self.leak: Leak | None = None

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self.db.execute(query).fetchall()

    def build(self, race: int, moment: str, leak: Leak | None = None) -> dict[int, dict[str, Any]]:
        """Build the mart; return the rows of a race and a moment by driver."""
        last = [] if leak == self.leak else self.models[-1:]
        for schema, name, materialized, code in last if self.is_built else self.models:
            for pattern, replacement in leak or [] if name == "fct_race_features" else []:
                code, planted = re.subn(pattern, replacement, code)
                assert planted, f"The code in which the leak is planted has changed: {pattern}"
            kind = "view" if materialized == "view" else "table"
            self.db.execute(f"create or replace {kind} {schema}.{name} as {code}")
        self.is_built, self.leak = True, leak
        query = f"from marts.fct_race_features where race_id = {race} and known_at = '{moment}'"
        cursor = self.db.execute(query)
        names = [each[0] for each in cursor.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return {row["driver_id"]: row for row in rows}

    def restore(self) -> None:
        """Put the original raw tables back."""
        self.is_built = False
        for table in self.raw:
            self.db.execute(f"create or replace view raw.{table} as from warehouse.source.{table}")

    def change(self, table: str, query: str) -> None:
        """Replace a raw table by a query on `{source}`, the table as it is now."""
        self.is_built = False
        self.db.execute(f"create or replace temp table changed as {query.format(source=f'raw.{table}')}")
        self.db.execute(f"drop view if exists raw.{table}; drop table if exists new_{table}")
        self.db.execute(f"create table new_{table} as from changed")
        self.db.execute(f"create view raw.{table} as from warehouse.main.new_{table}")

    def forget(self, race: int, *tables: str, from_race: bool) -> None:
        """Remove the rows of all later races from raw tables, or those of the race too."""
        [(season, number)] = self.rows(f"select year, round from raw.races where race_id = {race}")
        later = f"(year, round) {'>=' if from_race else '>'} ({season}, {number})"
        races = f"select race_id from raw.races where {later}"
        for table in tables:
            self.change(table, f"from {{source}} where race_id not in ({races})")

    def scramble(self, race: int, moment: str) -> None:
        """Give the race another result, and remove all later ones.

        The cars finish in the opposite order and half of them retire. Before the weekend the grid is
        another one too, and other drivers failed to qualify.
        """
        self.forget(race, *RESULTS, "qualifying", from_race=False)
        self.change("sprint_results", f"from {{source}} where race_id <> {race}")
        before = moment == "before_weekend"
        if before:
            self.change("qualifying", f"from {{source}} where race_id <> {race}")
        [(status,)] = self.rows("select min(status_id) from raw.results where position_text = 'R'")
        out = f"partition by {str(not before).lower()} and position_text = 'F' order by position_order"
        entries = ", ".join(f"mirrored.{column} as {column}" for column in ENTRY)
        self.change(
            "results",
            f"""
            with of_race as (
                select *, position_text = 'F' as is_out, row_number() over ({out}, result_id) as this_way,
                    row_number() over ({out} desc, result_id desc) as other_way
                from {{source}} where race_id = {race}
            ),
            mirrored_race as (
                select results.* exclude (is_out, this_way, other_way) replace ({entries})
                from of_race as results inner join of_race as mirrored
                on results.this_way = mirrored.other_way
                and (results.is_out = mirrored.is_out or {before})
            ),
            scrambled as (
                select * replace (
                    case when is_retired then 'R' else position_text end as position_text,
                    case when is_retired then null else position end as position,
                    case when is_retired then {status} else status_id end as status_id,
                    case when {before} then 1 + grid % 7 else grid end as grid
                )
                from (
                    select *, position_order % 2 = 0 and (position_text <> 'F' or {before}) as is_retired
                    from mirrored_race
                )
            )
            from {{source}} where race_id <> {race}
            union all by name select * exclude (is_retired) from scrambled
            """,
        )

    def cut(self, race: int, moment: str) -> None:
        """Remove the results of the race and of all later ones, and a qualifying that is not known yet."""
        self.forget(race, *RESULTS, from_race=True)
        self.forget(race, "qualifying", from_race=moment == "before_weekend")


def lineage(parents: dict[str, list[str]], name: str) -> list[str]:
    """A node and all its ancestors, each after its parents."""
    found: dict[str, None] = {}

    def visit(node: str) -> None:
        if node not in found:
            for parent in parents[node]:
                visit(parent)
            found[node] = None

    visit(name)
    return list(found)


def differences(
    untouched: Features, features: Features, race: int, moment: str, how: str, leak: Leak | None = None
) -> set[str]:
    """The features that differ after a scramble or a cut. Fails if it compares next to nothing.

    A race that is cut off is not held. Its entrants are those of its qualifying or of the race before, and
    its grid is the order of its qualifying: only drivers in both are compared, without field and grid.
    """
    whole = untouched.build(race, moment, leak)
    features.restore()
    getattr(features, how)(race, moment)
    changed = features.build(race, moment, leak)
    without = {"is_held", "field_cars", "grid"} if how == "cut" else set()
    if how == "scramble":
        assert whole.keys() == changed.keys()
    same = {
        driver
        for driver in whole.keys() & changed.keys()
        if how == "scramble" or whole[driver]["constructor_id"] == changed[driver]["constructor_id"]
    }
    assert len(same) >= 10
    return {
        column
        for driver in same
        for column, value in whole[driver].items()
        if column not in without and changed[driver][column] != value
    }


def of_five_seasons(simulated_warehouse: Path) -> Iterator[Features]:
    """The features of five simulated seasons."""
    simulated = Features(simulated_warehouse)
    yield simulated
    simulated.db.close()


# No test changes the raw tables of the first, so their tables before the mart are built once.
untouched = pytest.fixture(scope="module", name="untouched")(of_five_seasons)
features = pytest.fixture(scope="module", name="features")(of_five_seasons)


def race_of(features: Features, season: int, round_number: int) -> int:
    """The id of a race; round -1 is the last of the season."""
    order = "desc" if round_number < 0 else "asc"
    query = f"select race_id from source.races where year = {season} order by round {order}"
    return int(features.rows(query)[abs(round_number) - 1][0])


CASES = [("scramble", "before_weekend"), ("scramble", "after_qualifying"), ("cut", "before_weekend")]
CASES += [("cut", "after_qualifying")]


@pytest.mark.parametrize(("how", "moment"), CASES)
@pytest.mark.parametrize(("season", "number"), [(2022, -1), (2023, 1), (2024, 6)])
def test_features_know_nothing_of_the_race_and_of_later_ones(
    untouched: Features, features: Features, season: int, number: int, how: str, moment: str
) -> None:
    assert differences(untouched, features, race_of(features, season, number), moment, how) == set()


def over_rows(of: str) -> Leak:
    """Let the windows of constructors or circuits run over rows of drivers, in the order of the file."""
    return [
        (
            rf"(?s)\n{of}_races as \(.*?\n\),",
            f"""{of}_races as (
                select entrants.*, races.circuit_id, 1 as races, is_qualified::int as cars,
                    (grid is not null)::int as grids, grid as grid_sum, (grid is not null)::int as best_grids,
                    grid as best_grid_sum, finishing_order as order_sum,
                    (not is_classified)::int as not_classified
                from entrants inner join races using (race_id)
            ),""",
        ),
        (rf"partition by {of}_id order by race_number", r"\g<0>, finishing_order"),
        (rf"\n{of}_form as \(\s+select", r"\g<0> driver_id,"),
        (rf"= {of}_form.{of}_id", rf"\g<0> and moments.driver_id = {of}_form.driver_id"),
    ]


def in_season(total: str) -> Leak:
    """Add what a driver did in the whole season to a feature."""
    return [
        (
            r"places_before\.championship_points,",
            f"""(
                select {total} from entrants as drives inner join races as theirs using (race_id)
                where theirs.season = races.season and drives.driver_id = moments.driver_id
            ) as championship_points,""",
        )
    ]


LEAKS = {
    "windows that include the row itself": (
        [(r"\b1 preceding\s+\), 0\)", "current row), 0)")],
        "driver_points_5",
    ),
    "a circuit's window over rows": (over_rows("circuit"), "circuit_not_classified_5"),
    "a constructor's window over rows": (over_rows("constructor"), "constructor_order_sum_5"),
    "the standings after the race": ([(r"race_number \+ 1 as", "race_number as")], "championship_points"),
    "a counter of the season": (in_season("count(finishing_order)"), "championship_points"),
    "the totals of the season": (in_season("sum(points)"), "championship_points"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("leak", "column"), LEAKS.values(), ids=LEAKS)
def test_a_planted_leak_is_found(untouched: Features, features: Features, leak: Leak, column: str) -> None:
    race = race_of(features, 2024, 6)
    assert column in differences(untouched, features, race, "after_qualifying", "scramble", leak)
    assert column in differences(untouched, features, race, "before_weekend", "cut", leak)


# Inputs


def forbidden(parents: dict[str, list[str]]) -> list[str]:
    """The ancestors of the mart that it may not have, with the reason."""
    names = [name.rpartition(".")[2] for name in lineage(parents, MART)]
    return [
        f"{name} {reason}"
        for name in names
        for pattern, reason in FORBIDDEN.items()
        if re.fullmatch(pattern, name)
    ]


@pytest.fixture(scope="module")
def manifest(simulated_warehouse: Path) -> dict[str, Any]:
    """dbt's manifest."""
    path = simulated_warehouse.parent / ".build" / "target" / "manifest.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


def test_no_ancestor_knows_what_was_decided_later(manifest: dict[str, Any]) -> None:
    assert forbidden(manifest["parent_map"]) == []
    assert len(lineage(manifest["parent_map"], MART)) > 30


@pytest.mark.parametrize(
    "name",
    [
        "driver_seasons",
        "constructor_seasons",
        "dim_seasons",
        "driver_careers",
        "int_careers__results",
        "circuit_statistics",
        "fct_places_gained",
        "fct_driver_championship",
        "int_championship__title_fight",
        "fct_driver_standings",
        "team_mate_careers",
        "fct_result_revisions",
    ],
)
def test_a_forbidden_ancestor_is_found(manifest: dict[str, Any], name: str) -> None:
    """Directly, or through another model."""
    node = f"model.pitwall.{name}"
    assert node in manifest["nodes"]
    through = "model.pitwall.int_prediction__entries"
    for reader in (MART, through):
        parents = manifest["parent_map"] | {reader: [*manifest["parent_map"][reader], node]}
        assert any(each.startswith(f"{name} ") for each in forbidden(parents))


def wrong_words(code: str) -> list[str]:
    """What is wrong in the SQL of a model: columns that are not known yet, and ids that give an order."""
    found = [f"{word} {reason}" for word, reason in UNKNOWN.items() if re.search(rf"\b{word}\b", code)]
    orders = re.findall(r"order by[^()]*", code)
    return found + [f"{order.strip()}: an id is no order" for order in orders if re.search(r"_id\b", order)]


@pytest.mark.parametrize("model", MODELS)
def test_no_column_is_known_too_late_and_no_id_gives_an_order(manifest: dict[str, Any], model: str) -> None:
    assert wrong_words(manifest["nodes"][f"model.pitwall.{model}"]["raw_code"]) == []
    assert {name.rpartition(".")[2] for name in manifest["nodes"] if "int_prediction__" in name} >= set(
        MODELS[:2]
    )


@pytest.mark.parametrize(
    "code",
    ["where is_pit_lane_start", "select result_id", "over (order by season, race_id)", "order by driver_id"],
)
def test_a_wrong_word_is_found(code: str) -> None:
    assert wrong_words(code)


def test_penalties_of_drivers_are_in_no_table_before_their_decision() -> None:
    """Otherwise the places before a race would know of it: the features would need a place of their own."""
    with (ROOT / "seeds" / "championship_penalties.csv").open(encoding="utf-8", newline="") as file:
        penalties = [row for row in csv.DictReader(file) if row["championship"] == "drivers"]
    assert penalties
    for row in penalties:
        assert int(row["from_round"]) >= int(row["known_after_round"]), row["competitor_ref"]


# The real files


@pytest.fixture(scope="module")
def real_features(real_warehouse: Path) -> Iterator[Features]:
    """The features of the real files."""
    real = Features(real_warehouse)
    yield real
    real.db.close()


REAL_RACES = [(1958, 7), (1984, 10), (1997, -1), (1998, 1), (2021, 12), (2025, 18)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("season", "number", "how", "moment"),
    [
        (*race, *case)
        for race in REAL_RACES
        for case in CASES
        # Before 2003 the files have the qualifying of few races.
        if case != ("cut", "after_qualifying") or race[0] >= 2003
    ],
)
def test_real_features_know_nothing_of_the_race_and_of_later_ones(
    real_features: Features, season: int, number: int, how: str, moment: str
) -> None:
    assert differences(real_features, race_of(real_features, season, number), moment, how) == set()
