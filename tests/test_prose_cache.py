"""The memory of what was said: bounded, and never in the way."""

from askseeds.prose.cache import FILE_NAME, Cache
from askseeds.prose.prompt import Said


def test_what_was_said_is_remembered(tmp_path):
    assert Cache(tmp_path).get("a") is None
    Cache(tmp_path).keep("a", Said("words", 3, None))
    assert Cache(tmp_path).get("a") == Said("words", 3, None, cached=True)
    assert Cache(tmp_path).get("b") is None


def test_what_was_used_longest_ago_goes_first(tmp_path):
    cache = Cache(tmp_path, entries=3)
    for key in "abc":
        cache.keep(key, Said(key))
    assert cache.get("a")
    cache.keep("d", Said("d"))
    assert [bool(cache.get(key)) for key in "abcd"] == [True, False, True, True]


def test_a_damaged_or_missing_folder_is_no_error(tmp_path):
    (tmp_path / FILE_NAME).write_bytes(b"this is no database" * 1000)
    cache = Cache(tmp_path)
    cache.keep("a", Said("a"))
    assert cache.get("a") is None
    Cache(tmp_path / "nowhere").keep("a", Said("a"))
