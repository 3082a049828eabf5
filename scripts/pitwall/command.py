"""What every command does the same way: find the project, and report a failure in one line."""

import argparse
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

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
        self.exit(2, f"{self.prog}: {printable(message)}\n")


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
        print(
            f"{script.stem}: {missing[0]} is not installed for {sys.executable}; run `{installed_by}`, which "
            f"installs it in .venv, then run this as `.venv/bin/python {script}`",
            file=sys.stderr,
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


def exit_code(program: str, action: Callable[[], None], path: Path) -> int:
    """Run the action, and print a failure in one line on stderr.

    Args:
        program: the name of the command, with which the line starts.
        path: what the action writes. The line names it if the system does not say which file failed.

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
    try:
        action()
    except (PlainError, OSError) as error:
        text = str(error)
        if isinstance(error, OSError) and error.strerror:
            text = f"{error.filename or path}: {error.strerror}"
        # The reason is the last line where both streams go to one log. It is printed even if stdout is full
        # or closed.
        with suppress(OSError):
            sys.stdout.flush()
        print(f"{program}: {printable(text)}", file=sys.stderr)
        return TEMPORARY if isinstance(error, TemporaryError) else 2
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        return 130
    return 0
