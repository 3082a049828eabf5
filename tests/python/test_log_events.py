"""PITWALL_LOG=json: each command prints a line of JSON for each event, also if it fails."""

import ast
import io
import json
import re
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, SCRIPTS, run
from test_structure import COMMANDS

from pitwall.command import Events, PlainError, exit_code, log_event

# Runs a command with --help, and with an option that there is not: in one process, because the import of its
# packages takes the time.
TWICE = """
import runpy, sys
sys.path.insert(0, sys.argv[1].rpartition("/")[0])
for argument in ("--help", "--no-such-option"):
    sys.argv[1:] = [sys.argv[1], argument]
    arguments, sys.argv = sys.argv, sys.argv[1:]
    try:
        runpy.run_path(arguments[1], run_name="__main__")
    except SystemExit as end:
        print(f"exit code {end.code or 0}", flush=True)
    sys.argv = arguments
"""


def events(text: str) -> list[dict[str, Any]]:
    """The events of an output of which each line is one."""
    found = [json.loads(line) for line in text.splitlines()]
    for event in found:
        assert list(event)[:5] == ["ts", "level", "command", "event", "message"]
        assert datetime.fromisoformat(event["ts"]).utcoffset() is not None
        assert event["level"] in ("info", "warning", "error")
    return found


@pytest.mark.parametrize("script", COMMANDS)
def test_every_command_has_a_help_text_and_reports_an_error_as_an_event(script: str, tmp_path: Path) -> None:
    """The help is for a person, and stays as it is. Without the packages of its extra there is none."""
    (tmp_path / "twice.py").write_text(TWICE, encoding="utf-8")
    output = run(tmp_path / "twice.py", ROOT / script, PITWALL_LOG="json").stdout
    [*before, line, end] = output.splitlines()
    assert end == "exit code 2"
    [event] = events(line)
    assert (event["level"], event["command"], event["event"]) == ("error", Path(script).stem, "failed")
    expected = r"unrecognized arguments: |the following arguments are required: "
    if before[0].startswith(f"usage: {Path(script).stem}"):
        assert re.match(expected, event["message"])
        assert before[-1] == "exit code 0"
    else:
        assert " is not installed for " in event["message"]  # a package of an extra
    assert event["exit_code"] == 2


