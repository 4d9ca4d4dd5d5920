"""Choosing quotes and confidence, with made-up scores on real passages."""

import json
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from askseeds import quote
from askseeds.sentences import passages
from askseeds.types import Document, Heading, Hit, Passage, Stage

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
    found = [
        Hit(
            Passage(n, doc.id, d.start, d.end, d.heading, d.page, d.sentences),
            doc,
            n,
            score,
            {"reranker": Stage(n, score), "vectors": Stage(n, 0.5)},
        )
        for n, (d, score) in enumerate(zip(drafts, scores, strict=False), start=1)
    ]
    assert found
    return found


def scores_for(found, **by_word):
    """-10 for each candidate, more for the sentences that contain a word."""
    return np.array(
        [max([-10.0, *(v for w, v in by_word.items() if w in c.text)]) for c in found],
        dtype=np.float32,
    )


def test_candidates_are_the_sentences_without_the_heading():
    found = hits(document(), 5.0)
    texts = [c.text for c in quote.candidates("when was it built?", found)]
    assert texts[0] == "The lighthouse was built in 1871 by Anna Lund."
    assert len(texts) == 7


def test_the_reranker_reads_the_title_once():
    whole = hits(document(), 5.0)[0]
    assert quote.passage_text(whole) == whole.text  # it begins with its title
    later = replace(
        whole,
        passage=replace(
            whole.passage,
            start=whole.passage.sentences[3][0],
            sentences=whole.passage.sentences[3:],
        ),
    )
    assert quote.passage_text(later).startswith("Harbour lights\nThe keeper lived")
    assert quote.candidates("who?", [later])[0].text == (
        "Harbour lights\nThe keeper lived in the tower."
    )


def test_the_sentence_that_answers_is_quoted_first():
    found = hits(document(), 8.0)
    chosen = quote.candidates("when was the lighthouse built?", found)
    selection = quote.select(
        "when was the lighthouse built?", found, chosen, scores_for(chosen, built=9.0), max_quotes=3
    )
    assert selection.quotes[0].text.startswith("The lighthouse was built in 1871")
    assert selection.quotes[0].source == "harbour.txt"
    assert selection.quotes[0].heading == "Harbour lights"


def test_neighbours_become_one_quote():
    found = hits(document(), 8.0)
    chosen = quote.candidates("lighthouse", found)
    likely = np.where([c.sentence in (1, 2, 6) for c in chosen], 0.95, 0.01)
    quotes = quote.best_set(found, chosen, likely, max_quotes=3)
    assert [q.text for q in quotes] == [
        "The lighthouse was built in 1871 by Anna Lund. It is painted red.",
        "A ticket costs four crowns.",
    ]


def test_max_quotes_holds():
    found = hits(document(), 8.0)
    chosen = quote.candidates("lighthouse", found)
    likely = np.where([c.sentence % 2 == 1 for c in chosen], 0.9, 0.1)
    assert len(quote.best_set(found, chosen, likely, max_quotes=2)) == 2
    assert len(quote.best_set(found, chosen, likely, max_quotes=5)) == 4


def test_confidence_rises_with_the_evidence():
    question = "when was the lighthouse built?"
    confidences = []
    for passage, sentence in ((-11.0, -11.0), (0.0, 0.0), (9.0, 9.0)):
        found = hits(document(), passage)
        chosen = quote.candidates(question, found)
        scores = scores_for(chosen, built=sentence)
        confidences.append(quote.select(question, found, chosen, scores, max_quotes=3).confidence)
    assert confidences == sorted(confidences)
    assert confidences[0] < 0.1
    assert confidences[-1] > 0.9


def test_nothing_found_is_no_confidence():
    assert quote.candidates("anything?", []) == ()
    nothing = quote.select("anything?", [], (), np.zeros(0, dtype=np.float32), max_quotes=3)
    assert nothing == quote.Selection((), 0.0)


def test_a_long_list_keeps_the_lines_that_share_words_with_the_question():
    text = "".join(f"- item number {n} is {'zinc' if n == 90 else 'iron'}\n" for n in range(100))
    doc = document("x\n\n" + text)
    found = hits(doc, *np.linspace(5, 4, 20))
    many = quote.candidates("which item is zinc?", found)
    assert len(many) == quote.SENTENCES
    assert [(c.hit, c.sentence) for c in many] == sorted((c.hit, c.sentence) for c in many)


def test_passages_beyond_the_best_change_nothing():
    text = "x\n\n" + "\n\n".join(f"Harbour {n} has a red light. " * 20 for n in range(8))
    found = hits(document(text), 5.0, 4.0, 3.0, 2.0, 1.0, 0.0)
    assert len(found) > quote.PASSAGES
    question = "which harbour has a red light?"
    chosen = quote.candidates(question, found)
    scores = np.linspace(3, -3, len(chosen), dtype=np.float32)
    all_of_them = quote.select(question, found, chosen, scores, max_quotes=3)
    assert all_of_them == quote.select(
        question, found[: quote.PASSAGES], chosen, scores, max_quotes=3
    )


def test_the_weights_name_every_feature_and_nothing_else():
    raw = json.loads((files("askseeds") / "quote_weights.json").read_text(encoding="utf-8"))
    assert tuple(raw["sentence"]["features"]) == quote.SENTENCE_FEATURES
    assert tuple(raw["confidence"]["features"]) == quote.CONFIDENCE_FEATURES
    assert raw["provenance"]


@pytest.mark.parametrize("question", ["", "?", "İİİ 12 ﬁ", "a" * 5000])
def test_any_question_gets_finite_features(question):
    found = hits(document(), 1.0)
    chosen = quote.candidates(question, found)
    rows = quote.sentence_features(question, found, chosen, np.zeros(len(chosen), dtype=np.float32))
    assert rows.shape == (len(chosen), len(quote.SENTENCE_FEATURES))
    assert np.isfinite(rows).all()


@given(
    st.text(alphabet="ab .!?\n|-İß", min_size=1, max_size=300).filter(str.strip),
    st.integers(0, 2**32 - 1),
    st.integers(1, 5),
)
def test_quotes_are_verbatim_and_do_not_overlap(text, seed, max_quotes):
    doc = Document("d", "s.txt", "s", text)
    rng = np.random.default_rng(seed)
    found = hits(doc, *rng.normal(0, 5, 4))
    chosen = quote.candidates("a b?", found)
    scores = rng.normal(0, 5, len(chosen)).astype(np.float32)
    selection = quote.select("a b?", found, chosen, scores, max_quotes=max_quotes)
    assert 1 <= len(selection.quotes) <= max_quotes
    assert 0 <= selection.confidence <= 1
    for q in selection.quotes:
        assert q.text == text[q.start : q.end]
        assert q.text == q.text.strip()
    ordered = sorted(selection.quotes, key=lambda q: q.start)
    assert all(a.end <= b.start for a, b in pairwise(ordered))
    assert [q.score for q in selection.quotes] == sorted(
        (q.score for q in selection.quotes), reverse=True
    )
