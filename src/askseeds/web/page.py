"""The page of the chat, in Gradio. Importing this takes seconds; only `serve` does.

`chat.js` and its companions fill the conversation. They send events by name, each with what it
needs, since the server keeps no conversation; what they are told comes back in elements that are
not shown, and HTML for the page is made here.
"""

import os
from collections.abc import AsyncIterator, Sequence
from importlib import resources
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # Gradio reads it when it is imported
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import fastapi
import gradio as gr
from starlette.types import ASGIApp

from askseeds import render
from askseeds.web import documents_part
from askseeds.web.auth import Logins
from askseeds.web.chat import NO_SOURCE, Chat
from askseeds.web.guard import Guard

POLL_S = 0.5
SCRIPTS = ("shelf.js", "conversation.js", "export.js", "chat.js")

_FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="8" fill="#1f6f54"/>'
    '<path d="M9 21c0-8 5-12 14-12 0 9-5 13-13 13m-1 2c1-5 4-8 8-9" fill="none" stroke="#fff" '
    'stroke-width="2.4" stroke-linecap="round"/></svg>'
)
# Until Gradio and `chat.js` are there, which is seconds on a slow machine, nothing flashes.
_EARLY = (
    '<script>{let theme=null;try{theme=localStorage.getItem("askseeds.theme")}catch{}'
    'theme??=matchMedia("(prefers-color-scheme: dark)").matches?"dark":"light";'
    "document.documentElement.dataset.early=theme}</script>"
)
_BRAND = '<h1 class="brand">askseeds</h1>'
_TABS = (
    '<div class="tabs" role="group" aria-label="Part of the page">'
    '<button type="button" data-do="documents" aria-pressed="false">Documents</button>'
    '<button type="button" data-do="chat" aria-pressed="true">Chat</button>'
    '<button type="button" data-do="source" aria-pressed="false">Source</button></div>'
)
_TOOLS = '<button type="button" class="tool" data-do="theme" aria-label="Light or dark">◐</button>'
_LOG_OUT = (
    '<form method="post" action="/logout"><button class="tool" '
    'title="Deletes your conversations in this browser">Log out</button></form>'
)
_BAR = (
    '<div class="bar"><div class="menu"><button type="button" class="tool title" data-do="list" '
    'title="Conversations" aria-expanded="false" aria-controls="list">'
    '<span class="off">Conversations: </span><span class="name">New conversation</span>'
    '<span aria-hidden="true">▾</span></button>'
    '<div id="list" class="drop" role="group" aria-label="Conversations" hidden></div></div>'
    '<div class="menu end"><button type="button" class="tool" data-do="exports" '
    'aria-expanded="false" aria-controls="exports" disabled>Export</button>'
    '<div id="exports" class="drop" role="group" aria-label="Export as" hidden>'
    '<button type="button" data-do="export" data-form="md">Markdown</button>'
    '<button type="button" data-do="export" data-form="json">JSON</button></div></div>'
    '<button type="button" class="tool" data-do="clear" title="New conversation">New</button></div>'
)
_COMPOSER = (
    '<p class="editing" hidden>Editing the last question '
    '<button type="button" data-do="leave">Cancel</button></p>'
    '<form><textarea id="question" rows="1" aria-label="Your question" '
    'placeholder="Ask your documents" dir="auto"></textarea>'
    '<button type="submit" id="send" disabled>Ask</button>'
    '<button type="button" id="stop" data-do="stop" hidden>Stop</button></form>'
    '<p id="announce" role="status" aria-live="polite"></p>'
)


def application(
    chat: Chat,
    *,
    port: int,
    names: Sequence[str],
    hosts: Sequence[str] = (),
    logins: Logins | None = None,
) -> ASGIApp:
    """The page as an ASGI application behind its `Guard`, which tells what the arguments are."""
    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/favicon.ico")
    def favicon() -> fastapi.Response:
        return fastapi.Response(_FAVICON, media_type="image/svg+xml")

    documents_part.add_routes(app, chat.library, status=chat.status)

    # By their plain names, fonts are those of the system: nothing is fetched.
    fonts = {
        "font": ["ui-sans-serif", "system-ui", "sans-serif"],
        "font_mono": ["ui-monospace", "monospace"],
    }
    gr.mount_gradio_app(
        app,
        _page(chat, tools=_TOOLS if logins is None else _TOOLS + _LOG_OUT),
        path="/",
        footer_links=[],
        run_history=False,
        show_error=False,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        allowed_paths=[],
        blocked_paths=["/"],
        theme=gr.themes.Base(primary_hue="emerald", neutral_hue="stone", **fonts),
    )
    # Gradio would add a sheet after the first paint, and prefix its selectors.
    style = f"<style>{_packaged('chat.css')}</style>{documents_part.head()}"
    head = f"<title>askseeds</title>{_EARLY}{style}</head>"
    return Guard(app, port=port, head=head, names=names, hosts=hosts, logins=logins)


