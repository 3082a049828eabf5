#!/usr/bin/env python3
"""Install the packages that requirements/SET.txt locks, in the environment of this Python.

A copy of the lock file in the environment records that they are installed. An installation that was cut short
is completed. The Makefile runs this; it needs no package but pip.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from pitwall.command import ROOT, Parser, PlainError, exit_code

LOCKS = ROOT / "requirements"
# Install here, whatever pip's configuration files say for other projects. An empty prefix or root would mean
# the current folder.
HERE = [
    "--no-user",
    "--target=",
    f"--prefix={sys.prefix}",
    "--root=/",
    "--no-binary=:none:",
    "--only-binary=:none:",
]
# In environments of their own: .venv-airflow, .venv-mlflow. `pip` installs the others.
ALONE = ("airflow", "mlflow", "pip")
# What pip writes into its log about an index, or a file of it, that it cannot fetch.
NOT_FETCHED = re.compile(r"Could not fetch URL (?P<url>\S+): (?P<why>.+) - skipping")
BROKEN = re.compile(r"HTTPS?ConnectionPool\(host='(?P<host>[^']+)'.*?\): (?P<why>.+)")
REASON = re.compile(
    r"(?<=\] )[A-Z][\w ]+|certificate verify failed|timed out|Cannot connect to proxy|\d{3} \w+ Error"
)


def remove_unfinished(packages: Path) -> None:
    """Remove what an installation left that was cut short, so that pip installs these packages again.

    pip writes the RECORD of a package last, and takes any folder *.dist-info for an installed package.
    """
    for folder in packages.glob("*.dist-info"):
        if not (folder / "RECORD").is_file():
            shutil.rmtree(folder)
    for leftover in packages.glob("~*"):
        shutil.rmtree(leftover)
    if not any(packages.glob("pip-*.dist-info")):
        subprocess.run([sys.executable, "-m", "ensurepip"], stdout=subprocess.DEVNULL)


def host(url: str) -> str:
    """The host and the port of an address, without a user or a password."""
    return urlsplit(url).netloc.rpartition("@")[2] or url


def failure(printed: str, log: str) -> str:
    """Why pip failed, in one line.

    Args:
        printed: what pip printed on stderr.
        log: its log, which has more.
    """
    errors = re.findall(r"(?m)^ERROR: (.+)$", printed)
    lacking = [error for error in errors if error.startswith("No matching distribution")]
    where, why = "", ""
    if lacking:
        # 404: the index answers, and does not have the package.
        failed = [match for match in NOT_FETCHED.finditer(log) if "404 Client Error" not in match["why"]]
        if failed:
            where, why = host(failed[-1]["url"]), failed[-1]["why"]
    elif match := BROKEN.search(printed):
        where, why = match["host"], match["why"]
    if where:
        match = REASON.search(why)
        return (
            f"the package index {where} cannot be reached{f' ({match[0].strip()})' if match else ''}; check "
            "the network, or name another index with PIP_INDEX_URL, then start again"
        )
    if lacking and not os.environ.get("PIP_NO_INDEX"):
        listed = re.search(r"Looking in indexes: (.+)", log)
        hosts = ", ".join(map(host, listed[1].split(", "))) if listed else "the default index"
        return f"{lacking[0]} at {hosts}; name an index that has it with PIP_INDEX_URL, then start again"
    return (lacking or errors or printed.splitlines() or ["pip failed and printed nothing"])[0]


def included(name: str) -> list[str]:
    """The sets that are installed with a set. `all` includes every other one."""
    if name in ALONE:
        return [name]
    if name == "all":
        return [path.stem for path in LOCKS.glob("*.txt") if path.stem not in ALONE]
    return ["core", name, *(["metrics"] if name == "dev" else [])]


def pip_install(lock: Path, log: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Install the packages of a lock file with the pip of this environment.

    Args:
        lock: the lock file, with hashes.
        log: the file for pip's log.
        options: more options of `pip install`.

    Returns:
        pip's exit code, and what it printed on stderr.
    """
    command: list[str | Path] = [sys.executable, "-m", "pip", "--python=", "install", "--requirement", lock]
    command += ["--log", log, "-qq", "--progress-bar=off", "--no-input", "--disable-pip-version-check", *HERE]
    command += ["--no-compile", "--no-deps", "--require-hashes", *options]
    variables = {**os.environ, "PIP_DRY_RUN": "0"}  # there is no option that switches it off
    return subprocess.run(command, env=variables, stderr=subprocess.PIPE, text=True, errors="replace")


def install(name: str) -> None:
    """Install the packages of a lock file, compile them, and record it.

    Raises:
        PlainError: why it failed. The next run starts again.
    """
    lock = LOCKS / f"{name}.txt"
    if not lock.is_file():
        raise PlainError(f"{lock}: no such file; the sets are {', '.join(sorted(included('all')))}")
    environment = Path(sys.prefix)
    if sys.prefix == sys.base_prefix:
        raise PlainError(f"{sys.executable} is not in .venv; use `.venv/bin/python {sys.argv[0]} {name}`")
    if not os.access(environment, os.W_OK):
        raise PlainError(f"{environment}: cannot be written; the packages of {lock.name} are not installed")
    print(f"Installing the packages that requirements/{lock.name} locks ...", flush=True)
    packages = Path(sysconfig.get_path("purelib"))
    remove_unfinished(packages)
    with tempfile.TemporaryDirectory() as scratch:
        # Older versions of pip take twice as long. An index that lacks this one is no error.
        if (pip := LOCKS / "pip.txt").is_file() and f"pip=={version('pip')} " not in pip.read_text("utf-8"):
            pip_install(pip, Path(scratch) / "log of pip", "--retries=0")
        log = Path(scratch) / "log"
        # pip makes a wheel of pyspark, and compressing it would take longer than all else.
        result = pip_install(lock, log, "--config-settings=--build-option=--compression=stored")
        if result.returncode:
            raise PlainError(
                failure(result.stderr, log.read_text("utf-8", "replace") if log.exists() else "")
            )
    # dbt starts twice as fast. The tests of packages, a sixth of all, are never imported. Of `all`, little is
    # imported, and Python compiles that itself.
    if name != "all":
        subprocess.run(
            [sys.executable, "-m", "compileall", "-qq", "-j", "0", "-x", "/tests/", packages],
            stdout=subprocess.DEVNULL,
        )
    for each in included(name):
        shutil.copy(LOCKS / f"{each}.txt", environment)


def main() -> int:
    """The command line. Returns the exit code: 0 done, 2 failed with one line on stderr."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", metavar="SET", help="core, dev, all, or an extra of pyproject.toml")
    options = parser.parse_args()
    return exit_code("install_requirements", lambda: install(options.set), Path(sys.prefix))


if __name__ == "__main__":
    sys.exit(main())
