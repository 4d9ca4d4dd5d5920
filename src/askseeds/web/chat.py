"""What the page shows and does, without the page: one assistant, and a line of questions."""

import logging
import threading
from collections.abc import AsyncIterator, Generator
from concurrent.futures import Future, InvalidStateError
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import Any

import click

from askseeds import feedback, render, render_exchange
from askseeds.assistant import Assistant
from askseeds.config import Settings
from askseeds.errors import AskseedsError, IndexFault, NoDocuments
from askseeds.terminal import terminal_line
from askseeds.types import Answer, Document, Quote
from askseeds.web.conversations import Asked, Clicked, Exchange, Judged, Kept, Looked, read
from askseeds.web.examples import examples
from askseeds.web.library import Library
from askseeds.web.line import Line, Run, Waiting
from askseeds.web.listing import Choice

ASKED_AT_ONCE = 2
"""Questions that are worked on at the same time; the others wait in line."""

SETTLE_S = 1.0
"""A question waits for documents that are being indexed until the indexing has taken this long,
seconds; then it is answered from those that are."""

LOOK_S = 0.1
"""How often it is looked whether there is something now that was waited for, seconds."""

STALE = "Indexing goes on; answered from the documents indexed so far."
PARTLY = "Only {asked} of {all} documents were asked; tick the others to ask them, too."
CHANGED = "{source} has changed since this answer. Ask again to see it."

