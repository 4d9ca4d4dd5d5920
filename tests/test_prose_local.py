"""The small model that comes as a package, by xllamacpp, from the command line to the quotes."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from askseeds.assistant import Assistant
from askseeds.errors import ConfigError, ModelError
from askseeds.prose import local
from askseeds.prose.endpoint import endpoint
from askseeds.prose.model import LanguageModel
from askseeds.prose.prompt import Prompt
from askseeds.sync import synchronise
from tests.conftest import ARTICLE, COMMAND, ROOT
from tests.scripted_model import claims, scripted, sentences_in

LEAD = "How many months is the US ahead of China in AI development?"
KNOWN_WRONG = "The US is 12 months ahead of China in AI adoption"


def check_verbatim(quotes):
    text = (ROOT / "seeds" / ARTICLE).read_text(encoding="utf-8-sig")
    for quote in quotes:
        assert text[quote["start"] : quote["end"]] == quote["text"]


@pytest.mark.slow
def test_from_the_command_line_without_a_network(article_place):
    synchronise(article_place)
    command = [*COMMAND, "ask", "--json", "-m", "local", "--max-tokens", "200", LEAD]
    command += ["--seeds", str(article_place.seeds), "--index", str(article_place.index)]
    if os.geteuid() == 0 and shutil.which("unshare"):
        alone = ["unshare", "-n", "sh", "-c", 'ip link set lo up 2>/dev/null; exec "$@"', "sh"]
        probe = [
            *alone,
            sys.executable,
            "-c",
            "import socket; socket.create_server(('127.0.0.1', 0))",
        ]
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            shell = subprocess.run(["which", "ip"], capture_output=True, check=False)
            command = [*alone, *command] if shell.returncode == 0 else command
    done = subprocess.run(command, capture_output=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr.decode()
    answer = json.loads(done.stdout)
    assert answer["status"] == "answered"
    assert answer["model"]["prose"] == "local:SmolLM2-135M-Instruct"
    assert answer["model"]["remote"] is False
    assert answer["model"]["tokens_out"] > 0
    check_verbatim(answer["quotes"])
    assert "12- to 24-month" in answer["text"]
    for claim in answer["claims"]:
        assert "adoption" not in claim["text"] or not claim["supported"]


@pytest.mark.slow
def test_the_server_keeps_to_the_form_and_is_gone_afterwards():
    schema = {"type": "object", "properties": {"colour": {"enum": ["red"]}}, "required": ["colour"]}
    with LanguageModel(endpoint("local"), max_tokens=40) as model:
        prompt = Prompt("Answer with JSON.", "Which colour has grass?", schema)
        *_, last = model.ask(prompt)
        url, key = model._server.url, model._server.key
        assert json.loads(last.said.text) == {"colour": "red"}
        assert last.said.tokens_in > 0
        # Nobody else on this machine can use it.
        import httpx

        with httpx.Client(trust_env=False) as client:
            asked = {"messages": prompt.messages(), "max_tokens": 1}
            assert client.post(f"{url}/chat/completions", json=asked).status_code == 401
            assert key
    with httpx.Client(trust_env=False) as client, pytest.raises(httpx.ConnectError):
        client.get(url)


def test_the_known_wrong_claim_is_caught(article_place):
    def wrong(prompt):
        listed = sentences_in(prompt)
        lead = next(number for number, text in listed.items() if "24-month" in text)
        return claims((KNOWN_WRONG, [lead]))

    synchronise(article_place)
    model, script = scripted(wrong)
    with Assistant.open(article_place, language_model=model) as assistant:
        answer = assistant.ask(LEAD)
    assert [(claim.text, claim.supported) for claim in answer.claims] == [(KNOWN_WRONG, False)]
    assert "adoption" not in answer.text
    assert "12- to 24-month" in answer.text
    assert len(script.asked) == 2  # and it was asked once more


def test_what_is_no_model_is_named(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="there is no such file"):
        local.weights(str(tmp_path / "a.gguf"))
    (tmp_path / "a.gguf").write_bytes(b"MZ this is a program")
    with pytest.raises(ConfigError, match="is not a GGUF file"):
        local.weights(str(tmp_path / "a.gguf"))
    (tmp_path / "b.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ModelError, match=r"b\.gguf cannot be loaded"):
        local.start(local.weights(str(tmp_path / "b.gguf")))
    monkeypatch.setattr(local, "PACKAGE", "no-such-package")
    with pytest.raises(ConfigError, match="no-such-package is not installed"):
        local.weights("")


def test_changed_weights_are_refused(monkeypatch):
    monkeypatch.setattr(local, "SHA256", {local.WEIGHTS: "0" * 64})
    with pytest.raises(ModelError, match="SHA-256"):
        local.weights("")


def test_a_plain_question_loads_nothing_of_it(article_place):
    synchronise(article_place)
    code = (
        "import sys\n"
        "from askseeds.cli import cli\n"
        f"cli.main(['ask', '--seeds', {str(article_place.seeds)!r}, '--index', "
        f"{str(article_place.index)!r}, {LEAD!r}], standalone_mode=False)\n"
        "slow = ('langchain', 'openai', 'xllamacpp', 'anthropic', 'tenacity', 'httpx', 'asyncio')\n"
        "print([n for n in sys.modules if n.split('.')[0].startswith(slow)"
        " or n.startswith('askseeds.prose')], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stderr.decode().strip().splitlines()[-1] == "[]"
