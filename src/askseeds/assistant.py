"""The whole way of a question, from the words to the quotes. Read `Assistant.ask` first."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypedDict, Unpack

from askseeds import quote
from askseeds.config import Settings
from askseeds.engines import Engines
from askseeds.errors import QuestionError, SeedsError
from askseeds.evidence import PASSAGES, Evidence, near_text, passage_text
from askseeds.followup import parts, standalone
from askseeds.ledger import Ledger
from askseeds.models import Encoder, Reading, Reranker
from askseeds.questions import is_empty
from askseeds.retrieve import surroundings
from askseeds.sync import Notice, Progress, bring_up_to_date
from askseeds.types import Answer, Document, Hit, Models, Stage, Step, Turn

if TYPE_CHECKING:  # imported when a language model is named: a plain question needs none of it
    from askseeds.prose.model import LanguageModel
    from askseeds.prose.prompt import Prompt
    from askseeds.prose.write import Draft, Writer

QUESTION_CHARS = 20_000
"""A longer question is a document; about 3,000 words."""

CANDIDATES = 8
"""Passages that the cross-encoder reads: with 16, hardly more had one that answers."""

EARLY = 2
"""After so many of them it is looked whether a quote is sure; later looks find few more."""

MANY_QUOTES = 12
"""Most quotes of a summary, a list or a comparison, where no number was asked for."""

RECENT = 32
"""Questions whose quotes are kept in memory, until the index changes: for a retry, an example that
everybody clicks, a test that runs again."""

NOT_FOUND = "The documents do not answer this question."


_Found = tuple[tuple[Hit, ...], Evidence | None, quote.Selection]
_Early = Callable[[tuple[Hit, ...], quote.Selection], Iterator[Answer]]


class Options(TypedDict, total=False):
    """What may go with a question.

    Attributes:
        history: Earlier turns of the conversation, oldest first.
        max_quotes: Most quotes to give; the settings' when None.
        min_confidence: Refuse below this confidence, 0 to 1; the settings' when None.
        source: Only these documents: a glob pattern of sources, or the sources themselves.
        prose: False answers in plain quotes, whether there is a language model or not.
    """

    history: Sequence[Turn]
    max_quotes: int | None
    min_confidence: float | None
    source: str | Collection[str] | None
    prose: bool


class Assistant:
    """Answers questions from one index. Safe to use from several threads.

    Opened with `Assistant.open`, closed by leaving its `with` block.
    """

    def __init__(
        self,
        settings: Settings,
        encoder: Encoder,
        reranker: Reranker,
        engines: Engines,
        writer: "Writer | None" = None,
    ) -> None:
        """Use `open`."""
        self._settings = settings
        self._encoder = encoder
        self._reranker = reranker
        self._engines = engines
        self._writer = writer
        self._recent: OrderedDict[object, _Found] = OrderedDict()
        self._recent_lock = threading.Lock()

    @classmethod
    def open(
        cls,
        settings: Settings,
        *,
        sync: bool = True,
        progress: Progress | None = None,
        notice: Notice | None = None,
        language_model: "LanguageModel | None" = None,
    ) -> Self:
        """Opens the index; brings it up to date with the seeds first.

        Args:
            settings: Names the folders and the encoder.
            sync: False takes the index as it is.
            progress: Told how far the indexing is.
            notice: Told in one line what the user should know although it is no error.
            language_model: Writes prose in the place of the settings' one; closed at the end.

        Raises:
            ConfigError: The settings' language model lacks a package or a key.
            AskseedsError: See `sync.synchronise`; IndexMissing, too, when there is no index.
        """
        if settings.model and language_model is None:
            from askseeds.prose.model import open_model

            language_model = open_model(settings)
        with ThreadPoolExecutor(2) as loading:
            # Loading a model lets go of Python's lock: it takes no time beside the rest.
            reranker = loading.submit(Reranker.load)
            if sync:
                bring_up_to_date(settings, progress=progress, notice=notice)
            Ledger.open(settings.index).close()
            encoder = loading.submit(Encoder.load, settings.index / "encoder")
            engines = Engines(settings, progress)
            return cls(
                settings,
                encoder.result(),
                reranker.result(),
                engines,
                _writer(language_model, reranker.result(), settings),
            )

    def __enter__(self) -> Self:
        """Gives the assistant itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes the index."""
        self.close()

    def close(self) -> None:
        """Closes the index, and the language model."""
        self._engines.close()
        if self._writer is not None:
            self._writer.model.close()

    def ask(self, question: str, **options: Unpack[Options]) -> Answer:
        """Answers a question in quotes, or says that the documents do not answer it.

        Raises:
            QuestionError: The question is empty or too long.
            SeedsError: No document matches `source`.
        """
        answer: Answer | None = None
        for event in self.stream(question, **options):
            if isinstance(event, Answer):
                answer = event
        assert answer is not None  # `stream` ends with one
        return answer

    def stream(self, question: str, **options: Unpack[Options]) -> Iterator[Step | Answer]:
        """Answers as `ask` does, and tells what is being done: steps, and the answer last.

        There may be several answers, each in the place of the one before. First those that are
        `provisional`, never a refusal: the best quote, if it is sure before all is read, and the
        quotes of a question whose parts are still to be asked. With a language model, after the
        plain quotes comes one more answer for each claim that was found to hold, then the whole.
        While the model is waited for, the step "writing" comes again several times a second.

        To stop, close the iterator. Raises what `ask` raises.
        """
        clock = _Clock()
        writer = self._writer if options.get("prose", True) else None
        answer, evidence = yield from self._quoted(checked(question), clock, options, writer)
        yield answer
        if writer is not None and evidence is not None:
            yield from self._prose(writer, answer, evidence, clock, options)

    def _quoted(
        self, question: str, clock: "_Clock", options: Options, writer: "Writer | None"
    ) -> Generator[Step | Answer, None, tuple[Answer, Evidence | None]]:
        """Steps 1 to 6 of the way of a question: the answer in plain quotes.

        Follow-ups are rewritten by the writer's model, if there is one. Yields what is provisional.
        """
        yield "searching"
        history = options.get("history", ())
        with clock("follow_up"):
            asked = standalone(question, history)
        if writer is not None and history and not writer.model.small:
            with clock("rewrite"):
                for rewritten in writer.rewrite(question, history, asked):
                    asked = rewritten or asked
                    if rewritten is None:
                        yield "searching"
        with clock("spelling"):
            asked = self.respelled(asked)
        source, most = options.get("source"), options.get("max_quotes") or self._settings.max_quotes
        least = options.get("min_confidence")
        least = self._settings.min_confidence if least is None else least

        def answer(
            hits: tuple[Hit, ...], selection: quote.Selection, *, provisional: bool = False
        ) -> Answer:
            answered = bool(selection.quotes) and selection.confidence >= least
            return Answer(
                question=question,
                asked=asked,
                status="answered" if answered else "not_found",
                confidence=selection.confidence,
                text="\n\n".join(q.text for q in selection.quotes) if answered else NOT_FOUND,
                quotes=selection.quotes if answered else (),
                nearest=() if answered else selection.quotes,
                hits=hits,
                claims=(),
                timings_ms=clock.timings_ms(),
                models=Models(self._encoder.name, self._reranker.name),
                provisional=provisional,
            )

        def early(hits: tuple[Hit, ...], selection: quote.Selection) -> Iterator[Answer]:
            if selection.confidence >= max(least, quote.SURE):
                # The best quote stays nearly always, of the others one in ten does not.
                first = replace(selection, quotes=selection.quotes[:1])
                yield answer(hits, first, provisional=True)

        found = yield from self._found(asked, source, most, clock, early)
        hits, evidence, selection = found
        whole = answer(hits, selection)
        if whole.status == "answered" and len(asks := parts(asked)) > 1:
            yield replace(whole, provisional=True)
            answers: list[quote.Selection] = []
            for part in asks:
                _, _, one = yield from self._found(part, source, most, clock)
                answers += [one] if one.confidence >= least else []
            whole = answer(hits, quote.merged(selection, answers, max_quotes=most))
        return whole, evidence

    def _prose(
        self,
        writer: "Writer",
        plain: Answer,
        evidence: Evidence,
        clock: "_Clock",
        options: Options,
    ) -> Iterator[Step | Answer]:
        """Prose in the place of plain quotes; none where the model must not see the question."""
        from askseeds.prose.material import material

        source = options.get("source")
        task, sentences = material(
            plain, evidence, self._engines.ledger, source, small=writer.model.small
        )
        if not sentences:
            return
        yield "writing"
        most = options.get("max_quotes") or self._settings.max_quotes
        if task != "answer" and options.get("max_quotes") is None:
            most = max(most, MANY_QUOTES)
        last: Draft | None = None
        with clock("write"):
            for draft in writer.write(plain.asked, sentences, task, most=most):
                last = draft or last
                if draft is None:
                    yield "writing"
                elif draft.claims and not draft.whole:
                    yield _written(plain, draft, writer, clock)
        assert last is not None  # `write` ends with one
        yield _written(plain, last, writer, clock)

    def prompts(
        self, question: str, *, small: bool, **options: Unpack[Options]
    ) -> "tuple[Prompt, ...]":
        """What a language model would be sent for a question; nothing is sent.

        First what asks it to rewrite a follow-up, if that would be asked; what follows is then made
        as if it had failed to. Nothing more when the documents do not answer. Raises what `ask`
        raises.

        Args:
            question: See `ask`.
            small: Whether it is a model that follows few instructions.
            options: See `ask`.
        """
        from askseeds.prose import prompt
        from askseeds.prose.material import material

        found = self._quoted(checked(question), _Clock(), options, None)
        try:
            while True:
                next(found)
        except StopIteration as end:
            answer, evidence = end.value
        prompts: list[Prompt] = []
        history = options.get("history", ())
        if history and not small:
            prompts.append(prompt.rewrite_prompt(answer.question, history))
        if evidence is not None:
            ledger, source = self._engines.ledger, options.get("source")
            task, sentences = material(answer, evidence, ledger, source, small=small)
            if sentences:
                prompts.append(prompt.answer_prompt(answer.asked, sentences, task, small=small))
        return tuple(prompts)

    def _found(
        self,
        asked: str,
        source: str | Collection[str] | None,
        most: int,
        clock: "_Clock",
        early: _Early | None = None,
    ) -> Generator[Step | Answer, None, _Found]:
        """Passages and quotes; those of a question that was asked before are known already.

        What `early` makes of the first passages that were read is yielded while the others are.
        """
        named = source if source is None or isinstance(source, str) else frozenset(source)
        key = (self._engines.version, asked, named, most)
        with self._recent_lock:
            if key in self._recent:
                self._recent.move_to_end(key)
                return self._recent[key]
        with clock("encode"):
            vector = self._encoder.encode_query(asked)
        with clock("retrieve"):
            hits = self._engines.find(asked, vector, limit=CANDIDATES, source=source)
        yield "reading"
        reading = self._readings(asked, hits)
        with clock("rerank"):
            read = list(islice(reading, EARLY))
        if early is not None and len(read) == EARLY:
            with clock("quote"):
                first = _alone(asked, *_ranked(hits[:EARLY], read))
                selection = quote.select(first, max_quotes=most)
            yield from early(first.hits, selection)
        with clock("rerank"):
            hits, readings = _ranked(hits, [*read, *reading])
        evidence: Evidence | None = None
        selection = quote.Selection((), 0.0)
        if hits:
            with clock("near"):
                evidence = self._evidence(asked, hits, readings)
            yield "choosing"
            with clock("quote"):
                selection = quote.select(evidence, max_quotes=most)
        if self._engines.version == key[0]:  # else a newer generation was searched
            with self._recent_lock:
                self._recent[key] = hits, evidence, selection
                while len(self._recent) > RECENT:
                    self._recent.popitem(last=False)
        return hits, evidence, selection

    def respelled(self, question: str) -> str:
        """A question as it is searched for, without its slips; see `spelling.respelled`."""
        return self._engines.respelled(question, self._reranker.vocabulary)

    def search(
        self, query: str, *, limit: int = 10, source: str | Collection[str] | None = None
    ) -> tuple[Hit, ...]:
        """Finds passages, best first, without choosing quotes; raises what `ask` raises."""
        query = self.respelled(checked(query))
        hits = self._engines.find(
            query,
            self._encoder.encode_query(query),
            limit=max(limit, CANDIDATES),
            source=source,
        )
        return self._read(query, hits)[0][:limit]

    def _readings(self, question: str, hits: Sequence[Hit]) -> Iterator[Reading]:
        """What the cross-encoder sees in each of the hits, as soon as it is read."""
        return self._reranker.readings(_bare(question), [passage_text(hit) for hit in hits])

    def _read(
        self, question: str, hits: Sequence[Hit]
    ) -> tuple[tuple[Hit, ...], tuple[Reading, ...]]:
        """The hits in the order of the cross-encoder, each with its reading."""
        return _ranked(hits, list(self._readings(question, hits)))

    def _evidence(
        self, question: str, hits: Sequence[Hit], readings: Sequence[Reading]
    ) -> Evidence:
        """Reads what stands around the best passage: there a sentence may find its meaning."""
        alone = _alone(question, hits, readings)
        around = surroundings(hits[0], self._engines.ledger)
        if around == alone.around:
            return alone
        text = near_text(alone.hits, around)
        [near] = self._reranker.read(_bare(question), [text])
        return replace(alone, around=around, near=near)

    def document(self, source: str) -> Document:
        """The document of that source.

        Raises:
            SeedsError: There is none.
        """
        document = self._engines.ledger.document(source)
        if document is None:
            raise SeedsError(f"{source} is not in the index; `askseeds status` lists what is")
        return document

    def sources(self) -> tuple[str, ...]:
        """Sources of all documents, sorted."""
        return self._engines.ledger.sources()


def _ranked(
    hits: Sequence[Hit], read: Sequence[Reading]
) -> tuple[tuple[Hit, ...], tuple[Reading, ...]]:
    """The hits in the order of the cross-encoder, each with its reading."""
    order = sorted(range(len(hits)), key=lambda i: (-read[i].score, hits[i].rank))
    ranked = tuple(
        replace(
            hits[i],
            rank=rank,
            score=read[i].score,
            stages={**hits[i].stages, "reranker": Stage(rank, read[i].score)},
        )
        for rank, i in enumerate(order, start=1)
    )
    return ranked, tuple(read[i] for i in order)


def _alone(question: str, hits: Sequence[Hit], readings: Sequence[Reading]) -> Evidence:
    """What is known when nothing but passages was read."""
    best = tuple(hits[:PASSAGES])
    alone = (best[0].passage.start, best[0].passage.end)
    return Evidence(question, best, tuple(readings[: len(best)]), alone, None)


def _writer(
    model: "LanguageModel | None", reranker: Reranker, settings: Settings
) -> "Writer | None":
    if model is None:
        return None
    from askseeds.prose.write import Writer

    return Writer(model, reranker, settings.index)


def _written(plain: Answer, draft: "Draft", writer: "Writer", clock: "_Clock") -> Answer:
    """The answer with prose; the plain one, with what came of the model, where no claim holds."""
    answer = replace(
        plain,
        claims=draft.claims,
        timings_ms=clock.timings_ms(),
        models=replace(plain.models, prose=writer.model.name),
        writing=draft.writing,
        notice=draft.notice,
        ask_back=draft.ask_back,
    )
    held = [claim.text for claim in draft.claims if claim.supported]
    if not held:
        return answer
    return replace(answer, status="answered", text="\n".join(held), quotes=draft.quotes, nearest=())


class _Clock:
    """Measures stages in milliseconds."""

    def __init__(self) -> None:
        self._begin = time.perf_counter()
        self._stages: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        took = 1000 * (time.perf_counter() - begin)
        self._stages[stage] = self._stages.get(stage, 0.0) + took

    def timings_ms(self) -> dict[str, float]:
        return self._stages | {"total": 1000 * (time.perf_counter() - self._begin)}


def checked(question: str) -> str:
    """The question as it is worked with, without surrounding white space.

    Raises:
        QuestionError: It is empty or too long.
    """
    if is_empty(question):
        raise QuestionError("the question is empty; ask something")
    if len(question) > QUESTION_CHARS:
        raise QuestionError(
            f"the question has {len(question):,} characters, more than {QUESTION_CHARS:,}; "
            "put long texts into the seeds folder and ask about them"
        )
    # A lone surrogate, from a broken pipe or JSON, cannot be encoded for the models.
    return question.strip().encode(errors="replace").decode()


def _bare(question: str) -> str:
    """Without a question mark: the cross-encoder learnt from questions that have none."""
    return question.rstrip("?？ ") or question
