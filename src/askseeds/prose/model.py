"""Asks a language model, through LangChain: streamed, retried, bounded in time, stopped at once.

A request runs on an event loop in a thread of its own, so that whoever waits can stop it at any
moment: its task is cancelled, and that closes the connection.
"""

import asyncio
import importlib.util
import json
import os
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from askseeds.config import Settings
from askseeds.errors import ConfigError, ProseError
from askseeds.models import first_line
from askseeds.prose import local
from askseeds.prose.endpoint import LOCAL, PROVIDERS, Endpoint, endpoint
from askseeds.prose.prompt import REPLY_CHARS, Prompt, Said

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from tenacity import RetryCallState

TRIES = 3
LONGEST_WAIT_S = 20.0
"""A server that wants more time than that before the next try is not waited for."""

HEARTBEAT_S = 0.25
CLOSE_S = 5.0
_BUSY = frozenset((408, 409, 425, 429))


@dataclass(frozen=True, slots=True)
class Hearing:
    """How far a reply is.

    Attributes:
        text: All of it so far; shorter than before when a request was begun again.
        said: The whole of it, when it has ended.
    """

    text: str
    said: Said | None = None


class _Again(Exception):
    """Worth another try, perhaps after `after_s`."""

    def __init__(self, reason: str, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.after_s = after_s


class _FormRefused(Exception):
    """The server does not know the form of reply that it was asked to keep to."""


class LanguageModel:
    """One language model. Safe to use from several threads; closed by leaving its `with` block."""

    def __init__(
        self,
        endpoint: Endpoint,
        chat: "BaseChatModel | None" = None,
        *,
        max_tokens: int = 1000,
        timeout_s: float = 120.0,
        first_wait_s: float = 0.5,
    ) -> None:
        """Use `open_model`, or give the LangChain model itself.

        Args:
            endpoint: What to call it, and where it is.
            chat: Asked; None opens the endpoint's when it is first needed.
            max_tokens: Most that a reply may have.
            timeout_s: Longest time for a reply with all its tries; a third of it without a word
                ends a try.
            first_wait_s: Before the second try; doubled before the third.
        """
        self.endpoint = endpoint
        self.max_tokens = max_tokens
        self._chat = chat
        self._timeout_s = timeout_s
        self._first_wait_s = first_wait_s
        self._opening = threading.Lock()
        self._server: local.LocalServer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._formless = False

    def __enter__(self) -> Self:
        """Gives the model itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes it."""
        self.close()

    def close(self) -> None:
        """Ends what runs."""
        with self._opening:
            loop, self._loop = self._loop, None
            server, self._server = self._server, None
        if loop is not None:
            asyncio.run_coroutine_threadsafe(_ended(self._chat), loop).result(CLOSE_S)
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join(CLOSE_S)
            loop.close()
        if server is not None:
            self._chat = None
            server.close()

    @property
    def name(self) -> str:
        """To show to people and programs."""
        if self.endpoint.provider == LOCAL and not self.endpoint.model:
            return f"{LOCAL}:{local.NAME}"
        return self.endpoint.name

    @property
    def small(self) -> bool:
        """Whether it follows few instructions."""
        return self.endpoint.provider == LOCAL

    def ask(self, prompt: Prompt) -> Iterator[Hearing]:
        """Asks, and tells at least every `HEARTBEAT_S` seconds what was said so far.

        The last hearing has the whole. To stop, close the iterator.

        Raises:
            ProseError: It cannot be reached, or does not answer, after all tries.
            ConfigError: What it needs is not installed or not set.
        """
        heard: queue.SimpleQueue[Hearing | BaseException] = queue.SimpleQueue()
        chat = self._opened()
        task = asyncio.run_coroutine_threadsafe(self._answer(chat, prompt, heard), self._running())
        latest = Hearing("")
        try:
            while latest.said is None:
                try:
                    item = heard.get(timeout=HEARTBEAT_S)
                    while not heard.empty() and isinstance(item, Hearing) and item.said is None:
                        item = heard.get_nowait()
                except queue.Empty:
                    item = latest
                    if task.cancelled():
                        raise ProseError(f"{self.name} was closed") from None
                    if task.done():
                        task.result()  # raises what nobody expected
                if isinstance(item, BaseException):
                    raise item
                latest = item
                yield latest
        finally:
            task.cancel()

    async def _answer(
        self,
        chat: "BaseChatModel",
        prompt: Prompt,
        heard: "queue.SimpleQueue[Hearing | BaseException]",
    ) -> None:
        from langsmith import tracing_context

        try:
            # A variable of the environment must not send questions to a tracing service.
            with tracing_context(enabled=False):
                said = await self._retried(chat, prompt, heard)
            heard.put(Hearing(said.text, said))
        except (ProseError, ConfigError) as error:
            heard.put(error)
        except _Again as error:
            heard.put(ProseError(f"{self._shown()} {error}; ask again later"))

    async def _retried(
        self,
        chat: "BaseChatModel",
        prompt: Prompt,
        heard: "queue.SimpleQueue[Hearing | BaseException]",
    ) -> Said:
        from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

        ends = time.monotonic() + self._timeout_s
        longest = min(LONGEST_WAIT_S, self._timeout_s)

        def wait(state: "RetryCallState") -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.after_s if isinstance(error, _Again) else None
            doubled = self._first_wait_s * 2.0 ** (state.attempt_number - 1)
            return doubled if asked is None else asked

        def enough(state: "RetryCallState") -> bool:
            pause = wait(state)
            return pause > longest or time.monotonic() + pause >= ends

        tries = AsyncRetrying(
            retry=retry_if_exception_type(_Again),
            stop=lambda state: stop_after_attempt(TRIES)(state) or enough(state),
            wait=wait,
            reraise=True,
        )
        async for attempt in tries:
            with attempt:
                heard.put(Hearing(""))
                try:
                    return await self._once(chat, prompt, heard, ends)
                except _FormRefused:
                    self._formless = True
                    return await self._once(chat, prompt, heard, ends)
        raise AssertionError("the last try ends it")

    async def _once(
        self,
        chat: "BaseChatModel",
        prompt: Prompt,
        heard: "queue.SimpleQueue[Hearing | BaseException]",
        ends: float,
    ) -> Said:
        """One request; its errors are ours."""
        form = {} if self._formless or prompt.schema is None else _form(self.endpoint, prompt)
        if "extra_body" in form:  # else this would replace what the model was opened with
            form["extra_body"] |= getattr(chat, "extra_body", None) or {}
        said, ended = Said(""), False
        stall_s = self._timeout_s / 3
        try:
            async with aclosing(chat.astream(prompt.messages(), **form)) as chunks:  # type: ignore[type-var]
                while True:
                    left_s = min(stall_s, ends - time.monotonic())
                    try:
                        async with asyncio.timeout(max(0.0, left_s)):
                            chunk = await anext(chunks)
                    except StopAsyncIteration:
                        break
                    said = _longer(said, chunk)
                    ended = ended or _ends(chunk)
                    heard.put(Hearing(said.text))
                    if len(said.text) > REPLY_CHARS:
                        break
        except Exception as error:
            raise self._ours(error, had_form=bool(form)) from error
        if not said.text.strip():
            raise _Again("said nothing")
        if not ended and prompt.schema is not None and not _is_json(said.text):
            raise _Again("broke off")  # a connection may end in the middle as if all were said
        return said

    def _ours(self, error: Exception, *, had_form: bool) -> Exception:
        """What a foreign error means. Its words are not passed on: they may hold a key."""
        response = getattr(error, "response", None)
        codes = (
            getattr(error, "status_code", None),
            getattr(error, "code", None),
            getattr(response, "status_code", None),
        )
        status = next((code for code in codes if isinstance(code, int)), None)
        if status is None:
            if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
                return _Again("took too long")
            if isinstance(error, ConnectionError) or "Connect" in type(error).__name__:
                return _Again("cannot be reached")
            return _Again(f"broke off ({type(error).__name__})")
        if status in _BUSY or status >= 500:
            return _Again(f"is busy or broken (status {status})", _retry_after_s(response))
        if status in (400, 422) and had_form:
            return _FormRefused()
        if status in (401, 403):
            keys = " or ".join(PROVIDERS[self.endpoint.provider].keys)
            return ProseError(f"{self._shown()} refuses the key (status {status}); look at {keys}")
        if status == 404:
            return ProseError(f"{self._shown()} is not known there (status 404); look at the name")
        return ProseError(f"{self._shown()} refuses the request (status {status})")

    def _shown(self) -> str:
        return f"the language model {self.name} at {self.endpoint.place}"

    def _opened(self) -> "BaseChatModel":
        with self._opening:
            if self._chat is None:
                if self.endpoint.provider == LOCAL:
                    self._server = local.start(local.weights(self.endpoint.model))
                # Many modules: slow, and none of them is needed twice.
                self._chat = _chat(self.endpoint, self.max_tokens, self._timeout_s, self._server)
            return self._chat

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._opening:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="askseeds-prose", daemon=True
                )
                self._thread.start()
            return self._loop


