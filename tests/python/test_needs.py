"""What an engine needs is checked before any work, and a message says how to get it."""

import re
import sys
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, SCRIPTS, no_engines, run

from pitwall.command import PlainError
from pitwall.needs import POSTGRES_DEFAULTS, NotAvailable, check_needs, connection_hint
from pitwall.warehouse.engines import ENGINES, check_available

PAGE = (ROOT / "docs" / "from-laptop-to-cloud.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        (
            'FATAL: role "it\'s" does not exist',
            "Create it and its database as an administrator: `createuser --pwprompt pitwall`, "
            "`createdb --owner pitwall 'my data'`",
        ),
        (
            'FATAL: database "my data" does not exist',
            "Create it as an administrator: `createdb --owner pitwall 'my data'`, or name another",
        ),
        ('FATAL: password authentication failed for user "pitwall"', "Set PGUSER and PGPASSWORD; an admin"),
        ("fe_sendauth: no password supplied", "a new user: `createuser --pwprompt pitwall`"),
        ('FATAL: Peer authentication failed for user "pitwall"', "Set PGUSER and PGPASSWORD"),
        ("FATAL: no pg_hba.conf entry for host", "Set PGUSER and PGPASSWORD"),
        ("Connection refused", "Start the server, or set PGHOST and PGPORT"),
        ("timeout expired", "Start the server, or set PGHOST and PGPORT"),
        ("received invalid response to SSL negotiation", "Check that PGHOST and PGPORT name a PostgreSQL"),
    ],
)
def test_a_refusal_of_postgresql_is_explained(
    reason: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGUSER", raising=False)
    monkeypatch.setenv("PGDATABASE", "my data")
    assert hint in connection_hint(reason)
    assert connection_hint(reason).endswith("(docs/from-laptop-to-cloud.md, PostgreSQL)")
    assert "\n## PostgreSQL\n" in PAGE


def test_the_defaults_are_those_of_the_profile_and_of_the_page() -> None:
    profile = (ROOT / "profiles.yml").read_text(encoding="utf-8")
    in_profile = dict(re.findall(r"env_var\('(PG\w+)', '(.+?)'\)", profile))
    assert in_profile.items() <= POSTGRES_DEFAULTS.items()
    assert dict(re.findall(r"\| `(PG\w+)` \| `(.+)` \|", PAGE)) == in_profile


def test_each_engine_is_a_target_of_the_profile() -> None:
    profile = yaml.safe_load((ROOT / "profiles.yml").read_text(encoding="utf-8"))
    assert set(ENGINES) < set(profile["pitwall"]["outputs"])


def test_nothing_is_needed_for_duckdb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    check_available("duckdb")


@pytest.mark.parametrize("engine", ["duck", "", "DuckDB", "redshift"])
def test_an_unknown_engine_is_refused(engine: str) -> None:
    for check in (check_needs, check_available):
        with pytest.raises(
            PlainError, match=f"^ENGINE={engine}: there is no such engine; name one of duckdb, "
        ):
            check(engine)


def test_a_missing_java_is_reported_before_a_missing_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SPARK_REMOTE", raising=False)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(NotAvailable, match="has no bin/java"):
        check_available("spark")


def test_a_missing_package_is_reported() -> None:
    """Although Java is there."""
    code = "from pitwall import needs; needs.ENGINES = dict.fromkeys(needs.ENGINES, lambda: None); "
    code += "from pitwall.warehouse.engines import check_available; check_available('spark')"
    hidden = no_engines()
    result = run(sys.executable, "-c", code, **{**hidden, "PYTHONPATH": f"{SCRIPTS}:{hidden['PYTHONPATH']}"})
    assert "spark: pyspark is not installed; `make build ENGINE=spark` installs it" in result.stdout
