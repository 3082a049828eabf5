#!/usr/bin/env python3
"""Show what the changes of the working tree change in the tables: rows, columns, tests and time.

The base, a commit, and the head, the files as they are now, are built on DuckDB from the same input: that of
the last `make build`, or a simulated championship where there are no data. dbt builds in the head only what
`state:modified+` selects; the rest is shared. Every table of marts and quality is compared, row by row and
cell by cell. The report, in Markdown, goes to stdout and to diff.md in the data folder. Tests are not run.
Neither the working tree nor the warehouse is touched.
"""

import argparse
import os
import sys
from contextlib import redirect_stdout

from pitwall.command import Parser, PlainError, exit_code
from pitwall.data_folder import data_folder, locked, recover
from pitwall.warehouse.diff_report import Built, compare_warehouses, render, render_same
from pitwall.warehouse.versions import Version, base_commit, build_both, describe_head, read_json

REPORT = "diff.md"


def diff(ref: str | None) -> None:
    """Build both versions, compare them, and write the report.

    Raises:
        PlainError: there is no such commit, or one of the versions cannot be built.
    """
    if os.environ.get("PITWALL_LAKE"):
        raise PlainError("PITWALL_LAKE is set, but only local files are compared; unset it, then start again")
    commit, head = base_commit(ref), describe_head()
    data = data_folder()
    # The report alone goes to stdout.
    with locked(data) as lock, redirect_stdout(sys.stderr):
        recover(data)
        work = (data / ".build" / "diff").absolute()  # each version is built in its own folder
        work.mkdir(parents=True, exist_ok=True)
        pair = build_both(commit, data, work, lock)
        if pair.is_same:
            text = render_same(str(commit), head, pair.input, pair.notes)
        else:
            comparison = compare_warehouses(built(pair.base), built(pair.head))
            text = render(str(commit), head, pair.input, comparison, pair.notes)
        (data / REPORT).write_text(text, encoding="utf-8")
    print(text, end="", flush=True)
    print(f"The report: {data / REPORT}", file=sys.stderr)


def built(version: Version) -> Built:
    """The warehouse of a version, and what dbt says of it."""
    manifest, results = (read_json(version.target / f"{name}.json") for name in ("manifest", "run_results"))
    return Built(version.warehouse, manifest, results)


def main() -> int:
    """The command line. Returns the exit code: 0 done, also if there are differences, 2 failed."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--base",
        metavar="REF",
        help="the commit to compare with (default: where the branch left origin's default branch, or main)",
    )
    options = parser.parse_args()
    return exit_code("diff", lambda: diff(options.base), data_folder())


if __name__ == "__main__":
    sys.exit(main())
