"""Two versions of the project, built on DuckDB from the same input.

The base is a commit, the head is the working tree. The base is built in full, and kept until it or the input
changes. The head starts from a copy of it, in which dbt builds only what `state:modified+` selects, and what
differs without dbt's state knowing it. Neither the working tree nor the user's warehouse is touched.
"""

import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import yaml

from pitwall.command import ROOT, PlainError
from pitwall.raw import manifest, origin, predictions
from pitwall.warehouse.changes import source_of
from pitwall.warehouse.dbt import dbt_build, inherited
from pitwall.warehouse.duckdb import carry_history, copy_warehouse
from pitwall.warehouse.fingerprint import code_files, code_fingerprint
from pitwall.warehouse.opening import unreadable

SEASONS = "5"  # so many are simulated if there are no data yet
ANY_NUMBER = "1000000000"  # rows that a conversion may set aside: they are missing in the tables then
# What the values of the converted files depend on.
CONVERTER = ("scripts/csv_to_parquet.py", "scripts/pitwall/raw", "models/staging", "seeds/source_ranks.csv")
SECOND_SOURCE = "scripts/pitwall/raw/second.py"
OTHER_ENGINES = ("postgres__", "spark__", "redshift__")
NO_TESTS = ["--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]
# Settings of dbt_project.yml that dbt's state does not compare.
NOT_COMPARED = ("vars", "on-run-start", "on-run-end", "dispatch", "quoting")


@dataclass(frozen=True)
class Commit:
    """A commit: what the user calls it, and its id."""

    name: str
    id: str

    def __str__(self) -> str:
        return f"`{self.name}` ({self.id[:7]})"


@dataclass(frozen=True)
class Version:
    """A version of the project: its files, and a data folder of its own."""

    project: Path
    data: Path

    @property
    def warehouse(self) -> Path:
        """Its warehouse."""
        return self.data / "warehouse.duckdb"

    @property
    def target(self) -> Path:
        """Where dbt leaves its manifest and its results."""
        return self.data / "target"


@dataclass(frozen=True)
class Pair:
    """Two versions that are built.

    Args:
        is_same: both have the same code, so neither was built.
        input: what the data are.
        notes: what a reader of the comparison has to know, a sentence each.
    """

    base: Version
    head: Version
    input: str
    is_same: bool = False
    notes: list[str] = field(default_factory=list)


# Commits


def git(*arguments: str) -> bytes:
    """What git prints. Raises PlainError with its message if it fails."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True)
    except FileNotFoundError:
        raise PlainError("git is not installed; the comparison reads the base from it") from None
    if done.returncode:
        raise PlainError(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def commit_id(ref: str) -> str:
    """The id of the commit that a name means; "" if git knows none."""
    git("rev-parse", "--git-dir")
    try:
        return git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}").decode().strip()
    except PlainError:
        return ""


def base_commit(ref: str | None) -> Commit:
    """The commit to compare with: the one that is named, or where this branch left the main one.

    Raises:
        PlainError: there is no such commit.
    """
    if ref is not None:
        if found := commit_id(ref):
            return Commit(ref, found)
        raise PlainError(
            f"BASE={ref}: is no commit; name a branch, a tag or a commit, for example BASE=HEAD~1"
        )
    for branch in ("origin/HEAD", "origin/main", "main"):
        if commit_id(branch):
            return Commit(branch, git("merge-base", branch, "HEAD").decode().strip())
    raise PlainError("there is no branch main to compare with; name a commit, for example BASE=HEAD~1")


def describe_head() -> str:
    """What the working tree is: its branch and commit, and whether it has changes."""
    branch = git("rev-parse", "--abbrev-ref", "HEAD").decode().strip()
    commit = Commit("HEAD" if branch == "HEAD" else branch, commit_id("HEAD"))
    changes = " with changes that are not committed" if git("status", "--porcelain", ".") else ""
    return f"the working tree, {commit}{changes}"


@contextmanager
def extracted(commit: Commit) -> Iterator[Path]:
    """The files of a commit in a temporary folder, with the dbt packages that they need."""
    with TemporaryDirectory(prefix="pitwall-diff-") as folder:
        project = Path(folder).resolve() / "base"
        with tarfile.open(fileobj=io.BytesIO(git("archive", "--format=tar", commit.id))) as archive:
            archive.extractall(project, filter="data")
        if not (project / "dbt_project.yml").is_file():
            raise PlainError(f"{commit.name}: has no dbt_project.yml, so it cannot be built")
        if all(
            contents(project, name) == contents(ROOT, name) for name in ("packages.yml", "dbt_utils_standin")
        ):
            shutil.copytree(ROOT / "dbt_packages", project / "dbt_packages")
        else:
            run_script(project, project, "setup_packages.py")
        yield project


def contents(project: Path, *names: str) -> dict[str, bytes]:
    """The files of a project with these names, and those in folders of these names, by path."""
    paths = [path for name in names for path in (project / name, *(project / name).rglob("*"))]
    return {
        path.relative_to(project).as_posix(): path.read_bytes()
        for path in sorted(paths)
        if path.is_file() and "__pycache__" not in path.parts
    }


def run_script(project: Path, data: Path, script: str, *arguments: str | Path) -> None:
    """Run a command of a version. Raises PlainError with its last line if it fails."""
    done = subprocess.run(
        [sys.executable, project / "scripts" / script, *arguments],
        cwd=project,
        env={**inherited(), "PITWALL_DATA": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode:
        last = (done.stdout.strip() or "it printed nothing").splitlines()[-1]
        raise PlainError(f"{'head' if project == ROOT else 'base'}: scripts/{script} failed: {last}")


# The input


def find_input(data: Path, work: Path) -> tuple[str, str, str]:
    """The raw files of the last conversion, or simulated ones where there are no data.

    Returns:
        The path, "" if it is not there any more, the path of the second source, "" if there is none, and a
        note for the reader if the files are gone.
    """
    if not (data / "parquet" / manifest.MANIFEST).exists():
        raw = work / "raw"
        run_script(ROOT, work, "simulate.py", "--seasons", SEASONS, raw)
        return str(raw), "", ""
    raw_files, also = (origin.read_origin(data / "parquet", name) for name in (origin.FILE, origin.ALSO))
    if raw_files and Path(raw_files).exists() and (not also or Path(also).exists()):
        return raw_files, also, ""
    manifest.check_intact(data / "parquet")
    return (
        "",
        "",
        "The raw files are gone, so both sides read what was converted last. "
        "Changes of the conversion do not show.",
    )


def converter_fingerprint(project: Path) -> str:
    """A text that differs as soon as the code of the conversion, or a declaration of raw tables, does."""
    digest = hashlib.sha256()
    for name, content in contents(project, *CONVERTER).items():
        if not name.startswith("models/") or name.endswith("sources.yml"):
            digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def knows_second_source(project: Path) -> bool:
    """Whether a version of the project can fill one source from another."""
    return (project / SECOND_SOURCE).is_file()


def convert(version: Version, raw: str, also: str = "") -> None:
    """Convert the raw files by the code of a version. Tables that are unchanged are kept."""
    record, code = version.data / "converter", converter_fingerprint(version.project)
    if not record.exists() or record.read_text(encoding="utf-8") != code:
        forget(version.data / "parquet")
        record.unlink(missing_ok=True)
    options = ["--max-bad-rows", ANY_NUMBER]
    if also and knows_second_source(version.project):
        options.append(f"--also={also}")
    run_script(version.project, version.data, "csv_to_parquet.py", *options, "--", raw)
    record.write_text(code, encoding="utf-8")


def forget(path: Path) -> None:
    """Remove a file, a folder or a link."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)


def link(path: Path, target: Path) -> None:
    """Make a link, in the place of what was there."""
    forget(path)
    path.symlink_to(target.absolute(), target_is_directory=True)


# Building


def build_both(commit: Commit, data: Path, work: Path, lock: int) -> Pair:
    """Build the base, unless it is there from last time, and what differs from it in the head.

    Args:
        data: the user's data folder. Its input, its forecasts and its history are those of both versions.
        work: the folder for both.
        lock: the lock of the data folder.

    Raises:
        PlainError: which of them cannot be built, and why.
    """
    with extracted(commit) as project:
        base, head = Version(project, work / "base"), Version(ROOT, work / "head")
        raw, also, note = find_input(data, work)
        same_converter = not raw or converter_fingerprint(project) == converter_fingerprint(ROOT)
        notes = [note] if note else []
        if also and not knows_second_source(project):
            notes.append("The base knows no second source, so it was built without that of the head.")
        if contents(project, "requirements/core.txt") != contents(ROOT, "requirements/core.txt"):
            notes.append(
                "Both sides ran with the packages installed here, though requirements/core.txt differs."
            )
        for version in (base, head):
            version.data.mkdir(parents=True, exist_ok=True)
            link(version.data / predictions.FOLDER, data / predictions.FOLDER)
        if raw:
            if (base.data / "parquet").is_symlink():
                forget(base.data / "parquet")
            convert(base, raw, also)
        else:
            link(base.data / "parquet", data / "parquet")
        what = origin.describe(base.data / "parquet")
        if same_converter and code_fingerprint(project) == code_fingerprint(ROOT):
            return Pair(base, head, what, is_same=True, notes=notes)
        if same_converter:
            link(head.data / "parquet", base.data / "parquet")
        else:
            if (head.data / "parquet").is_symlink():
                forget(head.data / "parquet")
            convert(head, raw, also)
        build_base(base, data, lock)
        notes += build_head(base, head, lock)
        return Pair(base, head, what, notes=notes)


def build_base(base: Version, data: Path, lock: int) -> None:
    """Build all tables of the base, unless they are there from the same code and input."""
    record = base.data / "built"
    state = [code_fingerprint(base.project), *tables_of(base).values(), predictions.ledger_fingerprint(data)]
    state.append(history_state(data / "warehouse.duckdb"))
    key = hashlib.sha256("\n".join(state).encode()).hexdigest()
    if record.exists() and record.read_text(encoding="utf-8") == key:
        return
    record.unlink(missing_ok=True)
    forget(base.warehouse)
    forget(base.target)
    if (data / "warehouse.duckdb").exists():
        carry_history(data / "warehouse.duckdb", base.warehouse, base.data / "parquet" / "results.parquet")
    run_dbt(base, lock, "base")
    record.write_text(key, encoding="utf-8")


def build_head(base: Version, head: Version, lock: int) -> list[str]:
    """Build in a copy of the base what differs from it. Returns why everything was built, if it was."""
    forget(head.warehouse)
    copy_warehouse(base.warehouse, head.warehouse)
    if reason := why_everything(base, head):
        run_dbt(head, lock, "head")
        return [f"dbt built everything again: {reason}."]
    before, now = tables_of(base), tables_of(head)
    selected = [f"source:{source_of(table)}.{table}+" for table in now if now[table] != before.get(table)]
    if not (head.data / "parquet").is_symlink():
        selected.append("source:pitwall+")  # what is known of the conversion
    ledger = predictions.PREDICTION_SOURCES.relative_to(ROOT).as_posix()
    if contents(base.project, ledger) != contents(head.project, ledger):
        selected.append("source:predictions+")
    run_dbt(
        head, lock, "head", "--select", " ".join(["state:modified+", *selected]), "--state", str(base.target)
    )
    return []


def tables_of(version: Version) -> dict[str, str]:
    """The checksum of each converted table."""
    rows = manifest.read_manifest(version.data / "parquet")
    return {table: row["parquet_sha256"] for table, row in sorted(rows.items())}


def run_dbt(version: Version, lock: int, name: str, *options: str) -> None:
    """Run `dbt build` without tests: `make build` runs them. Raises PlainError if it fails."""
    print(f"Building the {name} ...", flush=True)
    failure = dbt_build(
        "duckdb",
        version.data.absolute(),
        {"PITWALL_WAREHOUSE": str(version.warehouse.absolute())},
        version.target.absolute(),
        lock,
        [*NO_TESTS, *options],
        version.project,
    )
    if failure:
        raise PlainError(
            f"the {name} cannot be built ({failure}): fix what dbt reports above, then start again"
        )


def history_state(warehouse: Path) -> str:
    """A text that differs as soon as the history of revised results in a warehouse does."""
    if not warehouse.exists():
        return ""
    try:
        with duckdb.connect(warehouse, read_only=True) as connection:
            tables = connection.execute(
                "select table_name from duckdb_tables() where schema_name = 'snapshots' order by table_name"
            ).fetchall()
            counts = [
                connection.execute(
                    "select count(*), count(dbt_valid_to), max(dbt_valid_from), max(dbt_valid_to) "
                    f"from snapshots.{table}"
                ).fetchall()
                for (table,) in tables
            ]
    except duckdb.Error as error:
        raise unreadable(warehouse, error) from None
    return f"{tables} {counts}"


# What dbt's state does not know


def why_everything(base: Version, head: Version) -> str:
    """Why all tables have to be built, in a few words; "" if dbt's selection by state is enough."""
    if not tables_of(base) or not tables_of(head):
        return "it is not known which of the converted files differ"
    if contents(base.project, "profiles.yml") != contents(head.project, "profiles.yml"):
        return "profiles.yml differs"
    was, now = (
        yaml.safe_load((version.project / "dbt_project.yml").read_text(encoding="utf-8"))
        for version in (base, head)
    )
    for setting in NOT_COMPARED:
        if was.get(setting) != now.get(setting):
            return f"`{setting}` in dbt_project.yml differs, and dbt's state does not compare it"
    files = sorted(path.as_posix() for path in {*code_files(base.project), *code_files(head.project)})
    macros = [name for name in files if name.endswith(".sql") and ("macros" in Path(name).parts[:3])]
    used = used_macros(base)
    for name in macros:
        if contents(base.project, name) != contents(head.project, name) and not used.get(name):
            return f"macros in {name} differ, and dbt's state does not know what they are used for"
    return ""


def used_macros(version: Version) -> dict[str, bool]:
    """For each file of macros, whether dbt's state knows of each macro in it which models use it.

    It does not know who uses a materialization, a hook of the whole run, or a macro in the place of one of
    dbt's own.
    """
    graph: dict[str, Any] = read_json(version.target / "manifest.json")
    found: set[str] = set()
    waiting = [macro for node in graph["nodes"].values() for macro in node["depends_on"].get("macros", ())]
    while waiting:
        if (macro := waiting.pop()) and macro not in found:
            found.add(macro)
            waiting += graph["macros"].get(macro, {"depends_on": {"macros": []}})["depends_on"]["macros"]
    used: dict[str, bool] = {}
    for name, macro in graph["macros"].items():
        package = "" if macro["package_name"] == "pitwall" else f"dbt_packages/{macro['package_name']}/"
        file = f"{package}{macro['original_file_path']}"
        is_used = name in found or macro["name"].startswith(OTHER_ENGINES)
        used[file] = used.get(file, True) and is_used
    return used


def read_json(path: Path) -> Any:
    """The content of a file that dbt left."""
    return json.loads(path.read_text(encoding="utf-8"))
