"""Downloads are limited in size and time, and a failed one changes nothing."""

import hashlib
import http.client
import http.server
import io
import json
import os
import re
import socketserver
import threading
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import fetch as fetch_command
from pitwall.command import TEMPORARY, PlainError, TemporaryError
from pitwall.raw import fetch
from pitwall.raw.jolpica import download

BODY = b"race data" * 10_000


def zip_content() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data/races.csv", "raceId\n1\n")
    return buffer.getvalue()


class Server:
    """A server on loopback. The path selects a good or a bad answer: each method below is a path."""

    def __init__(self) -> None:
        self.done = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                getattr(outer, self.path.strip("/").partition("?")[0])(self)

            def log_message(self, *_: object) -> None:
                pass

            def handle(self) -> None:
                # The client closes the connection after a bad answer.
                try:
                    super().handle()
                except (ConnectionError, ValueError):
                    self.close_connection = True

            def finish(self) -> None:
                try:
                    super().finish()
                except ConnectionError:
                    self.close_connection = True

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def reply(self, request: http.server.BaseHTTPRequestHandler, body: bytes, length: int | None) -> None:
        request.send_response(200)
        if length is not None:
            request.send_header("Content-Length", str(length))
        request.end_headers()
        request.wfile.write(body)

    def good(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self.reply(request, BODY, len(BODY))

    def no_length(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self.reply(request, BODY, None)

    def zip(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self.reply(request, zip_content(), None)

    def dumps(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self.index(request, hashlib.sha256(zip_content()).hexdigest().upper())

    def dumps_of_another_file(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self.index(request, hashlib.sha256(b"another file").hexdigest())

    def dumps_without_csv(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self.reply(request, b'{"delayed_dumps": {}}', None)

    def index(self, request: http.server.BaseHTTPRequestHandler, sha256: str) -> None:
        dump = {"download_url": f"{self.url}/zip?secret", "file_hash": sha256}
        self.reply(request, json.dumps({"delayed_dumps": {"csv": dump}}).encode(), None)

    def truncated(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self.reply(request, BODY, len(BODY) + 1)

    def too_large(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self.reply(request, b"", 10**15)

    def missing(self, request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_error(404)

    def busy(self, request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_error(503)

    def redirect(self, request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", "/good")
        request.end_headers()

    def redirect_loop(self, request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", "/redirect_loop")
        request.end_headers()

    def redirect_to_file(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self.send_to(request, "file:///etc/hostname?secret")

    def redirect_to_ftp(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self.send_to(request, "ftp://user:secret@127.0.0.1/x?secret")

    def redirect_to_nothing(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self.send_to(request, "http://[secret")

    def redirect_without_end(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self.send_to(request, "/good")
        while not self.done.is_set():
            request.wfile.write(b"x" * 65536)

    def send_to(self, request: http.server.BaseHTTPRequestHandler, address: str) -> None:
        request.send_response(302)
        request.send_header("Location", address)
        request.end_headers()

    def odd_length(self, request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "many")
        request.end_headers()
        request.wfile.write(BODY)

    def no_answer(self, _: http.server.BaseHTTPRequestHandler) -> None:
        self.done.wait(20)

    def stops_in_body(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self.reply(request, b"x", 100)
        request.wfile.flush()
        self.done.wait(20)

    def slow_body(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self.reply(request, b"", None)
        self.send_slowly(request)

    def slow_header(self, request: http.server.BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.0 200 OK\r\nX-Slow: ")
        self.send_slowly(request)

    def send_slowly(self, request: http.server.BaseHTTPRequestHandler) -> None:
        while not self.done.wait(0.02):
            request.wfile.write(b"x")
            request.wfile.flush()

    def endless(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self.reply(request, b"", None)
        while not self.done.is_set():
            request.wfile.write(b"x" * 65536)

    def not_http(self, request: http.server.BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"this is not HTTP\r\n\r\n")


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.done.set()
    server.server.shutdown()
    server.server.server_close()
    thread.join()


@pytest.mark.parametrize("path", ["good", "no_length", "odd_length", "redirect", "redirect_without_end"])
def test_downloads_a_complete_file(server: Server, tmp_path: Path, path: str) -> None:
    destination = tmp_path / "new" / "file.zip"
    fetch.fetch(f"{server.url}/{path}", destination, max_bytes=len(BODY), timeout=10)
    assert destination.read_bytes() == BODY
    assert list(destination.parent.iterdir()) == [destination]
    assert destination.stat().st_mode & 0o777 == 0o644


BAD_ANSWERS = {
    "missing": "the server answers 404 Not Found",
    "truncated": "cut short after 90,000 of 90,001 bytes",
    "too_large": "larger than the 100,000 bytes allowed",
    "endless": "larger than the 100,000 bytes allowed",
    "no_answer": "try again later",
    "stops_in_body": "try again later",
    "slow_body": "not downloaded within 0.5 seconds; try again later",
    "slow_header": "not downloaded within 0.5 seconds; try again later",
    "not_http": "does not speak proper HTTP",
    "redirect_loop": "infinite loop",
    "redirect_to_file": "it redirects to file:///etc/hostname; only http(s) addresses are followed",
    "redirect_to_ftp": "it redirects to ftp://127.0.0.1/x; only http(s) addresses are followed",
    "redirect_to_nothing": "it redirects to http://...; only http(s) addresses are followed",
}


# A scheduler asks again after these; after the others it would get the same answer.
CAN_PASS = {"truncated", "no_answer", "stops_in_body", "slow_body", "slow_header", "not_http"}


@pytest.mark.parametrize(("path", "words"), BAD_ANSWERS.items(), ids=BAD_ANSWERS.keys())
def test_a_bad_answer_raises_a_plain_error_and_changes_nothing(
    server: Server, tmp_path: Path, path: str, words: str
) -> None:
    destination = tmp_path / "file.zip"
    destination.write_bytes(b"the last good file")
    started = time.monotonic()
    with pytest.raises(PlainError) as raised:
        fetch.fetch(f"{server.url}/{path}?token=secret", destination, max_bytes=100_000, timeout=0.5)
    assert time.monotonic() - started < 5
    assert str(raised.value).startswith(f"{server.url}/{path}: ")
    assert words in " ".join(str(raised.value).split())
    assert isinstance(raised.value, TemporaryError) == (path in CAN_PASS)
    assert "secret" not in str(raised.value)
    assert destination.read_bytes() == b"the last good file"
    assert list(tmp_path.iterdir()) == [destination]


def test_a_redirect_from_https_to_http_is_not_followed() -> None:
    request = urllib.request.Request("https://127.0.0.1/x?secret")
    headers = http.client.HTTPMessage()
    headers["Location"] = "http://127.0.0.1/y?secret"
    with pytest.raises(PlainError, match="from https only https") as raised:
        fetch.Redirects().http_error_302(request, io.BytesIO(), 302, "Found", headers)
    assert "secret" not in str(raised.value)


INVALID = [
    "file:///etc/hostname",
    "ftp://127.0.0.1/x",
    "http://",
    "races.zip",
    "http:/x/y.zip?secret",
    "http://[?secret",
    "http://user:secret@[x",
    "http://user:secret/secret@127.0.0.1/x",
    "http://127.0.0.1:99999/x?secret",
    "http://127.0.0.1:0/x",
    "http://127.0.0.1:port/x",
    "http://a..b/x",
    f"http://{'a' * 64}/x",
    "http://a b/x",
    "http://\udcff/x",
    " http://127.0.0.1:9/x?secret",
]


@pytest.mark.parametrize("url", INVALID)
def test_only_http_urls_are_accepted(tmp_path: Path, url: str) -> None:
    with pytest.raises(PlainError, match=r"not an http\(s\) URL") as raised:
        fetch.fetch(url, tmp_path / "x", timeout=1)
    assert "secret" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_url_with_a_password_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlainError, match=r"^http://127\.0\.0\.1:9/x: a URL with a user or a password"):
        fetch.fetch("http://user:secret@127.0.0.1:9/x?secret#secret", tmp_path / "x", timeout=1)


def test_spaces_and_accents_in_a_url_are_sent_escaped() -> None:
    assert fetch.checked("https://x.org:1/é a%20/z?q=ü 1&r=%2F#top") == (
        "https://x.org:1/%C3%A9%20a%20/z?q=%C3%BC%201&r=%2F"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:secret@x.org:1/a;secret?secret#secret", "https://x.org:1/a"),
        ("s3://key:secret@bucket/x?secret", "s3://bucket/x"),
        ("HTTP://se:cret@secret@x.org?secret", "HTTP://x.org"),
        ("http://[::1]:80/x?secret", "http://[::1]:80/x"),
        ("http:/user:secret@x.org/x?secret", "http:/x.org/x"),
        ("http:\\\\user:secret@x.org/x?secret", "http:\\\\x.org/x"),
        ("http://user:secret/secret@x.org/", "http://..."),
        ("/folder/a?b#c@d;e", "/folder/a?b#c@d;e"),
    ],
)
def test_messages_show_no_secret_of_an_address(text: str, shown: str) -> None:
    assert fetch.without_secrets(text) == shown


def test_bad_proxy_settings_are_reported_without_their_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(urllib.request, "getproxies", lambda: {"http": "http:/user:secret@proxy"})
    with pytest.raises(PlainError, match="check the URL and the proxy settings") as raised:
        fetch.fetch("http://127.0.0.1:9/x", tmp_path / "x", timeout=5)
    assert "secret" not in str(raised.value)


def test_a_refused_connection_raises_a_plain_error(tmp_path: Path) -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as free:
        port = free.server_address[1]
    with pytest.raises(TemporaryError, match="Connection refused"):
        fetch.fetch(f"http://127.0.0.1:{port}/x", tmp_path / "x", timeout=5)


def test_idle_time_has_a_limit_of_its_own(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "IDLE", 0.3)
    with pytest.raises(PlainError, match="no answer from the server"):
        fetch.fetch(f"{server.url}/stops_in_body", tmp_path / "x", timeout=60)


def test_command_downloads_a_zip_and_prints_the_next_command(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PITWALL_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(fetch_command, "ARCHIVE_URL", f"{server.url}/zip")
    assert fetch_command.main([]) == 0
    out = tmp_path / "data" / "raw" / "ergast.zip"
    assert out.read_bytes() == zip_content()
    printed, error = capsys.readouterr()
    assert error == ""
    assert printed.endswith(f"\nnext: make build RAW={out}\n")
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize(
    ("path", "words", "code"),
    [
        ("good", "the download is not a zip", 2),
        ("missing", "answers 404", 2),
        ("busy", "answers 503", TEMPORARY),
        ("no_answer", "try again", TEMPORARY),
    ],
)
def test_command_keeps_the_last_good_file(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    path: str,
    words: str,
    code: int,
) -> None:
    monkeypatch.setenv("PITWALL_FETCH_TIMEOUT", "0.5")
    out = tmp_path / "races.zip"
    out.write_bytes(b"the last good file")
    assert fetch_command.main(["--url", f"{server.url}/{path}?secret", str(out)]) == code
    error = capsys.readouterr().err
    assert "secret" not in error
    assert error.startswith("fetch: http://127.0.0.1:")
    assert error.count("\n") == 1
    assert words in error
    assert out.read_bytes() == b"the last good file"
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("limit", ["soon", "nan", "inf", "-inf", "-1", "0", "1e400", "86401"])
def test_command_refuses_a_bad_time_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], limit: str
) -> None:
    monkeypatch.setenv("PITWALL_FETCH_TIMEOUT", limit)
    assert fetch_command.main(["--url", "http://127.0.0.1:9/x", str(tmp_path / "x")]) == 2
    assert f"PITWALL_FETCH_TIMEOUT: '{limit}' is not a number of seconds" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["pipe", "folder", ".", "http://127.0.0.1:9/x", "bad\udcff"])
def test_command_refuses_to_replace_what_is_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    assert fetch_command.main(["--url", "http://127.0.0.1:9/x", name]) == 2
    error = capsys.readouterr().err
    assert re.search("no file, so|where a path on this machine|not UTF-8 text", error)
    assert error.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "pipe"]


def test_command_downloads_the_dump_that_the_index_names(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PITWALL_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(fetch_command, "INDEX_URL", f"{server.url}/dumps")
    assert fetch_command.main(["--source", "jolpica"]) == 0
    out = tmp_path / "data" / "raw" / "jolpica.zip"
    assert out.read_bytes() == zip_content()
    printed, error = capsys.readouterr()
    assert error == ""
    assert "\nlicence: CC BY-NC-SA 4.0" in printed
    assert printed.endswith(f"\nnext: make build RAW={out}\n")
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize(
    ("path", "words", "code"),
    [
        ("dumps_of_another_file", "the download has another SHA-256 than http://127.0.0.1:", 2),
        ("dumps_without_csv", "names no dump of CSV files", 2),
        ("good", "names no dump of CSV files", 2),
        ("missing", "answers 404", 2),
        ("busy", "answers 503", TEMPORARY),
    ],
)
def test_a_dump_that_is_not_the_named_one_changes_nothing(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], path: str, words: str, code: int
) -> None:
    out = tmp_path / "dump.zip"
    out.write_bytes(b"the last good file")
    url = f"{server.url}/{path}?secret"
    assert fetch_command.main(["--source", "jolpica", "--url", url, str(out)]) == code
    error = capsys.readouterr().err
    assert "secret" not in error
    assert error.count("\n") == 1
    assert words in error
    assert out.read_bytes() == b"the last good file"
    assert list(tmp_path.iterdir()) == [out]


def test_an_https_index_names_an_https_dump(tmp_path: Path) -> None:
    index = tmp_path / "index.json"
    index.write_text('{"delayed_dumps": {"csv": {"download_url": "http://host/x?y", "file_hash": "0"}}}')
    with pytest.raises(PlainError, match=r"names a dump at http://host/x, not at https"):
        download._named(index, "https://host/index")


def test_default_url_is_the_public_archive() -> None:
    assert fetch_command.ARCHIVE_URL.startswith(
        "https://github.com/TracingInsights/RaceData/releases/latest/"
    )
