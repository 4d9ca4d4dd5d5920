"""A question read alone: what asks, what it talks about, and what it leaves open."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from askseeds.questions import Mention, Question, is_empty, singular


def asking_phrase(question: Question) -> str:
    return " ".join(word.text for word in question.words[: question.asks])


@pytest.mark.parametrize(
    ("text", "asking", "auxiliary", "mentions"),
    [
        ("Where is Nokia based?", "Where", "is", ["Nokia"]),
        ("How long is the railway?", "How long", "is", ["the railway"]),
        ("In how many countries is it used?", "In how many countries", "is", ["countries"]),
        ("Which firm makes drills?", "Which firm", "", ["the firm that makes drills", "drills"]),
        ("Who founded Nokia?", "Who", "", ["the person who founded Nokia", "Nokia"]),
        ("Can I wash the lid?", "", "can", ["the lid"]),
        ("Where is the lid of the kettle?", "Where", "is", ["the lid of the kettle", "the kettle"]),
        ("When did Anna’s boat sink?", "When", "did", ["Anna’s boat", "Anna"]),
        ("How does a heat pump work?", "How", "does", ["a heat pump"]),
        ('Who wrote "A Hut"?', "Who", "", ['the person who wrote "A Hut"', '"A Hut"']),
        ("What is new in version 4.2?", "What", "is", ["version 4.2"]),
        ("opening hours library", "", "", ["opening hours library"]),
    ],
)
def test_parts(text: str, asking: str, auxiliary: str, mentions: list[str]) -> None:
    question = Question(text)
    assert asking_phrase(question) == asking
    assert question.auxiliary == auxiliary
    found = [mention.text for mention in question.mentions]
    assert found[: len(mentions)] == mentions


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        ("Who founded Nokia?", "someone founded Nokia"),
        ("Which firm makes drills?", "firm makes drills"),
        ("Where is Nokia based?", "Nokia is based"),
        ("Can the pump freeze?", "the pump can freeze"),
        ("opening hours library", ""),
    ],
)
def test_statement(text: str, statement: str) -> None:
    assert Question(text).statement == statement


@pytest.mark.parametrize(
    ("text", "noun"),
    [
        ("Which firm makes drills?", "firm"),
        ("How many of the members voted?", "of the members"),
        ("In which year was it built?", "year"),
        ("How long is the film?", ""),
        ("Where is Nokia based?", ""),
        ("opening hours library", ""),
    ],
)
def test_the_noun_that_is_asked_for(text: str, noun: str) -> None:
    assert Question(text).asked_noun == noun


@pytest.mark.parametrize(
    "text", ["in the north of Taiwan?", "Why?", "why not?", "since when?", "Ericsson?"]
)
def test_a_fragment_has_no_clause(text: str) -> None:
    assert Question(text).is_fragment


@pytest.mark.parametrize(
    "text", ["", "?", "Who founded Nokia?", "Why is it?", "opening hours", "Can I go?"]
)
def test_a_clause_is_no_fragment(text: str) -> None:
    assert not Question(text).is_fragment


@pytest.mark.parametrize("lead", ["And ", "ok, but ", "What about ", "Thanks! And how about ", ""])
def test_what_opens_a_question_is_taken_off(lead: str) -> None:
    question = Question(lead + "the lid?").without_lead()
    assert (question.text, question.is_led) == ("the lid?", bool(lead))


def test_names_are_told_by_their_capitals_unless_all_are() -> None:
    assert [w.text for w in Question("Did Anna see Oslo in 1990?").words if w.is_name] == [
        "Anna",
        "Oslo",
        "1990",
    ]
    assert not any(word.is_name for word in Question("DID ANNA SEE OSLO?").words)


@pytest.mark.parametrize(
    ("text", "pronouns"),
    [
        ("Where is Marie Curie?", {"he", "she", "it"}),  # a name may be of anyone
        ("Who is the queen?", {"she"}),
        ("How heavy is the drill?", {"it"}),
        ("What are heat pumps?", {"they"}),
        ("Who founded Nokia?", {"he", "she", "they"}),
    ],
)
def test_pronouns_that_can_stand_for_a_mention(text: str, pronouns: set[str]) -> None:
    mention = Question(text).mentions[0]
    assert {pronoun for pronoun in ("he", "she", "it", "they") if mention.fits(pronoun)} >= pronouns
    assert mention.fits("it") == ("it" in pronouns)


@pytest.mark.parametrize(
    ("plural", "one"),
    [("batteries", "battery"), ("boxes", "box"), ("drills", "drill"), ("glass", "glass")],
)
def test_singular(plural: str, one: str) -> None:
    assert singular(plural) == one


PIECES = "who what how many which is does can the a lid of Anna's 4.2 made by it and , ’s \" “ & ?"


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES.split())).map(" ".join)))
def test_a_mention_stands_where_it_says(text: str) -> None:
    question = Question(text)
    assert question.asks <= len(question.words)
    for mention in question.mentions:
        assert isinstance(mention, Mention)
        assert not mention.end or question.text[mention.start : mention.end] == mention.text


@pytest.mark.parametrize("text", ["", " \n", "\0", "\u200b", "\x01\u2060 \ufeff", "\u202e"])
def test_what_cannot_be_seen_is_no_question(text):
    assert is_empty(text)
    assert not is_empty(f"{text}?")
