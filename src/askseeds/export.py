"""Makes what an `Encoder` is loaded from: sentence-transformers in, ONNX out."""

import contextlib
import hashlib
import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from askseeds.errors import IndexUnwritable, ModelError
from askseeds.models import Encoder, Export, check_sha256, first_line, reinstall, sha256_of
from askseeds.models.encoder import (
    CHOOSE,
    DEFAULT_PACKAGE,
    FORMAT,
    SOURCE_SUFFIXES,
    local_folder,
    source_files,
    source_fingerprint,
)
from askseeds.snapshots import sync_to_disk

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

DEFAULT_NAME = "all-MiniLM-L6-v2"
DEFAULT_SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
}

MAX_SAMPLES = 32
MIN_COSINE = 0.99  # least mean cosine to the original at which a quantised model is taken
MIN_COSINE_FP32 = 0.999

_MODULES = ("Transformer", "Pooling", "Normalize")
_SAMPLES = (
    "How long do I have to return an item that does not fit?",
    "The tenant may end the contract at three months' notice; the deposit is then paid back.",
    "Error 504: the gateway did not answer in time. Restart the service and look at its log.",
)


def export_encoder(name: str, folder: Path, *, samples: Sequence[str]) -> None:
    """Makes what `Encoder.load` opens: `model.onnx`, `tokenizer.json` and `encoder.json`.

    A kill at any moment leaves in `folder` what was there, nothing, or all of the new one. One
    process at a time may call this. It takes some seconds, half of them to import torch.

    Args:
        name: A sentence-transformers model, by name or folder; "" is the one installed. Only a
            name that is no folder reaches for the network.
        folder: Replaced as a whole.
        samples: Passages on which the quantised models are compared with the original; the
            quickest that is near enough is kept. Without any, a few sentences of our own.

    Raises:
        ModelError: Weights are missing, changed or unsafe, or the model is of another kind.
        IndexUnwritable: `folder` cannot be written.
    """
    local = local_folder(name)
    source = source_fingerprint(name)
    few = samples[:: -(-len(samples) // MAX_SAMPLES) or 1] or _SAMPLES
    with _quiet(offline=local is not None), contextlib.ExitStack() as cleanup:
        weights = local or _fetched(name)
        _check_safe(weights)
        if not name:
            check_sha256(weights, DEFAULT_SHA256, remedy=reinstall(DEFAULT_PACKAGE))
        digests = [
            (str(path.relative_to(weights)), sha256_of(path)) for path in source_files(weights)
        ]
        model = _original(weights)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            for leftover in folder.parent.glob(f".{folder.name}-export-*"):
                shutil.rmtree(leftover, ignore_errors=True)
            work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-export-", dir=folder.parent))
            cleanup.callback(shutil.rmtree, work, ignore_errors=True)
            new = work / "new"
            export = _build(model, new, few)
            identity = json.dumps([FORMAT, digests, export.precision, export.max_tokens])
            export = replace(
                export,
                name=local.name if local and name else name or DEFAULT_NAME,
                fingerprint=hashlib.sha256(identity.encode()).hexdigest(),
                source=source,
            )
            sha256 = {path.name: sha256_of(path) for path in new.iterdir()}
            facts = {"format": FORMAT, **asdict(export), "sha256": sha256}
            (new / "encoder.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
            for path in (*new.iterdir(), new):
                sync_to_disk(path)
            if folder.exists():
                folder.rename(work / "old")
            new.rename(folder)
            sync_to_disk(folder.parent)
        except OSError as error:
            raise IndexUnwritable(f"{folder} cannot be written: {error.strerror}") from error


def _check_safe(weights: Path) -> None:
    """Refuses what only pickles or foreign code could make work, before anything is loaded."""
    try:
        modules = json.loads((weights / "modules.json").read_text(encoding="utf-8"))
        kinds = [module["type"] for module in modules]
        where = weights / modules[0]["path"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        problem = "has no valid modules.json, so is no sentence-transformers model"
        raise ModelError(f"{weights} {problem}; {CHOOSE}") from error
    for kind in kinds:
        package, _, last = kind.rpartition(".")
        if not package.startswith("sentence_transformers.") or last not in _MODULES:
            raise ModelError(f"{weights}: module {kind} is not supported; {CHOOSE}")
    if not any(where.glob("*.safetensors")):
        problem = "has no .safetensors weights, and pickled ones may run code when opened"
        raise ModelError(f"{where} {problem}; save the model as safetensors")


def _fetched(name: str) -> Path:
    """The folder of a hub's model, downloaded if need be: neither pickles nor code."""
    from huggingface_hub import snapshot_download

    wanted = [f"*{suffix}" for suffix in SOURCE_SUFFIXES]
    hub_name = name if "/" in name else f"sentence-transformers/{name}"
    try:
        return Path(snapshot_download(hub_name, allow_patterns=wanted, ignore_patterns="o*/*"))
    except Exception as error:
        problem = "is neither a folder, nor on this disk, nor could it be fetched"
        raise ModelError(f"encoder {name!r} {problem}; {CHOOSE}") from error


def _original(weights: Path) -> "SentenceTransformer":
    try:
        from sentence_transformers import SentenceTransformer

        # Eager attention is what the ONNX exporter can follow.
        options = {"attn_implementation": "eager", "use_safetensors": True}
        model = SentenceTransformer(
            str(weights), device="cpu", local_files_only=True, model_kwargs=options
        ).eval()
        pooling = model[1].pooling_mode
        _ = model[0].auto_model, model.tokenizer.backend_tokenizer
    except Exception as error:
        raise ModelError(f"{weights} cannot be loaded: {first_line(error)}; {CHOOSE}") from error
    if pooling not in ("mean", "cls") or not model[1].include_prompt:
        raise ModelError(f"{weights}: pooling {pooling!r} is neither mean nor cls; {CHOOSE}")
    return model


def _build(model: "SentenceTransformer", folder: Path, samples: Sequence[str]) -> Export:
    """Writes `model.onnx` and `tokenizer.json` into a new folder.

    Gives what is to be said of them, except for name, fingerprint and source, which are empty.
    """
    from onnxruntime.quantization import quantize_dynamic

    prompts, default = model.prompts, model.prompts.get(model.default_prompt_name) or ""
    passage_prefix = prompts.get("document") or prompts.get("passage") or default
    folder.mkdir()
    exact, kept = folder / "fp32.onnx", folder / "model.onnx"
    try:
        model.tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
        _write_exact(model, exact)
        texts = [passage_prefix + text for text in samples]
        wanted = model.encode(
            texts, prompt="", batch_size=4, normalize_embeddings=True, show_progress_bar=False
        )
        for precision, spared in (("int8", []), ("int8+fp32", _narrowing(exact)), ("fp32", None)):
            if spared is None:
                exact.replace(kept)
            else:
                quantize_dynamic(exact, kept, per_channel=True, nodes_to_exclude=spared)
            export = Export(
                name="",
                fingerprint="",
                source="",
                dimension=wanted.shape[1],
                max_tokens=min(model.max_seq_length or 512, 8192),
                precision=precision,
                mean_cosine=0.0,
                query_prefix=prompts.get("query") or default,
                passage_prefix=passage_prefix,
            )
            made = Encoder.unchecked(folder, export).encode_passages(samples)
            cosine = round(float(np.sum(made * wanted, axis=1).mean()), 5)
            if cosine >= (MIN_COSINE_FP32 if spared is None else MIN_COSINE):
                exact.unlink(missing_ok=True)
                return replace(export, mean_cosine=cosine)
    except (OSError, ModelError):
        raise
    except Exception as error:
        raise ModelError(f"the encoder cannot be exported: {first_line(error)}") from error
    raise ModelError(f"the exported encoder differs from the original; {CHOOSE}")


def _write_exact(model: "SentenceTransformer", path: Path) -> None:
    """Writes the whole encoder as one ONNX graph, in float32."""
    import torch

    class Whole(torch.nn.Module):  # type: ignore[misc]
        """Transformer, pooling and normalisation of a text without padding, hence no mask."""

        def __init__(self) -> None:
            super().__init__()
            self.transformer = model[0].auto_model

        def forward(self, input_ids: "Tensor") -> "Tensor":
            tokens = self.transformer(input_ids=input_ids).last_hidden_state
            pooled = tokens[:, 0] if model[1].pooling_mode == "cls" else tokens.mean(1)
            return torch.nn.functional.normalize(pooled, dim=-1)

    example = model.tokenizer(_SAMPLES[0], return_tensors="pt")["input_ids"]
    with torch.no_grad():
        # dynamo=False: the newer exporter wants one more package.
        torch.onnx.export(
            Whole().eval(),
            (example,),
            str(path),
            input_names=["input_ids"],
            output_names=["vector"],
            dynamic_axes={"input_ids": {0: "batch", 1: "tokens"}, "vector": {0: "batch"}},
            opset_version=17,
            dynamo=False,
        )


def _narrowing(path: Path) -> list[str]:
    """The layers that narrow.

    They read what an activation function left; rounding that costs the most.
    """
    import onnx

    graph = onnx.load(str(path)).graph
    shape = {weight.name: weight.dims for weight in graph.initializer}
    matmuls = [n for n in graph.node if n.op_type == "MatMul" and n.input[1] in shape]
    return [n.name for n in matmuls if shape[n.input[1]][0] > shape[n.input[1]][-1]]


@contextlib.contextmanager
def _quiet(*, offline: bool) -> Iterator[None]:
    """Keeps the warnings, log lines and bars of torch and its kin from the terminal."""
    root, level, silent = logging.getLogger(), logging.root.manager.disable, logging.NullHandler()
    root.addHandler(silent)  # logging.warning() installs a loud handler where there is none
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with _private(offline=offline):
                yield
    finally:
        logging.disable(level)
        root.removeHandler(silent)


@contextlib.contextmanager
def _private(*, offline: bool) -> Iterator[None]:
    """No bars, no telemetry and, if `offline`, no requests; afterwards all is as it was.

    Hugging Face's libraries read HF_HUB_OFFLINE and HF_HUB_DISABLE_TELEMETRY once, when they are
    imported: set here, these would do nothing, or else hold until the process ends. So what was
    read is changed, and the environment left alone.
    """
    from huggingface_hub import constants
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )
    from transformers.utils import logging as foreign

    was_offline, was_silent = constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_TELEMETRY
    bars, hub_bars = foreign.is_progress_bar_enabled(), not are_progress_bars_disabled()
    constants.HF_HUB_OFFLINE = was_offline or offline
    constants.HF_HUB_DISABLE_TELEMETRY = True
    foreign.disable_progress_bar()
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_TELEMETRY = was_offline, was_silent
        if bars:
            foreign.enable_progress_bar()  # turns those of the hub on, too
        if hub_bars:
            enable_progress_bars()
        else:
            disable_progress_bars()
