import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from askseeds import vectors
from askseeds.errors import IndexUnwritable
from askseeds.vectors import ChromaVectors

DIMENSION = 16
SETUP = f"""
import os, sys
from pathlib import Path
import numpy as np
from askseeds.vectors import ChromaVectors
def unit(n, seed):
    v = np.random.default_rng(seed).standard_normal((n, {DIMENSION})).astype(np.float32)
    return v / np.linalg.norm(v, axis=1, keepdims=True)
def opened(folder, writable):
    return ChromaVectors.open(Path(folder), dimension={DIMENSION}, made_from="e",
                              writable=writable)
"""


def unit(n, seed=0):
    v = np.random.default_rng(seed).standard_normal((n, DIMENSION)).astype(np.float32)
    return v / np.linalg.norm(v, axis=1, keepdims=True)


def opened(folder, *, writable=False, encoder="e", dimension=DIMENSION):
    return ChromaVectors.open(folder, dimension=dimension, made_from=encoder, writable=writable)


def built(folder, n=50, generation=1):
    index = opened(folder, writable=True)
    index.add(range(1, n + 1), unit(n))
    index.commit(generation)
    index.close()
    return unit(n)


def command(code, *arguments):
    return [sys.executable, "-c", SETUP + textwrap.dedent(code), *map(str, arguments)]


def run(code, *arguments):
    """Runs Python in another process; what it printed, and how it ended."""
    done = subprocess.run(
        command(code, *arguments), stdout=subprocess.PIPE, text=True, timeout=60, check=False
    )
    return done.stdout.splitlines(), done.returncode


def snapshot_of(folder):
    return folder / json.loads((folder / "current.json").read_text())["path"]


def test_finds_the_same_as_an_exact_search(tmp_path):
    v = built(tmp_path, 400)
    index = opened(tmp_path)
    for query in unit(20, seed=9):
        exact = np.argsort(-(v @ query))[:10] + 1
        found = index.search(query, 10)
        assert [id_ for id_, _ in found] == exact.tolist()
        np.testing.assert_allclose([s for _, s in found], np.sort(v @ query)[::-1][:10], atol=1e-5)


def test_limits(tmp_path):
    v = built(tmp_path, 5)
    index = opened(tmp_path)
    assert len(index.search(v[0], 100)) == 5
    assert index.search(v[0], 0) == []
    assert len(index.search(np.zeros(DIMENSION, np.float32), 3)) == 3


@pytest.mark.parametrize("exact_up_to", [0, 1_000])
def test_within(tmp_path, monkeypatch, exact_up_to):
    monkeypatch.setattr(vectors, "_EXACT", exact_up_to)
    v = built(tmp_path, 300)
    index = opened(tmp_path)
    for step in (1, 2, 50, 299):
        wanted = range(1, 301, step)
        for query in unit(5, seed=4):
            similarities = v[[id_ - 1 for id_ in wanted]] @ query
            exact = np.array(wanted)[np.argsort(-similarities)][:10]
            found = index.search(query, 10, within=[*wanted, 2_000, 3_000])
            assert [id_ for id_, _ in found] == exact.tolist()
            np.testing.assert_allclose(
                [s for _, s in found], np.sort(similarities)[::-1][:10], atol=1e-5
            )
    assert [id_ for id_, _ in index.search(v[1], 9, within=[4, 2, 2, 777])] == [2, 4]
    assert index.search(v[0], 3, within=[777]) == []
    assert index.search(v[0], 3, within=[]) == []


@pytest.mark.parametrize("wrong", [np.ones(3, np.float32), np.full(DIMENSION, np.nan, np.float32)])
def test_a_wrong_vector_is_refused(tmp_path, wrong):
    built(tmp_path, 5)
    with pytest.raises(ValueError):
        opened(tmp_path).search(wrong, 1)


def test_without_an_index(tmp_path):
    index = opened(tmp_path / "none")
    assert (index.generation, index.count(), index.search(unit(1)[0], 5)) == (-1, 0, [])
    assert not (tmp_path / "none").exists()


def test_an_empty_index_can_be_committed(tmp_path):
    index = opened(tmp_path, writable=True)
    index.commit(4)
    assert (index.generation, index.count(), index.search(unit(1)[0], 5)) == (4, 0, [])
    assert opened(tmp_path).generation == 4


