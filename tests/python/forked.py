"""Run dbt or a script as their commands do, in a fork of a process that has done what takes long.

Python, DuckDB and Polars take a quarter of a second of processor time to start, dbt two seconds. The first
command of dbt in a process takes half a second longer than the next ones, because it compiles its schemas.
"""

import atexit
import multiprocessing
import os
import runpy
import subprocess
import sys
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path
from types import ModuleType

DBT = "dbt"
# In seconds. A build on Spark takes some minutes.
TIMEOUT = 1800


@cache
def fork_server() -> ForkServerContext:
    """The process that is forked. It starts with the first call, and ends with this process."""
    context = multiprocessing.get_context("forkserver")
    # dbt last: it looks up the file of each module that is imported by then, and remembers it.
    context.set_forkserver_preload(["warm_extras", "duckdb", "polars", "warm_dbt"])
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parent), inherited]))
    try:
        forkserver.ensure_running()
    finally:
        del os.environ["PYTHONPATH"]
        if inherited is not None:
            os.environ["PYTHONPATH"] = inherited
    return context


def call(command: list[str], cwd: Path, environment: dict[str, str], output: Path) -> None:
    """Be a command: in this folder, with only these environment variables, as a new process of Python."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    with output.open("wb") as file, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, "utf-8", "backslashreplace", closefd=False)  # noqa: SIM115
    sys.argv = command
    sys.orig_argv[:] = [sys.executable, *command]
    # Without the folders of the tests, which the process has from pytest.
    installed = [path for path in sys.path if path.startswith((sys.prefix, sys.base_prefix))]
    added = list(filter(None, environment.get("PYTHONPATH", "").split(os.pathsep)))
    folder = [] if command[0] == DBT else [str((cwd / command[0]).resolve().parent)]
    sys.path[:] = [*folder, *added, *installed]
    # What a test puts in place of a package that this process has imported already.
    replaced = {each.stem for path in (*folder, *added) for each in Path(path).glob("*")}
    for name in [name for name in sys.modules if name.partition(".")[0] in replaced]:
        del sys.modules[name]
    for path in added:
        if (hook := Path(path) / "sitecustomize.py").is_file():
            runpy.run_path(str(hook), run_name="sitecustomize")
            break
    try:
        if command[0] == DBT:
            from dbt.cli.main import cli

            sys.exit(cli())
        runpy.run_path(str(cwd / command[0]), run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            end.code = 1
        raise
    finally:
        atexit._run_exitfuncs()


def forked(
    command: list[str], cwd: Path, environment: dict[str, str], output: Path
) -> subprocess.CompletedProcess[str]:
    """Run a command, and return its exit code and what it printed. `output` is a file that it prints to.

    After TIMEOUT it is killed; the exit code is then negative.

    Args:
        command: DBT or the path of a script, and its arguments.
        cwd: the folder to run it in.
        environment: its environment variables, all of them.
        output: a file that does not exist yet.
    """
    process = fork_server().Process(target=call, args=(command, cwd, environment, output))
    # It would import the main module of this process again, which after tests of Streamlit is a page.
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        process.start()
    finally:
        sys.modules["__main__"] = main
    process.join(TIMEOUT)
    if process.is_alive():
        process.kill()
        process.join(60)
    assert process.exitcode is not None, "the process cannot be killed"
    printed = output.read_text(encoding="utf-8") if output.exists() else ""
    return subprocess.CompletedProcess(command, process.exitcode, printed)
