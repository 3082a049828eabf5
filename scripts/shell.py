#!/usr/bin/env python3
"""Query the warehouse in SQL: an interactive shell that only reads.

It reads statements from the terminal or from a pipe: `echo 'from dim_seasons;' | make shell`. A statement may
have several lines and ends with a semicolon. If the warehouse was built again, the next statement reads the
new one.
"""

import argparse
import io
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pitwall.command import ROOT, Parser, PlainError, exit_code, first_line, printable, require
from pitwall.data_folder import data_folder

require("duckdb")

import duckdb  # noqa: E402

from pitwall.warehouse.opening import unreadable  # noqa: E402

HELP = """\
.tables      list the tables with their number of rows
.schema T    list the columns of table T with their types
.examples    list the questions of the README and of analyses/
.run N       show the SQL of question N, and its answer
.quit        end, as Ctrl-D does
A statement ends with a semicolon. Ctrl-C drops it, or stops it."""
# Tables of these schemas need no schema before their name.
SCHEMAS = ("main", "marts", "quality", "snapshots", "seeds")
# In a terminal, more rows would push the first ones out of sight.
ROWS = 100


def examples() -> list[tuple[str, str]]:
    """The questions of the README and of analyses/, each with its SQL."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = [
        (each[1], each[2])
        for each in re.finditer(r"\*\*([^*]+\?)\*\*[^`]*```sql\n(.+?)```", readme, re.DOTALL)
    ]
    for path in sorted((ROOT / "analyses").glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        sql = re.sub(r"^(--.*\n)+", "", text)
        question = text.partition("\n")[0].removeprefix("-- ")
        found.append((question, re.sub(r"{{ ref\('(\w+)'\) }}", r"\1", sql)))
    return found


def is_complete(text: str) -> bool:
    """Whether the text ends with a semicolon, outside of strings and comments."""
    tokens = [offset for offset, kind in duckdb.tokenize(text) if kind != duckdb.token_type.comment]
    return bool(tokens) and text.encode()[tokens[-1] :].startswith(b";")


def table(names: list[str], rows: list[tuple[object, ...]]) -> str:
    """Rows as text, in columns: numbers to the right, NULL by its name."""
    cells = [["NULL" if value is None else printable(str(value)) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    to_the_right = [
        all(isinstance(row[index], int | float) or hasattr(row[index], "as_tuple") for row in rows)
        for index in range(len(names))
    ]
    lines = [names, ["-" * width for width in widths], *cells]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, to_the_right, strict=True)
        ).rstrip()
        for line in lines
    )


class Shell:
    """The warehouse, open for reading, and what a user can ask it."""

    def __init__(self, warehouse: Path, *, is_terminal: bool) -> None:
        self.warehouse = warehouse
        self.is_terminal = is_terminal
        self.connection: duckdb.DuckDBPyConnection | None = None
        self.opened: tuple[int, int] | None = None
        self.connect()

    def connect(self) -> duckdb.DuckDBPyConnection:
        """The connection; a new one if the file is another than the one that is open."""
        try:
            status = self.warehouse.stat()
        except FileNotFoundError:
            raise PlainError(f"{self.warehouse}: there is no warehouse yet; run `make build` first") from None
        version = (status.st_ino, status.st_mtime_ns)
        if self.connection is None or version != self.opened:
            if self.connection is not None:
                self.connection.close()
                self.connection = None
                print("The warehouse was built again. This is the new one; temporary tables are gone.")
            try:
                self.connection = duckdb.connect(self.warehouse, read_only=True)
            except duckdb.Error as error:
                raise unreadable(self.warehouse, error) from None
            rows = self.connection.execute("select schema_name from duckdb_schemas()").fetchall()
            there = [name for name in SCHEMAS if (name,) in rows]
            self.connection.execute(f"set search_path = '{','.join(there)}'")
            self.opened = version
        return self.connection

    def query(self, sql: str) -> None:
        """Run one statement or several, and print each result."""
        connection = self.connect()
        for statement in duckdb.extract_statements(sql):
            result = connection.execute(statement)
            names = [column[0] for column in result.description or []]
            rows = result.fetchmany(ROWS + 1) if self.is_terminal else result.fetchall()
            if names and names != ["Success"]:
                print(table(names, rows[:ROWS] if self.is_terminal else rows))
            if self.is_terminal and len(rows) > ROWS:
                print(f"... the first {ROWS} rows; there are more")

    def command(self, line: str) -> None:
        """Run a command that starts with a dot."""
        name, _, argument = line.strip().rstrip(";").partition(" ")
        argument = argument.strip()
        if name in (".quit", ".exit"):
            raise EOFError
        if name == ".help":
            print(HELP)
        elif name == ".tables":
            # DuckDB's estimated_size also counts rows that an incremental build deleted.
            tables = (
                self.connect()
                .execute(
                    "select schema_name, table_name from duckdb_tables() "
                    f"where schema_name in {SCHEMAS} order by all"
                )
                .fetchall()
            )
            counts = [
                f'select \'{schema}.{table}\' as table_name, count(*) as rows from "{schema}"."{table}"'
                for schema, table in tables
            ]
            if counts:
                self.query(f"from ({' union all '.join(counts)}) order by all")
        elif name in (".schema", ".describe") and argument:
            self.query(f"select column_name, column_type from (describe {argument})")
        elif name == ".examples":
            print("\n".join(f"{number:3}  {question}" for number, (question, _) in enumerate(examples(), 1)))
        elif name == ".run" and argument.isdecimal() and 1 <= int(argument) <= len(examples()):
            question, sql = examples()[int(argument) - 1]
            print(f"{question}\n\n{sql.rstrip()}\n")
            self.query(sql)
        else:
            raise PlainError(f"{line.strip()}: no such command; .help lists them")

    def read(self, next_line: Callable[[str], str]) -> None:
        """Read and run statements until the input ends.

        Raises:
            PlainError: a statement from a pipe failed. In a terminal the error is only printed.
        """
        text = ""
        while True:
            try:
                try:
                    line = next_line("     -> " if text else "pitwall> ")
                except EOFError:
                    if text.strip() and not self.is_terminal:
                        self.query(text)
                    return
                if not text and line.lstrip().startswith("."):
                    self.command(line)
                    continue
                text += f"{line}\n"
                if is_complete(text):
                    sql, text = text, ""
                    self.query(sql)
                elif not text.strip():
                    text = ""
            except EOFError:
                return
            except KeyboardInterrupt:
                text = ""
                print()
            except (PlainError, duckdb.Error) as error:
                if not self.is_terminal:
                    raise PlainError(first_line(error)) from None
                print(printable(first_line(error)), file=sys.stderr)


def remember_lines(history: Path) -> None:
    """Let the arrow keys bring back lines, also those of the last time."""
    with suppress(ImportError, OSError):  # a Python without readline, or a folder that cannot be written
        import atexit
        import readline

        if history.exists():
            readline.read_history_file(history)
        readline.set_history_length(1000)
        atexit.register(lambda: readline.write_history_file(history))


def from_pipe(_prompt: str) -> str:
    """The next line of a pipe or a file."""
    try:
        line = sys.stdin.readline()
    except UnicodeDecodeError:
        raise PlainError("the input is not UTF-8 text") from None
    if not line:
        raise EOFError
    return line.rstrip("\n")


def main() -> int:
    """The command line. Returns the exit code: 0 done, 2 failed with one line on stderr."""
    parser = Parser(description=__doc__, epilog=HELP, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    data = data_folder()

    def action() -> None:
        is_terminal = sys.stdin.isatty()
        if not is_terminal and isinstance(sys.stdin, io.TextIOWrapper):
            # In another encoding, it would be another question.
            sys.stdin.reconfigure(encoding="utf-8-sig", errors="strict")
        shell = Shell(data / "warehouse.duckdb", is_terminal=is_terminal)
        if is_terminal:
            if (data / ".build").is_dir():  # a build made it
                remember_lines(data / ".build" / "shell_history")
            print(
                f"{data / 'warehouse.duckdb'}, for reading. .examples lists questions, .help lists commands."
            )
        shell.read(input if is_terminal else from_pipe)

    return exit_code("shell", action, data, is_answer=True)


if __name__ == "__main__":
    sys.exit(main())
