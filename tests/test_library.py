"""The list of documents, and the index that follows the seeds behind it."""

import json
import os
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from askseeds.assistant import Assistant
from askseeds.errors import DocumentError, SeedsError
from askseeds.ledger import FILE_NAME, Ledger
from askseeds.lock import writer
from askseeds.sync import synchronise
from askseeds.web import library as library_module
from askseeds.web.library import Library
from askseeds.web.listing import Choice, Entry, Listing, kind_of, look_at

WAIT_S = 60


def write(settings, name, text):
    path = settings.seeds / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def states(settings):
    return {entry.source: entry.state for entry in look_at(settings).entries}


def wait_for(condition):
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def told(library):
    return {entry.source: entry.state for entry in library.listing(fresh=True).entries}


def put(library, name, text, existing="refuse"):
    with library.upload(name) as upload:
        upload.write(text.encode())
        source = upload.keep(existing)
    library.wake()
    return source


class TestListing:
    def test_kinds_sizes_and_states(self, place):
        write(place, "shelf/plums.md", "# Plums\n\nPlums are picked in August.")
        write(place, "empty.txt", "")
        write(place, "damaged.pdf", "no PDF")
        write(place, "picture.png", "no picture")
        write(place, ".hidden.txt", "hidden")
        assert states(place) == {
            "damaged.pdf": "waiting",
            "empty.txt": "waiting",
            "shelf/plums.md": "waiting",
            "picture.png": "unread",
        }
        synchronise(place)
        entries = {entry.source: entry for entry in look_at(place).entries}
        assert list(entries) == ["damaged.pdf", "empty.txt", "shelf/plums.md", "picture.png"]
        plums = Entry("shelf/plums.md", "Markdown", 36, "indexed", "", asked=True)
        assert entries["shelf/plums.md"] == plums
        for name, kind, reason in (
            ("damaged.pdf", "PDF", "not a PDF"),
            ("empty.txt", "Text", "empty"),
        ):
            entry = entries[name]
            assert (entry.kind, entry.state, entry.asked) == (kind, "failed", False)
            assert reason in entry.reason
        assert "not read" in entries["picture.png"].reason
        assert not entries["picture.png"].asked

    def test_a_changed_document_waits_and_can_still_be_asked(self, place):
        path = write(place, "plums.txt", "Plums are picked in August.")
        synchronise(place)
        assert not {p for p in look_at(place).pending if p[1] != path.stat().st_size}
        path.write_text("Plums are picked in September.")
        [entry] = look_at(place).entries
        assert (entry.state, entry.asked) == ("waiting", True)
        assert ("plums.txt", path.stat().st_size, path.stat().st_mtime_ns) in look_at(place).pending
        path.unlink()
        assert look_at(place).entries == ()
        assert look_at(place).pending == {("plums.txt", -1, -1)}

    def test_what_is_read_but_not_published_waits(self, place):
        write(place, "plums.txt", "Plums are picked in August.")
        synchronise(place)
        ledger = Ledger.open(place.index)
        assert ledger.unpublished() == frozenset()
        with sqlite3.connect(place.index / FILE_NAME) as connection:
            connection.execute("UPDATE documents SET born = born + 1")
        connection.close()
        assert ledger.unpublished() == {"plums.txt"}
        ledger.close()
        [entry] = look_at(place).entries
        assert (entry.state, entry.asked) == ("waiting", False)

    def test_a_file_that_is_too_large(self, place):
        write(place, "small.txt", "Plums are picked in August.")
        write(place, "large.txt", "x" * 2_000)
        smaller = place.model_copy(update={"max_file_mb": 0.001})
        for _ in range(2):
            entry = next(e for e in look_at(smaller).entries if e.source == "large.txt")
            assert entry.state == "failed"
            assert "max_file_mb" in entry.reason
            synchronise(smaller)

    def test_a_missing_folder_is_one_line(self, place):
        place.seeds.rmdir()
        with pytest.raises(SeedsError, match="does not exist"):
            look_at(place)
        listing = Library(place).listing()
        assert "does not exist" in listing.fault
        assert listing.entries == ()

    def test_the_filter(self):
        entries = tuple(Entry(f"{name}.txt", "Text", 1, "indexed") for name in ("Plum jam", "plum"))
        listing = Listing(entries)
        assert listing.matching("  ") == entries
        assert listing.matching("PLUM") == entries
        assert listing.matching("jam plum") == entries[:1]
        assert listing.matching("pear") == ()

    @pytest.mark.parametrize(
        ("name", "kind"), [("a.TXT", "Text"), ("b/c.htm", "HTML"), ("d.xyz", "XYZ"), ("e", "File")]
    )
    def test_kinds(self, name, kind):
        assert kind_of(name) == kind


