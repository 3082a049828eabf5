"""Write a lap_times.csv of any size: a smaller one again and again, each time with new race ids."""

import argparse
import sys
import tempfile
from itertools import count, groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pitwall.command import PlainError, exit_code
from pitwall.simulation.championship import simulate


def make_laps(megabytes: float, out: Path, laps: Path | None = None) -> None:
    """Write lap times, in whole races.

    Args:
        megabytes: the size, at least, in 10**6 bytes.
        out: the file to write.
        laps: the lap_times.csv to repeat. The default is that of five simulated seasons.

    Raises:
        PlainError: the file has no laps.
    """
    if laps is None:
        with tempfile.TemporaryDirectory() as folder:
            simulate(5, 1950, Path(folder))
            make_laps(megabytes, out, Path(folder) / "lap_times.csv")
        return
    with laps.open("rb") as file:
        header = next(file, b"")
        races = [
            (int(race), b"\n" + b"".join(rows))
            for race, rows in groupby(file, lambda row: row.split(b",")[0])
        ]
    if not races:
        raise PlainError(f"{laps}: no laps in it")
    shift = max(race for race, _ in races)
    left = megabytes * 10**6
    with out.open("wb") as file:
        file.write(header)
        for copy in count():
            for race, rows in races:
                if left <= 0:
                    return
                moved = rows.replace(b"\n%d," % race, b"\n%d," % (race + copy * shift))
                left -= file.write(memoryview(moved)[1:])


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit code: 0 done, 2 failed with one line on stderr."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("megabytes", metavar="SIZE_MB", type=float)
    parser.add_argument("out", metavar="OUT", type=Path)
    parser.add_argument(
        "--laps", metavar="CSV", type=Path, help="the lap_times.csv to repeat (default: simulated)"
    )
    options = parser.parse_args(arguments)
    return exit_code(
        "make_laps", lambda: make_laps(options.megabytes, options.out, options.laps), options.out
    )


if __name__ == "__main__":
    sys.exit(main())
