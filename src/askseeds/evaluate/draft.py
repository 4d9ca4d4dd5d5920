"""First pairs for new seeds, and pairs from the feedback of the chat; all of them for review."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, zip_longest
from pathlib import Path

from askseeds.batch import turns
from askseeds.errors import ConfigError, QuestionError
from askseeds.evaluate.pairs import TO_REVIEW, Pair, slug
from askseeds.sentences import passages
from askseeds.types import Document

FEEDBACK_FILE = "feedback.jsonl"
"""In the index folder. One JSON object a line: `question`, `rating` (`up` or `down`), `status`,
`quotes` (objects with `text`), and perhaps `history` and `comment`."""

MOST = 40
PER_DOCUMENT = 8
SENTENCE_CHARS = (40, 260)

_NOTE = "drafted: check the question and the quote, then delete the tag review"
_IS = re.compile(r"((?:The |An? )?[A-Z][\w’'-]*(?: [\w’'-]+){0,4}?) (is|are|was|were) (?!not\b)\w")
_NUMBER = re.compile(r"\b\d[\d.,]*[ -]([a-z]{3,}s)\b")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w’'-]+(?: [A-Z][\w’'-]+)*")
_PERSON = re.compile(r"[A-Z][\w’'-]+(?: [A-Z][\w’'-]+){1,2}")
_DAYS = frozenset(
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May "
    "June July August September October November December".split()
)
_POINTING = frozenset(
    "it this that these those they there he she we you i what here his her its their our my when "
    "if in on at as for but and or so while although however".split()
)
_ELSEWHERE = (
    ("How do I bake sourdough bread?", "sourdough"),
    ("Who won the football World Cup in 2018?", "football"),
    ("What is the boiling point of mercury?", "mercury"),
    ("How many strings does a cello have?", "cello"),
    ("When was the Eiffel Tower built?", "eiffel"),
)
UNANSWERABLE = 3


def draft(documents: Iterable[Document]) -> tuple[Pair, ...]:
    """Candidate pairs from headings and sentences, the documents in turn; English questions.

    Args:
        documents: Are read once.
    """
    absent = list(_ELSEWHERE)
    found: list[list[Pair]] = []
    for document in documents:
        lower = document.text.lower()
        absent = [item for item in absent if item[1] not in lower]
        found.append(list(_of_document(document)))
    in_turn = chain.from_iterable(zip_longest(*found))
    pairs = [pair for pair in in_turn if pair][:MOST]
    pairs += [
        Pair("", question, "not_found", tags=(TO_REVIEW, "unanswerable"), note=_NOTE)
        for question, _ in absent[:UNANSWERABLE]
    ]
    return _named(pairs)


def _of_document(document: Document) -> Iterator[Pair]:
    asked: set[str] = set()
    number = 0
    for part in passages(document):
        texts = [document.text[start:end] for start, end in part.sentences]
        prose = [text for text in texts if _is_prose(text)]
        if not prose:
            continue
        questions = [(question, text) for text in prose if (question := _question(text, document))]
        heading = part.heading.split(" › ")[-1] if part.heading else ""
        if heading and heading != document.title:
            asks = f'What does "{document.title}" say about "{heading}"?'
            questions.insert(0, (asks, prose[0]))
        for question, text in questions[:2]:
            if question not in asked and number < PER_DOCUMENT:
                asked.add(question)
                number += 1
                yield Pair(
                    id="",
                    question=question,
                    status="answered",
                    quotes=(text,),
                    source=re.sub(r"([*?\[])", r"[\1]", document.source),
                    tags=(TO_REVIEW,),
                    note=_NOTE,
                )


def _is_prose(text: str) -> bool:
    least, most = SENTENCE_CHARS
    return least <= len(text) <= most and "\n" not in text and text.rstrip("”\"')")[-1:] in ".!"


def _question(text: str, document: Document) -> str:
    """A question that the sentence answers; empty where none comes to mind."""
    match = _IS.match(text)
    if match and match[1].split()[0].lower() not in _POINTING:
        subject = re.sub(r"^(The|An?) ", lambda article: article[0].lower(), match[1])
        return f"{'Who' if _PERSON.fullmatch(subject) else 'What'} {match[2]} {subject}?"
    number = _NUMBER.search(text)
    if number and number[1] not in ("times", "percents"):
        return f'How many {number[1]} does "{document.title}" speak of?'
    names = (name for name in _NAME.findall(text) if name not in _DAYS)
    name = max(names, key=len, default="")
    return f"What is said about {name}?" if name else ""


def _named(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """Pairs with distinct ids, from the words of their questions."""
    used: dict[str, int] = {}
    named = []
    for pair in pairs:
        name = slug(pair.question)
        used[name] = used.get(name, 0) + 1
        suffix = "" if used[name] == 1 else f"-{used[name]}"
        named.append(replace(pair, id=name + suffix))
    return tuple(named)


def from_feedback(file: Path, known: Sequence[Pair] = ()) -> tuple[Pair, ...]:
    """Pairs from judged answers; the last judgement on a question counts.

    An answer judged good becomes the expectation. One judged wrong becomes a known failure that
    must not quote the same again, until a person says what is right.

    Args:
        file: JSON Lines as the chat writes them; see `FEEDBACK_FILE`.
        known: Pairs that are there already; their questions are left out.

    Raises:
        ConfigError: Names file, line and field.
    """
    try:
        lines = file.read_bytes().decode("utf-8-sig").split("\n")
    except OSError as error:
        raise ConfigError(
            f"{file} cannot be read: {error.strerror}; the chat writes it when an answer is judged"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8 (byte {error.start})") from error
    judged: dict[tuple[object, ...], Pair] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            pair = _judged(f"{file}:{number}", line)
            judged[(pair.question, pair.history)] = pair
    there = {(pair.question, pair.history) for pair in known}
    fresh = [pair for key, pair in judged.items() if key not in there]
    every = _named([*known, *fresh])[len(known) :]
    taken = {pair.id for pair in known}
    return tuple(
        replace(pair, id=f"{pair.id}-feedback") if pair.id in taken else pair for pair in every
    )


def _judged(where: str, line: str) -> Pair:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        raise ConfigError(f"{where}: is not JSON") from None
    match content:
        case {"question": str(question), "rating": "up" | "down" as rating} if question.strip():
            pass
        case _:
            raise ConfigError(f"{where}: needs a question, and a rating that is up or down")
    quotes = content.get("quotes") or []
    if not isinstance(quotes, list) or not all(
        isinstance(quote, dict) and isinstance(quote.get("text"), str) for quote in quotes
    ):
        raise ConfigError(f"{where}: quotes: must be a list of objects with a text")
    try:
        history = turns(content.get("history") or (), where=where)
    except QuestionError as error:
        raise ConfigError(str(error)) from None
    answered = content.get("status", "answered" if quotes else "not_found") == "answered"
    texts = tuple(quote["text"] for quote in quotes if quote["text"].strip()) if answered else ()
    comment = content.get("comment")
    note = comment if isinstance(comment, str) else ""
    if rating == "up":
        status = "answered" if answered else "not_found"
        return Pair(  # both are statuses
            "",
            question,
            status,  # type: ignore[arg-type]
            history=history,
            quotes=texts,
            tags=("feedback",),
            note=note,
        )
    why = "judged wrong in the chat; say what is right and delete this line"
    tags = ("feedback", TO_REVIEW)
    return Pair(
        "", question, "answered", history, not_quotes=texts, tags=tags, xfail=why, note=note
    )
