"""Choosing quotes and confidence, with made-up readings of real passages."""

import json
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from askseeds import quote
from askseeds.evidence import (
    CONFIDENCE_FEATURES,
    SENTENCE_FEATURES,
    Evidence,
    candidates,
    confidence_features,
    near_text,
    passage_text,
    sentence_features,
)
from askseeds.models import UNREAD, Reading
from askseeds.sentences import passages
from askseeds.types import Document, Heading, Hit, Passage, Quote, Stage

TEXT = (
    "Harbour lights\n\n"
    "The lighthouse was built in 1871 by Anna Lund. It is painted red. "
    "The keeper lived in the tower. Visitors may climb it on Sundays.\n\n"
    "Boats leave every hour. A ticket costs four crowns. Children ride free."
)


def document(text=TEXT, source="harbour.txt"):
    heading = Heading(0, text.index("\n"), 1) if "\n" in text else Heading(0, 0, 1)
    return Document("d-" + source, source, "Harbour lights", text, headings=(heading,))


def hits(doc, *scores):
    drafts = passages(doc)
    found = tuple(
        Hit(
            Passage(n, doc.id, d.start, d.end, d.heading, d.page, d.sentences),
            doc,
            n,
            score,
            {"reranker": Stage(n, score), "vectors": Stage(n, 0.5)},
        )
        for n, (d, score) in enumerate(zip(drafts, scores, strict=False), start=1)
    )
    assert found
    return found


def evidence(question, found, **by_word):
    """Little attention anywhere, but as much as said to the sentences that contain a word.

    What has attention answers, and so do passages with a high score.
    """

    def look(hit, span):
        text = hit.document.text[span[0] : span[1]]
        return max([0.01, *(v for w, v in by_word.items() if w in text)])

    def reading(hit):
        looks = np.array([look(hit, s) for s in hit.passage.sentences], np.float32)
        attention = np.tile(looks[:, None, None], (1, 4, 12))
        return Reading(hit.score, hit.score / 2, 24 * looks - 8, attention)

    best = found[0].passage
    readings = tuple(reading(hit) for hit in found)
    return Evidence(question, tuple(found), readings, (best.start, best.end), None)


def test_short_headings_are_not_quoted_long_ones_may_be():
    found = hits(document(), 5.0)
    assert [c.sentence for c in candidates(found)] == [1, 2, 3, 4, 5, 6, 7]
    text = TEXT.replace("Harbour lights", "The harbour keeps its three old lights")
    assert candidates(hits(document(text), 5.0))[0].sentence == 0


def test_the_reranker_reads_the_title_once():
    whole = hits(document(), 5.0)[0]
    assert passage_text(whole).text == whole.text  # it begins with its title
    start = whole.passage.sentences[3][0]
    later = replace(
        whole, passage=replace(whole.passage, start=start, sentences=whole.passage.sentences[3:])
    )
    assert passage_text(later).text.startswith("Harbour lights\nThe keeper lived")


def test_the_marks_are_the_sentences():
    whole = hits(document(), 5.0)[0]
    start = whole.passage.sentences[3][0]
    later = replace(
        whole, passage=replace(whole.passage, start=start, sentences=whole.passage.sentences[3:])
    )
    for marked in (
        passage_text(later),
        near_text([later], (start - 20, later.passage.end)),
    ):
        texts = [marked.text[a:b] for a, b in marked.spans]
        assert texts[0] == "The keeper lived in the tower."
        assert texts[-1] == "Children ride free."
        assert len(texts) == len(later.passage.sentences)


def test_the_surroundings_mark_what_other_hits_have_there():
    text = "x\n\n" + "\n\n".join(f"Harbour {n} has a red light. " * 20 for n in range(4))
    doc = document(text)
    first, second, third, *_ = hits(doc, *[1.0] * 9)
    elsewhere = replace(third, document=replace(doc, source="other.txt"))
    around = (first.passage.start, third.passage.end)
    marked = near_text([second, first, elsewhere], around)
    assert len(marked.spans) == len(first.passage.sentences) + len(second.passage.sentences)
    assert list(marked.spans) == sorted(marked.spans)


