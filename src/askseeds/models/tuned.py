"""The reranker trained further, for what it was not made for: to read sentences, to check claims.

What was trained is small beside the weights it is added to. So the package holds a graph with the
changes, written by the scripts that trained it, and the weights come from the installed reranker.
"""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from askseeds.errors import ModelError
from askseeds.models.marked import CLS, SEP, Tokens
from askseeds.models.reranker import RERANKER_PACKAGE, RERANKER_SHA256
from askseeds.models.runtime import Floats, first_line, session_of, tokenizer_of, with_graph
from askseeds.models.weights import check_sha256, package_folder, reinstall

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

FIRST, TOKENS = "first", "tokens"
"""What the graph gives out: of the first token [1, heads], and of each [1, tokens, 1]."""

_INSTALLED = slice(336_106, 33_896_378)
"""Where `model.onnx`, whose SHA-256 is checked, has its weights: all of GraphProto.initializer."""

_PROBE = Tokens([CLS, SEP, SEP], 2)
"""Two empty texts: what is not finite anywhere in the changes shows in what is made of them."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """A model that reads two texts together. `tokenizer` neither pads nor cuts."""

    tokenizer: "Tokenizer"
    _session: "InferenceSession"

    @classmethod
    def load(cls, file: str, *, heads: int) -> Self:
        """Opens the changes in `file`, of this package, with the installed weights.

        Args:
            file: As `scripts/lowrank.py` writes it.
            heads: How many values it is to give of the first token.

        Raises:
            ModelError: The installed weights or the changes are missing or spoilt.
        """
        folder = package_folder(RERANKER_PACKAGE) / "models" / "data" / "reranker_en"
        check_sha256(folder, RERANKER_SHA256, remedy=reinstall(RERANKER_PACKAGE))
        tokenizer = pair_tokenizer(folder)
        try:
            graph = (files("askseeds") / file).read_bytes()
            with (folder / "model.onnx").open("rb") as installed:
                installed.seek(_INSTALLED.start)
                weights = installed.read(_INSTALLED.stop - _INSTALLED.start)
            whole = with_graph(graph, weights)
            del weights
            model = cls(tokenizer, session_of(whole))
            del whole
            first, each = model.run(_PROBE)
            if first.shape != (heads,) or not np.isfinite([*first, *each]).all():
                raise ValueError(f"it gives {first}, {each}")
            return model
        except Exception as error:
            text = f"{file} cannot be used: {first_line(error)}; {reinstall('askseeds')}"
            raise ModelError(text) from error

    def run(self, pair: Tokens) -> tuple[Floats, Floats]:
        """What its heads make of a pair of texts: float32 [heads] and [tokens]."""
        first, each = self._session.run([FIRST, TOKENS], pair.inputs())
        return first[0], each[0, :, 0]


def pair_tokenizer(folder: Path) -> "Tokenizer":
    """The reranker's tokenizer for pairs of texts, in which "[SEP]" parts nothing."""
    tokenizer = tokenizer_of(folder)
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True
    return tokenizer
