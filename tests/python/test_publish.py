"""scripts/publish.py replaces what a web server shows, or what readers of a bucket find, as a whole."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import SCRIPTS, run
from s3_server import BUCKET, SECRET, Prefix, running_server

from pitwall.command import TEMPORARY

# pitwall.release imports packages of the extra.
pytest.importorskip("frictionless")
pytestmark = pytest.mark.extra


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with two releases."""
    for version in ("2025-03-02", "2025-03-09"):
        release(tmp_path / "data", version)
    return tmp_path / "data"


def release(data: Path, version: str) -> None:
    folder = data / "releases" / version
    folder.mkdir(parents=True)
    (folder / "dim_seasons.parquet").write_text(version)


def publish(data: Path, public: Path) -> tuple[int, str]:
    result = run(SCRIPTS / "publish.py", public, PITWALL_DATA=data)
    return result.returncode, result.stdout


def test_the_newest_release_replaces_the_last_one(data: Path, tmp_path: Path) -> None:
    public = tmp_path / "www" / "f1"
    assert publish(data, public) == (0, f"Release 2025-03-09 is published: {public}\n")
    assert (public / "dim_seasons.parquet").read_text() == "2025-03-09"
    assert publish(data, public)[0] == 0
    release(data, "2025-03-09-2")
    assert publish(data, public)[0] == 0
    assert (public / "dim_seasons.parquet").read_text() == "2025-03-09-2"
    assert sorted(path.name for path in public.parent.iterdir()) == ["f1", "f1.2025-03-09-2"]


def test_a_reader_finds_the_folder_at_every_moment(data: Path, tmp_path: Path) -> None:
    """The name is changed by a rename: it is never gone."""
    public = tmp_path / "f1"
    publish(data, public)
    before = public.lstat().st_ino
    release(data, "2025-03-16")
    publish(data, public)
    assert public.is_symlink()
    assert public.lstat().st_ino != before


def test_a_folder_of_the_user_is_kept(data: Path, tmp_path: Path) -> None:
    public = tmp_path / "mine"
    public.mkdir()
    (public / "file").touch()
    code, said = publish(data, public)
    assert (code, said) == (
        2,
        f"publish: {public}: exists, and is not the link that this makes; name another folder\n",
    )
    assert (public / "file").exists()


def test_without_a_release_it_says_what_to_do(tmp_path: Path) -> None:
    code, said = publish(tmp_path / "data", tmp_path / "public")
    assert (code, said.count("\n")) == (2, 1)
    assert "there is no release yet; run `make release` first" in said
    assert not (tmp_path / "public").exists()


@pytest.fixture
def bucket(request: pytest.FixtureRequest) -> Iterator[Prefix]:
    """An empty prefix of a bucket."""
    for package in ("s3fs", "moto.server"):
        pytest.importorskip(package, reason=f"{package} is not installed: make s3-extra")
    with running_server() as server:
        prefix = Prefix(server, "public/f1")
        prefix.client.create_bucket(Bucket=BUCKET)
        yield prefix


def publish_to_s3(data: Path, bucket: Prefix, **changed: str) -> tuple[int, str]:
    environment = {**bucket.environment, **changed}
    result = run(SCRIPTS / "publish.py", bucket.url, PITWALL_DATA=data, **environment)
    assert SECRET not in result.stdout
    return result.returncode, result.stdout


def latest(bucket: Prefix) -> dict[str, str]:
    """The release that a reader finds, and its content."""
    named = json.loads(bucket.read("latest.json"))
    content = bucket.read(f"{named['path']}dim_seasons.parquet").decode()
    return {**named, "content": content}


def test_the_newest_release_is_the_latest_in_a_bucket(data: Path, bucket: Prefix) -> None:
    done = f"Release 2025-03-09 is published: {bucket.url}\n"
    assert publish_to_s3(data, bucket) == (0, done)
    first = {"version": "2025-03-09", "path": "2025-03-09/", "content": "2025-03-09"}
    assert latest(bucket) == first
    sent = bucket.objects()
    assert publish_to_s3(data, bucket) == (0, done)
    assert bucket.objects() == sent, "it is there already"
    release(data, "2025-03-16")
    assert publish_to_s3(data, bucket)[0] == 0
    assert latest(bucket)["content"] == "2025-03-16"
    assert "2025-03-09/dim_seasons.parquet" in bucket.objects(), "somebody may be reading it"


def test_the_latest_release_in_a_bucket_is_always_complete(
    data: Path, bucket: Prefix, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that is cut short leaves the last release, and the next one completes it."""
    import publish as script

    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    assert publish_to_s3(data, bucket)[0] == 0
    release(data, "2025-03-16")
    (data / "releases" / "2025-03-16" / "fct_laps.parquet").touch()
    public = script.PublicPrefix(bucket.url)
    put_file = public.files.put_file

    def cut_short(source: str, target: str) -> Any:
        if source.endswith("fct_laps.parquet"):
            raise TimeoutError
        return put_file(source, target)

    monkeypatch.setattr(public.files, "put_file", cut_short)
    with pytest.raises(script.PlainError, match="S3 does not answer"):
        public.publish(data / "releases" / "2025-03-16")
    assert latest(bucket)["content"] == "2025-03-09"
    assert publish_to_s3(data, bucket)[0] == 0
    assert latest(bucket)["content"] == "2025-03-16"
    assert "2025-03-16/fct_laps.parquet" in bucket.objects()


def test_a_bucket_that_cannot_be_used_is_reported(data: Path, bucket: Prefix) -> None:
    code, said = publish_to_s3(data, bucket, AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert (code, said.count("\n")) == (TEMPORARY, 1)
    assert f"{bucket.url}: S3 does not answer" in said
    bucket.url = "s3://no-such-bucket/f1"
    code, said = publish_to_s3(data, bucket)
    assert (code, said.count("\n")) == (2, 1)
    assert "there is no such bucket; create it, or correct the address" in said
    bucket.url = "s3://pitwall/a b"
    assert publish_to_s3(data, bucket)[1].startswith("publish: the address: 's3://pitwall/a b' is not plain")
