"""Whether a claim is told from what its sentences do not say: the figures, and one case a rule."""

import datetime
import json
from collections import Counter
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from askseeds.claims import Verdict, check
from askseeds.claims.extracts import is_extract
from askseeds.models import Reranker
from askseeds.quantities import read
from tests.conftest import ROOT

LEAD = "🇺🇸 🥇 The US keeps its 12- to 24-month lead on Chinese AI"
WILK = "It was saved by Tomasz Wilk, a Polish engineer who had joined as a draughtsman."


@cache
def reranker() -> Reranker:
    return Reranker.load()


def verdict(claim: str, *sentences: str, context: str = "", question: str = "") -> Verdict:
    return check(claim, sentences, context=context, question=question, reranker=reranker())


# Slightly under what is reached, see docs/prose.md: caught of the false, refused of the true.
@pytest.mark.parametrize(
    ("split", "caught", "refused"),
    [("heldout", 0.82, 0.39), ("dev", 0.86, 0.36), ("rules", 0.92, 0.21)],
)
def test_figures(split: str, caught: float, refused: float) -> None:
    lines = (ROOT / "tests" / "qa" / "claims.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["split"] == split]
    counts: Counter[tuple[bool, bool]] = Counter()
    for row in rows:
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
    assert verdict(
        "The US is 12 to 24 months ahead of China in AI.", LEAD, question=asked
    ).supported
    assert verdict("The US has a lead of one to two years on Chinese AI.", LEAD).supported


def test_a_question_gives_no_facts():
    cell = "The cell kept 92 percent of its capacity after 1,500 charging cycles."
    asked = "Does it keep 95 percent after 2,000 cycles?"
    found = verdict("The cell kept 95 percent of its capacity.", cell, question=asked)
    assert found.reason == "the number 95 percent is not in the sentences"


@pytest.mark.parametrize(
    ("claim", "sentence", "reason"),
    [
        ("It is three kilometres long.", "It is three metres long.", "kilometres"),
        ("It opened on 3 May 2021.", "It opened on 3 March 2021.", "3 May 2021"),
        ("It was saved by Anna Wilk.", WILK, "Anna"),
        ("The firm saved Tomasz Wilk.", "The firm was in need. " + WILK, "tomasz"),
        ("Kaltec sued Orbis Labs.", "Orbis Labs sued Kaltec in 2019.", "changed places"),
        ("All farmers stopped.", "Some farmers stopped.", "all"),
        ("The light turns green.", "The light turns blue.", "blue"),
        ("Profit rose to 3 million dollars.", "Profit fell to 3 million dollars.", "fell"),
        ("The bell rang before the gate was shut.", "The bell rang after the gate was shut.",
         "order"),
        ("The museum reopened in spring.", "The museum will reopen in spring.", "to come"),
        ("The drug lowers blood pressure.", "The drug may lower blood pressure.", "may"),
        ("Frozen plums must thaw before baking.", "Frozen plums must not thaw before baking.",
         "opposite"),
        ("It closed because of the fire.", "It closed in May. There was a fire.", "cause"),
        ("Bread contains gluten.", "The river is long and cold in winter.", "do not say"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(claim: str, sentence: str, reason: str) -> None:
    assert reason in verdict(claim, sentence).reason


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ("The hall was built in 1871.", "The hall, which burned twice, was built in 1871."),
        ("The match is cancelled if it rains.", "If it rains, the match is cancelled."),
        ("Members may enter.", "Members may enter; guests may not."),
        ("The hall opened in May.", "The mill closed in March; the hall opened in May."),
        ("The board shall meet monthly.", "The board must meet monthly, in the town hall."),
        ("Ann painted the door.", "The door was painted by Ann, and the wall by Bob."),
        ("Ann Lund met Bob.", "Ann Lund, who met Bob, left early."),
    ],
)
def test_a_part_of_a_sentence_that_stands_by_itself_holds(claim: str, sentence: str) -> None:
    assert is_extract(claim, [sentence], "")
    assert verdict(claim, sentence).supported


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ("The drug cured patients.", "The drug cured patients, the company claims."),
        ("The drug cured patients.", "The drug cured patients, according to the company."),
        ("The match is cancelled.", "If it rains, the match is cancelled."),
        ("Members may enter.", "Members may enter, unless the hall is full."),
        ("The hall was built in 1871.", "The hall, it is said, was built in 1871."),
        ("The firm was sold.", "The firm was sold?"),
        ("The board approved it.", "The board approved it, but withdrew it in May."),
        ("The board approved it.", "The board approved it, subject to funding."),
        ("All farmers stopped.", "Not all farmers stopped."),
        ("The door painted Ann.", "The door was painted by Ann in May."),
    ],
)
def test_a_part_that_the_rest_takes_back_is_no_extract(claim: str, sentence: str) -> None:
    assert not is_extract(claim, [sentence], "")


def test_a_pronoun_may_stand_for_a_name_of_the_headings():
    assert is_extract("Anna Wilk founded the firm.", ["She founded the firm."], "Anna Wilk › Life")
    assert not is_extract("Tom Wilk founded the firm.", ["She founded the firm."], "Anna Wilk")


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