def open_model(settings: Settings) -> LanguageModel | None:
    """The language model of the settings, or None; only what is wrong with it is found out now.

    Raises:
        ConfigError: It is not known, or its extra or its key is missing.
        ModelError: The weights of a local model were changed.
    """
    if not settings.model:
        return None
    found = endpoint(settings.model, settings.base_url)
    facts = PROVIDERS[found.provider]
    needs = (facts.module, "langchain_openai") if found.provider == LOCAL else (facts.module,)
    if any(importlib.util.find_spec(module) is None for module in needs):
        raise ConfigError(
            f"model {settings.model} needs an extra: pip install 'askseeds[{facts.extra}]'"
        )
    if found.provider == LOCAL:
        local.weights(found.model)
    elif found.remote and facts.keys and not any(map(os.environ.get, facts.keys)):
        raise ConfigError(
            f"model {settings.model} needs a key in the environment: {' or '.join(facts.keys)}"
        )
    return LanguageModel(found, max_tokens=settings.max_tokens, timeout_s=settings.timeout_s)


def _chat(
    endpoint: Endpoint, max_tokens: int, timeout_s: float, server: local.LocalServer | None
) -> "BaseChatModel":
    """The LangChain model; retries and time-outs are ours."""
    from langchain.chat_models import init_chat_model

    options: dict[str, Any] = {"max_tokens": max_tokens, "max_retries": 0, "timeout": timeout_s}
    provider, model, url = endpoint.provider, endpoint.model, endpoint.url
    if provider == "ollama":
        options = {"base_url": url, "num_predict": max_tokens, "temperature": 0}
        options["client_kwargs"] = {"timeout": timeout_s, "trust_env": endpoint.remote}
    elif provider == "anthropic":
        options["base_url"] = url
    elif provider == "google_genai":
        options["max_retries"] = 1  # it counts the first one
    else:
        options |= {"base_url": url, "stream_usage": True, "use_responses_api": False}
        if url != PROVIDERS[provider].url:
            # Other servers know the older name only.
            options["extra_body"] = {"max_tokens": options.pop("max_tokens")}
        if server is not None:
            options |= {"base_url": server.url, "api_key": server.key, "temperature": 0}
        elif not endpoint.remote and not any(map(os.environ.get, PROVIDERS[provider].keys)):
            options["api_key"] = "none"
        if not endpoint.remote:
            import httpx

            # A proxy must not see what stays on this machine.
            options["http_async_client"] = httpx.AsyncClient(trust_env=False, timeout=timeout_s)
            options["http_client"] = httpx.Client(trust_env=False, timeout=timeout_s)
        provider, model = "openai", model or local.NAME
    try:
        chat: BaseChatModel = init_chat_model(model, model_provider=provider, **options)
        return chat
    except Exception as error:
        # The words of other errors may hold a key.
        known = isinstance(error, ImportError)
        reason = first_line(error) if known else type(error).__name__
        raise ConfigError(f"model {endpoint.name} cannot be opened: {reason}") from error


