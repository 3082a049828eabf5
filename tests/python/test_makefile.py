"""What make does before a program of the project runs: settings, engines, .venv and its packages."""

import base64
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, mounted, remount, run

import install_requirements

SECRET = "correct-horse"
CHECKERS = ("actionlint", "zizmor", "check-jsonschema", "hadolint")
# Every character that make or a shell could read as something else.
ODD = """-x 'a' "b" $HOME $(touch pwned) $(shell touch pwned) `touch pwned` # \\ ; & % é"""
# Stands for .venv/bin/python: records each call, and runs only the check of the engine.
PROGRAM = f"""#!{sys.executable} -IS
import json, os, sys
if len(sys.argv) > 1 and sys.argv[1] == "scripts/check_engine.py":
    os.execv(sys.executable, [sys.executable, "-S", *sys.argv[1:]])
with open("calls", "a") as file:
    print(json.dumps([sys.argv[1:], dict(os.environ)]), file=file)
"""


class Checkout:
    """A copy of what make needs, with a stand-in for each program of .venv."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        shutil.copy(ROOT / "Makefile", folder)
        shutil.copytree(ROOT / "requirements", folder / "requirements")
        package = folder / "scripts" / "pitwall"
        package.mkdir(parents=True)
        for name in ("check_engine.py", "install_requirements.py"):
            shutil.copy(ROOT / "scripts" / name, folder / "scripts")
        for name in ("__init__.py", "command.py", "needs.py"):
            shutil.copy(ROOT / "scripts" / "pitwall" / name, package)

    def stand_ins(self) -> "Checkout":
        """Add the stand-ins."""
        (self.folder / ".venv" / "bin").mkdir(parents=True)
        (self.folder / ".venv" / "pyvenv.cfg").touch()
        for name in ("python", "ruff", "mypy", "sqlfluff", "dbt", *CHECKERS):
            (self.folder / ".venv" / "bin" / name).write_text(PROGRAM)
            (self.folder / ".venv" / "bin" / name).chmod(0o755)
        return self

    def make(self, *arguments: str, **environment: str | Path) -> tuple[int, str]:
        """Run make as from a shell. Returns the exit code, and what it printed but make's last line."""
        ours = ("MAKE", "MFLAGS", "PIP_", "DBT_", "ENGINE", "WORKERS", "QUICK")
        inherited = [name for name in os.environ if name.startswith(ours) and name not in environment]
        cleared = [word for name in inherited for word in ("-u", name)]
        result = run("env", *cleared, "make", *arguments, cwd=self.folder, **environment)
        lines = [line for line in result.stdout.splitlines() if not line.startswith("make: ***")]
        return result.returncode, "\n".join(lines)

    def calls(self) -> list[tuple[list[str], dict[str, str]]]:
        """The recorded calls: the arguments and the environment of each."""
        file = self.folder / "calls"
        return [tuple(json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout with stand-ins."""
    return Checkout(tmp_path / "checkout").stand_ins()


@pytest.fixture
def closed_port() -> str:
    """A port on which no server listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


# Engines


@pytest.mark.parametrize("name", ["duck", "postgresql", "PostgreSQL", "a b", "postgres spark", "a:b%=c", ODD])
@pytest.mark.parametrize("target", ["build", "docs"])
def test_an_unknown_engine_is_refused_before_anything_is_installed(
    checkout: Checkout, target: str, name: str
) -> None:
    code, output = checkout.make(target, f"ENGINE={name}")
    expected = f"ENGINE={name}: there is no such engine; name one of duckdb, postgres, spark"
    assert (code, output) == (2, f"check_engine: {expected}")
    assert checkout.make(target, ENGINE=name) == (code, output), "from the environment too"
    assert checkout.calls() == []
    assert not (checkout.folder / "pwned").exists()


def test_a_missing_java_is_reported_before_anything_is_installed(checkout: Checkout, tmp_path: Path) -> None:
    code, output = checkout.make("build", "ENGINE=spark", JAVA_HOME=tmp_path)
    assert (code, output.count("\n"), checkout.calls()) == (2, 0, [])
    assert f"JAVA_HOME={tmp_path} has no bin/java; install Java 17" in output


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"PGHOST": "127.0.0.1"}, "Connection refused. Start the server"),
        ({"PGHOST": "/no/such/folder"}, "No such file or directory. Start the server"),
        ({"PGPORT": "many"}, "PGPORT=many is no port"),
        ({"PGPORT": "65536"}, "PGPORT=65536 is no port"),
    ],
)
def test_a_missing_server_is_reported_before_anything_is_installed(
    checkout: Checkout, closed_port: str, settings: dict[str, str], reason: str
) -> None:
    code, output = checkout.make("build", "ENGINE=postgres", **{"PGPORT": closed_port, **settings})
    assert (code, output.count("\n"), checkout.calls()) == (2, 0, [])
    assert reason in output


