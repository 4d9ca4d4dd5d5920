"""In a real chain of LangChain, with a scripted model where a language model would stand."""

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough

from askseeds.assistant import Assistant
from askseeds.langchain import SeedsRetriever, answers
from tests.conftest import ARTICLE

EUV = "Which company has mastered EUV lithography?"


@pytest.fixture
def assistant(article_place):
    with Assistant.open(article_place) as assistant:
        yield assistant


def test_retriever_prompt_model(assistant):
    seen = []

    def listed(documents):
        seen.extend(documents)
        return "\n".join(document.page_content for document in documents)

    prompt = ChatPromptTemplate.from_template("{passages}\n\n{question}")
    model = GenericFakeChatModel(messages=iter([AIMessage("ASML")]))
    retriever = SeedsRetriever(assistant=assistant, limit=3)
    chain = (
        {"passages": retriever | listed, "question": RunnablePassthrough()}
        | prompt
        | model
        | StrOutputParser()
    )
    assert chain.invoke(EUV) == "ASML"
    assert len(seen) == 3
    assert "only mastered by one company: ASML" in seen[0].page_content
    text = assistant.document(ARTICLE).text
    for document in seen:
        meta = document.metadata
        assert text[meta["start"] : meta["end"]] == document.page_content
    assert [document.metadata["rank"] for document in seen] == [1, 2, 3]


async def _asked(retriever):
    return await retriever.ainvoke(EUV)


def test_the_retriever_works_without_waiting(assistant):
    import asyncio

    found = asyncio.run(_asked(SeedsRetriever(assistant=assistant, limit=1)))
    assert "ASML" in found[0].page_content


def test_answers_as_a_runnable(assistant):
    runnable = answers(assistant)
    assert "ASML" in runnable.invoke(EUV).quotes[0].text
    assert runnable.invoke("What is the boiling point of lead?").status == "not_found"
    batch = runnable.batch([EUV, EUV])
    assert batch[0].quotes == batch[1].quotes


def test_history_as_messages_and_as_strings(assistant):
    first = "How long is the US lead on Chinese AI?"
    for history in ([first], [HumanMessage(first), AIMessage("12 to 24 months")]):
        answer = answers(assistant).invoke({"question": "And who sees it?", "history": history})
        assert answer.question == "And who sees it?"
        assert answer.asked != answer.question
