"""Markdown: taken as it is, with the headings that its marks make."""

import re

from askseeds.documents.canonical import make_document
from askseeds.documents.text import Line, decode, lines
from askseeds.types import Document, Heading

_FRONT_MATTER = re.compile(
    r"---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*\r?$", re.DOTALL | re.MULTILINE
)
_FENCE = re.compile(r"`{3,}+(?=[^`]*$)|~{3,}")
_CODE_INDENT = re.compile(r"(?:\t|[^\S\r\n]{4})\Z")
_ATX = re.compile(r"(#{1,6})[ \t]\s*(.*)")
_SETEXT = re.compile(r"=+|-{2,}")
_NO_SETEXT = re.compile(r"[>|#*+-]|\d+[.)]\s|={2,}")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\((?:[^()]|\([^()]*\))*\)")


def parse_markdown(content: bytes, source: str) -> Document:
    """Makes a document of a Markdown file.

    Raises:
        DocumentError: It is not text in UTF-8.
    """
    text = decode(content)
    front = _FRONT_MATTER.match(text)
    headings = _headings(text, front.end() if front else 0)
    title = _declared_title(front[1]) if front else ""
    if not title:
        first = next((text[h.start : h.end] for h in headings if h.level == 1), "")
        title = _without_marks(first)
    return make_document(content, source, text, title=title, headings=headings)


def _declared_title(front: str) -> str:
    declared = re.search(r"^title:(.*)", front, re.MULTILINE)
    title = declared[1].strip() if declared else ""
    is_quoted = len(title) > 1 and title[0] == title[-1] and title[0] in "'\""
    return title[1:-1] if is_quoted else title


def _without_marks(words: str) -> str:
    """A heading as a title, shown as plain text: links keep their words, emphasis no marks."""
    for _ in range(2):  # an image may be a link
        words = _LINK.sub(r"\1", words)
    return re.sub(r"[*`]", "", words)


def _headings(text: str, body: int) -> list[Heading]:
    headings: list[Heading] = []
    fence = ""
    previous: Line | None = None  # the line above, where an underline would make it a heading
    for line in lines(text, body):
        above, previous = previous, None
        if fence:
            if set(line.text) == {fence[0]} and len(line.text) >= len(fence):
                fence = ""
        elif _CODE_INDENT.search(text, max(0, line.start - 4), line.start):
            pass
        elif mark := _FENCE.match(line.text):
            fence = mark[0]
        elif atx := _ATX.fullmatch(line.text):
            start = line.start + atx.start(2)
            words = _without_closing_marks(atx[2])
            if words:
                headings.append(Heading(start, start + len(words), len(atx[1])))
        elif above and not line.after_blank and _SETEXT.fullmatch(line.text):
            headings.append(Heading(above.start, above.end, 1 if line.text[0] == "=" else 2))
        elif line.after_blank and not _NO_SETEXT.match(line.text):
            previous = line
    return headings


def _without_closing_marks(words: str) -> str:
    bare = words.rstrip("#")
    if bare and bare[-1] not in " \t":
        return words
    return bare.rstrip()
