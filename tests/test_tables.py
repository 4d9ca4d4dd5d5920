"""Rows of tables, as the cross-encoder reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from askseeds.tables import HEAD_CHARS, read_out

ROOMS = (
    "Prices for a night:\n| Room | Price |\n| :--- | ---: |\n| Single | 80 EUR |\n| Double | |\n"
)
HOURS = "Opening hours\n\nSeason | Hours\nSummer | 9:00 to 20:00\nWinter | closed\n\nThe end"


def whole(text: str) -> str:
    return read_out(text, 0, len(text))


def test_a_row_is_read_out_under_its_head():
    assert whole(ROOMS) == (
        "Prices for a night:\n| Room | Price |\n\nRoom: Single, Price: 80 EUR.\nRoom: Double.\n"
    )
    assert whole(HOURS) == (
        "Opening hours\n\nSeason | Hours\nSeason: Summer, Hours: 9:00 to 20:00.\n"
        "Season: Winter, Hours: closed.\n\nThe end"
    )


def test_the_head_may_stand_above_what_is_read():
    start = ROOMS.index("| Single")
    assert read_out(ROOMS, start, ROOMS.index("\n", start)) == "Room: Single, Price: 80 EUR."


def test_a_table_without_a_head_is_read_by_its_first_cells():
    text = "Weight | 2 kg\nColour | red or blue\nMade in | Porto\n"
    assert whole(text) == "Weight | 2 kg\nColour: red or blue.\nMade in: Porto.\n"


def test_years_name_columns_other_numbers_do_not():
    text = "in millions | December 31, 2017 | 2016\nnotes | 400 | 500\n"
    assert whole(text).endswith("in millions: notes, December 31, 2017: 400, 2016: 500.\n")


@pytest.mark.parametrize(
    "text",
    [
        "No table here.",
        "Run `cat notes | wc` and look.",
        "One | row\n\nNothing | else",
        "| a | b |\n| one cell more | 1 | 2 |",
        "|",
        "",
    ],
)
def test_what_is_no_table_stays_as_it_is(text: str) -> None:
    assert whole(text) == text


def test_a_bar_that_is_escaped_parts_no_cells():
    assert whole("Sign | Use\na \\| b | either\n") == "Sign | Use\nSign: a \\| b, Use: either.\n"


def test_a_head_too_far_above_is_not_guessed():
    row = "word | word\n"
    text = "Name | Sort\n" + row * (HEAD_CHARS // len(row) + 2)
    assert read_out(text, len(text) - len(row), len(text)) == row


@given(st.text("ab |\n-\\:1\r", max_size=60), st.data())
def test_any_text_can_be_read_out(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    plain = [line for line in text[start:end].splitlines(keepends=True) if "|" not in line]
    said = read_out(text, start, end)
    for line in plain:
        assert line in said
