"""The whole way of a question, from the words to the quotes. Read `Assistant.ask` first."""

from collections.abc import Collection, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypedDict, Unpack

from askseeds import quote
from askseeds.config import Settings
from askseeds.engines import Engines
from askseeds.errors import QuestionError, SeedsError
from askseeds.evidence import Evidence
from askseeds.finder import CANDIDATES, Clock, Finder
from askseeds.followup import parts, standalone
from askseeds.ledger import Ledger
from askseeds.models import RERANKER_NAME, Encoder, Entailment, Reranker
from askseeds.questions import is_empty
from askseeds.sync import Notice, bring_up_to_date
from askseeds.types import Answer, Document, Hit, Models, Progress, Step, Turn

if TYPE_CHECKING:  # imported when a language model is named: a plain question needs none of it
    from askseeds.prose.model import LanguageModel
    from askseeds.prose.prompt import Prompt
    from askseeds.prose.write import Draft, Writer

QUESTION_CHARS = 20_000
"""A longer question is a document; about 3,000 words."""

MANY_QUOTES = 12
"""Most quotes of a summary, a list or a comparison, where no number was asked for."""

NOT_FOUND = "No answer was found in the documents."


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
        self, settings: Settings, finder: Finder, models: Models, writer: "Writer | None" = None
    ) -> None:
        """Use `open`."""
        self.finder = finder
        self._settings = settings
        self._models = models
        self._writer = writer

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
        with ThreadPoolExecutor(3) as loading:
            # Loading a model lets go of Python's lock: it takes no time beside the rest.
            reranker = loading.submit(Reranker.load)
            entailment = loading.submit(Entailment.load) if language_model is not None else None
            if sync:
                bring_up_to_date(settings, progress=progress, notice=notice)
            Ledger.open(settings.index).close()
            encoder = loading.submit(Encoder.load, settings.index / "encoder")
            engines = Engines(settings, progress)
            writer = None
            if language_model is not None and entailment is not None:
                from askseeds.prose.write import Writer

                writer = Writer(language_model, entailment.result(), settings.index)
            return cls(
                settings,
                Finder(encoder.result(), reranker.result(), engines),
                Models(encoder.result().name, RERANKER_NAME),
                writer,
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
        self.finder.engines.close()
        if self._writer is not None:
            self._writer.model.close()

    def ask(self, question: str, **options: Unpack[Options]) -> Answer:
        """Answers a question in quotes, or says that no answer was found.

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
        clock = Clock()
        writer = self._writer if options.get("prose", True) else None
        answer, evidence = yield from self._quoted(checked(question), clock, options, writer)
        yield answer
        if writer is not None and evidence is not None:
            yield from self._prose(writer, answer, evidence, clock, options)

    def _quoted(
        self, question: str, clock: Clock, options: Options, writer: "Writer | None"
    ) -> Generator[Step | Answer, None, tuple[Answer, Evidence | None]]:
        """Steps 1 to 6 of the way of a question: the answer in plain quotes.

        Follow-ups are rewritten by the writer's model, if there is one. Yields what is provisional.
        """
        yield "searching"
        history, source = options.get("history", ()), options.get("source")
        with clock("spelling"):
            mended = self.finder.respelled(question, source)
        with clock("follow_up"):
            asked = standalone(mended, history)
        if writer is not None and history and not writer.model.small:
            with clock("rewrite"):
                # As it was typed: what was mended may be a word of a document.
                for rewritten in writer.rewrite(question, history, asked):
                    asked = rewritten or asked
                    if rewritten is None:
                        yield "searching"
        if asked != mended:  # the history may have slips of its own
            with clock("spelling"):
                asked = self.finder.respelled(asked, source)
        most = options.get("max_quotes") or self._settings.max_quotes
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
                models=self._models,
                provisional=provisional,
            )

        def early(hits: tuple[Hit, ...], selection: quote.Selection) -> Iterator[Answer]:
            if selection.confidence >= max(least, quote.SURE):
                # The best quote stays nearly always, of the others one in ten does not.
                first = replace(selection, quotes=selection.quotes[:1])
                yield answer(hits, first, provisional=True)

        found = yield from self.finder.find(asked, source, most, clock, early)
        whole = answer(found.hits, found.selection)
        if whole.status == "answered" and len(asks := parts(asked)) > 1:
            yield replace(whole, provisional=True)
            answers: list[quote.Selection] = []
            for part in asks:
                one = yield from self.finder.find(part, source, most, clock)
                answers += [one.selection] if one.selection.confidence >= least else []
            merged = quote.merged(found.selection, answers, max_quotes=most)
            whole = answer(found.hits, merged)
        return whole, found.evidence

    def _prose(
        self,
        writer: "Writer",
        plain: Answer,
        evidence: Evidence,
        clock: Clock,
        options: Options,
    ) -> Iterator[Step | Answer]:
        """Prose in the place of plain quotes; none where the model must not see the question."""
        from askseeds.prose.material import material

        source = options.get("source")
        task, sentences = material(
            plain, evidence, self.finder.engines.ledger, source, small=writer.model.small
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

        found = self._quoted(checked(question), Clock(), options, None)
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
            ledger, source = self.finder.engines.ledger, options.get("source")
            task, sentences = material(answer, evidence, ledger, source, small=small)
            if sentences:
                prompts.append(prompt.answer_prompt(answer.asked, sentences, task, small=small))
        return tuple(prompts)

    def search(
        self, query: str, *, limit: int = 10, source: str | Collection[str] | None = None
    ) -> tuple[Hit, ...]:
        """Finds passages, best first, without choosing quotes; raises what `ask` raises."""
        query = self.finder.respelled(checked(query), source)
        hits = self.finder.retrieve(query, source, max(limit, CANDIDATES))
        return self.finder.read(query, hits)[0][:limit]

    def document(self, source: str) -> Document:
        """The document of that source.

        Raises:
            SeedsError: There is none.
        """
        document = self.finder.engines.ledger.document(source)
        if document is None:
            raise SeedsError(f"{source} is not in the index; `askseeds status` lists what is")
        return document

    def sources(self) -> tuple[str, ...]:
        """Sources of all documents, sorted."""
        return self.finder.engines.ledger.sources()


def _written(plain: Answer, draft: "Draft", writer: "Writer", clock: Clock) -> Answer:
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
