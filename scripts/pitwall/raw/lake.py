"""The lake: the Parquet files in an S3 bucket, at the address in `PITWALL_LAKE=s3://bucket/prefix`.

    <prefix>/load_manifest.parquet       the load manifest: a row per table, with the SHA-256 of its Parquet
    file <prefix>/<table>/<sha256>.parquet    a table. An object never changes; new content has a new name

The manifest is put last, as one object, and only if nobody has put another one meanwhile. So a reader sees
either the last load or this one. Credentials, region and endpoint come from the environment, as in every AWS
client, and are never printed.
"""

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from pitwall.command import PlainError, TemporaryError
from pitwall.data_folder import swap
from pitwall.raw.manifest import MANIFEST, Row, is_intact, parse_manifest, read_manifest
from pitwall.raw.values import POLARS_ERRORS

# No quote, no `..`, no wildcard, because the address becomes part of SQL.
ADDRESS = re.compile(r"s3://[a-z0-9][a-z0-9.-]*[a-z0-9](/[A-Za-z0-9_=-][A-Za-z0-9_.=-]*)*/?")
OBJECT = re.compile(r"[a-z_]+/[0-9a-f]{64}\.parquet")
# Without these, S3's client waits minutes for a server that does not answer.
TIMEOUTS = {"connect_timeout": 3, "read_timeout": 60, "retries": {"max_attempts": 1}}

REASONS = {
    "NoSuchBucket": "there is no such bucket; create it, or correct {setting}",
    "InvalidAccessKeyId": "S3 does not know these credentials; check AWS_ACCESS_KEY_ID or AWS_PROFILE",
    "SignatureDoesNotMatch": "S3 refuses these credentials; check AWS_SECRET_ACCESS_KEY or AWS_PROFILE",
    "ExpiredToken": "the credentials have expired; get new ones",
    "PreconditionFailed": "another run has put a load there meanwhile, which stays; start again",
}


class Load(NamedTuple):
    """A load as its manifest describes it. Without a load all fields are empty."""

    tables: dict[str, Row]  # the rows of the manifest, by table name
    tag: str  # the version of the manifest in S3
    content: bytes  # the manifest itself