def test_what_is_read_around_the_best_passage_is_evidence_beside_it():
    text = "x\n\n" + "\n\n".join(f"Harbour {n} has a red light. " * 20 for n in range(3))
    first, second, third, *_ = hits(document(text), *[1.0] * 9)
    given = evidence("which light is red?", (second, first, third))
    around = (first.passage.start, second.passage.end)
    spans = [*first.passage.sentences, *second.passage.sentences]
    likes = np.linspace(-3, 3, len(spans)).astype(np.float32)
    likes[-1] = UNREAD
    looks = np.linspace(0.1, 0.9, len(spans) * 48).astype(np.float32).reshape(-1, 4, 12)
    read = replace(given, around=around, near=Reading(5.0, 1.0, likes, looks))
    chosen = candidates(read.hits)
    rows = sentence_features(read, chosen)
    column = SENTENCE_FEATURES.index
    for candidate, row in zip(chosen, rows, strict=True):
        hit = read.hits[candidate.hit]
        span = hit.passage.sentences[candidate.sentence]
        if hit is third or span == spans[-1]:  # as it was read in its passage
            assert row[column("near")] == 0
            assert row[column("near_answers")] == row[column("answers")]
            assert row[column("near_sum_0")] == row[column("sum_0")]
        else:
            assert row[column("near")] == 1
            assert row[column("near_answers")] == likes[spans.index(span)]
            assert row[column("near_sum_0")] == np.log(looks[spans.index(span), 0, 0] + 1e-3)


def test_the_sentence_that_is_looked_at_is_quoted_first():
    question = "when was the lighthouse built?"
    selection = quote.select(evidence(question, hits(document(), 8.0), built=0.4), max_quotes=3)
    assert selection.quotes[0].text.startswith("The lighthouse was built in 1871")
    assert selection.quotes[0].source == "harbour.txt"
    assert selection.quotes[0].heading == "Harbour lights"


def test_a_question_in_a_document_is_no_answer_but_what_follows_it_is():
    text = (
        "INTERVIEWER: Can visitors watch?\nHOLLENBECK: On Fridays.\n"
        "Why so rarely? And why so late? --- Nobody knows.\n- Who pays?\n- Who helps?\n"
        "Nobody in the foundry answered, for all of them had gone home. And is there more?"
    )
    found = hits(Document("d", "talk.txt", "talk", text), 5.0)
    chosen = candidates(found)
    assert len(chosen) == 9
    odds = np.array([2.0, -1.0, 3.0, -6.0, 1.0, 0.5, 0.4, -2.0, 1.5])
    handed = [-5.0, 2.0, -5.0, -6.0, 3.0, 0.5, 0.4, -2.0, 1.5]
    assert quote.handed_on(found, chosen, odds).tolist() == handed
    question = "can visitors watch a casting?"
    selection = quote.select(evidence(question, found, visitors=0.4), max_quotes=1)
    assert selection.quotes[0].text == "HOLLENBECK: On Fridays."


def test_of_a_quoted_mail_only_the_mail_itself_is_quoted():
    text = (
        "Dana: I disagree.\n\n> Hello. My suggestion is to scrap all of\n> those pallets.\n\n"
        "> Nobody said this here, ever.\n\n> Yes, do.\n\n"
        "Piotr: Hello. My suggestion is to scrap\nall of those pallets. Yes, do."
    )
    found = hits(Document("d", "mails.txt", "mails", text), 5.0)
    spans = found[0].passage.sentences
    assert [text[slice(*spans[c.sentence])] for c in candidates(found)] == [
        "Dana: I disagree.",
        "> Hello.",
        "> Nobody said this here, ever.",
        "> Yes, do.",  # too short to tell
        "Piotr: Hello.",
        "My suggestion is to scrap\nall of those pallets.",
        "Yes, do.",
    ]


def test_a_quote_has_the_heading_over_itself():
    text = "Lights\n\nOne is red.\n\nBoats\n\n" + "They sail every day. " * 5 + "One is blue."
    at = text.index("Boats")
    doc = Document("d", "s.txt", "s", text, headings=(Heading(0, 6, 1), Heading(at, at + 5, 1)))
    found = hits(doc, 3.0)
    assert len(found[0].passage.sentences) == 9
    chosen = candidates(found)
    likely = np.array(
        [float("blue" in text[slice(*found[0].passage.sentences[c.sentence])]) for c in chosen]
    )
    [only] = quote.best_set(found, chosen, likely, max_quotes=3)
    assert (only.text, only.heading) == ("One is blue.", "Boats")


def test_neighbours_become_one_quote():
    found = hits(document(), 8.0)
    chosen = candidates(found)
    likely = np.where([c.sentence in (1, 2, 6) for c in chosen], 0.95, 0.01)
    quotes = quote.best_set(found, chosen, likely, max_quotes=3)
    assert [q.text for q in quotes] == [
        "The lighthouse was built in 1871 by Anna Lund. It is painted red.",
        "A ticket costs four crowns.",
    ]


def test_unsure_which_answers_the_second_is_quoted_too():
    found = hits(document(), 8.0)
    chosen = candidates(found)

    def quoted(first: float, second: float) -> list[str]:
        likely = np.select(
            [[c.sentence == n for c in chosen] for n in (2, 6)], [first, second], 0.001
        )
        return [q.text for q in quote.best_set(found, chosen, likely, max_quotes=3)]

    assert quoted(0.9, 0.1) == ["It is painted red."]
    # By F1 alone the second would not be worth its length.
    assert quoted(0.4, 0.2) == ["It is painted red.", "A ticket costs four crowns."]


