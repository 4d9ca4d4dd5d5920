"""The index follows the documents behind the chat's back."""

import pytest

from askseeds.errors import SeedsError
from askseeds.ledger import Ledger
from askseeds.sync import synchronise, writer
from askseeds.web.freshness import Freshness

LONG_S = 60.0


def fresh(settings, told):
    return Freshness(settings, progress=lambda *_: None, notice=told.append)


def test_what_is_new_is_indexed_before_a_question(place):
    (place.seeds / "a.txt").write_text("Rain falls.\n")
    synchronise(place)
    told = []
    freshness = fresh(place, told)
    assert freshness.reached(LONG_S)
    (place.seeds / "b.txt").write_text("Snow falls.\n")
    (place.seeds / "c.pdf").write_text("no PDF\n")
    assert freshness.reached(LONG_S)
    ledger = Ledger.open(place.index)
    assert ledger.sources() == ("a.txt", "b.txt")
    ledger.close()
    assert [line.split(":")[0] for line in told] == ["cannot read c.pdf"]


def test_a_question_does_not_wait_for_long(place):
    (place.seeds / "a.txt").write_text("Rain falls.\n")
    synchronise(place)
    (place.seeds / "b.txt").write_text("Snow falls.\n")
    freshness = fresh(place, [])
    with writer(place.index):
        assert not freshness.reached(0.1)
        assert not freshness.reached(0.1)
    assert freshness.reached(LONG_S) or freshness.reached(LONG_S)


def test_what_keeps_the_index_from_following_is_heard(place):
    (place.seeds / "a.txt").write_text("Rain falls.\n")
    synchronise(place)
    freshness = fresh(place, [])
    place.seeds.rename(place.seeds.with_name("away"))
    with pytest.raises(SeedsError):
        freshness.reached(LONG_S)
