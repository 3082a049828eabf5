"""The warehouse: what dbt builds from the Parquet files, on DuckDB, PostgreSQL or Spark."""
