"""`make test`, `make test-all` and `make torture` run their tests, and CI skips no test silently."""

import ast
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import conftest
import forked
import pytest
from conftest import ROOT, SCRIPTS, TESTS, is_forked, no_engines, run, run_dbt

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TWO_SKIPS = """
import pytest

def test_of_an_engine():
    pytest.skip("no Java")

def test_of_real_files():
    pytest.skip("no real data: name a folder")

@pytest.mark.torture
def test_that_takes_an_hour():
    raise AssertionError

@pytest.mark.images
def test_of_an_image():
    raise AssertionError
"""
WHOLE_FILE = """
import pytest

pytest.importorskip("no_such_driver")
"""


def outcomes(folder: Path, content: str, *options: str, **environment: str) -> dict[str, int]:
    """Run a file of tests with the project's conftest.py. Returns the number of tests by outcome."""
    for name in ("conftest.py", "forked.py", "warm_dbt.py"):
        shutil.copy(TESTS / name, folder)
    (folder / "test_some.py").write_text(content, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n  torture\n  images\n", encoding="utf-8")
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("PITWALL_", "PYTEST_"))
    }
    plugins = ["-p", "no:cacheprovider", "-p", "xdist.plugin"]
    result = subprocess.run(
        # With a folder of its own, it does not remove the folders of earlier runs.
        [sys.executable, "-m", "pytest", *plugins, f"--basetemp={folder / 'temporary'}", *options],
        cwd=folder,
        env={**inherited, **environment, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # most start slowly
        capture_output=True,
        text=True,
    )
    summary = result.stdout.splitlines()[-1]
    return {
        outcome: int(count) for count, outcome in re.findall(r"(\d+) (\w+)", summary.partition(" in ")[0])
    }


def test_skips_are_usually_allowed(tmp_path: Path) -> None:
    assert outcomes(tmp_path, TWO_SKIPS) == {"skipped": 2, "deselected": 2}


@pytest.mark.parametrize("options", [[], ["-n", "1"]])
def test_a_skip_fails_where_skips_are_forbidden(tmp_path: Path, options: list[str]) -> None:
    """Only the real files may be missing, because no package index has them."""
    outcome = outcomes(tmp_path, TWO_SKIPS, *options, PITWALL_NO_SKIPS="1")
    assert (outcome["skipped"], outcome["failed"]) == (1, 1)


def test_a_skip_of_a_whole_file_fails_where_skips_are_forbidden(tmp_path: Path) -> None:
    assert outcomes(tmp_path, WHOLE_FILE) == {"skipped": 1}
    assert "error" in outcomes(tmp_path, WHOLE_FILE, PITWALL_NO_SKIPS="1")


def test_torture_runs_only_if_it_is_asked_for(tmp_path: Path) -> None:
    assert outcomes(tmp_path, TWO_SKIPS, PITWALL_TORTURE="1")["failed"] == 1


def test_images_are_built_only_if_it_is_asked_for(tmp_path: Path) -> None:
    outcome = outcomes(tmp_path, TWO_SKIPS, PITWALL_IMAGES="1")
    assert (outcome["failed"], outcome["deselected"]) == (1, 1)
    assert "PITWALL_IMAGES=" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_a_dbt_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no test waits for it."""
    assert run_dbt("--version").returncode == 0
    monkeypatch.setattr(forked, "TIMEOUT", 0)
    assert run_dbt("--version").returncode == -signal.SIGKILL


PRINTS_WHAT_IT_HAS = """
import atexit, os, sys
from helper import answer

if __name__ == "__main__":
    atexit.register(print, "at the end", flush=True)
    print(__file__, sys.argv, sys.orig_argv, answer, os.getcwd(), sys.stdin.read())
    print(*sorted(os.environ.items()), sep="\\n")
    print(*filter(os.path.isdir, sys.path), hasattr(sys, "customized"), "pytest" in sys.modules)
    print(sys.stdout.encoding, sys.stdout.line_buffering, sys.stderr.line_buffering, flush=True)
    os.write(2, b"directly\\n")
    sys.exit("a message" if len(sys.argv) == 2 else 3)
"""


@pytest.mark.parametrize("options", [["one"], ["one", "two"]])
def test_a_forked_script_has_what_a_new_process_has(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "scripts" / "script.py"
    script.write_text(PRINTS_WHAT_IT_HAS, encoding="utf-8")
    script.with_name("helper.py").write_text("answer = 42\n", encoding="utf-8")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text("import sys\nsys.customized = True\n", encoding="utf-8")

    def ran() -> tuple[int, str]:
        result = run(script, *options, cwd=tmp_path, PITWALL_DATA="a folder", PYTHONPATH=hooks)
        return result.returncode, result.stdout

    in_a_fork = ran()
    monkeypatch.setattr(conftest, "is_forked", lambda *_: False)
    code, printed = ran()
    assert in_a_fork[1].splitlines() == printed.splitlines()
    assert in_a_fork[0] == code == (1 if len(options) == 1 else 3)


def test_a_fork_does_not_import_the_main_module_of_the_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = ModuleType("__main__")
    page.__file__ = str(tmp_path / "page.py")
    (tmp_path / "page.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w')", encoding="utf-8")
    monkeypatch.setitem(sys.modules, "__main__", page)
    assert run_dbt("--version").returncode == 0
    assert sys.modules["__main__"] is page
    assert not (tmp_path / "imported").exists()


def test_a_fork_imports_what_replaces_a_package(tmp_path: Path) -> None:
    """Of a package that the forked process has imported."""
    (tmp_path / "polars.py").write_text("raise ModuleNotFoundError('none', name='polars')", encoding="utf-8")
    (tmp_path / "script.py").write_text("import polars", encoding="utf-8")
    assert run(tmp_path / "script.py").returncode == 1  # its own folder comes first
    (tmp_path / "elsewhere").mkdir()
    script = (tmp_path / "script.py").rename(tmp_path / "elsewhere" / "script.py")
    assert run(script).returncode == 0
    assert run(script, PYTHONPATH=tmp_path).returncode == 1


def test_a_script_is_not_forked_if_python_reads_a_variable_when_it_starts() -> None:
    assert is_forked([SCRIPTS / "build.py"], {"PYTHONPATH": "", "PITWALL_DATA": ""})
    for name in ("PYTHONUTF8", "LC_ALL", "LANG", "TZ", "POLARS_MAX_THREADS"):
        assert not is_forked([SCRIPTS / "build.py"], {name: ""})


def test_files_that_need_an_extra_are_marked() -> None:
    """So that `make test` skips nothing where only requirements/dev.txt is installed."""
    for path in TESTS.glob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        if path.name != Path(__file__).name and re.search(r"importorskip|allow_module_level|LACKING", text):
            assert re.search(r"(?m)^pytestmark = .*pytest\.mark\.extra\b", text), path.name


def test_no_file_imports_a_package_of_an_extra_before_it_looks_for_it() -> None:
    """With requirements/dev.txt alone it could not be collected."""
    hidden = tuple(f"{name}." for name in no_engines()["HIDDEN_PACKAGES"].split(",") if name)
    for path in TESTS.glob("test_*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if re.search("importorskip|LACKING|pytestmark", ast.unparse(node)):
                break
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if f"{name}.".startswith(hidden)], path.name


def test_torture_is_in_the_files_that_make_torture_runs() -> None:
    [listed] = re.findall(r"(?m)^override TORTURED = (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"))
    found = {
        path.stem.removeprefix("test_")
        for path in TESTS.glob("test_*.py")
        if path.name != Path(__file__).name
        and re.search(r"mark\.torture|\bLONG\b", path.read_text(encoding="utf-8"))
    }
    assert found == set(listed.split())


def test_ci_runs_the_tests_of_all_engines() -> None:
    """test_workflows.py checks when they run, test_makefile.py that no test may be skipped."""
    assert '\nmake "${1:-test-extras}"\n' in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
