#!/usr/bin/env python3
"""Build on every engine that is available, and compare every table of marts and quality, cell by cell.

The other engines are compared with the first one. There is no tolerance: any difference in a digit, a row or
a column gives exit code 1. The history of revised results is each engine's own, so the time of a revision is
not compared, and a table made from the history is compared only if both engines have the same versions in it.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pitwall.command import Parser, exit_code, report_failure
from pitwall.data_folder import data_folder
from pitwall.needs import NotAvailable
from pitwall.warehouse.build import build
from pitwall.warehouse.comparison import Export, compare_mart, read_marts
from pitwall.warehouse.dbt import target_folder
from pitwall.warehouse.engines import ENGINES, check_available, warehouse_of

# isort: split
# After ours, which say in one line if this package is not installed.
from tabulate import tabulate


class EnginesDiffer(Exception):
    """The first difference of each table that differs. The table of all results is printed already."""


def parity(engines: Sequence[str], *, need_all: bool, is_built: bool) -> None:
    """Build, export, compare, and print a table of the results.

    Args:
        engines: which engines. The first available one is the reference for the others.
        need_all: fail if one of them is not available.
        is_built: compare the last builds instead of building.

    Raises:
        NotAvailable: fewer than two engines are available, or one that is needed is not.
        EnginesDiffer: a table is not the same on all engines.
    """
    data = data_folder()
    available = []
    for engine in engines:
        try:
            if is_built:
                warehouse_of(engine, data).reading()
            else:
                check_available(engine)
            available.append(engine)
        except NotAvailable as error:
            if need_all:
                raise
            print(f"Not compared: {error}", flush=True)
    if len(available) < 2:
        raise NotAvailable(f"there are no two engines to compare{', only '.join(['', *available])}")
    with tempfile.TemporaryDirectory(prefix="parity-") as scratch:
        exports = []
        for engine in available:
            if not is_built:
                build(engine)
            warehouse_of(engine, data).export(Path(scratch) / engine)
            marts = read_marts(target_folder(engine, data) / "manifest.json")
            exports.append(Export(engine, Path(scratch) / engine, marts))
        report(*exports)


def report(reference: Export, *others: Export) -> None:
    """Compare the exports, and print a table of the results. Raises EnginesDiffer if one is not the same."""
    lines, differences = [], []
    for mart in reference.marts:
        name = f"{mart.schema}.{mart.name}"
        results = [compare_mart(mart, reference, other) for other in others]
        differences += [
            f"{name} on {other.engine}: {result.difference}"
            for other, result in zip(others, results, strict=True)
            if result.difference
        ]
        rows = reference.count(mart.schema, mart.name)
        columns = len(reference.columns(mart.schema, mart.name))
        lines.append([name, rows, columns, *(result.word for result in results)])
    headers = ["table", f"rows on {reference.engine}", "columns", *(other.engine for other in others)]
    print(tabulate(lines, headers, tablefmt="github", intfmt=","))
    if differences:
        raise EnginesDiffer("\n".join(differences))
    print(f"No difference: {', '.join(export.engine for export in (reference, *others))}.")


def main() -> int:
    """The command line. Returns the exit code: 0 no difference, 1 the engines differ, 2 failed."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--engine", choices=ENGINES, action="append", help="compare only these; the first is the reference"
    )
    parser.add_argument("--built", action="store_true", help="compare the last builds, without building")
    options = parser.parse_args()

    def action() -> int:
        try:
            parity(options.engine or ENGINES, need_all=bool(options.engine), is_built=options.built)
        except EnginesDiffer as error:
            sys.stdout.flush()
            report_failure("parity", f"the engines differ; the first row of each table:\n{error}", 1)
            return 1
        return 0

    return exit_code("parity", action, data_folder())


if __name__ == "__main__":
    sys.exit(main())