def _form(endpoint: Endpoint, prompt: Prompt) -> dict[str, Any]:
    """How to say that the reply keeps to the schema."""
    if endpoint.provider == "ollama":
        return {"format": prompt.schema}
    if endpoint.provider == "google_genai":
        return {"response_mime_type": "application/json", "response_json_schema": prompt.schema}
    if endpoint.provider == "anthropic":
        form = {"type": "json_schema", "schema": prompt.schema}
        return {"output_config": {"format": form}}
    named = {"name": "claims", "schema": prompt.schema, "strict": True}
    # Not as LangChain's argument: then the client would raise for a reply that was cut off.
    body: dict[str, Any] = {"response_format": {"type": "json_schema", "json_schema": named}}
    return {"extra_body": body}


def _longer(said: Said, chunk: Any) -> Said:
    text = said.text + (chunk.text if isinstance(chunk.text, str) else str(chunk.text))
    usage = getattr(chunk, "usage_metadata", None)
    if not usage:
        return replace(said, text=text)
    return Said(
        text,
        (said.tokens_in or 0) + usage.get("input_tokens", 0),
        (said.tokens_out or 0) + usage.get("output_tokens", 0),
    )


def _ends(chunk: Any) -> bool:
    """Whether the server says that this is the end, and why."""
    facts = getattr(chunk, "response_metadata", None) or {}
    return any(facts.get(name) for name in ("finish_reason", "stop_reason", "done_reason"))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _retry_after_s(response: Any) -> float | None:
    try:
        return max(0.0, float(response.headers["retry-after"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


async def _ended(chat: "BaseChatModel | None") -> None:
    """Cancels what runs, which closes its connections; closes the client that was made here."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    if (client := getattr(chat, "http_async_client", None)) is not None:
        await client.aclose()
    if (client := getattr(chat, "http_client", None)) is not None:
        client.close()
