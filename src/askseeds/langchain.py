"""askseeds inside LangChain: passages as a retriever, whole answers as a Runnable.

Imported on demand; nothing else in askseeds needs LangChain.

    retriever | prompt | model           with passages and their offsets in the metadata
    answers(assistant).invoke(question)  with quotes, confidence and refusal
"""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableLambda
from pydantic import ConfigDict

from askseeds.assistant import Assistant
from askseeds.batch import turns
from askseeds.types import Answer, Hit


class SeedsRetriever(BaseRetriever):
    """Passages of the index, best first.

    Each document's metadata hold `source`, `start`, `end`, `title`, `heading`, `page`, `score` and
    `rank`; its `page_content` is `text[start:end]` of the source's canonical text.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    assistant: Assistant
    limit: int = 4
    source: str | None = None

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        hits = self.assistant.search(query, limit=self.limit, source=self.source)
        return [_document(hit) for hit in hits]


def answers(assistant: Assistant) -> Runnable[str | Mapping[str, Any], Answer]:
    """The assistant as a Runnable.

    It takes a question, or a mapping with `question` and perhaps `history` in any form that
    `batch.turns` reads or as LangChain messages, and gives an `Answer`.
    """

    def answer(asked: str | Mapping[str, Any]) -> Answer:
        if isinstance(asked, str):
            return assistant.ask(asked)
        history = _plain(asked.get("history") or ())
        return assistant.ask(asked["question"], history=turns(history, where="history"))

    return RunnableLambda(answer, name="askseeds")


def _document(hit: Hit) -> Document:
    passage, document = hit.passage, hit.document
    return Document(
        id=f"{document.source}:{passage.start}-{passage.end}",
        page_content=hit.text,
        metadata={
            "source": document.source,
            "start": passage.start,
            "end": passage.end,
            "title": document.title,
            "heading": passage.heading,
            "page": passage.page,
            "score": hit.score,
            "rank": hit.rank,
        },
    )


def _plain(history: Sequence[Any]) -> list[Any]:
    """LangChain's messages as the role and content that `turns` reads; the rest as it is."""
    roles = {"human": "user", "ai": "assistant"}
    return [
        {"role": roles.get(item.type, item.type), "content": item.text}
        if hasattr(item, "type") and hasattr(item, "text")
        else item
        for item in history
    ]
