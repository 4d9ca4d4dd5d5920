"""Thumbs: what is kept, when, and that `evaluate` reads it."""

import errno
import json
import os
import resource
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from askseeds import feedback
from askseeds.errors import IndexUnwritable
from askseeds.evaluate import draft
from askseeds.types import Answer, Models, Quote, Turn

QUOTE = Quote("a.txt", 5, 18, 'It is\n"\u2028so" é.', "A", 2, "H", 0.5)


def answered(question, *quotes):
    status = "answered" if quotes else "not_found"
    text = "\n\n".join(quote.text for quote in quotes) or "Nothing."
    models = Models("encoder", "reranker")
    return Answer(question, question, status, 0.91234, text, quotes, (), (), (), {}, models)


def lines(folder):
    file = folder / draft.FEEDBACK_FILE
    return [json.loads(line) for line in file.read_bytes().splitlines()] if file.exists() else []


def test_a_line_has_what_evaluate_reads(tmp_path):
    history = (Turn("Who?", "Nobody."), Turn("half \ud83d of it"))
    feedback.keep(tmp_path, answered("What?", QUOTE), "up", history=history)
    feedback.keep(tmp_path, answered("Why?"), "down")
    file = tmp_path / draft.FEEDBACK_FILE
    assert file.read_bytes().count(b"\n") == 2
    up, down = lines(tmp_path)
    assert (up["question"], up["rating"], up["status"]) == ("What?", "up", "answered")
    assert up["quotes"] == [
        {
            "source": "a.txt",
            "start": 5,
            "end": 18,
            "text": QUOTE.text,
            "title": "A",
            "page": 2,
            "heading": "H",
            "score": 0.5,
        }
    ]
    assert (down["quotes"], "history" in down) == ([], False)
    what, why = draft.from_feedback(file)
    assert (what.status, what.quotes, what.xfail) == ("answered", (QUOTE.text,), "")
    assert what.history == (Turn("Who?", "Nobody."), Turn("half ? of it"))
    assert (why.question, bool(why.xfail)) == ("Why?", True)


def test_the_last_thumb_of_a_question_with_its_history_counts(tmp_path):
    for rating in ("up", "down", "up", "down"):
        feedback.keep(tmp_path, answered("What?", QUOTE), rating)
    for rating in ("down", "up"):
        feedback.keep(tmp_path, answered("What?", QUOTE), rating, history=[Turn("Who?")])
    alone, after = draft.from_feedback(tmp_path / draft.FEEDBACK_FILE)
    assert (alone.history, alone.not_quotes, alone.quotes) == ((), (QUOTE.text,), ())
    assert (len(after.history), after.not_quotes, after.quotes) == (1, (), (QUOTE.text,))


def test_a_missing_line_break_costs_no_line(tmp_path):
    file = tmp_path / draft.FEEDBACK_FILE
    file.write_text('{"question": "By hand?", "rating": "up"}')
    feedback.keep(tmp_path, answered("What?"), "up")
    assert [line["question"] for line in lines(tmp_path)] == ["By hand?", "What?"]


def test_many_writers_and_every_line_is_whole(tmp_path):
    long = Quote("a.txt", 0, 200_000, "x" * 200_000, "A", None, None, 1.0)
    start = threading.Barrier(8)

    def write(number):
        start.wait()
        for _ in range(5):
            feedback.keep(tmp_path, answered(f"{number}?", long), "up")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    kept = lines(tmp_path)
    assert len(kept) == 40
    assert all(line["quotes"][0]["text"] == long.text for line in kept)


def test_half_a_line_is_taken_back(tmp_path):
    feedback.keep(tmp_path, answered("What?"), "up")
    file = tmp_path / draft.FEEDBACK_FILE
    before = file.read_bytes()
    # The system's own limit on the size of a file cuts the write short, as a full disk does.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, hard))
    try:
        with pytest.raises(IndexUnwritable) as caught:
            feedback.keep(tmp_path, answered("Why?"), "down")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert os.strerror(errno.ENOSPC).lower() in str(caught.value)
    assert file.read_bytes() == before


@pytest.mark.parametrize("spoil", [Path.mkdir, lambda file: file.symlink_to(file)])
def test_what_cannot_be_written_is_one_line(tmp_path, spoil):
    file = tmp_path / draft.FEEDBACK_FILE
    spoil(file)
    with pytest.raises(IndexUnwritable, match=r"feedback\.jsonl cannot be written \(") as caught:
        feedback.keep(tmp_path, answered("What?"), "up")
    assert "\n" not in str(caught.value)
