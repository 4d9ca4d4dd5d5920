"""Logins: the page, the sessions behind its cookie, and what slows guessing down.

Sessions are in memory alone: a restart of the chat ends them. Only the digest of a cookie is kept.
"""

import asyncio
import hashlib
import ipaddress
import math
import secrets
import time
import urllib.parse
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources

from fastapi import Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.requests import cookie_parser
from starlette.types import Receive, Scope, Send

from askseeds.render import html_escape
from askseeds.web.body import TooLarge, read_body
from askseeds.web.slowdown import Slowdown
from askseeds.web.users import Users

IDLE_S = 12 * 3600.0
"""A session ends this long after its last request, seconds."""

_ASKED_BY_ITSELF = ("GET", "/documents")  # every two seconds, whether anybody sits there or not
MOST_S = 7 * 24 * 3600.0
"""A session ends this long after the login, seconds."""
SESSIONS_OF_ONE = 20
"""Most sessions of one user; the oldest gives way."""
CHECKED_AT_ONCE = 2
"""Passwords that are checked at the same time, 64 MiB each; others wait, up to `MOST_WAITING`."""
MOST_WAITING = 32
FREE_BY_NAME, FREE_BY_ADDRESS = 4, 20
"""Failures before there is a wait. Many people may share an address."""
_FORM_BYTES = 8_192

_WRONG = "The name or the password is wrong."


@dataclass(slots=True)
class Session:
    """One browser that is logged in.

    Attributes:
        user: The name.
        secret: Random. What Gradio keeps for a tab is kept under its name and this, so that nobody
            else can ask for it.
    """

    user: str
    secret: str
    password: str  # the hash at the login
    began: float
    used: float
    ended: bool = False


