"""A PostgreSQL cluster for the tests, in a temporary folder and on a free loopback port."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PASSWORD = "correct-horse"
# Not UTC, so that a test notices a time in the zone of the server.
ZONE = "Asia/Tokyo"


@dataclass(frozen=True)
class Server:
    """A running cluster. Its user `pitwall` can create databases; each test gets one."""

    port: int
    folder: Path

    def environment(self, database: str, user: str = "pitwall") -> dict[str, str]:
        """The variables with which a client connects to the database."""
        return {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": user,
            "PGPASSWORD": PASSWORD,
            "PGDATABASE": database,
        }

    def connect(self, database: str = "postgres", user: str = "pitwall") -> Any:
        """A connection on which each statement commits by itself."""
        import psycopg2

        connection = psycopg2.connect(
            host="127.0.0.1", port=self.port, user=user, password=PASSWORD, dbname=database
        )
        connection.autocommit = True
        return connection

    def sql(self, statement: str, database: str = "postgres", user: str = "pitwall") -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        with closing(self.connect(database, user)) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []


def programs() -> Path | None:
    """The folder with initdb and pg_ctl; None if PostgreSQL is not installed."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -float(path.parent.name))
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def as_user(command: list[str | Path]) -> list[str | Path]:
    """The command; for root, as the user `postgres`: PostgreSQL refuses to run as root."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


@contextmanager
def running_server() -> Iterator[Server]:
    """Create and start a cluster; always stop and delete it at the end."""
    binaries = programs()
    # Not in pytest's folders: the user `postgres` cannot enter them, and the path of a socket must be short.
    folder = Path(tempfile.mkdtemp(prefix="pitwall-postgres-"))
    try:
        password = folder / "password"
        password.write_text(PASSWORD)
        if os.geteuid() == 0:
            for path in (folder, password):
                shutil.chown(path, "postgres", "postgres")
        options = ["--locale=C.UTF-8", "--auth=scram-sha-256", "--username=postgres", "--no-sync"]
        control = [binaries / "pg_ctl", "--pgdata", folder / "data", "--wait", "--silent"]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c timezone={ZONE}"
        initdb = [binaries / "initdb", "--pgdata", folder / "data", f"--pwfile={password}", *options]
        run_quietly(as_user(initdb))
        run_quietly(as_user([*control, "--log", folder / "log", "--options", settings, "start"]))
        try:
            server = Server(port, folder)
            server.sql(f"create role pitwall login createdb password '{PASSWORD}'", user="postgres")
            yield server
        finally:
            run_quietly(as_user([*control, "--mode", "immediate", "stop"]))
    finally:
        shutil.rmtree(folder)


def run_quietly(command: list[str | Path]) -> None:
    """Run a command in a folder that all users can enter. Raises RuntimeError with its output if it fails."""
    result = subprocess.run(
        command,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if result.returncode:
        raise RuntimeError(f"{command}: exit code {result.returncode}\n{result.stdout}")
