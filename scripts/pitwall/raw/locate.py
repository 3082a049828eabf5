"""Find the raw files in what the user names: a folder, a zip, or the URL of a zip."""

import re
from collections.abc import Iterable
from itertools import chain, islice
from pathlib import Path

from pitwall.command import PlainError
from pitwall.raw.fetch import fetch, is_url, without_secrets
from pitwall.raw.unzip import unzip

ANOTHER_ADDRESS = re.compile(r"\s*([a-z][a-z0-9+.-]*:[/\\]|file:)", re.IGNORECASE)
SEARCHED = 20_000  # files and folders in which to look for a better folder to name


def check_local(path: str | Path) -> None:
    """Raise PlainError for an address, which is no path, and for a path that Polars cannot open."""
    if ANOTHER_ADDRESS.match(str(path)):
        raise PlainError(f"{without_secrets(str(path))}: an address, where a path on this machine is needed")
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise PlainError(f"{path}: this path is not UTF-8 text; rename it, or name it by a link") from None


def check_raw(raw: str) -> None:
    """Raise PlainError unless there is a folder or a file of this name, or it is an http(s) address."""
    if is_url(raw):
        return
    if not raw or ANOTHER_ADDRESS.match(raw):
        raise PlainError(
            f"{without_secrets(raw) or 'RAW is empty'}: name a folder of CSVs, a zip of them, "
            "or the http(s) address of such a zip"
        )
    path = Path(raw)
    if path.is_dir():
        check_local(path)
    elif not path.exists():
        raise PlainError(f"{raw}: no such folder or zip")
    elif not path.is_file():
        raise PlainError(f"{raw}: neither a folder nor a zip file, but a pipe, a socket or a device")


def locate(
    raw: str, wanted: set[str], work: Path, optional: frozenset[str] = frozenset()
) -> dict[str, tuple[str, Path]]:
    """Find files in a folder (or in `data/` of that folder), a zip or the URL of a zip.

    Args:
        wanted: the names of the files, in lower case. Their real names may be in any case.
        work: a folder for what has to be downloaded or unpacked.
        optional: the names of further files, which may be missing.

    Returns:
        For each file that is there, its name inside the folder or zip, and the path to read it from.

    Raises:
        PlainError: a wanted file is missing, or the zip or URL cannot be used.
    """
    check_raw(raw)
    shown, hint = without_secrets(raw), ""
    if is_url(raw) or not Path(raw).is_dir():
        archive = Path(raw)
        if is_url(raw):
            archive = work / "download.zip"
            if not archive.exists():  # find() may have downloaded it
                fetch(raw, archive)
        inside = unzip(archive, work, wanted | optional, shown)
        found = {name: (member, work / name) for name, member in inside.items()}
    else:
        folder = Path(raw)
        holder = folder if _in_folder(folder, wanted) else folder / "data"
        paths = _in_folder(holder, wanted)
        paths |= _in_folder(holder, set(optional)) if paths else {}
        found = {name: (path.name, path) for name, path in paths.items()}
        if not found and (below := _folder_below(folder, wanted)):
            hint = f"; such files are in {below}: name that folder"
    if missing := sorted(wanted - set(found)):
        raise PlainError(f"{shown}: no {', '.join(missing)} in it{hint}")
    return found


def find(raw: str, names: set[str], work: Path) -> dict[str, Path]:
    """Find files as locate() does, none of which has to be there. Returns their paths."""
    check_raw(raw)
    if not is_url(raw) and Path(raw).is_dir():
        return _in_folder(Path(raw), names) or _in_folder(Path(raw) / "data", names)
    archive = work / "download.zip" if is_url(raw) else Path(raw)
    if is_url(raw):
        fetch(raw, archive)
    return {name: work / name for name in unzip(archive, work, names, without_secrets(raw))}


def _in_folder(folder: Path, wanted: set[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        name = path.name.lower()
        if name not in wanted or path.is_dir():
            continue
        if name in found:
            raise PlainError(f"{folder}: holds both {found[name].name} and {path.name}; keep one of them")
        if not path.is_file():
            raise PlainError(f"{path}: no file but a pipe, a socket, a device or a broken link")
        found[name] = path
    return found


def _folder_below(folder: Path, wanted: set[str]) -> Path | None:
    """The first folder, at most three levels down, that has a wanted file."""
    paths: Iterable[Path] = chain.from_iterable(folder.glob(each) for each in ("*/*", "*/*/*", "*/*/*/*"))
    return next((path.parent for path in islice(paths, SEARCHED) if path.name.lower() in wanted), None)
