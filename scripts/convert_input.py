#!/usr/bin/env python3
"""Convert what a build reads: RAW or, without RAW, the input of the last build.

Without RAW the input of the last conversion is converted again if it is a folder or a zip that still exists.
If it is gone, or was an address, its Parquet files stay as they are. Where there are no data yet, a small
championship is simulated. Simulated data never replace real ones unless RAW names them.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from pitwall.command import ROOT, Parser, PlainError, exit_code, printable, require, whole_number
from pitwall.data_folder import MANIFEST, data_folder, locked, recover
from pitwall.raw.origin import ALSO, describe, is_simulated, read_origin

SEASONS = 5  # so many are simulated


def convert_input(raw: str | None, max_bad_rows: int, also: str = "") -> int:
    """Convert the input. Returns the exit code of the command that did it.

    Raises:
        PlainError: RAW is empty, or it is not known what the last warehouse was built from.
    """
    if also and raw is None:
        raise PlainError("ALSO needs RAW: name the archive with RAW and the dump with ALSO")
    if raw is not None and not raw.strip():
        raise PlainError("RAW is empty; name a folder, a zip or an address, or leave RAW out")
    data = data_folder()
    simulated = data.absolute() / "raw" / "simulated"
    options = [f"--max-bad-rows={max_bad_rows}"]
    if raw is None:
        if os.environ.get("PITWALL_LAKE"):
            return 0  # the build reads from the lake
        raw, also = last_input(data), read_origin(data / "parquet", ALSO)
        options.append("--accept-as-before")  # the user has accepted these rows
        is_gone = not raw or (not Path(raw).exists() and Path(raw) != simulated)
        if is_gone or (also and not Path(also).exists()):
            gone = f"{(raw if is_gone else also) or 'the input of the last build'} cannot be converted again"
            print(f"{printable(gone)}; the converted data stay: {describe(data / 'parquet')}.", flush=True)
            return 0
    if Path(raw) == simulated:
        code = run_command("simulate.py", "--seasons", f"{SEASONS}", simulated)
        if code:
            return code
    if also:
        options.append(f"--also={also}")
    return run_command("csv_to_parquet.py", *options, "--", raw)


def last_input(data: Path) -> str:
    """The input of the last conversion, "" if it is not known.

    Where there are no data yet, it is the folder of the simulated championship.
    """
    parquet, simulated = data / "parquet", str(data.absolute() / "raw" / "simulated")
    if data.exists():
        with locked(data):
            recover(data)
    if not (parquet / MANIFEST).exists():
        for warehouse in (data / "warehouse.duckdb", data / "spark" / "current"):
            if warehouse.exists() and not is_empty(warehouse):
                raise PlainError(
                    f"{warehouse}: exists, but the data that it was built from are gone; name the raw files "
                    "with `make build RAW=path`, or move it away"
                )
        return simulated
    return read_origin(parquet) or (simulated if is_simulated(parquet) else "")


def is_empty(warehouse: Path) -> bool:
    """Whether a warehouse has no table. dbt leaves such a file if it runs before there are data."""
    if not warehouse.is_file():
        return False
    require("duckdb")
    import duckdb  # only here, because importing it takes longer than all else that this command does

    try:
        with duckdb.connect(warehouse, read_only=True) as connection:
            return not connection.execute("from duckdb_tables()").fetchall()
    except duckdb.Error:
        return False


def run_command(script: str, *arguments: str | Path) -> int:
    """Run another command of the project. Returns its exit code."""
    return subprocess.run([sys.executable, ROOT / "scripts" / script, *arguments]).returncode


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit code: 0 done, 2 refused with one line on stderr."""
    parser = Parser(
        prog="convert_input", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "raw", metavar="RAW", nargs="?", help="folder of CSVs, zip of them, or address of a zip"
    )
    parser.add_argument(
        "--max-bad-rows",
        metavar="N",
        type=whole_number,
        default=0,
        help="rows that may be set aside (default: 0)",
    )
    parser.add_argument(
        "--also", metavar="DUMP", default="", help="dump of jolpica-f1 that fills what RAW lacks"
    )
    options = parser.parse_args(arguments)
    return exit_code(
        "convert_input",
        lambda: convert_input(options.raw, options.max_bad_rows, options.also),
        data_folder(),
    )


if __name__ == "__main__":
    sys.exit(main())
