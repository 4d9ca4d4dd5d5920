"""Encoder and reranker, run by ONNX Runtime; `export` makes what the encoder is loaded from.

Texts are run one at a time, one thread a core. ONNX Runtime scales the activations of an int8 model
over the whole batch, so that in a batch a text's result depends on its neighbours (measured: cosine
down to 0.98 between two vectors of one text, logits off by 0.3). Alone, without padding, equal
texts give equal results, and on 2 cores that is no slower than batches of 4 to 8.
"""

from askseeds.models.encoder import (
    CHOOSE,
    DEFAULT_PACKAGE,
    FORMAT,
    RERANKER_NAME,
    SOURCE_SUFFIXES,
    Encoder,
    Export,
    Floats,
    Marked,
    Matcher,
    Reading,
    Reranker,
    check_sha256,
    find_export,
    first_line,
    local_folder,
    reinstall,
    sha256_of,
    source_files,
    source_fingerprint,
)

__all__ = [
    "CHOOSE",
    "DEFAULT_PACKAGE",
    "FORMAT",
    "RERANKER_NAME",
    "SOURCE_SUFFIXES",
    "Encoder",
    "Export",
    "Floats",
    "Marked",
    "Matcher",
    "Reading",
    "Reranker",
    "check_sha256",
    "find_export",
    "first_line",
    "local_folder",
    "reinstall",
    "sha256_of",
    "source_files",
    "source_fingerprint",
]