def test_the_packages_of_an_engine_that_is_there_are_installed(checkout: Checkout) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings = {"PGHOST": "127.0.0.1", "PGPORT": str(server.getsockname()[1])}
        assert checkout.make("docs", "ENGINE=postgres", **settings) == (0, "")
    assert [arguments for arguments, _ in checkout.calls()] == [
        ["scripts/install_requirements.py", "core"],
        ["scripts/setup_packages.py"],
        ["scripts/install_requirements.py", "postgres"],
        ["scripts/catalog.py", "--engine", "postgres"],
    ]


def test_without_a_name_the_engine_is_duckdb(checkout: Checkout) -> None:
    for setting in ([], ["ENGINE="], ["ENGINE=duckdb"]):
        assert checkout.make("docs", *setting) == (0, "")
        assert checkout.calls()[-1][0] == ["scripts/catalog.py", "--engine", "duckdb"]


def test_the_warehouse_is_checked_before_the_metrics(checkout: Checkout) -> None:
    checkout.make("metrics", "ENGINE=duckdb")  # ends where `mf` would start
    [*_, check, parse] = [arguments for arguments, _ in checkout.calls()]
    assert check == ["scripts/check_warehouse.py", "--engine", "duckdb"]
    assert "parse" in parse
    code, output = checkout.make("metrics", "ENGINE=spark", SPARK_REMOTE="sc://x:1")
    assert code == 2, output


# Settings


@pytest.mark.parametrize("name", ["PITWALL_DATA", "RAW", "PITWALL_REAL_DATA"])
def test_a_value_arrives_as_it_was_typed(checkout: Checkout, name: str) -> None:
    assert checkout.make("docs", f"{name}={ODD}") == (0, "")
    assert checkout.make("docs", **{name: ODD}) == (0, "")
    assert {environment[name] for _, environment in checkout.calls()} == {ODD}
    assert not (checkout.folder / "pwned").exists()


def test_values_are_quoted(checkout: Checkout) -> None:
    environment = {"PITWALL_LAKE": ODD, "QUICK": ODD}
    assert checkout.make("bench", f"EXTRAS={ODD}", **environment) == (0, "")
    assert ["scripts/install_requirements.py", "s3"] in [arguments for arguments, _ in checkout.calls()]
    assert not (checkout.folder / "pwned").exists()


@pytest.mark.parametrize(
    ("value", "given"), [("", "logical"), ("logical", "logical"), ("auto", "auto"), ("0", "0"), ("12", "12")]
)
def test_as_many_processes_as_wanted_run_the_tests(checkout: Checkout, value: str, given: str) -> None:
    assert checkout.make("test", f"WORKERS={value}")[0] == 0
    assert checkout.calls()[-1][0][:4] == ["-m", "pytest", "--numprocesses", given]


@pytest.mark.parametrize("value", ["abc", "-1", "1.5", "2 3", ODD])
@pytest.mark.parametrize("target", ["test", "test-extras", "test-all"])
def test_a_number_of_processes_that_is_none_is_refused(checkout: Checkout, target: str, value: str) -> None:
    code, output = checkout.make(target, f"WORKERS={value}")
    message = "is no number of processes; name one, or logical for one per core"
    assert (code, output) == (2, f"WORKERS={value}: {message}")
    assert checkout.calls() == []
    assert not (checkout.folder / "pwned").exists()


@pytest.mark.parametrize(
    ("target", "settings", "options"),
    [
        ("predict", {}, []),
        ("predict", {"RACE": "2025-20", "GRID": ODD}, ["--race=2025-20", f"--grid={ODD}"]),
        ("serve", {"PORT": "8001"}, ["--port=8001"]),
        ("serve", {"PORT": ""}, []),
    ],
)
def test_settings_of_predictions_arrive_as_they_were_typed(
    checkout: Checkout, target: str, settings: dict[str, str], options: list[str]
) -> None:
    shutil.copy(checkout.folder / "requirements" / "core.txt", checkout.folder / "requirements" / "ml.txt")
    for words, environment in (([f"{name}={value}" for name, value in settings.items()], {}), ([], settings)):
        assert checkout.make(target, *words, **environment) == (0, "")
        assert checkout.calls()[-1][0] == [f"scripts/{target}.py", *options]


