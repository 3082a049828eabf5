"""What is special about single pages of the dashboard. test_dashboard.py tests what all have in common."""

import re
import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.extra
for package in ("altair", "streamlit"):
    pytest.importorskip(package, reason="no dashboard: `make dashboard` installs it")

import duckdb  # noqa: E402
from dashboard_app import DASHBOARD, each_change, opened, problems, shown_sql, warehouse  # noqa: E402
from streamlit.testing.v1 import AppTest  # noqa: E402

VIEWS = {
    "race": ("race_view", ["Result", "Pace", "Stops"]),
    "drivers": ("driver_view", ["Career", "Head to head"]),
    "constructors": ("team_view", ["Seasons", "Reliability"]),
    "circuits": ("circuit_view", ["One circuit", "Compare circuits"]),
    "predictions": ("prediction_view", ["Race", "Title", "Scorecard", "Reliability"]),
    "trust": ("trust_view", ["Standings", "Source", "Freshness", "Builds"]),
}


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


def rows(data: Path, sql: str) -> list[tuple[object, ...]]:
    """The rows of a query on a warehouse."""
    with duckdb.connect(data / "warehouse.duckdb", read_only=True) as connection:
        return connection.execute(sql).fetchall()


def change(data: Path, *statements: str) -> None:
    """Change a warehouse."""
    with duckdb.connect(data / "warehouse.duckdb") as connection:
        for statement in statements:
            connection.execute(statement)


def titles(app: AppTest) -> list[str]:
    """The findings of a page that opened without a problem."""
    assert problems(app) == []
    return [each.value for each in app.subheader]


def said(app: AppTest) -> list[str]:
    """What a page says where it has nothing to show."""
    assert problems(app) == []
    return [each.value for each in app.info]


# Controls


EACH_VIEW = pytest.mark.parametrize(
    ("page", "key", "view"),
    [(page, key, view) for page, (key, views) in VIEWS.items() for view in views],
)


@EACH_VIEW
def test_a_view_opens_and_its_sql_runs(page: str, key: str, view: str, data: Path) -> None:
    app = opened(page, **{key: view})
    assert titles(app)
    for sql in shown_sql(app):
        assert rows(data, f"select count(*) from ({sql})"), sql


@pytest.mark.slow
@EACH_VIEW
def test_every_control_of_a_view_works(page: str, key: str, view: str, data: Path) -> None:
    for change, changed in each_change(page, **{key: view}):
        assert problems(changed) == [], change


