"""pitwall/warehouse/fingerprint.py: which changes of the code change its fingerprint."""

from pathlib import Path

import pytest

from pitwall.warehouse import fingerprint
from pitwall.warehouse.fingerprint import code_fingerprint


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in (
        "models/staging/races.sql",
        "models/marts/_marts.yml",
        "macros/clean_text.sql",
        "seeds/eras.csv",
        "snapshots/history.yml",
        "tests/integrity/sums.sql",
        "dbt_packages/dbt_utils/macros/accepted_range.sql",
        "dbt_project.yml",
        "packages.yml",
        "profiles.yml",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"this is {name}\n")
    return tmp_path


def test_any_change_of_the_code_changes_the_fingerprint(project: Path) -> None:
    fingerprints = {code_fingerprint(project)}
    for count, path in enumerate(sorted(path for path in project.rglob("*") if path.is_file()), start=2):
        path.write_text(path.read_text() + "-- changed\n")
        fingerprints.add(code_fingerprint(project))
        assert len(fingerprints) == count, f"{path} was changed"
    (project / "models" / "staging" / "races.sql").rename(project / "models" / "races.sql")
    fingerprints.add(code_fingerprint(project))
    (project / "seeds" / "eras.csv").unlink()
    fingerprints.add(code_fingerprint(project))
    assert len(fingerprints) == count + 2, "a file was moved, another deleted"


def test_files_that_dbt_does_not_read_do_not_change_the_fingerprint(project: Path) -> None:
    before = code_fingerprint(project)
    tests = ("tests/python/test_all.py", "tests/airflow/__pycache__/test_dag.pyc")
    for name in (*tests, "models/.races.sql.swp", "scripts/build.py", "README.md"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("anything")
    assert code_fingerprint(project) == before


@pytest.mark.parametrize("program", fingerprint.PROGRAMS)
def test_another_version_of_a_program_changes_the_fingerprint(
    project: Path, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = code_fingerprint(project)
    installed = fingerprint.program_version
    monkeypatch.setattr(
        fingerprint, "program_version", lambda name: "99" if name == program else installed(name)
    )
    assert code_fingerprint(project) != before


def test_program_version_is_the_installed_version() -> None:
    assert fingerprint.program_version("duckdb")[0].isdigit()
    assert fingerprint.program_version("no-such-package-of-ours") == "none"
