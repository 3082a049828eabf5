#!/usr/bin/env python3
"""Write the catalog of the last warehouse: one HTML page that needs no network, with every table and column.

It runs `dbt docs generate --static`, prints where the page is, and opens it if there is a display.
"""

import argparse
import os
import subprocess
import sys
import webbrowser
from pathlib import Path

from pitwall.command import ROOT, Parser, PlainError, exit_code, use_colors
from pitwall.data_folder import data_folder
from pitwall.warehouse.engines import ENGINES, check_available, warehouse_of

# Options of dbt that the user has set for other projects, and where a build puts what is not finished.
NOT_INHERITED = ("DBT_", "PITWALL_WAREHOUSE", "PITWALL_SCHEMA_SUFFIX", "PITWALL_HISTORY", "PITWALL_SPARK")


def generate(engine: str) -> Path:
    """Run dbt on the engine's last warehouse. Returns the path of the page.

    Raises:
        PlainError: there is no warehouse, or dbt failed.
    """
    check_available(engine)
    data = data_folder()
    warehouse = warehouse_of(engine, data)
    # mf and `dbt docs serve` look in target/. Another engine has a folder of its own, because dbt parses the
    # whole project again if the connection differs from the last one.
    target = ROOT / "target" / ("" if engine == "duckdb" else engine)
    target.mkdir(parents=True, exist_ok=True)
    colors = "--use-colors" if use_colors() else "--no-use-colors"
    command: list[str | Path] = [Path(sys.executable).with_name("dbt"), "--quiet", colors]
    command += ["--log-level-file", "none", "docs", "generate", "--static", "--target", warehouse.target]
    command += ["--target-path", target, "--project-dir", ROOT, "--profiles-dir", ROOT]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
    environment = {**inherited, "DO_NOT_TRACK": "1", **warehouse.reading()}
    if Path.cwd() != ROOT:  # else as it is: dbt parses the whole project again if the path differs
        environment["PITWALL_DATA"] = str(data.absolute())
    if code := subprocess.run(command, cwd=ROOT, env=environment).returncode:
        raise PlainError(f"dbt docs generate failed with exit code {code}, for the reason above")
    return target / "static_index.html"


def make_page(engine: str) -> None:
    """Write the page, print where it is, and open it if there is a display."""
    page = generate(engine)
    print(f"The catalog, one page that needs no network: {page}", flush=True)
    if sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(page.as_uri())


def main() -> int:
    """The command line. Returns the exit code: 0 done, 2 failed with one line on stderr."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--engine", choices=ENGINES, default="duckdb", help="whose warehouse (default: duckdb)"
    )
    options = parser.parse_args()
    return exit_code("docs", lambda: make_page(options.engine), ROOT / "target")


if __name__ == "__main__":
    sys.exit(main())