def test_what_the_benchmark_compares_with_arrives_as_it_was_typed(checkout: Checkout) -> None:
    shutil.copy(checkout.folder / "requirements" / "core.txt", checkout.folder / "requirements" / "bench.txt")
    assert checkout.make("bench", f"BASE={ODD}", "BEFORE=old.md", "QUICK=1") == (0, "")
    options = ["--quick", f"--base={ODD}", "--before=old.md"]
    assert checkout.calls()[-1][0] == ["scripts/benchmark/run.py", *options]


def test_the_pages_of_mlflow_are_installed_in_an_environment_of_their_own(checkout: Checkout) -> None:
    own = checkout.folder / ".venv-mlflow" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.write_text(PROGRAM)
    own.chmod(0o755)
    assert checkout.make("mlflow", "PORT=5001") == (0, "")
    installed = ["scripts/install_requirements.py", "mlflow"]
    assert [arguments for arguments, _ in checkout.calls()] == [
        ["scripts/install_requirements.py", "ml"],
        installed,
        ["scripts/show_runs.py", "--port=5001"],
    ]
    shutil.copy(checkout.folder / "requirements" / "mlflow.txt", own.parents[1])
    assert checkout.make("mlflow") == (0, "")
    assert [arguments for arguments, _ in checkout.calls()].count(installed) == 1


def test_airflow_is_installed_in_an_environment_of_its_own(checkout: Checkout) -> None:
    own = checkout.folder / ".venv-airflow" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.write_text(PROGRAM)
    own.chmod(0o755)
    assert checkout.make("airflow", "PORT=8091") == (0, "")
    calls = [arguments for arguments, _ in checkout.calls()]
    assert calls[-1] == ["scripts/run_airflow.py", "--port=8091"]
    # The DAG calls commands that need these packages in .venv.
    for name in ("ml", "release", "airflow"):
        assert ["scripts/install_requirements.py", name] in calls
    shutil.copy(checkout.folder / "requirements" / "airflow.txt", own.parents[1])
    assert checkout.make("airflow") == (0, "")
    assert [arguments for arguments, _ in checkout.calls()].count(
        ["scripts/install_requirements.py", "airflow"]
    ) == 1


def test_the_tests_of_airflow_run_in_its_environment(checkout: Checkout) -> None:
    own = checkout.folder / ".venv-airflow" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.write_text(PROGRAM)
    own.chmod(0o755)
    assert checkout.make("test-airflow") == (0, "")
    assert checkout.calls()[-1][0] == ["-m", "pytest", "tests/airflow"]


@pytest.mark.parametrize("failing", [None, ".venv", ".venv-airflow"])
@pytest.mark.parametrize(("target", "options"), [("test-extras", ["-m", "not slow"]), ("test-all", [])])
def test_the_tests_of_airflow_run_beside_the_others_and_both_must_pass(
    checkout: Checkout, target: str, options: list[str], failing: str | None
) -> None:
    for name in (".venv", ".venv-airflow"):
        python = checkout.folder / name / "bin" / "python"
        python.parent.mkdir(parents=True, exist_ok=True)
        ending = (
            f'if "pytest" in sys.argv: sys.exit("the tests of {name} fail" if {name == failing} else 0)\n'
        )
        python.write_text(PROGRAM + ending)
        python.chmod(0o755)
    code, output = checkout.make(target)
    calls = [(given, env.get("PITWALL_NO_SKIPS")) for given, env in checkout.calls() if "pytest" in given]
    common = ["--numprocesses", "logical", "--dist", "loadfile", "--no-loadscope-reorder"]
    assert sorted(calls) == [
        (["-m", "pytest", *common, *options], "1"),
        (["-m", "pytest", "tests/airflow", *options], None),
    ]
    assert (code, f"the tests of {failing} fail" in output) == ((2, True) if failing else (0, False))


