"""An exchange of the chat as HTML and as Markdown."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from askseeds.render_exchange import Outcome, html_answer, markdown, ordinal
from askseeds.types import Answer, Claim, Models, Quote, Writing

QUOTE = Quote("a/b.md", 10, 24, "Rain *falls*.\n", "B", 2, "Weather", 0.5)


def answer(text="Rain *falls*.", quotes=(QUOTE,), claims=(), status="answered", prose=None):
    return Answer(
        question="Does it rain?",
        asked="Does it rain?",
        status=status,
        confidence=0.9,
        text=text,
        quotes=quotes if status == "answered" else (),
        nearest=() if status == "answered" else quotes,
        hits=(),
        claims=claims,
        timings_ms={},
        models=Models("e", "r", prose),
    )


def test_a_claim_names_its_quotes():
    claims = (Claim("It rains", (0,), True), Claim("It snows", (0,), False))
    shown = html_answer(3, Outcome(answer(claims=claims, prose="m")))
    supported, unsupported = re.findall(r'<span class="claim.*?</span></span>', shown)
    assert 'data-exchange="3" data-quote="1"' in supported
    assert "<s>It snows</s>" in unsupported
    assert "data-quote" not in unsupported
    assert "Model: <bdi>m</bdi>" in shown


def test_what_is_provisional_has_neither_verdict_nor_confidence_nor_thumbs():
    final = Outcome(answer())
    early = Outcome(replace(answer(), provisional=True), stopped=True)
    for made in (html_answer(1, early), markdown("Does it rain?", early)):
        assert "Found so far" in made
        assert "Answered by" not in made
        assert "0.90" not in made
        assert "Stopped." in made
    assert "judge" not in html_answer(1, early)
    assert "judge" in html_answer(1, final)
    assert "Found so far" not in html_answer(1, final)


@given(st.text(st.sampled_from("<>&\"'ab{}$`\n")))
def test_all_that_is_said_is_text(text):
    quote = Quote(text, 0, len(text), text, text, None, text, 0.1)
    claims = (Claim(text, (0,), True), Claim(text, (), False))
    for status in ("answered", "not_found"):
        given_answer = answer(text, (quote,), claims, status, prose=text)
        shown = html_answer(1, Outcome(given_answer, note=text))
        shown += html_answer(1, Outcome(None, error=text, stopped=True))
        inside = re.sub(r"</?[a-z0-9]+(?: [A-Za-z-]+=\"[^\"<>]*\")*/?>", "", shown)
        assert "<" not in inside
        assert ">" not in inside


def test_markdown_tells_where_each_quote_stands():
    claims = (Claim("It rains", (0,), True), Claim("It snows", (0,), False))
    assert markdown("Does it\nrain?", Outcome(answer(claims=claims, prose="m"))) == (
        "## Does it rain?\n\n"
        "**Answered by the documents** likely (0.90)\n\n"
        "It rains [1] ~~It snows~~ (not supported by the documents)\n\n"
        "Model: m\n\n"
        "> Rain \\*falls\\*. [1]\n\n"
        "[1] a/b.md, page 2, Weather, characters 10–24  \n"
    )


def test_markdown_of_what_was_not_answered():
    nothing = answer(text="No answer was found in the documents.", status="not_found")
    assert "**No answer was found in the documents.**" in markdown("?", Outcome(nothing))
    assert "nearest passages" in markdown("?", Outcome(nothing))
    assert markdown("?", Outcome(None, stopped=True)) == "## ?\n\nStopped.\n"
    assert markdown("?", Outcome(None, error="no_index")) == "## ?\n\nno\\_index\n"


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("# no heading", "\\# no heading"),
        ("1. no list", "1\\. no list"),
        ("- no list\n+ none", "\\- no list\n> \\+ none"),
        ("![x](http://e.org)", "!\\[x\\](http://e.org)"),
        ("<img src=x>", "\\<img src=x\\>"),
        ("AT&T &amp; &#x3c;", "AT&T \\&amp; \\&#x3c;"),
        ("a < b | c_d", "a \\< b \\| c\\_d"),
        ("U.S. 3.5 (1)", "U.S. 3.5 (1)"),
    ],
)
def test_markdown_in_a_quote_stays_text(text, escaped):
    quote = Quote("a", 0, len(text), text, "A", None, None, 1.0)
    assert f"> {escaped} [1]" in markdown("?", Outcome(answer(quotes=(quote,))))


@pytest.mark.parametrize(
    ("number", "text"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (22, "22nd")],
)
def test_places(number, text):
    assert ordinal(number) == text


def test_prose_tells_where_it_came_from_and_what_went_wrong():
    told = replace(
        answer(prose="openai:x"),
        writing=Writing(True, "host.test", 1200, 30),
        timings_ms={"write": 1500.0},
        notice="The model <broke> off",
        ask_back="Do you mean <b>A</b> or B?",
    )
    facts = "openai:x, remote, at host.test, 1,200 tokens in, 30 out, 1.5 s"
    shown = html_answer(1, Outcome(told))
    assert facts in shown
    assert "The model &lt;broke&gt; off" in shown
    assert "Do you mean &lt;b&gt;A&lt;/b&gt; or B?" in shown
    assert "host.test" in markdown("Q?", Outcome(told))
    unwritten = Outcome(replace(told, ask_back=""))
    assert "openai:x" not in html_answer(1, unwritten) + markdown("Q?", unwritten)
