"""The dashboard without a browser: its pages, its queries, its colors and its command."""

import ast
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, SCRIPTS, run

pytestmark = pytest.mark.extra
for package in ("altair", "streamlit"):
    pytest.importorskip(package, reason="no dashboard: `make dashboard` installs it")

import duckdb  # noqa: E402
import polars as pl  # noqa: E402
from dashboard_app import (  # noqa: E402
    DASHBOARD,
    QUERIES,
    charts,
    each_change,
    names_of,
    opened,
    page_names,
    problems,
    shown_sql,
    theme,
    warehouse,
)

SCHEMAS = ("marts", "quality", "seeds", "snapshots", "ops", "raw")
PAGES = page_names()


@pytest.fixture
def data(simulated_warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of a simulated warehouse, which the dashboard shows."""
    monkeypatch.setenv("PITWALL_DATA", str(simulated_warehouse.parent))
    monkeypatch.delenv("PITWALL_ENGINE", raising=False)
    return simulated_warehouse.parent


@pytest.fixture
def own_data(simulated_warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with only a warehouse, for a test that changes it."""
    shutil.copy(simulated_warehouse, tmp_path / "warehouse.duckdb")
    monkeypatch.setenv("PITWALL_DATA", str(tmp_path))
    monkeypatch.delenv("PITWALL_ENGINE", raising=False)
    return tmp_path


# Pages


def test_the_pages_are_the_files_of_views() -> None:
    assert sorted(PAGES) == sorted(path.stem for path in (DASHBOARD / "views").glob("*.py"))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_findings_with_their_sql(page: str, data: Path) -> None:
    app = opened(page)
    assert problems(app) == []
    assert app.subheader
    # The SQL of each finding runs as it is shown, in a shell of DuckDB.
    assert shown_sql(app)
    with duckdb.connect(data / "warehouse.duckdb", read_only=True) as connection:
        for sql in shown_sql(app):
            assert connection.sql(sql).columns, sql


def without_heading(app: Any) -> set[str]:
    """The columns of tables that have no heading but their name in the SQL."""
    return set().union(
        *(set(table.value.columns) - json.loads(table.proto.columns).keys() for table in app.dataframe)
    )


@pytest.mark.parametrize("page", PAGES)
def test_every_control_works_and_each_column_has_a_heading(page: str, data: Path) -> None:
    for change, app in [("", opened(page)), *each_change(page)]:
        assert problems(app) == [], change
        assert without_heading(app) == set(), change


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_every_control_works_on_the_real_data(
    page: str, real_warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PITWALL_DATA", str(real_warehouse.parent))
    for change, app in each_change(page):
        assert problems(app) == [], change


@pytest.mark.parametrize("page", PAGES)
def test_each_choice_has_a_key_that_is_in_the_address(page: str, data: Path) -> None:
    """So that a link reopens the view. Streamlit writes it into the address only with `bind`."""
    app = opened(page)
    for kind in ("selectbox", "multiselect", "toggle", "radio", "checkbox", "button_group"):
        for widget in getattr(app, kind):
            assert widget.key, widget.label
    source = (DASHBOARD / "views" / f"{page}.py").read_text(encoding="utf-8")
    calls = re.findall(
        r"st\.(?:selectbox|multiselect|toggle|radio|checkbox|segmented_control|pills|slider)\(", source
    )
    assert len(calls) == source.count('bind="query-params"')


def test_an_address_opens_a_season(data: Path) -> None:
    app = opened("season", season="2022", table="constructors", measure="gap to the leader")
    assert [widget.value for widget in app.selectbox][:3] == ["2022", "constructors", "gap to the leader"]
    assert app.subheader[0].value.startswith("2022: ")


def test_an_address_opens_a_race(data: Path) -> None:
    [race] = query_rows(data, "select min(race_name) from marts.dim_races where season = 2023 and round = 3")
    link = {"season": "2023", "race": str(race[0])}
    assert opened("race", **link).subheader[0].value.startswith(f"{race[0]} 2023: ")
    assert opened("race", **link, race_view="Pace", green="true").toggle[0].value


def test_an_address_of_no_season_opens_the_page(data: Path) -> None:
    assert problems(opened("season", season="1066")) == []


def query_rows(data: Path, sql: str) -> list[tuple[object, ...]]:
    """The rows of a query on a warehouse."""
    with duckdb.connect(data / "warehouse.duckdb", read_only=True) as connection:
        return connection.execute(sql).fetchall()


# What the warehouse lacks


def said_of_the_race() -> list[str]:
    """What the views of the race page say where they have nothing to show."""
    said = []
    for view in ("Result", "Pace", "Stops"):
        app = opened("race", race_view=view)
        assert problems(app) == []
        said += [each.value for each in app.info]
    return said


def test_a_race_without_laps_and_stops_says_so(own_data: Path) -> None:
    with duckdb.connect(own_data / "warehouse.duckdb") as connection:
        for table in ("fct_race_laps", "fct_stints", "fct_pit_stop_times", "fct_undercuts"):
            connection.execute(f"delete from marts.{table}")
        connection.execute("update marts.dim_seasons set races_with_pit_stops = 0")
    said = said_of_the_race()
    assert sum("no lap times of this race." in each for each in said) == 3
    assert sum("no pit stops of this race, nor of any in" in each for each in said) == 3
    with duckdb.connect(own_data / "warehouse.duckdb") as connection:
        connection.execute("update marts.dim_seasons set races_with_lap_times = 0")
    # Where a season has neither, it is said once.
    [line] = [each.value for each in opened("race").info]
    assert line.startswith("The source has no lap times and no pit stops of any race in ")


def test_a_race_with_stops_and_without_laps_says_that_the_laps_are_missing(own_data: Path) -> None:
    """Stints and undercuts need both. To say that there are no stops would be wrong."""
    with duckdb.connect(own_data / "warehouse.duckdb") as connection:
        for table in ("fct_race_laps", "fct_stints", "fct_undercuts"):
            connection.execute(f"delete from marts.{table}")
        connection.execute("update marts.dim_seasons set races_with_lap_times = 0")
    said = said_of_the_race()
    assert sum("no lap times of this race, nor of any in" in each for each in said) == 5
    assert not any("stop" in each for each in said)


def test_bands_say_what_slowed_the_field(own_data: Path) -> None:
    """A safety car of the record has another color than rain, and the note names the kinds of this race."""
    [(race,)] = query_rows(
        own_data, "select race_id from marts.dim_races where is_held order by race_date desc limit 1"
    )
    kinds = ("is_field_slow", "is_virtual_safety_car", "is_safety_car", "is_red_flag")
    with duckdb.connect(own_data / "warehouse.duckdb") as connection:
        connection.execute(f"update marts.fct_race_laps set {', '.join(f'{kind} = false' for kind in kinds)}")
        assert not any("Bands" in each.value for each in opened("race").caption)
        for first, kind in enumerate(kinds, 3):
            connection.execute(
                f"update marts.fct_race_laps set {kind} = true where lap_number between {first} and 6"
            )
    app = opened("race")
    assert problems(app) == []
    assert warehouse.query("race/slow_laps", race=race).frame.rows() == [
        (3, "slow"),
        (4, "virtual safety car"),
        (5, "safety car"),
        (6, "red flag"),
    ]
    [note] = {each.value.partition(" Bands: ")[2] for each in app.caption if " Bands: " in each.value}
    assert note == f"{'; '.join(theme.BAND_NAMES.values())}."
    for colors in (theme.LIGHT, theme.DARK):
        assert set(colors.bands) == set(theme.BAND_NAMES)
        assert len(set(colors.bands.values())) == 4


def test_very_slow_laps_are_not_drawn(own_data: Path) -> None:
    assert not any("are not drawn" in each.value for each in opened("race", race_view="Pace").caption)
    with duckdb.connect(own_data / "warehouse.duckdb") as connection:
        connection.execute("update marts.fct_race_laps set lap_time_ms = 400000 where lap_number = 3")
    app = opened("race", race_view="Pace")
    assert problems(app) == []
    assert any("times the fastest are not drawn" in each.value for each in app.caption)


def test_places_gained_without_a_usual_have_no_tick(own_data: Path) -> None:
    assert any("The tick" in each.value for each in opened("race").caption)
    with duckdb.connect(own_data / "warehouse.duckdb") as connection:
        connection.execute("update marts.fct_places_gained set expected_places_gained = null")
    assert not any("The tick" in each.value for each in opened("race").caption)


def test_a_known_difference_is_named_with_its_reason(own_data: Path) -> None:
    with duckdb.connect(own_data / "warehouse.duckdb") as connection:
        connection.execute(
            "update marts.fct_driver_championship set exception_reason = 'Books differ' "
            "where is_latest_of_season and championship_position <= 2"
        )
    [line] = [each.value for each in opened("season").caption if each.value.startswith("Gross: ")]
    assert re.search(r" source\. \w+ \w+, \w+ \w+: books differ\.$", line)


def test_a_season_without_constructors_says_so(own_data: Path) -> None:
    with duckdb.connect(own_data / "warehouse.duckdb") as connection:
        connection.execute("delete from marts.fct_constructor_championship")
    app = opened("season", table="constructors")
    assert problems(app) == []
    assert "There was no championship of constructors" in app.info[0].value


def test_a_season_without_a_held_race_says_so(own_data: Path) -> None:
    with duckdb.connect(own_data / "warehouse.duckdb") as connection:
        connection.execute("update marts.dim_seasons set races_held = 0")
        connection.execute("update marts.dim_races set is_held = false")
    for page in ("season", "race"):
        app = opened(page)
        assert problems(app) == []
        assert app.info[0].value.startswith("The warehouse has no race that was held.")


@pytest.mark.parametrize("page", PAGES)
def test_a_missing_warehouse_is_one_line(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PITWALL_DATA", str(tmp_path))
    assert problems(opened(page)) == [
        f"{tmp_path / 'warehouse.duckdb'}: there is no warehouse yet. Run `make build`."
    ]


@pytest.mark.parametrize("change", ["drop table marts.dim_races", "drop schema seeds cascade"])
def test_an_old_warehouse_is_one_line(change: str, own_data: Path) -> None:
    with duckdb.connect(own_data / "warehouse.duckdb") as connection:
        connection.execute(change)
    [line] = problems(opened("race"))
    assert line.startswith(f"{own_data / 'warehouse.duckdb'}: this warehouse is older than the page.")
    assert "\n" not in line


def test_a_column_that_is_missing_is_one_line(own_data: Path) -> None:
    with duckdb.connect(own_data / "warehouse.duckdb") as connection:
        connection.execute("alter table marts.dim_seasons drop column races_held")
    [line] = problems(opened("season"))
    assert "this warehouse is older than the page. Run `make build`." in line


def test_a_damaged_warehouse_is_one_line(own_data: Path) -> None:
    (own_data / "warehouse.duckdb").write_bytes(b"no database")
    [line] = problems(opened("season"))
    assert "it cannot be read. Run `make build`." in line


def test_a_warehouse_that_is_written_to_is_one_line(own_data: Path) -> None:
    """Another process has it open: `dbt build` by itself writes into the file."""
    code = (
        "import duckdb, sys; connection = duckdb.connect(sys.argv[1]); print('open', flush=True); "
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, own_data / "warehouse.duckdb"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"open\n"
        [line] = problems(opened("season"))
        writer.communicate()
    assert line.endswith("another program is writing to it. Reload the page when it has ended.")
    assert problems(opened("season")) == []


def test_a_build_can_replace_the_warehouse_while_a_page_is_open(own_data: Path) -> None:
    path = own_data / "warehouse.duckdb"
    app = opened("season")
    before = app.subheader[0].value
    new = own_data / "new.duckdb"
    shutil.copy(path, new)
    with duckdb.connect(new) as connection:
        connection.execute("update marts.fct_driver_championship set driver_name = 'Somebody Else'")
    new.replace(path)
    assert app.run().subheader[0].value != before
    assert "Somebody Else" in app.subheader[0].value
    with duckdb.connect(path) as connection:  # for writing: no page holds a lock
        connection.execute("create table marts.some as select 1 as number")


def test_a_warehouse_that_is_replaced_during_a_query_is_read_again(
    own_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = iter([(1,), (2,), (2,), (2,)])
    monkeypatch.setattr(warehouse, "warehouse_version", lambda: next(versions))
    assert warehouse.duckdb_frame("select 1 as number").item() == 1
    assert next(versions, None) is None


# Queries


def tables_of(sql: str) -> set[str]:
    """The tables that a query reads, without their schemas."""
    return set(re.findall(rf"\b(?:{'|'.join(SCHEMAS)})\.(\w+)", sql))


def files_of(page: str) -> list[Path]:
    """The query files of a page, with those of the colors if it draws with them."""
    source = (DASHBOARD / "views" / f"{page}.py").read_text(encoding="utf-8")
    shared = QUERIES / "shared" if re.search(r"with_colors|constructor_colors", source) else None
    return [path for folder in (QUERIES / page, shared) if folder for path in folder.glob("*.sql")]


def test_every_query_belongs_to_a_page() -> None:
    named = {name.partition("/")[0] for name in names_of(QUERIES)}
    assert named == {*PAGES, "shared"}


@pytest.mark.parametrize(
    "path", sorted(QUERIES.rglob("*.sql")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_a_query_names_the_schema_of_each_table(path: Path) -> None:
    sql = re.sub(r"(?m)^--.*", "", path.read_text(encoding="utf-8"))
    ctes = set(re.findall(r"(?m)^(\w+) as (?:materialized )?\($", sql))
    for table in re.findall(r"(?m)^ *(?:from|inner join|left join|cross join) ([\w.]+)", sql):
        assert table in ctes or table.partition(".")[0] in SCHEMAS, table
    assert tables_of(sql)


def exposures() -> dict[str, dict[str, object]]:
    """The exposures of the dashboard, by page."""
    path = ROOT / "models" / "marts" / "_dashboard__exposures.yml"
    found = yaml.safe_load(path.read_text(encoding="utf-8"))["exposures"]
    return {each["name"].removeprefix("dashboard_"): each for each in found}


def test_every_page_has_an_exposure() -> None:
    assert sorted(exposures()) == sorted(PAGES)
    for page, exposure in exposures().items():
        path = "" if page == PAGES[0] else page
        assert exposure["url"] == f"http://127.0.0.1:8501/{path}"
        assert exposure["type"] == "dashboard"


@pytest.mark.parametrize("page", PAGES)
def test_an_exposure_depends_on_what_the_page_reads(page: str) -> None:
    read = set().union(*(tables_of(path.read_text(encoding="utf-8")) for path in files_of(page)))
    # What the converter records is the only raw table that no mart has.
    names = {"load_manifest": "source('pitwall', 'load_manifest')"}
    # dbt does not know the record of builds: it is written when dbt has finished.
    known = read - {"builds"}
    assert exposures()[page]["depends_on"] == sorted(names.get(each, f"ref('{each}')") for each in known)


@pytest.mark.parametrize(
    ("value", "sql"),
    [
        (None, "null"),
        (True, "true"),
        (12, "12"),
        (0.5, "0.5"),
        ("Brabham", "'Brabham'"),
        ("'; drop table x; --", "'''; drop table x; --'"),
    ],
)
def test_a_value_becomes_sql(value: object, sql: str) -> None:
    assert warehouse.literal(value) == sql  # type: ignore[arg-type]
    with duckdb.connect() as connection:
        assert connection.execute(f"select {sql}").fetchall()[0][0] == (
            pytest.approx(value) if isinstance(value, float) else value
        )


@pytest.mark.parametrize("value", [float("nan"), "a\0b", [1]])
def test_a_value_that_is_none_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="is no value for a query"):
        warehouse.literal(value)  # type: ignore[arg-type]


def test_a_query_needs_all_of_its_values() -> None:
    with pytest.raises(TypeError, match=r"takes \['season'\], not \['race'\]"):
        warehouse.runnable("season/races", race=1)
    assert warehouse.runnable("select :name as a, cast(1 as int) as b", name="x:y") == (
        "select 'x:y' as a, cast(1 as int) as b"
    )


def test_what_if_without_leaving_out_a_race_is_the_mart(data: Path) -> None:
    for season, system in query_rows(
        data, "select distinct season, points_system from marts.championship_what_if where season > 2023"
    ):
        frame = warehouse.query("season/what_if", season=season, system=system, without=0).frame
        rows = query_rows(
            data,
            "select driver_name, position, cast(points as double) from marts.championship_what_if "
            f"where season = {season} and points_system = '{system}' order by position",
        )
        assert frame.select("driver_name", "place", "points").rows() == rows


def test_what_if_leaves_out_a_race(data: Path) -> None:
    values = {"season": 2025, "system": "points_2025"}
    whole = warehouse.query("season/what_if", without=0, **values).frame.select("points").sum().item()
    without = warehouse.query("season/what_if", without=3, **values).frame.select("points").sum().item()
    [(points,)] = query_rows(
        data,
        "select cast(sum(points) as double) from marts.fct_what_if_points "
        "where season = 2025 and points_system = 'points_2025' and round = 3",
    )
    assert whole - without == points > 0


def test_the_race_trace_of_the_winner_is_level_on_slow_laps(own_data: Path) -> None:
    """The reference does the winner's own lap there, so the gap does not change."""
    [(race, driver, winner)] = query_rows(
        own_data,
        "select race_id, driver_name, driver_id from marts.fct_race_results "
        "where is_win order by race_id limit 1",
    )
    with duckdb.connect(own_data / "warehouse.duckdb") as connection:
        connection.execute("update marts.fct_race_laps set is_field_slow = true where lap_number in (10, 11)")
        connection.execute("update marts.fct_race_laps set is_field_slow = null where lap_number = 12")
        # The first three behind the safety car, and the winner alone.
        connection.execute(
            "update marts.fct_race_laps set lap_class = 'slow' "
            f"where lap_number = 15 or lap_number = 18 and driver_id = {winner}"
        )
        for lap, record in ((20, "safety car"), (21, "virtual safety car")):
            connection.execute(
                "update marts.fct_race_laps set lap_class = $record where lap_number = $lap",
                {"lap": lap, "record": record},
            )
    trace = warehouse.query("race/trace", race=race, cut=110).frame
    trace = trace.filter(pl.col("driver_name") == driver)
    steps = trace["ahead_s"].diff().to_list()
    assert trace["ahead_s"][0] == 0
    assert trace["behind_winner_s"].abs().max() == 0
    assert steps[9:12] == [pytest.approx(0, abs=0.0005)] * 3
    assert steps[8] != pytest.approx(0, abs=0.0005)
    assert steps[14] == pytest.approx(0, abs=0.0005)
    assert steps[17] != pytest.approx(0, abs=0.0005)
    assert steps[19:21] == [pytest.approx(0, abs=0.0005)] * 2
    assert steps[18] != pytest.approx(0, abs=0.0005)


def test_the_race_trace_has_a_gap_where_a_car_is_too_far_behind(data: Path) -> None:
    """A line through the laps that are cut would say where the car was."""
    [(race,)] = query_rows(data, "select min(race_id) from marts.fct_race_laps")
    trace = warehouse.query("race/trace", race=race, cut=20).frame
    assert trace["ahead_s"].has_nulls()
    assert trace["ahead_s"].min() > -20
    assert trace["behind_winner_s"].null_count() == 0
    for _, lap in trace.group_by("driver_name"):
        assert lap["lap_number"].to_list() == list(range(1, lap.height + 1))


# Colors and labels


def contrast(one: str, other: str) -> float:
    """The contrast of two colors, by WCAG."""

    def luminance(color: str) -> float:
        parts = [int(color[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_colors_stand_out_from_their_ground() -> None:
    seed = pl.read_csv(ROOT / "seeds" / "constructor_colors.csv")
    assert seed["constructor_ref"].is_unique().all()
    for on_light, on_dark in [*seed.select("on_light", "on_dark").iter_rows(), *theme.SPARE]:
        assert contrast(on_light, theme.LIGHT.paper) >= 3, on_light
        assert contrast(on_dark, theme.DARK.paper) >= 3, on_dark
    for ground in (theme.LIGHT, theme.DARK):
        for color in (ground.ink, ground.quiet, ground.good, ground.bad):
            assert contrast(color, ground.paper) >= 4.5, color


def test_the_paper_is_that_of_streamlit() -> None:
    settings = tomllib.loads((DASHBOARD / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    for name, ground in (("light", theme.LIGHT), ("dark", theme.DARK)):
        assert settings["theme"][name]["backgroundColor"] == ground.paper
        assert settings["theme"][name]["textColor"] == ground.ink
    assert settings["browser"]["gatherUsageStats"] is False


def test_a_constructor_without_a_color_gets_a_spare_one(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for dark in (False, True):
        monkeypatch.setattr(theme, "is_dark", lambda dark=dark: dark)
        colors = theme.constructor_colors()
        assert set(colors.values()) <= {pair[dark] for pair in theme.SPARE}  # the simulated ones are invented
        assert colors == theme.constructor_colors()


def test_the_second_line_of_a_constructor_is_dashed(data: Path) -> None:
    [first, *_] = theme.constructor_colors()
    frame = pl.DataFrame(
        {
            "driver_name": ["a", "a", "b", "c"],
            "constructor_id": [first, first, first, None],
        }
    )
    marked = theme.with_colors(frame)
    assert marked["mate"].to_list() == [0, 0, 1, 0]
    assert marked["color"].null_count() == 0


def test_labels_do_not_cover_each_other() -> None:
    ends = pl.DataFrame({"y": [10.0, 10.0, 9.9, 0.0, 5.0, 5.0]})
    placed = charts.pushed_apart(ends, "y", (0, 10), 200)["label_y"]
    pixels = sorted(value * 20 for value in placed)
    assert all(upper - lower >= charts.LABEL_PIXELS - 0.001 for lower, upper in pairwise(pixels))
    assert (min(pixels), max(pixels)) == (0, 200)
    # Positions: the first is at the top.
    upside_down = charts.pushed_apart(ends, "y", (10, 0), 200)["label_y"]
    assert upside_down[3] == 0


def test_single_labels_do_not_cover_each_other() -> None:
    labels = pl.DataFrame({"x": [10, 10, 11, 50, 10], "y": [5.0, 5.0, 5.1, 5.0, 9.0]})
    placed = charts.uncovered(labels, "x", "y", span=100, domain=(0, 10), height=200)
    high, across = [value * 20 for value in placed["label_y"]], labels["x"]
    for one, other in combinations(range(labels.height), 2):
        near = abs(across[one] - across[other]) < charts.SMALL_LABEL[1] * 100
        assert not near or abs(high[one] - high[other]) >= charts.SMALL_LABEL[0] - 0.001
    assert high[3:] == [100, 180]
    # Positions: up is towards 1.
    upside_down = charts.uncovered(labels, "x", "y", span=100, domain=(10, 0), height=200)["label_y"]
    assert all(placed <= wanted for placed, wanted in zip(upside_down, labels["y"], strict=True))


def test_a_row_of_a_chart_has_its_height_also_if_there_are_few() -> None:
    assert charts.band_heights(3, 22) - charts.AROUND == 3 * 22
    assert charts.AROUND >= 60  # the labels of the axis, and its title


def test_the_place_in_a_race_can_be_read_on_its_cell() -> None:
    tree = ast.parse((DASHBOARD / "views" / "drivers.py").read_text(encoding="utf-8"))
    named = {ast.unparse(each.targets[0]): each.value for each in tree.body if isinstance(each, ast.Assign)}
    outcomes, strong, inks = (
        ast.literal_eval(named[name]) for name in ("OUTCOMES", "STRONG", "INK_ON_STRONG")
    )
    for outcome, colors in outcomes.items():
        for color, ink, ground in zip(colors, inks, (theme.LIGHT, theme.DARK), strict=True):
            assert contrast(color, ink if outcome in strong else ground.ink) >= 4.5, outcome


# The command


def dashboard(data: Path, *options: str, **environment: str) -> tuple[int, str]:
    """Run the command where it fails before it starts the server. Returns its exit code and its line."""
    result = run(SCRIPTS / "dashboard.py", *options, PITWALL_DATA=data, **environment)
    return result.returncode, result.stdout


def test_the_command_needs_a_warehouse(tmp_path: Path) -> None:
    assert dashboard(tmp_path) == (
        2,
        f"dashboard: {tmp_path / 'warehouse.duckdb'}: there is no warehouse yet; run `make build` first\n",
    )


def test_the_command_needs_a_free_port(data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert dashboard(data, "--port", str(port)) == (
            2,
            f"dashboard: port {port}: Address already in use; name another with PORT=number\n",
        )
    assert dashboard(data, "--port", "70000")[0] == 2


@pytest.mark.parametrize("name", ["spark", "oracle"])
def test_the_command_shows_two_engines(name: str, data: Path) -> None:
    line = f"dashboard: ENGINE={name}: the dashboard shows a warehouse on duckdb or postgres\n"
    assert dashboard(data, "--engine", name) == (2, line)
    assert dashboard(data, PITWALL_ENGINE=name) == (2, line)


def test_the_core_does_not_import_the_dashboard() -> None:
    for path in SCRIPTS.rglob("*.py"):
        if path.name != "dashboard.py" and path.parent.name != "site":
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"^\s*(?:import|from) (?:streamlit|altair)\b", text, re.MULTILINE), path
    assert os.access(SCRIPTS / "dashboard.py", os.X_OK)


def test_the_axis_of_a_chart_of_lines_keeps_its_title(data: Path) -> None:
    """The labels at the ends are layers of their own, and a layer with another title would change it."""
    frame = pl.DataFrame({"driver_name": ["A", "A"], "code": ["A", "A"], "lap": [1, 2], "place": [1, 1]})
    frame = frame.with_columns(color=pl.lit("#000000"), mate=0)
    x = charts.alt.X("lap:Q", title="lap")
    chart = charts.lines(frame, x=x, y="place", y_title="position", domain=(2, 1), tooltip=[]).to_dict()
    titles = {
        each["encoding"]["x"].get("title") for each in chart["layer"] if "x" in each.get("encoding", {})
    }
    assert titles == {"lap"}