@pytest.mark.parametrize("failing", [".venv", ".venv-airflow"])
def test_the_packages_of_the_tests_and_airflow_are_installed_at_once_and_both_must_be(
    checkout: Checkout, failing: str
) -> None:
    """The first waits for the second, and then fails."""
    for name, other in ((".venv", ".venv-airflow"), (".venv-airflow", ".venv")):
        python = checkout.folder / name / "bin" / "python"
        python.parent.mkdir(parents=True, exist_ok=True)
        ending = (
            f"import pathlib, time\npathlib.Path({f'started-{name}'!r}).touch()\n"
            f"for _ in range(100):\n    time.sleep(0.1)\n"
            f"    if pathlib.Path({f'started-{other}'!r}).exists(): break\n"
            f"else:\n    sys.exit('installed alone')\n"
            f"sys.exit({f'{name} is not installed' if name == failing else 0!r})\n"
        )
        python.write_text(PROGRAM + ending)
        python.chmod(0o755)
    code, output = checkout.make("environments")
    installed = sorted(arguments for arguments, _ in checkout.calls())
    assert installed == [["scripts/install_requirements.py", name] for name in ("airflow", "all")]
    assert (code, f"{failing} is not installed" in output) == (2, True)


def test_the_pages_of_mlflow_have_the_version_that_writes_the_store() -> None:
    locks = {name: (ROOT / "requirements" / f"{name}.txt") for name in ("ml", "mlflow")}
    versions = {
        name: re.findall(rf"(?m)^{package}==(\S+)", locks[name].read_text(encoding="utf-8"))
        for name, package in (("ml", "mlflow-skinny"), ("mlflow", "mlflow"))
    }
    assert versions["ml"] == versions["mlflow"] != []


def test_the_pages_of_mlflow_are_in_no_other_environment() -> None:
    assert "mlflow" not in install_requirements.included("all")
    assert install_requirements.included("mlflow") == ["mlflow"]


def test_mypy_prints_without_colors_if_the_user_wants_none(checkout: Checkout) -> None:
    for value, arguments in (("1", ["--no-color-output"]), ("", [])):
        assert checkout.make("lint", NO_COLOR=value)[0] == 0
        assert arguments in [call for call, _ in checkout.calls()]


def test_sql_is_checked_again_only_if_it_or_what_it_depends_on_changed(checkout: Checkout) -> None:
    models, macro = checkout.folder / "models", checkout.folder / "macros" / "old" / "ratio.sql"
    for file in (models / "marts" / "races.sql", models / "laps.sql", macro):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    sqlfluff = checkout.folder / ".venv" / "bin" / "sqlfluff"

    def checked() -> list[str]:
        before = len(checkout.calls())
        code, _ = checkout.make("lint")
        calls = [call for call, _ in checkout.calls()[before:] if call[:1] == ["lint"]]
        assert code == (0 if sqlfluff.read_text() == PROGRAM else 2)
        return calls[0][4:] if calls else []

    def later(file: Path) -> None:
        """Change a file; a clock may be coarse."""
        now = time.time() + 2
        os.utime(file, (now, now))

    assert checked() == ["models"]
    assert checked() == []
    later(models / "laps.sql")
    assert checked() == ["models/laps.sql"]
    (checkout.folder / ".venv" / "sql-was-clean").touch()
    os.utime(models / "laps.sql", (1, 1))
    macro.rename(macro.with_name("new.sql"))
    later(macro.parent)
    assert checked() == ["models"]
    (checkout.folder / ".venv" / "sql-was-clean").unlink()
    sqlfluff.write_text(PROGRAM + "sys.exit(1)\n")
    assert [checked(), checked()] == [["models"], ["models"]], "what failed is checked again"


@pytest.mark.parametrize("value", ["", "0", "no", "false", "off", "False"])
def test_a_flag_can_be_switched_off(checkout: Checkout, value: str) -> None:
    assert checkout.make("bench", f"QUICK={value}") == (0, "")
    assert checkout.calls()[-1][0] == ["scripts/benchmark/run.py"]
    assert "--upgrade" not in checkout.make("--dry-run", "lock", UPGRADE=value)[1]


@pytest.mark.parametrize("value", ["1", "yes", "--upgrade"])
def test_any_other_value_switches_a_flag_on(checkout: Checkout, value: str) -> None:
    assert checkout.make("bench", f"QUICK={value}") == (0, "")
    assert checkout.calls()[-1][0] == ["scripts/benchmark/run.py", "--quick"]
    assert "--upgrade" in checkout.make("--dry-run", "lock", UPGRADE=value)[1]


