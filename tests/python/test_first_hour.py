"""The first hour of a new user, who follows the README: each command in a fresh copy, with an empty home."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from conftest import ROOT, must_run


@pytest.fixture
def real(one_season: Path, tmp_path: Path) -> Path:
    """The folder of the real CSVs; without it, simulated ones with other addresses and ids."""
    named = os.environ.get("PITWALL_REAL_DATA")
    if named:
        return Path(named)
    raw = shutil.copytree(one_season / "raw", tmp_path / "real")
    for path in raw.glob("*.csv"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("example.org", "example.com"), encoding="utf-8")
    header, *rows = (raw / "results.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    own_ids = [f"{int(row.partition(',')[0]) + 50_000},{row.partition(',')[2]}" for row in rows]
    (raw / "results.csv").write_text("".join([header, *own_ids]), encoding="utf-8")
    return raw


class NewUser:
    """A copy of the project and an empty home. The installed packages are those of this project."""

    def __init__(self, folder: Path) -> None:
        self.project, self.home = folder / "pitwall", folder / "home"
        self.data = self.project / "data"
        self.home.mkdir()
        for name in must_run("git", "-C", ROOT, "ls-files").splitlines():
            if (ROOT / name).is_file():  # not one that is being deleted
                (self.project / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.project / name)
        (self.project / ".venv").symlink_to(ROOT / ".venv")

    def types(self, line: str, code: int = 0) -> str:
        """Give a command to the shell, which must end with this exit code. Returns its output."""
        environment = {"HOME": str(self.home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        command = ["sh", "-c", line]
        result = subprocess.run(
            command, cwd=self.project, env=environment, capture_output=True, encoding="utf-8"
        )
        output = result.stdout + result.stderr
        assert result.returncode == code, f"{line}: {output}"
        assert "Traceback" not in output, f"{line}: {output}"
        return output


@pytest.mark.extra
@pytest.mark.slow
def test_the_first_hour(
    real: Path,
    tmp_path: Path,
    read_with_oldest_client: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "fresh"
    folder.mkdir()
    user = NewUser(folder)
    warehouse = user.data / "warehouse.duckdb"

    user.types("make packages")
    assert "Run `make build` first." in user.types(".venv/bin/dbt build", code=2)

    output = user.types("make build")
    assert output.splitlines()[-1] == "The data: simulated seasons 2021 to 2025."

    output = user.types(f"make build RAW={real}")
    assert output.splitlines()[-1].startswith("The data: real files to ")
    before = warehouse.read_bytes()

    assert Path(user.types("make docs").splitlines()[-1].partition("network: ")[2]).is_file()
    assert "The metrics match the warehouse" in user.types("make metrics")
    answer = user.types("echo 'select count(*) as races from dim_races where is_held;' | make shell")
    assert "races" in answer
    user.types(".venv/bin/dbt --quiet show --inline \"select * from {{ ref('dim_seasons') }}\"")
    assert warehouse.read_bytes() == before, "commands that only read change nothing"

    read_with_oldest_client(warehouse)

    output = user.types("make build")
    assert "nothing changed" in output
    assert output.splitlines()[-1].startswith("The data: real files to ")

    monkeypatch.chdir(tmp_path)
    with duckdb.connect(warehouse, read_only=True) as connection:
        views = connection.execute("select schema_name, view_name from duckdb_views() where not internal")
        for schema, view in views.fetchall():
            connection.execute(f"select count(*) from {schema}.{view}").fetchall()