@pytest.mark.parametrize("script", COMMANDS)
def test_every_command_reports_through_one_place(script: str) -> None:
    """So no command prints an error past the events."""
    tree = ast.parse((ROOT / script).read_text(encoding="utf-8"))
    names = [
        node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and hasattr(node.func, "id")
    ]
    assert names.count("exit_code") == 1
    assert names.count("Parser") == 1
    printed = [
        ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "file"
    ]
    # The shell prints an error of a query, and goes on; of a comparison, only the report goes to stdout.
    assert printed == (["file=sys.stderr"] if script in ("scripts/diff.py", "scripts/shell.py") else [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["check_engine.py", "duck"],
            "ENGINE=duck: there is no such engine; name one of duckdb, postgres, spark",
        ),
        (["check_warehouse.py"], "{data}/warehouse.duckdb: is not built yet; `make build` builds it"),
        (["last_build.py"], "{data}/warehouse.duckdb: is not built yet; `make build` builds it"),
        (["build.py"], "{data}/parquet: "),
        (["csv_to_parquet.py", "{data}/none"], "{data}/none: "),
        (["convert_input.py", " "], "RAW is empty; name a folder, a zip or an address, or leave RAW out"),
        (["shell.py"], "{data}/warehouse.duckdb: "),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_failure_is_the_last_event(arguments: list[str], message: str, tmp_path: Path) -> None:
    script, *rest = (each.format(data=tmp_path) for each in arguments)
    result = run(SCRIPTS / script, *rest, PITWALL_DATA=tmp_path, PITWALL_LOG="json")
    assert result.returncode == 2
    last = events(result.stdout)[-1]
    assert (last["level"], last["event"], last["exit_code"]) == ("error", "failed", 2)
    assert last["command"] == Path(script).stem
    assert last["message"].startswith(message.format(data=tmp_path))


def test_a_command_and_those_that_it_runs_print_events_only(tmp_path: Path) -> None:
    """It simulates and converts: three commands."""
    output = run(SCRIPTS / "convert_input.py", PITWALL_DATA=tmp_path, PITWALL_LOG="json").stdout
    found = events(output)
    assert [event["command"] for event in found if event["event"] == "started"] == [
        "convert_input",
        "simulate",
        "csv_to_parquet",
    ]
    assert [event["command"] for event in found if event["event"] == "finished"] == [
        "simulate",
        "csv_to_parquet",
        "convert_input",
    ]
    said = [event["message"] for event in found if event["event"] == "message"]
    assert said[0].startswith("Simulated 2021 to 2025")
    assert "14 tables" in said[-1]


def test_an_answer_is_printed_as_it_is(simulated_warehouse: Path) -> None:
    """Of the shell and of last_build.py: what they print is for the user to read on."""
    data = simulated_warehouse.parent
    shown = run(SCRIPTS / "last_build.py", "--json", PITWALL_DATA=data, PITWALL_LOG="json").stdout
    assert "build" in json.loads(shown)
    assert shown == run(SCRIPTS / "last_build.py", "--json", PITWALL_DATA=data).stdout


def test_another_format_is_refused(tmp_path: Path) -> None:
    result = run(SCRIPTS / "check_engine.py", "duckdb", PITWALL_LOG="xml")
    assert (result.returncode, result.stdout) == (
        2,
        "check_engine: PITWALL_LOG=xml: is no format; set it to json or text\n",
    )
    assert run(SCRIPTS / "check_engine.py", "duckdb", PITWALL_LOG="text").stdout == ""


# In this process


@pytest.fixture
def json_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PITWALL_LOG", "json")


def fail_with(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        print("before")
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (PlainError("the reason\nin two lines"), 2, "the reason in two lines"),
        (FileNotFoundError(2, "No such file"), 2, "data: No such file"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_each_kind_of_failure_is_an_event(
    error: BaseException, code: int, message: str, json_log: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code("build", fail_with(error), Path("data")) == code
    printed = capsys.readouterr()
    assert printed.err == ""
    found = events(printed.out)
    assert [event["event"] for event in found] == ["started", "message", "failed"]
    assert (found[-1]["message"], found[-1]["exit_code"]) == (message, code)


def test_what_an_action_prints_becomes_events(json_log: None, capsys: pytest.CaptureFixture[str]) -> None:
    """Empty lines are none; events of others are passed on as they are."""
    theirs = '{"info": {"name": "LogModelResult"}, "data": {}}'

    def action() -> int:
        print("one\n\ntwo", end="")
        print(" and more")
        print(theirs)
        print("{no JSON}")
        print("careful", file=sys.stderr)
        log_event("build", "built", "done", rows=3, at=datetime(2025, 1, 1))
        print("no end of line", end="")
        return 1

    streams = sys.stdout, sys.stderr
    assert exit_code("build", action, Path()) == 1
    assert (sys.stdout, sys.stderr) == streams
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert theirs in lines
    lines.remove(theirs)
    found = events("\n".join(lines))
    assert [(event["level"], event["event"], event["message"]) for event in found[1:-1]] == [
        ("info", "message", "one"),
        ("info", "message", "two and more"),
        ("info", "message", "{no JSON}"),
        ("warning", "message", "careful"),
        ("info", "built", "done"),
        ("info", "message", "no end of line"),
    ]
    assert (found[5]["rows"], found[5]["at"]) == (3, "2025-01-01 00:00:00")
    assert (found[-1]["event"], found[-1]["exit_code"]) == ("failed", 1)


def test_a_failure_is_reported_if_stdout_is_full(
    json_log: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Full())
        assert exit_code("build", lambda: print("x"), Path("data")) == 2
    assert capsys.readouterr().err == "build: data: No space left on device\n"


def test_without_the_setting_nothing_changes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PITWALL_LOG", raising=False)
    assert exit_code("build", fail_with(PlainError("the reason")), Path()) == 2
    log_event("build", "built", "done")
    assert capsys.readouterr() == ("before\n", "build: the reason\n")


def test_a_progress_bar_is_not_drawn() -> None:
    """It is drawn only on a terminal, and a stream of events is none."""
    assert not Events(io.StringIO(), "build", "info").isatty()
