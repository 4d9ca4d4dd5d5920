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
    [("rules", 0.96, 0.46), ("dev", 0.96, 0.63), ("heldout", 0.95, 0.61)],
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


ORVANE = "Lake Orvane › Geography"


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ("Nest density was highest on bare peat.",
         "Nest density was highest on bare peat and fell sharply elsewhere."),
        ("The pike was declared eradicated.",
         "In 2004 the pike, which had been introduced by anglers, was declared eradicated."),
        ("Lake Orvane is fed by the Tessin.",
         "It is fed by the Tessin, and drained by the Garrow."),
        ("It lies high and covers 38 hectares.",
         "It lies high and covers 38 hectares; it is deep."),
        ("The lake covers 38 hectares.", "The lake lies high and covers 38 hectares."),
        ("The door was forced because the key was lost.",
         "Because the key was lost, the door was forced."),
        ("Cattle destroyed the traps.", "The traps were destroyed by cattle."),
        ("The Inspectorate had no part in it.",
         "The study was funded by the Inspectorate, which had no part in it."),
        ("It is a technology mastered by one company: ASML.",
         "It employs EUV, a technology mastered by one company: ASML."),
        ("The canal was opened in 1804.", "The canal was opened in 1804, though it was dry."),
        ("It has 10 offices.", "It has 10 offices and two factories."),
        ("The server is 10.0.0.1", "The server is 10.0.0.1; the port is open."),
    ],
)  # fmt: skip
def test_a_part_that_stands_by_itself_is_an_extract(claim: str, sentence: str) -> None:
    assert is_extract(claim, [sentence], ORVANE)
    assert verdict(claim, sentence, context=ORVANE).supported


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ("The benefit lasts.", "Longer studies must show whether the benefit lasts."),
        ("Accounts may be deleted.", "Accounts may be deleted, except paid ones."),
        ("The fee is returned.", "The fee is returned unless you cancel."),
        ("Buses leave every hour.", "Buses leave every hour in summer."),
        ("The council resigned.", "The chair of the council, who resigned, was tired."),
        ("The drug cools.", "The drug is not heated and cools."),
        ("The plan holds.", "The plan holds, critics deny."),
        ("He served 10 years.", "He served 10 years and six months."),
        ("The plank is two feet", "The plank is two feet and a half long."),
        ("The plan failed.", "The plan, rather than the team, failed."),
        ("The firm was fined.", "The firm was fined, a court later overturned that."),
        ("The drug cures.", "The drug cures, according to its maker."),
        ("The drug cures.", "The drug cures, in theory."),
        ("The mayor resigned.", "The mayor, it emerged, resigned."),
        ("Sales rose.", "Sales rose, excluding Germany."),
        ("The fee is waived.", "The fee is waived; this applies to members only."),
        ("The firm was sold.", "The firm was sold?"),
        ("The king died", "On 3 May 1900 papers wrote that the king died."),
        ("The drug is safe", "The drug is safe: a claim that trials refuted."),
        ("The ban is in force", "The ban is in force, although it no longer applies."),
        ("Patients must take it", "Patients shall take it, where prescribed."),
        ("The traps destroyed cattle.", "The traps were destroyed by cattle."),
        ("Garrow is fed by the Tessin.", "It is fed by the Tessin."),
        ("Is it true", "It is true."),
    ],
)  # fmt: skip
def test_what_is_cut_out_of_its_conditions_is_none(claim: str, sentence: str) -> None:
    assert not is_extract(claim, [sentence], ORVANE)


@given(st.text(), st.text())
def test_any_claim_may_be_compared(claim: str, sentence: str) -> None:
    is_extract(claim, [sentence], "")


def test_many_ways_to_read_a_sentence_take_no_time():
    assert not is_extract("please " * 140 + "go", ["please " * 150 + "stop, " * 150], "")
    assert not is_extract("word " * 5_000, ["word " * 6_000], "")


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
