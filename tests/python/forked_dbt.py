"""Run dbt as its command does, in a fork of a process that has imported dbt: the import takes two seconds."""

import multiprocessing
import os
import subprocess
import sys
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path

# In seconds. The longest call takes a few.
TIMEOUT = 300


@cache
def fork_server() -> ForkServerContext:
    """The process that is forked. It starts with the first call, and ends with this process."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["dbt.cli.main", "dbt.adapters.duckdb"])
    return context


def call(arguments: list[str], cwd: Path, environment: dict[str, str], output: Path) -> None:
    """Be the command `dbt`: with these arguments, in this folder, with only these environment variables."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    with output.open("wb") as file, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    sys.argv = ["dbt", *arguments]
    from dbt.cli.main import cli

    sys.exit(cli())


def forked_dbt(
    arguments: list[str], cwd: Path, environment: dict[str, str], output: Path
) -> subprocess.CompletedProcess[str]:
    """Run dbt, and return its exit code and what it printed. `output` is a file that it prints to.

    After TIMEOUT it is killed; the exit code is then negative.
    """
    process = fork_server().Process(target=call, args=(arguments, cwd, environment, output))
    process.start()
    process.join(TIMEOUT)
    if process.is_alive():
        process.kill()
        process.join(60)
    assert process.exitcode is not None, "dbt cannot be killed"
    printed = output.read_text(encoding="utf-8") if output.exists() else ""
    return subprocess.CompletedProcess(["dbt", *arguments], process.exitcode, printed)
