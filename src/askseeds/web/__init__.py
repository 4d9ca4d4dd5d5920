"""The browser chat: a Gradio page, on this machine alone unless there are logins.

A question runs `Assistant.stream`; `render` and `render_exchange` make HTML of what comes back, and
`chat.js` turns clicks and keys into events. Conversations are kept by the browser. What it sends
back is checked: nothing is shown as a source that does not stand in the document it names, and no
path from a browser is ever used.

    chat     one assistant behind the page, and a line of questions
    conversations  what a browser keeps and sends back, checked
    examples questions to begin with
    line     who waits for an answer, first come, first served
    users    the file of those who may log in
    slowdown how long who fails to log in has to wait
    body     what a browser sends to Gradio, read before Gradio reads it
    auth     logins and their sessions
    guard    which requests are let through, and the policy that goes with the answers
    page     the layout and its events, in Gradio
    documents_part   the column of documents, and the routes it fetches from
    library  adds and removes documents, and lets the index follow the seeds
    listing  the list of documents, and the choice of those that are asked
    uploads  a file from a browser into the seeds
"""

import errno
import ipaddress
import logging
import re
import socket
import webbrowser
from collections.abc import Sequence
from pathlib import Path

import click
import uvicorn

from askseeds.config import Settings
from askseeds.errors import ConfigError
from askseeds.terminal import terminal_line
from askseeds.web.auth import Logins
from askseeds.web.chat import Chat
from askseeds.web.guard import LOOPBACK_NAMES
from askseeds.web.users import Users

EVERY_ADDRESS = ("0.0.0.0", "::")

_HOST = re.compile(r"([a-z0-9_](?:[a-z0-9_.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:\d{1,5})?")


def serve(
    settings: Settings,
    *,
    host: str,
    port: int,
    open_browser: bool,
    auth_file: Path | None = None,
    allow_hosts: Sequence[str] = (),
) -> None:
    """Runs the chat until it is interrupted.

    The page is up before the index is: documents are read in the background, and a question asked
    meanwhile waits for them.

    Args:
        settings: For the assistant.
        host: Where to listen. Anything but a loopback address needs `auth_file`.
        port: 0 takes a free one.
        open_browser: Opens the page in the user's browser once it is up.
        auth_file: Who may log in, see `users`. With it, nobody sees anything without a login.
        allow_hosts: Under which other names browsers may come, with or without a port, as when a
            proxy is in front of the chat. They need `auth_file` too.

    Raises:
        ConfigError: Others could reach the chat without a login, the file of users or a name is
            wrong, or the port cannot be had.
        AskseedsError: The documents cannot be read or indexed at all.
    """
    local = _is_loopback(host)
    if auth_file is None and (allow_hosts or not local):
        what = f"--allow-host {allow_hosts[0]}" if allow_hosts else f"--host {host}"
        raise ConfigError(
            f"{what} lets others reach the chat and needs --auth-file with the people who may log "
            "in; leave it out for this machine alone"
        )
    if not host:
        raise ConfigError("--host is empty; 0.0.0.0 is every address of this machine")
    others = [_checked_host(name) for name in allow_hosts]
    users = None if auth_file is None else Users(auth_file, _notice)
    with _listen(host, port) as listener, Chat(settings) as chat:
        # Seconds of imports. The index opens meanwhile, and a browser that is early waits.
        from askseeds.web.page import application

        port = listener.getsockname()[1]
        logging.getLogger("uvicorn.error").addFilter(_in_one_line)
        names = _names(host)
        url = f"http://{names[0]}:{port}"
        logins = None if users is None else Logins(users, port=port)
        if not local:
            _notice("passwords and answers cross the network unencrypted; docs/chat.md shows TLS")
        config = uvicorn.Config(
            application(chat, port=port, names=names, hosts=others, logins=logins),
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=1,  # an open page holds a connection for good
        )
        _Server(config, chat, url=url, open_browser=open_browser).run(sockets=[listener])
        chat.raise_failure()


class _Server(uvicorn.Server):
    """Says when it is up, and ends when the index cannot be opened."""

    def __init__(self, config: uvicorn.Config, chat: Chat, *, url: str, open_browser: bool) -> None:
        super().__init__(config)
        self._chat = chat
        self._url = url
        self._open_browser = open_browser

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and not self._chat.failed:
            click.echo(f"askseeds chat: {self._url}")
            if self._open_browser:
                webbrowser.open(self._url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # A page that is still open is cut off, which uvicorn would report at length.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self._chat.failed


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _names(host: str) -> list[str]:
    """What stands in `Host` for this machine; its address for people comes first.

    The address at which a connection comes in need not be here: `guard` knows it.
    """
    if host == "localhost" or (_is_loopback(host) and host in ("127.0.0.1", "::1")):
        names = [_bracketed(host)]
    elif _is_loopback(host):
        return [_bracketed(host)]
    else:
        own = socket.gethostname().lower()
        short = own.partition(".")[0]
        names = [own, short, f"{short}.local"]
        if host not in EVERY_ADDRESS:
            return [_bracketed(host).lower(), *names]
    return [*names, *LOOPBACK_NAMES]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _checked_host(name: str) -> str:
    if not _HOST.fullmatch(name.lower()):
        raise ConfigError(f"--allow-host {name}: give a name alone, such as chat.example.org")
    return name.lower()


def _notice(line: str) -> None:
    # It may hold a file's name: a terminal must not obey what is in it.
    click.echo(terminal_line(f"askseeds: {line}"), err=True)


def _in_one_line(record: logging.LogRecord) -> bool:
    """A broken request, such as one for a conversation that is gone, is no reason for a page."""
    if record.exc_info:
        record.msg = f"a request failed: {record.exc_info[1]!r}"
        record.args, record.exc_info, record.exc_text = (), None, None
    return True


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if host == "::":  # every address, those of IPv4 too
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(f"--port {port} is in use; name another one: --port 7861") from error
        raise ConfigError(f"--port {port} on {host}: {error.strerror}; name another one") from error
    except OverflowError as error:
        listener.close()
        raise ConfigError(f"--port {port} is not a port; it goes from 0 to 65535") from error
    return listener
