"""Names and texts as SQL writes them."""


def identifier(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: object) -> str:
    """A text, or a path, as an SQL string."""
    return "'" + str(text).replace("'", "''") + "'"
