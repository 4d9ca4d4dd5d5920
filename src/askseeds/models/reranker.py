"""The reranker: a cross-encoder, which reads a question and a text together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from askseeds.models.marked import Marked, encoded
from askseeds.models.runtime import Floats, in_parallel
from askseeds.models.tuned import BASE_NAME, Tuned

RERANKER_NAME = f"{BASE_NAME}-tuned"
RERANKER_WEIGHTS = "reranker.onnx"
SCORE = "logits"
ATTENTION = "/bert/encoder/layer.8/attention/self/Softmax_output_0"
"""Values of the installed cross-encoder that are used as well: its score, and the attention of a
layer; see docs/quality.md."""

UNREAD = -8.0
"""The log-odds of a sentence that stands beyond what is read, or has nothing to read."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading a question and a marked text together.

    Attributes:
        score: How near the text is to the question, a raw logit; higher is better. It ranks texts.
        answers: How much more likely than not the text answers: log-odds, higher is better.
        sentences: float32 [spans], the same of each.
        attention: float32 [spans, 4, heads], 0 to 1: for every span, how much the whole pair
            looks at it in sum and at most, how much the question does, and how much the span looks
            back at the question.
    """

    score: float
    answers: float
    sentences: Floats
    attention: Floats


@dataclass(frozen=True)
class Reranker:
    """Reads a question and a text: how near they are, and which sentences of the text answer.

    The installed cross-encoder, trained further by `scripts/train_reranker.py` on questions written
    for that.
    """

    _model: Tuned

    @classmethod
    def load(cls) -> Self:
        """Opens the installed weights and lays the changes over them.

        Raises:
            ModelError: They are missing or spoilt.
        """
        return cls(Tuned.load(RERANKER_WEIGHTS, heads=2, more=(SCORE, ATTENTION)))

    @cached_property
    def vocabulary(self) -> Mapping[str, int]:
        """The words that it reads as a whole, lower-case, to their rank, the commonest first.

        Of the letters of all scripts, which come before them, none is one.
        """
        tokens = sorted(self._model.tokenizer.get_vocab().items(), key=lambda item: item[1])
        words = (token for token, _ in tokens if token.isalpha() and len(token) > 1)
        return {word: rank for rank, word in enumerate(words)}

    def read(self, question: str, texts: Sequence[Marked]) -> list[Reading]:
        """Reads each text with the question, up to 512 tokens less those of the question.

        Of the question 128 tokens are read.
        """
        return list(in_parallel(lambda text: self._read(question, text), texts))

    def _read(self, question: str, text: Marked) -> Reading:
        pair = encoded(self._model.tokenizer, question, text)
        (answers, of_sentence), each, (score, attention) = self._model.run(pair)
        sentences = [
            of_sentence + each[part].mean() if part.start < part.stop else UNREAD
            for part in pair.parts
        ]
        return Reading(
            score.item(),
            float(answers),
            np.array(sentences, np.float32),
            _looks(attention[0], pair.begin - 2, pair.parts),
        )


def _looks(attention: Floats, asked: int, parts: Sequence[slice]) -> Floats:
    """`Reading.attention` of [heads, tokens, tokens] whose tokens 1 to `asked` are the question."""
    found = np.zeros((len(parts), 4, attention.shape[0]), np.float32)
    whole = attention[:, 0]
    question = attention[:, 1 : asked + 1].mean(axis=1) if asked else np.zeros_like(whole)
    back = attention[:, :, 1 : asked + 1].sum(axis=2)
    for row, part in zip(found, parts, strict=True):
        if part.start < part.stop:  # else it stands beyond what was read
            row[0] = whole[:, part].sum(axis=1)
            row[1] = whole[:, part].max(axis=1)
            row[2] = question[:, part].sum(axis=1)
            row[3] = back[:, part].mean(axis=1)
    return found
