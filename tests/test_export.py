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

from askseeds import export
from askseeds.errors import IndexUnwritable, ModelError
from askseeds.export import export_encoder
from askseeds.models import (
    DEFAULT_PACKAGE,
    Encoder,
    find_export,
    sha256_of,
    source_fingerprint,
)
from askseeds.models.weights import package_folder

WEIGHTS = package_folder(DEFAULT_PACKAGE) / "model"
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
        "import sys, pathlib; from askseeds.export import export_encoder as export\n"
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
def original(folder):
    with export._quiet(offline=True):
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


def test_export_is_whole_and_clears_what_a_kill_left(folder):
    assert sorted(path.name for path in folder.iterdir()) == [
        "encoder.json",
        "model.onnx",
        "tokenizer.json",
    ]
    assert hidden(folder.parent) == []


def test_vectors_are_near_those_of_sentence_transformers(encoder, original):
    cosines = np.sum(encoder.encode_passages(TEXTS) * original, axis=1)
    assert cosines.mean() >= export.MIN_COSINE
    assert cosines.min() >= 0.97
    assert encoder.export.mean_cosine == pytest.approx(cosines.mean(), abs=1e-4)


def test_facts_of_the_installed_encoder(encoder, folder):
    assert (encoder.name, encoder.dimension) == ("all-MiniLM-L6-v2", 384)
    assert encoder.export.max_tokens == 256
    assert encoder.export.precision in {"int8", "int8+fp32", "fp32"}
    assert find_export("", folder) == encoder.export
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
    assert other.name == "mine"
    assert (other.export.query_prefix, other.export.passage_prefix) == ("query: ", "passage: ")
    assert other.fingerprint != encoder.fingerprint
    assert other.export.source == source_fingerprint(str(mine))
    query, passage = other.encode_query(TEXTS[1]), other.encode_passages(TEXTS[1:2])[0]
    assert query @ passage < 0.999  # the prefixes differ

    with export._quiet(offline=True):
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
    package = tmp_path / DEFAULT_PACKAGE.replace("-", "_")
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
    assert sha256_of(weights) in message
    assert export.DEFAULT_SHA256["model.safetensors"] in message
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
        export_encoder("./nowhere", tmp_path / "encoder", samples=())
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    code = (
        "import sys, pathlib; from askseeds import errors, export\n"
        "try: export.export_encoder('no-such/model', pathlib.Path(sys.argv[1]), samples=())\n"
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


def test_an_export_leaves_the_settings_of_other_libraries_alone(tmp_path, monkeypatch):
    for name in ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"):
        monkeypatch.delenv(name, raising=False)
    code = """
import os, pathlib, socket, sys

tried = []
socket.socket.connect = lambda self, address: tried.append(address) or self.close()
socket.getaddrinfo = lambda *arguments, **_: tried.append(arguments) or []
from askseeds import export

def state():
    from huggingface_hub import constants
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled
    from transformers.utils import logging

    names = sorted(name for name in os.environ if name.startswith(("HF_", "TRANSFORMERS_")))
    switches = constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_TELEMETRY
    return names, switches, logging.is_progress_bar_enabled(), are_progress_bars_disabled()

names = sorted(name for name in os.environ if name.startswith(("HF_", "TRANSFORMERS_")))
export.export_encoder("", pathlib.Path(sys.argv[1]), samples=())
assert state() == (names, (False, True), True, False), state()

from huggingface_hub.utils.tqdm import disable_progress_bars

disable_progress_bars()
before = state()
with export._quiet(offline=True):
    inside = state()
assert inside == (names, (True, True), False, True), inside
assert state() == before, state()
assert not tried, tried
"""
    process = run(code, tmp_path / "encoder")
    assert process.communicate(timeout=300) == ("", "")
    assert process.returncode == 0
