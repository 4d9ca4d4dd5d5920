#!/usr/bin/env python3
"""Trains `askseeds.models.Entailment` and writes its weights.

    train_entailment.py [--go-on] [--seed 0]

The cross-encoder stays as it is installed. To each of its linear maps a change of low rank is added
(LoRA, Hu et al. 2021, arXiv:2106.09685), its layer norms are trained on, and a head tells from its
last states whether sentences say a claim. It is trained on the splits of `tests/qa/claims` that
TRAINED_ON names, and tried on those of TRIED_ON: the least log-odds that catch 96 % of their false
claims are `claims.LEAST`. About an hour on two cores.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

import lowrank
from askseeds.claims.verdict import mismatch
from askseeds.models import entailment

ROOT = Path(__file__).parents[1]
CLAIMS = ROOT / "tests" / "qa" / "claims"
APART = {"rules": 0.5, "dev": 1.0} | dict.fromkeys("bcdehjkl", 1.0)
TRAINED_ON = APART | dict.fromkeys("mnopqr", 1.0)
"""What a pair of each split weighs. The claims of `m` to `r` come in pairs of one form and are too
hard to begin with: with them from the start nothing was learned in two epochs."""

TRIED_ON = "afi"
SHARE = 0.96
"""Of their false claims lies below `claims.LEAST`: a little more than the goal, for other texts."""

EPOCHS, RATE = 4, 5e-4
MORE_EPOCHS, LOWER_RATE = 2, 3e-4
"""On APART, then on all of TRAINED_ON."""
PROVENANCE = (
    "Low-rank changes to ms-marco-MiniLM-L-12-v2 (Apache-2.0), trained by "
    "scripts/train_entailment.py on tests/qa/claims, which was written for it."
)


@dataclass(frozen=True)
class Pair:
    """A claim with its sentences, as tokens."""

    ids: list[int]
    claim_tokens: int
    supported: bool
    mass: float


def odds(net: lowrank.Net, pairs: Sequence[Pair]) -> Tensor:
    """Log-odds that the sentences say the claim: [pairs]."""
    claimed = [pair.claim_tokens for pair in pairs]
    first, each, _ = net([pair.ids for pair in pairs], [count + 2 for count in claimed])
    means = [row[1 : count + 1].mean() for row, count in zip(each, claimed, strict=True)]
    return first[:, 0] + torch.stack(means)


def rows(split: str) -> list[dict[str, Any]]:
    """The lines of a split."""
    lines = (CLAIMS / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def read(tokenizer: Tokenizer, split: str, mass: float) -> list[Pair]:
    """The pairs of a split."""
    pairs = []
    for row in rows(split):
        said = " ".join(row["sentences"])
        pair = entailment.encoded(tokenizer, row["claim"], said, row.get("context", ""))
        count = pair.sequence_ids.count(0)
        assert count, row
        pairs.append(Pair(pair.ids, count, row["supported"], mass))
    return pairs


def train(net: lowrank.Net, pairs: list[Pair], *, epochs: int, rate: float, seed: int) -> None:
    """Trains in place."""

    def loss(batch: Sequence[Pair]) -> Tensor:
        right = torch.tensor([float(pair.supported) for pair in batch])
        mass = torch.tensor([pair.mass for pair in batch])
        return functional.binary_cross_entropy_with_logits(odds(net, batch), right, weight=mass)

    lowrank.train(net, lambda _: pairs, loss, epochs=epochs, rate=rate, seed=seed)


def main() -> None:
    """Trains and writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--go-on",
        action="store_true",
        help="with the second part, from what the first alone has written",
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)  # of the first weights
    tokenizer = lowrank.tokenizer()
    net = lowrank.Net(heads=1)
    path = ROOT / "src" / "askseeds" / entailment.ENTAILMENT_WEIGHTS

    def pairs(splits: dict[str, float]) -> list[Pair]:
        return [pair for split, mass in splits.items() for pair in read(tokenizer, split, mass)]

    if options.go_on:
        lowrank.restore(net, path)
    else:
        train(net, pairs(APART), epochs=EPOCHS, rate=RATE, seed=options.seed)
        lowrank.export(lowrank.changes(net), path, PROVENANCE)
    before = lowrank.changes(net)
    train(net, pairs(TRAINED_ON), epochs=MORE_EPOCHS, rate=LOWER_RATE, seed=options.seed)
    after = lowrank.changes(net)
    # The mean of both: the second part alone is as good on the splits, but refuses what is cut out
    # of a sentence rightly as well (Wortsman et al. 2022, arXiv:2203.05482).
    mean = {name: (before[name] + after[name]) / 2 for name in after}
    lowrank.export(mean, path, PROVENANCE)
    print(f"{SHARE:.0%} of the false claims caught from {least():.2f} on")


def least() -> float:
    """The log-odds below which SHARE of the false claims of TRIED_ON lie, as installed."""
    model = entailment.Entailment.load()
    scores = []
    for split in TRIED_ON:
        for row in rows(split):
            if not row["supported"]:
                said, context = " ".join(row["sentences"]), row["context"]
                known = f"{context} {row['question']}"
                score = model.score(row["claim"], said, context=context)
                scores.append(-np.inf if mismatch(row["claim"], said, known) else score)
    return float(np.quantile(scores, SHARE, method="higher"))


if __name__ == "__main__":
    main()
