#!/usr/bin/env python3
"""Trains `askseeds.models.Reranker` and writes its weights.

    train_reranker.py [--go-on] [--epochs 3] [--seed 0]

The cross-encoder stays as it is installed; low-rank changes and two heads are trained
(`lowrank.py`). One head tells whether a text answers a question, the other of each sentence whether
it is part of the answer: of the sum of what the first token and the mean of the sentence's tokens
give. It learns from `tests/qa/passages`, texts with questions written for that, half of which are
not answered by their text. Its own score shall stay what it was, for that ranks passages better
than anything that is learnt from so few: what the installed cross-encoder gives is learnt as well
(distillation, Hinton et al. 2015, arXiv:1503.02531). An epoch takes about an hour on two cores.
"""

import argparse
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from torch import Tensor
from torch.nn import functional

import lowrank
from askseeds.models.marked import Marked, Tokens, encoded
from askseeds.models.reranker import ATTENTION, RERANKER_WEIGHTS, SCORE
from askseeds.models.runtime import in_parallel, session_of
from askseeds.models.tuned import FIRST, TOKENS

ROOT = Path(__file__).parents[1]
TOKENIZER = lowrank.tokenizer()
PASSAGES = ROOT / "tests" / "qa" / "passages"
EPOCHS, RATE = 3, 5e-4
SENTENCES, WHOLE, KEPT = 4.0, 0.5, 0.3
"""What the losses of sentences, of whole texts and of the score weigh."""

NEAR, ELSEWHERE, CUT, PART = 0.1, 0.08, 0.2, 0.25
"""How many questions are asked of the text that shares most words with them, but their own, how
many of any other one, how many answered ones of their text without the answer, and how many of a
part of it: hits of every kind are read."""

BARE, UNNAMED = 0.15, 0.1
"""How many texts are read without their heading, and without their title."""

OUTPUTS = (FIRST, TOKENS, SCORE, ATTENTION)
PROVENANCE = (
    "Low-rank changes to ms-marco-MiniLM-L-12-v2 (Apache-2.0), trained by "
    "scripts/train_reranker.py on tests/qa/passages, which was written for it."
)


@dataclass(frozen=True)
class Pair:
    """A question with a text, as tokens, the sentences in it, and which of them answer."""

    ids: list[int]
    begin: int
    sentences: list[slice]
    answers: list[bool]


def rows() -> list[dict[str, Any]]:
    """The texts with their questions."""
    files = sorted(PASSAGES.glob("*.jsonl"))
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [json.loads(line) for line in lines]


def marked(title: str, heading: str, sentences: Sequence[str]) -> Marked:
    """A text nearly as the product reads it: title and heading over it, items and rows on lines.

    Rows stay as they are; the product reads those of a table with a head out as sentences.
    """
    over = dict.fromkeys(part for part in (title, *heading.split(" › ")) if part)
    text = " › ".join(over) + "\n" if over else ""
    spans = []
    for number, sentence in enumerate(sentences):
        if number:
            line = sentence.startswith("- ") or " | " in sentence or sentence[0].isdigit()
            text += "\n" if line else " "
        spans.append((len(text), len(text) + len(sentence)))
        text += sentence
    return Marked(text, tuple(spans))


def pair(row: dict[str, Any], asked: dict[str, Any], chance: random.Random) -> Pair:
    """A question and its text, changed at random now and then."""
    gold = set(asked["gold"])
    kept = list(range(len(row["sentences"])))
    way = chance.random()
    if gold and len(gold) < len(kept) and way < CUT:
        kept = [number for number in kept if number not in gold]
    elif gold and way < CUT + PART:
        kept = kept[chance.randint(0, min(gold)) : chance.randint(max(gold) + 1, len(kept))]
    heading = "" if chance.random() < BARE else row["heading"]
    title = "" if chance.random() < UNNAMED else row["title"]
    text = marked(title, heading, [row["sentences"][number] for number in kept])
    read = encoded(TOKENIZER, asked["question"].rstrip("?？ "), text)
    answers = [number in gold for number in kept]
    assert all(part.start < part.stop for part in read.parts), row
    return Pair(read.ids, read.begin, list(read.parts), answers)


def nearest(texts: Sequence[dict[str, Any]]) -> list[list[int]]:
    """Which other text shares most words with each question: by text and question.

    The one before it where none shares any.
    """
    said = [" ".join([row["title"], row["heading"], *row["sentences"]]) for row in texts]
    words = TfidfVectorizer(sublinear_tf=True, stop_words="english")
    matrix = words.fit_transform(said)
    found = []
    for number, row in enumerate(texts):
        shared = words.transform([asked["question"] for asked in row["questions"]]) @ matrix.T
        shared = shared.toarray()
        shared[:, number - 1] += 1e-9
        shared[:, number] = -1
        found.append(shared.argmax(axis=1).tolist())
    return found


def pairs(
    texts: Sequence[dict[str, Any]], near: Sequence[Sequence[int]], chance: random.Random
) -> list[Pair]:
    """Every question once."""
    found = []
    for row, others in zip(texts, near, strict=True):
        for asked, other in zip(row["questions"], others, strict=True):
            way, read = chance.random(), row
            if way < NEAR:
                read = texts[other]
            elif way < NEAR + ELSEWHERE:
                read = chance.choice(texts)
            gold = asked["gold"] if read is row else []
            found.append(pair(read, asked | {"gold": gold}, chance))
    return found


def loss(
    net: lowrank.Net, installed_score: Callable[[Pair], float], batch: Sequence[Pair]
) -> Tensor:
    """Of the sentences, each text weighing the same, of the texts, and of the score.

    Args:
        net: What is trained.
        installed_score: That of the installed cross-encoder.
        batch: Examples.
    """
    first, each, score = net([pair.ids for pair in batch], [pair.begin for pair in batch])
    sentences = [
        functional.binary_cross_entropy_with_logits(
            row[1] + torch.stack([tokens[place].mean() for place in pair.sentences]),
            torch.tensor(pair.answers, dtype=torch.float32),
        )
        for pair, row, tokens in zip(batch, first, each, strict=True)
    ]
    answered = torch.tensor([float(any(pair.answers)) for pair in batch])
    whole = functional.binary_cross_entropy_with_logits(first[:, 0], answered)
    right = torch.tensor(list(in_parallel(installed_score, batch)))
    changed = functional.smooth_l1_loss(score, right)
    return SENTENCES * torch.stack(sentences).mean() + WHOLE * whole + KEPT * changed


def main() -> None:
    """Trains and writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--go-on",
        action="store_true",
        help="from the weights that are written; then with another --seed",
    )
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)  # of the first weights
    net = lowrank.Net(heads=2)
    path = ROOT / "src" / "askseeds" / RERANKER_WEIGHTS
    if options.go_on:
        lowrank.restore(net, path)
    texts = rows()
    near = nearest(texts)
    installed = session_of(str(lowrank.FOLDER / "model.onnx"))

    def installed_score(pair: Pair) -> float:
        inputs = Tokens(pair.ids, pair.begin).inputs()
        return float(installed.run([SCORE], inputs)[0].item())

    lowrank.train(
        net,
        lambda chance: pairs(texts, near, chance),
        lambda batch: loss(net, installed_score, batch),
        epochs=options.epochs,
        rate=RATE,
        seed=options.seed,
        after=lambda: lowrank.export(lowrank.changes(net), path, PROVENANCE, OUTPUTS),
    )


if __name__ == "__main__":
    main()
