"""Show the progress of dbt from the events that it logs as JSON, one a line, in dbt's own words."""

import json
import os
import sys
import threading

from tqdm import tqdm

TRACEBACK = "Traceback (most recent call last):"
EVERY = 10  # if the output is no terminal, a line for each tenth model or test
STARTED = "LogStartLine"
ENDED = ("LogModelResult", "LogTestResult", "LogSeedResult", "LogSnapshotResult", "LogNodeResult")


class Progress:
    """On a terminal a bar: models and tests done of all, the time, the current one. Else a line in ten.

    Warnings, errors and what macros print are shown in full.
    """

    may_have_bar = True

    def __init__(self) -> None:
        self.done = 0
        self.crash = ""  # the last line of a crash, which is shown without its traceback
        self.said = False  # whether anything but the bar was shown
        self.bar = tqdm(
            bar_format="{n_fmt} of {total_fmt}, {elapsed}: {desc}",
            desc="dbt starts",
            total=0,
            leave=False,
            file=sys.stdout,
            # None: if the output is no terminal
            disable=True if os.environ.get("TERM") == "dumb" or not self.may_have_bar else None,
            dynamic_ncols=True,
        )
        self.closed = threading.Event()
        if not self.bar.disable:
            threading.Thread(target=self.tick, daemon=True).start()

    def tick(self) -> None:
        """Let the time in the bar go on while dbt logs nothing."""
        while not self.closed.wait(1):
            self.bar.refresh()

    def show(self, line: str) -> None:
        """Show a line of dbt's output, if it is for the user."""
        try:
            event = json.loads(line)
            name, level, text = (event["info"][key] for key in ("name", "level", "msg"))
            data = event["data"]
        except (ValueError, KeyError, TypeError):
            if self.crash or TRACEBACK in line:
                self.crash = line.strip() or self.crash
            else:
                self.print(line.rstrip())
            return
        text, *traceback = text.split(TRACEBACK)
        if traceback:
            self.crash = traceback[-1].strip().rpartition("\n")[2].strip()
        if level in ("warn", "error") or name == "PrintEvent":
            self.print(text)
        elif name == "FoundStats":
            self.print(f"dbt: {text[0].lower()}{text[1:]}")
        elif name == STARTED:
            self.bar.total = data["total"]
            self.bar.set_description_str(data["description"])
        if name in ENDED:
            self.done += 1
            self.bar.update()
            if self.bar.disable and level == "info" and self.done % EVERY == 0:
                self.print(text)

    def print(self, text: str) -> None:
        """Print a text, above the bar if there is one."""
        if text.strip():
            self.said = True
            tqdm.write(text, file=sys.stdout)
            sys.stdout.flush()

    def close(self) -> None:
        """Remove the bar."""
        self.closed.set()
        self.bar.close()


class Events(Progress):
    """Every line of dbt as it is, for a program that reads it: with `--log-format json` an event a line."""

    may_have_bar = False

    def show(self, line: str) -> None:
        """Print a line, and note if it is of a crash."""
        super().show(line)
        self.said = True
        sys.stdout.write(line if line.endswith("\n") else f"{line}\n")
        sys.stdout.flush()

    def print(self, text: str) -> None:
        """Print nothing: the line is printed as it is."""