def test_settings_for_other_projects_are_not_inherited(checkout: Checkout) -> None:
    theirs = {
        **dict.fromkeys(("DBT_TARGET", "DBT_PROFILES_DIR", "DBT_VARS", "DBT_FULL_REFRESH"), "theirs"),
        **dict.fromkeys(("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_NO_BINARY"), "theirs"),
        **dict.fromkeys(("PYTHONPATH", "PYTHONSAFEPATH", "PYTHONOPTIMIZE", "PYTHONWARNINGS"), "theirs"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    # Where packages come from, and what does no harm.
    kept = dict.fromkeys(("PIP_INDEX_URL", "PIP_CERT", "DBT_PACKAGE_HUB_URL", "PYTHONUNBUFFERED"), "x")
    assert checkout.make("docs", **theirs, **kept) == (0, "")
    for _, environment in checkout.calls():
        assert set(environment) & set(theirs) == set()
        assert set(environment) >= set(kept)


def test_clean_removes_the_build_of_an_odd_data_folder_only(checkout: Checkout) -> None:
    kept = (f"{ODD}/parquet", f"{ODD}/predictions")
    for folder in ("target", "data/.build", f"{ODD}/.build", *kept):
        (checkout.folder / folder).mkdir(parents=True)
    assert checkout.make("clean", PITWALL_DATA=ODD)[0] == 0
    assert (checkout.folder / ODD / ".build").exists(), "a folder without the mark may be the user's"
    (checkout.folder / ODD / ".pitwall").touch()
    assert checkout.make("clean", PITWALL_DATA=ODD)[0] == 0
    left = {path.relative_to(checkout.folder).as_posix() for path in checkout.folder.glob("*/*")}
    assert left >= {"data/.build", *kept}
    assert f"{ODD}/.build" not in left
    assert not (checkout.folder / "target").exists()


# The folder of the project


@pytest.mark.parametrize("name", ["it's a [t] $HOME #1 é", 'a:b "c" `d` %'])
def test_the_path_of_the_project_may_be_odd(tmp_path: Path, name: str) -> None:
    checkout = Checkout(tmp_path / name).stand_ins()
    assert checkout.make("help")[0] == 0
    for target in ("packages", "docs"):
        assert checkout.make(target) == (0, "")
        assert checkout.calls()


def test_a_path_in_which_no_program_starts_is_refused(tmp_path: Path) -> None:
    """A colon separates the folders of PATH, so Python refuses to make an environment there."""
    checkout = Checkout(tmp_path / "a:b")
    code, output = checkout.make("core", f"PYTHON={sys.executable}")
    assert (code, output.count("\n")) == (2, 1)
    assert output.startswith(
        f"Making .venv from {sys.executable} ...\n{checkout.folder}/.venv cannot be made ("
    )
    assert output.endswith("move the project.")


def test_an_environment_whose_programs_do_not_start_is_removed(tmp_path: Path) -> None:
    """With a space and a dollar sign in the path, the first line of a program in .venv names no Python."""
    checkout = Checkout(tmp_path / "checkout")
    python = tmp_path / "python"
    python.write_text(
        '#!/bin/sh\n[ "$1" = -c ] && exit\nmkdir -p .venv/bin\ntouch .venv/bin/python\n'
        "echo 'exec /no/such/python' > .venv/bin/pip\nchmod +x .venv/bin/*\n"
    )
    python.chmod(0o755)
    code, output = checkout.make("core", f"PYTHON={python}")
    assert (code, output.count("\n")) == (2, 1)
    assert "/no/such/python" in output
    assert not (checkout.folder / ".venv").exists()


def test_a_python_that_is_none_is_named(tmp_path: Path) -> None:
    code, output = Checkout(tmp_path / "checkout").make("core", f"PYTHON={ODD}")
    assert (code, output.count("\n")) == (2, 0)
    assert f"PYTHON={ODD} is none." in output


def test_an_environment_that_was_moved_is_reported(checkout: Checkout, tmp_path: Path) -> None:
    """The first line of each program in .venv has the path at which the environment was made."""
    settings = checkout.folder / ".venv" / "pyvenv.cfg"
    settings.write_text(f"command = /usr/bin/python3 -m venv --clear {checkout.folder}/.venv\n")
    assert checkout.make("core") == (0, "")
    settings.write_text(f"command = /usr/bin/python3 -m venv --clear {tmp_path}/my old/.venv\n")
    code, output = checkout.make("core")
    assert (code, output.count("\n")) == (2, 0)
    assert f"it was made as {tmp_path}/my old/.venv. Remove it" in output


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "16m") as disk:
        without_venv = Checkout(disk / "new")
        with_venv = Checkout(disk / "old").stand_ins()
        remount(disk, "ro")
        for target in ("build", "data", "docs", "test", "bench", "lint", "format", "lock", "clean", "core"):
            code, output = without_venv.make(target)
            reason = (
                f"The project's folder cannot be written: {without_venv.folder}. Copy it to where it can."
            )
            assert (code, output) == (2, reason), target
        for target in ("docs", "test", "bench", "lint", "format", "lock", "clean"):
            assert with_venv.make(target)[1].startswith("The project's folder cannot be written"), target
        remount(disk, "rw")


# The packages in .venv

LOCKED = "spare-1.0-py3-none-any.whl"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one package, which has a module and a program."""
    folder = tmp_path_factory.mktemp("wheels")
    files = {
        "spare.py": "def main(): print('spare')\n",
        "spare-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: spare\nVersion: 1.0\n",
        "spare-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "spare-1.0.dist-info/entry_points.txt": "[console_scripts]\nspare = spare:main\n",
    }
    record = ""
    with zipfile.ZipFile(folder / LOCKED, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
            record += f"{name},sha256={digest},{len(text)}\n"
        archive.writestr("spare-1.0.dist-info/RECORD", f"{record}spare-1.0.dist-info/RECORD,,\n")
    return folder


@pytest.fixture(scope="module")
def installed(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout with a real .venv, and a lock file of one package."""
    checkout = Checkout(tmp_path_factory.mktemp("installed") / "checkout")
    shutil.rmtree(checkout.folder / "requirements")
    (checkout.folder / "requirements").mkdir()
    digest = hashlib.sha256((wheels / LOCKED).read_bytes()).hexdigest()
    (checkout.folder / "requirements" / "core.txt").write_text(f"spare==1.0 --hash=sha256:{digest}\n")
    # No index has it, so the pip that is there installs.
    (checkout.folder / "requirements" / "pip.txt").write_text(f"pip==99.0 --hash=sha256:{digest}\n")
    subprocess.run([sys.executable, "-m", "venv", checkout.folder / ".venv"], check=True)
    return checkout


def core(checkout: Checkout, **environment: str | Path) -> tuple[int, str]:
    """Install the packages again, as if no installation had ended."""
    (checkout.folder / ".venv" / "core.txt").unlink(missing_ok=True)
    code, output = checkout.make("core", **{"PIP_CONFIG_FILE": "/dev/null", **environment})
    first, _, rest = output.partition("\n")
    assert first == "Installing the packages that requirements/core.txt locks ..."
    return code, rest


def spare(checkout: Checkout) -> str:
    """What the installed program prints."""
    return subprocess.run(
        [checkout.folder / ".venv" / "bin" / "spare"], capture_output=True, text=True
    ).stdout


def test_packages_are_installed_once_and_in_their_place(
    installed: Checkout, wheels: Path, tmp_path: Path
) -> None:
    """Whatever other projects of the user want of pip and Python."""
    theirs = {
        "PIP_USER": "1",
        "PIP_TARGET": tmp_path / "elsewhere",
        "PIP_REQUIREMENT": "/no/such/file",
        "PYTHONHOME": "/no/such/folder",
        "PYTHONSAFEPATH": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "VIRTUAL_ENV": "/no/such/folder",
    }
    assert core(installed, PIP_NO_INDEX="1", PIP_FIND_LINKS=wheels, **theirs) == (0, "")
    assert spare(installed) == "spare\n"
    assert installed.make("core", PIP_NO_INDEX="1") == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting",
    [
        *("target=elsewhere", "prefix=elsewhere", "root=elsewhere", "python=elsewhere"),
        *("user=true", "dry-run=true", "no-binary=:all:"),
    ],
)
def test_settings_of_pip_for_other_projects_have_no_effect(
    installed: Checkout, wheels: Path, tmp_path: Path, setting: str
) -> None:
    """In a configuration file, where the settings of an index are too."""
    for path in (installed.folder / ".venv").glob("lib/*/site-packages/spare*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    file = tmp_path / "pip.conf"
    file.write_text(f"[global]\nno-index = true\nfind-links = {wheels}\n{setting}\n")
    assert core(installed, PIP_CONFIG_FILE=file) == (0, "")
    assert spare(installed) == "spare\n"


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["spare.py", "pip"])
def test_an_installation_that_was_cut_short_is_completed(
    installed: Checkout, wheels: Path, lost: str
) -> None:
    [packages] = (installed.folder / ".venv").glob("lib/*/site-packages")
    assert core(installed, PIP_NO_INDEX="1", PIP_FIND_LINKS=wheels) == (0, "")
    [info] = packages.glob(f"{lost.removesuffix('.py')}-*.dist-info")
    (info / "RECORD").unlink()
    if lost == "pip":
        shutil.rmtree(packages / lost)
    else:
        (packages / lost).unlink()
        (installed.folder / ".venv" / "bin" / "spare").unlink()
    (packages / "~pare").mkdir()
    assert core(installed, PIP_NO_INDEX="1", PIP_FIND_LINKS=wheels) == (0, "")
    assert spare(installed) == "spare\n"
    assert not (packages / "~pare").exists()


