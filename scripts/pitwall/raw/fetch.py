"""Bring raw files to this machine: download a URL, unpack a zip. Time and size are limited in both."""

import http.client
import io
import os
import stat
import tempfile
import threading
import urllib.error
import urllib.request
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import urlsplit

from tqdm import tqdm

from pitwall.command import PlainError

MAX_DOWNLOAD = 8 * 2**30  # bytes
MAX_UNZIPPED = 64 * 2**30  # bytes
MAX_RATIO = 100  # race data shrink about tenfold; a zip bomb a thousandfold
MAX_DIRECTORY = 4 * 2**20  # bytes of the list of files in a zip, which is read as a whole
ALWAYS_UNZIPPED = 64 * 2**20  # bytes to which MAX_RATIO does not apply
IDLE = 30.0  # seconds without a byte
CHUNK = 1 << 18  # bytes


def time_limit() -> float:
    """The seconds that a download may take: `$PITWALL_FETCH_TIMEOUT`, or half an hour."""
    text = os.environ.get("PITWALL_FETCH_TIMEOUT") or "1800"
    try:
        return float(text)
    except ValueError:
        raise PlainError(f"PITWALL_FETCH_TIMEOUT: {text!r} is not a number of seconds") from None


def is_url(text: str) -> bool:
    """Whether the text is an http(s) address."""
    return text.lower().startswith(("http://", "https://"))


