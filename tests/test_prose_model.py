"""Asking a language model: real servers on loopback, good ones and bad ones."""

import time
from contextlib import closing

import pytest

from askseeds.config import Settings
from askseeds.errors import ConfigError, ProseError
from askseeds.prose.endpoint import endpoint
from askseeds.prose.model import LanguageModel, open_model
from askseeds.prose.prompt import Prompt
from tests.scripted_model import claims, openai_stub

GOOD = claims(("The gate opens at nine.", [1]))
PROMPT = Prompt("Rules.", "Question?", {"type": "object"})


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch):
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def model_at(stub, **options):
    found = endpoint("openai:stub", stub.url)
    return LanguageModel(found, **({"timeout_s": 30, "first_wait_s": 0.01} | options))


def said(model):
    hearings = list(model.ask(PROMPT))
    assert all(hearing.said is None for hearing in hearings[:-1])
    return hearings[-1].said


def test_a_reply_is_streamed_with_its_tokens():
    with openai_stub(GOOD) as stub, model_at(stub, max_tokens=77) as model:
        whole = said(model)
    assert (whole.text, whole.tokens_in, whole.tokens_out) == (GOOD, 11, 5)
    [request] = stub.requests
    assert request["messages"] == PROMPT.messages()
    assert request["max_tokens"] == 77
    assert request["stream"] is True
    assert request["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert "tools" not in request


def test_nothing_but_the_prompt_is_sent():
    with openai_stub(GOOD) as stub, model_at(stub) as model:
        said(model)
    known = {"messages", "model", "stream", "stream_options", "max_tokens", "response_format"}
    assert set(stub.requests[0]) <= known


@pytest.mark.parametrize(
    "bad",
    [(429, {}), (500, {}), (503, {"retry-after": "0"}), "cut", "malformed", "empty"],
    ids=["429", "500", "503", "cut off", "malformed", "empty"],
)
def test_what_may_pass_is_tried_again(bad):
    with openai_stub(bad, bad, GOOD) as stub, model_at(stub) as model:
        assert said(model).text == GOOD
    assert len(stub.requests) == 3


def test_after_three_tries_it_is_told_in_one_line():
    with (
        openai_stub((500, {})) as stub,
        model_at(stub) as model,
        pytest.raises(ProseError, match=r"openai:stub .*status 500.*ask again later") as error,
    ):
        said(model)
    assert len(stub.requests) == 3
    assert "\n" not in str(error.value)


def test_the_server_says_how_long_to_wait():
    with openai_stub((429, {"retry-after": "1"}), GOOD) as stub, model_at(stub) as model:
        begin = time.monotonic()
        assert said(model).text == GOOD
    assert time.monotonic() - begin >= 1


def test_a_wait_that_is_too_long_is_not_waited_for():
    with (
        openai_stub((429, {"retry-after": "600"})) as stub,
        model_at(stub) as model,
        pytest.raises(ProseError, match="429"),
    ):
        said(model)
    assert len(stub.requests) == 1


@pytest.mark.parametrize("bad", ["stall", "drip"])
def test_a_server_that_stalls_is_left_in_time(bad):
    # A stalled try is left after a third; drops that say nothing, at the end.
    with (
        openai_stub(bad) as stub,
        model_at(stub, timeout_s=1.5) as model,
        pytest.raises(ProseError, match="took too long"),
    ):
        said(model)
    assert 1 <= len(stub.requests) <= 3


@pytest.mark.parametrize(("status", "told"), [(401, "refuses the key"), (404, "not known there")])
def test_what_will_not_pass_is_not_tried_again_and_shows_no_key(status, told):
    with (
        openai_stub((status, {})) as stub,
        model_at(stub) as model,
        pytest.raises(ProseError, match=told) as error,
    ):
        said(model)
    assert len(stub.requests) == 1
    assert "sk-secret" not in str(error.value)


def test_a_server_that_knows_no_schema_is_asked_without_one():
    with openai_stub((400, {}), GOOD) as stub, model_at(stub) as model:
        assert said(model).text == GOOD
        assert said(model).text == GOOD
    assert ["response_format" in request for request in stub.requests] == [True, False, False]
    assert all(request["max_tokens"] for request in stub.requests)


def test_closing_the_iterator_closes_the_connection():
    with openai_stub("stall") as stub, model_at(stub) as model:
        with closing(model.ask(PROMPT)) as hearings:
            while not stub.requests:
                next(hearings)
        until = time.monotonic() + 10
        while not stub.gone and time.monotonic() < until:
            time.sleep(0.05)
        assert stub.gone == 1


def test_nobody_there():
    with (
        LanguageModel(endpoint("openai:x", "http://127.0.0.1:9/v1"), first_wait_s=0.01) as model,
        pytest.raises(ProseError, match="cannot be reached"),
    ):
        said(model)


def test_a_proxy_never_sees_what_stays_here(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with openai_stub(GOOD) as stub, model_at(stub) as model:
        assert said(model).text == GOOD


def test_tracing_by_the_environment_is_off(monkeypatch):
    for name in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2"):
        monkeypatch.setenv(name, "true")
    with openai_stub(GOOD) as traced, openai_stub(GOOD) as stub:
        monkeypatch.setenv("LANGSMITH_ENDPOINT", traced.url)
        monkeypatch.setenv("LANGSMITH_API_KEY", "x")
        with model_at(stub) as model:
            assert said(model).text == GOOD
        time.sleep(1)  # the tracer sends from a thread of its own
        assert not traced.requests


def test_ollama_by_langchain():
    with openai_stub((500, {})) as stub:
        at = endpoint("ollama:tiny", stub.url.removesuffix("/v1"))
        with (
            LanguageModel(at, first_wait_s=0.01) as model,
            pytest.raises(ProseError, match="status 500"),
        ):
            said(model)
    assert stub.requests[0]["model"] == "tiny"
    assert stub.requests[0]["format"] == {"type": "object"}
    assert "tools" not in stub.requests[0] or not stub.requests[0]["tools"]


def test_anthropic_by_langchain(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    with openai_stub((529, {})) as stub:
        at = endpoint("anthropic:claude-x", stub.url.removesuffix("/v1"))
        with (
            LanguageModel(at, first_wait_s=0.01, max_tokens=55) as model,
            pytest.raises(ProseError, match="status 529"),
        ):
            said(model)
    assert len(stub.requests) == 3
    assert stub.requests[0]["max_tokens"] == 55
    assert stub.requests[0]["output_config"]["format"]["schema"] == {"type": "object"}
    assert "tools" not in stub.requests[0]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("openai:gpt-x", "OPENAI_API_KEY"),
        ("anthropic:x", "ANTHROPIC_API_KEY"),
        ("google_genai:x", "GOOGLE_API_KEY"),
        ("local:/nowhere.gguf", "there is no such file"),
        ("nonsense", "is not known; there are: local"),
        ("openai:", "is not known"),
    ],
)
def test_what_is_missing_is_named_at_once(name, line):
    with pytest.raises(ConfigError, match=line):
        open_model(Settings(model=name))


def test_a_missing_extra_is_named(monkeypatch):
    find = __import__("importlib.util").util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if "ollama" in name else find(name)
    )
    with pytest.raises(ConfigError, match=r"pip install 'askseeds\[ollama\]'"):
        open_model(Settings(model="ollama:x"))


def test_without_a_model_there_is_none():
    assert open_model(Settings()) is None