def test_each_part_of_a_question_is_quoted_first():
    def cut(start: int, end: int, source: str = "a.txt") -> Quote:
        return Quote(source, start, end, "x" * (end - start), "", None, "", 0.5)

    def merged(*parts: Quote, most: int = 3) -> tuple[Quote, ...]:
        found = [quote.Selection((part, cut(900, 950)), 0.8) for part in parts]
        got = quote.merged(whole, found, max_quotes=most)
        assert got.confidence == whole.confidence
        return got.quotes

    whole = quote.Selection((cut(0, 100), cut(200, 300)), 0.9)
    assert merged() == whole.quotes
    assert merged(cut(210, 250), cut(500, 600)) == (cut(200, 300), cut(500, 600), cut(0, 100))
    # Two parts with one answer: it is quoted once, as it is for the whole.
    assert merged(cut(10, 20), cut(40, 50)) == whole.quotes
    other = cut(0, 100, "b.txt")
    assert merged(other, cut(500, 600), most=2) == (other, cut(500, 600))


def test_max_quotes_holds():
    found = hits(document(), 8.0)
    chosen = candidates(found)
    likely = np.where([c.sentence % 2 == 1 for c in chosen], 0.9, 0.1)
    assert len(quote.best_set(found, chosen, likely, max_quotes=2)) == 2
    assert len(quote.best_set(found, chosen, likely, max_quotes=5)) == 4


def test_confidence_rises_with_the_evidence():
    question = "when was the lighthouse built?"
    confidences = [
        quote.select(
            evidence(question, hits(document(), score), built=look), max_quotes=3
        ).confidence
        for score, look in ((-11.0, 0.01), (0.0, 0.1), (9.0, 0.4))
    ]
    assert confidences == sorted(confidences)
    assert confidences[0] < 0.25
    assert confidences[-1] > 0.8


def test_a_sure_quote_without_the_number_that_is_asked_for_is_no_answer():
    found = hits(document(TEXT.replace("in 1871 ", "")), 9.0)
    sure = quote.select(evidence("who built the lighthouse?", found, built=0.4), max_quotes=1)
    none = quote.select(
        evidence("in which year was the lighthouse built?", found, built=0.4), max_quotes=1
    )
    assert sure.quotes[0].text == none.quotes[0].text
    assert sure.confidence > 0.8
    assert none.confidence == quote.NO_NUMBER


def test_a_passage_of_nothing_but_a_heading_gives_no_quote():
    doc = Document("d", "s.txt", "s", "Lights", headings=(Heading(0, 6, 1),))
    nothing = quote.select(evidence("what is red?", hits(doc, 1.0)), max_quotes=3)
    assert nothing == quote.Selection((), 0.0)


def test_the_weights_name_every_feature_and_nothing_else():
    raw = json.loads((files("askseeds") / "quote_weights.json").read_text(encoding="utf-8"))
    assert tuple(raw["sentence"]["features"]) == SENTENCE_FEATURES
    assert tuple(raw["confidence"]["features"]) == CONFIDENCE_FEATURES
    assert raw["provenance"]


@pytest.mark.parametrize("question", ["", "?", "İİİ 12 ﬁ", "a" * 5000])
def test_any_question_gets_finite_features(question):
    given = evidence(question, hits(document(), 1.0))
    chosen = candidates(given.hits)
    rows = sentence_features(given, chosen)
    assert rows.shape == (len(chosen), len(SENTENCE_FEATURES))
    assert np.isfinite(rows).all()
    assert np.isfinite(confidence_features(given, chosen, rows[:, 0])).all()


@given(
    st.text(alphabet="ab .!?\n|-İß", min_size=1, max_size=300).filter(str.strip),
    st.integers(0, 2**32 - 1),
    st.integers(1, 5),
)
def test_quotes_are_verbatim_and_do_not_overlap(text, seed, max_quotes):
    doc = Document("d", "s.txt", "s", text)
    rng = np.random.default_rng(seed)
    given = evidence("a b?", hits(doc, *rng.normal(0, 5, 4)))
    readings = tuple(
        replace(r, attention=rng.random(r.attention.shape).astype(np.float32))
        for r in given.readings
    )
    selection = quote.select(replace(given, readings=readings), max_quotes=max_quotes)
    assert len(selection.quotes) <= max_quotes
    assert bool(selection.quotes) == any(map(str.isalnum, text))  # else there is nothing to say
    assert 0 <= selection.confidence <= 1
    for q in selection.quotes:
        assert q.text == text[q.start : q.end]
        assert q.text == q.text.strip()
    ordered = sorted(selection.quotes, key=lambda q: q.start)
    assert all(a.end <= b.start for a, b in pairwise(ordered))
    assert [q.score for q in selection.quotes] == sorted(
        (q.score for q in selection.quotes), reverse=True
    )
