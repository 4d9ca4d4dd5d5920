"""The figures against definitions written once more here, and against score.py where it is."""

import importlib.util
import itertools
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from askseeds.errors import ConfigError
from askseeds.evaluate.compare import mcnemar, permutation
from askseeds.evaluate.figures import FIGURES, differences, figures
from askseeds.evaluate.gate import Baseline, Threshold
from askseeds.evaluate.gold import Gold, Place, measures, overlap, rank, touches
from askseeds.types import Answer, Document, Hit, Models, Passage, Quote, Stage
from tests.conftest import ROOT

SCORE = ROOT.parent / "shared" / "bench" / "score.py"
NAMES = {
    "answered_of_answerable": "answered",
    "refused_of_unanswerable": "refused",
    "balanced_accuracy": "balanced_accuracy",
    "confidence_auroc": "auroc",
    "quoted_chars_mean": "quoted_chars",
    **{
        f"{theirs}_{name}": f"{ours}{name}"
        for theirs, ours in (("end_to_end", ""), ("selection", "selection_"))
        for name in ("hit_at_1", "hit_at_3", "char_recall", "char_precision", "char_iou", "char_f1")
    },
}
"""Names of score.py's figures, with ours."""

TEXT = "abcdefghij" * 20


def quote(start, end, source="a.txt", score=1.0):
    return Quote(source, start, end, TEXT[start:end], "A", None, None, score)


def answer(quotes=(), nearest=(), confidence=0.5, hits=()):
    status = "answered" if quotes else "not_found"
    models = Models("e", "r")
    return Answer(
        "q", "q", status, confidence, "", tuple(quotes), tuple(nearest), hits, (), {}, models
    )


def row(given, golds):
    found = {
        "weight": 1.0,
        "answerable": float(bool(golds)),
        "answered": float(given.status == "answered"),
        "confidence": given.confidence,
        "passed": 1.0,
        "seconds": 0.1,
    }
    return found | measures(given, golds) if golds else found


def random_task(seed):
    """Questions and answers in score.py's form, with the same as ours."""
    chance = random.Random(seed)

    def span():
        start = chance.randrange(150)
        return start, start + chance.randint(1, 40)

    questions, answers, rows = [], [], []
    for number in range(60):
        answerable = chance.random() < 0.7
        gold = []
        for _ in range(chance.randint(1, 3) if answerable else 0):
            start, end = span()
            copies = [span()[0] for _ in range(chance.randint(0, 2))]
            source = chance.choice(["a.txt", "b.txt"])
            gold.append({"source": source, "start": start, "end": end, "copies": copies})
        quotes = [quote(*span(), source=chance.choice(["a.txt", "b.txt"])) for _ in range(3)]
        quotes = quotes[: chance.randint(0, 3)]
        confidence = chance.choice([chance.random(), 0.5])
        given = answer(quotes, (), confidence)
        if chance.random() < 0.4:
            given = answer((), quotes, confidence)
        questions.append({"id": number, "answerable": answerable, "gold": gold})
        forms = {
            name: [{k: getattr(q, k) for k in ("source", "start", "end", "text")} for q in those]
            for name, those in (("quotes", given.quotes), ("nearest", given.nearest))
        }
        answers.append({"id": number, "status": given.status, "confidence": confidence, **forms})
        golds = [
            Gold(
                "",
                tuple(
                    Place(g["source"], s, s + g["end"] - g["start"])
                    for s in [g["start"], *g["copies"]]
                ),
            )
            for g in gold
        ]
        rows.append(row(given, golds))
    return questions, answers, rows


@pytest.mark.skipif(not SCORE.is_file(), reason="shared/bench/score.py is not there")
@pytest.mark.parametrize("seed", range(8))
def test_the_figures_are_those_of_score_py(tmp_path, seed):
    spec = importlib.util.spec_from_file_location("score", SCORE)
    score = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(score)
    (tmp_path / "corpus").mkdir()
    for name in ("a.txt", "b.txt"):
        (tmp_path / "corpus" / name).write_text(TEXT)
    questions, answers, rows = random_task(seed)
    theirs, ours = score.score(tmp_path, questions, answers), figures(rows)
    assert theirs["quotes_not_verbatim"] == 0
    for name, own in NAMES.items():
        assert ours[own].value == pytest.approx(theirs[name], abs=1e-12), name


