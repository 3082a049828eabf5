"""The warehouse: what dbt builds from the Parquet files, on DuckDB, PostgreSQL or Spark."""

from pitwall.command import require

require("dbt", "duckdb", "polars")
