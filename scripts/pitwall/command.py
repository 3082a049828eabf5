"""What every command does alike: where the project is, and failures that a person can read."""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]  # the project's folder


class PlainError(Exception):
    """A failure told in one line: what it concerns, why it failed and, if not obvious, what to do."""


def printable(text: str) -> str:
    """A text in one line of at most 500 characters, with nothing in it that a terminal would obey."""
    line = "".join(each if each.isprintable() else "?" for each in " ".join(text.split()))
    return line if len(line) <= 500 else f"{line[:497]}..."


def exit_code(program: str, action: Callable[[], None], place: Path) -> int:
    """Run the action; tell a failure in one line on stderr. Returns 0 done, 2 failed, 130 interrupted.

    `place` is what the action writes: named where the system does not say which file failed.
    """
    try:
        action()
    except (PlainError, OSError) as error:
        text = str(error)
        if isinstance(error, OSError) and error.strerror:
            text = f"{error.filename or place}: {error.strerror}"
        # So that this comes last where both go into one log, and is said also where stdout is full or closed.
        with suppress(OSError):
            sys.stdout.flush()
        print(f"{program}: {printable(text)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        return 130
    return 0
