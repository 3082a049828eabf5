"""What a build's tables follow from besides the data: the project's code and the programs that run it."""

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

FOLDERS = ("models", "macros", "seeds", "snapshots", "tests", "dbt_packages")
# Tests in Python look at a finished warehouse; Python writes bytecode beside them.
NOT_DBT = (Path("tests", "python"), Path("tests", "airflow"))
FILES = ("dbt_project.yml", "packages.yml", "profiles.yml")
PROGRAMS = (
    "dbt-core",
    "dbt-adapters",
    "dbt-common",
    "dbt-duckdb",
    "dbt-postgres",
    "dbt-spark",
    "duckdb",
    "pyspark",
)


def code_files(root: Path) -> list[Path]:
    """All that dbt reads of the project, packages included, as sorted paths relative to `root`."""
    found = [path for folder in FOLDERS for path in (root / folder).rglob("*")]
    found += [root / name for name in FILES]
    relative = [path.relative_to(root) for path in found if path.is_file()]
    # A hidden file is an editor's or the system's.
    return sorted(
        path
        for path in relative
        if not any(map(path.is_relative_to, NOT_DBT)) and not any(part.startswith(".") for part in path.parts)
    )


def program_version(name: str) -> str:
    """The installed version of a package, or `none`."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def code_fingerprint(root: Path) -> str:
    """A text that differs as soon as the code of the dbt project at `root`, or dbt or an engine, does."""
    digest = hashlib.sha256()
    for name in PROGRAMS:
        digest.update(f"{name} {program_version(name)}\n".encode())
    for path in code_files(root):
        content = (root / path).read_bytes()
        digest.update(f"{path.as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()
