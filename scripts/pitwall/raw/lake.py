"""The lake: the Parquet files in an S3 bucket, where `PITWALL_LAKE=s3://bucket/prefix` says.

    <prefix>/load_manifest.parquet       the converter's record of each table, with its SHA-256
    <prefix>/<table>/<sha256>.parquet    a table; an object never changes, new content has a new name

The manifest is put last, in one piece, and only if nobody else has put one meanwhile: whoever reads sees
either the last load or this one. Credentials, region and endpoint come from the environment, as in every AWS
client, and are never told.
"""

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
from tqdm import tqdm

from pitwall.command import PlainError
from pitwall.data_folder import swap
from pitwall.raw.manifest import MANIFEST, is_whole, read_manifest

# No quote, no `..`, no wildcard: the address becomes part of SQL.
ADDRESS = re.compile(r"s3://[a-z0-9][a-z0-9.-]*[a-z0-9](/[A-Za-z0-9_=-][A-Za-z0-9_.=-]*)*/?")
# A few seconds where nobody answers, instead of minutes.
PATIENCE = {"connect_timeout": 3, "read_timeout": 60, "retries": {"max_attempts": 1}}

REASONS = {
    "NoSuchBucket": "there is no such bucket; make it, or mend PITWALL_LAKE",
    "InvalidAccessKeyId": "S3 does not know these credentials; check AWS_ACCESS_KEY_ID or AWS_PROFILE",
    "SignatureDoesNotMatch": "S3 refuses these credentials; check AWS_SECRET_ACCESS_KEY or AWS_PROFILE",
    "ExpiredToken": "the credentials have expired; get new ones",
    "PreconditionFailed": "another run has put a load there meanwhile, which stays; start again",
}


