"""What the page shows and does, without the page: one assistant, many conversations."""

import logging
import re
import threading
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import get_args

import click

from askseeds import feedback, render
from askseeds.assistant import Assistant
from askseeds.config import Settings
from askseeds.errors import AskseedsError, IndexFault
from askseeds.sync import bring_up_to_date
from askseeds.terminal import terminal_line
from askseeds.types import Answer, Document, Quote, Turn

EXAMPLES_FILE = Path("examples.txt")
EXAMPLES = 4
HISTORY = 20
"""Earlier turns that a question is asked with."""

_log = logging.getLogger(__name__)

_NUMBERING = re.compile(r"^[^\w]*(?:\d+[.)]\s)?[^\w]*")  # and Markdown's signs, and pictures


@dataclass(slots=True)
class Thumb:
    """What a person said of an answer.

    It changes in place: a question on its way takes the conversation along as it was, and the
    thumbs of the meantime must not be lost when it is done.
    """

    rating: feedback.Rating | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question of a conversation: with its answer, with an error, or still without either."""

    question: str
    answer: Answer | None = None
    error: str = ""
    thumb: Thumb = field(default_factory=Thumb, compare=False)

    @property
    def quotes(self) -> tuple[Quote, ...]:
        """What can be clicked: the quotes, or the nearest passages when nothing was found."""
        if self.answer is None:
            return ()
        return self.answer.quotes if self.answer.status == "answered" else self.answer.nearest


class Chat:
    """The one assistant behind the page, and what is told to people about it.

    In its `with` block the index is opened and brought up to date in the background.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._assistant: Future[Assistant] = Future()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="askseeds-chat", daemon=True)
        self._progress = ""
        self._examples: tuple[str, ...] = ()
        self._settled = False
        self._judging = threading.Lock()

    def __enter__(self) -> "Chat":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        if self._assistant.done():
            self._thread.join()
        else:
            # Whoever waits for an answer must not keep the process alive. The thread may: it is a
            # daemon, and an index that is left half written goes on from there.
            with suppress(InvalidStateError):
                self._assistant.set_exception(IndexFault("the chat has ended"))

    def _run(self) -> None:
        try:
            opened = Assistant.open(self._settings, progress=self._tell, notice=_notice)
            with opened as assistant:
                self._assistant.set_result(assistant)
                self._choose_examples(assistant)
                self._ended.wait()
        except InvalidStateError:
            pass  # the chat ended first
        except Exception as error:  # noqa: BLE001 - `raise_failure` raises it where it is heard
            if not self._assistant.done():
                self._assistant.set_exception(error)

    def _choose_examples(self, assistant: Assistant) -> None:
        try:
            self._examples = examples(assistant)
        except Exception:  # noqa: BLE001 - the chat goes on without them
            _log.exception("No examples could be made")
        self._settled = True

    def _tell(self, stage: str, done: int, total: int) -> None:
        self._progress = f"{stage.capitalize()} {done:,} of {total:,}" if total else ""

    @property
    def failed(self) -> bool:
        """True when the index could not be opened."""
        return self._assistant.done() and self._assistant.exception() is not None

    def raise_failure(self) -> None:
        """Raises what kept the index from being opened, if anything did."""
        if self.failed:
            self._assistant.result()

    @property
    def ready(self) -> bool:
        """True when a question would be answered at once."""
        return self._assistant.done() and self._assistant.exception() is None

    @property
    def settled(self) -> bool:
        """True when neither the status nor the welcome will change any more by itself."""
        return self._settled

    def status(self) -> str:
        """How many documents there are, as HTML."""
        if not self.ready:
            return render.html_status(self._progress or "Reading the documents", ready=False)
        count = len(self._assistant.result().sources())
        return render.html_status(
            f"{count:,} document{'' if count == 1 else 's'}" if count else "No documents yet",
            ready=True,
        )

    def welcome(self) -> str:
        """What a new conversation shows, as HTML."""
        return render.html_welcome(self._examples)

    def answer(self, question: str, history: Sequence[Exchange]) -> Exchange:
        """Asks; what goes wrong becomes one line in the conversation."""
        try:
            assistant = self._assistant.result()
            bring_up_to_date(self._settings, progress=self._tell, notice=_notice)
            answer = assistant.ask(question, history=_turns(history))
        except AskseedsError as error:
            return Exchange(question, error=str(error))
        except Exception:  # noqa: BLE001 - no traceback reaches the page
            _log.exception("A question could not be answered")
            return Exchange(question, error="Something went wrong; the terminal says what.")
        # The passages carry their whole documents, which the page does not show.
        return Exchange(question, answer=replace(answer, hits=()))

    def source(self, exchanges: Sequence[Exchange], number: object, index: object) -> str:
        """A quote in its surroundings, as HTML.

        Args:
            exchanges: The conversation, as it is kept here.
            number: Which exchange, from 1; from the browser, so it may be anything.
            index: Which of its quotes, from 1; from the browser too.
        """
        if not isinstance(number, int) or not 1 <= number <= len(exchanges):
            return render.html_notice("This conversation has ended. Ask again to see its sources.")
        quotes = exchanges[number - 1].quotes
        if not isinstance(index, int) or not 1 <= index <= len(quotes):
            return render.html_notice("There is no such quote in this conversation.")
        quote = quotes[index - 1]
        try:
            document = self._assistant.result().document(quote.source)
        except AskseedsError as error:
            return render.html_notice(str(error))
        if document.text[quote.start : quote.end] != quote.text:
            return render.html_notice(
                f"{quote.source} has changed since this answer. Ask again to see it."
            )
        answer = exchanges[number - 1].answer
        nearest = answer is not None and answer.status == "not_found"
        return render.html_source(number, index, quotes, document, nearest=nearest)

    def judge(self, exchanges: Sequence[Exchange], number: object, rating: object) -> str:
        """Keeps the thumb of an answer; as HTML what now holds, or the line that says why not.

        Args:
            exchanges: The conversation, as it is kept here.
            number: Which exchange, from 1; from the browser, so it may be anything.
            rating: Which thumb; from the browser too.
        """
        if not isinstance(number, int) or not 1 <= number <= len(exchanges):
            return render.html_error("This conversation has ended. Ask again to judge its answers.")
        judged = exchanges[number - 1]
        if judged.answer is None:
            return render.html_error("There is no answer here to judge.")
        given = next((known for known in get_args(feedback.Rating) if rating == known), None)
        if given is None:
            return render.html_error("A thumb is up or down.")
        with self._judging:  # two quick clicks are one thumb
            if judged.thumb.rating != given:
                history = _turns(exchanges[: number - 1])
                try:
                    feedback.keep(self._settings.index, judged.answer, given, history=history)
                except AskseedsError as error:
                    return render.html_error(str(error))
                judged.thumb.rating = given
        return render.html_thumb(number, given)


