"""Files to take away, made from a built warehouse: Parquet, CSV, DuckDB, SQLite, and what describes them."""
