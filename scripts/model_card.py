#!/usr/bin/env python3
"""Write the model card, docs/model-card.md: what the predictions are worth, by the last warehouse."""

import argparse
import sys
from pathlib import Path

from pitwall.command import ROOT, Parser, exit_code, require
from pitwall.data_folder import data_folder

require("duckdb", "polars", "numpy", "scipy", "lightgbm", installed_by="make card")

from pitwall.prediction.card import write_card  # noqa: E402


def main() -> int:
    """The command line. Returns the exit code: 0 done, 2 failed with one line on stderr."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--to", type=Path, default=ROOT / "docs", help="the folder to write into (default: docs/)"
    )
    options = parser.parse_args()
    return exit_code("model_card", lambda: write_card(data_folder(), options.to), options.to)


if __name__ == "__main__":
    sys.exit(main())
