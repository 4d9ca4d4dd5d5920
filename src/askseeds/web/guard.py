"""What the chat's server lets through: the page, to who may see it, and nothing else."""

import base64
import hashlib
import ipaddress
import re
from collections.abc import Collection

from fastapi import Response
from fastapi.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from askseeds.web.auth import Logins, Session
from askseeds.web.body import NotACall, TooLarge, own_address, own_call

# What the page needs of Gradio. Its other routes read files, take uploads, fetch addresses or run
# code; past advisories were about those, and nothing here uses them. `/documents` is our own.
_ROUTES = re.compile(
    r"/|/config|/theme\.css|/favicon\.ico|/(assets|static)(/[\w-][\w.-]*)+"
    r"|/documents(/check)?"
    r"|/gradio_api/(queue/(join|data)|run/predict|heartbeat/[^/]*|reset|cancel|startup-events|app_id)/?"
)
_LOGIN_ROUTES = ("/login", "/logout")
_PORT = re.compile(r":\d+$")
_OF_A_PROXY = (b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip")
# A page that is still open when its login has ended.
_LOGGED_OUT = (
    b"<script>{const go=window.fetch;window.fetch=async(...a)=>{const r=await go(...a);"
    b"if(r.status===401)location.assign('/login');return r}}</script>"
)
_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
# Links to Gradio's own picture and to a manifest that is not there.
_UNWANTED_TAGS = re.compile(
    rb"""<meta\s+(?:property|name)="(?:og|twitter):[^>]*>|<link\s+rel="manifest"[^>]*>"""
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with none, a form would not say its own Origin
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


class Guard:
    """Lets through what the page asks for on behalf of who may see it, and nothing else.

    A foreign `Host` is DNS rebinding, a foreign `Origin` another site's request. The policy names
    the page's own inline scripts by hash, so that no script in a document could run even if it
    reached the page. `unsafe-eval` is needed: Gradio compiles the templates of `gr.HTML`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        port: int,
        head: str,
        names: Collection[str] = LOOPBACK_NAMES,
        hosts: Collection[str] = (),
        logins: Logins | None = None,
    ) -> None:
        """Guards an application.

        Args:
            app: What is guarded.
            port: Where it is served.
            head: What the page's `</head>` becomes.
            names: Names and addresses of this machine, those of IPv6 in brackets.
            hosts: What else stands in `Host` for this page, with or without a port, as when a
                proxy is in front of it.
            logins: Who may see it; None for everybody on this machine.
        """
        self._app = app
        self._head = head.encode()
        self._logins = logins
        self._port = port
        self._hosts = {self._with_port(name) for name in names} | set(hosts)
        self._hosts |= {self._with_port(host) for host in hosts if not _PORT.search(host)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as ASGI has it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":  # the page uses none
            await send({"type": "websocket.close", "code": 1008})
            return
        guarded = self._with_headers(send, b"")
        if (refusal := self._refusal(scope)) is not None:
            await _refuse(*refusal, scope, receive, guarded)
            return
        session = None
        if self._logins is not None and scope["path"] != "/favicon.ico":
            if scope["path"] in _LOGIN_ROUTES:
                await self._logins.answer(scope, receive, guarded)
                return
            session = self._logins.session(scope)
            if session is None:
                if scope["path"] == "/":
                    away = RedirectResponse("/login", 303, headers={"Cache-Control": "no-store"})
                    await away(scope, receive, guarded)
                else:
                    await _refuse(401, "Log in first: /login.", scope, receive, guarded)
                return
            send = _until(self._logins, session, send)
        await self._let_through(scope, receive, send, session)

    async def _let_through(
        self, scope: Scope, receive: Receive, send: Send, session: Session | None
    ) -> None:
        # Nothing is compressed: that costs more than it saves on the way to this machine, and the
        # page has to be read here.
        headers = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
        guarded = self._with_headers(send, b"")
        scope = {**scope, "headers": headers}
        if scope["path"].startswith("/gradio_api/"):
            secret = "" if session is None else session.secret
            scope = own_address(scope, secret)
            try:
                if scope["method"] == "POST":
                    scope, receive = await own_call(scope, receive, secret)
            except TooLarge:
                await _refuse(413, "That is too long.", scope, receive, guarded)
                return
            except NotACall:
                await _refuse(400, "The page does not ask this.", scope, receive, guarded)
                return
        if scope["path"] == "/":
            await self._page(scope, receive, send, session)
        else:
            kept = scope["path"].startswith("/assets/")
            await self._app(scope, receive, self._with_headers(send, b"", kept=kept))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = [(name, value.decode("latin-1")) for name, value in scope["headers"]]
        hosts = [value.lower() for name, value in headers if name == b"host"]
        origins = [value.lower() for name, value in headers if name == b"origin"]
        if len(hosts) != 1 or not self._serves(hosts[0], scope):
            return 403, "This address is not served here; open the one that askseeds printed."
        if self._logins is None and any(name in _OF_A_PROXY for name, _ in headers):
            return 403, "This chat is for one machine alone; behind a proxy it needs --auth-file."
        # Not one of a list: the page's own address, as this browser knows it.
        if any(origin != f"{scope['scheme']}://{hosts[0]}" for origin in origins):
            return 403, "Requests from other sites are refused."
        routed = _ROUTES.fullmatch(scope["path"])
        if not routed and not (self._logins is not None and scope["path"] in _LOGIN_ROUTES):
            return 404, "There is nothing here."
        if scope["method"] not in ("GET", "HEAD") and not origins:
            return 403, "A request that changes something has to say which site it comes from."
        return None

    def _serves(self, host: str, scope: Scope) -> bool:
        if host in self._hosts:
            return True
        # The address at which the connection came in: no name, so no rebinding.
        address = ipaddress.ip_address((scope.get("server") or ("0.0.0.0",))[0].partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address):
            address = address.ipv4_mapped or address
        own = f"[{address}]" if address.version == 6 else str(address)
        return host == self._with_port(own)

    def _with_port(self, name: str) -> str:
        return name if self._port == 80 else f"{name}:{self._port}"

    async def _page(
        self, scope: Scope, receive: Receive, send: Send, session: Session | None
    ) -> None:
        # The page keeps conversations in the browser by this name, which needs no escaping.
        user = f'<meta name="askseeds-user" content="{session.user}">' if session else ""
        head = user.encode() + (_LOGGED_OUT if session else b"") + self._head
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
            body = _UNWANTED_TAGS.sub(b"", body).replace(b"</head>", head, 1)
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
        elif self._logins is not None:  # nothing is shown to who comes after a log-out
            extra.append((b"cache-control", b"no-store"))

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                replaced = {name for name, _ in extra}
                own = [pair for pair in message["headers"] if pair[0].lower() not in replaced]
                message = {**message, "headers": [*own, *extra]}
            await send(message)

        return sending


async def _refuse(status: int, reason: str, scope: Scope, receive: Receive, send: Send) -> None:
    await Response(reason + "\n", status, media_type="text/plain")(scope, receive, send)


def _until(logins: Logins, session: Session, send: Send) -> Send:
    """Sends as long as the session holds: a stream that is open when it ends, ends too."""
    over = False

    async def sending(message: Message) -> None:
        nonlocal over
        if over:
            return
        if message["type"] == "http.response.body" and not logins.holds(session):
            over = True
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await send(message)

    return sending
