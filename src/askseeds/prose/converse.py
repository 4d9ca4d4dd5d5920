"""What kind of answer a question wants, and whether a model's own questions may be used. Pure."""

import re
from collections.abc import Iterable, Sequence

from askseeds.prose.prompt import Task
from askseeds.questions import FUNCTION
from askseeds.types import Turn

REWRITTEN_CHARS = 400
ASKED_CHARS = 300

_LEAD = r"^(?:(?:please|can you|could you|would you|now|and|ok|okay|then|also)[\s,]+)*"
_TASKS: tuple[tuple[Task, re.Pattern[str]], ...] = (
    (
        "summary",
        re.compile(
            _LEAD + r"(?:summari[sz]e\b|sum up\b|tl;?dr\b|(?:give (?:me |us )?|write |make )?"
            r"(?:an? |the )?(?:\w+ )?(?:summary|overview)\b|what are the (?:main|key) points\b)",
            re.IGNORECASE,
        ),
    ),
    (
        "compare",
        re.compile(
            r"\b(?:compar(?:e|es|ed|ison)|differences? between|differ|versus|vs)\b", re.IGNORECASE
        ),
    ),
    (
        "list",
        re.compile(
            _LEAD + r"(?:list\b|enumerate\b|name all\b|give me (?:a list of|all)\b|"
            r"(?:what|which|who) are all\b)|\ball (?:of )?the \w+ that\b",
            re.IGNORECASE,
        ),
    ),
)
_WORD = re.compile(r"\d(?:[\d.,]*\d)?|[^\W\d_]+(?:['’-][^\W\d_]+)*")
_ADDRESS = re.compile(
    r"[a-z][a-z0-9+.-]{1,20}:(?://)?[^\s]+|\bwww\.[^\s]+|\]\s*\(|\b[\w.+-]+@[\w-]+\.\w+|<\s*/?[a-z!]"
    r"|\b(?:[a-z0-9-]+\.)+(?:com|net|org|io|dev|app|info|biz|co|ai|xyz|ru|cn|de|uk|me|tv|test|"
    r"example|invalid|onion|zip)\b[^\s]*",
    re.IGNORECASE,
)


def task(question: str) -> Task:
    """What kind of answer is wanted."""
    return next((kind for kind, pattern in _TASKS if pattern.search(question)), "answer")


def is_of_many(question: str) -> bool:
    """Whether a summary is wanted of all documents rather than of the one that fits best."""
    return (
        re.search(r"\b(?:all|documents|papers|articles|files|texts|reports)\b", question, re.I)
        is not None
    )


def addresses(text: str) -> tuple[str, ...]:
    """Links, images, addresses and markup in a text."""
    found = (match[0].rstrip(".,;:!?)") for match in _ADDRESS.finditer(text))
    return tuple(one for one in found if one)


def is_rewriting(rewritten: str, question: str, history: Sequence[Turn]) -> bool:
    """Whether a model's rewriting of a follow-up may be asked in its place.

    It may use only names, numbers and other words that were said, and keeps most of the question.
    """
    said = [question, *(part for turn in history for part in (turn.question, turn.answer))]
    if not rewritten or "\n" in rewritten or len(rewritten) > REWRITTEN_CHARS:
        return False
    if addresses(rewritten) or not _says_only(rewritten, said):
        return False
    asked, now = _stems(_content(question)), _stems(_content(rewritten))
    return not asked or len(asked & now) * 2 >= len(asked)


def is_asking(ask: str, said: Iterable[str]) -> bool:
    """Whether a model may ask this back: one short question in words of the question and texts."""
    return (
        0 < len(ask) <= ASKED_CHARS
        and ask.endswith("?")
        and not addresses(ask)
        and _says_only(ask, said)
    )


def _says_only(text: str, said: Iterable[str]) -> bool:
    """Whether names and numbers stand in what was said as they are, and other words by stem."""
    known = {_bare(word) for part in said for word in _WORD.findall(part)}
    stems = _stems(word.lower() for word in known)
    lows = {word.lower() for word in known}
    for at, word in enumerate(map(_bare, _WORD.findall(text))):
        low = word.lower()
        is_name = word[0].isdigit() or (at > 0 and word != low)
        if is_name and low not in lows:
            return False
        if not is_name and low not in FUNCTION | _ASKING_BACK and low[:5] not in stems:
            return False
    return True


_ASKING_BACK = frozenset("mean do want ask asking refer referring or which one instead".split())


def _bare(word: str) -> str:
    return re.sub(r"['’]s?$", "", word)


def _content(text: str) -> list[str]:
    words = (_bare(word).lower() for word in _WORD.findall(text))
    return [word for word in words if word not in FUNCTION]


def _stems(words: Iterable[str]) -> set[str]:
    return {word[:5] for word in words}