def test_adding_again_replaces_and_removing_the_unknown_is_fine(tmp_path):
    v = built(tmp_path, 20)
    index = opened(tmp_path, writable=True)
    index.add([1, 1, 2], v[[5, 9, 1]])
    index.remove([3, 4, 999])
    index.add([4], v[3:4])
    assert index.count() == 20, "not committed yet"
    index.commit(2)
    assert (index.count(), index.generation) == (19, 2)
    assert {id_ for id_, _ in index.search(v[9], 2)} == {1, 10}
    assert index.search(v[3], 1)[0][0] == 4
    assert 3 not in [id_ for id_, _ in index.search(v[2], 20)]


def test_more_than_one_batch(tmp_path, monkeypatch):
    monkeypatch.setattr(vectors, "_BATCH", 64)
    v = built(tmp_path, 1_000)
    index = opened(tmp_path)
    assert index.count() == 1_000
    assert all(index.search(v[i], 1)[0][0] == i + 1 for i in range(0, 1_000, 7))


def test_a_commit_without_changes_only_raises_the_generation(tmp_path):
    built(tmp_path)
    before = snapshot_of(tmp_path)
    index = opened(tmp_path, writable=True)
    index.commit(8)
    assert snapshot_of(tmp_path) == before
    assert (index.generation, opened(tmp_path).generation) == (8, 8)


def test_uncommitted_changes_are_dropped(tmp_path):
    built(tmp_path)
    index = opened(tmp_path, writable=True)
    index.add([100], unit(1))
    index.close()
    assert opened(tmp_path).count() == 50


def test_clear_keeps_what_is_published_until_the_commit(tmp_path):
    built(tmp_path)
    index = opened(tmp_path, writable=True)
    index.clear()
    index.add([7], unit(1))
    assert opened(tmp_path).count() == 50
    index.commit(2)
    assert (index.count(), opened(tmp_path).count()) == (1, 1)
    assert [p.name for p in tmp_path.iterdir() if p.is_dir()] == [snapshot_of(tmp_path).name]


def test_another_encoder_or_dimension_means_unknown(tmp_path):
    built(tmp_path)
    assert opened(tmp_path, encoder="other").generation == -1
    assert opened(tmp_path, dimension=8).generation == -1
    assert opened(tmp_path).generation == 1, "a reader deletes nothing"


@pytest.mark.parametrize(
    "garbled", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"format": 1}']
)
def test_a_garbled_marker_means_unknown(tmp_path, garbled):
    built(tmp_path, 5)
    (tmp_path / "current.json").write_bytes(garbled)
    assert opened(tmp_path).generation == -1
    index = opened(tmp_path, writable=True)
    assert (index.generation, index.count()) == (-1, 0)
    assert list(tmp_path.iterdir()) == []


