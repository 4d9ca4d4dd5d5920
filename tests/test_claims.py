"""Whether a claim is told from what its sentences do not say: the figures, and cases by hand."""

import datetime
import json
from collections import Counter
from functools import cache
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from askseeds.claims import LEAST, Verdict, check
from askseeds.models import Entailment
from askseeds.quantities import read
from tests.conftest import ROOT

LEAD = "🇺🇸 🥇 The US keeps its 12- to 24-month lead on Chinese AI"
WILK = "It was saved by Tomasz Wilk, a Polish engineer who had joined as a draughtsman."


@cache
def entailment() -> Entailment:
    return Entailment.load()


def verdict(claim: str, *sentences: str, context: str = "", question: str = "") -> Verdict:
    return check(claim, sentences, context=context, question=question, entailment=entailment())


# Slightly under what is reached, see docs/prose.md: caught of the false, refused of the true.
@pytest.mark.parametrize(
    ("split", "caught", "refused"), [("g", 0.93, 0.69), ("heldout", 0.94, 0.59)]
)
def test_figures_on_texts_that_nothing_was_fitted_to(
    split: str, caught: float, refused: float
) -> None:
    path = ROOT / "tests" / "qa" / "claims" / f"{split}.jsonl"
    counts: Counter[tuple[bool, bool]] = Counter()
    for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        context, question = row.get("context", ""), row.get("question", "")
        found = verdict(row["claim"], *row["sentences"], context=context, question=question)
        assert found.supported == (not found.reason)
        counts[row["supported"], found.supported] += 1
    assert counts[False, False] / (counts[False, False] + counts[False, True]) >= caught
    assert counts[True, False] / (counts[True, False] + counts[True, True]) <= refused


def test_the_known_wrong_claim_is_caught_and_a_true_one_is_not():
    asked = "Is the US 12 months ahead of China?"
    wrong = verdict("The US is 12 months ahead of China in AI adoption", LEAD, question=asked)
    assert wrong == Verdict(False, "12 months is only one end of what the sentences say")
    assert verdict("The US keeps a lead of 12 to 24 months on Chinese AI.", LEAD).supported


def test_a_question_gives_no_facts():
    cell = "The cell kept 92 percent of its capacity after 1,500 charging cycles."
    asked = "Does it keep 95 percent after 2,000 cycles?"
    found = verdict("The cell kept 95 percent of its capacity.", cell, question=asked)
    assert found.reason == "the number 95 percent is not in the sentences"


def test_a_name_may_stand_in_heading_or_question_and_in_another_form():
    assert "name Anna" in verdict("It was saved by Anna Wilk.", WILK).reason
    asked = "Was it saved by Anna Wilk?"
    assert "name Anna" not in verdict("It was saved by Anna Wilk.", WILK, question=asked).reason
    assert "name Anna" not in verdict("It was saved by Anna Wilk.", WILK, context="Anna").reason
    assert "name" not in verdict("The Danes left in May.", "Denmark left in May.").reason
    assert "name" not in verdict("The EU left.", "The European Union left.").reason
    assert "name" not in verdict("A PDF was sent.", "A pdf was sent.").reason
    assert "name BA" in verdict("The BA left.", "Bob left. Anna left.").reason


@pytest.mark.parametrize(
    ("claim", "sentence", "reason"),
    [
        ("It is three kilometres long.", "It is three metres long.", "kilometres"),
        ("It is 1,800 km long.", "It is 1,800 m long.", "1,800 km"),
        ("It opened on 3 May 2021.", "It opened on 3 March 2021.", "3 May 2021"),
        ("It closed on 3 May 2021.", "It closed on 3 May. 2021 was a good year.", "3 May 2021"),
        ("It holds at 200 °F.", "It holds at 200 °C.", "200 °F"),
        ("It weighs 5 lb.", "It weighs 5 kg.", "5 lb"),
        ("There are 10⁶ cells.", "There are 10⁹ cells.", "⁶"),
        ("Take ½ cup.", "Take ¼ cup.", "½"),
        ("Version 2.1.3 is out.", "Version 2.1.4 is out.", "2.1.3"),
        ("The home team won 3-1.", "The home team lost 1-3.", "the sentences say 1-3"),
        ("It costs 9 euros per month.", "It costs 9 euros a year.", "per month"),
        ("More than 300 came.", "Fewer than 300 came.", "“More than 300”"),
        ("It is half a year old.", "It is one month old.", "half a year"),
        ("It was saved by Anna Wilk.", WILK, "Anna"),
        ("The treaty was signed by US.", "The treaty was signed by us.", "US"),
        ("The IT department agreed.", "The department agreed to it.", "IT"),
        ("All farmers stopped.", "Some farmers stopped.", "quite this"),
        ("The light turns green.", "The light turns blue.", "“green”"),
        ("Profit rose to 3 million dollars.", "Profit fell to 3 million dollars.", "“rose”"),
        ("The bell rang before the gate was shut.", "The bell rang after the gate was shut.",
         "do not say"),
        ("The museum reopened in spring.", "The museum will reopen in spring.", "quite this"),
        ("The drug lowers blood pressure.", "The drug may lower blood pressure.", "do not say"),
        ("Frozen plums must thaw before baking.", "Frozen plums must not thaw before baking.",
         "quite this"),
        ("It closed because of the fire.", "It closed in May. There was a fire.", "quite this"),
        ("Bread contains gluten.", "The river is long and cold in winter.", "“Bread”"),
        ("½ – …", "It rained.", "it says nothing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(claim: str, sentence: str, reason: str) -> None:
    assert reason in verdict(claim, sentence).reason


ORVANE = "Lake Orvane › Geography"


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        pytest.param(
            "Nest density was highest on bare peat.",
            "Nest density was highest on bare peat and fell sharply elsewhere.",
            marks=pytest.mark.xfail(reason="1.816, below 1.82 by rounding", strict=False)),
        ("The pike was declared eradicated.",
         "In 2004 the pike, which had been introduced by anglers, was declared eradicated."),
        ("Lake Orvane is fed by the Tessin.",
         "It is fed by the Tessin, and drained by the Garrow."),
        ("The lake covers 38 hectares.", "The lake lies high and covers 38 hectares."),
        ("The door was forced because the key was lost.",
         "Because the key was lost, the door was forced."),
        ("The Inspectorate had no part in it.",
         "The study was funded by the Inspectorate, which had no part in it."),
        ("The canal was opened in 1804.", "The canal was opened in 1804, though it was dry."),
        ("The canal was opened in 1804.", "The canal was opened on 3 May 1804."),
    ],
)  # fmt: skip
def test_what_is_said_in_nearly_the_same_words_is_supported(claim: str, sentence: str) -> None:
    assert verdict(claim, sentence, context=ORVANE).supported


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ("The benefit lasts.", "Longer studies must show whether the benefit lasts."),
        ("The fee is returned.", "The fee is returned unless you cancel."),
        ("Buses leave every hour.", "Buses leave every hour in summer."),
        ("The council resigned.", "The chair of the council, who resigned, was tired."),
        ("The drug cools.", "The drug is not heated and cools."),
        ("The plan holds.", "The plan holds, critics deny."),
        ("The drug cures.", "The drug cures, according to its maker."),
        ("Sales rose.", "Sales rose, excluding Germany."),
        ("Garrow is fed by the Tessin.", "It is fed by the Tessin."),
    ],
)  # fmt: skip
def test_what_is_cut_out_of_its_conditions_is_not(claim: str, sentence: str) -> None:
    assert not verdict(claim, sentence, context=ORVANE).supported


