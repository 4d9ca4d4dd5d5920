"""Which sentences a language model is shown; nothing else of the documents is sent."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from askseeds.evidence import Evidence
from askseeds.ledger import Ledger
from askseeds.prose import converse
from askseeds.prose.prompt import Sentence, Task
from askseeds.quote import likelihoods
from askseeds.retrieve import matching
from askseeds.sentences import heading_at, is_heading, sentence_spans
from askseeds.types import Answer, Document, Hit, Quote, Span

SUMMARISED = 8
"""Most documents in one summary."""

LIKELY = 0.1
"""A sentence that is likelier than this to be part of the answer is shown."""

ANSWER_SENTENCES = 12
WIDE_SENTENCES = 40
SMALL_SENTENCES = 8
"""For a model that follows few instructions: each more makes it worse."""

LONGEST_CHARS = 1_500
"""A longer "sentence" is a table or a list without stops: too much to be named by one number."""


def material(
    answer: Answer,
    evidence: Evidence,
    ledger: Ledger,
    source: str | Collection[str] | None,
    *,
    small: bool,
) -> tuple[Task, tuple[Sentence, ...]]:
    """What kind of answer is wanted, and the sentences for it.

    None for a question that the documents do not answer, unless a summary is wanted.

    Args:
        answer: In plain quotes.
        evidence: That it came from.
        ledger: Has the documents that are summarised.
        source: See `assistant.Options`.
        small: Whether the model follows few instructions.

    Raises:
        SeedsError: No document matches `source`.
    """
    task = converse.task(answer.asked)
    if task == "summary":
        sources = tuple(dict.fromkeys(hit.document.source for hit in answer.hits))
        if source:
            sources = matching(ledger.sources(), source)
        elif not converse.is_of_many(answer.asked):
            sources = sources[:1]
        found = [ledger.document(name) for name in sources[:SUMMARISED]]
        # One that goes while it is asked about is left out.
        documents = [document for document in found if document is not None]
        return task, for_summary(documents, small=small)
    if answer.status == "not_found":
        return task, ()
    likely = likelihoods(evidence)
    if task == "answer":
        return task, for_answer(evidence.hits, likely, answer.quotes, small=small)
    return task, for_many(answer.hits, likely, small=small)


def for_answer(
    hits: Sequence[Hit],
    likely: Mapping[tuple[str, Span], float],
    quotes: Sequence[Quote],
    *,
    small: bool,
) -> tuple[Sentence, ...]:
    """The quoted sentences, those that are nearly as likely, and the one on each side of them."""
    most = SMALL_SENTENCES if small else ANSWER_SENTENCES
    shown: dict[tuple[str, Span], float] = {}
    quoted = {
        (hit.document.source, span)
        for hit in hits
        for span in hit.passage.sentences
        for quote in quotes
        if quote.source == hit.document.source
        if quote.start <= span[0] and span[1] <= quote.end
    }
    ranked = sorted(likely, key=lambda key: (key not in quoted, -likely[key]))
    for key in ranked:
        if key in quoted or (likely[key] >= LIKELY and len(shown) < most):
            shown[key] = likely[key]
    for hit in hits:
        spans = hit.passage.sentences
        for at, span in enumerate(spans):
            if (hit.document.source, span) not in quoted:
                continue
            for beside in spans[max(0, at - 1) : at + 2]:
                key = (hit.document.source, beside)
                if len(shown) < most:
                    shown.setdefault(key, likely.get(key, 0.0))
    return _ordered(hits, shown)


def for_many(
    hits: Sequence[Hit], likely: Mapping[tuple[str, Span], float], *, small: bool
) -> tuple[Sentence, ...]:
    """To compare and to list: the sentences of all hits, the best passages first."""
    most = SMALL_SENTENCES if small else WIDE_SENTENCES
    shown: dict[tuple[str, Span], float] = {}
    for hit in hits:
        for span in hit.passage.sentences:
            key = (hit.document.source, span)
            if len(shown) < most and not is_heading(span, hit.document.headings):
                shown.setdefault(key, likely.get(key, 0.0))
    return _ordered(hits, shown)


def for_summary(documents: Sequence[Document], *, small: bool) -> tuple[Sentence, ...]:
    """The sentences with which documents and their sections begin, each document its share."""
    most = SMALL_SENTENCES if small else WIDE_SENTENCES
    found: list[Sentence] = []
    for document in documents:
        share = max(1, most // len(documents))
        spans = [
            span
            for span in sentence_spans(document.text, document.headings)
            if span[1] - span[0] <= LONGEST_CHARS and not is_heading(span, document.headings)
        ]
        sections: dict[str | None, list[Span]] = {}
        for span in spans:
            sections.setdefault(heading_at(document, span[0]), []).append(span)
        # The first sentence of every section, then the second of every section, and so on.
        deepest = max(map(len, sections.values()), default=0)
        in_turn = [
            section[depth]
            for depth in range(deepest)
            for section in sections.values()
            if depth < len(section)
        ]
        found += [_with_context(Sentence(document, span)) for span in sorted(in_turn[:share])]
    return tuple(found[:most])


def _ordered(hits: Sequence[Hit], shown: Mapping[tuple[str, Span], float]) -> tuple[Sentence, ...]:
    """As they stand in the documents, the best document first."""
    documents = {hit.document.source: hit.document for hit in hits}
    order = list(documents)
    keys = sorted(shown, key=lambda key: (order.index(key[0]), key[1]))
    return tuple(
        _with_context(Sentence(documents[source], span, shown[source, span]))
        for source, span in keys
        if span[1] - span[0] <= LONGEST_CHARS
    )


def _with_context(sentence: Sentence) -> Sentence:
    heading = heading_at(sentence.document, sentence.span[0])
    parts = dict.fromkeys(part for part in (sentence.document.title, heading) if part)
    return replace(sentence, context=" › ".join(parts))
