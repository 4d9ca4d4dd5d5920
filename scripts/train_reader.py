#!/usr/bin/env python3
"""Trains `askseeds.models.Reader` and writes its weights.

    train_reader.py [--seed 0]

The reranker stays as it is installed; low-rank changes and two heads are trained (`lowrank.py`).
One head tells whether a text answers a question, the other of each sentence whether it is part of
the answer: of the sum of what the first token and the mean of the sentence's tokens give. It learns
from `tests/qa/passages`, texts with questions written for that, half of which are not answered by
their text. About an hour on two cores.
"""

import argparse
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

import lowrank
from askseeds.models import Marked
from askseeds.models.marked import encoded
from askseeds.models.reader import READER_WEIGHTS

ROOT = Path(__file__).parents[1]
TOKENIZER = lowrank.tokenizer()
PASSAGES = ROOT / "tests" / "qa" / "passages"
EPOCHS, RATE = 3, 5e-4
SENTENCES, WHOLE = 4.0, 0.5
"""What the losses of sentences and of whole texts weigh."""

ELSEWHERE, CUT, PART = 0.06, 0.2, 0.25
"""How many questions are asked of another text, how many answered ones of their text without the
answer, and how many of a part of it: hits of every kind are read."""

BARE, UNNAMED = 0.15, 0.1
"""How many texts are read without their heading, and without their title."""

PROVENANCE = (
    "Low-rank changes to ms-marco-MiniLM-L-12-v2 (Apache-2.0), trained by "
    "scripts/train_reader.py on tests/qa/passages, which was written for it."
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


def pairs(texts: Sequence[dict[str, Any]], chance: random.Random) -> list[Pair]:
    """Every question once."""
    found = []
    for row in texts:
        for asked in row["questions"]:
            other = chance.choice(texts) if chance.random() < ELSEWHERE else row
            gold = asked["gold"] if other is row else []
            found.append(pair(other, asked | {"gold": gold}, chance))
    return found


def loss(net: lowrank.Net, batch: Sequence[Pair]) -> Tensor:
    """Of the sentences, each text weighing the same, and of the texts."""
    first, each = net([pair.ids for pair in batch], [pair.begin for pair in batch])
    sentences = [
        functional.binary_cross_entropy_with_logits(
            row[1] + torch.stack([tokens[place].mean() for place in pair.sentences]),
            torch.tensor(pair.answers, dtype=torch.float32),
        )
        for pair, row, tokens in zip(batch, first, each, strict=True)
    ]
    answered = torch.tensor([float(any(pair.answers)) for pair in batch])
    whole = functional.binary_cross_entropy_with_logits(first[:, 0], answered)
    return SENTENCES * torch.stack(sentences).mean() + WHOLE * whole


def main() -> None:
    """Trains and writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)  # of the first weights
    net = lowrank.Net(heads=2)
    texts = rows()
    lowrank.train(
        net,
        lambda chance: pairs(texts, chance),
        lambda batch: loss(net, batch),
        epochs=EPOCHS,
        rate=RATE,
        seed=options.seed,
    )
    path = ROOT / "src" / "askseeds" / READER_WEIGHTS
    lowrank.export(lowrank.changes(net), path, PROVENANCE)


if __name__ == "__main__":
    main()