def without_secrets(url: str) -> str:
    """The URL as messages show it: without password, query and token."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def fetch(
    url: str, destination: Path, *, max_bytes: int = MAX_DOWNLOAD, timeout: float | None = None
) -> None:
    """Download an http(s) URL to a file. It is written to another name, and renamed once it is complete.

    Args:
        max_bytes: the largest download to accept.
        timeout: seconds for the whole download. The default is `time_limit()`.

    Raises:
        PlainError: no such page, no answer, too slow, too large, or cut short. An older file is then
        unchanged.
    """
    limit = time_limit() if timeout is None else timeout
    if not is_url(url) or not urlsplit(url).hostname:
        raise PlainError(f"{url}: not an http(s) URL")
    shown = without_secrets(url)
    destination.parent.mkdir(parents=True, exist_ok=True)
    stop = threading.Event()
    failure: list[Exception] = []

    def work() -> None:
        try:
            _download(url, file, max_bytes, min(IDLE, limit), stop)
        except Exception as error:
            failure.append(error)

    descriptor, name = tempfile.mkstemp(prefix=destination.name, suffix=".part", dir=destination.parent)
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            # Name lookup and headers have no total time limit. With a thread we can stop waiting for them.
            worker = threading.Thread(target=work, daemon=True)
            worker.start()
            worker.join(limit)
            stop.set()
        if worker.is_alive():
            raise PlainError(f"{shown}: not downloaded within {limit:g} seconds; try again later")
        if failure:
            raise PlainError(f"{shown}: {_reason(failure[0])}")
        part.chmod(0o644)
        part.replace(destination)
    finally:
        stop.set()
        part.unlink(missing_ok=True)


def _download(url: str, file: BinaryIO, max_bytes: int, idle: float, stop: threading.Event) -> None:
    request = urllib.request.Request(url, headers={"User-Agent": "pitwall"})
    with urllib.request.urlopen(request, timeout=idle) as response:
        expected = int(response.headers.get("Content-Length") or 0)
        if expected > max_bytes:
            raise PlainError(f"larger than the {max_bytes:,} bytes allowed")
        received = 0
        with tqdm(total=expected or None, unit="B", unit_scale=True, desc="download", disable=None) as bar:
            # read1 returns what has arrived; read would wait for a full chunk from a slow server.
            while not stop.is_set() and (chunk := response.read1(CHUNK)):
                received += len(chunk)
                if received > max_bytes:
                    raise PlainError(f"larger than the {max_bytes:,} bytes allowed")
                file.write(chunk)
                bar.update(len(chunk))
        if received < expected:
            raise PlainError(f"cut short after {received:,} of {expected:,} bytes; try again")


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        return f"the server answers {error.code} {error.reason}"
    if isinstance(error, TimeoutError) or isinstance(getattr(error, "reason", None), TimeoutError):
        return "no answer from the server; try again later"
    if isinstance(error, http.client.HTTPException):
        return f"the server does not speak proper HTTP ({type(error).__name__})"
    return str(getattr(error, "reason", error))


class Zip(io.FileIO):
    """A zip file whose list of files may not fill the memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as usual, but raise BadZipFile if zipfile asks for too large a list of files at once."""
        if size is not None and size > MAX_DIRECTORY:
            raise zipfile.BadZipFile("it lists too many files")
        return super().read(size)


def unzip(archive: Path, folder: Path, wanted: set[str], *, name: str) -> dict[str, str]:
    """Unpack the wanted files, which may be anywhere in the zip, into one flat folder.

    Args:
        wanted: the base names of the files.
        name: what messages call the archive.

    Returns:
        The full name inside the zip of each file that was found.

    Raises:
        PlainError: not a zip, damaged, encrypted, climbing out of its folder, inflating without bound, or
            with a wanted file twice.
    """
    found: dict[str, str] = {}
    budget = min(MAX_UNZIPPED, max(ALWAYS_UNZIPPED, MAX_RATIO * archive.stat().st_size))
    try:
        with Zip(archive) as opened, zipfile.ZipFile(opened) as zipped:
            for member in zipped.infolist():
                _check_path(member, name)
                base = PurePosixPath(member.filename).name
                if base not in wanted or member.is_dir():
                    continue
                _check_packing(member, name)
                if base in found:
                    raise PlainError(f"{name}: holds {base} twice: {found[base]} and {member.filename}")
                found[base] = member.filename
                # Count the bytes that really come out: the sizes in the zip's own list may be wrong.
                with zipped.open(member) as packed, (folder / base).open("wb") as file:
                    while chunk := packed.read(CHUNK):
                        budget -= len(chunk)
                        if budget < 0:
                            raise PlainError(f"{name}: inflates without bound (in {member.filename})")
                        file.write(chunk)
    # NotImplementedError is what zipfile raises for a compression that it does not know.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise PlainError(f"{name}: not a zip, or a damaged one ({error})") from None
    return found


def _check_path(member: zipfile.ZipInfo, name: str) -> None:
    path = PurePosixPath(member.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or member.filename[1:2] == ":":
        raise PlainError(f"{name}: climbs out of its folder with {member.filename!r}; do not trust it")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise PlainError(f"{name}: {member.filename!r} is a symbolic link; do not trust it")


def _check_packing(member: zipfile.ZipInfo, name: str) -> None:
    if member.flag_bits & 1:
        raise PlainError(f"{name}: {member.filename!r} is encrypted; unpack it and give the folder")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise PlainError(
            f"{name}: {member.filename!r} is packed in an uncommon way; unpack it and give the folder"
        )


def locate(raw: str, wanted: set[str], work: Path) -> dict[str, tuple[str, Path]]:
    """Find files in a folder (or in `data/` of that folder), a zip or the URL of a zip.

    Args:
        work: a folder for what has to be downloaded or unpacked.

    Returns:
        For each wanted file, its name inside the folder or zip, and the path to read it from.

    Raises:
        PlainError: a file is missing, or the zip or URL cannot be used.
    """
    archive = folder = Path(raw)
    if archive.is_dir():
        if not any((folder / name).is_file() for name in wanted):
            folder /= "data"
        names = {name: name for name in wanted if (folder / name).is_file()}
    else:
        if is_url(raw):
            archive = work / "download.zip"
            fetch(raw, archive)
        folder, names = work, unzip(archive, work, wanted, name=raw)
    if missing := sorted(wanted - set(names)):
        raise PlainError(f"{raw}: no {', '.join(missing)} in it")
    return {name: (names[name], folder / name) for name in wanted}
