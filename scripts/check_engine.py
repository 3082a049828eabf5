#!/usr/bin/env python3
"""Check what an engine needs besides Python packages: a Java for Spark, a server for PostgreSQL.

It needs no package. The Makefile runs it before it installs the packages of the engine.
"""

import argparse
import sys

from pitwall.command import ROOT, Parser, exit_code
from pitwall.needs import ENGINES, check_needs


def main() -> int:
    """The command line. Returns the exit code: 0 nothing is missing, 2 with one line on stderr."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", metavar="ENGINE", help=f"one of {', '.join(ENGINES)}")
    options = parser.parse_args()
    return exit_code("check_engine", lambda: check_needs(options.engine), ROOT)


if __name__ == "__main__":
    sys.exit(main())
