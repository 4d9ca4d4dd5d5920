"""What people think of answers: one line for each thumb, which `askseeds eval` makes pairs of."""

import errno
import fcntl
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from askseeds.errors import IndexUnwritable
from askseeds.evaluate.draft import FEEDBACK_FILE
from askseeds.types import Answer, Turn

Rating = Literal["up", "down"]


def keep(index: Path, answer: Answer, rating: Rating, *, history: Sequence[Turn] = ()) -> None:
    """Adds one line to the feedback in the index folder: all of it, or nothing.

    Args:
        index: The index folder.
        answer: What was judged.
        rating: The thumb.
        history: The turns that it was asked with, oldest first.

    Raises:
        IndexUnwritable: The file cannot be written to, or the disk is full.
    """
    content = {
        "question": answer.question,
        "history": [asdict(turn) for turn in history],
        "rating": rating,
        "status": answer.status,
        "quotes": [asdict(quote) for quote in answer.quotes],
        "asked": answer.asked,
        "confidence": round(answer.confidence, 4),
        "model": asdict(answer.models),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if not history:
        del content["history"]
    # Half a surrogate pair, from an earlier question, becomes a question mark: no pair may hold it.
    line = json.dumps(content, ensure_ascii=False).encode(errors="replace") + b"\n"
    file = index / FEEDBACK_FILE
    try:
        _append(file, line)
    except OSError as error:
        raise IndexUnwritable(
            f"{file} cannot be written ({(error.strerror or 'no access').lower()}), so the thumb "
            "was not kept; put that right and click again"
        ) from error


def _append(file: Path, line: bytes) -> None:
    with file.open("ab+", buffering=0) as out:  # every write goes to the end, whoever else writes
        fcntl.flock(out, fcntl.LOCK_EX)
        end = out.seek(0, os.SEEK_END)
        if end and os.pread(out.fileno(), 1, end - 1) != b"\n":
            line = b"\n" + line  # after what an editor left without a line break
        if out.write(line) != len(line):
            out.truncate(end)  # half a line would spoil the file
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
