"""What every command does the same way: find the project, and report a failure in one line."""

import argparse
import io
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn, TextIO

ROOT = Path(__file__).resolve().parents[2]  # the project's folder


class PlainError(Exception):
    """A failure in one line: what it concerns, why it failed and, if that is not obvious, what to do."""


class TemporaryError(PlainError):
    """A failure that can pass by itself: a held lock, or a server that does not answer. Worth another try."""


TEMPORARY = 75  # the exit code of a TemporaryError; sysexits.h calls it EX_TEMPFAIL
END_WITH_PARENT = "PITWALL_END_WITH_PARENT"
SECONDS_BETWEEN_LOOKS = 0.5


class Parser(argparse.ArgumentParser):
    """A parser that reports a wrong argument in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        """End the program with one line on stderr and exit code 2."""
        report_failure(self.prog, printable(message), 2)
        self.exit(2)


def whole_number(text: str) -> int:
    """The value of an option that is a number from 0 on."""
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 on")
    return number


def printable(text: str) -> str:
    """A text in one line of at most 500 characters, without control characters that a terminal obeys."""
    line = "".join(char if char.isprintable() else "?" for char in " ".join(text.split()))
    return line if len(line) <= 500 else f"{line[:497]}..."


def first_line(error: Exception) -> str:
    """The first line of what an error says."""
    return str(error).partition("\n")[0]


def use_colors() -> bool:
    """Whether to print in colors: stdout is a terminal that has them, and NO_COLOR does not forbid it."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def require(*packages: str, installed_by: str = "make build") -> None:
    """End the program with one line and exit code 2 unless all packages can be imported."""
    missing = [package for package in packages if not find_spec(package)]
    if missing:
        script = Path(sys.argv[0])
        report_failure(
            script.stem,
            f"{missing[0]} is not installed for {sys.executable}; run `{installed_by}`, which installs it in "
            f".venv, then run this as `.venv/bin/python {script}`",
            2,
        )
        sys.exit(2)


