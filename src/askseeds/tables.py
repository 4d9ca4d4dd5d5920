"""Rows of tables read out as sentences, for models that were trained on sentences. Pure.

"| Double | 120 EUR |" under "| Room | Price |" says little by itself; the cross-encoder understands
"Room: Double, Price: 120 EUR." That never becomes part of a quote.
"""

import re

_BAR = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"[\s|:+=-]*-[\s|:+=-]*")
_DATE = re.compile(r"(?:\b[^\W\d]+\.? \d{1,2}(?:st|nd|rd|th)?,? )?\b(?:19|20)\d\d\b")
HEAD_CHARS = 100_000
"""So far above a row its table's head is looked for."""


def read_out(text: str, start: int, end: int) -> str:
    """`text[start:end]` with every row of a table that stands in it read out.

    Other lines stay as they are, and so do the head of a table and rows without a table around. The
    line between head and body of a Markdown table becomes empty.
    """
    part = text[start:end]
    if "|" not in part:
        return part
    said: list[str] = []
    for line in part.splitlines(keepends=True):
        bare = line.rstrip()
        said += [_read_out(text, start, bare), line[len(bare) :]]
        start += len(line)
    return "".join(said)


def _read_out(text: str, start: int, line: str) -> str:
    cells = _cells(line)
    above = _above(text, start, len(cells)) if len(cells) > 1 else []
    if not above:
        return line
    if _RULE.fullmatch(line):
        return ""
    head, under = _cells(above[0]), above[1:2]
    ruled = bool(under) and _RULE.fullmatch(under[0]) is not None
    if ruled or not re.search(r"\d", _DATE.sub("", above[0])):
        told = [f"{name}: {cell}" if name else cell for name, cell in zip(head, cells, strict=True)]
        return ", ".join(one for one, cell in zip(told, cells, strict=True) if cell) + "."
    return f"{cells[0]}: {', '.join(filter(None, cells[1:]))}."


def _above(text: str, start: int, width: int) -> list[str]:
    """The rows of so many cells above a row at `start`, from the head of its table on."""
    before = text[max(0, start - HEAD_CHARS) : start]
    begin = max(before.rfind("\n\n"), before.rfind("\n\r\n"))
    if begin < 0 < start - HEAD_CHARS:
        return []  # the head is too far away
    lines = before[begin + 1 :].splitlines()
    first = next((at for at, line in enumerate(lines) if len(_cells(line)) == width), None)
    return [] if first is None else lines[first:]


def _cells(line: str) -> list[str]:
    """Without the bars at both ends of a Markdown row; a line that is no row is one cell."""
    bare = line.strip()
    if bare.startswith("|"):
        bare = bare[1:]
    if bare.endswith("|") and not bare.endswith("\\|"):
        bare = bare[:-1]
    return [cell.strip() for cell in _BAR.split(bare)]
