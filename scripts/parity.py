#!/usr/bin/env python3
"""Build on every engine that there is, and compare every table of marts and quality, cell by cell.

The first engine is the measure of the others. There is no tolerance: one other digit, row or column is a
difference, and the exit code 1. What an engine remembers of earlier builds is its own: the moment of a
revision is not compared, and what is made from the history only where both have the same versions in it.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import duckdb
from tabulate import tabulate

from pitwall.command import exit_code
from pitwall.data_folder import data_folder
from pitwall.warehouse.base import NotAvailable
from pitwall.warehouse.build import build
from pitwall.warehouse.comparison import Export, read_marts, result_of
from pitwall.warehouse.dbt import target_folder
from pitwall.warehouse.engines import WAREHOUSES, warehouse_of


class Differs(Exception):
    """The engines do not agree; the table that says so is printed."""


def parity(engines: list[str], only: bool, is_built: bool) -> None:
    """Build, export, compare, print.

    Args:
        engines: which; the first that is available is the measure.
        only: all of them have to be available.
        is_built: compare what was built last.

    Raises:
        NotAvailable: fewer than two engines are, or one that was asked for is not.
        Differs: some table is not the same everywhere.
    """
    data = data_folder()
    with tempfile.TemporaryDirectory(prefix="parity-") as scratch:
        exports: list[Export] = []
        for engine in engines:
            try:
                if not is_built:
                    build(engine)
                warehouse_of(engine, data).export(Path(scratch) / engine)
            except NotAvailable as error:
                if only:
                    raise
                print(f"Not compared: {error}", flush=True)
                continue
            marts = read_marts(target_folder(engine, data) / "manifest.json")
            exports.append(Export(engine, Path(scratch) / engine, marts))
        if len(exports) < 2:
            had = "".join(f", only {export.engine}" for export in exports)
            raise NotAvailable(f"there are no two engines to compare{had}")
        tell(*exports)


def tell(measure: Export, *others: Export) -> None:
    """Compare the exports and print a table; raises Differs."""
    table, differences = [], []
    for mart in measure.marts:
        name = f"{mart.schema}.{mart.name}"
        count = duckdb.sql(f"select count(*) from {measure.rows(mart.schema, mart.name)}").fetchall()[0][0]
        results = [result_of(mart, measure, other) for other in others]
        differences += [
            f"{name} on {other.engine}: {result.difference}"
            for other, result in zip(others, results, strict=True)
            if result.difference
        ]
        words = [result.word for result in results]
        table.append([name, count, len(measure.columns(mart.schema, mart.name)), *words])
    headers = ["table", f"rows on {measure.engine}", "columns", *(other.engine for other in others)]
    print(tabulate(table, headers, tablefmt="github", intfmt=","))
    if differences:
        raise Differs("\n".join(differences))
    print(f"No difference: {', '.join(export.engine for export in (measure, *others))}.")


def main(options: argparse.Namespace) -> int:
    """Run, and tell a difference from a failure by the exit code."""
    found: list[str] = []

    def action() -> None:
        try:
            parity(options.engine or list(WAREHOUSES), bool(options.engine), options.built)
        except Differs as error:
            found.append(str(error))

    code = exit_code("parity", action, data_folder())
    if found:
        print(f"parity: the engines differ; the first row of each table:\n{found[0]}", file=sys.stderr)
        return 1
    return code


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--engine", choices=WAREHOUSES, action="append", help="compare only these, the first is the measure"
    )
    parser.add_argument("--built", action="store_true", help="compare what was built last, build nothing")
    sys.exit(main(parser.parse_args()))
