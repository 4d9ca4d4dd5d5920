"""ONNX Runtime: how a model is opened, and how texts are run through it, each alone."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from askseeds.errors import ModelError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

Floats = NDArray[np.float32]
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
"""How many this process may run on."""


def opened(folder: Path) -> "tuple[InferenceSession, Tokenizer]":
    """The `model.onnx` and `tokenizer.json` of a folder, ready to run.

    They are opened as they are; `check_sha256` says whether they may be.

    Raises:
        ModelError: They cannot be read.
    """
    try:
        return session_of(str(folder / "model.onnx")), tokenizer_of(folder)
    except Exception as error:
        raise ModelError(f"{folder} cannot be opened: {first_line(error)}") from error


def session_of(model: str | bytes) -> "InferenceSession":
    """A model's file, or what would be in it, ready to run on one thread a call."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # `in_parallel` brings the threads; these would spin
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def tokenizer_of(folder: Path) -> "Tokenizer":
    """The `tokenizer.json` of a folder; it does not pad."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    return tokenizer


def with_graph(model: bytes, content: bytes) -> bytes:
    """An ONNX model whose graph has more fields of a GraphProto; copied once, for they are large.

    In protobuf, a message that appears twice is merged: here a second ModelProto.graph (7). So the
    `onnx` package, slow to import, is not needed.
    """
    length, left = b"", len(content)
    while left > 127:
        length, left = length + bytes([left & 127 | 128]), left >> 7
    return b"".join((model, bytes([7 << 3 | 2]), length, bytes([left]), content))


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


def first_line(error: Exception) -> str:
    """What a foreign error says, on one line."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