class Empty(SimpleHTTPRequestHandler):
    """An index that has no package."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def empty_index() -> Iterator[str]:
    """The port of an index that answers and has no package."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Empty) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield str(server.server_port)
        server.shutdown()
        thread.join()


def fresh(checkout: Checkout, scheme: str, port: str, retries: str = "0") -> tuple[int, str]:
    """Try to install a package that is not there yet from an index."""
    for folder in (checkout.folder / ".venv").glob("lib/*/site-packages/spare*"):
        shutil.rmtree(folder) if folder.is_dir() else folder.unlink()
    address = f"{scheme}://user:{SECRET}@127.0.0.1:{port}/simple"
    code, output = core(checkout, PIP_INDEX_URL=address, PIP_RETRIES=retries, PIP_TIMEOUT="5")
    assert output.count("\n") == 0, output
    assert SECRET not in output
    return code, output


@pytest.mark.parametrize("retries", ["0", "1"])
def test_an_index_that_cannot_be_reached_is_named(
    installed: Checkout, closed_port: str, retries: str
) -> None:
    assert fresh(installed, "http", closed_port, retries) == (
        2,
        f"install_requirements: the package index 127.0.0.1:{closed_port} cannot be reached "
        "(Connection refused); check the network, or name another index with PIP_INDEX_URL, then start again",
    )


