"""The warehouse as Parquet files of Spark: in `spark/current` of the data folder, by schema and table."""

import os
import re
import shutil
import socket
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import polars
import pyspark  # noqa: F401  told here if it is missing, not by dbt
from data_folder import PlainError
from warehouse import NotAvailable, Warehouse

ROOT = Path(__file__).resolve().parent.parent
OLDEST_JAVA = 17
SECONDS_TO_ANSWER = 10


class SparkWarehouse(Warehouse):
    """Builds into a new folder, tables and catalog, and turns the link `current` to it.

    A catalog has the whole paths of its tables, so a folder keeps its name once it is built. Whoever has a
    query running on the last warehouse still finds its files: the next build takes them away.
    """

    target = "spark"

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self.folder = data / "spark"
        self.final = self.folder / "current"
        self.aside = self.folder / f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"

    def __str__(self) -> str:
        return str(self.final)

    def exists(self) -> bool:
        return self.final.exists()

    def begin(self) -> dict[str, str]:
        settings = Path(os.environ.get("SPARK_CONF_DIR") or ROOT / "spark")
        check_spark(settings)
        if self.final.is_dir() and not self.final.is_symlink():
            raise PlainError(f"{self.final}: is no link that a build made; move it away, start again")
        last = self.final.resolve() if self.exists() else None
        for leftover in self.folder.glob("2*"):
            if leftover.resolve() != last:
                shutil.rmtree(leftover)
        self.aside.mkdir(parents=True)
        return {"SPARK_CONF_DIR": str(settings), "PITWALL_SPARK": str(self.aside.absolute())}

    def kept(self) -> str:
        return str(self.aside) if any(self.aside.glob("*.db")) else ""

    def commit(self) -> tuple[int, int]:
        tables = list((self.aside / "marts.db").iterdir())
        rows = [
            polars.scan_parquet(table / "*.parquet").select(polars.len()).collect().item() for table in tables
        ]
        link = self.folder / "current.new"
        link.unlink(missing_ok=True)
        link.symlink_to(self.aside.name)
        link.replace(self.final)
        return len(tables), sum(rows)

    def export(self, folder: Path) -> None:
        """Copy marts and quality as Parquet, `schema/table/*.parquet`, into a folder that is made."""
        for schema in ("marts", "quality"):
            shutil.copytree(self.final / f"{schema}.db", folder / schema)


def check_spark(settings: Path) -> None:
    """Raise PlainError if Spark cannot start, or the cluster that it is told to use does not answer."""
    if remote := os.environ.get("SPARK_REMOTE"):
        check_answers(f"SPARK_REMOTE={remote}", remote, "sc", 15002)
        return
    check_java()
    options = read_settings(settings / "spark-defaults.conf")
    master = options.get("spark.master", "")
    if master.startswith("spark://"):
        check_answers(f"spark.master {master}", master, "spark", 7077)
    if port := int(options.get("spark.driver.port", 0)):
        check_free(options.get("spark.driver.bindAddress", "127.0.0.1"), port)


def check_java() -> None:
    """Raise NotAvailable without a Java, PlainError if it is too old or does not run."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if not java or not Path(java).is_file():
        where = f"JAVA_HOME={home} has no bin/java" if home else "no java in PATH, and JAVA_HOME is not set"
        raise NotAvailable(
            f"spark: {where}; install Java {OLDEST_JAVA} or later (on Debian: default-jre-headless)"
        )
    try:
        result = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60)
        said, code = result.stderr + result.stdout, result.returncode
    except (OSError, subprocess.TimeoutExpired) as error:
        said, code = str(error), 1
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    if code or not found:
        first = said.strip().partition("\n")[0] or f"exit code {code}"
        raise PlainError(f"spark: {java} does not run ({first}); install another or set JAVA_HOME")
    if int(found[1]) < OLDEST_JAVA:
        raise PlainError(
            f"spark: {java} is Java {found[1]}, Spark needs {OLDEST_JAVA}; install it or set JAVA_HOME"
        )


def read_settings(file: Path) -> dict[str, str]:
    """The settings of a spark-defaults.conf. Raises PlainError if there is none."""
    if not file.is_file():
        raise PlainError(f"{file}: no such file; SPARK_CONF_DIR is a folder with Spark's settings")
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    pairs = (re.split(r"[\s=]+", line, maxsplit=1) for line in lines if line and not line.startswith("#"))
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def check_answers(what: str, address: str, scheme: str, usual_port: int) -> None:
    """Raise PlainError if nobody listens at `scheme://host:port`."""
    url = urlsplit(address)
    try:
        if url.scheme != scheme or not url.hostname:
            raise ValueError
        port = url.port or usual_port
    except ValueError:
        raise PlainError(f"{what}: is no address; it looks like {scheme}://host:{usual_port}") from None
    try:
        socket.create_connection((url.hostname, port), SECONDS_TO_ANSWER).close()
    except OSError as error:
        why = error.strerror or error
        raise PlainError(f"{what}: does not answer ({why}); start it, or name another") from None


def check_free(address: str, port: int) -> None:
    """Raise PlainError if another program listens on the port."""
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError as error:
        raise PlainError(
            f"spark.driver.port {port}: {error.strerror} on {address}; free it, or name another"
        ) from None
