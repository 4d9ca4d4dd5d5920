"""A pair: a question with what its answer must be. What is wrong with one is named by its field."""

import difflib
import math
import re
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from askseeds.batch import turns
from askseeds.errors import ConfigError, QuestionError
from askseeds.questions import is_empty
from askseeds.types import Status, Turn

FIELDS = (
    "id",
    "question",
    "history",
    "status",
    "quotes",
    "patterns",
    "not_quotes",
    "source",
    "page",
    "tags",
    "weight",
    "xfail",
    "note",
)
"""In the order in which they are written."""

TO_REVIEW = "review"
"""Tag of a pair that a program made and no person has looked at."""

TAG = re.compile(r"[^\W_][\w.+-]*")
_SLUG_WORDS = 7


@dataclass(frozen=True, slots=True)
class Pair:
    """A question with what its answer must be.

    Attributes:
        id: Unique among the pairs of a run.
        history: Earlier turns, oldest first.
        status: What the answer's status must be.
        quotes: Fragments that must each stand inside one quote, to the character.
        patterns: Regular expressions that must each match inside one quote.
        not_quotes: Fragments that no quote may contain.
        source: Glob pattern; the quotes that count are those of such documents.
        page: The quotes that count begin on this page.
        tags: Free labels to choose and to group by.
        weight: How much the pair counts in every figure, above 0.
        xfail: Why the pair is known to fail; empty when it must pass.
        file, line: Where the pair is written; no part of its value.
    """

    id: str
    question: str
    status: Status
    history: tuple[Turn, ...] = ()
    quotes: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    not_quotes: tuple[str, ...] = ()
    source: str = ""
    page: int | None = None
    tags: tuple[str, ...] = ()
    weight: float = 1.0
    xfail: str = ""
    note: str = ""
    file: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """A pair as it was parsed, before it is known to be right.

    Attributes:
        fields: By name, of whatever kind the file gave.
        line: Line of the pair, from 1.
        lines: Line of each field, where the format tells.
    """

    file: str
    line: int
    fields: Mapping[str, Any]
    lines: Mapping[str, int] = field(default_factory=dict)

    def wrong(self, name: str, problem: str) -> ConfigError:
        """The error that names file, line and field."""
        return ConfigError(f"{self.file}:{self.lines.get(name, self.line)}: {name}: {problem}")


def pair_of(entry: Entry) -> Pair:
    """Checks an entry.

    Raises:
        ConfigError: Names file, line and field.
    """
    if "rating" in entry.fields:
        hint = "`askseeds eval --from-feedback PAIRS.yaml` adds what was rated to a file of pairs"
        raise entry.wrong("rating", f"is not a field of a pair; {hint}")
    for name in entry.fields:
        if name not in FIELDS:
            near = difflib.get_close_matches(name, FIELDS, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(FIELDS)}"
            raise entry.wrong(str(name)[:80], f"is not a field of a pair; {hint}")
    question = _text(entry, "question")
    if is_empty(question):
        raise entry.wrong("question", "is missing or empty")
    quotes, patterns = _texts(entry, "quotes"), _texts(entry, "patterns")
    source, page = _text(entry, "source"), _page(entry)
    status = _status(entry, bool(quotes or patterns))
    if status == "not_found":
        for name, given in (
            ("quotes", quotes),
            ("patterns", patterns),
            ("source", source),
            ("page", page),
        ):
            if given:
                raise entry.wrong(name, "nothing is quoted when the status is not_found")
    for pattern in patterns:
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise entry.wrong("patterns", f"{_short(pattern)} is no pattern: {error}") from None
    return Pair(
        id=_id(entry, question),
        question=question,
        history=_history(entry),
        status=status,
        quotes=quotes,
        patterns=patterns,
        not_quotes=_texts(entry, "not_quotes"),
        source=source,
        page=page,
        tags=_tags(entry),
        weight=_weight(entry),
        xfail=_text(entry, "xfail"),
        note=_text(entry, "note"),
        file=entry.file,
        line=entry.line,
    )


