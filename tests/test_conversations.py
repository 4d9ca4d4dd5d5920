"""What a browser keeps of a conversation and sends back."""

import json

import pytest

from askseeds.assistant import Assistant
from askseeds.types import Turn
from askseeds.web.conversations import Asked, Exchange, Kept, read


@pytest.fixture
def exchange(article_place):
    with Assistant.open(article_place) as assistant:
        answer = assistant.ask("Which company has mastered EUV lithography?")
    return Exchange(question=answer.question, answer=answer, rating="up")


def test_what_was_given_comes_back(exchange):
    record = json.loads(json.dumps(exchange.record(), allow_nan=False))
    assert "hits" not in record["answer"]
    back = read(Exchange, record)
    assert back is not None
    assert back.answer.hits == ()
    assert back.answer.quotes == exchange.answer.quotes
    assert back.record() == exchange.record()


def test_passages_from_a_browser_are_passed_over(exchange):
    record = exchange.record()
    record["answer"]["hits"] = [{"document": "all of it"}]
    assert read(Exchange, record).answer.hits == ()


@pytest.mark.parametrize(
    "change",
    [
        {"confidence": -0.1},
        {"confidence": "nan"},
        {"status": "perhaps"},
        {"claims": [{"text": "x", "quotes": [1], "supported": True}]},
        {"claims": [{"text": "x", "quotes": [-1], "supported": True}]},
        {"quotes": "none"},
        {"models": None},
    ],
)
def test_an_impossible_answer_is_refused(exchange, change):
    record = exchange.record()
    record["answer"] |= change
    assert read(Kept, {"token": "t", "exchanges": [record]}) is None


@pytest.mark.parametrize("change", [{"start": -1}, {"end": 0}, {"text": ""}, {"score": "inf"}])
def test_an_impossible_quote_is_refused(exchange, change):
    record = exchange.record()
    record["answer"]["quotes"][0] |= change
    assert read(Exchange, record) is None


def test_a_question():
    asked = {"run": "r", "number": 1, "question": "Why \ud800?", "history": [{"question": "Who?"}]}
    assert read(Asked, asked) == Asked(
        run="r", number=1, question="Why ??", history=(Turn("Who?"),)
    )
    for wrong in ({"run": ""}, {"run": "x" * 65}, {"number": 0}, {"history": [{}] * 3}):
        assert read(Asked, asked | wrong) is None
    for wrong in (None, [], "ask", 7):
        assert read(Asked, wrong) is None
