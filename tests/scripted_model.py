"""Stand-ins for language models: one that follows a script, and a server that misbehaves."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field

from askseeds.prose.endpoint import Endpoint
from askseeds.prose.model import LanguageModel

Reply = str | Exception | Callable[[str], str]

SCRIPTED = Endpoint("openai:scripted", "openai", "scripted", "http://127.0.0.1:1/v1", remote=False)


class ScriptedModel(BaseChatModel):
    """Gives its replies in order and keeps what it was asked; the last reply is repeated.

    A reply is a text, an error to raise, or a function of what was asked.
    """

    replies: list[Any]
    asked: list[list[BaseMessage]] = Field(default_factory=list)
    piece: int = 7

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _next(self, messages: list[BaseMessage]) -> str:
        self.asked.append(messages)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply(str(messages[-1].content)) if callable(reply) else reply

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any) -> Any:
        return ChatResult(generations=[ChatGeneration(message=AIMessage(self._next(messages)))])

    def _stream(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any
    ) -> Iterator[ChatGenerationChunk]:
        text = self._next(messages)
        for at in range(0, len(text), self.piece):
            yield ChatGenerationChunk(message=AIMessageChunk(text[at : at + self.piece]))
        usage = {"input_tokens": 100, "output_tokens": 20, "total_tokens": 120}
        yield ChatGenerationChunk(
            message=AIMessageChunk(
                "", usage_metadata=usage, response_metadata={"finish_reason": "stop"}
            )
        )

    @property
    def prompts(self) -> list[str]:
        """What the user's part of each request said."""
        return [str(messages[-1].content) for messages in self.asked]


def scripted(*replies: Reply, **options: Any) -> tuple[LanguageModel, ScriptedModel]:
    """A language model that follows a script, and the script."""
    chat = ScriptedModel(replies=list(replies))
    return LanguageModel(SCRIPTED, chat, first_wait_s=0.01, **options), chat


def claims(*pairs: tuple[str, list[Any]], ask: str = "") -> str:
    """A reply in the form that is asked for."""
    return json.dumps({"claims": [{"text": t, "sentences": n} for t, n in pairs], "ask": ask})


def sentences_in(prompt: str) -> dict[int, str]:
    """The numbered sentences of a prompt."""
    lines = [json.loads(line) for line in prompt.splitlines() if line.startswith('{"n"')]
    return {line["n"]: line["text"] for line in lines}


class Stub:
    """A server that speaks OpenAI's protocol, well or badly.

    Attributes:
        todo: What to do with each request, in order; the last one is repeated.
        requests: The bodies it got.
        headers: The headers it got.
        gone: How many clients left before the end.
    """

    def __init__(self) -> None:
        self.todo: list[Any] = []
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.gone = 0
        self.url = ""


@contextmanager
def openai_stub(*todo: Any) -> Iterator[Stub]:
    """Serves on loopback. Things to do: a text to stream, `(status, headers)`, or a word."""
    stub = Stub()
    stub.todo = list(todo)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            stub.requests.append(json.loads(body))
            stub.headers.append({key.lower(): value for key, value in self.headers.items()})
            do = stub.todo.pop(0) if len(stub.todo) > 1 else stub.todo[0]
            try:
                self._do(do)
            except OSError:
                stub.gone += 1

        def _do(self, do: Any) -> None:
            if isinstance(do, tuple):
                status, headers = do
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                answer = json.dumps({"error": {"message": "sk-secret is wrong", "code": "x"}})
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer.encode())
                return
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            if do == "stall":
                for _ in range(300):
                    time.sleep(0.1)
                    self._send(": ping\n\n")
            elif do == "cut":
                self._piece('{"claims": [{"text": "The')
                self.wfile.flush()
                self.connection.close()
            elif do == "malformed":
                self._send("data: {not json\n\n")
            elif do == "drip":
                for _ in range(300):
                    self._piece(" ")
                    time.sleep(0.1)
            elif do == "empty":
                self._send("data: [DONE]\n\n")
            else:
                for at in range(0, len(do), 9):
                    self._piece(do[at : at + 9])
                self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
                usage = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}
                self._event({"choices": [], "usage": usage})
                self._send("data: [DONE]\n\n")

        def _piece(self, text: str) -> None:
            delta = {"role": "assistant", "content": text}
            self._event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})

        def _event(self, content: dict[str, Any]) -> None:
            whole = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "stub"}
            self._send(f"data: {json.dumps(whole | content)}\n\n")

        def _send(self, text: str) -> None:
            self.wfile.write(text.encode())
            self.wfile.flush()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stub.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
