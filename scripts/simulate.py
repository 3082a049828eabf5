#!/usr/bin/env python3
"""Write a made-up Formula 1 championship as the 14 CSV files of the Ergast schema.

    python scripts/simulate.py --seasons 5 --seed 1950 data/raw

People, teams and circuits are invented; headers, rules and blemishes are those of the real files. The same
arguments give the same bytes on every platform: the only randomness is `random.random()`, and no rounding is
left to the maths library. Rows are written as they are made, so memory does not grow with the seasons.

Simulated, from 2021 on:
- ten teams that rise, fall and change their names; drivers who come, age, move, fall ill and retire;
- qualifying in three parts, grid penalties, pit-lane starts (grid 0 until 2024), sprints (their result is the
  race grid in 2021 and 2022), laps, pit stops, retirements, disqualifications, five-second penalties;
- a race stopped after three laps for half points (2021, round 12); one red-flagged race in every odd year;
- points by each season's rules, and both championships after every race. Points tie: most wins, then most
  second places, and so on, counting classified finishes in races, not sprints. If every count is equal, the
  earlier best finish is ahead; drivers or teams never yet classified follow in the order of their ids.
- what real dumps do: `\\N`, mixed quoting, lost trailing zeros, `&amp;`, a trailing space, 8-field rows in
  races.csv for the last season, `position` filled for everybody from 2025, constructor_results without sprint
  points from 2025.

Not simulated: safety cars, weather, traffic (cars pass through each other), tyres by name, shared drives,
lap times of sprints, scheduled races without a result.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

from pitwall.command import PlainError, exit_code
from pitwall.simulation.championship import FIRST_SEASON, LAST_SEASON, MARKER, simulate


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def check_replaceable(out: Path) -> None:
    """Raise where `out` is not a folder, or holds anything that an earlier run did not leave there."""
    if not os.path.lexists(out):
        return
    marker = out / MARKER
    lines = marker.read_text(encoding="utf-8", errors="replace").splitlines()[1:] if marker.is_file() else []
    for path in sorted(out.iterdir()):
        if path.name != MARKER and (not path.is_file() or f"{path.name} {path.stat().st_size}" not in lines):
            raise PlainError(f"{out} holds {path.name}, not written here; name another folder or empty it")


def make_folder(seasons: int, seed: int, out: Path) -> None:
    """Write the championship beside `out`, then put it in place with a rename."""
    check_replaceable(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    part, old = (out.with_name(f".{out.name}.{os.getpid()}.{suffix}") for suffix in ("part", "old"))
    part.mkdir()
    try:
        simulate(seasons, seed, part)
        check_replaceable(out)
        if out.exists():
            out.rename(old)
        try:
            part.rename(out)
        except OSError:
            if old.exists():
                old.rename(out)
            raise
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit code: 0 done, 2 refused with one line on stderr."""
    parser = Parser(
        prog="simulate",
        description="Write a made-up Formula 1 championship as the 14 CSV files of the Ergast schema.",
        epilog="The same N and S give the same bytes. OUT is written aside and put in place whole; a folder "
        "that is empty or from an earlier run is replaced, any other is refused. A season has about 28,000 "
        "rows, 1 MB. "
        "Example: python scripts/simulate.py --seasons 5 --seed 1950 data/raw",
    )
    parser.add_argument("--seasons", type=int, default=5, metavar="N", help="from 2021 on (default: 5)")
    parser.add_argument("--seed", type=int, default=1950, metavar="S", help="any integer (default: 1950)")
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder to write")
    options = parser.parse_args(arguments)
    last, most = FIRST_SEASON + options.seasons - 1, LAST_SEASON - FIRST_SEASON + 1
    if not 1 <= options.seasons <= most:
        parser.error(f"--seasons must be between 1 and {most}, not {options.seasons}")

    def action() -> None:
        make_folder(options.seasons, options.seed, Path(os.path.realpath(options.out)))
        print(f"Simulated {FIRST_SEASON} to {last} (seed {options.seed}) into {options.out}")

    return exit_code("simulate", action, options.out)


if __name__ == "__main__":
    sys.exit(main())
