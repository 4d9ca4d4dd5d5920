#!/usr/bin/env python3
"""Counts how many false claims are caught and true ones refused: the tables of docs/prose.md.

    bench_claims.py

The claims are those of `tests/qa/claims`, whose README says which were trained on, which set the
limit, and which are held out. About a minute.
"""

import json
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from askseeds.claims import check
from askseeds.claims.verdict import mismatch
from askseeds.models import Entailment
from bench_tables import ROOT, markdown

CLAIMS = ROOT / "tests" / "qa" / "claims"
SPLITS = {"set the limit": ("a", "f", "i"), "held out": ("g",), "held out, older": ("heldout",)}
SHARES = (0.97, 0.95, 0.9, 0.85, 0.8)


@dataclass(frozen=True, slots=True)
class Judged:
    """A claim with what came of the check."""

    supported: bool
    kind: str
    passed: bool
    score: float  # minus infinity where a number or a name is wrong


def judged(entailment: Entailment, row: dict[str, Any]) -> Judged:
    """The check of one line, and the score that a limit is set on."""
    sentences, context = row["sentences"], row.get("context", "")
    question = row.get("question", "")
    verdict = check(
        row["claim"], sentences, context=context, question=question, entailment=entailment
    )
    said = " ".join(sentences)
    wrong = mismatch(row["claim"], said, f"{context} {question}")
    score = -np.inf if wrong else entailment.score(row["claim"], said, context=context)
    return Judged(row["supported"], row["kind"], verdict.supported, score)


def main() -> None:
    """Prints the tables."""
    entailment = Entailment.load()
    found: dict[str, list[Judged]] = {}
    start = time.perf_counter()
    for name, splits in SPLITS.items():
        lines = [line for split in splits for line in (CLAIMS / f"{split}.jsonl").open("rb")]
        found[name] = [judged(entailment, json.loads(line)) for line in lines]
    count = sum(map(len, found.values()))
    took = (time.perf_counter() - start) / count / 2  # each is read twice here

    rows = []
    for name, claims in found.items():
        false, true = ([one for one in claims if one.supported == said] for said in (False, True))
        caught, refused = (np.mean([not one.passed for one in some]) for some in (false, true))
        rows.append([name, str(len(false)), f"{caught:.1%}", str(len(true)), f"{refused:.1%}"])
    print(markdown(["claims", "false", "caught", "true", "refused"], rows))

    rows = []
    for name, claims in found.items():
        scores = [(one.score, one.supported) for one in claims]
        false, true = ([s for s, said in scores if said == kind] for kind in (False, True))
        refused_at = (
            np.mean(np.array(true) <= np.quantile(false, share, method="higher"))
            for share in SHARES
        )
        rows.append([name, *(f"{share:.0%}" for share in refused_at)])
    head = [f"refused where {share:.0%} are caught" for share in SHARES]
    print("\n" + markdown(["claims", *head], rows))

    for said, word in ((True, "refused"), (False, "caught")):
        kinds: dict[str, list[bool]] = defaultdict(list)
        for name in ("set the limit", "held out"):
            for one in found[name]:
                if one.supported == said:
                    kinds[one.kind].append(not one.passed)
        most = sorted(kinds.items(), key=lambda item: -len(item[1]))
        table = [[kind, f"{sum(some)} of {len(some)}"] for kind, some in most]
        print("\n" + markdown([f"{'true' if said else 'false'} claims", word], table))
    print(f"\nA check takes {took * 1000:.0f} ms.")


if __name__ == "__main__":
    main()
