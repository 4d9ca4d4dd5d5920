"""The models that ONNX Runtime runs; `export` makes what the encoder is loaded from.

Texts are run one at a time, one thread a core. ONNX Runtime scales the activations of an int8 model
over the whole batch, so that in a batch a text's result depends on its neighbours (measured: cosine
down to 0.98 between two vectors of one text, logits off by 0.3). Alone, without padding, equal
texts give equal results, and on 2 cores that is no slower than batches of 4 to 8.

    weights    where installed weights are, and whether files are unchanged
    runtime    opens a model; runs texts on a thread a core
    marked     a question and a text with marked places, as tokens
    encoder    texts to vectors; which export belongs to the settings
    tuned      the installed cross-encoder with changes that the package holds, for these two:
    reranker   how near a text is to a question, which sentences answer, and where the model looks
    entailment whether sentences say what a claim says, for `claims`
"""

from askseeds.models.encoder import (
    DEFAULT_PACKAGE,
    Encoder,
    Export,
    find_export,
    source_fingerprint,
)
from askseeds.models.entailment import Entailment
from askseeds.models.marked import Marked
from askseeds.models.reranker import RERANKER_NAME, UNREAD, Reading, Reranker
from askseeds.models.runtime import Floats, first_line
from askseeds.models.weights import check_sha256, reinstall, sha256_of

__all__ = [
    "DEFAULT_PACKAGE",
    "RERANKER_NAME",
    "UNREAD",
    "Encoder",
    "Entailment",
    "Export",
    "Floats",
    "Marked",
    "Reading",
    "Reranker",
    "check_sha256",
    "find_export",
    "first_line",
    "reinstall",
    "sha256_of",
    "source_fingerprint",
]
