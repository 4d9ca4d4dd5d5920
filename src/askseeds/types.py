"""The values that everything else speaks in. Frozen, small, without behaviour of their own.

Offsets are code points into a document's canonical text, half open: `text[start:end]`.
Scores are better when higher, ranks start at 1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Span = tuple[int, int]
"""`(start, end)`: code points into the canonical text, end exclusive."""

Status = Literal["answered", "not_found"]

Step = Literal["searching", "reading", "choosing", "writing"]
"""What is being done for a question, in this order; "writing" only with a language model."""

Progress = Callable[[str, int, int], None]
"""Called with the name of a stage, the work done and the work in all."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of a document: where it stands, and its level from 1 (outermost)."""

    start: int
    end: int
    level: int


@dataclass(frozen=True, slots=True)
class Document:
    """One source file as it was read.

    Attributes:
        id: Names this version of the file; changes whenever the file does.
        source: Path relative to the seeds folder, `/`-separated.
        title: The document's own title where it has one, else made from the file name.
        text: The canonical text that all offsets count in.
        page_starts: Offset at which each page begins, ascending; empty without pages.
        headings: The headings that the format itself marks, in the order of the text.
    """

    id: str
    source: str
    title: str
    text: str
    page_starts: tuple[int, ...] = ()
    headings: tuple[Heading, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of whole sentences of one document: the unit of retrieval.

    Attributes:
        id: Positive, never used again for another passage of the same index.
        document_id: The `Document.id` that `start` and `end` count in.
        heading: The headings it stands under, outermost first, joined by " › "; None without any.
        page: Page number from 1 on which it begins; None where the format has no pages.
        sentences: Its sentences, in order, not overlapping; the first begins at `start` and the
            last ends at `end`.
    """

    id: int
    document_id: str
    start: int
    end: int
    heading: str | None
    page: int | None
    sentences: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage of retrieval said of a passage: its rank there (from 1) and its score."""

    rank: int
    score: float


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found, with the document it stands in.

    Attributes:
        score: Of the last stage that ranked it.
        stages: Every stage that ranked it, by name: `vectors`, `words`, `fusion`, `reranker`.
    """

    passage: Passage
    document: Document
    rank: int
    score: float
    stages: Mapping[str, Stage] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The passage's text, cut from the document."""
        return self.cut((self.passage.start, self.passage.end))

    def cut(self, span: Span) -> str:
        """A part of the document's text, verbatim."""
        return self.document.text[span[0] : span[1]]


@dataclass(frozen=True, slots=True)
class Quote:
    """One or more adjacent sentences, verbatim: `text == document.text[start:end]`."""

    source: str
    start: int
    end: int
    text: str
    title: str
    page: int | None
    heading: str | None
    score: float


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement of a language model, with the indices into `Answer.quotes` that it rests on."""

    text: str
    quotes: tuple[int, ...]
    supported: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier exchange of a conversation; `answer` is empty when only the question is known."""

    question: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Models:
    """Which models an answer came from; `prose` is None without a language model."""

    encoder: str
    reranker: str
    prose: str | None = None


@dataclass(frozen=True, slots=True)
class Writing:
    """How prose came about, beside `Models.prose`.

    Attributes:
        remote: Whether the question and the sentences left this machine.
        place: Where they went: a host, or "this machine".
        tokens_in: Sent, and `tokens_out` received; None where the model does not tell.
        cached: Whether all of it was said before and nothing was sent.
        dropped: Numbers the model named that are not listed, and claims that named none that is.
    """

    remote: bool
    place: str
    tokens_in: int | None = None
    tokens_out: int | None = None
    cached: bool = False
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question.

    Attributes:
        asked: The question as it was searched for: `question` without its slips, made to stand
            alone if it was a follow-up.
        confidence: Calibrated probability, 0 to 1, that the documents answer the question.
        text: The answer to show: the quotes' text, or a sentence that says nothing was found.
        quotes: Best first; empty when not found.
        nearest: What it would have quoted, best first; filled when not found.
        hits: The passages the quotes were chosen from, best first.
        timings_ms: Milliseconds by stage.
        writing: How the prose came about; None without a language model.
        notice: What the user should know although it is no error, such as that the language model
            could not be reached; one line, or empty.
        ask_back: What the language model asks because the question has several readings; shown
            before the quotes, never as an answer.
        provisional: Reading goes on, and another answer takes this one's place.
    """

    question: str
    asked: str
    status: Status
    confidence: float
    text: str
    quotes: tuple[Quote, ...]
    nearest: tuple[Quote, ...]
    hits: tuple[Hit, ...]
    claims: tuple[Claim, ...]
    timings_ms: Mapping[str, float]
    models: Models
    writing: Writing | None = None
    notice: str = ""
    ask_back: str = ""
    provisional: bool = False

    @property
    def has_prose(self) -> bool:
        """Whether a language model's words are in it; false where it failed, or none held."""
        return self.models.prose is not None and bool(self.claims or self.ask_back)
