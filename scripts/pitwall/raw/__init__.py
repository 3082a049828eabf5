"""Raw data: from CSV files to typed, checked Parquet, in the data folder or in a lake."""