def open_closed_streams() -> None:
    """Open the streams that the caller closed: nothing to read, and messages go to the other output, if any.

    Otherwise the next file that is opened, for example a Parquet file, would be what Polars and DuckDB take
    for stdout or stderr.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdin = sys.stdin or io.StringIO()
    sys.stdout = sys.stdout or io.StringIO()
    sys.stderr = sys.stderr or sys.stdout


def end_with_parent() -> None:
    """If the environment asks for it, end this process soon after the one that started it has ended.

    By default a command goes on when its terminal is closed. A scheduler asks for it, because it starts a
    killed task again.
    """
    if os.environ.get(END_WITH_PARENT) != "1":
        return
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(SECONDS_BETWEEN_LOOKS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def wants_events() -> bool:
    """Whether the output is for a program: with PITWALL_LOG=json, a line of JSON on stdout for each event."""
    return os.environ.get("PITWALL_LOG") == "json"


def check_log_format() -> None:
    """Raise PlainError if PITWALL_LOG names a format that there is not."""
    if os.environ.get("PITWALL_LOG", "") not in ("", "text", "json"):
        raise PlainError(f"PITWALL_LOG={os.environ['PITWALL_LOG']}: is no format; set it to json or text")


def log_event(command: str, event: str, message: str, level: str = "info", **fields: object) -> None:
    """Print an event as a line of JSON; nothing if the output is for a person.

    Args:
        command: the name of the command, or of its file.
        event: what happened, in a word.
        message: the same for a person.
        level: `info`, `warning` or `error`.
        fields: more of it for a program. A value that JSON lacks is written as text.
    """
    if wants_events():
        stream = sys.stdout.stream if isinstance(sys.stdout, Events) else sys.stdout
        ts = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        known = {"ts": ts, "level": level, "command": Path(command).stem, "event": event, "message": message}
        stream.write(f"{json.dumps(known | fields, default=str)}\n")
        stream.flush()


def report_failure(command: str, message: str, code: int) -> None:
    """Print why a command fails: a line on stderr or, if the output is for a program, an event on stdout."""
    if wants_events():
        with suppress(OSError):
            log_event(command, "failed", message, "error", exit_code=code)
            return
    print(f"{command}: {message}", file=sys.stderr)


class Events(io.TextIOBase):
    """Replaces stdout or stderr: each line that is printed becomes an event.

    A line that is a JSON object already is passed on as it is: dbt, and commands that a command runs, have
    events of their own.
    """

    def __init__(self, stream: TextIO, command: str, level: str) -> None:
        self.stream, self.command, self.level = stream, command, level
        self.rest = ""

    def writable(self) -> bool:
        """Yes."""
        return True

    def fileno(self) -> int:
        """That of the stream, for processes that inherit it."""
        return self.stream.fileno()

    def write(self, text: str) -> int:
        """Print an event for each line that is complete."""
        *lines, self.rest = f"{self.rest}{text}".split("\n")
        for line in lines:
            self.print(line)
        return len(text)

    def print(self, line: str) -> None:
        """Print an event; nothing for an empty line. What follows a carriage return replaces the line."""
        line = line.rstrip().rpartition("\r")[2]
        if is_json_object(line):
            self.stream.write(f"{line}\n")
            self.stream.flush()
        elif line:
            log_event(self.command, "message", line, self.level)

    def flush(self) -> None:
        """Every event is flushed already."""
        self.stream.flush()

    def end(self) -> None:
        """Print what has no end of line."""
        self.write("\n")


def is_json_object(line: str) -> bool:
    """Whether a line is an object of JSON."""
    try:
        return line.startswith("{") and isinstance(json.loads(line), dict)
    except ValueError:
        return False


@contextmanager
def streams_of(command: str) -> Iterator[None]:
    """Let everything that is printed become events, if the output is for a program."""
    if not wants_events():
        yield
        return
    printed = sys.stdout, sys.stderr
    out, err = Events(printed[0], command, "info"), Events(printed[0], command, "warning")
    sys.stdout, sys.stderr = out, err
    try:
        yield
    finally:
        with suppress(OSError):
            out.end()
            err.end()
        sys.stdout, sys.stderr = printed


def exit_code(program: str, action: Callable[[], int | None], path: Path, *, is_answer: bool = False) -> int:
    """Run the action, and print a failure in one line on stderr.

    With PITWALL_LOG=json, the start, the end, a failure and each line that is printed are events on stdout.

    Args:
        program: the name of the command, with which the line starts.
        action: what the command does. It can return another exit code than 0, and has then printed why.
        path: what the action writes. The line names it if the system does not say which file failed.
        is_answer: whether the output is what the user asked for, such as the rows of a query. It is printed
            as it is; only a failure is an event.

    Returns:
        0 if the action succeeded, 2 if it failed, 75 if it failed and can succeed later without a change, 130
        if it was interrupted.
    """
    open_closed_streams()
    end_with_parent()
    for stream in (sys.stdout, sys.stderr):
        # A path may have characters that the terminal's encoding lacks. Printing them must not fail.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    started = time.monotonic()
    try:
        check_log_format()
        if is_answer:
            return action() or 0
        log_event(program, "started", "started")
        with streams_of(program):
            code = action() or 0
        seconds = round(time.monotonic() - started, 3)
        end, level = ("failed", "error") if code else ("finished", "info")
        message = f"{end} after {seconds:.1f} s"
        log_event(program, end, message, level, seconds=seconds, exit_code=code)
        return code
    except (PlainError, OSError) as error:
        text = str(error)
        if isinstance(error, OSError) and error.strerror:
            text = f"{error.filename or path}: {error.strerror}"
        # The reason is the last line where both streams go to one log. It is printed even if stdout is full
        # or closed.
        with suppress(OSError):
            sys.stdout.flush()
        failed = TEMPORARY if isinstance(error, TemporaryError) else 2
        report_failure(program, printable(text), failed)
        return failed
    except KeyboardInterrupt:
        report_failure(program, "interrupted", 130)
        return 130
