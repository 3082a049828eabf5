"""A lake in S3: what a load uploads, what a build reads, and which messages report a failure.

moto's server on loopback stands in for S3.
"""

import hashlib
import io
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import duckdb
import polars as pl
import pytest
from conftest import ROOT, SCRIPTS, Builder, manifest_row, must_run, run, run_dbt, write_forecasts
from s3_server import BUCKET, SECRET, Prefix, running_server

from pitwall.command import TEMPORARY, PlainError

pytestmark = pytest.mark.extra
pytest.importorskip("s3fs", reason="s3fs is not installed: make s3-extra")
pytest.importorskip("moto.server", reason="moto is not installed: make s3-extra")

from botocore.session import get_session  # noqa: E402

from pitwall.raw.lake import Lake  # noqa: E402
from pitwall.raw.manifest import file_sha256, manifest_columns  # noqa: E402


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of an S3 server."""
    with running_server() as address:
        yield address


class Remote(Prefix):
    """A prefix of the bucket that is a lake."""

    def __init__(self, server: str, prefix: str) -> None:
        super().__init__(server, prefix)
        self.environment["PITWALL_LAKE"] = self.url

    def convert(self, raw: Path, data: Path) -> str:
        """Run the converter with this lake. It must succeed. Returns what it printed."""
        return must_run(SCRIPTS / "csv_to_parquet.py", raw, PITWALL_DATA=data, **self.environment)

    def manifest(self) -> dict[str, str]:
        """The SHA-256 of each table of the load in place, by name."""
        rows = pl.read_parquet(io.BytesIO(self.read("load_manifest.parquet"))).to_dicts()
        return {row["table_name"]: row["parquet_sha256"] for row in rows}


@pytest.fixture
def remote(server: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Remote:
    """An empty prefix for each test. The environment of this process points there too."""
    lake = Remote(server, f"tests/{hashlib.sha256(request.node.name.encode()).hexdigest()[:12]}")
    lake.client.create_bucket(Bucket=BUCKET)
    for name, value in lake.environment.items():
        monkeypatch.setenv(name, value)
    return lake


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two simulated seasons."""
    folder = tmp_path_factory.mktemp("lake") / "raw"
    must_run(SCRIPTS / "simulate.py", "--seasons", "2", folder)
    return folder


@pytest.fixture
def raw_copy(raw: Path, tmp_path: Path) -> Path:
    """A copy of the files that a test may change."""
    return Path(shutil.copytree(raw, tmp_path / "raw"))


def rename_first_race(raw: Path, name: str) -> None:
    """Rename the first race in races.csv, so that one table changes."""
    races = raw / "races.csv"
    lines = races.read_text(encoding="utf-8").splitlines(keepends=True)
    fields = lines[1].split(",")
    fields[4] = name
    races.write_text("".join([lines[0], ",".join(fields), *lines[2:]]), encoding="utf-8")


def test_a_table_is_named_by_its_content_and_uploaded_once(
    remote: Remote, raw_copy: Path, tmp_path: Path
) -> None:
    output = remote.convert(raw_copy, tmp_path / "data")
    assert f"20 tables sent, 0 were there: {remote.url}" in output
    shas = remote.manifest()
    assert set(remote.objects()) == {f"{name}/{sha}.parquet" for name, sha in shas.items()} | {
        "load_manifest.parquet"
    }
    for name, sha in shas.items():
        local = tmp_path / "data" / "parquet" / f"{name}.parquet"
        assert file_sha256(local) == sha
        assert local.read_bytes() == remote.read(f"{name}/{sha}.parquet")
    before = remote.objects()
    assert "0 tables sent, 20 were there" in remote.convert(raw_copy, tmp_path / "data")
    after = remote.objects()
    assert {name for name in after if after[name] != before.get(name)} <= {"load_manifest.parquet"}


def test_the_last_two_loads_and_all_unknown_objects_are_kept(
    remote: Remote, raw_copy: Path, tmp_path: Path
) -> None:
    unknown = {"notes.txt", "races/readme.parquet", f"other/deeper/{'0' * 64}.parquet"}
    for name in unknown:
        remote.put(name, b"not ours")
    races = []
    for name in ("One", "Two", "Three"):
        rename_first_race(raw_copy, name)
        assert ("1 tables sent" in remote.convert(raw_copy, tmp_path / "data")) == bool(races)
        races.append(f"races/{remote.manifest()['races']}.parquet")
        kept = {each for each in remote.objects() if each.startswith("races/")} - unknown
        assert kept == set(races[-2:]), "the tables of this load and of the last one"
    assert unknown <= set(remote.objects())


