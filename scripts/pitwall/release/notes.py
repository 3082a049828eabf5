"""`NOTES.md`: what a release has, and what changed since the last one."""

from collections.abc import Sequence

from pitwall.release.changes import Changes

FILE = "NOTES.md"
LISTED = 100  # how many revised results the notes have at most


def render(version: str, contents: str, changes: Changes, sizes: Sequence[tuple[str, int, float]]) -> str:
    """The notes as Markdown.

    Args:
        version: the version of the release.
        contents: what the data are, in a few words.
        changes: what changed since the last release.
        sizes: of each kind of file: its name, how many files, and how many MB they have.
    """
    lines = [f"# Pitwall data, {version}", "", f"Contents: {contents}.", ""]
    lines += table_of(
        ["kind", "files", "MB"], [[kind, f"{files}", f"{mb:,.1f}"] for kind, files, mb in sizes]
    )
    if changes.last and changes.why_not:
        lines += ["", f"Not compared with the release {changes.last}. {changes.why_not}"]
    elif changes.last:
        lines += ["", f"## Changes since {changes.last}", "", *what_changed(changes)]
    else:
        lines += ["", "There is no earlier release to compare with."]
    lines += ["", "## Rows", ""]
    if changes.is_compared:
        lines += [
            "Rows are paired by their primary key. A changed row has another value in a column that both "
            "releases have.",
            "",
        ]
        header = ["table", "rows", "added", "removed", "changed", "remark"]
        cells = [[f"`{table.name}`", *map(number, table.counts), table.remark] for table in changes.tables]
    else:
        header = ["table", "rows"]
        cells = [[f"`{table.name}`", number(table.rows)] for table in changes.tables]
    return "\n".join([*lines, *table_of(header, cells)]) + "\n"


def what_changed(changes: Changes) -> list[str]:
    """New races, revised results and lost tables, as Markdown."""
    if changes.is_nothing:
        return ["Nothing: all tables have the same rows."]
    lines = [f"New races: {', '.join(changes.races) or 'none'}."]
    if changes.removed:
        lines += ["", f"No longer there: {', '.join(f'`{name}`' for name in changes.removed)}."]
    if not changes.revised:
        return [*lines, "", "Revised results of races that both releases have: none."]
    header = ["race", "session", "driver", "revised", "was", "is"]
    lines += ["", "Revised results of races that both releases have:", ""]
    lines += table_of(header, [list(each) for each in changes.revised[:LISTED]])
    if len(changes.revised) > LISTED:
        lines += ["", f"These are the first {LISTED} of {len(changes.revised):,}."]
    return lines


def number(value: int | None) -> str:
    """A number of rows; an empty cell if it is not known."""
    return "" if value is None else f"{value:,}"


def table_of(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table, line by line."""
    cells = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells]