class TestChoice:
    SOURCES = ("a", "b", "c")

    @pytest.mark.parametrize(
        "value",
        [
            None,
            "",
            "nonsense",
            "[]",
            "{}",
            7,
            '{"names": 3}',
            '{"names": [3, null]}',
            b"x",
            "[" * 9999,
        ],
    )
    def test_what_is_not_a_choice_means_all(self, value):
        assert Choice.of(value) == Choice()
        assert Choice.of(value).among(self.SOURCES) is None

    @given(st.booleans(), st.frozensets(st.sampled_from("abcd")))
    def test_all_but_some_or_only_some(self, every, names):
        choice = Choice.of(json.dumps({"every": every, "names": sorted(names)}))
        expected = tuple(s for s in self.SOURCES if (s not in names if every else s in names))
        if not expected:
            with pytest.raises(SeedsError, match="no document is chosen"):
                choice.among(self.SOURCES)
        elif every and len(expected) == 3:
            assert choice.among(self.SOURCES) is None
        else:
            assert choice.among(self.SOURCES) == expected

    def test_without_documents_nothing_is_amiss(self):
        assert Choice().among(()) is None


class TestLibrary:
    def test_the_index_follows_what_is_added_and_removed(self, article_place):
        with Assistant.open(article_place) as assistant, Library(article_place) as library:
            put(
                library, "plums.txt", "Plums in the orchard are picked in August by the brass band."
            )
            assert library.settle(WAIT_S)
            answer = assistant.ask("When are plums in the orchard picked?")
            assert answer.quotes[0].source == "plums.txt"
            [entry] = [e for e in library.listing().entries if e.source == "plums.txt"]
            assert (entry.state, entry.asked) == ("indexed", True)
            put(library, "plums.txt", "Plums in the orchard are picked in May.", "replace")
            assert library.settle(WAIT_S)
            assert "May" in assistant.ask("When are plums in the orchard picked?").text
            library.remove("plums.txt")
            assert "plums.txt" not in {e.source for e in library.listing().entries}
            assert library.settle(WAIT_S)
            assert len(assistant.sources()) == 1

    def test_what_another_program_writes_is_found_by_itself(self, article_place, monkeypatch):
        monkeypatch.setattr(library_module, "LOOK_S", 0.05)
        with Assistant.open(article_place) as assistant, Library(article_place):
            write(article_place, "shelf/plums.txt", "Plums are picked in August.")
            wait_for(lambda: "shelf/plums.txt" in assistant.sources())

    def test_a_question_does_not_wait_for_long_work(self, article_place):
        with Assistant.open(article_place) as assistant, Library(article_place) as library:
            with writer(article_place.index, wait_s=WAIT_S):  # another process that is at it
                put(library, "plums.txt", "Plums are picked in August.")
                assert not library.settle(0.3)
                wait_for(lambda: told(library)["plums.txt"] == "waiting")
                assert assistant.ask("Which company has mastered EUV lithography?").quotes
            assert library.settle(WAIT_S)
            assert "plums.txt" in assistant.sources()

    def test_what_came_while_the_index_was_made_is_not_waited_for_twice(
        self, article_place, monkeypatch
    ):
        begun, go_on = threading.Event(), threading.Event()

        def slow(settings, *, progress):
            begun.set()
            assert go_on.wait(WAIT_S)
            return synchronise(settings)

        with Assistant.open(article_place), Library(article_place) as library:
            assert library.settle(WAIT_S)
            monkeypatch.setattr(library_module, "synchronise", slow)
            put(library, "plums.txt", "Plums are picked in August.")
            assert begun.wait(WAIT_S)
            late = write(article_place, ".late", "Pears are picked in October.")
            os.utime(late, (time.time() - 100,) * 2)
            late.rename(article_place.seeds / "pears.txt")
            # The look finds both to be read, and the run that goes on reads both.
            found = threading.Event()
            look = library._look
            monkeypatch.setattr(library, "_look", lambda **how: (look(**how), found.set())[0])
            with ThreadPoolExecutor(1) as waiting:
                settled = waiting.submit(library.settle, WAIT_S / 4)
                assert found.wait(WAIT_S)
                go_on.set()
                assert settled.result()

    def test_the_work_is_told(self, article_place, monkeypatch):
        begun, go_on = threading.Event(), threading.Event()

        def slow(settings, *, progress):
            progress("indexing", 30, 120)
            begun.set()
            assert go_on.wait(WAIT_S)
            return synchronise(settings)

        with Assistant.open(article_place), Library(article_place) as library:
            assert library.settle(WAIT_S)
            monkeypatch.setattr(library_module, "synchronise", slow)
            put(library, "plums.txt", "Plums are picked in August.")
            assert begun.wait(WAIT_S)
            assert library.share == 0.25
            assert library.working_s > 0
            put(library, "pears.txt", "Pears are picked in October.")  # not part of this run
            now = told(library)
            assert (now["plums.txt"], now["pears.txt"]) == ("indexing", "waiting")
            go_on.set()
            assert library.settle(WAIT_S)
            assert set(told(library).values()) == {"indexed"}
            assert library.share is None
            assert library.working_s == 0

    def test_what_cannot_be_read_is_named_and_not_tried_all_the_time(
        self, article_place, monkeypatch
    ):
        monkeypatch.setattr(library_module, "LOOK_S", 0.01)
        # What was written just now is read a second time, to be sure: not here.
        for path in article_place.seeds.iterdir():
            os.utime(path, (time.time() - 100,) * 2)
        runs = []

        def counted(settings, *, progress):
            runs.append(1)
            return synchronise(settings)

        monkeypatch.setattr(library_module, "synchronise", counted)
        with Assistant.open(article_place), Library(article_place) as library:
            damaged = write(article_place, ".damaged", "no PDF")  # not seen until it is as it stays
            os.utime(damaged, (time.time() - 100,) * 2)
            damaged.rename(article_place.seeds / "damaged.pdf")
            assert library.settle(WAIT_S)
            entry = next(e for e in library.listing(fresh=True).entries if "damaged" in e.source)
            assert entry.state == "failed"
            assert library.listing().fault == ""
            before = len(runs)
            time.sleep(0.5)
            assert len(runs) == before

    def test_what_fails_as_a_whole_is_told_and_the_chat_goes_on(self, article_place, monkeypatch):
        def broken(settings, *, progress):
            raise RuntimeError("a disk that burns")

        monkeypatch.setattr(library_module, "synchronise", broken)
        with Assistant.open(article_place) as assistant, Library(article_place) as library:
            put(library, "plums.txt", "Plums are picked in August.")
            assert library.settle(WAIT_S)
            assert "could not be indexed" in library.listing(fresh=True).fault
            assert assistant.ask("Which company has mastered EUV lithography?").quotes

    @pytest.mark.parametrize("source", ["gone.txt", "../seeds/a.txt", "/etc/passwd", ""])
    def test_only_what_is_listed_is_removed(self, article_place, source):
        with pytest.raises(DocumentError, match="not in the list"):
            Library(article_place).remove(source)

    def test_a_document_in_a_linked_folder_stays(self, article_place, tmp_path):
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "plums.txt").write_text("Plums are picked in August.")
        (article_place.seeds / "linked").symlink_to(outside)
        synchronise(article_place)
        library = Library(article_place)
        assert "linked/plums.txt" in {e.source for e in library.listing().entries}
        with pytest.raises(DocumentError, match="linked folder"):
            library.remove("linked/plums.txt")
        assert (outside / "plums.txt").exists()

    def test_the_only_document_stays(self, article_place):
        write(article_place, "damaged.pdf", "no PDF")
        synchronise(article_place)
        library = Library(article_place)
        [article] = [e.source for e in library.listing().entries if e.asked]
        with pytest.raises(DocumentError, match="only document"):
            library.remove(article)
        library.remove("damaged.pdf")
        assert [e.source for e in library.listing().entries] == [article]

    def test_a_check_before_sending(self, article_place):
        library = Library(article_place)
        [article] = [path.name for path in article_place.seeds.iterdir()]
        assert library.check(article, 10)
        assert not library.check("plums.txt", 10)
        with pytest.raises(DocumentError, match="max_file_mb"):
            library.check("plums.txt", library.max_bytes + 1)
        with pytest.raises(DocumentError, match="path"):
            library.check("../plums.txt", 10)

    def test_the_version_moves_with_the_list_alone(self, article_place):
        library = Library(article_place)
        first = library.listing(fresh=True)
        assert library.listing(fresh=True) is first
        write(article_place, "plums.txt", "Plums are picked in August.")
        assert library.listing(fresh=True).version == first.version + 1
        assert replace(first, version=0) != replace(library.listing(), version=0)