def _turns(history: Sequence[Exchange]) -> list[Turn]:
    """What a question is asked with."""
    return [
        Turn(past.question, past.answer.text if past.answer else "") for past in history[-HISTORY:]
    ]


def _notice(line: str) -> None:
    # It may hold a file's name: a terminal must not obey what is in it.
    click.echo(terminal_line(f"askseeds: {line}"), err=True)


def examples(assistant: Assistant, file: Path = EXAMPLES_FILE) -> tuple[str, ...]:
    """Questions to begin with.

    Those of `file`, one a line; without it they are made from the documents' headings, and only
    those are given that the documents answer.
    """
    with suppress(OSError, UnicodeDecodeError):
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
        return tuple(line for line in lines if line and not line.startswith("#"))
    answered: list[str] = []
    with suppress(AskseedsError):  # an index that changes meanwhile is no reason to fail
        columns = [_headings(assistant.document(name)) for name in assistant.sources()[:EXAMPLES]]
        in_turn = [name for row in zip_longest(*columns) for name in row if name is not None]
        for name in list(dict.fromkeys(in_turn))[: 3 * EXAMPLES]:
            question = f"What do the documents say about “{name.rstrip('.:')}”?"
            question = name if name.endswith("?") else question
            if assistant.ask(question, prose=False).status == "answered":
                answered.append(question)
            if len(answered) == EXAMPLES:
                break
    return tuple(answered)


def _headings(document: Document) -> list[str]:
    """A document's headings that say enough to be asked about, outermost first, else its title."""
    outer_first = sorted(document.headings, key=lambda heading: heading.level)
    names = [_NUMBERING.sub("", document.text[h.start : h.end].strip()) for h in outer_first]
    # The first heading is most often the title, which says too little to ask about.
    names = names[1:] or [document.title]
    return [name for name in names if 8 <= len(name) <= 70 and "\n" not in name]