def _script() -> str:
    """The scripts, once all parts of the page are there: Gradio runs them before that.

    They enable what would do nothing until then, or load the page anew.
    """
    parts = '["question", "bar", "conversation", "source", "thumb", "restored"]'
    return (
        f"const begin = () => {{\n{_packaged(*SCRIPTS)}\n}};\n"
        f"const wait = () => {parts}.every((id) => document.getElementById(id)) "
        "? begin() : setTimeout(wait, 10);\nwait();"
    )


def _packaged(*names: str) -> str:
    folder = resources.files("askseeds")
    return "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)


def _tab(request: gr.Request) -> str:
    """Names a tab; the guard has put the login into it, so that no other one can name it."""
    return str(request.session_hash or "")


def _page(chat: Chat, *, tools: str) -> gr.Blocks:
    static: dict[str, Any] = {"js_on_load": None, "apply_default_css": False}
    with gr.Blocks(title="askseeds", analytics_enabled=False, fill_width=True) as blocks:
        timer = gr.Timer(POLL_S)
        with gr.Row(elem_id="top"):
            gr.HTML(_BRAND, elem_id="brand", **static)
            status = gr.HTML(chat.status(), elem_id="status", **static)
            gr.HTML(_TABS, elem_id="tabs", **static)
            gr.HTML(f'<div class="tools">{tools}</div>', elem_id="tools", **static)
        with gr.Row(elem_id="parts"):
            chosen = documents_part.column(chat.library)
            with gr.Column(elem_id="chat"):
                gr.HTML(_BAR, elem_id="bar", **static)
                with gr.Column(elem_id="scroll"):
                    welcome = gr.HTML(chat.welcome(), elem_id="welcome", **static)
                    gr.HTML("", elem_id="conversation", **static)
                thumb = gr.HTML("", elem_id="thumb", **static)
                gr.HTML(_COMPOSER, elem_id="composer", **static)
            with gr.Column(elem_id="side"):
                source = gr.HTML(NO_SOURCE, elem_id="source", **static)
        restored = gr.HTML("", elem_id="restored", **static)
        # The last one, so that all others are there when its script runs.
        reply = gr.HTML("", elem_id="reply", js_on_load=_script(), apply_default_css=False)

        async def ask(
            choice: str | None, event: gr.EventData, request: gr.Request
        ) -> AsyncIterator[tuple[Any, Any]]:
            async for told, first in chat.ask(event._data, choice, tab=_tab(request)):
                yield render.html_data(told), first or gr.skip()

        def stop(event: gr.EventData, request: gr.Request) -> None:
            run = event._data.get("run") if isinstance(event._data, dict) else None
            chat.stop(run, tab=_tab(request))

        def show(event: gr.EventData) -> str:
            return chat.source(event._data)

        def judge(event: gr.EventData) -> str:
            return chat.judge(event._data)

        def look(event: gr.EventData) -> str:
            return chat.look(event._data)

        def restore(event: gr.EventData) -> tuple[str, Any]:
            stays = isinstance(event._data, dict) and event._data.get("stays") is True
            told = render.html_data(chat.restore(event._data))
            return told, gr.skip() if stays else NO_SOURCE

        def refresh() -> tuple[Any, ...]:
            return chat.status(), chat.welcome(), gr.Timer(active=not chat.settled)

        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        at_once = quiet | {"queue": False, "trigger_mode": "multiple"}
        # The names of these events are those that the scripts trigger. Who waits does so in the
        # line of `Chat`, which knows the places and can be left.
        reply.ask(
            ask, [chosen], [reply, source], concurrency_limit=None, trigger_mode="multiple", **quiet
        )
        reply.stop(stop, None, None, **at_once)
        reply.quote(show, None, [source], **at_once)
        reply.look(look, None, [source], **at_once)
        reply.judge(judge, None, [thumb], **at_once)
        reply.restore(restore, None, [restored, source], **at_once)
        gr.on(
            [blocks.load, timer.tick], refresh, None, [status, welcome, timer], **quiet, queue=False
        )
    return blocks