def test_an_index_that_is_none_is_named(installed: Checkout, empty_index: str) -> None:
    code, output = fresh(installed, "https", empty_index)  # it does not speak TLS
    assert code == 2
    assert f"the package index 127.0.0.1:{empty_index} cannot be reached" in output


def test_a_package_that_the_index_lacks_is_named(installed: Checkout, empty_index: str) -> None:
    assert fresh(installed, "http", empty_index) == (
        2,
        f"install_requirements: No matching distribution found for spare==1.0 at 127.0.0.1:{empty_index}; "
        "name an index that has it with PIP_INDEX_URL, then start again",
    )


def test_a_wrong_hash_is_reported(installed: Checkout, wheels: Path, tmp_path: Path) -> None:
    shutil.copy(wheels / LOCKED, tmp_path)
    with (tmp_path / LOCKED).open("ab") as file:
        file.write(b"more")
    for folder in (installed.folder / ".venv").glob("lib/*/site-packages/spare*"):
        shutil.rmtree(folder) if folder.is_dir() else folder.unlink()
    code, output = core(installed, PIP_NO_INDEX="1", PIP_FIND_LINKS=tmp_path)
    assert (code, output.count("\n")) == (2, 0)
    assert "DO NOT MATCH THE HASHES" in output


def test_the_locked_pip_installs() -> None:
    """Also where no set has it among its packages, as in .venv-airflow."""
    [locked] = re.findall(r"(?m)^pip==(\S+)", (ROOT / "requirements" / "pip.txt").read_text(encoding="utf-8"))
    for environment in filter(Path.is_dir, (ROOT / ".venv", ROOT / ".venv-airflow")):
        [pip] = environment.glob("lib/*/site-packages/pip-*.dist-info")
        assert pip.name == f"pip-{locked}.dist-info"
    assert f"\npip=={locked} " in (ROOT / "requirements" / "all.txt").read_text(encoding="utf-8")


def test_packages_are_not_installed_outside_of_an_environment() -> None:
    outside = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    result = run(outside, ROOT / "scripts" / "install_requirements.py", "core")
    assert (result.returncode, result.stdout.count("\n")) == (2, 1)
    assert "is not in .venv" in result.stdout