# Written out by hand, so that the figures are checked where score.py is not.
def test_overlap_by_hand():
    golds = [
        Gold("", (Place("a.txt", 10, 20), Place("a.txt", 100, 110))),
        Gold("", (Place("a.txt", 30, 40),)),
    ]
    # 5 of the first fragment's other copy, all of the second, 15 besides.
    found = overlap([quote(105, 120), quote(25, 40)], golds)
    assert found.recall == 15 / 20
    assert found.precision == 15 / 30
    assert found.iou == 15 / (30 - 15 + 20)
    assert found.f1 == pytest.approx(2 * 0.75 * 0.5 / 1.25)
    assert overlap([], golds).f1 == 0.0


@pytest.mark.parametrize(
    ("start", "end", "hit"),
    [(10, 20, True), (10, 15, True), (5, 15, True), (5, 14, False), (0, 50, True), (20, 25, False)],
)
def test_half_of_the_shorter_is_a_hit(start, end, hit):
    gold = [Gold("", (Place("a.txt", 10, 20),))]
    assert touches(quote(start, end), gold) is hit
    assert not touches(quote(start, end, source="b.txt"), gold)


def test_ranks_before_and_after_reranking():
    document = Document("1", "a.txt", "A", TEXT)
    hits = tuple(
        Hit(
            Passage(n, "1", n * 20, n * 20 + 20, None, None, ((n * 20, n * 20 + 20),)),
            document,
            n + 1,
            1.0,
            {"fusion": Stage(5 - n, 1.0), "reranker": Stage(n + 1, 1.0)},
        )
        for n in range(5)
    )
    gold = [Gold("", (Place("a.txt", 25, 30),))]
    assert rank(hits, gold, "reranker") == 2
    assert rank(hits, gold, "fusion") == 4
    assert rank(hits, [Gold("", (Place("b.txt", 25, 30),))], "fusion") is None
    found = figures([row(answer([quote(25, 30)], hits=hits), gold)])
    assert (found["mrr_before"].value, found["mrr"].value) == (0.25, 0.5)
    assert (found["retrieved_at_1"].value, found["retrieved_at_5"].value) == (0.0, 1.0)


def rows_of(confidences, answerable, weights=None):
    weights = weights or [1.0] * len(confidences)
    return [
        {"confidence": c, "answerable": float(a), "weight": w, "answered": float(c >= 0.5)}
        for c, a, w in zip(confidences, answerable, weights, strict=True)
    ]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]), st.booleans()), max_size=12))
def test_auroc_is_the_share_of_pairs_in_order(items):
    yes = [c for c, a in items if a]
    no = [c for c, a in items if not a]
    wins = [1.0 if y > n else 0.5 if y == n else 0.0 for y, n in itertools.product(yes, no)]
    found = figures(rows_of([c for c, _ in items], [a for _, a in items]))["auroc"]
    if not wins:
        assert found.value is None
    else:
        assert found.value == pytest.approx(sum(wins) / len(wins))
        assert found.low - 1e-9 <= found.value <= found.high + 1e-9


def test_a_weight_counts_like_copies():
    once = rows_of([0.1, 0.4, 0.8, 0.95], [0, 1, 0, 1], [3.0, 1.0, 2.0, 1.0])
    copied = rows_of([0.1] * 3 + [0.4] + [0.8] * 2 + [0.95], [0] * 3 + [1] + [0] * 2 + [1])
    weighted, plain = figures(once), figures(copied)
    for name in ("auroc", "calibration_error", "brier", "answered", "refused"):
        assert weighted[name].value == pytest.approx(plain[name].value), name


def test_calibration_by_hand():
    found = figures(rows_of([0.1, 0.15, 0.9, 1.0], [0, 1, 1, 1]))
    # Bin 1: two pairs, mean 0.125, half answerable. Bin 9: two pairs, mean 0.95, all answerable.
    assert found["calibration_error"].value == pytest.approx(0.5 * 0.375 + 0.5 * 0.05)
    assert found["brier"].value == pytest.approx((0.01 + 0.85**2 + 0.01) / 4)


