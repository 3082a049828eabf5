"""What each engine needs besides its Python packages: Java, or a server that answers.

It is checked before anything is installed, so this module uses the standard library only.
"""

import os
import re
import shlex
import shutil
import socket
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from pitwall.command import ROOT, PlainError

OLDEST_JAVA = 17
SECONDS_TO_ANSWER = 10
# Values for which libpq has no default of its own, or another one; profiles.yml has the same.
POSTGRES_DEFAULTS = {
    "PGHOST": "localhost",
    "PGPORT": "5432",
    "PGUSER": "pitwall",
    "PGDATABASE": "pitwall",
    "PGCONNECT_TIMEOUT": "10",
}


class NotAvailable(PlainError):
    """The engine is not available here: a package, a program or a server is missing. Nothing is broken."""


def check_needs(engine: str) -> None:
    """Raise PlainError if there is no such engine, or if what it needs outside of Python is missing."""
    if engine not in ENGINES:
        raise PlainError(f"ENGINE={engine}: there is no such engine; name one of {', '.join(ENGINES)}")
    ENGINES[engine]()


def connection_settings() -> dict[str, str]:
    """The environment variables that name the PostgreSQL database, with the defaults of those not set.

    The password is not among them.
    """
    return {name: os.environ.get(name) or default for name, default in POSTGRES_DEFAULTS.items()}


def database_name() -> str:
    """What messages call the PostgreSQL database."""
    settings = connection_settings()
    return f"PostgreSQL database {settings['PGDATABASE']} at {settings['PGHOST']}:{settings['PGPORT']}"


def connection_hint(reason: str) -> str:
    """What to do about a PostgreSQL server that refuses a connection."""
    settings = connection_settings()
    user, database = shlex.quote(settings["PGUSER"]), shlex.quote(settings["PGDATABASE"])
    new_user = f"`createuser --pwprompt {user}`"
    new_database = f"`createdb --owner {user} {database}`"
    page = "(docs/from-laptop-to-cloud.md, PostgreSQL)"
    if "does not exist" in reason and "role" in reason:
        return f"Create it and its database as an administrator: {new_user}, {new_database} {page}"
    if "does not exist" in reason and "database" in reason:
        return f"Create it as an administrator: {new_database}, or name another with PGDATABASE {page}"
    if "password" in reason or "authentication failed" in reason or "pg_hba" in reason:
        return f"Set PGUSER and PGPASSWORD; an administrator creates a new user: {new_user} {page}"
    if any(word in reason for word in ("refused", "timeout", "timed out", "translate", "No such file")):
        return f"Start the server, or set PGHOST and PGPORT to where it is {page}"
    return f"Check that PGHOST and PGPORT name a PostgreSQL server {page}"


def check_postgres() -> None:
    """Raise NotAvailable if nothing listens at PGHOST and PGPORT."""
    settings = connection_settings()
    host, port = os.environ.get("PGHOSTADDR") or settings["PGHOST"], settings["PGPORT"]
    if "," in host + port:
        return  # libpq tries several servers in turn
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise NotAvailable(f"postgres: PGPORT={port} is no port; set it to that of the server, usually 5432")
    try:
        if host.startswith("/"):
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(SECONDS_TO_ANSWER)
                probe.connect(f"{host}/.s.PGSQL.{port}")
        else:
            socket.create_connection((host, int(port)), SECONDS_TO_ANSWER).close()
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise NotAvailable(
            f"{database_name()}: {why}. Start the server, or set PGHOST and PGPORT to where it is "
            "(docs/from-laptop-to-cloud.md, PostgreSQL)"
        ) from None


def spark_settings() -> Path:
    """The folder of Spark's settings. It may not exist."""
    return Path(os.environ.get("SPARK_CONF_DIR") or ROOT / "spark")


def check_spark() -> None:
    """Raise PlainError if Spark cannot start here, or the server in its settings does not answer."""
    if remote := os.environ.get("SPARK_REMOTE"):
        check_answers("SPARK_REMOTE", remote, "sc", 15002)
        return
    check_java()
    options = read_settings(spark_settings() / "spark-defaults.conf")
    master = options.get("spark.master", "")
    if master.startswith("spark://"):
        check_answers("spark.master", master, "spark", 7077)
    if port := int(options.get("spark.driver.port", 0)):
        check_free(options.get("spark.driver.bindAddress", "127.0.0.1"), port)


def check_java() -> None:
    """Raise NotAvailable if there is no Java, PlainError if it is too old or does not run."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if not java or not Path(java).is_file():
        where = f"JAVA_HOME={home} has no bin/java" if home else "no java in PATH, and JAVA_HOME is not set"
        raise NotAvailable(
            f"spark: {where}; install Java {OLDEST_JAVA} or later (on Debian: default-jre-headless)"
        )
    try:
        result = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60)
        output, code = result.stderr + result.stdout, result.returncode
    except (OSError, subprocess.TimeoutExpired) as error:
        output, code = str(error), 1
    found = re.search(r'version "(?:1\.)?(\d+)', output)
    if code or not found:
        first = output.strip().partition("\n")[0] or f"exit code {code}"
        raise PlainError(f"spark: {java} does not run ({first}); install another or set JAVA_HOME")
    if int(found[1]) < OLDEST_JAVA:
        raise PlainError(
            f"spark: {java} is Java {found[1]}, Spark needs {OLDEST_JAVA}; install it or set JAVA_HOME"
        )


def read_settings(file: Path) -> dict[str, str]:
    """The settings of a spark-defaults.conf. Raises PlainError if there is no such file."""
    if not file.is_file():
        raise PlainError(f"{file}: no such file; SPARK_CONF_DIR must name a folder with Spark's settings")
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    pairs = (re.split(r"[\s=]+", line, maxsplit=1) for line in lines if line and not line.startswith("#"))
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def check_answers(setting: str, address: str, scheme: str, usual_port: int) -> None:
    """Raise PlainError if no server answers at the address, `scheme://host:port`, in the setting."""
    url = urlsplit(address)
    try:
        if url.scheme != scheme or not url.hostname:
            raise ValueError
        port = url.port or usual_port
    except ValueError:
        raise PlainError(f"{setting}: is no address of the form {scheme}://host:{usual_port}") from None
    try:
        socket.create_connection((url.hostname, port), SECONDS_TO_ANSWER).close()
    except OSError as error:
        why = error.strerror or error
        raise PlainError(
            f"{setting}: {url.hostname}:{port} does not answer ({why}); start the server, or name another"
        ) from None


def check_free(address: str, port: int) -> None:
    """Raise PlainError if another program listens on the port."""
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError as error:
        raise PlainError(
            f"spark.driver.port {port}: {error.strerror} on {address}; end the program that uses it, "
            "or name another port"
        ) from None


# What checks each engine. DuckDB is a Python package and needs nothing else.
ENGINES = {"duckdb": lambda: None, "postgres": check_postgres, "spark": check_spark}
