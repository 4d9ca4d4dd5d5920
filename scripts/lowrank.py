"""The installed cross-encoder with low-rank changes: to train, and to write down.

Its weights stay as they are; to each linear map of its twelve layers a product of two
narrow matrices is added (LoRA, Hu et al. 2021, arXiv:2106.09685), and its layer norms are trained
on. `export` writes what `askseeds.models.tuned` opens: the graph with the changes, without the
installed weights.
"""

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import onnx
import torch
from onnx import NodeProto, TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from askseeds.models.tuned import FIRST, TOKENS, base_folder, pair_tokenizer

FOLDER = base_folder()
LAYERS, WIDTH, HEADS = 12, 384, 12
RANK = 16
SCALE = 2.0
DROPOUT = 0.1
BATCH = 16
WARM_UP = 0.06
"""The share of all steps in which the rate rises."""

_LAYER = "/bert/encoder/layer."
_STATES = f"{_LAYER}{LAYERS - 1}/output/LayerNorm/Add_1_output_0"
_POOLER, _CLASSIFIER = "bert.pooler.dense", "classifier"
_MAPS = {
    "query": "attention/self/query",
    "key": "attention/self/key",
    "value": "attention/self/value",
    "attention": "attention/output/dense",
    "inner": "intermediate/dense",
    "outer": "output/dense",
}
_NORMS = ("attention.output", "output")


def tokenizer() -> Tokenizer:
    """The one that the product reads with."""
    return pair_tokenizer(FOLDER)


def installed() -> dict[str, np.ndarray]:
    """The weights of the installed int8 model as float32, under the names of BERT."""
    graph = onnx.load(FOLDER / "model.onnx").graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}

    def wide(name: str) -> np.ndarray:
        zero = stored[f"{name}_zero_point"].astype(np.float32)
        return (stored[f"{name}_quantized"].astype(np.float32) - zero) * stored[f"{name}_scale"]

    found = {name: value for name, value in stored.items() if value.dtype == np.float32}
    for node in graph.node:
        if node.op_type == "MatMulInteger" and "/encoder/" in node.name:
            name = node.name.removesuffix("/MatMul_quant").lstrip("/").replace("/", ".")
            found[f"{name}.weight"] = wide(node.input[1].removesuffix("_quantized"))
    for table in ("word", "position", "token_type"):
        name = f"bert.embeddings.{table}_embeddings.weight"
        found[name] = wide(name)
    for name in (_POOLER, _CLASSIFIER):
        found[f"{name}.weight"] = wide(f"{name}.weight")
    return found


