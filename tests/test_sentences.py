"""Offsets are the promise of the whole tool: nothing is lost, nothing moves."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from askseeds.documents import parse
from askseeds.sentences import (
    PASSAGE_CHARS,
    SENTENCE_CHARS,
    heading_at,
    is_heading,
    passages,
    sentence_spans,
)
from askseeds.types import Document, Heading

TRAPS = (
    "İstanbul is large. İzmir is not.",
    "The ﬁrst ﬂight. A ﬁnal one.",
    "Cafe\u0301 au lait. Nai\u0308ve.",
    "One.\r\nTwo.\r\n\r\nThree",
    "\ufeffMarked. Twice.",
    "No final newline",
    "x" * 50_000,
    "The same. The same. The same.\nThe same.",
    "👩‍👩‍👧‍👦 came. 🇺🇸 won!",
    "a\u0301" * 3_000,
    "Line\u2028separator. Para\u2029graph.",
    "\x85\x0b\x0c. ",
)
texts = st.one_of(
    st.text(),
    st.lists(st.sampled_from([*TRAPS, " ", "\n", "\r\n", "1. ", "- ", "| a | b |", "# H"])).map(
        "".join
    ),
)


def with_traps(test):
    for trap in TRAPS:
        test = example(trap)(test)
    return test


@with_traps
@given(texts)
def test_only_white_space_stands_between_sentences(text):
    spans = sentence_spans(text)
    at = 0
    for start, end in spans:
        assert at <= start < end <= len(text)
        assert not text[at:start].strip()
        assert text[start:end] == text[start:end].strip()
        assert end - start <= SENTENCE_CHARS
        at = end
    assert not text[at:].strip()


@with_traps
@given(texts)
def test_passages_hold_every_sentence_once(text):
    document = Document("id", "a.txt", "a", text)
    drafts = passages(document)
    joined = [span for draft in drafts for span in draft.sentences]
    assert joined == list(sentence_spans(text))
    for draft in drafts:
        assert (draft.start, draft.end) == (draft.sentences[0][0], draft.sentences[-1][1])
        assert (
            len(draft.sentences) == 1 or draft.end - draft.start <= PASSAGE_CHARS + SENTENCE_CHARS
        )


@given(st.lists(st.sampled_from(["# One\n", "## Two\n", "Text. More text.\n", "```\n", "a | b\n"])))
def test_headings_are_sentences_of_their_own(parts):
    document = parse(b"x\n" + "".join(parts).encode(), "a.md")
    spans = sentence_spans(document.text, document.headings)
    for heading in document.headings:
        holding = [span for span in spans if span[0] <= heading.start and heading.end <= span[1]]
        assert len(holding) == 1
        assert is_heading(holding[0], document.headings)


def test_a_long_line_is_never_cut_inside_a_letter():
    text = "e\u0301" * 2_000
    for start, _ in sentence_spans(text):
        assert not unicodedata.combining(text[start])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Smith came. He left.", ["Dr. Smith came.", "He left."]),
        ("It cost 3.5 million. That is much.", ["It cost 3.5 million.", "That is much."]),
        ("J. K. Rowling wrote it. I read it.", ["J. K. Rowling wrote it.", "I read it."]),
        ("See Fig. 3 for more. Or not.", ["See Fig. 3 for more.", "Or not."]),
        (
            "In the U.S. it rains. In the U.S. The end.",
            ["In the U.S. it rains.", "In the U.S.", "The end."],
        ),
        ("“Stop!” he said. She did.", ["“Stop!” he said.", "She did."]),
        ("He said “stop.” She did.", ["He said “stop.”", "She did."]),
        ("Wait... what? Yes!", ["Wait... what?", "Yes!"]),
        ("e.g. this one. And i.e. that.", ["e.g. this one.", "And i.e. that."]),
        ("今日は雨です。明日は晴れ！本当？", ["今日は雨です。", "明日は晴れ！", "本当？"]),
        ("Acme Inc. was first. The rest followed.", ["Acme Inc. was first.", "The rest followed."]),
        ("tokenised text . it goes on .", ["tokenised text .", "it goes on ."]),
        ("1. First item\n2. Second item", ["1. First item", "2. Second item"]),
        ("- one\n- two. Three.", ["- one", "- two.", "Three."]),
        ("a | b\nc | d", ["a | b", "c | d"]),
        ("One\n\nTwo", ["One", "Two"]),
    ],
)
def test_where_sentences_end(text, expected):
    assert [text[start:end] for start, end in sentence_spans(text)] == expected


def test_wrapped_lines_are_one_sentence_and_paragraph_lines_are_not():
    wrapped = (
        "The committee met on Tuesday in the large hall of the old town\n"
        "house and decided, after a long debate, to build the bridge.\n"
    )
    assert len(sentence_spans(wrapped)) == 1
    paragraphs = "A short line that ends without a mark\n" + "A long paragraph follows it " * 12
    assert len(sentence_spans(paragraphs)) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "08:11 Wen: I had three people who were charged twice, and they are angry\n"
            "08:12 Farrukh: Refund them, as many of them as have written to us until today\n"
            "[8:20 pm] Ines Otto: that is done, and all of them have been told so today\n"
            "(08:31:05) - Wen: ok, thanks\n"
            "[15/05/2024, 20:31:09] Sue Bell: The council put the rent up to 64 pounds a year\n"
            "15.05.24, 20:32 - Graham: What?? It was 48",
            [
                "08:11 Wen: I had three people who were charged twice, and they are angry",
                "08:12 Farrukh: Refund them, as many of them as have written to us until today",
                "[8:20 pm] Ines Otto: that is done, and all of them have been told so today",
                "(08:31:05) - Wen: ok, thanks",
                "[15/05/2024, 20:31:09] Sue Bell: The council put the rent up to 64 pounds a year",
                "15.05.24, 20:32 - Graham: What??",
                "It was 48",
            ],
        ),
        (
            "The doors of the old harbour office are opened every morning at\n"
            "08:30 by the clerk: he has the key.",
            [
                "The doors of the old harbour office are opened every morning at\n"
                "08:30 by the clerk: he has the key."
            ],
        ),
        (
            "Turn the knob to choose one of these:\n"
            "  Laundry   runs without a break at full fan speed for up to 8 hours\n"
            "  Night     lowers the fan, and dims the display until the morning\n"
            "            light comes in\n",
            [
                "Turn the knob to choose one of these:",
                "Laundry   runs without a break at full fan speed for up to 8 hours",
                "Night     lowers the fan, and dims the display until the morning\n"
                "            light comes in",
            ],
        ),
        (
            "The cell   was large, and it was cold, as all of them were at that\n"
            "time of the   year, when nobody had wood.",
            [
                "The cell   was large, and it was cold, as all of them were at that\n"
                "time of the   year, when nobody had wood."
            ],
        ),
        (
            "See you then\n\n- - - - -\nFrom: Gideon\n~~~~~~ \n***\nNo --- rule",
            ["See you then", "- - - - -", "From: Gideon", "~~~~~~", "***", "No --- rule"],
        ),
    ],
)
def test_chats_columns_and_lines_drawn_across(text, expected):
    assert [text[a:b] for a, b in sentence_spans(text)] == expected


def test_a_line_drawn_across_parts_passages_but_an_underline_does_not():
    mail = "The 22nd clashes with the summer concert of the school. " * 4
    document = parse(f"{mail}\n\nGideon\n\n-----\nFrom: Petra\n\n{mail}".encode(), "a.txt")
    first, second = passages(document)[-2:]
    assert document.text[first.start : first.end].endswith("Gideon")
    assert document.text[second.start : second.end].startswith("-----\nFrom: Petra\n\nThe 22nd")
    rule = "-" * 60
    document = parse(f"{mail}\n\nItem   Price\n{rule}\nPlums  3.00".encode(), "a.txt")
    assert not any(document.text.startswith(rule, p.start) for p in passages(document))
    assert rule in [document.text[a:b] for a, b in sentence_spans(document.text)]
    for passage in passages(parse(f"{rule}\n".encode() * 1_000, "a.txt")):
        assert passage.end - passage.start < 2 * PASSAGE_CHARS


def test_text_without_capitals_is_split_too():
    text = "the first note. " + "another sentence here. " * 8
    assert len(sentence_spans(text)) == 9


def test_passages_know_their_headings_and_pages():
    text = (
        "Guide\nIntro text that is long enough. " + "More of it. " * 20 + "\nUse\n" + "Do it. " * 40
    )
    headings = (Heading(0, 5, 1), Heading(text.index("Use\n"), text.index("Use\n") + 3, 2))
    document = Document("id", "a.pdf", "Guide", text, (0, text.index("Use\n")), headings)
    found = passages(document)
    assert found[0].heading == "Guide"
    assert found[0].page == 1
    assert found[-1].heading == "Guide › Use"
    assert found[-1].page == 2


@pytest.mark.parametrize("text", ["." * 200_000, "!?" * 100_000, "a. " * 100_000, "…" * 100_000])
def test_time_grows_no_faster_than_the_text(text):
    # Quadratic time would take minutes here; the test suite's own limit ends it.
    assert sentence_spans(text)


def test_a_long_heading_is_prose():
    document = parse(("# " + "long heading " * 500 + "\n\nText. " * 20).encode(), "a.md")
    assert document.headings == ()
    assert len(document.title) <= 200
    stored = sum(len(draft.heading or "") for draft in passages(document))
    assert stored <= len(document.text)


def test_the_headings_over_an_offset():
    document = parse(b"# One\n\nText.\n\n## Two\n\nMore.\n\n## Three\n\nEnd.\n", "a.md")
    over = {
        word: heading_at(document, document.text.index(word))
        for word in ("# One", "Text.", "## Two", "More.", "## Three", "End.")
    }
    assert over == {
        "# One": None,
        "Text.": "One",
        "## Two": "One",
        "More.": "One › Two",
        "## Three": "One",
        "End.": "One › Three",
    }
