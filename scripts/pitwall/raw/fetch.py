"""Download a file from an http(s) URL. Time and size are limited, and no message shows a secret."""

import http.client
import os
import re
import ssl
import tempfile
import threading
import urllib.error
import urllib.request
from http.client import HTTPMessage
from pathlib import Path
from typing import IO, Any, BinaryIO
from urllib.parse import quote, urljoin, urlsplit

from tqdm import tqdm

from pitwall.command import PlainError, TemporaryError

MAX_DOWNLOAD = 8 * 2**30  # bytes
MAX_SECONDS = 86_400  # the longest time limit: threads do not accept just any number
IDLE = 30.0  # seconds without a byte
BUSY = (408, 425, 429, 500, 502, 503, 504)  # answers of a server that may be another one later
CHUNK = 1 << 18  # bytes
ADDRESS = re.compile(r"(\s*[a-z][a-z0-9+.-]*:[/\\]+)([^/?#\\]*)([^?#;]*)", re.IGNORECASE)


def time_limit() -> float:
    """The seconds that a download may take: `$PITWALL_FETCH_TIMEOUT`, or half an hour."""
    text = os.environ.get("PITWALL_FETCH_TIMEOUT") or "1800"
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= MAX_SECONDS:  # also false for nan
        raise PlainError(f"PITWALL_FETCH_TIMEOUT: {text!r} is not a number of seconds up to {MAX_SECONDS:,}")
    return seconds


def is_url(text: str) -> bool:
    """Whether the text is an http(s) address."""
    return text.lower().startswith(("http://", "https://"))


def without_secrets(text: str) -> str:
    """A path or an address as messages show it: an address without user, password, query and fragment."""
    match = ADDRESS.match(text)
    if not match:
        return text
    scheme, host, path = match.groups()
    host = host.rpartition("@")[2]
    # Without a proper host and port, this may be the start of a password with a slash in it.
    is_host = re.fullmatch(r"([^:\[\]]*|\[[0-9a-fA-F:.]*\])(:[0-9]*)?", host)
    return f"{scheme}{host}{path}" if is_host else f"{scheme}..."


def checked(url: str) -> str:
    """The URL as it is sent, with spaces and accents of its path escaped. Raises PlainError if it is none."""
    try:
        parts = urlsplit(url)
        if not is_url(url) or not parts.hostname or parts.port == 0 or re.search(r"\s", parts.netloc):
            raise ValueError
        parts.hostname.encode("idna")
    except ValueError:
        raise PlainError(f"{without_secrets(url)}: not an http(s) URL") from None
    if "@" in parts.netloc:
        raise PlainError(
            f"{without_secrets(url)}: a URL with a user or a password is not supported; "
            "download the file, then give its path"
        )
    path, query = (
        quote(part, safe="/%:=&?~+!$,;'@()*[]", errors="surrogateescape")
        for part in (parts.path, parts.query)
    )
    return parts._replace(path=path, query=query, fragment="").geturl()


def fetch(
    url: str, destination: Path, *, max_bytes: int = MAX_DOWNLOAD, timeout: float | None = None
) -> None:
    """Download an http(s) URL to a file. It is written to another name, and renamed once it is complete.

    Args:
        max_bytes: the largest download to accept.
        timeout: seconds for the whole download. The default is `time_limit()`.

    Raises:
        TemporaryError: no answer, too slow, cut short, or an error of the server itself.
        PlainError: no such page, or too large. In both cases an older file stays as it is.
    """
    limit = time_limit() if timeout is None else timeout
    address, shown = checked(url), without_secrets(url)
    destination.parent.mkdir(parents=True, exist_ok=True)
    stop = threading.Event()
    failure: list[Exception] = []

    def work() -> None:
        try:
            _download(address, file, max_bytes, min(IDLE, limit), stop)
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
            raise TemporaryError(f"{shown}: not downloaded within {limit:g} seconds; try again later")
        if failure:
            kind = TemporaryError if _can_pass(failure[0]) else PlainError
            raise kind(f"{shown}: {_reason(failure[0])}")
        part.chmod(0o644)
        part.replace(destination)
    finally:
        stop.set()
        part.unlink(missing_ok=True)


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect to another http(s) address, but never from https to http."""

    def http_error_302(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage
    ) -> Any:
        """Check the new address before the library does, whose messages show it with its secrets."""
        fp.close()  # the library would read all of an answer that may never end
        location = headers.get("location") or headers.get("uri") or ""
        try:
            address = checked(urljoin(req.full_url, location))
        except (PlainError, ValueError):
            address = ""
        if not address or (req.type == "https" and not address.lower().startswith("https:")):
            raise PlainError(
                f"it redirects to {without_secrets(location)}; only http(s) addresses are followed, "
                "and from https only https"
            )
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _download(url: str, file: BinaryIO, max_bytes: int, idle: float, stop: threading.Event) -> None:
    request = urllib.request.Request(url, headers={"User-Agent": "pitwall"})
    with urllib.request.build_opener(Redirects).open(request, timeout=idle) as response:
        expected = response.length or 0
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
            raise TemporaryError(f"cut short after {received:,} of {expected:,} bytes; try again")


def _can_pass(error: Exception) -> bool:
    """Whether the same request may succeed later."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code in BUSY
    if isinstance(error, PlainError):
        return isinstance(error, TemporaryError)
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return False
    return isinstance(
        error, urllib.error.URLError | http.client.HTTPException | ConnectionError | TimeoutError
    )


def _reason(error: Exception) -> str:
    if isinstance(error, PlainError):
        return str(error)
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        return f"the server answers {error.code} {error.reason}"
    if isinstance(error, TimeoutError) or isinstance(getattr(error, "reason", None), TimeoutError):
        return "no answer from the server; try again later"
    if isinstance(error, http.client.HTTPException):
        return f"the server does not speak proper HTTP ({type(error).__name__})"
    if isinstance(error, OSError):
        return str(getattr(error, "reason", error))
    # Its text may show an address with its secrets, for example that of a proxy.
    return f"cannot be downloaded ({type(error).__name__}); check the URL and the proxy settings"