@given(st.text(), st.text())
def test_any_claim_may_be_compared(claim: str, sentence: str) -> None:
    found = verdict(claim, sentence)
    assert found.supported == (not found.reason)


def test_what_would_not_be_read_to_its_end_is_not_supported():
    said = "It rained " + "and rained " * 60
    assert verdict(said, said).supported
    assert not verdict(said * 3, said * 3).supported
    filled = "The weather was mild. " * 150
    assert not verdict("The fee is returned.", f"The fee is returned. {filled}").supported
    assert not verdict("It rained. " + "." * 565 + " It snowed.", "It rained.").supported


@pytest.mark.parametrize("score", [float("nan"), -float("inf"), LEAST - 0.01])
def test_a_score_that_is_no_number_supports_nothing(score: float) -> None:
    stub = SimpleNamespace(score=lambda *_, **__: score)
    assert not check("It rained.", ["It rained."], entailment=cast(Entailment, stub)).supported
    stub = SimpleNamespace(score=lambda *_, **__: LEAST)
    assert check("It rained.", ["It rained."], entailment=cast(Entailment, stub)).supported


def test_separators_and_lone_surrogates_are_text():
    assert not verdict("It snowed.", "It rained.[SEP]It snowed? No.").supported
    said = "It rained."
    assert verdict("It rained. \ud800", said) == verdict("It rained. ?", said)


def test_an_area_is_no_length_and_a_number_in_a_name_counts():
    found = verdict("It covers 38 square miles.", "It covers 38 square kilometres.")
    assert found.reason == "the number 38 square miles is not in the sentences"
    found = verdict("The disk on vault3 is full.", "The disk on vault2 is full.")
    assert found.reason == "vault3 is not in the sentences"


def test_no_sentence_supports_nothing():
    assert not verdict("It rained.").supported
    assert not verdict("It rained.", "  ").supported
    assert not verdict(" ", "It rained.").supported


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("twelve months", "one year"),
        ("1,200 people", "1.2 thousand people"),
        ("fifteen hundred", "1500"),
        ("$3bn", "3 billion dollars"),
        ("12 per cent", "12%"),
        ("two in five", "40 percent"),
        ("half an hour", "30 minutes"),
        ("25 basis points", "a quarter of a percentage point"),
        ("1.8 km", "1,800 m"),
        ("minus 135 °C", "-135 degrees"),
        ("within a decade", "in ten years"),
    ],
)
def test_one_number_in_two_forms(one: str, two: str) -> None:
    (first,), (second,) = read(one)[0], read(two)[0]
    assert first.kind == second.kind
    assert abs(first.value - second.value) < 1e-9 * abs(second.value)


@given(st.integers(0, 10**9))
def test_digits_with_and_without_commas(number: int) -> None:
    (plain,), (parted,) = read(f"{number} men")[0], read(f"{number:,} men")[0]
    assert plain.value == parted.value == number


@given(st.dates())
def test_a_date_in_three_forms(day: datetime.date) -> None:
    name, year = day.strftime("%B"), f"{day.year:04}"
    forms = [f"on {day.day} {name} {year}", f"on {name} {day.day}, {year}", f"on {day.isoformat()}"]
    found = [read(form)[1] for form in forms]
    assert [(d.year, d.month, d.day) for (d,) in found] == [(day.year, day.month, day.day)] * 3


@given(st.text())
def test_any_text_is_read_and_places_are_in_it(text: str) -> None:
    quantities, dates = read(text)
    spans = [(q.start, q.end) for q in quantities] + [(d.start, d.end) for d in dates]
    assert all(0 <= start < end <= len(text) for start, end in spans)
