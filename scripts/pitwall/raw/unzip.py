"""Unpack the wanted files of a zip. Its size, its paths and its packing are not trusted."""

import io
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from pitwall.command import PlainError

MAX_UNZIPPED = 64 * 2**30  # bytes
MAX_RATIO = 100  # race data shrink about tenfold; a zip bomb a thousandfold
MAX_DIRECTORY = 4 * 2**20  # bytes of the list of files in a zip, which is read as a whole
ALWAYS_UNZIPPED = 64 * 2**20  # bytes to which MAX_RATIO does not apply
CHUNK = 1 << 18  # bytes


class Zip(io.FileIO):
    """A zip file whose list of files may not fill the memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as usual, but raise BadZipFile if zipfile asks for too large a list of files at once."""
        if size is not None and size > MAX_DIRECTORY:
            raise zipfile.BadZipFile("it lists too many files")
        return super().read(size)


def unzip(archive: Path, folder: Path, wanted: set[str], name: str) -> dict[str, str]:
    """Unpack the wanted files, which may be anywhere in the zip, into one flat folder.

    Args:
        wanted: the base names of the files, in lower case. They may be in any case in the zip.
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
                base = _path(member).name.lower()
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


def _path(member: zipfile.ZipInfo) -> PurePosixPath:
    """The path of a file in the zip. Some programs for Windows separate its parts with backslashes."""
    return PurePosixPath(member.filename.replace("\\", "/"))


def _check_path(member: zipfile.ZipInfo, name: str) -> None:
    path = _path(member)
    if path.is_absolute() or ".." in path.parts or member.filename[1:2] == ":":
        raise PlainError(f"{name}: climbs out of its folder with {member.filename!r}; do not trust it")
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise PlainError(
            f"{name}: {member.filename!r} is no file but a symbolic link, a pipe or a device; do not trust it"
        )


def _check_packing(member: zipfile.ZipInfo, name: str) -> None:
    if member.flag_bits & 1:
        raise PlainError(f"{name}: {member.filename!r} is encrypted; unpack it and give the folder")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise PlainError(
            f"{name}: {member.filename!r} is packed in an uncommon way; unpack it and give the folder"
        )
