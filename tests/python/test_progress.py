"""The progress of dbt: a bar on a terminal, a line in ten elsewhere, and all warnings and errors."""

import io
import json

import pytest

from pitwall.warehouse.progress import Events, Progress


def event(name: str, text: str = "", level: str = "info", **data: object) -> str:
    return json.dumps({"info": {"name": name, "level": level, "msg": text}, "data": data}) + "\n"


class Terminal(io.StringIO):
    """An output that says that it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def models(progress: Progress, count: int) -> None:
    for index in range(1, count + 1):
        progress.show(
            event("LogStartLine", "START", description=f"table model {index}", index=index, total=30)
        )
        progress.show(event("LogModelResult", f"{index} of 30 OK created table model {index}", index=index))


def test_a_pipe_gets_a_line_for_every_tenth_model(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress.show(event("FoundStats", "Found 30 models"))
    models(progress, 30)
    progress.close()
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["dbt: found 30 models", *(f"{n} of 30 OK created table model {n}" for n in (10, 20, 30))]


def test_warnings_errors_and_prints_are_shown_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress.show(event("MainReportVersion", "Running with dbt"))
    assert not progress.said
    progress.show(event("LogTestResult", "FAIL 3 not_null", level="error", index=1))
    progress.show(event("JinjaLogWarning", "a warning", level="warn"))
    progress.show(event("PrintEvent", "Failed: not_null. The first rows:"))
    progress.show(event("Formatting", "", level="error"))
    progress.show("no event of dbt\n")
    progress.show("[1]\n")
    progress.close()
    assert progress.said
    assert capsys.readouterr().out.splitlines() == [
        "FAIL 3 not_null",
        "a warning",
        "Failed: not_null. The first rows:",
        "no event of dbt",
        "[1]",
    ]


@pytest.mark.parametrize("is_event", [True, False])
def test_a_crash_is_its_last_line(is_event: bool, capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    text = "Traceback (most recent call last):\n  File x\n\nOSError: No space left on device\n"
    if is_event:
        progress.show(event("MainStackTrace", text, level="error"))
    else:
        for line in text.splitlines(keepends=True):
            progress.show(line)
    progress.show(event("JinjaLogWarning", "a warning", level="warn"))
    progress.close()
    assert progress.crash == "OSError: No space left on device"
    assert capsys.readouterr().out == "a warning\n"


def test_a_terminal_gets_a_bar_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    progress = Progress()
    models(progress, 12)
    progress.bar.refresh()
    progress.show(event("JinjaLogWarning", "a warning", level="warn"))
    progress.close()
    output = terminal.getvalue()
    assert "12 of 30, 00:00: table model 12" in output
    assert "a warning\n" in output
    assert "OK created" not in output
    assert output.rpartition("\r")[2].strip() == "", "the bar is removed"


def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("TERM", "dumb")
    progress = Progress()
    models(progress, 10)
    progress.close()
    assert terminal.getvalue() == "10 of 30 OK created table model 10\n"


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_program_gets_every_line_as_it_is(is_terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With PITWALL_LOG=json."""
    output = Terminal() if is_terminal else io.StringIO()
    monkeypatch.setattr("sys.stdout", output)
    monkeypatch.setenv("TERM", "xterm")
    lines = [
        "no event of dbt\n",
        event("LogStartLine", "START", description="table model 1", index=1, total=30),
        event("LogModelResult", "1 of 30 OK created table model 1", index=1),
        event("MainStackTrace", "Traceback (most recent call last):\n\nOSError: disk\n", level="error"),
    ]
    events = Events()
    for line in lines:
        events.show(line)
    events.close()
    assert output.getvalue() == "".join(lines)
    assert (events.crash, events.said) == ("OSError: disk", True)