class Logins:
    """Knows who is logged in, and answers `/login` and `/logout`."""

    def __init__(
        self, users: Users, *, port: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._users = users
        self._cookie = f"askseeds-{port}"  # browsers keep cookies by host, not by port
        self._clock = clock
        self._sessions: dict[bytes, Session] = {}
        self._names = Slowdown(FREE_BY_NAME, clock)
        self._addresses = Slowdown(FREE_BY_ADDRESS, clock)
        self._checkers = ThreadPoolExecutor(CHECKED_AT_ONCE, thread_name_prefix="askseeds-login")
        self._checking = 0

    def session(self, scope: Scope) -> Session | None:
        """Whose request this is; None when nobody is logged in."""
        for token in self._tokens(scope):
            session = self._sessions.get(_digest(token))
            if session is not None and self.holds(session):
                if (scope["method"], scope["path"]) != _ASKED_BY_ITSELF:
                    session.used = self._clock()
                return session
        return None

    def holds(self, session: Session) -> bool:
        """Whether a session still counts: in time, not logged out, and of an unchanged user."""
        now = self._clock()
        return (
            not session.ended
            and now - session.used < IDLE_S
            and now - session.began < MOST_S
            and self._users.hash_of(session.user) == session.password
        )

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers `/login` and `/logout`. Host and Origin were looked at before."""
        posted = scope["method"] == "POST"
        response: Response
        if scope["path"] == "/logout":
            response = self._logged_out(scope) if posted else _elsewhere("/")
        elif posted:
            response = await self._logged_in(scope, receive)
        else:
            response = _elsewhere("/") if self.session(scope) else _page()
        await response(scope, receive, send)

    async def _logged_in(self, scope: Scope, receive: Receive) -> Response:
        try:
            form = urllib.parse.parse_qs((await read_body(receive, _FORM_BYTES)).decode("utf-8"))
            typed, password = form["name"][0].strip()[:64], form["password"][0]
            name = form["name"][0].strip().lower()
        except TooLarge:
            return _page("That is too long.", 413)
        except (KeyError, ValueError):
            return _page("Fill in both.", 400)
        address = _network(scope)
        wait_s = max(self._names.wait_s(name[:64]), self._addresses.wait_s(address))
        if wait_s:
            return _wait(wait_s, typed)
        if self._checking >= MOST_WAITING:
            return _page("Too many people are logging in. Try again.", 503, name=typed)
        self._names.failed(name[:64])
        self._addresses.failed(address)
        self._users.hash_of(name)  # looks whether the file has changed
        self._checking += 1
        try:
            # In a thread: the page of everybody else goes on meanwhile.
            found = await asyncio.get_running_loop().run_in_executor(
                self._checkers, self._users.verify, name, password
            )
        finally:
            self._checking -= 1
        if found is None:
            return _page(_WRONG, 401, name=typed)
        self._names.forgiven(name[:64])
        self._addresses.taken_back(address)
        return self._begin(scope, name, found)

    def _begin(self, scope: Scope, user: str, password: str) -> Response:
        self._drop(scope)
        self._sessions = {key: kept for key, kept in self._sessions.items() if self.holds(kept)}
        own = [key for key, kept in self._sessions.items() if kept.user == user]
        for key in own[: max(0, len(own) + 1 - SESSIONS_OF_ONE)]:
            self._sessions.pop(key).ended = True
        token, now = secrets.token_urlsafe(32), self._clock()
        self._sessions[_digest(token)] = Session(user, secrets.token_hex(32), password, now, now)
        response = _elsewhere("/")
        self._set_cookie(response, scope, token, max_age=int(MOST_S))
        return response

    def _logged_out(self, scope: Scope) -> Response:
        self._drop(scope)
        response = _elsewhere("/login")
        self._set_cookie(response, scope, "", max_age=0)
        return response

    def _drop(self, scope: Scope) -> None:
        for token in self._tokens(scope):
            if (session := self._sessions.pop(_digest(token), None)) is not None:
                session.ended = True

    def _name(self, scope: Scope) -> str:
        # A browser takes the prefix only from the host itself and over TLS.
        return f"__Host-{self._cookie}" if scope.get("scheme") == "https" else self._cookie

    def _tokens(self, scope: Scope) -> list[str]:
        sent = [cookie_parser(v.decode("latin-1")) for n, v in scope["headers"] if n == b"cookie"]
        return [cookies[name] for cookies in sent if (name := self._name(scope)) in cookies]

    def _set_cookie(self, response: Response, scope: Scope, token: str, *, max_age: int) -> None:
        response.set_cookie(
            self._name(scope),
            token,
            max_age=max_age,
            path="/",
            secure=scope.get("scheme") == "https",
            httponly=True,
            samesite="strict",
        )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _network(scope: Scope) -> str:
    """Where a request comes from: the address, or for IPv6 what one subscriber has of it."""
    client = scope.get("client")
    try:
        address = ipaddress.ip_address(client[0] if client else "")
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((address, 64), strict=False))
        address = address.ipv4_mapped
    return str(address)


def _elsewhere(path: str) -> Response:
    return RedirectResponse(path, 303, headers={"Cache-Control": "no-store"})


def _wait(wait_s: float, name: str) -> Response:
    seconds = math.ceil(wait_s)
    response = _page(f"Too many tries. Wait {seconds} s, then try again.", 429, name=name)
    response.headers["Retry-After"] = str(seconds)
    return response


_STYLE = resources.files("askseeds").joinpath("login.css").read_text(encoding="utf-8")
_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>askseeds: log in</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    f'<link rel="icon" href="/favicon.ico"><style>{_STYLE}</style></head><body><main>'
    "<h1>askseeds</h1>{message}"
    '<form method="post" action="/login"><label for="name">Name</label>'
    '<input id="name" name="name" autocomplete="username" autocapitalize="none" required{name}>'
    '<label for="password">Password</label><input id="password" name="password" type="password" '
    'autocomplete="current-password" required{password}>'
    '<button type="submit">Log in</button></form></main></body></html>'
)


def _page(error: str = "", status: int = 200, *, name: str = "") -> Response:
    """The page; `error` is one of the texts of this module, `name` what was typed before."""
    message = f'<p class="error" role="alert">{error}</p>' if error else "<p>Log in to ask.</p>"
    page = _PAGE.replace("{message}", message)
    page = page.replace("{password}", " autofocus" if name else "")
    # The last one: nothing is put into what somebody typed.
    page = page.replace("{name}", f' value="{html_escape(name)}"' if name else " autofocus")
    return HTMLResponse(page, status, headers={"Cache-Control": "no-store"})