def test_intervals_are_the_same_again_and_cover_what_they_should():
    rows = rows_of(np.linspace(0, 1, 50).tolist(), [n % 3 > 0 for n in range(50)])
    assert figures(rows) == figures(rows)
    chance = np.random.default_rng(1)
    covered = 0
    for _ in range(60):
        shares = (chance.random(80) < 0.7).astype(float)
        found = figures([{"weight": 1.0, "passed": x, "answerable": 1.0} for x in shares])["passed"]
        covered += found.low <= 0.7 <= found.high
    assert 52 <= covered <= 60


def test_all_or_none_has_an_interval_all_the_same():
    found = figures([{"weight": 1.0, "passed": 1.0}] * 10)["passed"]
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.6915, abs=1e-4)  # Clopper and Pearson's tables
    none = figures([{"weight": 1.0, "passed": 0.0}] * 10)["passed"]
    assert (none.low, none.high) == (0.0, pytest.approx(0.3085, abs=1e-4))


def test_no_pairs_give_no_figures():
    assert all(figure.value is None for figure in figures([]).values())
    assert all(figure.value is None for figure in figures([{"weight": 1.0}]).values())


def test_time_quantiles():
    found = figures([{"weight": 1.0, "seconds": n / 100} for n in range(1, 101)])
    assert found["seconds_p50"].value == 0.5
    assert found["seconds_p95"].value == 0.95


def test_a_difference_of_equal_runs_is_nothing():
    rows = rows_of([0.1, 0.6, 0.9], [0, 1, 1])
    assert differences(rows, rows)["auroc"].value == 0.0
    worse = [r | {"answered": 0.0} for r in rows]
    change = differences(rows, worse)["answered"]
    assert (change.value, change.low, change.high) == (-1.0, -1.0, -1.0)


def test_mcnemar_by_the_binomial():
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(5, 0) == 2 / 32
    assert mcnemar(0, 5) == 2 / 32
    assert mcnemar(8, 2) == pytest.approx(0.109375)


def test_permutation_agrees_with_every_permutation():
    gained = [0.3, -0.1, 0.2, 0.4, 0.05, 0.0]
    every = [
        sum(s * g for s, g in zip(signs, gained, strict=True))
        for signs in itertools.product((-1, 1), repeat=len(gained))
    ]
    exact = sum(abs(e) >= abs(sum(gained)) - 1e-12 for e in every) / len(every)
    assert permutation(gained) == pytest.approx(exact, abs=0.02)
    assert permutation([0.0, 0.0]) == 1.0


def test_thresholds():
    found = figures([{"weight": 1.0, "passed": float(n < 9)} for n in range(10)])
    assert Threshold.parse("passed>=0.9").check(found).ok
    assert not Threshold.parse(" passed > 0.9 ").check(found).ok
    assert Threshold.parse("passed<=9e-1").check(found).ok
    empty = Threshold.parse("auroc>=0.1").check(found)
    assert not empty.ok
    assert "no pair counts" in empty.text
    for text, said in (
        ("hit_at_1", "write it like"),
        ("passed>=", "write it like"),
        ("passed>=nan", "write it like"),
        ("pased>=1", "did you mean passed?"),
    ):
        with pytest.raises(ConfigError) as caught:
            Threshold.parse(text)
        assert said in str(caught.value)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"pairs": [{"id": 1}]}', '{"pairs": [{"id": 1, "measures": {}}]}']
)
def test_a_baseline_of_another_form_is_named(tmp_path, content):
    file = tmp_path / "old.json"
    file.write_text(content)
    with pytest.raises(ConfigError, match=r"old\.json is not a report"):
        Baseline.read(file)
    with pytest.raises(ConfigError, match=r"none\.json cannot be read"):
        Baseline.read(Path(tmp_path / "none.json"))


def test_a_thousand_pairs_are_counted_in_no_time():
    import time

    rows = [
        row(answer([quote(5, 25)], confidence=n / 1000), [Gold("", (Place("a.txt", 0, 20),))])
        for n in range(1000)
    ]
    begin = time.process_time()
    figures(rows)
    assert time.process_time() - begin < 20  # seconds; 1,000 questions take minutes


def test_every_figure_is_documented():
    text = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    for name in FIGURES:
        assert f"`{name}`" in text, name