class Lake:
    """A prefix in a bucket. Every method raises PlainError for what a person can mend."""

    def __init__(self, url: str) -> None:
        if not url.startswith("s3://"):
            raise PlainError(f"PITWALL_LAKE: {url!r} is no address like s3://bucket/prefix")
        if not ADDRESS.fullmatch(url):
            raise PlainError(
                f"PITWALL_LAKE: {url!r} is not plain: letters, digits and - _ = . only, "
                "and no part of the prefix begins with a dot"
            )
        try:
            import s3fs
        except ImportError:
            raise PlainError(
                f"{url}: s3fs is not installed; `make build` with PITWALL_LAKE set installs it"
            ) from None
        self.url = url.rstrip("/")
        self.files = s3fs.S3FileSystem(
            config_kwargs=PATIENCE, use_listings_cache=False, skip_instance_cache=True
        )
        self.files.retries = 1

    def __str__(self) -> str:
        return self.url

    def tables(self) -> dict[str, dict[str, Any]]:
        """The rows of the manifest by table; none if nothing was ever put there."""
        return self._manifest()[0]

    def check(self) -> None:
        """Make sure that there is a load, and that it is whole."""
        tables = self.tables()
        if not tables:
            raise PlainError(
                f"{self}: no data there yet; `make build RAW=path` converts them and puts them there"
            )
        self._check_whole(tables, self._objects())

    def publish(self, data: Path) -> None:
        """Put what was converted into `data`/parquet there, in place of the last load."""
        folder = data / "parquet"
        objects = {_object(row): folder / f"{name}.parquet" for name, row in read_manifest(folder).items()}
        last, tag, _ = self._manifest()
        there = self._objects()
        to_send = [name for name, file in objects.items() if there.get(name) != file.stat().st_size]
        with self._told():
            for name in tqdm(to_send, unit="table", leave=False, disable=None):
                self.files.put_file(str(objects[name]), f"{self}/{name}")
            only_if = {"IfMatch": tag} if tag else {"IfNoneMatch": "*"}
            self.files.pipe_file(f"{self}/{MANIFEST}", (folder / MANIFEST).read_bytes(), **only_if)
        there = self._objects()
        self._check_whole(self.tables(), there)
        # The last load stays, for whoever is reading it.
        self._remove(there.keys() - objects.keys() - {_object(row) for row in last.values()})
        print(f"{len(to_send)} tables sent, {len(objects) - len(to_send)} were there: {self}")

    def fetch(self, data: Path) -> None:
        """Bring the load into `data`/parquet, for what cannot read it there. Needs the lock of the folder."""
        self.check()
        tables, content = self._manifest()[::2]
        fresh, kept = data / "parquet.new", data / "parquet"
        fresh.mkdir()
        (data / "quarantine.new").mkdir()
        for name in tqdm(tables, unit="table", leave=False, disable=None):
            if is_whole(kept, tables[name]):
                os.link(kept / f"{name}.parquet", fresh / f"{name}.parquet")
            else:
                self._get(tables[name], fresh)
        (fresh / MANIFEST).write_bytes(content)
        swap(data)

    def fetch_table(self, name: str, folder: Path) -> Path:
        """Bring one table into the folder. Returns its file."""
        return self._get(self.tables()[name], folder)

    def _get(self, row: dict[str, Any], folder: Path) -> Path:
        """Bring a table into the folder, and make sure that it arrived as it was sent."""
        file = folder / f"{row['table_name']}.parquet"
        with self._told(_object(row)):
            self.files.get_file(f"{self}/{_object(row)}", str(file))
        if not is_whole(folder, row):
            file.unlink()
            raise PlainError(
                f"{self}/{_object(row)}: is not what was put there; put it anew with `make build RAW=path`"
            )
        return file

    def _manifest(self) -> tuple[dict[str, dict[str, Any]], str, bytes]:
        """The rows of the manifest by table, the tag of its version, and its content; all empty if none."""
        with self._told():
            try:
                tag = self.files.info(f"{self}/{MANIFEST}")["ETag"]
                content = self.files.cat_file(f"{self}/{MANIFEST}")
            except FileNotFoundError:
                # S3 does not tell a missing bucket from a missing object here; a listing does.
                self.files.call_s3("list_objects_v2", Bucket=self.url.split("/")[2], MaxKeys=1)
                return {}, "", b""
        try:
            rows = pl.read_parquet(io.BytesIO(content)).to_dicts()
            for row in rows:
                if not re.fullmatch(r"[a-z_]+/[0-9a-f]{64}\.parquet", _object(row)):
                    raise ValueError
            return {row["table_name"]: row for row in rows}, tag, content
        except (pl.exceptions.PolarsError, KeyError, ValueError):
            raise PlainError(
                f"{self}/{MANIFEST}: is no manifest of Pitwall; is this another's lake?"
            ) from None

    def _objects(self) -> dict[str, int]:
        """The sizes of the objects that are, or once were, tables. Nothing else is ever touched."""
        with self._told():
            found = self.files.find(self.url, detail=True)
        start = len(self.url.removeprefix("s3://")) + 1
        sizes = {name[start:]: info["size"] for name, info in found.items()}
        return {
            name: size for name, size in sizes.items() if re.fullmatch(r"[a-z_]+/[0-9a-f]{64}\.parquet", name)
        }

    def _check_whole(self, tables: dict[str, dict[str, Any]], there: dict[str, int]) -> None:
        for row in tables.values():
            if there.get(_object(row)) != row["parquet_bytes"]:
                raise PlainError(
                    f"{self}/{_object(row)}: the manifest names it, but it is not there, or not whole; "
                    "put it there with `make build RAW=path`"
                )

    def _remove(self, names: set[str]) -> None:
        """Remove objects that no load of use has. That some stay is no failure."""
        try:
            for name in sorted(names):
                self.files.rm_file(f"{self}/{name}")
        except OSError:
            print(f"{self}: objects of earlier loads stay, S3 does not let them be removed")

    @contextmanager
    def _told(self, name: str = "") -> Iterator[None]:
        """Tell a failure of S3 in words of our own: no text of its client, no name of a credential."""
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ProfileNotFound

        place = f"{self}/{name}" if name else str(self)
        try:
            yield
        except NoCredentialsError:
            raise PlainError(
                f"{place}: no credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            ) from None
        except ProfileNotFound:
            raise PlainError(f"{place}: there is no profile of the name in AWS_PROFILE") from None
        except ValueError:
            raise PlainError(f"{place}: AWS_ENDPOINT_URL is no address like https://host") from None
        except (BotoCoreError, TimeoutError) as error:
            raise PlainError(
                f"{place}: S3 does not answer ({type(error).__name__}); mend the network or AWS_ENDPOINT_URL"
            ) from None
        except OSError as error:
            cause = error.__cause__
            if not isinstance(cause, ClientError):
                raise
            code = cause.response.get("Error", {}).get("Code", "")
            if code in REASONS:
                reason = REASONS[code]
            elif isinstance(error, PermissionError):
                reason = "no access with these credentials"
            else:
                reason = f"S3 says {code}"
            raise PlainError(f"{place}: {reason}") from None


def _object(row: dict[str, Any]) -> str:
    return f"{row['table_name']}/{row['parquet_sha256']}.parquet"


def lake_from_environment() -> Lake | None:
    """The lake that `$PITWALL_LAKE` names, or none. Raises PlainError if it cannot be one."""
    url = os.environ.get("PITWALL_LAKE")
    return Lake(url) if url else None