def test_another_count_means_unknown(tmp_path):
    built(tmp_path, 5)
    marker = json.loads((tmp_path / "current.json").read_text())
    (tmp_path / "current.json").write_text(json.dumps(marker | {"count": 6}))
    assert opened(tmp_path).generation == -1


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "changed"])
def test_any_damaged_file_is_noticed_and_the_index_built_anew(tmp_path, damage):
    v = built(tmp_path, 30)
    whole = {p: p.read_bytes() for p in snapshot_of(tmp_path).rglob("*") if p.is_file()}
    assert len(whole) >= 5
    for path, content in whole.items():
        if damage == "missing":
            path.unlink()
        elif damage == "empty":
            path.write_bytes(b"")
        elif damage == "cut":
            path.write_bytes(content[: len(content) // 2])
        else:
            path.write_bytes(bytes(b ^ 0x55 for b in content))
        unknown = opened(tmp_path)
        if content or damage == "missing":
            assert (unknown.generation, unknown.count()) == (-1, 0), path.name
        path.write_bytes(content)
        assert opened(tmp_path).generation == 1, "whole again, if written at another time"
    max(whole, key=lambda p: len(whole[p])).write_bytes(b"x")
    index = opened(tmp_path, writable=True)
    assert index.generation == -1
    assert list(tmp_path.iterdir()) == []
    index.add(range(1, 31), v)
    index.commit(2)
    assert opened(tmp_path).search(v[4], 1)[0][0] == 5


def test_too_many_removed_asks_for_a_rebuild(tmp_path, monkeypatch):
    v = built(tmp_path, 10)
    index = opened(tmp_path, writable=True)
    index.remove(range(1_000, 2_100))
    index.commit(2)
    index.close()
    index = opened(tmp_path, writable=True)
    assert index.generation == -1
    assert opened(tmp_path).generation == 2, "readers go on"
    index.add(range(1, 11), v)
    index.commit(2)
    index.close()
    assert opened(tmp_path, writable=True).generation == 2


def test_reading_only_refuses_to_write(tmp_path):
    built(tmp_path, 3)
    index = opened(tmp_path)
    for change in (lambda: index.remove([1]), index.clear, lambda: index.commit(2)):
        with pytest.raises(IndexUnwritable):
            change()


def test_a_reader_learns_of_a_commit_of_another_process_and_opens_anew(tmp_path):
    v = built(tmp_path)
    reader = opened(tmp_path)
    assert not reader.is_outdated()
    code = """
        index = opened(sys.argv[1], True)
        index.add([900], unit(1, 77)); index.remove([1]); index.commit(2)
    """
    assert run(code, tmp_path) == ([], 0)
    assert reader.search(v[0], 1)[0][0] == 1, "the old generation, whole, though its files are gone"
    assert (reader.generation, reader.count()) == (1, 50)
    assert reader.is_outdated()
    reader = opened(tmp_path)
    assert (reader.generation, reader.count()) == (2, 50)
    assert reader.search(unit(1, 77)[0], 1)[0][0] == 900
    assert reader.search(v[0], 1)[0][0] != 1
    assert not reader.is_outdated()


def test_readers_never_wait_or_fail_while_another_process_writes(tmp_path):
    v = built(tmp_path, 200)
    code = """
        index = opened(sys.argv[1], True)
        for g in range(2, 7):
            index.add(range(1000 * g, 1000 * g + 50), unit(50, g)); index.commit(g)
    """
    writer = subprocess.Popen(command(code, tmp_path))
    old, seen = opened(tmp_path), set()

    def read():
        while writer.poll() is None:
            reader = opened(tmp_path)
            assert old.search(v[3], 1)[0][0] == reader.search(v[3], 1)[0][0] == 4
            assert reader.count() == 200 + 50 * (reader.generation - 1)
            seen.add(reader.generation)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert writer.wait() == 0
    assert len(seen) > 1
    assert min(seen) >= 1
    assert old.is_outdated()
    assert (old.generation, old.count()) == (1, 200)
    reader = opened(tmp_path)
    assert (reader.generation, reader.count()) == (6, 450)
    assert reader.search(unit(50, 6)[7], 1)[0][0] == 6_007


@pytest.mark.parametrize("n", [1, 7, 1_203])
def test_what_was_committed_survives_kill_9(tmp_path, n):
    code = """
        n = int(sys.argv[2]); index = opened(sys.argv[1], True)
        index.add(range(1, n + 1), unit(n, 5)); index.commit(3)
        print("committed", flush=True)
        index.add(range(9000, 9100), unit(100, 6)); index.remove(range(1, 50)); index._flush()
        print("half way", flush=True)
        os.kill(os.getpid(), 9)
    """
    assert run(code, tmp_path, n) == (["committed", "half way"], -signal.SIGKILL)
    assert len([p for p in tmp_path.iterdir() if p.is_dir()]) == 2, "the draft was left behind"
    index = opened(tmp_path, writable=True)
    assert len([p for p in tmp_path.iterdir() if p.is_dir()]) == 1
    assert (index.generation, index.count()) == (3, n)
    v = unit(n, 5)
    assert all(index.search(v[i], 1)[0][0] == i + 1 for i in range(0, n, 11))


def test_views_of_killed_readers_are_deleted(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "views"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    (tmp_path / "views").mkdir()
    built(tmp_path / "index", 3)
    code = "index = opened(sys.argv[1], False); assert index.count() == 3; os.kill(os.getpid(), 9)"
    assert run(code, tmp_path / "index") == ([], -signal.SIGKILL)
    assert len(list((tmp_path / "views").iterdir())) == 1
    first = opened(tmp_path / "index")
    second = opened(tmp_path / "index")
    assert len(list((tmp_path / "views").iterdir())) == 2, "the dead one's is gone"
    assert len(second.search(unit(1)[0], 9)) == 3
    first.close()
    second.close()
    assert list((tmp_path / "views").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_reads_from_a_folder_it_may_not_write_to():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "vectors"
        v = built(folder, 9)
        for path in [Path(name), *Path(name).rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        before = {p: p.stat().st_mtime_ns for p in folder.rglob("*")}
        code = f"""
            import chromadb.errors, chromadb_rust_bindings
            from askseeds.errors import IndexUnwritable
            os.setgroups([]); os.setgid(65534); os.setuid(65534)
            index = opened(sys.argv[1], False)
            print(index.generation, index.search(unit(9, 0)[4], 1)[0][0])
            writer = opened(sys.argv[1], True)
            try:
                writer.add([77], unit(1, {v.shape[0]})); writer.commit(2)
            except IndexUnwritable as error:
                print(str(error).count(chr(10)))
            index = opened(sys.argv[1], False)
            print(index.generation)
        """
        assert run(code, folder) == (["1 5", "0", "1"], 0)
        assert {p: p.stat().st_mtime_ns for p in folder.rglob("*")} == before


def test_a_full_disk_is_said_and_leaves_the_old_generation(tmp_path):
    built(tmp_path)
    code = """
        import resource, signal
        from askseeds.errors import IndexUnwritable
        index = opened(sys.argv[1], True)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
        try:
            index.add(range(100, 6_000), unit(5_900, 1)); index.commit(2)
        except IndexUnwritable as error:
            print(str(error).startswith(sys.argv[1]), index.generation, index.count())
    """
    assert run(code, tmp_path) == (["True 1 50"], 0)
    assert opened(tmp_path).generation == 1
    assert len([p for p in tmp_path.iterdir() if p.is_dir()]) == 1


def test_both_readers_find_the_same(tmp_path, monkeypatch):
    built(tmp_path, 100)
    queries = unit(10, 3)
    light = opened(tmp_path)
    assert type(light._published[1]) is vectors._EngineReader
    found = [light.search(q, 5, within=w) for q in queries for w in (None, [3, 4, 5])]

    def changed(view):
        raise TypeError("the engine's interface changed")

    monkeypatch.setattr(vectors, "_EngineReader", changed)
    full = opened(tmp_path)
    assert type(full._published[1]) is vectors._ClientReader
    assert [full.search(q, 5, within=w) for q in queries for w in (None, [3, 4, 5])] == found
    full.close()


def test_reading_imports_nothing_heavy_and_opens_no_socket(tmp_path):
    built(tmp_path, 3)
    code = """
        def refuse(event, arguments):
            if event.startswith("socket."):
                raise RuntimeError(event)
        sys.addaudithook(refuse)
        index = opened(sys.argv[1], False)
        assert len(index.search(unit(1, 0)[0], 5)) == 3
        heavy = {"torch", "gradio", "sentence_transformers", "chromadb", "httpx", "grpc"}
        assert not heavy & set(sys.modules), heavy & set(sys.modules)
        index = opened(sys.argv[1], True)
        index.add([9], unit(1, 1)); index.commit(2)
        import threading
        assert threading.enumerate() == [threading.main_thread()]
        assert not {"torch", "gradio", "sentence_transformers"} & set(sys.modules)
    """
    assert run(code, tmp_path) == ([], 0)


@settings(
    deadline=None,
    max_examples=8,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(st.sampled_from(["add", "remove", "commit"]), st.integers(1, 12)), max_size=12
    )
)
def test_holds_what_a_dict_would_hold(tmp_path_factory, steps):
    folder, pool = tmp_path_factory.mktemp("model"), unit(40, 8)
    index = opened(folder, writable=True)
    model, committed = {}, {}
    for i, (step, id_) in enumerate(steps):
        if step == "add":
            index.add([id_], pool[i : i + 1])
            model[id_] = i
        elif step == "remove":
            index.remove([id_])
            model.pop(id_, None)
        else:
            index.commit(i)
            committed = dict(model)
        assert index.count() == len(committed)
    for id_, i in committed.items():
        assert index.search(pool[i], 1)[0][0] == id_
    index.close()
