"""The matcher: how near words of two texts are in meaning, for `claims`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from askseeds.models.reranker import RERANKER_PACKAGE, RERANKER_TOKENS
from askseeds.models.runtime import Floats, opened
from askseeds.models.weights import check_sha256, package_folder, reinstall
from askseeds.types import Span

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

MATCHER_SHA256 = {
    "model.onnx": "4980983628c18e4f0a4c756114abd2d7c097c6ccad9cffc70e77302d21e05df0",
    "tokenizer.json": "cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448",
}


@dataclass(frozen=True, slots=True)
class Matcher:
    """Tells how near words of two texts are in meaning, each as it is meant in its text."""

    _session: "InferenceSession"
    _tokenizer: "Tokenizer"

    @classmethod
    def load(cls) -> Self:
        """Opens answerai-colbert-small-v1, which lies beside the reranker.

        Raises:
            ModelError: The weights are missing or changed.
        """
        folder = package_folder(RERANKER_PACKAGE) / "models" / "data" / "colbert"
        check_sha256(folder, MATCHER_SHA256, remedy=reinstall(RERANKER_PACKAGE))
        session, tokenizer = opened(folder)
        tokenizer.enable_truncation(RERANKER_TOKENS)
        return cls(session, tokenizer)

    def similarities(
        self, text: str, spans: Sequence[Span], other: str, other_spans: Sequence[Span]
    ) -> Floats:
        """Cosines of the words at `spans` of a text to those of another: float32 [n, m].

        A word beyond the first 512 tokens is like no other.
        """
        (one, two) = (self._words(*pair) for pair in ((text, spans), (other, other_spans)))
        return np.asarray(one @ two.T, np.float32)

    def _words(self, text: str, spans: Sequence[Span]) -> Floats:
        """float32 [n, dim], unit length or, for words that were not read, zero."""
        encoded = self._tokenizer.encode(text)
        ids = np.array([encoded.ids], np.int64)
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        tokens = self._session.run(None, inputs | {"token_type_ids": np.zeros_like(ids)})[0][0]
        words = np.zeros((len(spans), tokens.shape[1]), np.float32)
        for row, (start, end) in zip(words, spans, strict=True):
            inside = [
                index for index, (a, b) in enumerate(encoded.offsets) if a < end and b > start
            ]
            if inside:
                row[:] = tokens[inside].mean(axis=0)
                row /= np.linalg.norm(row)
        return words
