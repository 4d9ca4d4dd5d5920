"""The entailment model: whether sentences say what a claim says, for `claims`."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from askseeds.errors import ModelError
from askseeds.models.reranker import RERANKER_PACKAGE, RERANKER_SHA256, RERANKER_TOKENS
from askseeds.models.runtime import Floats, first_line, session_of, tokenizer_of
from askseeds.models.weights import check_sha256, package_folder, reinstall

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto
    from onnxruntime import InferenceSession
    from tokenizers import Encoding, Tokenizer

WEIGHTS = "entailment.safetensors"

_LAYER = "/bert/encoder/layer."
_LAYERS = 12
_POOLED = 2 * 384  # the state of [CLS], and the mean of those of the claim
_STATES = f"{_LAYER}{_LAYERS - 1}/output/LayerNorm/Add_1_output_0"
TUNED = {
    "query": "attention/self/query",
    "key": "attention/self/key",
    "value": "attention/self/value",
    "attention": "attention/output/dense",
    "inner": "intermediate/dense",
    "outer": "output/dense",
}
"""The linear maps of a layer that were trained further, by their names in the weights."""


@dataclass(frozen=True, slots=True)
class Entailment:
    """The reranker trained further, with low-rank changes to each of its linear maps.

    `scripts/train_entailment.py` trained it on claims written for that; the changes, 2.7 MB, are
    laid over the installed weights when it is loaded. Hu et al. 2021, arXiv:2106.09685.
    """

    _session: "InferenceSession"
    _tokenizer: "Tokenizer"
    _head: Floats
    _bias: float

    @classmethod
    def load(cls) -> Self:
        """Opens the reranker's weights, checks their SHA-256, and changes them; about 0.5 s.

        Raises:
            ModelError: The reranker's weights or the changes are missing or spoilt.
        """
        import onnx
        from safetensors.numpy import load_file

        folder = package_folder(RERANKER_PACKAGE) / "models" / "data" / "reranker_en"
        check_sha256(folder, RERANKER_SHA256, remedy=reinstall(RERANKER_PACKAGE))
        try:
            with as_file(files("askseeds") / WEIGHTS) as path:
                changes = {name: one.astype(np.float32) for name, one in load_file(path).items()}
            if bad := [name for name, one in changes.items() if not np.isfinite(one).all()]:
                raise ValueError(f"{bad[0]} is not finite")
            head, bias = changes.pop("head.weight"), changes.pop("head.bias").item()
            if head.shape != (_POOLED,):
                raise ValueError(f"head.weight has the shape {head.shape}")
            model = onnx.load(folder / "model.onnx")
            _change(model, changes)
            session = session_of(model.SerializeToString())
            return cls(session, pair_tokenizer(folder), head, bias)
        except Exception as error:
            text = f"{WEIGHTS} cannot be used: {first_line(error)}; {reinstall('askseeds')}"
            raise ModelError(text) from error

    def score(self, claim: str, sentences: str, *, context: str = "") -> float:
        """How much more likely than not the sentences say the claim: log-odds, higher is better.

        What has more than 512 tokens would not be read to its end: minus infinity, as for a claim
        that has none.

        Args:
            claim: One statement.
            sentences: That it rests on, joined.
            context: Title and headings over them.
        """
        pair = encoded(self._tokenizer, claim, sentences, context)
        claimed = [at for at, part in enumerate(pair.sequence_ids) if part == 0]
        if not claimed or len(pair.ids) > RERANKER_TOKENS:
            return -math.inf
        inputs = {
            "input_ids": pair.ids,
            "attention_mask": pair.attention_mask,
            "token_type_ids": pair.type_ids,
        }
        batch = {name: np.array([value], np.int64) for name, value in inputs.items()}
        states = self._session.run([_STATES], batch)[0][0]
        pooled = np.concatenate([states[0], states[claimed].mean(axis=0)])
        return float(pooled @ self._head) + self._bias


def pair_tokenizer(folder: Path) -> "Tokenizer":
    """The reranker's tokenizer for pairs of texts, in which "[SEP]" parts nothing."""
    tokenizer = tokenizer_of(folder)
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True
    return tokenizer


def encoded(tokenizer: "Tokenizer", claim: str, sentences: str, context: str) -> "Encoding":
    """What the model reads of a claim, sequence 0, and its sentences, sequence 1."""
    said = f"{context}. {sentences}" if context else sentences
    # A lone surrogate, which a model's JSON may hold, is no text to a tokenizer.
    one, two = (text.encode("utf-8", "replace").decode() for text in (claim, said))
    return tokenizer.encode(one, two)


def _change(model: "ModelProto", changes: dict[str, Floats]) -> None:
    """Lays low-rank changes over linear maps, puts in new layer norms, gives out the last states.

    Args:
        model: Of the reranker, as it is installed; changed in place.
        changes: `3.inner.down` [in, rank] and `3.inner.up` [rank, out] for layer 3, and others
            under the names of weights of the model, which they replace.

    Raises:
        KeyError: A change is missing.
        ValueError: A change belongs to nothing.
    """
    from onnx import TensorProto, helper, numpy_helper

    changes = dict(changes)
    graph = model.graph
    for old in graph.initializer:
        if old.name in changes:
            old.CopyFrom(numpy_helper.from_array(changes.pop(old.name), old.name))
    maps = {
        f"{_LAYER}{number}/{place}": f"{number}.{name}"
        for number in range(_LAYERS)
        for name, place in TUNED.items()
    }
    made = {output: node for node in graph.node for output in node.output}
    read = {
        node.name.removesuffix("/MatMul_quant"): made[node.input[0]].input[0]
        for node in graph.node
        if node.op_type == "MatMulInteger"
    }

    def nodes() -> "Iterator[NodeProto]":
        for node in graph.node:
            stem = node.name.removesuffix("/Add")
            if stem == node.name or stem not in maps:
                yield node
                continue
            last, frozen, low, change = node.output[0], f"{stem}/0", f"{stem}/1", f"{stem}/2"
            down, up = f"{maps[stem]}.down", f"{maps[stem]}.up"
            graph.initializer.extend(
                numpy_helper.from_array(changes.pop(name), name) for name in (down, up)
            )
            yield helper.make_node("Add", list(node.input), [frozen], name=node.name)
            yield helper.make_node("MatMul", [read[stem], down], [low])
            yield helper.make_node("MatMul", [low, up], [change])
            yield helper.make_node("Add", [frozen, change], [last])

    changed = list(nodes())
    if changes:
        raise ValueError(f"{next(iter(changes))} belongs to no part of the model")
    del graph.node[:]
    graph.node.extend(changed)
    graph.output.append(helper.make_tensor_value_info(_STATES, TensorProto.FLOAT, None))
