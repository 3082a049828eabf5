#!/usr/bin/env python3
"""Show the last build that succeeded, what it changed, and the builds that have failed since.

It reads the warehouse and changes nothing. Alerts and other programs read `--json`, one object:

  warehouse   what messages call it
  build       the row of ops.builds; null if no build has succeeded yet
  previous    when the build before it ended; null if there is none
  tables      the tables with more or fewer rows than before, the largest change first: table_schema,
              table_name, rows_before (null: it is new), rows_after (null: it is gone), rows_added
  revisions   the published results that the source had changed since the build before: revised_at, season,
              round, race_name, driver_name, constructor_name, revised_column, value_before, value_after
  failures    the builds since then that did not succeed, oldest first, with the columns of ops.builds. The
              outcome `unfinished` means that the build is running, or was killed
"""

import argparse
import sys

from pitwall.command import Parser, exit_code
from pitwall.data_folder import data_folder
from pitwall.warehouse.engines import ENGINES, warehouse_of
from pitwall.warehouse.last_build import as_json, as_text, read


def main() -> int:
    """The command line. Returns the exit code: 0 done, 2 with one line on stderr."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--engine", choices=ENGINES, default="duckdb", help="whose warehouse (default: duckdb)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object, for programs")
    options = parser.parse_args()
    data = data_folder()

    def action() -> None:
        found = read(warehouse_of(options.engine, data))
        print(as_json(found) if options.json else as_text(found))

    return exit_code("last_build", action, data, is_answer=True)


if __name__ == "__main__":
    sys.exit(main())