def test_an_interrupted_load_leaves_the_last_good_one(
    remote: Remote, raw_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote.convert(raw_copy, tmp_path / "data")
    good = remote.manifest()
    rename_first_race(raw_copy, "Interrupted")
    must_run(SCRIPTS / "csv_to_parquet.py", raw_copy, PITWALL_DATA=tmp_path / "data")
    lake = Lake(remote.url)

    def fail(*_: object, **__: object) -> None:
        raise TimeoutError

    for step in ("put_file", "pipe_file"):
        with monkeypatch.context() as patched:
            patched.setattr(lake.files, step, fail)
            with pytest.raises(PlainError, match="S3 does not answer"):
                lake.publish(tmp_path / "data")
        assert remote.manifest() == good
        lake.check()
    lake.publish(tmp_path / "data")
    assert remote.manifest()["races"] != good["races"]


@pytest.mark.parametrize("has_earlier_load", [True, False])
def test_the_second_of_two_loads_at_once_fails(
    remote: Remote, raw_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_earlier_load: bool
) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    if has_earlier_load:
        remote.convert(raw_copy, mine)
    rename_first_race(raw_copy, "Mine")
    must_run(SCRIPTS / "csv_to_parquet.py", raw_copy, PITWALL_DATA=mine)
    lake = Lake(remote.url)
    earlier_load = lake._load()
    rename_first_race(raw_copy, "Theirs")
    remote.convert(raw_copy, theirs)
    their_manifest = remote.manifest()
    monkeypatch.setattr(lake, "_load", lambda: earlier_load)
    with pytest.raises(PlainError, match="another run has put a load there meanwhile"):
        lake.publish(mine)
    assert remote.manifest() == their_manifest
    Lake(remote.url).check()


@pytest.mark.slow
def test_a_build_from_the_lake_gives_the_same_marts(
    remote: Remote, simulated_warehouse: Path, builder: Builder, tmp_path: Path
) -> None:
    """Every mart has the same cells as in a build from the disk. No file and no message has the secret.

    The ledger is read from the disk.
    """
    remote.convert(simulated_warehouse.parent / "raw", tmp_path / "one")
    builder.prepare(tmp_path / "other")  # no unit test reads the lake
    shutil.copytree(simulated_warehouse.parent / "predictions", tmp_path / "other" / "predictions")
    output = must_run(SCRIPTS / "build.py", PITWALL_DATA=tmp_path / "other", **remote.environment)
    other = tmp_path / "other" / "warehouse.duckdb"
    assert not (tmp_path / "other" / "parquet").exists()
    with duckdb.connect(other, read_only=True) as connection:
        connection.execute(f"attach '{simulated_warehouse}' as local (read_only)")
        marts = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'local' "
            "and schema_name in ('marts', 'quality')"
        ).fetchall()
        assert len(marts) > 30
        for schema, table in marts:
            here, there = f'local.{schema}."{table}"', f'{schema}."{table}"'
            columns = [name for name, *_ in connection.execute(f"describe {here}").fetchall()]
            # Only the times of the conversion differ.
            shown = ", ".join(f'"{name}"' for name in columns if not name.endswith("_at"))
            differing = connection.execute(
                f"select count(*) from ((select {shown} from {here} except all select {shown} from {there}) "
                f"union all (select {shown} from {there} except all select {shown} from {here}))"
            ).fetchall()
            assert differing == [(0,)], table
        # The warehouse can be read without the lake.
        assert connection.execute("select count(*) > 0 from staging.stg_ergast__lap_times").fetchall()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.parent.name == "staging" or "compiled" in path.parts for path in files)
    assert SECRET not in output
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]


@pytest.mark.slow
def test_plain_dbt_can_switch_between_disk_and_lake(remote: Remote, raw_copy: Path, tmp_path: Path) -> None:
    """Views over files and tables from the lake replace each other. The ledger is always on the disk."""
    data = tmp_path / "data"
    rename_first_race(raw_copy, "Of the lake")
    remote.convert(raw_copy, data)
    rename_first_race(raw_copy, "Of the disk")
    must_run(SCRIPTS / "csv_to_parquet.py", raw_copy, PITWALL_DATA=data)
    write_forecasts(data)
    log = tmp_path / "logs"
    command = ["run-operation", "create_raw_views", "--project-dir", ROOT, "--profiles-dir", ROOT]
    command += ["--log-path", log, "--log-level-file", "debug"]
    for environment, name in [({}, "disk"), (remote.environment, "lake"), ({}, "disk")]:
        # A target for each: with another connection dbt parses the whole project again.
        result = run_dbt(*command, "--target-path", tmp_path / name, PITWALL_DATA=data, **environment)
        output = result.stdout
        assert not result.returncode, output
        with duckdb.connect(data / "warehouse.duckdb", read_only=True) as connection:
            found = connection.execute(
                f"select count(*) from raw.races where name = 'Of the {name}'"
            ).fetchall()
            forecasts = connection.execute("select count(*) > 0 from raw.ledger").fetchall()
        assert (found, forecasts) == ([(1,)], [(True,)])
        assert SECRET not in output
    assert "read_parquet" in (log / "dbt.log").read_text()
    assert SECRET not in (log / "dbt.log").read_text()


