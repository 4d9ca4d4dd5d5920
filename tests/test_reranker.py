"""The reranker: which sentences answer, which texts do, and what it learned from."""

import json

import numpy as np
import onnx
import pytest

from askseeds.models import Marked, Reranker
from askseeds.models.marked import encoded
from askseeds.models.reranker import RERANKER_WEIGHTS, SCORE, UNREAD
from askseeds.models.runtime import session_of
from askseeds.models.tuned import base_folder
from tests.conftest import ROOT

PASSAGES = ROOT / "tests" / "qa" / "passages"
POOL = (
    "The outdoor pool at Lindow was dug in 1934 by the men of the quarry.",
    "It is filled from the brook and never heated.",
    "Swimmers under twelve must have a grown-up with them.",
    "In August it stays open until the light goes.",
    "Dogs are let in on the last Sunday of the season.",
    "The café has closed for good.",
)
ANSWERED = [
    ("Will the water be warm?", 1),
    ("may my ten-year-old go there alone", 2),
    ("Who made the pool?", 0),
    ("How late can we swim in summer?", 3),
    ("Can I bring my labrador?", 4),
    ("Can we have lunch there?", 5),
]
NOT = [
    "What does a ticket cost?",
    "How deep is the pool?",
    "Who runs the café now?",
    "Which quarry did the men work in?",
    "Why is the water never heated?",
    "When does it open in the morning?",
]


@pytest.fixture(scope="module")
def reranker():
    return Reranker.load()


def marked(title, sentences):
    text, spans = f"{title}\n", []
    for sentence in sentences:
        spans.append((len(text), len(text) + len(sentence)))
        text += sentence + " "
    return Marked(text, tuple(spans))


@pytest.mark.parametrize(("question", "answer"), ANSWERED)
def test_the_sentence_that_answers_is_found_in_other_words(reranker, question, answer):
    [found] = reranker.read(question, [marked("Swimming in Lindow", POOL)])
    assert int(np.argmax(found.sentences)) == answer


def test_what_is_not_told_is_told_from_what_is(reranker):
    text = marked("Swimming in Lindow", POOL)
    answered = [reranker.read(question, [text])[0].answers for question, _ in ANSWERED]
    unanswered = [reranker.read(question, [text])[0].answers for question in NOT]
    right = [one > other for one in answered for other in unanswered]
    assert np.mean(right) > 0.85


def test_a_text_is_judged_alone(reranker):
    texts = [marked("Lindow", POOL), marked("", POOL[:2]), marked("Lindow", POOL * 3)]
    together = reranker.read("Who made the pool?", texts)
    for text, found in zip(texts, together, strict=True):
        [alone] = reranker.read("Who made the pool?", [text])
        assert (alone.score, alone.answers) == (found.score, found.answers)
        assert alone.sentences.dtype == alone.attention.dtype == np.float32
        assert (alone.sentences == found.sentences).all()
        assert alone.sentences.shape == (len(text.spans),)


def test_what_is_not_read_is_unlikely(reranker):
    [found] = reranker.read("Who made the pool?", [marked("Lindow", POOL * 9)])
    assert found.sentences[0] > UNREAD
    assert found.sentences[-1] == UNREAD
    assert reranker.read("Who made the pool?", []) == []
    [empty] = reranker.read("", [Marked("", ())])
    assert empty.sentences.shape == (0,)


@pytest.mark.parametrize("file", sorted(path.name for path in PASSAGES.glob("*.jsonl")))
def test_what_it_learned_from_is_whole(file):
    lines = (PASSAGES / file).read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert len({row["text"] for row in rows}) == len(rows) == 40
    for row in rows:
        assert set(row) == {"text", "title", "heading", "sentences", "questions"}
        assert all(one and one == one.strip() and "\n" not in one for one in row["sentences"])
        assert len(row["questions"]) == 12
        assert sum(bool(asked["gold"]) for asked in row["questions"]) == 6, row["text"]
        for asked in row["questions"]:
            assert set(asked) == {"question", "kind", "gold"}
            assert set(asked["gold"]) <= set(range(len(row["sentences"]))), row["text"]


def test_what_is_trained_is_what_is_shipped(reranker, monkeypatch, tmp_path):
    # The net of the script and the written graph: the same up to what int8 rounds.
    monkeypatch.syspath_prepend(ROOT / "scripts")
    import torch

    import lowrank
    from train_reranker import OUTPUTS, PROVENANCE

    net = lowrank.Net(heads=2).eval()
    path = ROOT / "src" / "askseeds" / RERANKER_WEIGHTS
    lowrank.restore(net, path)
    pair = encoded(lowrank.tokenizer(), "Who made the pool?", marked("Lindow", POOL))
    with torch.no_grad():
        first, each, score = net([pair.ids], [pair.begin])
    shipped_first, shipped_each, (shipped_score, _) = reranker._model.run(pair)
    assert shipped_first == pytest.approx(first[0].numpy(), abs=0.5)
    assert np.corrcoef(shipped_each, each[0].numpy())[0, 1] > 0.98
    assert shipped_score.item() == pytest.approx(score.item(), abs=0.5)
    again_path = tmp_path / RERANKER_WEIGHTS
    lowrank.export(lowrank.changes(net), again_path, PROVENANCE, OUTPUTS)
    assert onnx.load(again_path) == onnx.load(path)


def test_its_score_is_nearly_the_installed_cross_encoder_s(reranker):
    installed = session_of(str(base_folder() / "model.onnx"))
    questions = [question for question, _ in ANSWERED] + NOT
    texts = [marked("Swimming in Lindow", POOL), marked("", POOL[:2]), Marked("Bees sleep.", ())]
    ours, theirs = [], []
    for question in questions:
        ours += [reading.score for reading in reranker.read(question, texts)]
        for text in texts:
            pair = encoded(reranker._model.tokenizer, question, text)
            theirs.append(installed.run([SCORE], pair.inputs())[0].item())
    assert np.corrcoef(ours, theirs)[0, 1] > 0.97
    assert np.abs(np.subtract(ours, theirs)).mean() < 1.0
