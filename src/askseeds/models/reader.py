"""The reader: which sentences of a text answer a question, and whether any does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from askseeds.models.marked import Marked, encoded
from askseeds.models.runtime import Floats, in_parallel
from askseeds.models.tuned import Tuned

READER_WEIGHTS = "reader.onnx"
SCORE = "logits"
ATTENTION = "/bert/encoder/layer.8/attention/self/Softmax_output_0"  # see docs/quality.md
UNREAD = -8.0
"""The log-odds of a sentence that stands beyond what is read, or has nothing to read."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the reader makes of a question and a marked text.

    Attributes:
        whole: How much more likely than not the text answers: log-odds, higher is better.
        sentences: float32 [spans], the same of each.
    """

    whole: float
    sentences: Floats


@dataclass(frozen=True, slots=True)
class Reader:
    """The reranker trained further by `scripts/train_reader.py`, on questions written for that."""

    _model: Tuned

    @classmethod
    def load(cls) -> Self:
        """Opens the reranker's weights and lays the changes over them.

        Raises:
            ModelError: The reranker's weights or the changes are missing or spoilt.
        """
        return cls(Tuned.load(READER_WEIGHTS, heads=2))

    def read(self, question: str, texts: Sequence[Marked]) -> list[Judgement]:
        """Reads each text with the question, up to 512 tokens less those of the question."""
        return list(in_parallel(lambda text: self._judged(question, text), texts))

    def _judged(self, question: str, text: Marked) -> Judgement:
        pair = encoded(self._model.tokenizer, question, text)
        (of_text, of_sentence), each = self._model.run(pair)
        sentences = [
            of_sentence + each[part].mean() if part.start < part.stop else UNREAD
            for part in pair.parts
        ]
        return Judgement(float(of_text), np.array(sentences, np.float32))