class Changed(nn.Module):
    """A linear map that stays, and a change of low rank that is trained."""

    def __init__(self, weight: np.ndarray, bias: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("weight", torch.tensor(np.ascontiguousarray(weight, np.float32)))
        self.register_buffer("bias", torch.tensor(bias))
        rows, columns = weight.shape
        self.down = nn.Parameter(torch.randn(rows, RANK) / math.sqrt(rows))
        self.up = nn.Parameter(torch.zeros(RANK, columns))

    def forward(self, x: Tensor) -> Tensor:
        """[.., rows] to [.., columns]."""
        return x @ self.weight + self.bias + (x @ self.down) @ self.up * SCALE


class Norm(nn.Module):
    """A layer norm that is trained on."""

    def __init__(self, weight: np.ndarray, bias: np.ndarray) -> None:
        super().__init__()
        self.weight, self.bias = (
            nn.Parameter(torch.tensor(weight)),
            nn.Parameter(torch.tensor(bias)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Of the same shape."""
        return functional.layer_norm(x, (WIDTH,), self.weight, self.bias, 1e-12)


class Layer(nn.Module):
    """One layer of BERT."""

    def __init__(self, stored: dict[str, np.ndarray], number: int) -> None:
        super().__init__()
        stem = f"bert.encoder.layer.{number}."
        self.maps = nn.ModuleDict()
        for name, place in _MAPS.items():
            under = stem + place.replace("/", ".")
            self.maps[name] = Changed(stored[f"{under}.weight"], stored[f"{under}.bias"])
        self.norms = nn.ModuleList(
            Norm(stored[f"{stem}{place}.LayerNorm.weight"], stored[f"{stem}{place}.LayerNorm.bias"])
            for place in _NORMS
        )
        self.drop = nn.Dropout(DROPOUT)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """[texts, tokens, WIDTH], of the same shape."""
        count, tokens, _ = x.shape

        def by_head(name: str) -> Tensor:
            return self.maps[name](x).view(count, tokens, HEADS, -1).transpose(1, 2)

        seen = functional.scaled_dot_product_attention(
            by_head("query"), by_head("key"), by_head("value"), attn_mask=mask
        )
        seen = seen.transpose(1, 2).reshape(count, tokens, WIDTH)
        x = self.norms[0](x + self.drop(self.maps["attention"](seen)))
        return self.norms[1](
            x + self.drop(self.maps["outer"](functional.gelu(self.maps["inner"](x))))
        )


class Net(nn.Module):
    """The cross-encoder with heads of our own: `first` reads the first token, `tokens` each one."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        stored = installed()
        self.tables = {
            name: torch.tensor(stored[f"bert.embeddings.{name}_embeddings.weight"])
            for name in ("word", "position", "token_type")
        }
        norm = "bert.embeddings.LayerNorm."
        self.norm = Norm(stored[f"{norm}weight"], stored[f"{norm}bias"]).requires_grad_(False)
        self.layers = nn.ModuleList(Layer(stored, number) for number in range(LAYERS))
        self.first = nn.Linear(WIDTH, heads)
        self.tokens = nn.Linear(WIDTH, 1, bias=False)
        for head in (self.first, self.tokens):
            nn.init.normal_(head.weight, std=0.02)
        self.own = [
            torch.tensor(stored[f"{name}.{part}"])
            for name in (_POOLER, _CLASSIFIER)
            for part in ("weight", "bias")
        ]
        self.drop = nn.Dropout(DROPOUT)

    def forward(
        self, texts: Sequence[Sequence[int]], begins: Sequence[int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What the heads make of pairs of texts, and its own head, which is not trained.

        Args:
            texts: The tokens of each pair.
            begins: Where its second text begins.

        Returns:
            [pairs, heads], [pairs, tokens] and [pairs].
        """
        longest = max(map(len, texts))
        ids = torch.zeros(len(texts), longest, dtype=torch.long)
        kinds = torch.zeros_like(ids)
        mask = torch.full((len(texts), 1, 1, longest), -1e4)
        for row, (text, begin) in enumerate(zip(texts, begins, strict=True)):
            ids[row, : len(text)] = torch.tensor(text)
            kinds[row, begin : len(text)] = 1
            mask[row, 0, 0, : len(text)] = 0
        words = self.tables["word"][ids] + self.tables["token_type"][kinds]
        x = self.norm(words + self.tables["position"][:longest])
        for layer in self.layers:
            x = layer(x, mask)
        pooler, pooler_bias, classifier, classifier_bias = self.own
        score = torch.tanh(x[:, 0] @ pooler + pooler_bias) @ classifier + classifier_bias
        x = self.drop(x)
        return self.first(x[:, 0]), self.tokens(x)[:, :, 0], score[:, 0]

    def trained(self) -> dict[str, Tensor]:
        """What is trained, under the names of the written graph."""
        found: dict[str, Tensor] = {
            "first.weight": self.first.weight,
            "first.bias": self.first.bias,
            "tokens.weight": self.tokens.weight,
        }
        for number, layer in enumerate(self.layers):
            for name, change in layer.maps.items():
                found[f"{number}.{name}.down"] = change.down
                found[f"{number}.{name}.up"] = change.up
            for place, norm in zip(_NORMS, layer.norms, strict=True):
                stem = f"bert.encoder.layer.{number}.{place}.LayerNorm."
                found[f"{stem}weight.on"], found[f"{stem}bias.on"] = norm.weight, norm.bias
        return found


class Sized(Protocol):
    """An example for training."""

    @property
    def ids(self) -> Sequence[int]:
        """Its tokens."""


_Example = TypeVar("_Example", bound=Sized)


def batches(examples: Sequence[_Example], size: int, chance: random.Random) -> list[list[_Example]]:
    """Examples in random batches, those of like length together, so that little is padded."""
    mixed = chance.sample(examples, len(examples))
    found: list[list[_Example]] = []
    for at in range(0, len(mixed), size * 8):
        block = sorted(mixed[at : at + size * 8], key=lambda one: len(one.ids))
        found += [block[begin : begin + size] for begin in range(0, len(block), size)]
    chance.shuffle(found)
    return found


def train(
    net: Net,
    examples: Callable[[random.Random], Sequence[_Example]],
    loss: Callable[[Sequence[_Example]], Tensor],
    *,
    epochs: int,
    rate: float,
    seed: int,
    after: Callable[[], None] = lambda: None,
) -> None:
    """Trains in place.

    Args:
        net: What is trained.
        examples: Those of an epoch; as many in each.
        loss: Of a batch.
        epochs: How often it goes through them.
        rate: The most that is learned in a step; it rises at first and falls to the end.
        seed: Of all that is chosen at random.
        after: Called after each epoch.
    """
    chance = random.Random(seed)
    torch.manual_seed(seed)
    trained = list(net.trained().values())
    optimiser = torch.optim.AdamW(trained, lr=rate, weight_decay=0.01)
    steps = epochs * math.ceil(len(examples(random.Random(seed))) / BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda at: min(1.0, (at + 1) / (WARM_UP * steps)) * max(0.02, 1 - at / steps)
    )
    net.train()
    for epoch in range(epochs):
        total, some = 0.0, batches(examples(chance), BATCH, chance)
        for number, batch in enumerate(some, start=1):
            value = loss(batch)
            optimiser.zero_grad()
            value.backward()
            nn.utils.clip_grad_norm_(trained, 1.0)
            optimiser.step()
            schedule.step()
            total += value.item()
            if number % 100 == 0 or number == len(some):
                mean = total / number
                print(f"epoch {epoch + 1}, {number}/{len(some)}: loss {mean:.3f}", flush=True)
        after()
    net.eval()


def restore(net: Net, path: Path) -> None:
    """Puts back what `export` wrote."""
    stored = {one.name: numpy_helper.to_array(one) for one in onnx.load(path).graph.initializer}
    with torch.no_grad():
        for name, tensor in net.trained().items():
            value = torch.tensor(stored[name].astype(np.float32)).reshape(tensor.shape)
            tensor.copy_(value / SCALE if name.endswith(".up") else value)


def export(
    changes: Mapping[str, np.ndarray],
    path: Path,
    provenance: str,
    outputs: Sequence[str] = (FIRST, TOKENS),
) -> None:
    """Writes the graph, its changes as float16, without the weights that are installed.

    Args:
        changes: Of `changes`, or a mean of several.
        path: Of the .onnx file.
        provenance: Where it comes from.
        outputs: What it gives out; inner values of the installed model may be among them.
    """
    half = {name: value.astype(np.float16) for name, value in changes.items()}
    if not all(np.isfinite(one).all() for one in half.values()):
        raise SystemExit("the training failed: a weight is not finite")
    model = onnx.load(FOLDER / "model.onnx")
    graph = model.graph
    nodes = [*_changed(list(graph.node), changes), *_heads()]
    needed, kept = set(outputs), []
    for node in reversed(nodes):
        if needed & set(node.output):
            needed |= set(node.input)
            kept.append(node)
    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    weights = [numpy_helper.from_array(value, name) for name, value in half.items()]
    made = helper.make_graph(kept[::-1], graph.name, list(graph.input), given, weights)
    model.graph.CopyFrom(made)
    helper.set_model_props(model, {"provenance": provenance})
    path.write_bytes(model.SerializeToString())


def changes(net: Net) -> dict[str, np.ndarray]:
    """What was trained, as it is added to what is installed."""
    return {
        name: (tensor.detach() * (SCALE if name.endswith(".up") else 1.0)).numpy().copy()
        for name, tensor in net.trained().items()
    }


def _changed(nodes: Sequence[NodeProto], changes: Mapping[str, np.ndarray]) -> Iterator[NodeProto]:
    """The nodes of the installed graph with the changes among them."""
    maps = {
        f"{_LAYER}{number}/{place}": f"{number}.{name}"
        for number in range(LAYERS)
        for name, place in _MAPS.items()
    }
    made = {output: node for node in nodes for output in node.output}
    read = {
        node.name.removesuffix("/MatMul_quant"): made[node.input[0]].input[0]
        for node in nodes
        if node.op_type == "MatMulInteger"
    }
    for name in changes:
        yield _widened(name)
    for node in nodes:
        for at, name in enumerate(node.input):
            if f"{name}.on" in changes:
                node.input[at] = f"{name}.on/wide"
        stem = node.name.removesuffix("/Add")
        if stem == node.name or stem not in maps:
            yield node
            continue
        last, frozen, low, change = node.output[0], f"{stem}/0", f"{stem}/1", f"{stem}/2"
        down, up = (f"{maps[stem]}.{part}/wide" for part in ("down", "up"))
        yield helper.make_node("Add", list(node.input), [frozen], name=node.name)
        yield helper.make_node("MatMul", [read[stem], down], [low], name=low)
        yield helper.make_node("MatMul", [low, up], [change], name=change)
        yield helper.make_node("Add", [frozen, change], [last], name=f"{stem}/changed")


def _widened(name: str) -> NodeProto:
    return helper.make_node("Cast", [name], [f"{name}/wide"], to=TensorProto.FLOAT)


def _heads() -> list[NodeProto]:
    """From the last states to `FIRST` [1, heads] and `TOKENS` [1, tokens, 1]."""
    zero = numpy_helper.from_array(np.array(0), "zero")
    return [
        helper.make_node("Constant", [], ["at/0"], value=zero),
        helper.make_node("Gather", [_STATES, "at/0"], ["state/0"], axis=1),
        helper.make_node(
            "Gemm", ["state/0", "first.weight/wide", "first.bias/wide"], [FIRST], transB=1
        ),
        helper.make_node("Transpose", ["tokens.weight/wide"], ["tokens/map"], perm=[1, 0]),
        helper.make_node("MatMul", [_STATES, "tokens/map"], [TOKENS]),
    ]
