"""The browser chat: a Gradio page on this machine alone.

A question runs `Assistant.stream`; `render` and `render_exchange` make HTML of what comes back, and
`chat.js` turns clicks and keys into events. Conversations are kept by the browser. What it sends
back is checked: nothing is shown as a source that does not stand in the document it names, and no
path from a browser is ever used.

    chat     one assistant behind the page, and a line of questions
    conversations  what a browser keeps and sends back, checked
    examples questions to begin with
    freshness  lets the index follow the documents while questions are answered
    line     who waits for an answer, first come, first served
    guard    which requests are let through, and the policy that goes with the answers
    page     the layout and its events, in Gradio
"""

import errno
import logging
import socket
import webbrowser
from pathlib import Path

import click
import uvicorn

from askseeds.config import Settings
from askseeds.errors import ConfigError
from askseeds.web.chat import Chat

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(
    settings: Settings,
    *,
    host: str,
    port: int,
    open_browser: bool,
    auth_file: Path | None = None,
) -> None:
    """Runs the chat until it is interrupted.

    The page is up before the index is: documents are read in the background, and a question asked
    meanwhile waits for them.

    Args:
        settings: For the assistant.
        host: A loopback address.
        port: 0 takes a free one.
        open_browser: Opens the page in the user's browser once it is up.
        auth_file: Logins are not part of this version; must be None.

    Raises:
        ConfigError: The host is not a loopback address, or the port cannot be had.
        AskseedsError: The documents cannot be read or indexed at all.
    """
    if host not in LOOPBACK:
        raise ConfigError(
            f"--host {host} can be reached by others and needs --auth-file with the people who may "
            "log in; leave --host out for this machine alone"
            if auth_file is None
            else f"--host {host}: logins are not part of this version; leave --host out"
        )
    if auth_file is not None:
        raise ConfigError("--auth-file: logins are not part of this version; leave it out")
    with _listen(host, port) as listener, Chat(settings) as chat:
        # Seconds of imports. The index opens meanwhile, and a browser that is early waits.
        from askseeds.web.page import application

        port = listener.getsockname()[1]
        logging.getLogger("uvicorn.error").addFilter(_in_one_line)
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        config = uvicorn.Config(
            application(chat, port=port),
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
