"""What kind of answer a question wants, and where a model is."""

import pytest

from askseeds.errors import ConfigError
from askseeds.prose.converse import addresses, is_of_many, is_rewriting, task
from askseeds.prose.endpoint import endpoint
from askseeds.types import Turn


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Summarise the report.", "summary"),
        ("Please give me a short summary of all documents", "summary"),
        ("tl;dr", "summary"),
        ("What are the main points?", "summary"),
        ("Who wrote the summary?", "answer"),
        ("Compare the two plans.", "compare"),
        ("What is the difference between A and B?", "compare"),
        ("List all fees.", "list"),
        ("Give me a list of the ports", "list"),
        ("What are all the ports it uses?", "list"),
        ("Is the list complete?", "answer"),
        ("How much is it?", "answer"),
    ],
)
def test_task(question, kind):
    assert task(question) == kind


def test_a_summary_of_one_or_many():
    assert is_of_many("Summarise all documents")
    assert not is_of_many("Summarise the article")


@pytest.mark.parametrize(
    "text",
    [
        "see http://evil.test/x",
        "see www.evil.test",
        "mail a@evil.test",
        "[x](y)",
        "<img src=x>",
        "javascript:alert(1)",
        "data:text/html,x",
        "evil.com/x",
    ],
)
def test_addresses_are_seen(text):
    assert addresses(text)


@pytest.mark.parametrize("text", ["It costs 3.50 euros.", "At 9:30 a.m. the U.S. fleet left."])
def test_plain_text_has_none(text):
    assert addresses(text) == ()


HISTORY = [Turn("When did the Vell museum open?", "It opened in 1931.")]


@pytest.mark.parametrize(
    ("rewritten", "good"),
    [
        ("Who built the Vell museum?", True),
        ("Who built the Vell museum in 1931?", True),
        ("Who built the Vell museum in 1932?", False),
        ("Who built the Louvre?", False),
        ("Who built the Vell museum and demolished the bridge?", False),
        ("When did the museum open?", False),
        ("", False),
        ("Who built it?\nAnd more?", False),
    ],
)
def test_rewriting(rewritten, good):
    assert is_rewriting(rewritten, "Who built it?", HISTORY) is good


@pytest.mark.parametrize(
    ("name", "url", "remote", "place"),
    [
        ("local", "", False, "this machine"),
        ("local:/a/b.gguf", "", False, "this machine"),
        ("ollama:llama3.2:1b", "", False, "this machine"),
        ("ollama:big-cloud", "", True, "127.0.0.1:11434"),
        ("ollama:gpt-oss:cloud", "", True, "127.0.0.1:11434"),
        ("ollama:x", "http://10.0.0.7:11434", True, "10.0.0.7:11434"),
        ("openai:gpt", "", True, "api.openai.com"),
        ("openai:gpt", "http://localhost:8000/v1", False, "this machine"),
        ("openai:gpt", "http://[::1]:8000/v1", False, "this machine"),
        ("openai:gpt", "http://localhost.evil.test/v1", True, "localhost.evil.test"),
        ("openai:gpt", "https://me:pw@host.test/v1", True, "host.test"),
        ("anthropic:c", "", True, "api.anthropic.com"),
        ("google_genai:g", "", True, "generativelanguage.googleapis.com"),
    ],
)
def test_where_it_is(monkeypatch, name, url, remote, place):
    for variable in ("OLLAMA_HOST", "OPENAI_BASE_URL", "OPENAI_API_BASE", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    found = endpoint(name, url)
    assert (found.remote, found.place) == (remote, place)


def test_the_environment_may_name_another_address(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://gpu.test/v1")
    assert endpoint("openai:x").url == "http://gpu.test/v1"
    monkeypatch.setenv("OLLAMA_HOST", "gpu.test:11434")
    assert endpoint("ollama:x").remote


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("", ""),
        ("gpt", ""),
        ("openai:x", "ftp://a"),
        ("local", "http://a"),
        ("openai:x", "http://"),
    ],
)
def test_what_is_no_model(name, url):
    with pytest.raises(ConfigError):
        endpoint(name, url)
