"""`make shell` reads the warehouse in SQL: from a pipe or a terminal, with one line for each error."""

import fcntl
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

import duckdb
import pytest
from conftest import ROOT, SCRIPTS

import shell

QUESTIONS = len(shell.examples())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a warehouse of one table."""
    write(tmp_path / "warehouse.duckdb", "Senna")
    return tmp_path


def write(warehouse: Path, name: str) -> None:
    with duckdb.connect(warehouse) as connection:
        connection.execute("create schema marts")
        connection.execute(
            f"create table marts.dim_drivers as select 1 as driver_id, '{name}' as driver_name"
        )


def piped(data: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Run the shell with a text from a pipe."""
    return subprocess.run(
        [sys.executable, SCRIPTS / "shell.py"],
        cwd=ROOT,
        env={**os.environ, "PITWALL_DATA": str(data)},
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("select 1 as a, null as b;\n", "a  b\n-  ----\n1  NULL\n"),
        ("select 'ä;' as x\n;\n-- a comment;\nselect 2 as y", "x\n--\nä;\ny\n-\n2\n"),
        ("select 1 as a; select 10 as b; -- both\n", "a\n-\n1\n b\n--\n10\n"),
        ("from dim_drivers;\n", "driver_id  driver_name\n---------  -----------\n        1  Senna\n"),
        (".tables\n", "table_name         rows\n-----------------  ----\nmarts.dim_drivers     1\n"),
        (".schema dim_drivers\n.quit\nselect 1;\n", "column_name  column_type\n"),
        ("set threads = 1;\n", ""),
        (".help\n", shell.HELP),
    ],
)
def test_statements_come_from_a_pipe(data: Path, text: str, output: str) -> None:
    result = piped(data, text)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(output)
    assert (result.stdout == "") == (output == "")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("select 1 as a;\nfrom no_such;\nselect 2 as b;\n", r"Catalog Error: .*no_such does not exist!"),
        ("select;\n", r"Parser Error: .+"),
        ("drop table marts.dim_drivers;\n", r"Invalid Input Error: .*read-only.*"),
        (".no_such\n", r"\.no_such: no such command; \.help lists them"),
        (f".run {QUESTIONS + 1}\n", r"\.run .*"),
        (".schema\n", r"\.schema.*"),
    ],
)
def test_an_error_is_one_line_and_ends_a_pipe(data: Path, text: str, error: str) -> None:
    result = piped(data, text)
    assert (result.returncode, result.stdout.count("b\n")) == (2, 0)
    assert re.fullmatch(f"shell: {error}\n", result.stderr)


def test_without_a_warehouse_it_says_what_to_do(tmp_path: Path) -> None:
    result = piped(tmp_path, "select 1;\n")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        f"shell: {tmp_path}/warehouse.duckdb: there is no warehouse yet; run `make build` first\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("variables", [{}, {"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}])
def test_a_pipe_is_read_as_utf_8(data: Path, variables: dict[str, str]) -> None:
    command = [sys.executable, SCRIPTS / "shell.py"]
    environment = {**os.environ, "PITWALL_DATA": str(data), **variables}
    for text, code, out, error in (
        ("\ufeffselect length('é') as n;\n".encode(), 0, b"n\n-\n1\n", b""),
        (b"select length('\xff') as n;\n", 2, b"", b"shell: the input is not UTF-8 text\n"),
    ):
        result = subprocess.run(command, env=environment, input=text, capture_output=True)
        assert (result.returncode, result.stdout, result.stderr) == (code, out, error)


def test_without_an_input_it_ends(data: Path) -> None:
    command = ["sh", "-c", 'exec "$1" scripts/shell.py <&-', "sh", sys.executable]
    result = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PITWALL_DATA": str(data)}, capture_output=True
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def test_a_program_that_writes_is_named(data: Path) -> None:
    with duckdb.connect(data / "warehouse.duckdb"):
        result = piped(data, "select 1;\n")
    assert result.returncode == 2
    assert f"(PID {os.getpid()}) has it open; end that program, then start again" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_file_that_is_no_warehouse_is_reported_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "warehouse.duckdb").write_text("no database")
    result = piped(tmp_path, "select 1;\n")
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.startswith(f"shell: {tmp_path}/warehouse.duckdb: ")


def test_a_new_warehouse_is_read_at_once(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A build renames a new file over the old one, which the open shell does not prevent."""
    warehouse = data / "warehouse.duckdb"
    open_shell = shell.Shell(warehouse, is_terminal=False)
    open_shell.query("from dim_drivers")
    write(data / "new.duckdb", "Prost")
    (data / "new.duckdb").rename(warehouse)
    open_shell.query("from dim_drivers")
    output = capsys.readouterr().out
    assert output.index("Senna") < output.index("built again") < output.index("Prost")


def test_deleted_rows_are_not_counted(data: Path) -> None:
    """An incremental build deletes rows, and DuckDB's own estimate goes on counting them."""
    with duckdb.connect(data / "warehouse.duckdb") as connection:
        connection.execute("insert into marts.dim_drivers select range, 'x' from range(2, 50)")
        connection.execute("checkpoint")
        connection.execute("delete from marts.dim_drivers where driver_id > 5")
    assert "marts.dim_drivers     5\n" in piped(data, ".tables\n").stdout


def test_a_terminal_shows_the_first_rows(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for is_terminal, lines in ((True, shell.ROWS + 3), (False, 1002)):
        shell.Shell(data / "warehouse.duckdb", is_terminal=is_terminal).query("from range(1000)")
        output = capsys.readouterr().out
        assert output.count("\n") == lines
        assert ("there are more" in output) == is_terminal


def test_a_terminal_goes_on_after_an_error(data: Path) -> None:
    """Ctrl-C drops the line, Ctrl-D ends. The history is in the data folder, and nowhere else."""
    (data / ".build").mkdir()  # as every build does
    main, other = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, SCRIPTS / "shell.py"],
        cwd=ROOT,
        env={**os.environ, "PITWALL_DATA": str(data), "HOME": str(data), "TERM": "dumb"},
        stdin=other,
        stdout=other,
        stderr=other,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that Ctrl-C reaches the shell
    )
    os.close(other)
    seen = ""

    def type_in(keys: str, until: str) -> None:
        nonlocal seen
        time.sleep(0.5)  # readline prints a prompt shortly before it waits for keys
        os.write(main, keys.encode())
        start = len(seen)
        while until not in seen[start:]:
            assert select.select([main], [], [], 20)[0], f"no {until!r} after {keys!r}: {seen!r}"
            seen += os.read(main, 4096).decode()

    type_in("", "pitwall> ")
    type_in("from no_such;\n", "no_such does not exist!\r\npitwall> ")
    type_in("select 1\n", "-> ")
    type_in("\x03", "pitwall> ")
    type_in("select 40 + 2 as answer;\n", "    42\r\npitwall> ")
    type_in("\x04", "")
    assert process.wait(30) == 0
    os.close(main)
    assert {path.name for path in data.iterdir()} == {"warehouse.duckdb", ".build"}
    assert "answer" in (data / ".build" / "shell_history").read_text(encoding="utf-8")


def test_every_question_runs(simulated_warehouse: Path) -> None:
    """The questions are those of the README and of analyses/: there is no copy."""
    assert len(list((ROOT / "analyses").glob("*.sql"))) + 3 == QUESTIONS
    text = ".examples\n" + "".join(f".run {number}\n" for number in range(1, QUESTIONS + 1))
    result = piped(simulated_warehouse.parent, text)
    assert (result.returncode, result.stderr) == (0, "")
    for question, _ in shell.examples():
        assert result.stdout.count(question) == 2
