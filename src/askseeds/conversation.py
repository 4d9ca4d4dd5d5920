"""The last conversation of the command line, so that `ask --continue` can go on with it."""

import json
from collections.abc import Sequence
from pathlib import Path

from askseeds.batch import turns
from askseeds.errors import QuestionError
from askseeds.types import Turn

FILE_NAME = "conversation.json"

TURNS = 20
"""Earlier turns are forgotten: a follow-up does not reach back further."""


def last(index: Path) -> tuple[Turn, ...]:
    """The turns so far, oldest first; none where there was no conversation, or it is damaged."""
    try:
        return turns(json.loads((index / FILE_NAME).read_text(encoding="utf-8")), where=FILE_NAME)
    except (OSError, ValueError, QuestionError):
        return ()


def keep(index: Path, conversation: Sequence[Turn]) -> bool:
    """Writes the conversation beside the index, in one step; False where nothing can be written."""
    content = [{"question": t.question, "answer": t.answer} for t in conversation[-TURNS:]]
    file, new = index / FILE_NAME, index / f"{FILE_NAME}.new"
    try:
        new.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
        new.replace(file)
    except OSError:
        return False
    return True