EMPTY = "There are no documents yet. Add some under Documents."
ENDED = "the chat has ended"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class State:
    """How far a question is.

    Attributes:
        step: What is being done, for a person.
        exchange: What there is of the answer.
        source: HTML of the first quote in its source, once there is one; it stays when claims come.
    """

    step: str
    exchange: Exchange
    source: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of which documents."""

    asked: Asked
    choice: Choice


class Chat:
    """The one assistant behind the page, and what is told to people about it.

    In its `with` block the index is opened and brought up to date in the background.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.library = Library(settings)
        self._assistant: Future[Assistant] = Future()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="askseeds-chat", daemon=True)
        self._progress = ""
        self._empty = False  # the first document has not been read yet
        self._examples: tuple[str, ...] = ()
        self._settled = False
        self._judging = threading.Lock()
        self._questions: dict[Run[State], Question] = {}
        self._runs: dict[tuple[str, str], Run[State]] = {}  # by tab and name
        self._line = Line(self._work, at_once=ASKED_AT_ONCE)

    def __enter__(self) -> "Chat":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._line.close()
        for run in list(self._runs.values()):
            run.stop()
        if self._assistant.done():
            self._thread.join()
        else:
            # Whoever waits for an answer must not keep the process alive. The thread may: it is a
            # daemon, and an index that is left half written goes on from there.
            with suppress(InvalidStateError):
                self._assistant.set_exception(IndexFault(ENDED))

    def _run(self) -> None:
        try:
            with ExitStack() as opened:
                try:
                    assistant = Assistant.open(self._settings, progress=self._tell, notice=_notice)
                    opened.enter_context(assistant)
                    opened.enter_context(self.library)
                except NoDocuments:
                    self._empty = True
                    opened.enter_context(self.library)
                    assistant = opened.enter_context(self._opened_with_the_first())
                self._assistant.set_result(assistant)
                self._empty = False
                self._choose_examples(assistant)
                self._ended.wait()
        except InvalidStateError:
            pass  # the chat ended first
        except Exception as error:  # noqa: BLE001 - `raise_failure` raises it where it is heard
            if not self._assistant.done():
                self._assistant.set_exception(error)

    def _opened_with_the_first(self) -> Assistant:
        """Waits until the library has indexed a document.

        Raises:
            IndexFault: The chat has ended before that.
        """
        while not self._ended.wait(LOOK_S):
            if self.library.share is None and self.library.listing().indexed:
                return Assistant.open(self._settings, sync=False)
        raise IndexFault(ENDED)

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
            if self._empty and self.library.share is None:
                return render.html_status("No documents yet", ready=True)
            return render.html_status(self._progress or "Reading the documents", ready=False)
        count = len(self._assistant.result().sources())
        return render.html_status(
            f"{count:,} document{'' if count == 1 else 's'}" if count else "No documents yet",
            ready=True,
        )

    def welcome(self) -> str:
        """What a new conversation shows, as HTML."""
        return render.html_welcome(self._examples, empty=self._empty)

    # --- Questions --------------------------------------------------------------------------------

    async def ask(
        self, data: object, chosen: object = "", *, tab: str = ""
    ) -> AsyncIterator[tuple[dict[str, Any], str]]:
        """Asks, and tells how far it is.

        Args:
            data: An `Asked` from a browser; anything else is passed over.
            chosen: The choice of documents, as the page sends it.
            tab: Where it is asked: names of questions of another tab mean other questions.

        Yields:
            What the browser is told, which replaces what it was told before; and the first quote
            in its source, as HTML, whenever it is another one.
        """
        asked = read(Asked, data)
        if asked is None or (tab, asked.run) in self._runs:
            return
        run: Run[State] = Run()
        self._runs[tab, asked.run] = run
        self._questions[run] = Question(asked, Choice.of(chosen))
        state = State("", Exchange(question=asked.question, stopped=True))
        source = ""
        try:
            self._line.join(run)
            async for told in run.follow():
                if isinstance(told, Waiting):
                    step = f"{render_exchange.ordinal(told.place)} in line"
                    state = replace(state, step=step)
                else:
                    state = told
                yield (
                    _reply(asked, state, ended=False),
                    "" if state.source == source else state.source,
                )
                source = state.source
            answer = state.exchange.answer
            if answer is not None and answer.provisional:  # the server ends
                state = replace(state, exchange=replace(state.exchange, stopped=True))
            yield _reply(asked, state, ended=True), ""
        finally:
            self._line.leave(run)
            self._questions.pop(run, None)
            del self._runs[tab, asked.run]

    def stop(self, run: object, *, tab: str = "") -> None:
        """Stops a question of that tab that is waiting or on its way."""
        if isinstance(run, str) and (tab, run) in self._runs:
            self._line.leave(self._runs[tab, run])

    def _work(self, run: Run[State]) -> None:
        """One question from its beginning to its end; what goes wrong becomes one line."""
        question = self._questions.get(run)
        if question is None:
            return  # left at the very moment of its turn
        state = State("", Exchange(question=question.asked.question))
        try:
            self._answer(run, question)
        except AskseedsError as error:
            run.tell(replace(state, exchange=_failed(question, str(error))))
        except Exception:  # noqa: BLE001 - no traceback reaches the page
            _log.exception("A question could not be answered")
            line = "Something went wrong; the terminal says what."
            run.tell(replace(state, exchange=_failed(question, line)))

    def _answer(self, run: Run[State], question: Question) -> None:
        asked = question.asked
        state = State("", Exchange(question=asked.question, stopped=True))
        if not self.ready:
            run.tell(replace(state, step=self._progress or "Reading the documents"))
        assistant = self._opened(run)
        if assistant is None:
            return
        run.tell(replace(state, step=render_exchange.STEPS["searching"]))
        wait_s = max(0.0, SETTLE_S - self.library.working_s)
        note = "" if self.library.settle(wait_s) else STALE
        sources = assistant.sources()
        source = question.choice.among(sources)
        partly = "" if source is None else PARTLY.format(asked=len(source), all=len(sources))
        events = assistant.stream(asked.question, history=asked.history, source=source)
        for event in events:
            if run.stopped:
                break
            if isinstance(event, Answer):
                notes = (note, "" if event.status == "answered" else partly)
                told = " ".join(filter(None, notes))
                before = state.exchange.answer
                exchange = Exchange(question=asked.question, answer=event, note=told)
                settled = before is not None and not before.provisional
                # Once: who opens something else meanwhile is not taken away from it.
                shown = state.source if settled else self._first(asked.number, exchange)
                state = State(state.step, exchange, shown)
            else:
                state = replace(state, step=render_exchange.STEPS[event])
            run.tell(state)
        if isinstance(events, Generator):
            events.close()

    def _opened(self, run: Run[State]) -> Assistant | None:
        """Waits for the assistant; None when the question is stopped before.

        Raises:
            NoDocuments: There is nothing to ask, nor about to be.
            AskseedsError: The index cannot be opened.
        """
        while not run.stopped:
            with suppress(TimeoutError):
                return self._assistant.result(LOOK_S)
            if self._empty and self.library.settle(0) and not self.library.listing().indexed:
                raise NoDocuments(EMPTY)
        return None

    def _first(self, number: int, exchange: Exchange) -> str:
        if exchange.answer is not None and exchange.answer.provisional:
            return ""
        return self._shown(number, 1, exchange) if exchange.quotes else ""

    # --- What was answered before -----------------------------------------------------------------

    def restore(self, data: object) -> dict[str, Any]:
        """A conversation that a browser has kept, as it is shown; one line if it cannot be."""
        kept = read(Kept, data)
        if kept is None:
            token = data.get("token") if isinstance(data, dict) else None
            return {
                "token": str(token),
                "error": "What this browser kept of the conversation is damaged; delete it, or "
                "begin a new one.",
            }
        answers = [_shown_answer(number, past) for number, past in enumerate(kept.exchanges, 1)]
        return {"token": kept.token, "error": "", "answers": answers}

    def source(self, data: object) -> str:
        """A quote in its surroundings, as HTML; `data` is a `Clicked` from a browser."""
        clicked = read(Clicked, data)
        if clicked is None or not 1 <= clicked.index <= len(clicked.exchange.quotes):
            return render.html_notice("There is no such quote in this conversation.")
        return self._shown(clicked.number, clicked.index, clicked.exchange)

    def look(self, data: object) -> str:
        """A document from its beginning, as HTML; `data` is a `Looked` from a browser."""
        looked = read(Looked, data)
        try:
            if looked is None or not self.ready:
                return render.html_notice("There is no such document.")
            return render.html_whole(self._assistant.result().document(looked.source))
        except AskseedsError as error:
            return render.html_notice(str(error))

    def _shown(self, number: int, index: int, exchange: Exchange) -> str:
        quotes = exchange.quotes
        try:
            document = self._document(quotes[index - 1])
        except AskseedsError as error:
            return render.html_notice(str(error))
        nearest = exchange.answer is not None and exchange.answer.status == "not_found"
        return render.html_source(number, index, quotes, document, nearest=nearest)

    def _document(self, quote: Quote) -> Document:
        """The document of a quote, to the character.

        Raises:
            AskseedsError: There is none, or the quote does not stand in it.
        """
        if self._empty:
            raise NoDocuments(EMPTY)
        document = self._assistant.result().document(quote.source)
        if not _stands(quote, document):
            raise AskseedsError(CHANGED.format(source=quote.source))
        return document

    def judge(self, data: object) -> str:
        """Keeps a thumb; as HTML what now holds, or the line that says why not.

        Args:
            data: A `Judged` from a browser.
        """
        judged = read(Judged, data)
        answer = None if judged is None else judged.exchange.answer
        if judged is None or answer is None or answer.provisional:
            return render.html_error("There is no answer here to judge.")
        error = ""
        try:
            for quote in answer.quotes:
                self._document(quote)
            with self._judging:
                feedback.keep(self._settings.index, answer, judged.rating, history=judged.history)
        except AskseedsError as problem:
            error = render.html_error(str(problem))
        kept = "" if error else judged.rating
        return error + render.html_data({"token": judged.token, "rating": kept})


def _reply(asked: Asked, state: State, *, ended: bool) -> dict[str, Any]:
    begun = state.exchange.answer is not None or state.exchange.error
    shown = _shown_answer(asked.number, state.exchange) if begun or ended else {}
    about = {"run": asked.run, "step": state.step, "ended": ended}
    return {**about, **shown, "record": state.exchange.record()}


def _shown_answer(number: int, past: Exchange) -> dict[str, str]:
    """The answer as the page shows it, and as it is copied."""
    outcome = render_exchange.Outcome(past.answer, past.error, past.note, past.stopped)
    return {
        "html": render_exchange.html_answer(number, outcome, rating=past.rating),
        "markdown": render_exchange.markdown(past.question, outcome),
    }


def _failed(question: Question, error: str) -> Exchange:
    return Exchange(question=question.asked.question, error=error)


def _stands(quote: Quote, document: Document) -> bool:
    return document.text[quote.start : quote.end] == quote.text


def _notice(line: str) -> None:
    click.echo(terminal_line(f"askseeds: {line}"), err=True)
