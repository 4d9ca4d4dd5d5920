"""Evidence that was tried for the sentence model and is not used: what each kind would be worth.

`bench_quality.py` runs this. Every kind is computed for every example that the models are fitted
on, kept beside the other evidence, and offered to the sentence model as two more features: the
value, and how far it is below the question's best.
"""

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import train_quote as train
from askseeds.evidence import passage_text, titled
from askseeds.models import Encoder, Marked, Reranker, sha256_of
from askseeds.models.reranker import RERANKER_WEIGHTS
from askseeds.models.runtime import in_parallel, opened
from askseeds.models.tuned import base_folder
from bench_process import say
from bench_tables import TASKS
from train_quote import Example

BGE_PREFIX = "Represent this sentence for searching relevant passages: "
"""What bge-small-en-v1.5 was trained to find before a question."""

KINDS = {
    "cosine of question and sentence (all-MiniLM-L6-v2)": "minilm",
    "the same (bge-small-en-v1.5)": "bge",
    "cosine of question and passage (bge-small-en-v1.5)": "bge_passage",
    "cross-encoder on every sentence with its title": "cross",
    "every passage read again without title, question with its mark": "again",
}

Column = np.ndarray
Key = tuple[str, str, str]


def key(example: Example) -> Key:
    """Names an example."""
    return example.task, str(example.question["id"]), example.made


class Tried:
    """Computes the columns of an example; the models are opened once."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._reranker = Reranker.load()
        folder = base_folder().parent
        self._bge, self._tokenizer = opened(folder / "bge_small_en")
        self._tokenizer.enable_truncation(512)

    def columns(self, example: Example) -> dict[str, Column]:
        """By kind, one value a candidate sentence."""
        text, hits = example.question["question"], example.evidence.hits
        of = np.array([candidate.hit for candidate in example.candidates])
        titles = [titled(hit, "") for hit in hits]
        sentences = [
            titles[c.hit] + hits[c.hit].cut(hits[c.hit].passage.sentences[c.sentence])
            for c in example.candidates
        ]
        passages = [passage_text(hit).text for hit in hits]
        asked = self._vectors([BGE_PREFIX + text])[0]
        alone = self._reranker.read(text.rstrip("? "), [Marked(s, ()) for s in sentences])
        again = self._reranker.read(text, [Marked(hit.text, ()) for hit in hits])
        return {
            "minilm": self._encoder.encode_passages(sentences) @ self._encoder.encode_query(text),
            "bge": self._vectors(sentences) @ asked,
            "bge_passage": (self._vectors(passages) @ asked)[of],
            "cross": np.array([reading.score for reading in alone]),
            "again": np.array([reading.score for reading in again])[of],
        }

    def _vectors(self, texts: Sequence[str]) -> np.ndarray:
        def encode(text: str) -> np.ndarray:
            ids = np.array([self._tokenizer.encode(text).ids], np.int64)
            inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
            tokens = self._bge.run(None, inputs | {"token_type_ids": np.zeros_like(ids)})[0]
            return np.asarray(tokens[0, 0] / np.linalg.norm(tokens[0, 0]), np.float32)

        return np.stack(list(in_parallel(encode, texts)))


def collected(examples: Sequence[Example], work: Path) -> dict[Key, dict[str, Column]]:
    """The columns of all examples, from `work` where they are there already."""
    digest = sha256_of(train.ROOT / "src" / "askseeds" / RERANKER_WEIGHTS)[:8]
    kept = work / f"tried.{digest}.pickle"
    known: dict[Key, dict[str, Column]] = {}
    if kept.exists():
        known = pickle.loads(kept.read_bytes())
    todo = [example for example in examples if key(example) not in known]
    tried = Tried(Encoder.load(work / TASKS[0] / "encoder")) if todo else None
    for number, example in enumerate(todo, start=1):
        assert tried is not None
        known[key(example)] = tried.columns(example)
        if number % 200 == 0 or number == len(todo):
            kept.write_bytes(pickle.dumps(known))
            say(f"tried {number}/{len(todo)}")
    return known


def compared(
    examples: Sequence[Example], work: Path, judged: Callable[[], list[str]]
) -> list[list[str]]:
    """One row a kind: what `judged` says while that kind is offered to the sentence model."""
    columns = collected(examples, work)
    features, names = Example.features, train.SENTENCE_FEATURES
    rows = [["nothing more", *judged()]]
    for label, kind in KINDS.items():

        def more(example: Example, kind: str = kind) -> Any:
            column = columns[key(example)][kind]
            return np.column_stack([features.__get__(example), column, column - column.max()])

        try:
            Example.features = property(more)  # type: ignore[assignment]
            train.SENTENCE_FEATURES = (*names, "tried", "tried_gap")
            rows.append([label, *judged()])
        finally:
            Example.features, train.SENTENCE_FEATURES = features, names
    return rows
