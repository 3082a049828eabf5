#!/usr/bin/env python3
"""Answer predictions over HTTP with the champion of `make train`, on this machine only.

POST /invocations takes a grid and gives probabilities; GET /ping and GET /version say that it runs. Ctrl-C
ends it. docs/predictions.md has a request.
"""

import argparse
import sys

from pitwall.address import LOOPBACK
from pitwall.command import Parser, exit_code, require, whole_number
from pitwall.data_folder import data_folder

require(
    "duckdb",
    "polars",
    "mlflow",
    "pandas",
    "sqlalchemy",
    "fastapi",
    "uvicorn",
    "scipy",
    "lightgbm",
    installed_by="make serve",
)

from pitwall.prediction import serving, tracking  # noqa: E402


def main() -> int:
    """The command line. Returns the exit code: 0 done, 2 failed with one line on stderr."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--port", type=whole_number, default=8000, help="the port (default: 8000; 0: any free one)"
    )
    port = parser.parse_args().port
    data = data_folder()

    def action() -> None:
        listener = serving.listen(port)
        champion = tracking.champion(data)
        address = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        print(
            f"Version {champion.version} of the model answers at {address}/invocations. Ctrl-C ends it.",
            flush=True,
        )
        serving.serve(champion.served, listener)

    return exit_code("serve", action, data / tracking.FOLDER)


if __name__ == "__main__":
    sys.exit(main())
