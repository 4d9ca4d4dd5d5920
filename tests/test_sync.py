"""Nothing is lost, nothing is embedded twice, and a reader sees whole generations."""

import contextlib
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from askseeds import seeds, sync
from askseeds.assistant import Assistant
from askseeds.errors import IndexLocked, IndexTooNew, IndexUnwritable, SeedsError
from askseeds.ledger import Ledger
from askseeds.lock import writer
from askseeds.status import inspect
from askseeds.sync import is_current, synchronise
from tests.conftest import ARTICLE, ROOT

EUV = "Which company has mastered EUV lithography?"


def write(place, name, text):
    path = place.seeds / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    # Old enough for its time stamp to be trusted.
    os.utime(path, ns=(1_000_000_000, 1_000_000_000 + hash(text) % 1_000_000))


def quotes(place, question, **options):
    with Assistant.open(place, **options) as assistant:
        answer = assistant.ask(question)
    return answer.status, answer.confidence, answer.quotes, answer.nearest


def test_added_updated_removed_and_unchanged(place):
    write(place, "one.txt", "The bridge was built in 1911.")
    write(place, "sub/two.md", "# Two\n\nThe tower is 40 metres high.")
    first = synchronise(place)
    assert (first.added, first.updated, first.removed) == (("one.txt", "sub/two.md"), (), ())
    write(place, "one.txt", "The bridge was built in 1912.")
    (place.seeds / "sub/two.md").unlink()
    write(place, "three.txt", "The harbour closed in 1950.")
    second = synchronise(place)
    assert (second.added, second.updated, second.removed) == (
        ("three.txt",),
        ("one.txt",),
        ("sub/two.md",),
    )
    third = synchronise(place)
    assert (third.added, third.updated, third.removed, third.unchanged) == ((), (), (), 2)
    assert third.generation == second.generation
    assert "1912" in quotes(place, "When was the bridge built?")[2][0].text


def test_a_removed_document_is_quoted_no_more(place):
    write(place, "one.txt", "The bridge was built in 1911.")
    write(place, "two.txt", "Cats sleep most of the day.")
    assert quotes(place, "When was the bridge built?")[0] == "answered"
    (place.seeds / "one.txt").unlink()
    status, _, _, nearest = quotes(place, "When was the bridge built?")
    assert status == "not_found"
    assert all(quote.source == "two.txt" for quote in nearest)


def test_what_is_the_same_is_not_embedded_again(place, embedded_texts):
    write(place, "one.txt", "The bridge was built in 1911.")
    synchronise(place)
    assert len(embedded_texts) == 1
    shutil.copy(place.seeds / "one.txt", place.seeds / "copy.txt")
    (place.seeds / "one.txt").touch()
    synchronise(place)
    # The copy has another title, so its embedded text differs; the touched file's does not.
    assert len(embedded_texts) == 2
    (place.seeds / "one.txt").rename(place.seeds / "other.txt")
    shutil.move(place.seeds / "other.txt", place.seeds / "one.txt")
    synchronise(place)
    assert len(embedded_texts) == 2


@pytest.mark.parametrize("derived", [("vectors",), ("words",), ("vectors", "words"), ("encoder",)])
def test_what_is_derived_may_be_deleted(article_place, embedded_texts, derived):
    before = quotes(article_place, EUV)
    assert before[0] == "answered"
    embedded_texts.clear()
    for name in derived:
        shutil.rmtree(article_place.index / name)
    assert quotes(article_place, EUV) == before
    assert embedded_texts == []


@pytest.mark.parametrize("sync_first", [True, False])
def test_damaged_derived_files_are_made_again(article_place, embedded_texts, sync_first):
    before = quotes(article_place, EUV)
    embedded_texts.clear()
    for name in ("vectors", "words"):
        for file in (article_place.index / name).rglob("*"):
            if file.is_file():
                file.write_bytes(b"rubbish")
    assert quotes(article_place, EUV, sync=sync_first) == before
    assert embedded_texts == []


