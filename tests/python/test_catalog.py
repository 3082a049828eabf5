"""scripts/catalog.py runs dbt on the last warehouse, and shows the page."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from conftest import ROOT, SCRIPTS, SOURCES, run

# Stands for dbt: records how it was called.
FAKE_DBT = """
import json, os, sys
from pathlib import Path

def cli():
    target = Path(sys.argv[sys.argv.index("--target-path") + 1])
    (target / "call.json").write_text(json.dumps([sys.argv[1:], dict(os.environ)]))
    (target / "static_index.html").touch()
    return int(os.environ.get("FAKE_EXIT", 0))
"""


class Project:
    """A copy of the scripts, a data folder with an empty warehouse, and a fake dbt."""

    def __init__(self, root: Path, fake: Path) -> None:
        self.folder, self.fake = root / "a #1 project", fake
        shutil.copytree(SCRIPTS, self.folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / SOURCES, self.folder / SOURCES)
        (self.folder / "data").mkdir()
        duckdb.connect(self.folder / "data" / "warehouse.duckdb").close()

    def show(self, *options: str, **environment: str | Path) -> tuple[int, str]:
        """Run catalog.py in the project. Returns its exit code and what it printed."""
        without_display = {"PYTHONPATH": self.fake, "DISPLAY": "", "WAYLAND_DISPLAY": ""}
        command = [self.folder / "scripts" / "catalog.py", *options]
        result = run(*command, cwd=self.folder, **{**without_display, **environment})
        return result.returncode, result.stdout

    def call(self, target: str = "target") -> tuple[list[str], dict[str, str]]:
        """The arguments and the environment of dbt."""
        arguments, environment = json.loads((self.folder / target / "call.json").read_text())
        return arguments, environment


@pytest.fixture
def project(tmp_path: Path, fake_dbt: Callable[[str], Path]) -> Project:
    return Project(tmp_path, fake_dbt(FAKE_DBT))


def test_the_page_is_named(project: Project) -> None:
    page = project.folder / "target" / "static_index.html"
    assert project.show() == (0, f"The catalog, one page that needs no network: {page}\n")
    arguments, _ = project.call()
    root = str(project.folder)
    assert arguments[-6:-4] == ["--target-path", str(page.parent)]
    assert arguments[-4:] == ["--project-dir", root, "--profiles-dir", root]
    assert arguments[arguments.index("--target") + 1] == "duckdb"
    assert "--no-use-colors" in arguments, "because the output is not a terminal"
    assert arguments[arguments.index("--log-path") + 1] == str(page.parent / "logs"), "not in the project"


def test_only_the_last_warehouse_is_read(project: Project) -> None:
    """Neither what a build has not finished, nor what the user has set for other projects of dbt."""
    theirs = ("DBT_TARGET", "DBT_VARS", "PITWALL_WAREHOUSE", "PITWALL_SCHEMA_SUFFIX", "PITWALL_SPARK")
    assert project.show(**dict.fromkeys(theirs, "theirs"))[0] == 0
    assert set(project.call()[1]) & set(theirs) == set()


def test_the_page_is_opened_if_there_is_a_display(project: Project, tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > "{tmp_path}/opened"\n')
    browser.chmod(0o755)
    assert project.show(DISPLAY=":0", BROWSER=f"{browser} %s")[0] == 0
    page = project.folder / "target" / "static_index.html"
    assert (tmp_path / "opened").read_text() == f"{page.as_uri()}\n"


def test_a_missing_warehouse_is_reported(project: Project) -> None:
    (project.folder / "data" / "warehouse.duckdb").unlink()
    assert project.show() == (2, "docs: data/warehouse.duckdb: is not built yet; `make build` builds it\n")


def test_a_failure_of_dbt_is_reported(project: Project) -> None:
    reason = "docs: dbt docs generate failed with exit code 1, for the reason above\n"
    assert project.show(FAKE_EXIT="1") == (2, reason)


def test_a_target_that_cannot_be_made_is_reported(project: Project) -> None:
    (project.folder / "target").touch()
    assert project.show() == (2, f"docs: {project.folder}/target: File exists\n")