@pytest.mark.slow
@EACH_VIEW
def test_every_control_of_a_view_works_on_the_real_data(
    page: str, key: str, view: str, real_warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PITWALL_DATA", str(real_warehouse.parent))
    app = opened(page, **{key: view})
    assert titles(app) or said(app), "this warehouse has no forecasts"
    for change, changed in each_change(page, **{key: view}):
        assert problems(changed) == [], change


def test_the_views_are_those_of_the_pages() -> None:
    for page, (key, views) in VIEWS.items():
        source = (DASHBOARD / "views" / f"{page}.py").read_text(encoding="utf-8")
        assert f'"{key}")' in source
        assert all(f'"{view}"' in source for view in views)


def test_an_address_opens_two_drivers(data: Path) -> None:
    [(driver, rival)] = rows(
        data, "select min(driver_name), max(driver_name) from marts.driver_seasons where starts > 0"
    )
    app = opened(
        "drivers", driver=str(driver), rival=str(rival), driver_view="Head to head", driver_races="All"
    )
    assert [box.value for box in app.selectbox] == [driver, rival]
    for each in titles(app)[:4]:
        assert str(driver) in each
        assert str(rival) in each


# Drivers


def test_two_drivers_who_never_met_say_so(own_data: Path) -> None:
    [(driver, name)] = rows(own_data, "select driver_id, driver_name from marts.driver_careers limit 1")
    change(
        own_data,
        f"delete from marts.fct_race_results where driver_id = {driver}",
        f"delete from marts.fct_qualifying_gaps where driver_id = {driver}",
        f"delete from marts.team_mate_seasons where {driver} in (driver_id, team_mate_driver_id)",
    )
    [(rival,)] = rows(
        own_data, f"select min(driver_name) from marts.driver_careers where driver_id <> {driver}"
    )
    link = {"driver": str(name), "rival": str(rival), "driver_view": "Head to head"}
    assert said(opened("drivers", **link, driver_races="All")) == [f"{name} and {rival} never met in a race."]
    [line] = said(opened("drivers", **link))
    assert line.startswith(f"{name} and {rival} were never team mates.")


def test_a_driver_without_a_team_mate_says_so(own_data: Path) -> None:
    change(own_data, "delete from marts.team_mate_careers")
    assert (
        "never had a team mate. Choose another driver"
        in said(opened("drivers", driver_view="Head to head"))[0]
    )


def test_a_driver_without_laps_and_times_says_so(own_data: Path) -> None:
    change(own_data, "delete from marts.fct_race_pace", "delete from marts.fct_qualifying_gaps")
    lines = said(opened("drivers", driver_view="Head to head"))
    assert "The source has no times of race pace in which both can be compared." in lines
    assert "The source has no times of qualifying in which both can be compared." in lines


def test_a_driver_who_never_started_says_so(own_data: Path) -> None:
    change(
        own_data,
        "update marts.driver_careers set starts = 0, wins = 0, podiums = 0, best_finish = null, titles = 0, "
        "best_championship_position = null",
        "update marts.driver_seasons set championship_position = null",
    )
    app = opened("drivers")
    assert any(each.endswith("entered, and never started a race") for each in titles(app))
    assert any(each.endswith("is in no final table of the championship.") for each in said(app))


def test_a_head_to_head_agrees_with_the_marts(data: Path) -> None:
    """Overall, drivers who were only ever team mates have the same numbers as the mart of team mates."""
    pairs = rows(
        data,
        "select driver_id, team_mate_driver_id, races_ahead, races_behind, qualifyings_ahead, "
        "qualifyings_behind, median_qualifying_gap_percent from marts.team_mate_careers as careers "
        "where races_together = (select count(*) from marts.fct_race_results as own "
        "inner join marts.fct_race_results as other using (race_id) where own.driver_id = careers.driver_id "
        "and other.driver_id = careers.team_mate_driver_id and own.is_started and other.is_started) "
        "and races_together > 0",
    )
    assert pairs
    for driver, rival, *counts, median in pairs:
        values = {"driver": driver, "rival": rival}
        mates = warehouse.query("drivers/head_to_head_team_mates", **values).frame.row(0, named=True)  # type: ignore[arg-type]
        everything = warehouse.query("drivers/head_to_head_all", **values).frame.row(0, named=True)  # type: ignore[arg-type]
        names = [
            "total_races_ahead",
            "total_races_behind",
            "total_qualifyings_ahead",
            "total_qualifyings_behind",
        ]
        assert [mates[name] for name in names] == counts
        assert [everything[name] for name in names][:2] == counts[:2]
        gaps = warehouse.query("drivers/gaps", **values, scope="team_mates").frame  # type: ignore[arg-type]
        shown = gaps.filter(gaps["measure"] == "qualifying")["median_gap_percent"]
        assert (round(shown[0], 2) if len(shown) else None) == pytest.approx(
            None if median is None else float(str(median)), abs=0.006
        )


# Constructors


def test_a_constructor_without_finishes_says_so(own_data: Path) -> None:
    change(
        own_data,
        "update marts.constructor_seasons set finishes = 0, car_starts = 0, starts = 0, wins = 0",
        "update marts.constructor_careers set finishes = 0, car_starts = 0, starts = 0, wins = 0",
        "delete from marts.constructor_reliability",
    )
    app = opened("constructors", team_view="Reliability")
    assert any(each.endswith("ever started a race.") for each in said(app))
    assert any(each.startswith("Every car of") for each in said(app))
    assert any(each.endswith("entered, and never started a race") for each in titles(opened("constructors")))


@pytest.mark.parametrize("by", ["decade", "season"])
def test_the_causes_of_the_field_add_up_to_the_marts(by: str, data: Path) -> None:
    frame = warehouse.query("constructors/causes", constructor=0, by=by).frame
    [(failures,)] = rows(data, "select cast(sum(failures) as bigint) from marts.constructor_reliability")
    assert frame["failures"].sum() == failures
    assert frame["cause_rank"].n_unique() == frame["cause"].n_unique() <= 7
    [(most,)] = rows(
        data,
        "select cause from marts.constructor_reliability where cause <> 'unknown' "
        "group by cause order by sum(failures) desc, cause limit 1",
    )
    assert frame.filter(frame["cause_rank"] == 1)["cause"][0] == most
    [(constructor, own)] = rows(
        data,
        "select constructor_id, cast(sum(failures) as bigint) from marts.constructor_reliability "
        "group by constructor_id order by constructor_id limit 1",
    )
    one = warehouse.query("constructors/causes", constructor=constructor, by=by).frame  # type: ignore[arg-type]
    assert one["failures"].sum() == own < failures


# Circuits


def test_a_circuit_without_stops_says_so(own_data: Path) -> None:
    change(own_data, "delete from marts.circuit_pit_losses")
    assert "The source has no season with both the stops and the lap times of a race here." in said(
        opened("circuits")
    )


def test_a_circuit_without_a_winner_says_so(own_data: Path) -> None:
    """Other circuits still have winners."""
    [(circuit, name)] = rows(
        own_data, "select circuit_id, circuit_name from marts.circuit_statistics order by races limit 1"
    )
    change(
        own_data,
        "update marts.fct_race_results set is_win = false "
        f"where race_id in (select race_id from marts.dim_races where circuit_id = {circuit})",
    )
    lines = said(opened("circuits", circuit=str(name)))
    assert sum(each.startswith("No winner at") for each in lines) == 3


def test_the_starts_of_the_winners_are_counted_once(own_data: Path) -> None:
    """Also where two drivers shared the car that won."""
    [(circuit, races)] = rows(
        own_data,
        "select circuit_id, races from marts.circuit_statistics order by races desc, circuit_id limit 1",
    )
    change(
        own_data,
        "update marts.fct_race_results set is_win = true where position_order = 2 and race_id in "
        f"(select race_id from marts.dim_races where circuit_id = {circuit})",
    )
    frame = warehouse.query("circuits/winner_starts", circuit=circuit).frame  # type: ignore[arg-type]
    assert frame["wins"].sum() == races
    assert (
        frame["wins_everywhere"].sum()
        == rows(own_data, "select sum(races_held) from marts.dim_seasons")[0][0]
    )


def test_circuits_with_few_races_are_left_out_and_it_says_so(data: Path) -> None:
    app = opened("circuits", circuit_view="Compare circuits")
    least = app.slider[0].value
    assert any(each.value.endswith(f"Circuits with at least {least} races.") for each in app.caption)
    app = app.slider[0].set_value(1).run()
    assert not any("Circuits with at least" in each.value for each in app.caption)


# Predictions


def test_an_empty_ledger_says_how_to_fill_it(own_data: Path) -> None:
    change(
        own_data,
        *(
            f"delete from marts.{table}"
            for table in ("fct_predictions", "fct_prediction_scores", "fct_prediction_calibration")
        ),
    )
    for view in VIEWS["predictions"][1]:
        [line] = said(opened("predictions", prediction_view=view))
        assert all(command in line for command in ("make train", "make predict", "make build"))
    [line] = said(opened("predictions", prediction_view="Scorecard", scores_of="Forecasts"))
    assert line.startswith("No forecast is scored yet.")


def test_a_forecast_is_no_backtest(own_data: Path) -> None:
    """With backtests only there is no forecast, and with forecasts only there is no backtest."""
    change(own_data, "delete from marts.fct_predictions where not is_backtest")
    assert said(opened("predictions"))[0].startswith("The ledger has no forecast of a race.")
    assert said(opened("predictions", prediction_view="Title"))[0].startswith(
        "The ledger has no odds of the title."
    )
    change(own_data, "delete from marts.fct_prediction_scores where is_backtest")
    [line] = said(opened("predictions", prediction_view="Scorecard"))
    assert "backtest" in line
    assert titles(opened("predictions", prediction_view="Scorecard", scores_of="Forecasts"))


@pytest.mark.parametrize("is_backtest", [True, False])
def test_the_scores_are_of_one_kind(is_backtest: bool, data: Path) -> None:
    values = {"is_backtest": is_backtest, "first_season": 1950, "last_season": 2100}
    frame = warehouse.query("predictions/scorecard", **values).frame
    for row in frame.iter_rows(named=True):
        [(forecasts, log_loss)] = rows(
            data,
            "select cast(count(*) as bigint), avg(-ln(least(greatest("
            "case when outcome = 1 then probability else 1 - probability end, 0.000001), 0.999999))) "
            f"from marts.fct_predictions where is_scored and is_backtest = {is_backtest} "
            f"and model = '{row['model']}' and target = '{row['target']}' and known_at = '{row['known_at']}'",
        )
        assert row["forecasts"] == forecasts
        assert row["log_loss"] == pytest.approx(log_loss, abs=0.0001)
    assert frame.height


def test_a_late_forecast_says_that_it_is_never_scored(own_data: Path) -> None:
    late = "It was written after the date of the race"
    change(own_data, "update marts.fct_predictions set is_before_race = false where not is_backtest")
    for view in ("Race", "Title"):
        assert any(late in each.value for each in opened("predictions", prediction_view=view).caption)
    change(own_data, "update marts.fct_predictions set is_before_race = true where not is_backtest")
    assert not any(late in each.value for each in opened("predictions").caption)


@pytest.mark.parametrize("view", VIEWS["predictions"][1])
def test_models_and_baselines_are_named_in_words(view: str, data: Path) -> None:
    app = opened("predictions", prediction_view=view)
    said = titles(app) + [each.value for each in app.caption]
    assert said
    assert [each for each in said if "_" in each] == []


def test_the_seasons_of_the_scores_are_those_of_the_model_card() -> None:
    from pitwall.prediction.bars import FIRST_SEASON

    source = (DASHBOARD / "views" / "predictions.py").read_text(encoding="utf-8")
    assert re.findall(r"(?m)^FIRST_SEASON = (\d+)", source) == [str(FIRST_SEASON)]


# Trust


def test_the_reconciled_rows_are_counted(own_data: Path) -> None:
    compared = (
        "select count(is_reconciled) from (select is_reconciled from marts.fct_driver_championship "
        "union all select is_reconciled from marts.fct_constructor_championship)"
    )
    # A row that the source's table lacks was not compared.
    change(own_data, "update marts.fct_constructor_championship set is_reconciled = null where round = 1")
    [(count,)] = rows(own_data, compared)
    assert titles(opened("trust"))[0].startswith(f"{count:,} rows of both championships were compared")
    assert titles(opened("trust"))[0].endswith("all agree")
    key = "(season, round, driver_id)"
    first = f"{key} in (select {key} from marts.fct_driver_championship limit 1)"
    change(
        own_data,
        "update marts.fct_driver_championship "
        f"set is_reconciled = false, exception_reason = 'known' where {first}",
    )
    assert titles(opened("trust"))[0].endswith("all but 1 agree, and each of those has its reason")
    assert warehouse.query("trust/reconciled").frame.select("differing", "unexplained").sum().row(0) == (1, 0)
    change(own_data, f"update marts.fct_driver_championship set exception_reason = null where {first}")
    assert titles(opened("trust"))[0].endswith("all but 1 agree, and 1 of those have no reason")


def test_a_source_without_anomalies_says_so(own_data: Path) -> None:
    change(own_data, "update quality.anomaly_counts set anomalies = 0")
    assert said(opened("trust", trust_view="Source")) == [
        "Every kind of anomaly was looked for, and none was found."
    ]


def test_simulated_data_are_called_simulated(own_data: Path) -> None:
    assert titles(opened("trust", trust_view="Freshness"))[0].startswith("This is a simulated championship")
    change(own_data, "update marts.dim_seasons set wikipedia_url = null")
    assert titles(opened("trust", trust_view="Freshness"))[0].startswith("Results reach to the ")


def test_a_race_that_is_past_and_has_no_results_is_named(own_data: Path) -> None:
    change(
        own_data,
        "update marts.dim_seasons set wikipedia_url = null",
        "update marts.dim_races set is_held = false "
        "where race_date = (select max(race_date) from marts.dim_races)",
        "update marts.dim_races set race_date = current_date - 30 where not is_held",
        "update marts.dim_races set race_date = race_date - 3650 where is_held",
    )
    captions = [each.value for each in opened("trust", trust_view="Freshness").caption]
    assert any("It is 30 days past: newer files should have its results." in each for each in captions)


def test_builds_that_revised_results_are_listed(own_data: Path) -> None:
    change(
        own_data,
        "insert into snapshots.race_results_history by name "
        "select * replace (dbt_valid_from + interval 1 day as dbt_valid_from) "
        "from snapshots.race_results_history limit 2",
    )
    builds = warehouse.query("trust/new_results").frame
    assert builds["revised_results"].to_list() == [2, 0]
    assert builds["new_results"][0] == 0 < builds["new_results"][1]


def test_the_last_build_is_named(data: Path) -> None:
    [(built_at, source)] = rows(data, "select built_at, input from ops.builds order by built_at desc limit 1")
    app = opened("trust", trust_view="Builds")
    assert titles(app)[0] == f"Last built on {built_at:%-d %B %Y, %H:%M} UTC from {source}"
