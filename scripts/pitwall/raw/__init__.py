"""Raw data: from CSV files to typed, checked Parquet, in the data folder or in a lake."""

from pitwall.command import require

require("polars", "tqdm", "yaml")
