#!/usr/bin/env python3
"""Fits the model of `askseeds.claims.support` and writes its weights.

    train_claims.py [--share 0.96]

It is fitted on the pairs of `tests/qa/claims.jsonl` that are not held out, and on those alone that
neither a rule nor the words alone decide. The pairs that the rules were written on weigh less, for
on them the rules look better than they are. The figures printed are those of ten folds, no text
being in two of them. The limit is set so that this share of the false claims of new texts would be
caught.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from askseeds.claims.extracts import is_extract
from askseeds.claims.support import CLIP, WEIGHTS
from askseeds.claims.verdict import gather
from askseeds.models import Matcher, Reranker

ROOT = Path(__file__).parents[1]
PAIRS = ROOT / "tests" / "qa" / "claims.jsonl"
MASS = {"rules": 0.3, "dev": 1.0}
"""Weight of a pair by its split: "rules" are those that the rules were written on."""

STRENGTH = 0.1
PROVENANCE = (
    "A logistic regression over standardised features, fitted by scripts/train_claims.py on the "
    "splits rules and dev of tests/qa/claims.jsonl, which were written for it by hand."
)


def main() -> None:
    """Gathers, fits, prints figures, writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--share", type=float, default=0.96, help="of the false claims to catch")
    share = parser.parse_args().share
    lines = PAIRS.read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["split"] in MASS]
    reranker, matcher = Reranker.load(), Matcher.load()
    evidence = [
        gather(
            row["claim"],
            row["sentences"],
            context=row.get("context", ""),
            question=row.get("question", ""),
            reranker=reranker,
            matcher=matcher,
        )
        for row in rows
    ]
    hard = np.array([bool(one.hard) for one in evidence])
    names = list(next(one.features for one in evidence if not one.hard))
    extract = np.array(
        [is_extract(row["claim"], row["sentences"], row.get("context", "")) for row in rows]
    )
    open_ = np.flatnonzero(~hard & ~extract)
    values = np.array([[evidence[at].features[name] for name in names] for at in open_])
    false = np.array([not row["supported"] for row in rows])
    mass = np.array([MASS[row["split"]] for row in rows])
    texts = np.unique([row.get("context", "") for row in rows], return_inverse=True)[1]

    doubt = np.where(hard & ~extract, 1.0, 0.0)
    for seed in range(5):
        folds = GroupKFold(10, shuffle=True, random_state=seed)
        for one, two in folds.split(values, groups=texts[open_]):
            fitted = _fitted(values[one], false[open_][one], mass[open_][one])
            doubt[open_[two]] += _doubts(values[two], *fitted) / 5
    new = np.array([row["split"] == "dev" for row in rows])
    for limit in (0.8, 0.85, 0.9, 0.95, 0.97):
        least = np.quantile(doubt[new & false], 1 - limit)
        print(f"{limit}: refused of the true in dev {(doubt[new & ~false] >= least).mean():.3f}")
    least = float(np.quantile(doubt[new & false], 1 - share))
    for split in MASS:
        chosen = np.array([row["split"] == split for row in rows])
        caught = (doubt[chosen & false] >= least).mean()
        refused = (doubt[chosen & ~false] >= least).mean()
        print(f"{split}: caught {caught:.3f}, refused {refused:.3f}")

    mean, spread, weight, start = _fitted(values, false[open_], mass[open_])
    terms = {
        name: [round(float(part), 4) for part in parts]
        for name, *parts in zip(names, mean, spread, weight, strict=True)
    }
    facts = {"provenance": PROVENANCE, "least": round(least, 4), "start": round(start, 4)}
    made = json.dumps(facts | {"terms": terms}, indent=1, ensure_ascii=False)
    (ROOT / "src" / "askseeds" / WEIGHTS).write_text(made + "\n", encoding="utf-8")


def _fitted(values, false, mass):  # noqa: ANN001, ANN202
    mean = np.average(values, axis=0, weights=mass)
    spread = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=mass))
    spread[spread == 0] = 1.0
    model = LogisticRegression(C=STRENGTH, max_iter=3000)
    model.fit(np.clip((values - mean) / spread, -CLIP, CLIP), false, sample_weight=mass)
    return mean, spread, model.coef_[0], float(model.intercept_[0])


def _doubts(values, mean, spread, weight, start):  # noqa: ANN001, ANN202
    scaled = np.clip((values - mean) / spread, -CLIP, CLIP)
    return 1 / (1 + np.exp(-(scaled @ weight + start)))


if __name__ == "__main__":
    main()
