"""What a browser sends to Gradio, read before Gradio reads it."""

import hashlib
import json
import urllib.parse
from collections.abc import Callable
from typing import Any

from starlette.types import Message, Receive, Scope

MOST_BYTES = 16 * 2**20
"""A call carries a question and at most a conversation."""

_FIELDS = ("data", "event_data", "event_id", "fn_index", "session_hash", "trigger_id")
_FILE = '"_type":"gradio.FileData"'
_HEARTBEAT = "/gradio_api/heartbeat/"


class TooLarge(ValueError):
    """A body is longer than it may be."""


class NotACall(ValueError):
    """A body is not what the page sends."""


async def read_body(receive: Receive, most: int) -> bytes:
    """The whole body of a request.

    Raises:
        TooLarge: It is longer than `most` bytes, or the browser went away.
    """
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise TooLarge
        body += message.get("body", b"")
        if len(body) > most:
            raise TooLarge
        if not message.get("more_body", False):
            return bytes(body)


def owned(session_hash: str, secret: str) -> str:
    """The name under which Gradio keeps a tab's things.

    Browsers make `session_hash` up, and Gradio gives the conversation to whoever names it. With the
    login's secret in it, it cannot be named by another login.
    """
    return (
        hashlib.sha256(f"{secret}:{session_hash}".encode()).hexdigest() if secret else session_hash
    )


def own_address(scope: Scope, secret: str) -> Scope:
    """A request in whose address the tab's name is that of `owned`."""
    path, query = scope["path"], urllib.parse.parse_qs(scope["query_string"].decode("latin-1"))
    if path.startswith(_HEARTBEAT):
        path = _HEARTBEAT + owned(path.removeprefix(_HEARTBEAT).rstrip("/"), secret)
    names = query.get("session_hash", [])
    wanted = {"session_hash": owned(names[0], secret)} if names else {}
    return {
        **scope,
        "path": path,
        "raw_path": path.encode(),
        "query_string": urllib.parse.urlencode(wanted).encode(),
    }


async def own_call(scope: Scope, receive: Receive, secret: str) -> tuple[Scope, Receive]:
    """A call as the page makes them, with the tab's name as `owned` has it, and nothing else.

    Gradio copies files and fetches addresses that a call describes (CVE-2024-1561,
    CVE-2024-48052); no call of this page describes one.

    Raises:
        NotACall: It is none.
        TooLarge: It is longer than `MOST_BYTES`.
    """
    try:
        call = json.loads(await read_body(receive, MOST_BYTES))
    except (RecursionError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise NotACall from error
    if not isinstance(call, dict):
        raise NotACall
    kept: dict[str, Any] = {field: call[field] for field in _FIELDS if field in call}
    if isinstance(kept.get("session_hash"), str):
        kept["session_hash"] = owned(kept["session_hash"], secret)
    text = json.dumps(kept, separators=(",", ":"))
    if _FILE in text:
        raise NotACall
    body = text.encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *(pair for pair in scope["headers"] if pair[0] not in _OF_THE_BODY),
    ]
    return {**scope, "headers": headers}, _replayed(body, receive)


_OF_THE_BODY = (b"content-type", b"content-length", b"transfer-encoding", b"content-encoding")


def _replayed(body: bytes, receive: Receive) -> Callable[[], Any]:
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receiving() -> Message:
        return first.pop() if first else await receive()

    return receiving
