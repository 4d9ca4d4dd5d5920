"""The list of documents as HTML. See `render` for the rules."""

from askseeds import documents
from askseeds.render import html_escape, html_name

STATES = {
    "indexed": "indexed",
    "indexing": "being indexed",
    "waiting": "waiting",
    "failed": "failed",
    "unread": "not read",
}
"""The states of a document, in words."""

_CROSS = '<svg viewBox="0 0 20 20" aria-hidden="true"><path d="m5.5 5.5 9 9m0-9-9 9"/></svg>'


def why(state: str, size: int | None, reason: str) -> str:
    """The reason why a document is not read, as plain text, with what became of its file."""
    # Without a size it is no file that the page can remove: a folder, or a broken link.
    kept = state == "failed" and size is not None
    return f"{reason}; the file is kept, and can be removed here" if kept else reason


def html_document(
    source: str, *, kind: str, size: int | None, state: str, reason: str, asked: bool
) -> str:
    """One row of the list.

    Args:
        source: The document's name; the row carries it.
        kind: What kind of file it is, in one word.
        size: In bytes; None where it is not known.
        state: One of `STATES`.
        reason: Why it is not in the index; empty when it is.
        asked: It can be asked, and its text be shown.
    """
    name, attribute = html_name(source), html_escape(source)
    shown = (
        f'<button type="button" class="name" dir="auto" data-do="look" '
        f'title="Show its text">{name}</button>'
        if asked
        else f'<span class="name" dir="auto">{name}</span>'
    )
    facts = [html_escape(kind), *([html_size(size)] if size is not None else [])]
    facts.append(f'<span class="stage">{STATES[state]}</span>')
    told = html_escape(why(state, size, reason))
    line = f'<p class="reason">{told}</p>' if reason else ""
    can_be = asked or state in ("indexing", "waiting")
    return (
        f'<li class="document" data-source="{attribute}" data-state="{state}">'
        f'<label class="pick"><input type="checkbox" aria-label="Ask {attribute}"'
        f"{'' if can_be else ' disabled'}></label>{shown}"
        f'<button type="button" class="remove" data-documents="remove" '
        f'aria-label="Remove {attribute}" title="Remove">{_CROSS}</button>'
        f'<p class="facts">{" · ".join(facts)}</p>{line}</li>'
    )


def html_size(size: int) -> str:
    """A size in bytes in the unit that suits it."""
    if size < 1_000:
        return f"{size} B"
    for unit, digits in (("kB", 1e3), ("MB", 1e6), ("GB", 1e9)):
        if size < 999.5 * digits or unit == "GB":
            number = size / digits
            return f"{number:.1f} {unit}" if number < 9.95 else f"{number:,.0f} {unit}"
    raise AssertionError("the largest unit takes every size")


def html_library(*, max_bytes: int) -> str:
    """The column without its rows, which `documents.js` fetches.

    Args:
        max_bytes: The size of the largest file that is taken.
    """
    suffixes = ",".join(sorted(documents.SUFFIXES))
    return (
        f'<div class="library" data-max-bytes="{max_bytes}" data-max="{html_size(max_bytes)}">'
        '<header><h2 id="library-title">Documents</h2>'
        '<button type="button" class="fold" data-documents="fold" aria-expanded="true" '
        'aria-controls="library-body" aria-label="Fold the list of documents">'
        '<svg viewBox="0 0 20 20" aria-hidden="true"><path d="m11.5 5-5 5 5 5"/></svg>'
        '</button></header><div id="library-body">'
        '<div class="dropzone"><button type="button" class="add" data-documents="add">Add files'
        "</button><p>or drop them here</p>"
        f'<input type="file" multiple hidden accept="{suffixes}" aria-label="Files to add"></div>'
        '<ul class="uploads" aria-label="Files being added" aria-live="polite"></ul>'
        '<p class="fault" role="alert" hidden></p>'
        '<div class="work" role="progressbar" aria-label="Indexing" aria-valuemin="0" '
        'aria-valuemax="100" hidden><span></span></div>'
        '<div class="choose"><input type="search" class="filter" placeholder="Filter" '
        'aria-label="Filter the documents by name" spellcheck="false" hidden>'
        '<p class="chosen" role="status"></p>'
        '<span class="bulk" role="group" aria-label="Which documents are asked">'
        '<button type="button" data-documents="all">All</button>'
        '<button type="button" data-documents="none">None</button></span></div>'
        '<ul class="documents" aria-labelledby="library-title"></ul><p class="more"></p></div>'
        '<dialog class="ask" aria-labelledby="ask-title"><h2 id="ask-title"></h2>'
        '<p class="what"></p><div class="answers"></div></dialog></div>'
    )
