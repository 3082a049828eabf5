"""Answer one question in several ways: points, laps and lap time of every driver.

RAW is the folder of CSVs. DATA is the data folder with the Parquet and the warehouse made from them. ANSWER
is the file to write, with a line for each driver. It is the same for every way.
"""

import argparse
from pathlib import Path
from typing import Any

Row = tuple[Any, ...]  # driver, points, laps, milliseconds

# Drivers without a result have no points and no laps.
SQL = """
with points as (select driver_id, sum(points) as points from {results} group by driver_id),
laps as (select driver_id, count(*) as laps, sum({ms}) as ms from {laps} group by driver_id)
select driver_id, points, coalesce(laps, 0) as laps, coalesce(ms, 0) as ms
from points left join laps using (driver_id) order by points desc, driver_id
"""


def pandas(raw: Path, data: Path, engine: str = "c") -> list[Row]:
    """Both CSVs with pandas, reading only the columns of the question."""
    import pandas as pd

    results = pd.read_csv(raw / "results.csv", usecols=["driverId", "points"])
    laps = pd.read_csv(raw / "lap_times.csv", usecols=["driverId", "milliseconds"], engine=engine)
    points = results.groupby("driverId")["points"].sum().to_frame()
    of_driver = laps.groupby("driverId")["milliseconds"].agg(["size", "sum"])
    table = points.join(of_driver).fillna(0).reset_index()
    return list(
        table.sort_values(["points", "driverId"], ascending=[False, True]).itertuples(index=False, name=None)
    )


def pandas_pyarrow(raw: Path, data: Path) -> list[Row]:
    """The same with the parser of pyarrow."""
    return pandas(raw, data, engine="pyarrow")


def warehouse(raw: Path, data: Path) -> list[Row]:
    """The marts of the warehouse."""
    import duckdb

    with duckdb.connect(data / "warehouse.duckdb", read_only=True) as connection:
        query = SQL.format(results="marts.fct_race_results", laps="marts.fct_lap_times", ms="lap_time_ms")
        return connection.execute(query).fetchall()


def duckdb_parquet(raw: Path, data: Path) -> list[Row]:
    """The Parquet files with DuckDB."""
    import duckdb

    results, laps = (f"'{data}/parquet/{name}.parquet'" for name in ("results", "lap_times"))
    return duckdb.execute(SQL.format(results=results, laps=laps, ms="milliseconds")).fetchall()


def polars_parquet(raw: Path, data: Path) -> list[Row]:
    """The Parquet files with Polars."""
    import polars as pl

    points = (
        pl.scan_parquet(data / "parquet/results.parquet", glob=False)
        .group_by("driver_id")
        .agg(pl.sum("points"))
    )
    by_driver = pl.scan_parquet(data / "parquet/lap_times.parquet", glob=False).group_by("driver_id")
    laps = by_driver.agg(pl.len().alias("laps"), pl.col("milliseconds").cast(pl.Int64).sum().alias("ms"))
    table = points.join(laps, on="driver_id", how="left").fill_null(0)
    return table.sort(["points", "driver_id"], descending=[True, False]).collect(engine="streaming").rows()


WAYS = {way.__name__: way for way in (pandas, pandas_pyarrow, warehouse, duckdb_parquet, polars_parquet)}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("raw", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("answer", type=Path)
    options = parser.parse_args()
    rows = WAYS[options.way](options.raw, options.data)
    options.answer.write_text(
        "".join(f"{int(driver)} {points:.2f} {int(laps)} {int(ms)}\n" for driver, points, laps, ms in rows),
        encoding="utf-8",
    )
