"""The entailment model: whether sentences say what a claim says, for `claims`."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from askseeds.models.marked import PAIR_TOKENS, Tokens
from askseeds.models.tuned import Tuned

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

ENTAILMENT_WEIGHTS = "entailment.onnx"


@dataclass(frozen=True, slots=True)
class Entailment:
    """The installed cross-encoder, trained further by `scripts/train_entailment.py`.

    It learned from claims that were written for that.
    """

    _model: Tuned

    @classmethod
    def load(cls) -> Self:
        """Opens the installed weights and lays the changes over them.

        Raises:
            ModelError: They are missing or spoilt.
        """
        return cls(Tuned.load(ENTAILMENT_WEIGHTS, heads=1))

    def score(self, claim: str, sentences: str, *, context: str = "") -> float:
        """How much more likely than not the sentences say the claim: log-odds, higher is better.

        What has more than 512 tokens would not be read to its end: minus infinity, as for a claim
        that has none.

        Args:
            claim: One statement.
            sentences: That it rests on, joined.
            context: Title and headings over them.
        """
        pair = encoded(self._model.tokenizer, claim, sentences, context)
        claimed = pair.sequence_ids.count(0)
        if not claimed or len(pair.ids) > PAIR_TOKENS:
            return -math.inf
        first, each, _ = self._model.run(Tokens(pair.ids, claimed + 2))
        return float(first[0] + each[1 : claimed + 1].mean())


def encoded(tokenizer: "Tokenizer", claim: str, sentences: str, context: str) -> "Encoding":
    """What the model reads of a claim, sequence 0, and its sentences, sequence 1."""
    said = f"{context}. {sentences}" if context else sentences
    # A lone surrogate, which a model's JSON may hold, is no text to a tokenizer.
    one, two = (text.encode("utf-8", "replace").decode() for text in (claim, said))
    return tokenizer.encode(one, two)
