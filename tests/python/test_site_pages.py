"""The pages of the site as text: from dbt's manifest, the seeds and the warehouse. They need no extra."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import yaml
from conftest import ROOT

from pitwall.site import pictures, questions, rules, source, tables
from pitwall.site.evidence import Evidence, table
from pitwall.site.markdown import filled, with_links, with_plain_lists

PICTURES = ROOT / "docs" / "pictures"
MODELS = {path.stem: path for path in (ROOT / "models").rglob("*.sql")}
SEEDS = {path.stem for path in (ROOT / "seeds").glob("*.csv")}
QUERIED = {name for name, path in MODELS.items() if {"marts", "quality"} & set(path.parts)}


def evidence_of(warehouse: Path) -> Iterator[Evidence]:
    manifest = json.loads((warehouse.parent / ".build/target/manifest.json").read_text(encoding="utf-8"))
    with duckdb.connect(warehouse, read_only=True) as connection:
        yield Evidence(connection, manifest)


@pytest.fixture(scope="module")
def simulated(simulated_warehouse: Path) -> Iterator[Evidence]:
    """What the pages are written from: simulated seasons."""
    yield from evidence_of(simulated_warehouse)


@pytest.fixture(scope="module")
def real(real_warehouse: Path) -> Iterator[Evidence]:
    """What the pages are written from: the real files."""
    yield from evidence_of(real_warehouse)


# Tables


def test_every_table_that_people_query_and_every_seed_has_a_page(simulated: Evidence) -> None:
    pages = tables.pages(simulated)
    assert len(QUERIED) > 40
    assert {f"tables/{name}.md" for name in QUERIED | SEEDS | {"race_results_history"}} <= set(pages)
    in_navigation = {
        page for entry in tables.navigation(simulated) for section in entry.values() for page in section
    }
    assert in_navigation | {"tables/index.md"} == set(pages)


def test_a_page_counts_the_rows_of_its_table(simulated: Evidence) -> None:
    """All of them, and none that an incremental build deleted."""
    pages = tables.pages(simulated)
    for name in QUERIED:
        [(schema, page)] = re.findall(r"`(\w+)\.\w+` · .* · ([\d,]+) rows", pages[f"tables/{name}.md"])
        assert simulated.rows(f"select count(*) from {schema}.{name}") == [(int(page.replace(",", "")),)], (
            name
        )


def test_deleted_rows_are_not_counted(simulated_warehouse: Path, tmp_path: Path) -> None:
    shutil.copy(simulated_warehouse, tmp_path / "warehouse.duckdb")
    manifest = json.loads(
        (simulated_warehouse.parent / ".build/target/manifest.json").read_text(encoding="utf-8")
    )
    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        connection.execute("delete from quality.source_anomalies where season = 2023")
        [(left,)] = connection.execute("select count(*) from quality.source_anomalies").fetchall()
        page = tables.pages(Evidence(connection, manifest))["tables/source_anomalies.md"]
    assert f" · {left:,} rows · " in page


def test_a_page_has_grain_key_types_and_descriptions(simulated: Evidence) -> None:
    pages = tables.pages(simulated)
    for name, page in pages.items():
        if Path(name).stem in QUERIED | SEEDS:
            assert re.search(r"Grain: one row", page), name
            assert "**Primary key.**" in page, name
            [listed] = re.findall(r"\| column \| type \| what it is \|\n\|[^\n]+\n(.+?)\n\n", page, re.DOTALL)
            for line in listed.splitlines():
                column, data_type, words = line.strip("| ").split(" | ", 2)
                assert column.startswith("`"), (name, line)
                assert data_type, (name, line)
                assert len(words) > 5, (name, line)
    assert "`points_counted` | decimal" in pages["tables/fct_driver_championship.md"]
    assert "Refers to [`dim_drivers`](dim_drivers.md)." in pages["tables/fct_race_results.md"]


def test_diagrams_have_every_foreign_key_and_few_tables(simulated: Evidence) -> None:
    manifest = simulated.manifest
    pages = tables.pages(simulated)
    nodes = {
        str(node["name"]): node for found in tables.tables_by_subject(manifest).values() for node in found
    }
    keys = [key for key in tables.foreign_keys(manifest) if key.table in nodes and key.to in nodes]
    assert len(keys) > 80
    for key in keys:
        if key.table != key.to:
            drawn = pages[f"tables/{tables.subject_of(nodes[key.table])}.md"]
            assert f"    {key.to} ||--o{{ {key.table} : {key.column}\n" in drawn, key
    for page in pages.values():
        for diagram in re.findall(r"```mermaid\n(.+?)```", page, re.DOTALL):
            entities = re.findall(r"(?m)^    (\w+) {$", diagram)
            widest = max(len({key.to for key in keys if key.table == name} | {name}) for name in entities)
            assert len(entities) <= max(6, widest), entities


def test_a_subject_without_a_title_is_reported(simulated: Evidence) -> None:
    node = {"resource_type": "model", "fqn": ["pitwall", "marts", "weather", "fct_rain"], "name": "fct_rain"}
    with pytest.raises(ValueError, match="weather: the subject has no title"):
        tables.tables_by_subject({"nodes": {"model.pitwall.fct_rain": node}})


# Questions


def test_every_question_has_a_page() -> None:
    names = {path.stem for path in (ROOT / "analyses").glob("*.sql")}
    assert {f"questions/{name}.md" for name in names} <= set(questions.navigation())
    assert [question.from_readme for question in questions.of_readme()] == [True, True, True]
    assert len(questions.navigation()) == len(set(questions.navigation())) == len(names) + 3


def test_the_sql_of_a_question_runs_as_it_is_shown(simulated: Evidence) -> None:
    for question in questions.of_readme() + questions.of_analyses():
        sql = questions.runnable(question, simulated.manifest)
        assert "{{" not in sql
        assert simulated.answer(sql).names


def test_the_page_of_a_question_has_room_for_a_wide_answer(simulated: Evidence) -> None:
    [question] = [each for each in questions.of_analyses() if each.name == "closest_titles"]
    answer = simulated.answer(questions.runnable(question, simulated.manifest))
    page = questions.page(question, "select 1", answer, "", is_simulated=False)
    assert page.startswith(f"---\nhide: [toc]\n---\n\n# {question.text}\n")


def test_a_note_of_real_data_is_not_beside_a_simulated_answer(simulated: Evidence) -> None:
    [question] = [each for each in questions.of_analyses() if each.name == "closest_titles"]
    answer = simulated.answer(questions.runnable(question, simulated.manifest))
    assert question.note in questions.page(question, "select 1", answer, "", is_simulated=False)
    assert question.note not in questions.page(question, "select 1", answer, "", is_simulated=True)


# Rules


def test_every_season_has_its_rules(simulated: Evidence) -> None:
    pages = rules.pages(simulated)
    seasons = [season for (season,) in simulated.rows("select season from marts.dim_seasons")]
    for season in seasons:
        assert f"\n## {season}\n" in pages[f"rules/{season // 10 * 10}s.md"]
        assert f"[{season}]({season // 10 * 10}s.md#{season})" in pages["rules/index.md"]


def test_1979_can_be_understood(real: Evidence) -> None:
    text = rules.pages(real)["rules/1970s.md"].partition("\n## 1979\n")[2]
    drivers, constructors = re.findall(r"\*\*(?:Drivers|Constructors)\*\*: [^\n]+", text)
    assert "9 · 6 · 4 · 3 · 2 · 1 for places 1 to 6" in drivers
    assert "Only the best four of rounds 1 to 7 and the best four of rounds 8 to 15 counted." in drivers
    assert "All results counted." in constructors
    assert "**Jody Scheckter** was champion, decided in round 13 of 15." in text
    assert "| 1 | Jody Scheckter | 51 | 60 | 3 |" in text


def test_stopped_races_penalties_and_sprints_are_in_their_seasons(real: Evidence) -> None:
    pages = rules.pages(real)
    text = "".join(pages[f"rules/{decade}s.md"] for decade in range(1950, 2030, 10))
    seasons = dict(re.findall(r"\n## (\d{4})\n(.+?)(?=\n## |\Z|\n# )", text, re.DOTALL))
    assert "Half points at the Belgian Grand Prix" in seasons["2021"]
    assert "A sprint: 3 · 2 · 1 for places 1 to 3." in seasons["2021"]
    assert "Double points at the Abu Dhabi Grand Prix" in seasons["2014"]
    assert "Exclusion of `michael_schumacher`" in seasons["1997"]
    assert "there was no such championship yet" in seasons["1957"]
    assert "Only the best placed car of a constructor scored." in seasons["1958"]
    assert "A sprint" not in seasons["2020"]


# What is wrong with the source


def test_every_kind_of_anomaly_that_was_found_has_examples(simulated: Evidence) -> None:
    page = source.pages(simulated)["source.md"]
    found = simulated.rows("select anomaly_kind, anomalies from quality.anomaly_counts")
    assert len(found) > 30
    for kind, anomalies in found:
        assert (f"\n### {kind}\n" in page) == bool(anomalies)
        assert f"| {anomalies:,} |" in page


def test_the_page_has_the_rows_that_differ_from_the_published_tables(real: Evidence) -> None:
    page = source.pages(real)["source.md"]
    compared, differ = real.rows(
        "select count(is_reconciled), count(*) filter (where not is_reconciled) from ("
        "select is_reconciled from marts.fct_driver_championship union all "
        "select is_reconciled from marts.fct_constructor_championship)"
    )[0]
    assert f"{compared:,} rows. {differ:,} of them differ." in page
    cells = real.one("select count(*) from marts.fct_championship_exceptions where kind = 'source_differs'")
    listed = page.partition("cell by cell:")[2].partition("\n## ")[0]
    assert len(re.findall(r"(?m)^\| \d", listed)) == cells


# Pictures


@pytest.mark.parametrize("name", ["title-race", "title-race-narrow", "lineage"])
@pytest.mark.parametrize("ground", pictures.GROUNDS)
def test_pictures_are_small(name: str, ground: str) -> None:
    assert 1000 < (PICTURES / f"{name}-{ground}.svg").stat().st_size < 150_000


@pytest.mark.parametrize("ground", pictures.GROUNDS)
def test_the_picture_of_the_layers_is_that_of_the_project(ground: str) -> None:
    drawn = pictures.lineage(pictures.read_layers(), pictures.GROUNDS[ground])
    committed = (PICTURES / f"lineage-{ground}.svg").read_text(encoding="utf-8")
    assert drawn == committed, "the project changed: run `make pictures`"
    layers = pictures.read_layers()
    assert sum(layers.models.values()) - layers.models[pictures.Box("raw", "raw")] == len(MODELS) + len(SEEDS)


def test_the_pictures_are_those_of_the_data(real: Evidence) -> None:
    for name, text in pictures.contents(real.connection).items():
        assert text == (PICTURES / name).read_text(encoding="utf-8"), f"{name}: run `make pictures`"


def test_labels_do_not_cover_each_other() -> None:
    found = pictures.spread([(10, "a"), (12, "b"), (50, "c"), (51, "d")], 20)
    assert found == {"a": 10, "b": 30, "c": 50, "d": 70}


# Text


def test_lists_begin_after_an_empty_line() -> None:
    text = "Before:\n- one\n  more of one\n- two\n  - inner\n\nafter\n1. first\n\n```sh\na\n- b\n```\n"
    assert with_plain_lists(text) == (
        "Before:\n\n- one\n  more of one\n- two\n    - inner\n\nafter\n\n1. first\n\n```sh\na\n- b\n```\n"
    )


@pytest.mark.parametrize(
    ("source_path", "page", "link", "changed"),
    [
        ("DECISIONS.md", "decisions.md", "[a](docs/predictions.md#train)", "[a](predictions.md#train)"),
        ("docs/predictions.md", "predictions.md", "[a](../DECISIONS.md)", "[a](decisions.md)"),
        ("docs/predictions.md", "predictions.md", "[a](../LICENSE)", "a"),
        ("docs/predictions.md", "predictions.md", "[a](#train)", "[a](#train)"),
        ("docs/predictions.md", "predictions.md", "[a](https://a.example/b)", "[a](https://a.example/b)"),
        ("docs/index.md", "index.md", "[a](tables/index.md)", "[a](tables/index.md)"),
        ("docs/predictions.md", "predictions.md", "```\n[a](../LICENSE)\n```", "```\n[a](../LICENSE)\n```"),
    ],
)
def test_links_lead_to_pages_of_the_site(source_path: str, page: str, link: str, changed: str) -> None:
    pages = {"DECISIONS.md": "decisions.md", "docs/predictions.md": "predictions.md"}
    assert with_links(link, source_path, page, pages, {*pages.values(), "tables/index.md"}) == changed


def test_figures_take_the_place_of_comments() -> None:
    assert filled("<!-- marts --> tables", {"marts": "44"}) == "44 tables"
    with pytest.raises(ValueError, match="nothing to fill <!-- marts --> with"):
        filled("<!-- marts --> tables", {})


def test_a_table_aligns_numbers_and_keeps_its_columns() -> None:
    rows = [("a | b", 1950, None), ("<c>", 12345, None)]
    assert table(["text", "number", "nothing"], rows).splitlines() == [
        "| text | number | nothing |",
        "| --- | ---: | --- |",
        "| a \\| b | 1950 |  |",
        "| &lt;c> | 12,345 |  |",
    ]


# The catalog


def test_the_landing_page_of_the_catalog_links_to_every_table(simulated: Evidence) -> None:
    text = (ROOT / "models" / "docs" / "overview.md").read_text(encoding="utf-8")
    linked = re.findall(r"\]\(#!/(\w+)/([\w.]+)\)", text)
    assert "[`" not in text, "the catalog shows code in black, also in a link"
    ids = {kind + "/" + name for kind, name in linked}
    assert {f"model/model.pitwall.{name}" for name in QUERIED} <= ids
    for kind, name in linked:
        assert simulated.manifest["nodes"][name]["resource_type"] == kind


def test_every_layer_has_a_colour_and_every_model_a_group(simulated: Evidence) -> None:
    groups = {group["name"]: group for group in simulated.manifest["groups"].values()}
    for node in simulated.manifest["nodes"].values():
        if node["resource_type"] in ("model", "seed", "snapshot"):
            assert node["config"]["docs"]["node_color"], node["name"]
        if node["resource_type"] == "model":
            assert groups[node["config"]["group"]]["owner"]["name"], node["name"]


def test_every_exposure_has_an_address(simulated: Evidence) -> None:
    for exposure in simulated.manifest["exposures"].values():
        assert exposure["url"], exposure["name"]


def test_the_navigation_has_every_page_of_docs() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    text = re.sub(r"!!python/name:\S+ ''|!ENV", "", text)
    nav = re.findall(r"[\w/-]+\.md", str(yaml.safe_load(text)["nav"]))
    for folder in (ROOT / "docs", ROOT / "docs" / "site"):
        assert {path.name for path in folder.glob("*.md")} <= set(nav)


# The workflow


def test_the_workflow_publishes_the_site_of_the_real_data() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "pages.yml").read_text(encoding="utf-8"))
    steps = workflow["jobs"]["site"]["steps"]
    runs = [step["run"] for step in steps if "run" in step]
    assert runs == ["make data PYTHON=python", "make build RAW=data/raw/ergast.zip", "make site"]
    assert steps[-1]["with"]["path"] == "data/site"
    used = [step["uses"] for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step]
    assert len(used) == 5
    assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", each) for each in used)
    # Only the job that publishes may write, and it runs no code of the project.
    assert workflow["permissions"] == {}
    assert set(workflow["jobs"]["site"]["permissions"].values()) == {"read"}
    assert all("run" not in step for step in workflow["jobs"]["publish"]["steps"])
