#!/usr/bin/env python3
"""Start the dashboard on the last warehouse, on this machine only. Ctrl-C ends it.

A build can replace the warehouse while the dashboard runs: the next click shows the new one.
"""

import argparse
import os
import sys

from pitwall.address import LOOPBACK, address, free_port
from pitwall.command import ROOT, Parser, PlainError, exit_code, require, whole_number
from pitwall.data_folder import data_folder
from pitwall.warehouse.engines import ENGINES, check_available

require("duckdb", "polars", "altair", "streamlit", installed_by="make dashboard")

# Without a warehouse on Spark: it has no server that answers at once.
SHOWN = [name for name in ENGINES if name != "spark"]


def start(engine: str, port: int) -> None:
    """Check that there is a warehouse, and become Streamlit."""
    if engine not in SHOWN:
        raise PlainError(f"ENGINE={engine}: the dashboard shows a warehouse on {' or '.join(SHOWN)}")
    data = data_folder().absolute()
    if engine == "duckdb":
        if not (data / "warehouse.duckdb").is_file():
            raise PlainError(
                f"{data / 'warehouse.duckdb'}: there is no warehouse yet; run `make build` first"
            )
    else:
        check_available(engine)
    # Settings of the user are for other programs.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STREAMLIT_")}
    has_display = sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "dashboard" / "app.py")]
    command += ["--server.address", address(), "--server.port", str(free_port(port))]
    command += ["--browser.serverAddress", LOOPBACK]  # what it prints
    # Headless, Streamlit does not open the browser.
    command += ["--server.headless", "false" if has_display else "true", "--server.fileWatcherType", "none"]
    sys.stdout.flush()
    os.execve(sys.executable, command, kept | {"PITWALL_DATA": str(data), "PITWALL_ENGINE": engine})


def main() -> int:
    """The command line. Returns the exit code: 0 done, 2 failed with one line on stderr."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--port", type=whole_number, default=8501, help="the port (default: 8501; 0: any free)"
    )
    parser.add_argument(
        "--engine",
        default=os.environ.get("PITWALL_ENGINE") or "duckdb",
        help="whose warehouse: duckdb or postgres (default: $PITWALL_ENGINE, else duckdb)",
    )
    options = parser.parse_args()
    return exit_code("dashboard", lambda: start(options.engine, options.port), ROOT / "dashboard")


if __name__ == "__main__":
    sys.exit(main())
