"""What the chat's server lets through: the page on this machine, and nothing else."""

import base64
import hashlib
import re

from fastapi import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# What the page needs of Gradio. Its other routes read files, take uploads, fetch addresses or run
# code; past advisories were about those, and nothing here uses them. `/documents` is our own.
_ROUTES = re.compile(
    r"/|/config|/theme\.css|/favicon\.ico|/(assets|static)(/[\w-][\w.-]*)+"
    r"|/documents(/check)?"
    r"|/gradio_api/(queue/(join|data)|run/predict|heartbeat/[^/]*|reset|cancel|startup-events)/?"
)
_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
# Links to Gradio's own picture and to a manifest that is not there.
_UNWANTED_TAGS = re.compile(
    rb"""<meta\s+(?:property|name)="(?:og|twitter):[^>]*>|<link\s+rel="manifest"[^>]*>"""
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Lets through what the page on this machine asks for, and nothing else.

    A foreign `Host` is DNS rebinding, a foreign `Origin` another site's request. The policy names
    the page's own inline scripts by hash, so that no script in a document could run even if it
    reached the page. `unsafe-eval` is needed: Gradio compiles the templates of `gr.HTML`.
    """

    def __init__(self, app: ASGIApp, *, port: int, head: str) -> None:
        self._app = app
        self._head = head.encode()
        names = ["127.0.0.1", "localhost", "[::1]"]
        self._hosts = {f"{name}:{port}" for name in names} | ({*names} if port == 80 else set())
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as ASGI has it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if scope["type"] == "websocket":  # the page uses none
            await send({"type": "websocket.close", "code": 1008})
        elif refusal is not None:
            status, reason = refusal
            response = Response(reason + "\n", status, media_type="text/plain")
            await response(scope, receive, self._with_headers(send, b""))
        else:
            # Nothing is compressed: that costs more than it saves on the way to this machine, and
            # the page has to be read here.
            headers = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
            scope = {**scope, "headers": headers}
            if scope["path"] == "/":
                await self._page(scope, receive, send)
            else:
                kept = scope["path"].startswith("/assets/")
                await self._app(scope, receive, self._with_headers(send, b"", kept=kept))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = [(name, value.decode("latin-1")) for name, value in scope["headers"]]
        hosts = [value for name, value in headers if name == b"host"]
        origins = [value for name, value in headers if name == b"origin"]
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return 403, "This address is not served here; open the one that askseeds printed."
        if any(origin.lower() not in self._origins for origin in origins):
            return 403, "Requests from other sites are refused."
        if not _ROUTES.fullmatch(scope["path"]):
            return 404, "There is nothing here."
        return None

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: Message = {}
        body = b""

        async def collect(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if message.get("more_body", False):
                return
            body = _UNWANTED_TAGS.sub(b"", body).replace(b"</head>", self._head, 1)
            others = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
            length = (b"content-length", str(len(body)).encode())
            guarded = self._with_headers(send, body)
            await guarded({**start, "headers": [*others, length]})
            await send({"type": "http.response.body", "body": body})

        await self._app(scope, receive, collect)

    def _with_headers(self, send: Send, page: bytes, *, kept: bool = False) -> Send:
        digests = [hashlib.sha256(code).digest() for code in _INLINE_SCRIPT.findall(page)]
        hashes = "".join(f" 'sha256-{base64.b64encode(d).decode()}'" for d in digests)
        policy = (
            f"default-src 'self'; script-src 'self' 'unsafe-eval'{hashes}; "
            "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
            "connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; "
            "frame-ancestors 'none'"
        )
        extra = [
            (name.lower().encode(), value.encode())
            for name, value in {**_HEADERS, "Content-Security-Policy": policy}.items()
        ]
        if kept:  # the names of Gradio's assets carry their hash
            extra.append((b"cache-control", b"private, max-age=31536000, immutable"))

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        return sending
