#!/usr/bin/env python3
"""Write a simulated Formula 1 championship as the 14 CSV files of the Ergast schema.

People, teams and circuits are invented. Headers, rules and defects are those of the real files. The same
arguments give the same bytes on every platform: the only source of randomness is `random.random()`, and no
rounding depends on the platform. Rows are written at once, so memory does not grow with the seasons.

Simulated, from 2021 on:
- ten teams that improve, decline and change their names; drivers who start, age, move, fall ill and retire;
- qualifying in three parts, grid penalties, pit-lane starts (grid 0 until 2024), sprints (their result is the
  race grid in 2021 and 2022), laps, pit stops, retirements, disqualifications, five-second penalties;
- a race stopped after three laps for half points (2021, round 12); one red-flagged race in every odd year;
- points by each season's rules, and both championships after every race. Equal points are ranked by most
  wins, then by most second places, and so on, counting classified finishes in races, not sprints. If all
  counts are equal, the earlier best finish is ahead. Drivers or teams that were never classified follow in
  the order of their ids;
- defects of real files: `\\N`, mixed quoting, lost trailing zeros, `&amp;`, a trailing space, 8-field rows in
  races.csv for the last season, `position` filled for all cars from 2025, constructor_results without sprint
  points from 2025.

Not simulated: safety cars, weather, traffic (cars pass through each other), tyres by name, shared drives,
lap times of sprints, scheduled races without a result.
"""

import os
import shutil
import sys
from pathlib import Path

from pitwall.command import Parser, PlainError, exit_code
from pitwall.simulation.championship import FIRST_SEASON, LAST_SEASON, MARKER, simulate


def check_replaceable(out: Path) -> None:
    """Raise if `out` is not a folder, or has a file that an earlier run did not write."""
    if not os.path.lexists(out):
        return
    marker = out / MARKER
    lines = marker.read_text(encoding="utf-8", errors="replace").splitlines()[1:] if marker.is_file() else []
    for path in sorted(out.iterdir()):
        if path.name != MARKER and (not path.is_file() or f"{path.name} {path.stat().st_size}" not in lines):
            raise PlainError(
                f"{out} has {path.name}, which this did not write; name another folder or empty it"
            )


def make_folder(seasons: int, seed: int, out: Path) -> None:
    """Write the championship into a new folder, then rename that to `out`."""
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
        description="Write a simulated Formula 1 championship as the 14 CSV files of the Ergast schema.",
        epilog="The same N and S give the same bytes. OUT appears only when it is complete. A folder that is "
        "empty or from an earlier run is replaced; any other is refused. A season has about 28,000 rows, "
        "1 MB. "
        "Example: .venv/bin/python scripts/simulate.py --seasons 5 --seed 1950 data/raw",
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
