"""The column of documents on the page, and the routes that it fetches from."""

import secrets
from collections.abc import Callable
from importlib import resources
from typing import Annotated

import fastapi
import gradio as gr
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from askseeds import render_documents
from askseeds.errors import DocumentError
from askseeds.web.library import Library
from askseeds.web.uploads import Existing

MOST_SHOWN = 200
"""Documents in the page at a time; the filter finds the others."""


def head() -> str:
    """The column's style, for the head of the page; it comes after the page's own."""
    style = resources.files("askseeds").joinpath("documents.css").read_text(encoding="utf-8")
    return f"<style>{style}</style>"


def column(library: Library) -> gr.HTML:
    """Makes the column; gives the component whose value is the choice of documents.

    Its value is an input of whatever asks: `Choice.of(value).among(sources)`.
    """
    script = resources.files("askseeds").joinpath("documents.js").read_text(encoding="utf-8")
    with gr.Column(elem_id="library"):
        gr.HTML(
            render_documents.html_library(max_bytes=library.max_bytes),
            elem_id="documents",
            js_on_load=None,
            apply_default_css=False,
        )
        # It shows nothing: the script sets the value, which goes along with every question.
        return gr.HTML(
            "", html_template="", js_on_load=script, apply_default_css=False, elem_id="choice"
        )


def add_routes(app: fastapi.FastAPI, library: Library, *, status: Callable[[], str]) -> None:
    """Adds what the column fetches. The guard has seen to Host, Origin and logins before.

    Args:
        app: Gets the routes.
        library: The documents.
        status: The line at the top of the page, as HTML.
    """
    own = [fastapi.Depends(_own_page)]
    run = secrets.token_hex(4)  # versions of another run of the server are not ours

    @app.get("/documents")
    def listing(
        words: str = "",
        seen: str = "",
        names: bool = False,
        of: Annotated[list[str] | None, fastapi.Query(max_length=100)] = None,
    ) -> JSONResponse:
        """The rows that match the words, and how far the indexing is."""
        now = library.listing()
        version = f"{run}.{now.version}.{words}"
        share = library.share
        answer: dict[str, object] = {
            "version": version,
            "share": share,
            "status": status(),
            "fault": now.fault,
        }
        if of:
            wanted = frozenset(of)
            answer["states"] = {
                entry.source: [
                    entry.state,
                    render_documents.why(entry.state, entry.size, entry.reason),
                ]
                for entry in now.entries
                if entry.source in wanted
            }
        if seen != version or names:
            found = now.matching(words)
            answer |= {
                "total": now.indexed,
                "files": len(now.entries),
                "matching": len(found),
                "rows": "".join(
                    render_documents.html_document(
                        entry.source,
                        kind=entry.kind,
                        size=entry.size,
                        state=entry.state,
                        reason=entry.reason,
                        asked=entry.asked,
                    )
                    for entry in found[:MOST_SHOWN]
                ),
            }
            if names:
                answer["names"] = [entry.source for entry in found if entry.can_be_chosen]
        return JSONResponse(answer)

    @app.get("/documents/check")
    def check(name: str, size: int = 0) -> JSONResponse:
        """Whether a file could be added, before it is sent."""
        try:
            return JSONResponse({"exists": library.check(name, size), "error": ""})
        except DocumentError as error:
            return JSONResponse({"exists": False, "error": str(error)})

    @app.post("/documents", dependencies=own)
    async def add(
        request: fastapi.Request, name: str, existing: Existing = "refuse"
    ) -> JSONResponse:
        """Takes one file: its name in the address, its content as the body."""
        try:
            length = request.headers.get("content-length", "")
            await run_in_threadpool(library.check, name, int(length) if length.isdecimal() else 0)
            with await run_in_threadpool(library.upload, name) as upload:
                async for chunk in request.stream():
                    await run_in_threadpool(upload.write, chunk)
                source = await run_in_threadpool(upload.keep, existing)
        except DocumentError as error:
            return _refused(error)
        except FileExistsError:
            return JSONResponse({"error": "is there already", "exists": True}, 409)
        except ClientDisconnect:
            return JSONResponse({"error": "was not sent to its end"}, 400)
        await run_in_threadpool(library.wake)
        return JSONResponse({"source": source}, 201)

    @app.delete("/documents", dependencies=own)
    def remove(source: str) -> JSONResponse:
        """Deletes one file of the list."""
        try:
            library.remove(source)
        except DocumentError as error:
            return _refused(error)
        return JSONResponse({"removed": source})


def _own_page(request: fastapi.Request) -> None:
    """Lets a change through only from the page: a browser names the origin of every such request.

    The guard has refused a foreign one.
    """
    if "origin" not in request.headers:
        raise fastapi.HTTPException(403, "Changes are made from the page only.")


def _refused(error: DocumentError) -> JSONResponse:
    return JSONResponse({"error": str(error)}, 400)
