"""Names, texts and paths as SQL writes them."""

import re
from pathlib import Path


def identifier(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: object) -> str:
    """A text, or a path, as an SQL string."""
    return "'" + str(text).replace("'", "''") + "'"


def file_pattern(path: Path) -> str:
    """A path as DuckDB's read_parquet() takes it: as a pattern that matches only this path."""
    return re.sub(r"([\[*?])", r"[\1]", str(path))