class Prefix:
    """A prefix in a bucket. Every method raises PlainError for a failure that the user can correct."""

    setting = "PITWALL_LAKE"  # where the user has named it
    installed_by = "`make build` with PITWALL_LAKE set"

    def __init__(self, url: str) -> None:
        if not url.startswith("s3://"):
            raise PlainError(f"{self.setting}: {url!r} is no address like s3://bucket/prefix")
        if not ADDRESS.fullmatch(url):
            raise PlainError(
                f"{self.setting}: {url!r} is not plain: only letters, digits and - _ = . are allowed, "
                "and no part of the prefix may start with a dot"
            )
        try:
            import s3fs
        except ImportError:
            raise PlainError(f"{url}: s3fs is not installed; {self.installed_by} installs it") from None
        self.url = url.rstrip("/")
        self.files = s3fs.S3FileSystem(
            config_kwargs=TIMEOUTS, use_listings_cache=False, skip_instance_cache=True
        )
        self.files.retries = 1

    def __str__(self) -> str:
        return self.url

    @contextmanager
    def plain_errors(self, name: str = "") -> Iterator[None]:
        """Turn a failure of S3 into a PlainError, without any text or credential of the S3 client.

        Args:
            name: the object that is read or written. The default is the whole prefix.
        """
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ProfileNotFound

        address = f"{self}/{name}" if name else str(self)
        try:
            yield
        except NoCredentialsError:
            raise PlainError(
                f"{address}: no credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            ) from None
        except ProfileNotFound:
            raise PlainError(f"{address}: there is no profile of the name in AWS_PROFILE") from None
        except ValueError:
            raise PlainError(f"{address}: AWS_ENDPOINT_URL is no address like https://host") from None
        except (BotoCoreError, TimeoutError) as error:
            raise TemporaryError(
                f"{address}: S3 does not answer ({type(error).__name__}); "
                "check the network and AWS_ENDPOINT_URL"
            ) from None
        except OSError as error:
            cause = error.__cause__
            if not isinstance(cause, ClientError):
                raise
            code = cause.response.get("Error", {}).get("Code", "")
            if code in REASONS:
                reason = REASONS[code].format(setting=self.setting)
            elif isinstance(error, PermissionError):
                reason = "no access with these credentials"
            else:
                reason = f"S3 answers {code}"
            raise PlainError(f"{address}: {reason}") from None


class Lake(Prefix):
    """The prefix of a lake."""

    def tables(self) -> dict[str, Row]:
        """The rows of the manifest by table name. Without a load there are none."""
        return self._load().tables

    def check(self) -> None:
        """Raise PlainError unless there is a load, with all its objects."""
        tables = self.tables()
        if not tables:
            raise PlainError(
                f"{self}: no data there yet; `make build RAW=path` converts raw files and puts them there"
            )
        self._check_complete(tables, self._objects())

    def publish(self, data: Path) -> None:
        """Put what was converted into `data`/parquet there, as the new load."""
        folder = data / "parquet"
        paths = {_object(row): folder / f"{name}.parquet" for name, row in read_manifest(folder).items()}
        last = self._load()
        sizes = self._objects()
        to_send = [name for name, path in paths.items() if sizes.get(name) != path.stat().st_size]
        with self.plain_errors():
            for name in tqdm(to_send, unit="table", leave=False, disable=None):
                self.files.put_file(str(paths[name]), f"{self}/{name}")
            only_if = {"IfMatch": last.tag} if last.tag else {"IfNoneMatch": "*"}
            self.files.pipe_file(f"{self}/{MANIFEST}", (folder / MANIFEST).read_bytes(), **only_if)
        sizes = self._objects()
        self._check_complete(self.tables(), sizes)
        # The objects of the last load stay, because somebody may be reading them.
        self._remove(sizes.keys() - paths.keys() - {_object(row) for row in last.tables.values()})
        print(f"{len(to_send)} tables sent, {len(paths) - len(to_send)} were there: {self}")

    def fetch(self, data: Path) -> None:
        """Copy the load into `data`/parquet, for engines that cannot read S3. Needs the folder's lock."""
        self.check()
        load = self._load()
        fresh, kept = data / "parquet.new", data / "parquet"
        fresh.mkdir()
        (data / "quarantine.new").mkdir()
        for name, row in tqdm(load.tables.items(), unit="table", leave=False, disable=None):
            if is_intact(kept, row):
                os.link(kept / f"{name}.parquet", fresh / f"{name}.parquet")
            else:
                self._get(row, fresh)
        (fresh / MANIFEST).write_bytes(load.content)
        swap(data)

    def fetch_table(self, name: str, folder: Path) -> Path:
        """Copy one table into the folder. Returns the path of the file."""
        return self._get(self.tables()[name], folder)

    def _get(self, row: Row, folder: Path) -> Path:
        """Copy a table into the folder, and check that it arrived as it was sent."""
        path = folder / f"{row['table_name']}.parquet"
        with self.plain_errors(_object(row)):
            self.files.get_file(f"{self}/{_object(row)}", str(path))
        if not is_intact(folder, row):
            path.unlink()
            raise PlainError(
                f"{self}/{_object(row)}: is not what was put there; "
                "put it there again with `make build RAW=path`"
            )
        return path

    def _load(self) -> Load:
        with self.plain_errors():
            try:
                tag = self.files.info(f"{self}/{MANIFEST}")["ETag"]
                content = self.files.cat_file(f"{self}/{MANIFEST}")
            except FileNotFoundError:
                # Here S3 does not distinguish a missing bucket from a missing object; a listing does.
                self.files.call_s3("list_objects_v2", Bucket=self.url.split("/")[2], MaxKeys=1)
                return Load({}, "", b"")
        try:
            tables = parse_manifest(io.BytesIO(content))
            if not all(OBJECT.fullmatch(_object(row)) for row in tables.values()):
                raise ValueError
            return Load(tables, tag, content)
        except (*POLARS_ERRORS, OSError, ValueError):
            raise PlainError(
                f"{self}/{MANIFEST}: is no manifest of Pitwall; name another lake with PITWALL_LAKE"
            ) from None

    def _objects(self) -> dict[str, int]:
        """The sizes of the objects that are tables, of this load or an earlier one. We touch no others."""
        with self.plain_errors():
            found = self.files.find(self.url, detail=True)
        start = len(self.url.removeprefix("s3://")) + 1
        sizes = {name[start:]: info["size"] for name, info in found.items()}
        return {name: size for name, size in sizes.items() if OBJECT.fullmatch(name)}

    def _check_complete(self, tables: dict[str, Row], sizes: dict[str, int]) -> None:
        for row in tables.values():
            if sizes.get(_object(row)) != row["parquet_bytes"]:
                raise PlainError(
                    f"{self}/{_object(row)}: the manifest names it, but it is missing or not complete; "
                    "put it there with `make build RAW=path`"
                )

    def _remove(self, names: set[str]) -> None:
        """Remove objects that no load needs any more. It is no failure if that is forbidden."""
        try:
            for name in sorted(names):
                self.files.rm_file(f"{self}/{name}")
        except OSError:
            print(f"{self}: objects of earlier loads stay, because S3 does not allow their removal")


def _object(row: Row) -> str:
    """The name of a table's object, below the prefix."""
    return f"{row['table_name']}/{row['parquet_sha256']}.parquet"


def lake_from_environment() -> Lake | None:
    """The lake that `$PITWALL_LAKE` names, if any. Raises PlainError if that is not the address of a lake."""
    url = os.environ.get("PITWALL_LAKE")
    return Lake(url) if url else None
