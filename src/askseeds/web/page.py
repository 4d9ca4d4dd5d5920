"""The page of the chat, in Gradio. Importing this takes seconds; only `serve` does."""

import os
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # Gradio reads it when it is imported
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import fastapi
import gradio as gr
from starlette.types import ASGIApp

from askseeds import render
from askseeds.web.auth import Logins
from askseeds.web.chat import Chat, Exchange
from askseeds.web.guard import Guard

POLL_S = 0.5
ASKED_AT_ONCE = 2
"""Questions that are worked on at the same time; the others queue."""

_FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="8" fill="#1f6f54"/>'
    '<path d="M9 21c0-8 5-12 14-12 0 9-5 13-13 13m-1 2c1-5 4-8 8-9" fill="none" stroke="#fff" '
    'stroke-width="2.4" stroke-linecap="round"/></svg>'
)
_BRAND = '<h1 class="brand">askseeds</h1>'
_TOOLS = (
    '<div class="tabs" role="group" aria-label="Part of the page">'
    '<button type="button" data-do="chat" aria-pressed="true">Chat</button>'
    '<button type="button" data-do="source" aria-pressed="false">Source</button></div>'
    '<button type="button" class="tool" data-do="clear" title="New conversation">New</button>'
    '<button type="button" class="tool" data-do="theme" aria-label="Light or dark">◐</button>'
)
_LOG_OUT = '<form method="post" action="/logout"><button class="tool">Log out</button></form>'


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
    style = resources.files("askseeds").joinpath("chat.css").read_text(encoding="utf-8")
    # Gradio would add a sheet after the first paint, and prefix its selectors.
    head = f"<title>askseeds</title><style>{style}</style></head>"
    return Guard(app, port=port, head=head, names=names, hosts=hosts, logins=logins)


def _page(chat: Chat, *, tools: str) -> gr.Blocks:
    script = resources.files("askseeds").joinpath("chat.js").read_text(encoding="utf-8")
    empty_source = render.html_notice("Choose a quote to see it where it stands.")
    static: dict[str, Any] = {"js_on_load": None, "apply_default_css": False}
    with gr.Blocks(title="askseeds", analytics_enabled=False, fill_width=True) as blocks:
        exchanges = gr.State(())  # the conversation of one tab, kept on the server
        timer = gr.Timer(POLL_S)
        with gr.Row(elem_id="top"):
            gr.HTML(_BRAND, elem_id="brand", **static)
            status = gr.HTML(chat.status(), elem_id="status", **static)
            gr.HTML(tools, elem_id="tools", **static)
        with gr.Row(elem_id="parts"):
            with gr.Column(elem_id="chat"):
                with gr.Column(elem_id="scroll"):
                    welcome = gr.HTML(chat.welcome(), elem_id="welcome", **static)
                    conversation = gr.HTML(
                        "", elem_id="conversation", js_on_load=script, apply_default_css=False
                    )
                thumb = gr.HTML("", elem_id="thumb", **static)
                with gr.Row(elem_id="composer"):
                    question = gr.Textbox(
                        label="Your question",
                        placeholder="Ask your documents",
                        show_label=False,
                        container=False,
                        lines=1,
                        max_lines=8,
                        autofocus=True,
                        elem_id="question",
                    )
                    send = gr.Button("Ask", variant="primary", elem_id="send", min_width=0)
            with gr.Column(elem_id="side"):
                source = gr.HTML(empty_source, elem_id="source", **static)

        def ask(asked: str, past: tuple[Exchange, ...]) -> Iterator[tuple[Any, ...]]:
            if not asked.strip():
                yield (gr.skip(),) * 5
                return
            yield "", gr.skip(), _conversation((*past, Exchange(asked))), gr.skip(), ""
            now = (*past, chat.answer(asked, past))
            answer = now[-1].answer
            found = answer is not None and answer.status == "answered"
            shown = chat.source(now, len(now), 1) if found else empty_source
            yield gr.skip(), now, _conversation(now), shown, gr.skip()

        def ask_example(
            past: tuple[Exchange, ...], event: gr.EventData
        ) -> Iterator[tuple[Any, ...]]:
            yield from ask(str(event._data.get("question", "")), past)

        def show(past: tuple[Exchange, ...], event: gr.EventData) -> str:
            return chat.source(past, event._data.get("exchange"), event._data.get("quote"))

        def judge(past: tuple[Exchange, ...], event: gr.EventData) -> str:
            return chat.judge(past, event._data.get("exchange"), event._data.get("rating"))

        def clear() -> tuple[Any, ...]:
            return "", (), "", empty_source, ""

        def refresh() -> tuple[Any, ...]:
            return chat.status(), chat.welcome(), gr.Timer(active=not chat.settled)

        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        queued = quiet | {"concurrency_id": "ask", "concurrency_limit": ASKED_AT_ONCE}
        at_once = quiet | {"queue": False}
        parts = [question, exchanges, conversation, source, thumb]
        typed = gr.on(
            [question.submit, send.click],
            ask,
            [question, exchanges],
            parts,
            trigger_mode="once",
            **queued,
        )
        # The names of these events are those that `chat.js` triggers.
        clicked = conversation.example(
            ask_example, [exchanges], parts, trigger_mode="once", **queued
        )
        conversation.quote(show, [exchanges], [source], **at_once)
        conversation.judge(judge, [exchanges], [thumb], **at_once)
        conversation.clear(clear, None, parts, cancels=[typed, clicked], **at_once)
        gr.on([blocks.load, timer.tick], refresh, None, [status, welcome, timer], **at_once)
    return blocks


def _conversation(exchanges: Sequence[Exchange]) -> str:
    return "".join(
        render.html_exchange(
            number,
            past.question,
            answer=past.answer,
            error=past.error,
            rating=past.thumb.rating or "",
        )
        for number, past in enumerate(exchanges, 1)
    )