def test_an_older_derived_generation_catches_up(place, tmp_path, embedded_texts):
    write(place, "one.txt", "The bridge was built in 1911.")
    synchronise(place)
    shutil.copytree(place.index / "vectors", tmp_path / "vectors")
    shutil.copytree(place.index / "words", tmp_path / "words")
    write(place, "two.txt", "The tower is 40 metres high.")
    synchronise(place)
    embedded_texts.clear()
    for name in ("vectors", "words"):
        shutil.rmtree(place.index / name)
        shutil.copytree(tmp_path / name, place.index / name)
    assert quotes(place, "How high is the tower?")[0] == "answered"
    assert embedded_texts == []


def test_a_long_lived_reader_turns_to_the_new_generation(place):
    write(place, "one.txt", "The bridge was built in 1911.")
    with Assistant.open(place) as assistant:
        assert assistant.ask("How high is the tower?").status == "not_found"
        write(place, "two.txt", "The tower is 40 metres high.")
        synchronise(place)
        assert assistant.ask("How high is the tower?").status == "answered"
        assert assistant.sources() == ("one.txt", "two.txt")


def test_a_reader_keeps_its_generation_until_the_next_is_whole(place, monkeypatch):
    write(place, "one.txt", "The bridge was built in 1911.")
    with Assistant.open(place) as assistant:
        before = assistant.ask("When was the bridge built?")
        write(place, "one.txt", "Nothing about it is left here. Trees grow in the park.")
        # The writer dies between the ledger and the engines.
        with monkeypatch.context() as patch:
            patch.setattr(sync, "derive", interrupt)
            with pytest.raises(KeyboardInterrupt):
                synchronise(place)
        assert assistant.ask("When was the bridge built?").quotes == before.quotes
        with Assistant.open(place, sync=False) as other:
            assert other.ask("When was the bridge built?").status == "not_found"
        assert assistant.ask("When was the bridge built?").status == "not_found"


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


KILLED = """
import os, sys
from askseeds.config import load
from askseeds import ledger, sync

at, name = int(sys.argv[1]), sys.argv[2]
calls = 0
original = getattr(ledger.LedgerWriter, name)

def counted(*args, **kwargs):
    global calls
    calls += 1
    if calls == at:
        os.kill(os.getpid(), 9)
    return original(*args, **kwargs)

setattr(ledger.LedgerWriter, name, counted)
sync.synchronise(load(None, {"seeds": sys.argv[3], "index": sys.argv[4]}))
"""


@pytest.mark.parametrize(
    ("at", "method"),
    [
        (1, "put_embeddings"),
        (1, "put"),
        (3, "put"),
        (1, "publish"),
        (1, "vectors"),
        (1, "dead_ids"),
        (2, "dead_ids"),
        (1, "purge"),
    ],
)
def test_killed_anywhere_it_goes_on(place, at, method):
    for number in range(5):
        write(place, f"{number}.txt", f"Station {number} opened in {1900 + number}.")
    arguments = [str(at), method, str(place.seeds), str(place.index)]
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert "1903" in quotes(place, "When did station 3 open?")[2][0].text
    assert is_current(place)
    # And once more while documents change.
    write(place, "3.txt", "Station 3 opened in 1999.")
    (place.seeds / "4.txt").unlink()
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
    assert "1999" in quotes(place, "When did station 3 open?")[2][0].text
    with Assistant.open(place, sync=False) as assistant:
        assert assistant.sources() == ("0.txt", "1.txt", "2.txt", "3.txt")
    ledger = Ledger.open(place.index)
    assert ledger.check() is None
    assert ledger.counts()["passages"] == 4
    ledger.close()


def test_killed_at_random_moments_it_goes_on(place):
    shutil.copy(ROOT / "seeds" / ARTICLE, place.seeds)
    command = [sys.executable, "-m", "askseeds", "index"]
    command += ["--seeds", str(place.seeds), "--index", str(place.index)]
    for tenths in (3, 6, 9, 12, 16):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(tenths / 10)
        process.kill()
        process.wait()
    status, _, found, _ = quotes(place, EUV)
    assert status == "answered"
    assert "ASML" in found[0].text


