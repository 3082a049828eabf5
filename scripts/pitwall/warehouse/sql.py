"""Names, texts and paths as SQL writes them."""

import re


def identifier(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def glob_pattern(path: object) -> str:
    """A path for a function of DuckDB that reads files: `*`, `?` and `[` in it are no wildcards."""
    return re.sub(r"[\[*?]", r"[\g<0>]", str(path))


def literal(text: object) -> str:
    """A text, or a path, as an SQL string."""
    return "'" + str(text).replace("'", "''") + "'"
