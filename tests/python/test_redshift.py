"""The target `redshift` parses and compiles, checked offline. Nothing here was run on Redshift."""

import importlib.util
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlglot
from conftest import DBT, ROOT, must_run
from sqlglot import exp

pytestmark = pytest.mark.extra
if not importlib.util.find_spec("dbt.adapters.redshift"):
    pytest.skip("dbt-redshift is not installed: make redshift-extra", allow_module_level=True)

# Constructs that the models use although Redshift's documentation does not have them. They must be replaced
# before the models run on Redshift. A test fails if the models use another such construct.
KNOWN_GAPS = {
    "filter (where ...)": "Redshift needs a `case` inside the aggregate instead",
    "window ... as": "Redshift has no named windows",
}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SQL that dbt compiles for Redshift from every model, without a server and without data."""
    target = tmp_path_factory.mktemp("redshift")
    common = ["--log-level-file", "none", "--target", "redshift", "--target-path", target]
    common += ["--project-dir", ROOT, "--profiles-dir", ROOT]
    options = ("--no-introspect", "--no-populate-cache")
    must_run(DBT, "--quiet", "compile", *options, *common, PITWALL_DATA=target)
    return target / "compiled" / "pitwall" / "models"


def compiled_models(compiled: Path) -> dict[str, Path]:
    """The file of compiled SQL by the path of its model. (dbt writes compiled data tests next to them.)"""
    return {
        str(path): compiled / path
        for path in (each.relative_to(ROOT / "models") for each in (ROOT / "models").rglob("*.sql"))
    }


@pytest.mark.slow
def test_every_model_compiles_to_sql_that_parses(compiled: Path) -> None:
    models = compiled_models(compiled)
    assert len(models) > 50
    for name, path in models.items():
        assert path.is_file(), f"{name}: not compiled"
        text = path.read_text(encoding="utf-8")
        assert text.strip(), f"{name}: empty"
        assert "{{" not in text
        statements = sqlglot.parse(text, dialect="redshift")
        assert len(statements) == 1, name
        assert isinstance(statements[0], exp.Select | exp.Union), name


def unsupported(tree: exp.Expression) -> Iterator[str]:
    """The constructs that Redshift's documentation lists as unsupported, or does not list at all."""
    for node in tree.walk():
        match node:
            case exp.Filter():
                yield "filter (where ...)"
            case exp.NullSafeEQ() | exp.NullSafeNEQ():
                yield "is distinct from"
            case exp.Values():
                yield "a list of values as a table"
            case exp.Lateral() | exp.Unnest():
                yield "lateral"
            case exp.RegrSlope() | exp.Corr() | exp.CovarSamp() | exp.CovarPop():
                yield "regression"
            case exp.Mode() | exp.ArrayAgg() | exp.GenerateSeries():
                yield node.sql_name().lower()
            case exp.SplitPart() if node.args["part_index"].sql().startswith("-"):
                yield "split_part from the right"
            case exp.Window():
                yield from unsupported_window(node)
            case exp.Anonymous():
                yield f"function {node.name.lower()}"
            case exp.DataType() if node.this == exp.DataType.Type.DECIMAL and node.expressions:
                if int(node.expressions[0].name) > 38:
                    yield "decimal of more than 38 digits"
            case exp.Select():
                parts = [each for part in node.expressions for each in part.find_all(exp.WithinGroup)]
                if len({each.expression.sql() for each in parts}) > 1:
                    yield "percentiles by different columns in one select"


def unsupported_window(window: exp.Window) -> Iterator[str]:
    """Redshift needs a frame of rows for an aggregate over an ordered window, and has no named windows."""
    if window.args.get("alias"):
        yield "window ... as"
    function = window.this.this if isinstance(window.this, exp.Filter) else window.this
    spec = window.args.get("spec")
    if isinstance(function, exp.Sum | exp.Count | exp.Min | exp.Max | exp.Avg):
        if isinstance(function.this, exp.Distinct):
            yield "distinct in a window"
        if window.args.get("order") and not spec:
            yield "an ordered window without a frame"
    if spec and (spec.args.get("kind") or "").upper() != "ROWS":
        yield "a frame of values"
    if isinstance(function, exp.Lag | exp.Lead) and function.args.get("default"):
        yield "lag with a default"


@pytest.mark.slow
def test_models_use_only_what_redshift_has_except_known_gaps(compiled: Path) -> None:
    found: dict[str, set[str]] = defaultdict(set)
    for name, path in compiled_models(compiled).items():
        for gap in unsupported(sqlglot.parse_one(path.read_text(encoding="utf-8"), dialect="redshift")):
            found[gap].add(name)
    more = {gap: sorted(names) for gap, names in found.items() if gap not in KNOWN_GAPS}
    assert not more, f"not in Redshift: {more}"
    assert set(KNOWN_GAPS) == set(found), "a gap was closed: remove it from KNOWN_GAPS and from docs/"


@pytest.mark.parametrize(
    ("sql", "gap"),
    [
        ("select count(*) filter (where a) from t", "filter (where ...)"),
        ("select 1 from t where a is distinct from b", "is distinct from"),
        ("select split_part(a, ':', -1) from t", "split_part from the right"),
        ("select regr_slope(a, b) from t", "regression"),
        ("select make_date(a, 1, 1) from t", "function make_date"),
        ("select sum(a) over (order by b) from t", "an ordered window without a frame"),
        ("select sum(a) over w from t window w as (partition by b)", "window ... as"),
        ("select cast(a as decimal(39, 0)) from t", "decimal of more than 38 digits"),
        (
            "select percentile_cont(0.5) within group (order by a), "
            "percentile_cont(0.5) within group (order by b) from t",
            "percentiles by different columns in one select",
        ),
    ],
)
def test_a_gap_is_found(sql: str, gap: str) -> None:
    assert gap in set(unsupported(sqlglot.parse_one(sql, dialect="redshift")))


@pytest.mark.slow
def test_redshift_gets_its_own_sql(compiled: Path) -> None:
    """Without these macros, dbt would give Redshift the SQL for PostgreSQL, which differs here."""
    for name, sql in {
        "marts/core/dim_dates.sql": "cast(cast(max(season) as varchar(4)) || '-12-31' as date)",
        "staging/ergast/stg_ergast__lap_times.sql": "reverse(split_part(reverse(",
        "marts/laps_and_stops/fct_stints.sql": "sum(cast(green_ms as double precision) * green_lap)",
        "marts/laps_and_stops/fct_race_pace.sql": "array(percentile_cont(0.1) within group (order by",
        "marts/results_and_qualifying/fct_result_revisions.sql": "coalesce(before_revision.points <> after",
    }.items():
        assert sql in (compiled / name).read_text(encoding="utf-8"), name


@pytest.mark.slow
def test_the_password_is_not_written_anywhere(tmp_path: Path) -> None:
    password = "a-word-that-nobody-writes"
    command = [DBT, "--log-level", "debug", "parse", "--no-partial-parse", "--target", "redshift"]
    command += ["--target-path", tmp_path / "target", "--log-path", tmp_path / "logs"]
    output = must_run(*command, REDSHIFT_PASSWORD=password, PITWALL_DATA=tmp_path)
    assert password not in output
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"manifest.json", "dbt.log"} <= {path.name for path in files}
    assert not [path for path in files if password.encode() in path.read_bytes()]