def test_one_writer_at_a_time(place):
    write(place, "one.txt", "The bridge was built in 1911.")
    synchronise(place)
    with writer(place.index):
        with pytest.raises(IndexLocked, match="another askseeds is updating"):
            synchronise(place)
        # A question is answered from what there is.
        write(place, "two.txt", "The tower is 40 metres high.")
        notices: list[str] = []
        with Assistant.open(place, notice=notices.append) as assistant:
            assert assistant.ask("When was the bridge built?").status == "answered"
        assert len(notices) == 1


def test_a_file_out_of_reach_is_not_forgotten(place, monkeypatch):
    write(place, "one.txt", "The bridge was built in 1911.")
    write(place, "two.txt", "The tower is 40 metres high.")
    synchronise(place)
    os.utime(place.seeds / "one.txt")

    opened = pathlib.Path.open

    def failing(self, *arguments, **options):
        if self.name == "one.txt":
            raise PermissionError(13, "Permission denied")
        return opened(self, *arguments, **options)

    monkeypatch.setattr(pathlib.Path, "open", failing)
    report = synchronise(place)
    monkeypatch.undo()
    assert report.removed == ()
    (skipped,) = report.skipped
    assert "the version indexed before is kept" in skipped.reason


def test_a_file_that_turned_bad_is_quoted_no_more(place):
    write(place, "one.txt", "The bridge was built in 1911.")
    write(place, "two.txt", "The tower is 40 metres high.")
    synchronise(place)
    (place.seeds / "one.txt").write_bytes(b"The bridge \xff")
    report = synchronise(place)
    assert report.removed == ("one.txt",)
    assert [(s.source, s.failed) for s in report.skipped] == [("one.txt", True)]
    # Reported again, though it is not read again.
    assert synchronise(place).skipped == report.skipped
    write(place, "one.txt", "The bridge is back since 2001.")
    assert synchronise(place).added == ("one.txt",)


def test_seeds_are_only_read(article_place):
    file = article_place.seeds / ARTICLE
    before = (file.read_bytes(), file.stat().st_mtime_ns, sorted(article_place.seeds.iterdir()))
    quotes(article_place, EUV)
    assert (
        file.read_bytes(),
        file.stat().st_mtime_ns,
        sorted(article_place.seeds.iterdir()),
    ) == before


def test_rebuild_starts_from_nothing(article_place, embedded_texts):
    first = synchronise(article_place)
    again = synchronise(article_place, rebuild=True)
    assert again.passages == first.passages
    assert len(embedded_texts) == 2 * first.passages


def test_a_change_within_the_clock_tick_is_seen(place):
    path = place.seeds / "one.txt"
    path.write_text("The bridge was built in 1911.")
    now = path.stat()
    synchronise(place)
    path.write_text("The bridge was built in 1912.")
    os.utime(path, ns=(now.st_atime_ns, now.st_mtime_ns))
    assert "1912" in quotes(place, "When was the bridge built?")[2][0].text


def test_no_seeds_folder_and_an_empty_one(place):
    with pytest.raises(SeedsError, match="holds no documents; put some in it"):
        synchronise(place)
    place.seeds.rmdir()
    with pytest.raises(SeedsError, match="does not exist; make it"):
        synchronise(place)


def test_nothing_readable_says_why(place):
    (place.seeds / "empty.txt").touch()
    with pytest.raises(SeedsError, match=r"empty\.txt: is empty"):
        synchronise(place)


def test_an_index_of_a_newer_version_is_left_alone(place):
    write(place, "one.txt", "The bridge was built in 1911.")
    synchronise(place)
    with sqlite3.connect(place.index / "ledger.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(IndexTooNew, match="written by a newer askseeds"):
        synchronise(place)


def test_a_damaged_ledger_says_how_to_go_on(place):
    write(place, "one.txt", "The bridge was built in 1911.")
    synchronise(place)
    for file in place.index.glob("ledger.sqlite*"):
        file.write_bytes(b"rubbish" * 1000)
    with pytest.raises(Exception, match="askseeds index --rebuild"):
        synchronise(place)
    assert synchronise(place, rebuild=True).documents == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="a file system of its own needs root")
