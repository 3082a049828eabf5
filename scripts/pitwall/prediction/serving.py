"""The champion over HTTP: MLflow's own scoring app, with one clear line for every request that is wrong.

The app alone would send stack traces to its clients, and answer what is no JSON.
"""

import json
import socket
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NoReturn

import mlflow
import uvicorn
from mlflow.pyfunc import scoring_server

from pitwall.address import address
from pitwall.command import PlainError, printable

MAX_BYTES = 2**20
METHODS = {"/ping": "GET", "/health": "GET", "/version": "GET", "/invocations": "POST"}
FORMS = ("dataframe_records", "dataframe_split", "inputs", "instances")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class Refused(Exception):
    """A request that is wrong.

    Args:
        status: the status of the answer.
        text: what is wrong, in one line.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class OneLineErrors:
    """Checks requests before the app sees them, and shortens its errors to `{"error": "one line"}`."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            check_address(scope)
            body = b""
            if scope["method"] == "POST":
                check_kind(scope)
                body = await read_body(receive)
                check_json(body)
            status, headers, answer = await self.answer(scope, receive, body)
        except Refused as error:
            await respond(send, error.status, [], error_body(str(error)))
            return
        if status >= 400:
            await respond(send, status, [], error_body(reason(answer)))
        else:
            await respond(send, status, headers, answer)

    async def answer(
        self, scope: Message, receive: Receive, body: bytes
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """The app's answer: status, headers and body."""
        unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[Message] = []

        async def receive_read() -> Message:
            return unread.pop() if unread else await receive()

        async def send(message: Message) -> None:
            sent.append(message)

        try:
            await self.app(scope, receive_read, send)
        except Exception as error:
            # The server must answer, whatever failed; who runs it reads what.
            print(f"serve: {printable(f'{type(error).__name__}: {error}')}", file=sys.stderr, flush=True)
            raise Refused(500, "the model failed; the server's terminal says why") from None
        start = sent[0]
        return start["status"], start["headers"], b"".join(each.get("body", b"") for each in sent[1:])


def check_address(scope: Message) -> None:
    """Raise Refused if there is no such path, or if it takes another method."""
    path, method = scope["path"], scope["method"]
    if path not in METHODS:
        raise Refused(404, f"{path}: no such path; there are GET /ping, GET /version and POST /invocations")
    if method != METHODS[path]:
        raise Refused(405, f"{path} takes {METHODS[path]}, not {method}")


def check_kind(scope: Message) -> None:
    """Raise Refused if the content is not said to be JSON in UTF-8."""
    kind = dict(scope["headers"]).get(b"content-type", b"").decode("latin-1")
    if kind.replace(" ", "").lower() not in ("application/json", "application/json;charset=utf-8"):
        raise Refused(415, f"content type {kind!r}: send application/json")


async def read_body(receive: Receive) -> bytes:
    """The body of a request. Raises Refused as soon as it is too large."""
    body, is_more = b"", True
    while is_more:
        message = await receive()
        body += message.get("body", b"")
        is_more = message.get("more_body", False)
        if len(body) > MAX_BYTES:
            raise Refused(413, f"the body has more than {MAX_BYTES} bytes")
    return body


def refuse_constant(name: str) -> NoReturn:
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError(f"{name} is no JSON; NULL is null")


def check_json(body: bytes) -> None:
    """Raise Refused if a body is no JSON, or has another form than MLflow's."""
    if not body.strip():
        raise Refused(400, "the body is empty")
    try:
        content = json.loads(body, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"the body is no JSON: {error}") from None
    if not isinstance(content, dict) or len(content) != 1 or not set(content) <= set(FORMS):
        raise Refused(400, f"the body must be an object with one field, of {', '.join(FORMS)}")


def reason(answer: bytes) -> str:
    """The reason in an error of MLflow, without the data and the stack trace around it."""
    try:
        text = str(json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        text = answer.decode("utf-8", "replace")
    # It prints the data before the reason.
    return text.rpartition("Error: ")[2].strip().partition("\n")[0] or "the request cannot be answered"


def error_body(text: str) -> bytes:
    """The body of an answer to a wrong request."""
    return json.dumps({"error": printable(text)}, ensure_ascii=False).encode() + b"\n"


async def respond(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Send an answer."""
    headers = headers or [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def app_of(served: mlflow.pyfunc.PyFuncModel) -> App:
    """The app that answers with a model."""
    return OneLineErrors(scoring_server.init(served))


def listen(port: int) -> socket.socket:
    """A socket that listens. Raises PlainError if the port is taken."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address(), port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        raise PlainError(
            f"port {port}: {getattr(error, 'strerror', None) or error}; name another with PORT=number"
        ) from None
    return listener


def serve(served: mlflow.pyfunc.PyFuncModel, listener: socket.socket) -> None:
    """Answer requests until the process is interrupted."""
    settings = uvicorn.Config(app_of(served), log_level="warning", access_log=False, server_header=False)
    uvicorn.Server(settings).run(sockets=[listener])
