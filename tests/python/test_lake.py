"""A lake in S3: what is put there and when it counts, what is built from it, and what is told when it fails.

moto's server on loopback stands for S3.
"""

import hashlib
import io
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import duckdb
import polars as pl
import pytest
from conftest import DBT, ROOT, SCRIPTS, must_run, run

from pitwall.command import PlainError

pytestmark = pytest.mark.extra
pytest.importorskip("s3fs", reason="s3fs is not installed: make s3-extra")
moto = pytest.importorskip("moto.server", reason="moto is not installed: make s3-extra")

from botocore.session import get_session  # noqa: E402

from pitwall.raw.lake import Lake  # noqa: E402
from pitwall.raw.manifest import file_sha256  # noqa: E402

SECRET = "a-word-that-nobody-writes"
BUCKET = "pitwall"
# An account's keys and files must not reach the tests, nor the tests an account.
NOBODY = {
    "AWS_ACCESS_KEY_ID": "",
    "AWS_SECRET_ACCESS_KEY": "",
    "AWS_SESSION_TOKEN": "",
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of an S3 with one empty bucket."""
    served = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    served.start()
    host, port = served.get_host_and_port()
    yield f"http://{host}:{port}"
    served.stop()


class Remote:
    """A prefix of the bucket as the tests see it, and the environment that leads there."""

    def __init__(self, server: str, prefix: str) -> None:
        self.prefix = prefix
        self.url = f"s3://{BUCKET}/{prefix}"
        self.environment = {
            **NOBODY,
            "AWS_ACCESS_KEY_ID": "AKIATEST",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": server,
            "PITWALL_LAKE": self.url,
        }
        self.client: Any = get_session().create_client(
            "s3",
            endpoint_url=server,
            region_name="us-east-1",
            aws_access_key_id="AKIATEST",
            aws_secret_access_key=SECRET,
        )

    def objects(self) -> dict[str, Any]:
        """When each object below the prefix was put there."""
        found = self.client.list_objects_v2(Bucket=BUCKET, Prefix=self.prefix + "/").get("Contents", [])
        return {each["Key"].removeprefix(self.prefix + "/"): each["LastModified"] for each in found}

    def read(self, name: str) -> bytes:
        """The content of an object."""
        return self.client.get_object(Bucket=BUCKET, Key=f"{self.prefix}/{name}")["Body"].read()

    def put(self, name: str, content: bytes) -> None:
        """Put an object there, as anybody with access may."""
        self.client.put_object(Bucket=BUCKET, Key=f"{self.prefix}/{name}", Body=content)

    def convert(self, raw: Path, data: Path) -> str:
        """Run the converter with this lake; it has to succeed."""
        return must_run(SCRIPTS / "csv_to_parquet.py", raw, PITWALL_DATA=data, **self.environment)

    def manifest(self) -> dict[str, str]:
        """The SHA-256 of each table by name."""
        rows = pl.read_parquet(io.BytesIO(self.read("load_manifest.parquet"))).to_dicts()
        return {row["table_name"]: row["parquet_sha256"] for row in rows}


@pytest.fixture
def remote(server: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Remote:
    """An empty prefix of its own for each test; the environment of this process leads there too."""
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
def changing(raw: Path, tmp_path: Path) -> Path:
    """A copy of the files that a test may change."""
    return Path(shutil.copytree(raw, tmp_path / "raw"))


def rename_a_race(raw: Path, name: str) -> None:
    """Change one table."""
    races = raw / "races.csv"
    lines = races.read_text(encoding="utf-8").splitlines(keepends=True)
    fields = lines[1].split(",")
    fields[4] = name
    races.write_text("".join([lines[0], ",".join(fields), *lines[2:]]), encoding="utf-8")


def test_a_load_is_named_by_its_content_and_sent_once(remote: Remote, changing: Path, tmp_path: Path) -> None:
    said = remote.convert(changing, tmp_path / "data")
    assert f"14 tables sent, 0 were there: {remote.url}" in said
    shas = remote.manifest()
    assert set(remote.objects()) == {f"{name}/{sha}.parquet" for name, sha in shas.items()} | {
        "load_manifest.parquet"
    }
    for name, sha in shas.items():
        local = tmp_path / "data" / "parquet" / f"{name}.parquet"
        assert file_sha256(local) == sha
        assert local.read_bytes() == remote.read(f"{name}/{sha}.parquet")
    before = remote.objects()
    assert "0 tables sent, 14 were there" in remote.convert(changing, tmp_path / "data")
    after = remote.objects()
    assert {name for name in after if after[name] != before.get(name)} <= {"load_manifest.parquet"}


def test_the_last_load_stays_one_more_and_strangers_for_ever(
    remote: Remote, changing: Path, tmp_path: Path
) -> None:
    strangers = {"notes.txt", "races/readme.parquet", f"other/deeper/{'0' * 64}.parquet"}
    for name in strangers:
        remote.put(name, b"somebody's")
    races = []
    for name in ("One", "Two", "Three"):
        rename_a_race(changing, name)
        assert ("1 tables sent" in remote.convert(changing, tmp_path / "data")) == bool(races)
        races.append(f"races/{remote.manifest()['races']}.parquet")
        kept = {each for each in remote.objects() if each.startswith("races/")} - strangers
        assert kept == set(races[-2:]), "this load's and the last one's"
    assert strangers <= set(remote.objects())


def test_a_load_that_breaks_off_leaves_the_last_good_one(
    remote: Remote, changing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote.convert(changing, tmp_path / "data")
    good = remote.manifest()
    rename_a_race(changing, "Broken off")
    must_run(SCRIPTS / "csv_to_parquet.py", changing, PITWALL_DATA=tmp_path / "data")
    lake = Lake(remote.url)

    def fails(*_: object, **__: object) -> None:
        raise TimeoutError

    for step in ("put_file", "pipe_file"):
        with monkeypatch.context() as patched:
            patched.setattr(lake.files, step, fails)
            with pytest.raises(PlainError, match="S3 does not answer"):
                lake.publish(tmp_path / "data")
        assert remote.manifest() == good
        lake.check()
    lake.publish(tmp_path / "data")
    assert remote.manifest()["races"] != good["races"]


@pytest.mark.parametrize("had_one", [True, False])
def test_of_two_loads_at_once_one_is_told_to_start_again(
    remote: Remote, changing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, had_one: bool
) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    if had_one:
        remote.convert(changing, mine)
    rename_a_race(changing, "Mine")
    must_run(SCRIPTS / "csv_to_parquet.py", changing, PITWALL_DATA=mine)
    lake = Lake(remote.url)
    seen = lake._load()
    rename_a_race(changing, "Theirs")
    remote.convert(changing, theirs)
    won = remote.manifest()
    monkeypatch.setattr(lake, "_load", lambda: seen)
    with pytest.raises(PlainError, match="another run has put a load there meanwhile"):
        lake.publish(mine)
    assert remote.manifest() == won
    Lake(remote.url).check()


def test_another_machine_builds_the_same_from_the_lake(
    remote: Remote, simulated_warehouse: Path, tmp_path: Path
) -> None:
    """Through S3 as on the disk: every mart, cell by cell. And no credential is left anywhere."""
    remote.convert(simulated_warehouse.parent / "raw", tmp_path / "one")
    said = must_run(SCRIPTS / "build.py", PITWALL_DATA=tmp_path / "other", **remote.environment)
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
            # When something was converted is the one thing that differs.
            shown = ", ".join(f'"{name}"' for name in columns if not name.endswith("_at"))
            differing = connection.execute(
                f"select count(*) from ((select {shown} from {here} except all select {shown} from {there}) "
                f"union all (select {shown} from {there} except all select {shown} from {here}))"
            ).fetchall()
            assert differing == [(0,)], table
        # Whoever has the file needs no lake to read it.
        assert connection.execute("select count(*) > 0 from staging.stg_ergast__lap_times").fetchall()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.parent.name == "staging" or "compiled" in path.parts for path in files)
    assert SECRET not in said
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]


def test_plain_dbt_goes_from_disk_to_lake_and_back(remote: Remote, changing: Path, tmp_path: Path) -> None:
    """Views over files and tables from the lake take each other's place."""
    data = tmp_path / "data"
    rename_a_race(changing, "Of the lake")
    remote.convert(changing, data)
    rename_a_race(changing, "Of the disk")
    must_run(SCRIPTS / "csv_to_parquet.py", changing, PITWALL_DATA=data)
    log = tmp_path / "logs"
    command = [DBT, "run-operation", "create_raw_views", "--project-dir", ROOT, "--profiles-dir", ROOT]
    command += ["--target-path", tmp_path / "target", "--log-path", log, "--log-level-file", "debug"]
    for environment, name in [({}, "disk"), (remote.environment, "lake"), ({}, "disk")]:
        said = must_run(*command, PITWALL_DATA=data, **environment)
        with duckdb.connect(data / "warehouse.duckdb", read_only=True) as connection:
            found = connection.execute(
                f"select count(*) from raw.races where name = 'Of the {name}'"
            ).fetchall()
        assert found == [(1,)]
        assert SECRET not in said
    assert "read_parquet" in (log / "dbt.log").read_text()
    assert SECRET not in (log / "dbt.log").read_text()


def test_history_is_carried_by_the_results_of_the_lake(
    remote: Remote, simulated_warehouse: Path, tmp_path: Path
) -> None:
    """A machine that has a warehouse and no Parquet, or another's, goes by what dbt is about to read."""
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


def test_a_load_can_be_fetched_for_other_engines(remote: Remote, changing: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    remote.convert(changing, one)
    other.mkdir()
    Lake(remote.url).fetch(other)
    files = {file for file in (one / "parquet").iterdir() if file.name != "checksums.parquet"}
    assert len(files) > 10  # checksums are of no use where every build is a full one
    for file in files:
        assert pl.read_parquet(file).equals(pl.read_parquet(other / "parquet" / file.name)), file.name
    races = f"races/{remote.manifest()['races']}.parquet"
    remote.put(races, remote.read(races)[::-1])
    Lake(remote.url).fetch(other)  # what is here already is not fetched again
    (other / "parquet" / "races.parquet").unlink()
    with pytest.raises(PlainError, match="is not what was put there"):
        Lake(remote.url).fetch(other)
    assert not (other / "parquet" / "races.parquet").exists()


def says(*command: str | Path, **environment: str | Path) -> str:
    """Run a script that has to refuse in one plain line; return that."""
    result = run(*command, **environment)
    assert (result.returncode, result.stdout.count("\n")) == (2, 1), result.stdout
    assert SECRET not in result.stdout
    assert "Traceback" not in result.stdout
    return result.stdout


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.mark.parametrize(
    ("change", "told"),
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
def test_a_lake_that_cannot_be_is_told_before_anything_changes(
    remote: Remote, raw: Path, tmp_path: Path, change: dict[str, str], told: str
) -> None:
    if change.get("AWS_ENDPOINT_URL") == "down":
        change = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
    data = tmp_path / "data"
    environment = {"PITWALL_DATA": data, **remote.environment, **change}
    assert told in says(SCRIPTS / "csv_to_parquet.py", raw, **environment)
    if "PITWALL_LAKE" not in change:
        assert told in says(SCRIPTS / "build.py", **environment)
    assert not data.exists()


def test_without_access_nothing_changes(server: str, remote: Remote, raw: Path, tmp_path: Path) -> None:
    """Keys that S3 does not know, a wrong secret, and an account that may do nothing."""
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
    check_access(server, on=True)
    try:
        for change, told in [
            ({}, "no access with these credentials"),
            (allowed | {"AWS_SECRET_ACCESS_KEY": "wrong"}, "no access with these credentials"),
            (allowed, "no access with these credentials"),
        ]:
            environment = {**remote.environment, **change}
            said = says(SCRIPTS / "csv_to_parquet.py", raw, PITWALL_DATA=tmp_path / "new", **environment)
            assert told in said
            assert keys["SecretAccessKey"] not in said
            assert told in says(SCRIPTS / "build.py", PITWALL_DATA=tmp_path / "new", **environment)
            assert not (tmp_path / "new").exists()
    finally:
        check_access(server, on=False)
    Lake(remote.url).check()


def check_access(server: str, *, on: bool) -> None:
    """Make moto ask who is allowed to do what, or stop it."""
    body = b"0" if on else b"inf"
    request = Request(f"{server}/moto-api/reset-auth", data=body, headers={"Content-Type": "text/plain"})
    with urlopen(request) as answer:
        assert answer.status == 200


def test_an_empty_lake_or_one_with_a_hole_is_not_built_from(
    remote: Remote, raw: Path, tmp_path: Path
) -> None:
    build = {"PITWALL_DATA": tmp_path / "other", **remote.environment}
    assert "no data there yet; `make build RAW=path`" in says(SCRIPTS / "build.py", **build)
    remote.convert(raw, tmp_path / "one")
    races = f"races/{remote.manifest()['races']}.parquet"
    good = remote.read(races)
    remote.put(races, good[:-1])
    assert f"{races}: the manifest names it, but it is missing or not complete" in says(
        SCRIPTS / "build.py", **build
    )
    remote.client.delete_object(Bucket=BUCKET, Key=f"{remote.prefix}/{races}")
    assert f"{races}: the manifest names it" in says(SCRIPTS / "build.py", **build)
    assert not (tmp_path / "other").exists()
    assert "1 tables sent, 13 were there" in remote.convert(raw, tmp_path / "one"), "the next load mends it"
    assert remote.read(races) == good


@pytest.mark.parametrize("content", [b"not parquet", b"another's", b"quoted"])
def test_a_manifest_of_somebody_else_is_left_alone(
    remote: Remote, raw: Path, tmp_path: Path, content: bytes
) -> None:
    if content != b"not parquet":
        row = (
            {"table_name": "races", "parquet_sha256": "'); drop table x; --"}
            if content == b"quoted"
            else {"a": 1}
        )
        file = io.BytesIO()
        pl.DataFrame([row]).write_parquet(file)
        content = file.getvalue()
    remote.put("load_manifest.parquet", content)
    for command in ([SCRIPTS / "csv_to_parquet.py", raw], [SCRIPTS / "build.py"]):
        said = says(*command, PITWALL_DATA=tmp_path / "data", **remote.environment)
        assert "is no manifest of Pitwall" in said
    assert remote.read("load_manifest.parquet") == content


def test_without_s3fs_it_says_how_to_get_it(remote: Remote, raw: Path, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "s3fs.py").write_text("raise ImportError('not here')")
    environment = {"PYTHONPATH": tmp_path / "lib", "PITWALL_DATA": tmp_path / "data"}
    said = says(SCRIPTS / "build.py", **environment, **remote.environment)
    assert "s3fs is not installed; `make build` with PITWALL_LAKE set installs it" in said
    must_run(SCRIPTS / "csv_to_parquet.py", raw, **environment)


def test_dbt_itself_lets_no_quote_into_sql(remote: Remote, tmp_path: Path) -> None:
    """Plain dbt does not pass by the scripts' check."""
    command = [DBT, "run-operation", "create_raw_views", "--project-dir", ROOT, "--profiles-dir", ROOT]
    command += ["--target-path", tmp_path / "target", "--log-level-file", "none"]
    address = f"s3://{BUCKET}/a') ; create table main.stolen as select 1; --"
    result = run(*command, PITWALL_DATA=tmp_path, **{**remote.environment, "PITWALL_LAKE": address})
    assert result.returncode != 0
    assert "PITWALL_LAKE is no plain address" in result.stdout
