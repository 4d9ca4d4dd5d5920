"""What a model is asked, and what is read from what it says: pure, so anything may be said."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from askseeds.prose.prompt import (
    Sentence,
    answer_prompt,
    clean,
    encoded,
    read,
    repair_prompt,
    rewrite_prompt,
)
from askseeds.types import Document, Turn
from tests.scripted_model import claims, sentences_in

DOCUMENT = Document("1", "a.txt", "Title", "First one. Second one. Third one.")
SENTENCES = [Sentence(DOCUMENT, span, context="Title") for span in ((0, 10), (11, 22), (23, 33))]


def stated(text, *, whole=True, count=3, allowed=()):
    return [(c.text, c.numbers) for c in read(text, count, whole=whole, allowed=allowed).claims]


@pytest.mark.parametrize(
    "text",
    [
        claims(("A b.", [1, 2])),
        f"```json\n{claims(('A b.', [1, 2]))}\n```",
        f"Sure! {claims(('A b.', [1, 2]))} I hope that helps.",
        '{"text": "A b.", "sentences": [1, 2]}\n',
        '[{"text": "A b.", "sentences": ["1", "2"]}]',
        '{"claims": [{"text": "A b.", "sentences": "1, 2"}]}',
        "<think>Perhaps [3].</think>A b. [1][2]",
        "1. A b. [1, 2]",
        "- A b. 【1】【2】",
    ],
)
def test_many_forms_are_understood(text):
    assert stated(text) == [("A b.", (1, 2))]


def test_several_claims_in_a_line():
    assert stated("A b [1]. C d [2][3].") == [("A b", (1,)), ("C d", (2, 3))]


def test_claims_are_read_as_they_come():
    whole = claims(("A b.", [1]), ("C d.", [2]))
    seen = [stated(whole[:end], whole=False) for end in range(len(whole) + 1)]
    assert seen[-1] == [("A b.", (1,)), ("C d.", (2,))]
    for before, after in pairwise(seen):
        assert after[: len(before)] == before
    assert any(len(found) == 1 for found in seen)


def test_a_line_is_read_when_it_has_ended():
    assert stated("A b. [1", whole=False) == []
    assert stated("A b. [1]\nC d", whole=False) == [("A b.", (1,))]


def test_what_is_not_listed_is_dropped_and_counted():
    reply = read(claims(("A.", [1, 9, 0]), ("B.", [7])), 3, whole=True)
    assert [claim.numbers for claim in reply.claims] == [(1,)]
    assert (reply.dropped, reply.without) == (3, 1)
    assert stated(claims(("A.", [1, 2])), allowed=[2]) == [("A.", (2,))]


def test_a_claim_is_one_line_of_what_can_be_seen():
    assert stated(claims(("A\u200b\n\u202eb\x1b[2J.\U000e0041", [1]))) == [("A b [2J.", (1,))]
    assert stated(claims(("x" * 700, [1]))) == []


def test_no_claims_is_a_reply_and_nonsense_is_none():
    assert read('{"claims": [], "ask": ""}', 3, whole=True).readable
    assert not read("I do not know.", 3, whole=True).readable
    assert read(claims(ask="Which one?"), 3, whole=True).ask == "Which one?"


@given(st.text())
def test_anything_can_be_said(text):
    for whole in (True, False):
        for claim in read(text, 3, whole=whole).claims:
            assert set(claim.numbers) <= {1, 2, 3}
            assert claim.numbers
            assert claim.text == clean(claim.text)


@given(st.lists(st.sampled_from('{}[]",:1 "claims" "text" "sentences" [1]'.split()), max_size=60))
def test_broken_json_can_be_said(parts):
    read("".join(parts), 3, whole=True)


@given(st.text())
def test_a_sentence_stays_inside_its_string(text):
    line = encoded(text)
    assert "\n" not in line
    assert "<" not in line
    assert json.loads(line) == clean(text)


@given(st.text(min_size=1))
def test_no_document_breaks_the_frame(text):
    document = Document("1", "a.txt", text, text)
    prompt = answer_prompt(text, [Sentence(document, (0, len(text)), context=text)], "answer")
    assert sentences_in(prompt.user) == {1: clean(text)}
    assert sum(line.startswith("--- ") for line in prompt.user.splitlines()) == 2


def test_the_mark_depends_on_what_is_between():
    one = answer_prompt("Q?", SENTENCES[:1], "answer").user.splitlines()[0]
    two = answer_prompt("Q?", SENTENCES, "answer").user.splitlines()[0]
    assert one != two
    assert answer_prompt("Q?", SENTENCES, "answer") == answer_prompt("Q?", SENTENCES, "answer")


def test_the_schema_knows_only_the_listed_numbers():
    for small in (True, False):
        schema = answer_prompt("Q?", SENTENCES, "answer", small=small).schema
        claim = schema["properties"]["claims"]["items"]
        assert claim["properties"]["sentences"]["items"]["enum"] == [1, 2, 3]
        assert ("ask" in schema["properties"]) is not small


def test_a_repair_shows_only_what_the_claim_names():
    [claim] = read(claims(("A b.", [2])), 3, whole=True).claims
    prompt = repair_prompt("Q?", claim, SENTENCES, "the number 3 is not there", small=False)
    assert sentences_in(prompt.user) == {2: "Second one."}
    assert "the number 3 is not there" in prompt.user


def test_a_rewriting_shows_the_last_turns_only():
    history = [Turn(f"Question {n}?", "x" * 5_000) for n in range(10)]
    prompt = rewrite_prompt("And it?", history)
    assert "Question 3" not in prompt.user
    assert "Question 9" in prompt.user
    assert len(prompt.user) < 6_000
    assert prompt.schema is None


def test_the_key_names_model_and_prompt():
    one, two = answer_prompt("Q?", SENTENCES, "answer"), answer_prompt("P?", SENTENCES, "answer")
    assert len({one.key("a"), one.key("b"), two.key("a")}) == 3