def fields_of(pair: Pair) -> dict[str, Any]:
    """What is written of a pair: every field that is not at its default."""
    history: list[Any] = [
        {"question": turn.question, "answer": turn.answer} if turn.answer else turn.question
        for turn in pair.history
    ]
    every: dict[str, Any] = {
        "id": pair.id,
        "question": pair.question,
        "history": history,
        "status": pair.status,
        "quotes": list(pair.quotes),
        "patterns": list(pair.patterns),
        "not_quotes": list(pair.not_quotes),
        "source": pair.source,
        "page": pair.page,
        "tags": list(pair.tags),
        "weight": None if pair.weight == 1.0 else pair.weight,
        "xfail": pair.xfail,
        "note": pair.note,
    }
    return {name: value for name, value in every.items() if value not in ("", [], None)}


def distinct(pairs: Sequence[Pair]) -> None:
    """Makes sure that no id is there twice.

    Raises:
        ConfigError: Names both places.
    """
    seen: dict[str, Pair] = {}
    for pair in pairs:
        if pair.id in seen:
            first = seen[pair.id]
            raise ConfigError(
                f"{pair.file}:{pair.line}: id: {_short(pair.id)} is also the id of the pair at "
                f"{first.file}:{first.line}"
            )
        seen[pair.id] = pair


def slug(text: str) -> str:
    """An id from the first words of a text."""
    words = re.findall(r"\w+", text.lower())[:_SLUG_WORDS]
    return "-".join(words) or "pair"


def _text(entry: Entry, name: str) -> str:
    value = entry.fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise entry.wrong(name, f"must be text, got {_kind(value)}; put it in quotation marks")
    return _encodable(entry, name, value)


def _encodable(entry: Entry, name: str, value: str) -> str:
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise entry.wrong(name, "holds half a surrogate pair, which is no character")
    return value


def _texts(entry: Entry, name: str) -> tuple[str, ...]:
    value = entry.fields.get(name)
    if value is None:
        return ()
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        raise entry.wrong(name, f"must be text or a list of texts, got {_kind(value)}")
    for item in value:
        if not isinstance(item, str):
            raise entry.wrong(
                name, f"every item must be text, got {_kind(item)}; put it in quotation marks"
            )
        if not item.strip():
            raise entry.wrong(name, "an item is empty")
    return tuple(_encodable(entry, name, item) for item in value)


def _id(entry: Entry, question: str) -> str:
    value = entry.fields.get("id")
    if value is None:
        return slug(question)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = _text(entry, "id").strip()
    if not text or not text.isprintable():
        raise entry.wrong("id", "must be one line of visible text")
    return text


def _status(entry: Entry, quoted: bool) -> Status:
    value = entry.fields.get("status")
    if value is None and quoted:
        return "answered"
    for known in get_args(Status):
        if value == known:
            return known  # type: ignore[no-any-return]
    got = "is missing" if value is None else f"got {_short(value)}"
    raise entry.wrong("status", f"must be answered or not_found, {got}")


def _history(entry: Entry) -> tuple[Turn, ...]:
    value = entry.fields.get("history")
    try:
        found = turns([value] if isinstance(value, str) else value or [], where="history")
    except QuestionError as error:
        raise entry.wrong("history", str(error).removeprefix("history: ")) from None
    for turn in found:
        _encodable(entry, "history", turn.question + turn.answer)
        if not turn.question.strip():
            raise entry.wrong("history", "a question of the history is empty")
    return found


def _page(entry: Entry) -> int | None:
    value = entry.fields.get("page")
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise entry.wrong("page", f"must be a whole number from 1, got {_short(value)}")
    return value


def _weight(entry: Entry) -> float:
    value = entry.fields.get("weight")
    if value is None:
        return 1.0
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise entry.wrong("weight", f"must be a number above 0, got {_short(value)}")
    if not 0 < value <= 1e6 or not math.isfinite(value):
        raise entry.wrong("weight", f"must be above 0 and at most 1,000,000, got {value}")
    return float(value)


def _tags(entry: Entry) -> tuple[str, ...]:
    tags = _texts(entry, "tags")
    for tag in tags:
        if not TAG.fullmatch(tag):
            raise entry.wrong(
                "tags",
                f"{_short(tag)} is no tag: one word of letters, digits and . + - _, "
                "beginning with a letter or digit",
            )
    return tuple(dict.fromkeys(tags))


def _short(value: object) -> str:
    return reprlib.repr(value)


def _kind(value: object) -> str:
    name: Literal["a list", "a mapping"] | str
    match value:
        case list():
            name = "a list"
        case dict():
            name = "a mapping"
        case _:
            name = _short(value)
    return name
