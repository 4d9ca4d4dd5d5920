"""What a browser keeps of its conversations and sends back.

The server keeps no conversation: what comes from a browser was stored there, may be years old or
changed by hand, and is checked here before anything is done with it. A quote that passes is still
only a claim about a document, which `Chat` compares with the document before it shows it.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from askseeds.types import Answer, Quote, Turn

HISTORY = 20
"""Earlier turns that a question is asked with."""

EXCHANGES = 1_000
"""A longer conversation is not taken back."""

TOKEN_CHARS = 64


def _without_hits(answer: object) -> object:
    """Passages carry their whole documents: they never go to a browser, nor come from one."""
    return {**answer, "hits": ()} if isinstance(answer, Mapping) else answer


def _encodable(text: object) -> object:
    """Half a surrogate pair, which a browser may send, becomes a question mark."""
    return text.encode(errors="replace").decode() if isinstance(text, str) else text


Text = Annotated[str, BeforeValidator(_encodable)]
Token = Annotated[str, Field(min_length=1, max_length=TOKEN_CHARS)]
"""Names a question or a request; made by the browser at random, so nobody else knows it."""

Number = Annotated[int, Field(ge=1, le=EXCHANGES)]
"""Which exchange of its conversation, from 1."""

_Form = TypeVar("_Form", bound="Sent")


class Sent(BaseModel):
    """Something that a browser sends."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Exchange(Sent):
    """One question of a conversation, with what came of it, as a browser keeps it.

    Attributes:
        question: As it was asked.
        answer: None when there is none.
        error: The line that was shown instead.
        note: A line that was shown with the answer.
        stopped: True when the person did not wait for the end.
        rating: The thumb that was given.
    """

    question: Text
    answer: Annotated[Answer | None, BeforeValidator(_without_hits)] = None
    error: str = ""
    note: str = ""
    stopped: bool = False
    rating: Literal["", "up", "down"] = ""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.answer is not None:
            _check(self.answer)
        return self

    @property
    def quotes(self) -> tuple[Quote, ...]:
        """What can be clicked: the quotes, or the nearest passages when nothing was found."""
        if self.answer is None:
            return ()
        return self.answer.quotes if self.answer.status == "answered" else self.answer.nearest

    def record(self) -> dict[str, Any]:
        """What the browser is given to keep, as JSON has it."""
        return self.model_dump(mode="json", exclude={"answer": {"hits"}})


class Asked(Sent):
    """A question.

    Attributes:
        run: Names it, to stop it.
        number: Which exchange of the conversation it makes.
        history: What was asked and answered before, oldest first.
    """

    run: Token
    number: Number
    question: Text
    history: tuple[Turn, ...] = Field((), max_length=HISTORY)


class Clicked(Sent):
    """A quote that is to be shown in its source; `index` counts from 1."""

    number: Number
    index: int
    exchange: Exchange


class Looked(Sent):
    """A document that is to be shown, by its source."""

    source: Annotated[Text, Field(max_length=4096)]


class Judged(Sent):
    """A thumb."""

    token: Token
    rating: Literal["up", "down"]
    exchange: Exchange
    history: tuple[Turn, ...] = Field((), max_length=HISTORY)


class Kept(Sent):
    """A whole conversation, to be shown again."""

    token: Token
    exchanges: tuple[Exchange, ...] = Field((), max_length=EXCHANGES)


def read(form: type[_Form], data: object) -> _Form | None:
    """What a browser sent, or None when it is not of that form."""
    try:
        return form.model_validate(data)
    except (ValidationError, RecursionError):
        return None


def _check(answer: Answer) -> None:
    """Raises ValueError for an answer that cannot have been given."""
    if not 0 <= answer.confidence <= 1:
        raise ValueError("confidence is a probability")
    for quote in (*answer.quotes, *answer.nearest):
        if quote.start < 0 or quote.end - quote.start != len(quote.text):
            raise ValueError("a quote is as long as its span")
        if not math.isfinite(quote.score):
            raise ValueError("a score is finite")
    for claim in answer.claims:
        if any(not 0 <= index < len(answer.quotes) for index in claim.quotes):
            raise ValueError("a claim rests on quotes that are there")
