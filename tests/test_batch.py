import io

import pytest

from askseeds.batch import open_lines, read_lines, turns
from askseeds.errors import QuestionError
from askseeds.types import Turn


def test_lines_keep_their_order_and_ids(tmp_path):
    file = tmp_path / "questions.jsonl"
    file.write_bytes(
        b'\xef\xbb\xbf{"id": "a", "question": "One?"}\r\n\r\n{"id": 2, "question": "Two?"}'
    )
    with open_lines(str(file)) as lines:
        read = [(line.id, line.question()) for line in read_lines(lines)]
    assert read == [("a", "One?"), (2, "Two?")]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"{", "line 1 is not JSON"),
        (b"[]", "line 1 is not a JSON object"),
        (b"\xff", "line 1 is not UTF-8 (byte 0)"),
        (b"[" * 100_000, "line 1 is not JSON"),
        (b'{"id": ' + b"9" * 5_000 + b"}", "line 1 is not JSON"),
        (b'{"id": NaN, "question": "Who?"}', "line 1 is not JSON: NaN is no number"),
        (b'{"id": [1e999], "question": "Who?"}', "line 1 is not JSON: 1e999 is no number"),
        (b'{"question": "Who?", "histroy": []}', "histroy is not a field; did you mean history?"),
        (b'{"id": 1}', 'line 1 has no "question"'),
        (b'{"question": 3}', 'line 1 has no "question"'),
    ],
)
def test_a_broken_line_says_which_and_why(raw, said):
    (line,) = read_lines(io.BytesIO(raw))
    with pytest.raises(QuestionError) as caught:
        line.question()
    assert said in str(caught.value)


def test_what_else_a_line_carries_is_left_alone():
    raw = b'{"id": 1, "question": "Who?", "answerable": true, "questions": 2}'
    (line,) = read_lines(io.BytesIO(raw))
    assert line.question() == "Who?"


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(QuestionError, match=r"none\.jsonl cannot be read"):
        open_lines(str(tmp_path / "none.jsonl"))


@pytest.mark.parametrize(
    "history",
    [
        ["One?", "Two?"],
        [{"question": "One?"}, {"question": "Two?", "answer": None}],
        [{"role": "user", "content": "One?"}, {"role": "user", "content": "Two?"}],
    ],
)
def test_histories_of_every_form(history):
    assert turns(history, where="here") == (Turn("One?"), Turn("Two?"))


def test_answers_are_kept():
    messages = [{"role": "user", "content": "One?"}, {"role": "assistant", "content": "Yes."}]
    assert turns(messages, where="here") == (Turn("One?", "Yes."),)
    assert turns([{"question": "One?", "answer": "Yes."}], where="") == (Turn("One?", "Yes."),)


@pytest.mark.parametrize("history", ["One?", 3, [3], [{"text": "One?"}]])
def test_a_history_of_another_form_is_an_error(history):
    with pytest.raises(QuestionError, match="here: "):
        turns(history, where="here")