def test_the_history_is_kept_if_it_is_of_the_results_in_the_lake(
    remote: Remote, simulated_warehouse: Path, tmp_path: Path
) -> None:
    """The data folder has a warehouse and no Parquet, so the results in the lake are compared."""
    from pitwall.warehouse.duckdb import DuckDBWarehouse

    remote.convert(simulated_warehouse.parent / "raw", tmp_path / "one")
    data = tmp_path / "other"
    data.mkdir()
    shutil.copy(simulated_warehouse, data)
    warehouse = DuckDBWarehouse(data)
    warehouse.begin()
    assert not warehouse.leaves_history
    with duckdb.connect(warehouse.new, read_only=True) as connection:
        kept = connection.execute("select count(*) > 0 from snapshots.race_results_history").fetchall()
    assert kept == [(True,)]


def test_a_load_can_be_fetched_for_other_engines(remote: Remote, raw_copy: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    remote.convert(raw_copy, one)
    other.mkdir()
    Lake(remote.url).fetch(other)
    files = {file for file in (one / "parquet").iterdir() if file.suffix == ".parquet"}
    files -= {one / "parquet" / "checksums.parquet"}
    assert len(files) > 10  # other engines do full builds only, which need no checksums
    for file in files:
        assert pl.read_parquet(file).equals(pl.read_parquet(other / "parquet" / file.name)), file.name
    races = f"races/{remote.manifest()['races']}.parquet"
    remote.put(races, remote.read(races)[::-1])
    Lake(remote.url).fetch(other)  # files that are here already are not fetched again
    (other / "parquet" / "races.parquet").unlink()
    with pytest.raises(PlainError, match="is not what was put there"):
        Lake(remote.url).fetch(other)
    assert not (other / "parquet" / "races.parquet").exists()


def refusal(*command: str | Path, code: int = 2, **environment: str | Path) -> str:
    """Run a script that must fail with one plain line. Returns that line."""
    result = run(*command, **environment)
    assert (result.returncode, result.stdout.count("\n")) == (code, 1), result.stdout
    assert SECRET not in result.stdout
    assert "Traceback" not in result.stdout
    return result.stdout


def free_port() -> int:
    """A port of loopback on which no program listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"PITWALL_LAKE": "s3://no-such-bucket/f1"}, "there is no such bucket"),
        ({"PITWALL_LAKE": "https://pitwall/f1"}, "is no address like s3://bucket/prefix"),
        ({"PITWALL_LAKE": "/a/folder"}, "is no address like s3://bucket/prefix"),
        ({"PITWALL_LAKE": "s3://"}, "is not plain"),
        ({"PITWALL_LAKE": f"s3://{BUCKET}/a/../b"}, "is not plain"),
        ({"PITWALL_LAKE": f"s3://{BUCKET}/a'; drop table x; --"}, "is not plain"),
        ({"PITWALL_LAKE": f"s3://{BUCKET}/a*"}, "is not plain"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "no credentials; set AWS_PROFILE"),
        ({"AWS_PROFILE": "nobody"}, "there is no profile of the name in AWS_PROFILE"),
        ({"AWS_ENDPOINT_URL": "nonsense"}, "AWS_ENDPOINT_URL is no address"),
        ({"AWS_ENDPOINT_URL": "down"}, "S3 does not answer"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_an_unusable_lake_is_reported_before_anything_changes(
    remote: Remote, raw: Path, tmp_path: Path, change: dict[str, str], message: str
) -> None:
    if change.get("AWS_ENDPOINT_URL") == "down":
        change = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
    data = tmp_path / "data"
    environment = {"PITWALL_DATA": data, **remote.environment, **change}
    code = TEMPORARY if message == "S3 does not answer" else 2
    assert message in refusal(SCRIPTS / "csv_to_parquet.py", raw, code=code, **environment)
    if "PITWALL_LAKE" not in change:
        assert message in refusal(SCRIPTS / "build.py", code=code, **environment)
    assert not data.exists()


def test_without_access_nothing_changes(server: str, remote: Remote, raw: Path, tmp_path: Path) -> None:
    """Keys that S3 does not know, a wrong secret, and a user without permissions."""
    iam = get_session().create_client(
        "iam",
        endpoint_url=server,
        region_name="us-east-1",
        aws_access_key_id="AKIATEST",
        aws_secret_access_key=SECRET,
    )
    iam.create_user(UserName="nobody")
    keys = iam.create_access_key(UserName="nobody")["AccessKey"]
    allowed = {"AWS_ACCESS_KEY_ID": keys["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"]}
    remote.convert(raw, tmp_path / "data")
    set_access_checks(server, on=True)
    try:
        for change, message in [
            ({}, "no access with these credentials"),
            (allowed | {"AWS_SECRET_ACCESS_KEY": "wrong"}, "no access with these credentials"),
            (allowed, "no access with these credentials"),
        ]:
            environment = {**remote.environment, **change}
            output = refusal(SCRIPTS / "csv_to_parquet.py", raw, PITWALL_DATA=tmp_path / "new", **environment)
            assert message in output
            assert keys["SecretAccessKey"] not in output
            assert message in refusal(SCRIPTS / "build.py", PITWALL_DATA=tmp_path / "new", **environment)
            assert not (tmp_path / "new").exists()
    finally:
        set_access_checks(server, on=False)
    Lake(remote.url).check()


def set_access_checks(server: str, *, on: bool) -> None:
    """Make moto check permissions, or stop checking them."""
    body = b"0" if on else b"inf"
    request = Request(f"{server}/moto-api/reset-auth", data=body, headers={"Content-Type": "text/plain"})
    with urlopen(request) as answer:
        assert answer.status == 200


def test_a_build_refuses_an_empty_or_incomplete_lake(remote: Remote, raw: Path, tmp_path: Path) -> None:
    build = {"PITWALL_DATA": tmp_path / "other", **remote.environment}
    assert "no data there yet; `make build RAW=path`" in refusal(SCRIPTS / "build.py", **build)
    remote.convert(raw, tmp_path / "one")
    races = f"races/{remote.manifest()['races']}.parquet"
    good = remote.read(races)
    remote.put(races, good[:-1])
    assert f"{races}: the manifest names it, but it is missing or not complete" in refusal(
        SCRIPTS / "build.py", **build
    )
    remote.client.delete_object(Bucket=BUCKET, Key=f"{remote.prefix}/{races}")
    assert f"{races}: the manifest names it" in refusal(SCRIPTS / "build.py", **build)
    assert not (tmp_path / "other").exists()
    assert "1 tables sent, 19 were there" in remote.convert(raw, tmp_path / "one"), "the next load repairs it"
    assert remote.read(races) == good


@pytest.mark.parametrize(
    "content", [b"not parquet", b"other columns", b"quote in a value", b"a value is NULL"]
)
def test_a_manifest_that_is_not_ours_is_left_alone(
    remote: Remote, raw: Path, tmp_path: Path, content: bytes
) -> None:
    if content != b"not parquet":
        row = manifest_row("races", "'); drop table x; --")
        if content == b"other columns":
            row["a"] = 1
        if content == b"a value is NULL":
            row |= {"parquet_sha256": "0" * 64, "rows_converted": None}
        file = io.BytesIO()
        pl.DataFrame([row], schema_overrides=manifest_columns()).write_parquet(file)
        content = file.getvalue()
    remote.put("load_manifest.parquet", content)
    for command in ([SCRIPTS / "csv_to_parquet.py", raw], [SCRIPTS / "build.py"]):
        output = refusal(*command, PITWALL_DATA=tmp_path / "data", **remote.environment)
        assert "is no manifest of Pitwall" in output
    assert remote.read("load_manifest.parquet") == content


def test_a_missing_s3fs_is_reported_with_the_way_to_install_it(
    remote: Remote, raw: Path, tmp_path: Path
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "s3fs.py").write_text("raise ImportError('not here')")
    environment = {"PYTHONPATH": tmp_path / "lib", "PITWALL_DATA": tmp_path / "data"}
    output = refusal(SCRIPTS / "build.py", **environment, **remote.environment)
    assert "s3fs is not installed; `make build` with PITWALL_LAKE set installs it" in output
    must_run(SCRIPTS / "csv_to_parquet.py", raw, **environment)


def test_dbt_refuses_a_lake_address_with_a_quote(remote: Remote, tmp_path: Path) -> None:
    """Plain dbt runs without the check in the scripts. A project of this macro alone is parsed at once."""
    (tmp_path / "macros").mkdir()
    shutil.copy(ROOT / "macros" / "cross_db" / "copy_lake.sql", tmp_path / "macros")
    (tmp_path / "dbt_project.yml").write_text("{name: pitwall, profile: pitwall}", encoding="utf-8")
    command = ["--log-level-file", "none", "run-operation", "duckdb__copy_lake", "--args", "{tables: []}"]
    command += ["--profiles-dir", str(ROOT)]
    address = f"s3://{BUCKET}/a') ; create table main.stolen as select 1; --"
    environment = {**remote.environment, "PITWALL_LAKE": address, "PITWALL_DATA": tmp_path}
    result = run_dbt(*command, cwd=tmp_path, **environment)
    assert result.returncode != 0
    assert "PITWALL_LAKE is no plain address" in result.stdout