def test_a_full_disk_is_one_line_and_loses_nothing(place, exported_encoder, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(small)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("this machine does not let a test mount a file system")
    try:
        full = place.model_copy(update={"index": small})
        shutil.copytree(exported_encoder, small / "encoder")
        write(place, "one.txt", "The bridge was built in 1911. " * 3)
        synchronise(full)
        filler = small / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(b"x" * 65536):
                pass
        write(place, "two.txt", "\n\n".join(f"Sentence {n} of many." for n in range(20_000)))
        with pytest.raises(IndexUnwritable, match=r"disk|space"):
            synchronise(full)
        filler.unlink()
        assert quotes(full, "When was the bridge built?", sync=False)[0] == "answered"
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_links_and_hidden_files(place, tmp_path):
    write(place, "one.txt", "The bridge was built in 1911.")
    (place.seeds / ".hidden.txt").write_text("hidden")
    (place.seeds / "loop").symlink_to(place.seeds)
    (place.seeds / "broken.txt").symlink_to(tmp_path / "nowhere.txt")
    (place.seeds / "picture.png").write_bytes(b"\x89PNG")
    found = seeds.scan(place.seeds)
    assert list(found.files) == ["one.txt"]
    assert {s.source: s.failed for s in found.skipped} == {
        ".hidden.txt": False,
        "broken.txt": True,
        "loop": False,
        "picture.png": False,
    }


def test_a_file_that_is_too_large_is_skipped_from_the_first_run(place):
    write(place, "one.txt", "The bridge was built in 1911.")
    write(place, "large.txt", "Much more. " * 1_000)
    small = place.model_copy(update={"max_file_mb": 0.001})
    for _ in range(2):
        report = synchronise(small)
        assert report.documents == 1
        (skipped,) = report.skipped
        assert "is larger than max_file_mb (0.001 MB)" in skipped.reason
    assert is_current(small)
    # The setting is no part of the file: it is looked at again.
    assert synchronise(place).added == ("large.txt",)


def test_names_that_are_not_utf8_are_told_apart(place):
    write(place, "one.txt", "The bridge was built in 1911.")
    folder = os.fsencode(place.seeds)
    for name in (b"\xe9.txt", b"\xe8.txt"):
        pathlib.Path(os.fsdecode(folder + b"/" + name)).write_text("Text.")
    pathlib.Path(os.fsdecode(folder + b"/\xea.txt")).symlink_to("nowhere")
    report = synchronise(place)
    assert {s.source for s in report.skipped} == {r"\xe8.txt", r"\xe9.txt", r"\xea.txt"}
    assert report.documents == 1


def test_odd_names_are_names(place):
    names = ("new\nline.txt", "quote'\".txt", "ünï.txt", " space .txt", "x\x1b[31m.txt", "-r.txt")
    for name in names:
        write(place, name, f"The file is called {len(name)}.")
    assert set(synchronise(place).added) == set(names)


def test_what_another_writer_read_meanwhile_is_not_taken_for_gone(place, monkeypatch):
    write(place, "one.txt", "The bridge was built in 1911.")
    synchronise(place)

    @contextlib.contextmanager
    def slow(index, *, wait_s=0.0):
        monkeypatch.undo()
        write(place, "two.txt", "The tower is 40 metres high.")
        synchronise(place)
        with writer(index, wait_s=wait_s):
            yield

    monkeypatch.setattr(sync, "writer", slow)
    assert synchronise(place).removed == ()
    assert Ledger.open(place.index).sources() == ("one.txt", "two.txt")


@pytest.mark.parametrize("name", ["words", "vectors"])
def test_derived_parts_may_go_under_a_running_assistant(article_place, name):
    with Assistant.open(article_place) as assistant:
        before = assistant.ask(EUV).quotes
        shutil.rmtree(article_place.index / name)
        assert assistant.ask(EUV).quotes == before
        assert assistant.sources() == (ARTICLE,)


def test_a_rebuild_under_a_running_assistant(place):
    write(place, "a.txt", "The bridge was built in 1911.")
    with Assistant.open(place) as assistant:
        assert assistant.ask("When was the bridge built?").status == "answered"
        write(place, "0.txt", "The tower is 40 metres high.")
        synchronise(place, rebuild=True)
        (quote,) = assistant.ask("How high is the tower?").quotes
        assert (quote.source, quote.text) == ("0.txt", "The tower is 40 metres high.")


def test_a_question_that_crosses_a_commit_is_answered(place, monkeypatch):
    write(place, "a.txt", "The bridge was built in 1911.")
    with Assistant.open(place) as assistant:
        real = Ledger.passages

        def late(self, ids):
            monkeypatch.undo()
            write(place, "a.txt", "The bridge was built in 1912, and that is certain.")
            synchronise(place)
            return real(self, ids)

        monkeypatch.setattr(Ledger, "passages", late)
        answer = assistant.ask("When was the bridge built?")
        assert "1912" in answer.quotes[0].text


def test_a_new_ledger_does_not_believe_what_an_old_one_left(place):
    write(place, "a.txt", "The bridge was built in 1911.")
    synchronise(place)
    for file in place.index.glob("ledger.sqlite*"):
        file.unlink()
    write(place, "a.txt", "The tower is 40 metres high.")
    assert quotes(place, "How high is the tower?")[0] == "answered"


def test_a_damaged_encoder_is_made_again(article_place, embedded_texts):
    before = quotes(article_place, EUV)
    embedded_texts.clear()
    model = article_place.index / "encoder" / "model.onnx"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    synchronise(article_place)
    assert quotes(article_place, EUV) == before
    assert embedded_texts == []


def test_emptied_seeds_are_an_error_each_time_and_empty_no_index(place, embedded_texts):
    write(place, "a.txt", "The bridge was built in 1911.")
    synchronise(place)
    (place.seeds / "a.txt").unlink()
    for _ in range(2):
        with pytest.raises(SeedsError, match="holds no documents"):
            Assistant.open(place)
        report = inspect(place)
        assert (report.changed, report.removed) == (0, 1)
    embedded_texts.clear()
    write(place, "a.txt", "The bridge was built in 1911.")
    assert quotes(place, "When was the bridge built?")[0] == "answered"
    assert embedded_texts == []


@pytest.mark.parametrize("passages", [1, 2, 3])
def test_reading_writes_nothing(place, passages):
    for number in range(passages):
        write(place, f"{number}.txt", f"Station {number} opened in {1900 + number}.")
    synchronise(place)

    def state():
        files = sorted(file for file in place.index.rglob("*") if file.is_file())
        return [
            (file, file.read_bytes(), file.stat().st_mtime_ns)
            for file in files
            if "ledger" not in file.name
        ]

    before = state()
    for _ in range(2):
        quotes(place, "When did station 0 open?")
    assert state() == before


def test_links_do_not_multiply(place, tmp_path):
    for number in range(12):
        folder = tmp_path / "chain" / str(number)
        folder.mkdir(parents=True)
        for name in ("a", "b"):
            (folder / name).symlink_to(tmp_path / "chain" / str(number + 1))
    (tmp_path / "chain" / "12").mkdir()
    (tmp_path / "chain" / "12" / "one.txt").write_text("The bridge was built in 1911.")
    (place.seeds / "start").symlink_to(tmp_path / "chain" / "0")
    assert len(seeds.scan(place.seeds).files) == 1


def test_a_file_that_goes_while_it_is_indexed_has_not_failed(place, monkeypatch):
    write(place, "a.txt", "The bridge was built in 1911.")
    write(place, "b.txt", "The tower is 40 metres high.")
    synchronise(place)
    scan = seeds.scan

    looks = []

    def scan_then_lose(folder):
        looks.append(scan(folder))
        if len(looks) == 2:  # the second look is the one that is worked from
            (folder / "b.txt").unlink()
            (folder / "c.txt").unlink()
        return looks[-1]

    write(place, "b.txt", "The tower is 50 metres high.")
    write(place, "c.txt", "The river is 90 miles long.")
    with monkeypatch.context() as late:
        late.setattr(seeds, "scan", scan_then_lose)
        done = synchronise(place)
    assert (done.added, done.updated, done.skipped) == ((), (), ())
    assert synchronise(place).removed == ("b.txt",)
