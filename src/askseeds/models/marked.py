"""A question and a text with marked places, as the tokens that a cross-encoder reads."""

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from askseeds.types import Span

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PAIR_TOKENS = 512
"""What is read of a pair, those tokens counted that part it."""

CLS, SEP = 101, 102
"""The tokens before the first text and after each; the SHA-256 of the vocabulary is checked."""

QUESTION_TOKENS = 128
"""A longer question is cut, so that the text beside it keeps room."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A text with the places in it that matter, in order and not overlapping."""

    text: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Two texts as tokens.

    Attributes:
        ids: At most `PAIR_TOKENS`: the first text with a token before and one after it, then the
            second with one after it.
        begin: Where the second begins.
        parts: Where each marked place is; empty where it stands beyond what is read.
    """

    ids: list[int]
    begin: int
    parts: tuple[slice, ...] = ()

    def inputs(self) -> dict[str, NDArray[np.int64]]:
        """What the models take, each int64 [1, tokens]."""
        ids = np.array([self.ids], np.int64)
        second = np.arange(len(self.ids)) >= self.begin
        return {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": second[None, :].astype(np.int64),
        }


def encoded(tokenizer: "Tokenizer", question: str, text: Marked) -> Tokens:
    """What is read of a question and a text, which is cut at the end."""
    asked = tokenizer.encode(question, add_special_tokens=False).ids[:QUESTION_TOKENS]
    head = [CLS, *asked, SEP]
    read = tokenizer.encode(text.text, add_special_tokens=False)
    room = PAIR_TOKENS - len(head) - 1
    begins = [begin for begin, _ in read.offsets[:room]]
    parts = tuple(
        slice(len(head) + bisect_left(begins, first), len(head) + bisect_left(begins, last))
        for first, last in text.spans
    )
    return Tokens([*head, *read.ids[:room], SEP], len(head), parts)
