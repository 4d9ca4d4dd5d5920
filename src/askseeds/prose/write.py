"""Makes prose of numbered sentences: asks a model, checks each claim, has it mended once.

The model is not trusted: a claim is shown as an answer only when `claims.check` finds what it says
in the sentences that it names, and its quotes are cut from the documents by these numbers.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from askseeds.claims import check
from askseeds.errors import ProseError
from askseeds.models import Entailment
from askseeds.prose import converse, prompt
from askseeds.prose.cache import Cache
from askseeds.prose.model import LanguageModel
from askseeds.prose.prompt import Reply, Said, Sentence, Stated, Task
from askseeds.sentences import heading_at
from askseeds.types import Claim, Quote, Turn, Writing

REPAIRS = 3
"""Most claims that are given back to be mended: each is a request."""

TO_THE_POINT = 0.5
"""An answer rests on a sentence that is at least so likely to be part of it, next to the likeliest
one: what is true beside the point does not take the place of the quotes."""

BAD_CLAIMS = 8
"""Most refused claims that are shown; a model that makes more of them has lost its way."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Prose as far as it is.

    Attributes:
        claims: The supported ones; in the last draft those that are not, too, after them.
        quotes: What the claims rest on, in the order of their first use; their places in this list
            do not change from one draft to the next.
        notice: See `Answer`; `ask_back` too.
        whole: Whether it is the last one.
    """

    claims: tuple[Claim, ...]
    quotes: tuple[Quote, ...]
    writing: Writing
    notice: str = ""
    ask_back: str = ""
    whole: bool = False


class Writer:
    """Writes with one model and remembers in the index folder what it said."""

    def __init__(self, model: LanguageModel, entailment: Entailment, index: Path) -> None:
        self.model = model
        self._entailment = entailment
        self._cache = Cache(index)

    def rewrite(
        self, question: str, history: Sequence[Turn], otherwise: str
    ) -> Iterator[str | None]:
        """A follow-up that stands alone, as the last thing given; before that, None while it waits.

        It is `otherwise` where the model fails or adds what nobody said.
        """
        rewritten = otherwise
        try:
            said = Said("")
            for heard in self._hear(prompt.rewrite_prompt(question, history)):
                said = heard or said
                yield None
            spoken = prompt.spoken(said.text)
            words = prompt.clean(spoken).strip('"“” ')
            if converse.is_rewriting(words, question, history):
                rewritten = words
        except ProseError:
            pass  # writing meets the same error, and tells
        yield rewritten

    def write(
        self, question: str, sentences: Sequence[Sentence], task: Task, *, most: int
    ) -> Iterator[Draft | None]:
        """Gives a draft for each claim that holds, None while it waits, and the whole at the end.

        Args:
            question: Standing alone.
            sentences: What the model may name.
            task: What kind of answer is wanted.
            most: Most quotes.
        """
        work = _Work(question, sentences, task, most, self._entailment, self._writing())
        try:
            yield from self._first(work, task)
            yield from self._mended(work)
        except ProseError as error:
            work.notice = str(error)
            if work.book.claims:
                work.notice += "; the answer may not be whole"
        yield work.whole()

    def _first(self, work: "_Work", task: Task) -> Iterator[Draft | None]:
        asked = prompt.answer_prompt(work.question, work.sentences, task, small=self.model.small)
        reply = Reply()
        for fresh in (False, True):  # once more for nonsense
            for said in self._hear(asked, work.count, fresh=fresh):
                if said is None or (said.text == "" and not work.book.claims):
                    yield None
                    continue
                reply = prompt.read(
                    said.text, len(work.sentences), whole=said.tokens_out != _NOT_ENDED
                )
                for stated in reply.claims:
                    if work.take(stated):
                        yield work.draft()
            if reply.readable:
                break
        work.count_dropped(reply)
        if not reply.readable:
            work.notice = f"what {self.model.name} wrote could not be read; these are the quotes"
        work.ask = reply.ask

    def _mended(self, work: "_Work") -> Iterator[Draft | None]:
        for at, (stated, reason) in enumerate(work.failed[:REPAIRS]):
            asked = prompt.repair_prompt(
                work.question, stated, work.sentences, reason, small=self.model.small
            )
            said = Said("")
            for heard in self._hear(asked, work.count):
                said = heard or said
                yield None
            reply = prompt.read(said.text, len(work.sentences), whole=True, allowed=stated.numbers)
            work.count_dropped(reply)
            if reply.claims and work.mend(at, reply.claims[0]):
                yield work.draft()

    def _hear(
        self,
        asked: prompt.Prompt,
        count: Callable[[Said], None] = lambda _: None,
        *,
        fresh: bool = False,
    ) -> Iterator[Said | None]:
        """What is said so far, from memory where it was said before; the whole at the end."""
        key = asked.key(f"{self.model.name} {self.model.endpoint.url} {self.model.max_tokens}")
        if not fresh and (known := self._cache.get(key)):
            count(known)
            yield known
            return
        heard = ""
        for hearing in self.model.ask(asked):
            if hearing.said is not None:
                is_text = asked.schema is None
                if is_text or prompt.read(hearing.said.text, 1, whole=True).readable:
                    self._cache.keep(key, hearing.said)
                count(hearing.said)
                yield hearing.said
            elif hearing.text != heard:
                heard = hearing.text
                yield Said(heard, tokens_out=_NOT_ENDED)
            else:
                yield None

    def _writing(self) -> Writing:
        return Writing(self.model.endpoint.remote, self.model.endpoint.place)


_NOT_ENDED = -1


@dataclass(slots=True)
class _Book:
    """Supported claims and their quotes, whose places never change."""

    most: int
    claims: list[Claim] = field(default_factory=list)
    quotes: list[Quote] = field(default_factory=list)

    def add(self, text: str, rests_on: Sequence[Sentence]) -> bool:
        """False where it would take more quotes than there may be."""
        quotes, places = list(self.quotes), []
        for sentence in rests_on:
            places.append(_place(quotes, sentence))
        if len(quotes) > self.most:
            return False
        self.quotes = quotes
        self.claims.append(Claim(text, tuple(dict.fromkeys(places)), supported=True))
        return True

    def shown(self, rests_on: Sequence[Sentence]) -> tuple[int, ...]:
        """Places of those quotes that hold the sentences."""
        return tuple(
            index
            for index, quote in enumerate(self.quotes)
            if any(_inside(quote, sentence) for sentence in rests_on)
        )


def _place(quotes: list[Quote], sentence: Sentence) -> int:
    """Where the sentence is quoted: in a quote that has it, else added to one beside it, else new.

    Two quotes are never made one, so that their places stay.
    """
    document, (start, end) = sentence.document, sentence.span
    for index, quote in enumerate(quotes):
        if _inside(quote, sentence):
            return index
    for index, quote in enumerate(quotes):
        first, last = min(start, quote.start), max(end, quote.end)
        between = (quote.end, start) if start >= quote.end else (end, quote.start)
        if quote.source == document.source and not document.text[slice(*between)].strip():
            quotes[index] = _quote(sentence, (first, last), max(quote.score, sentence.likely))
            return index
    quotes.append(_quote(sentence, sentence.span, sentence.likely))
    return len(quotes) - 1


def _inside(quote: Quote, sentence: Sentence) -> bool:
    start, end = sentence.span
    return quote.source == sentence.document.source and quote.start <= start and end <= quote.end


def _quote(sentence: Sentence, span: tuple[int, int], score: float) -> Quote:
    document = sentence.document
    page = sum(start <= span[0] for start in document.page_starts)
    return Quote(
        source=document.source,
        start=span[0],
        end=span[1],
        text=document.text[span[0] : span[1]],
        title=document.title,
        page=page or None,
        heading=heading_at(document, span[0]),
        score=score,
    )


class _Work:
    """One question's prose on its way."""

    def __init__(
        self,
        question: str,
        sentences: Sequence[Sentence],
        task: Task,
        most: int,
        entailment: Entailment,
        writing: Writing,
    ) -> None:
        self.question = question
        self.sentences = sentences
        self.book = _Book(most)
        self.failed: list[tuple[Stated, str]] = []
        self.notice = self.ask = ""
        self._mended: set[int] = set()
        self._seen: set[str] = set()
        self._left_out = 0
        self._waiting: list[Stated] = []
        least = TO_THE_POINT * max((one.likely for one in sentences), default=0.0)
        self._answering = frozenset(
            number
            for number, one in enumerate(sentences, 1)
            if task != "answer" or one.likely >= least
        )
        self._sent = False
        self._entailment = entailment
        self._writing = writing
        self._numbers = {
            prompt.clean(one.text).rstrip(" ."): number for number, one in enumerate(sentences, 1)
        }

    def count(self, said: Said) -> None:
        """Adds a reply's tokens; what was remembered cost none."""
        writing = self._writing
        if said.cached:
            self._writing = replace(writing, cached=not self._sent)
            return
        self._sent = True
        self._writing = replace(
            writing,
            cached=False,
            tokens_in=_sum(writing.tokens_in, said.tokens_in),
            tokens_out=_sum(writing.tokens_out, said.tokens_out),
        )

    def count_dropped(self, reply: Reply) -> None:
        """Adds what was named that is not listed."""
        dropped = self._writing.dropped + reply.dropped + reply.without
        self._writing = replace(self._writing, dropped=dropped)

    def take(self, stated: Stated) -> bool:
        """Checks a claim; True when it is new and holds."""
        key = "".join(letter for letter in stated.text.casefold() if letter.isalnum())
        if key in self._seen:
            return False
        self._seen.add(key)
        if self._leads_away(stated):
            self._writing = replace(self._writing, dropped=self._writing.dropped + 1)
            return False
        # Small models repeat one sentence and name another: word for word, it rests on itself.
        repeated = self._numbers.get(stated.text.rstrip(" ."))
        if repeated is not None:
            return self._add(Stated(stated.text, (repeated,)))
        reason = self._wrong(stated)
        if reason:
            self.failed.append((stated, reason))
            return False
        return self._add(stated)

    def mend(self, at: int, stated: Stated) -> bool:
        """Puts a mended claim in the place of the failed one; True when it holds."""
        if self._leads_away(stated) or self._wrong(stated):
            return False
        self._mended.add(at)
        key = "".join(letter for letter in stated.text.casefold() if letter.isalnum())
        is_new = key not in self._seen
        self._seen.add(key)
        return is_new and self._add(stated)

    def _add(self, stated: Stated) -> bool:
        """Claims beside the point wait for the first one that is to the point."""
        if not (self.book.claims or self._answering.intersection(stated.numbers)):
            self._waiting.append(stated)
            return False
        waiting, self._waiting = self._waiting, []
        added = [self.book.add(one.text, self._named(one)) for one in (stated, *waiting)]
        self._left_out += added.count(False)
        return any(added)

    def _leads_away(self, stated: Stated) -> bool:
        """Whether it holds an address or markup that its sentences do not: it is not even shown."""
        said = " ".join(prompt.clean(one.text) for one in self._named(stated))
        return any(address not in said for address in converse.addresses(stated.text))

    def _wrong(self, stated: Stated) -> str:
        """Why the sentences do not say it; empty when they do."""
        named = self._named(stated)
        contexts = dict.fromkeys(one.context for one in named)
        verdict = check(
            stated.text,
            [one.text for one in named],
            context="\n".join(contexts),
            question=self.question,
            entailment=self._entailment,
        )
        return "" if verdict.supported else verdict.reason or "the sentences do not say it"

    def _named(self, stated: Stated) -> list[Sentence]:
        return [self.sentences[number - 1] for number in stated.numbers]

    def draft(self) -> Draft:
        """What holds so far."""
        return Draft(tuple(self.book.claims), tuple(self.book.quotes), self._writing)

    def whole(self) -> Draft:
        """The end of it."""
        bad = [
            Claim(stated.text, self.book.shown(self._named(stated)), supported=False)
            for at, (stated, _) in enumerate(self.failed)
            if at not in self._mended
        ]
        notice = self.notice
        if not notice and self._left_out:
            count = f"{self._left_out} more claim{'' if self._left_out == 1 else 's'}"
            notice = f"{count} left out: there may be {self.book.most} quotes; see --max-quotes"
        ask = ""
        if self.ask and not self.book.claims:
            said = [self.question, *(part for s in self.sentences for part in (s.text, s.context))]
            ask = self.ask if converse.is_asking(self.ask, said) else ""
        if not (notice or ask) and self._waiting:
            notice = "what the language model wrote is beside the point; these are the quotes"
        if not (notice or ask or self.book.claims):
            notice = "the language model found no answer that the sentences support"
        claims = (*self.book.claims, *bad[:BAD_CLAIMS])
        return Draft(claims, tuple(self.book.quotes), self._writing, notice, ask, whole=True)


def _sum(one: int | None, two: int | None) -> int | None:
    return one if two is None else (one or 0) + two
