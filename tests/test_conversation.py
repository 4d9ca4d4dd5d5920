from askseeds import conversation
from askseeds.types import Turn


def test_a_conversation_comes_back_as_it_was(tmp_path):
    turns = (Turn("İ?", "Yes."), Turn("And why?"))
    assert conversation.last(tmp_path) == ()
    assert conversation.keep(tmp_path, turns)
    assert conversation.last(tmp_path) == turns


def test_only_the_last_turns_are_kept(tmp_path):
    turns = [Turn(f"Question {number}?") for number in range(conversation.TURNS + 5)]
    conversation.keep(tmp_path, turns)
    assert conversation.last(tmp_path) == tuple(turns[5:])


def test_a_damaged_conversation_is_none(tmp_path):
    for content in (b"\xff", b"{", b'{"a": 1}', b"[3]"):
        (tmp_path / conversation.FILE_NAME).write_bytes(content)
        assert conversation.last(tmp_path) == ()


def test_where_nothing_can_be_written_nothing_is_raised(tmp_path):
    assert not conversation.keep(tmp_path / "missing", [Turn("Why?")])
