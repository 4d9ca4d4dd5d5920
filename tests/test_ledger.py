import threading

import numpy as np
import pytest

from askseeds.errors import IndexFault, IndexMissing
from askseeds.ledger import Ledger, LedgerWriter, Skipped, Stamp
from askseeds.sentences import passages
from askseeds.types import Document, Heading

STAMP = Stamp("0" * 64, 1, 2, 3)


@pytest.fixture
def ledger(tmp_path):
    ledger = LedgerWriter.create(tmp_path / "index")
    yield ledger
    ledger.close()


def put(ledger, source, text, *, generation):
    document = Document(f"{source}-{generation}", source, "T", text, (0,), (Heading(0, 1, 1),))
    drafts = [(draft, bytes([i])) for i, draft in enumerate(passages(document))]
    ledger.put(document, STAMP, drafts, generation=generation)
    return document


def publish(ledger, generation):
    ledger.publish(generation, fingerprint="f", encoder="e")


def test_what_is_not_published_is_not_seen(ledger):
    put(ledger, "a.txt", "One. Two.", generation=1)
    assert ledger.generation == 0
    assert ledger.sources() == ()
    assert ledger.document("a.txt") is None
    assert ledger.has_unpublished()
    publish(ledger, 1)
    assert ledger.sources() == ("a.txt",)
    assert not ledger.has_unpublished()
    assert ledger.is_published(fingerprint="f", encoder="e")
    assert not ledger.is_published(fingerprint="g", encoder="e")


def test_documents_and_passages_come_back_as_they_were(ledger):
    document = put(ledger, "a.txt", "İstanbul. The ﬁrst.\r\n\r\nNo end", generation=1)
    publish(ledger, 1)
    assert ledger.document("a.txt") == document
    ids = ledger.passage_ids(["a.txt"])
    found = ledger.passages(ids)
    assert [found[id_][1] for id_ in ids] == [document] * len(ids)
    drafts = passages(document)
    assert [(p.start, p.end, p.heading, p.page, p.sentences) for p, _ in found.values()] == [
        (d.start, d.end, d.heading, d.page, d.sentences) for d in drafts
    ]


def test_a_pinned_reader_sees_its_generation(ledger, tmp_path):
    old = put(ledger, "a.txt", "Old text.", generation=1)
    publish(ledger, 1)
    reader = Ledger.open(tmp_path / "index")
    reader.pin(1)
    new = put(ledger, "a.txt", "New text.", generation=2)
    put(ledger, "b.txt", "More.", generation=2)
    publish(ledger, 2)
    assert reader.document("a.txt") == old
    assert reader.sources() == ("a.txt",)
    assert ledger.document("a.txt") == new
    reader.pin(2)
    assert reader.document("a.txt") == new
    reader.close()


def test_purge_takes_the_dead_and_their_embeddings(ledger):
    put(ledger, "a.txt", "Old text.", generation=1)
    ledger.put_embeddings("e", {bytes([0]): np.ones(4, np.float32)})
    publish(ledger, 1)
    ledger.remove(["a.txt"], generation=2)
    assert ledger.dead_ids() == ()
    publish(ledger, 2)
    assert len(ledger.dead_ids()) == 1
    ledger.purge()
    assert ledger.dead_ids() == ()
    assert ledger.known("e", [bytes([0])]) == set()


def test_ids_are_never_used_again(ledger):
    put(ledger, "a.txt", "One.", generation=1)
    publish(ledger, 1)
    (first,) = ledger.passage_ids(["a.txt"])
    ledger.remove(["a.txt"], generation=2)
    publish(ledger, 2)
    ledger.purge()
    put(ledger, "a.txt", "One.", generation=3)
    publish(ledger, 3)
    assert ledger.passage_ids(["a.txt"])[0] > first
    assert ledger.passages([first]) == {}


def test_rows_since_gives_each_passage_once(ledger):
    for number in range(5):
        put(ledger, f"{number}.txt", "One. " * 300, generation=1)
    put(ledger, "late.txt", "Late.", generation=2)
    publish(ledger, 2)
    rows = [row for batch in ledger.rows_since(-1, batch=2) for row in batch]
    assert len(rows) == len({row.id for row in rows}) == ledger.counts()["passages"]
    assert [row.text for batch in ledger.rows_since(1) for row in batch] == ["Late."]


def test_embeddings_keep_their_values_and_order(ledger):
    vectors = {bytes([i]): np.random.default_rng(i).random(8, np.float32) for i in range(200)}
    ledger.put_embeddings("e", vectors)
    order = list(reversed(vectors))
    assert np.array_equal(ledger.vectors("e", order), np.stack([vectors[d] for d in order]))
    assert ledger.known("e", [*order[:3], b"none"]) == set(order[:3])
    assert ledger.known("other", order) == set()
    with pytest.raises(IndexFault, match="lacks an embedding"):
        ledger.vectors("e", [b"none"])


def test_skipped_files_are_replaced_as_a_list(ledger):
    first = Skipped("a.bin", 1, 2, "is binary", failed=True)
    second = Skipped("b.png", 1, 2, "no", failed=False)
    ledger.skip([first])
    ledger.skip([second])
    assert ledger.skipped() == {"b.png": second}


def test_several_threads_may_read(ledger):
    put(ledger, "a.txt", "One. " * 100, generation=1)
    publish(ledger, 1)
    ids = ledger.passage_ids(["a.txt"])
    failures = []

    def read():
        try:
            for _ in range(50):
                assert len(ledger.passages(ids)) == len(ids)
                assert ledger.document("a.txt") is not None
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_who_opens_it_to_read_is_given_nothing_to_write_with(ledger, tmp_path):
    reader = LedgerWriter.open(tmp_path / "index")
    assert type(reader) is Ledger
    reader.close()


def test_no_ledger_is_one_line(tmp_path):
    with pytest.raises(IndexMissing, match="holds no index; run `askseeds index` first"):
        Ledger.open(tmp_path)


def test_a_failed_change_leaves_nothing(ledger):
    document = Document("x", "a.txt", "T", "One.")
    (draft,) = passages(document)
    with pytest.raises(IndexFault):
        ledger.put(document, STAMP, [(draft, None)], generation=1)
    publish(ledger, 1)
    assert ledger.sources() == ()
