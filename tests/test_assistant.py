"""The way of a question with real parts: quotes are verbatim, whatever is asked of any text."""

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from askseeds import quote
from askseeds.assistant import QUESTION_CHARS, Assistant
from askseeds.config import Settings
from askseeds.errors import QuestionError, SeedsError
from askseeds.finder import CANDIDATES, EARLY
from askseeds.questions import is_empty
from askseeds.sync import bring_up_to_date
from askseeds.types import Answer, Turn
from tests.conftest import ROOT

QA = ROOT / "tests" / "qa"

HARD = {
    "istanbul.txt": "İstanbul is a city. İzmir is a city too. The ferry takes 40 minutes.",
    "ligatures.txt": "The ﬁrst ofﬁce opened in 1890. A ﬂag ﬂew above the ofﬁce.",
    "marks.txt": "The cafe\u0301 closes at nine. Nai\u0308ve guests come later.",
    "crlf.txt": "The mill burned in 1822.\r\nIt was rebuilt\r\nin 1830.\r\n\r\nNobody died.\r\n",
    "bom.txt": "\ufeffThe marked file begins here. It ends soon",
    "long.txt": "The river " + "flows " * 8_000 + "to the sea.",
    "one_word.txt": "x" * 50_000,
    "repeated.txt": "The bell rings at noon. " * 40 + "The bell is silent on Friday.",
    "emoji.txt": "👩‍👩‍👧‍👦 The family moved in 1999. 🇺🇸 The flag stayed.",
    "rtl.txt": "The sign said \u202egnp.exe\u202c in red letters. It was removed in May.",
    "table.md": "# Prices\n\n| item | price |\n|---|---|\n| lamp | 40 euros |\n| desk | 99 |\n",
    "code.md": "# Setup\n\n```\npip install thing\n```\n\nThe port is 8123.\n",
}
EVERYDAY = {
    "chat.txt": (
        "[15/05/2024, 20:31:09] Sue Bell: The council put the rent up to 64 pounds a year from "
        "October\n[15/05/2024, 20:32:40] Graham: What?? It was 48\n[15/05/2024, 20:41:30] Ravi: "
        "Bonfires only November to February, and never before dusk\n"
    ),
    "dishwasher.txt": (
        "3 CARE\nThe door must not be forced, and the filter is rinsed every month.\n\n"
        "4 ERROR CODES\n\n  E1      Door open                Close the door firmly\n"
        "  E2      Water does not drain     Clean the filter, check the hose\n\n"
        "5 SERVICE\nSpare parts are kept for ten years, and the workshop can be called daily.\n"
    ),
    "hosting.txt": (
        "Q: Do you support Python applications?\nA: Only on Business.\n\n"
        "Q: Can I host adult content?\nA: No.\n\nQ: How long are backups kept?\nA: Fourteen days.\n"
    ),
    "cover.txt": (
        "1. What is covered\n\nWe pay for theft of a bicycle that was locked to something fixed."
        "\n\n2. What is not covered\n\nThis cover does not pay for:\n\n(a) rust and wear;\n"
        "(b) races of any kind.\n\n3. Claims\n\nWrite to us within a week, and enclose the receipt "
        "of the lock.\n"
    ),
}

QUESTIONS = (
    "How long does the ferry take?",
    "When did the first office open?",
    "When does the café close?",
    "When was the mill rebuilt?",
    "Where does the river flow?",
    "When is the bell silent?",
    "When did the family move?",
    "What does a lamp cost?",
    "Which port is used?",
    "x",
    "What did the sign say?",
)


def placed(texts, folder, exported_encoder):
    (folder / "seeds").mkdir()
    for name, text in texts.items():
        (folder / "seeds" / name).write_bytes(text.encode())
    shutil.copytree(exported_encoder, folder / "index" / "encoder")
    return Settings(seeds=folder / "seeds", index=folder / "index")


@pytest.fixture(scope="module")
def hard(tmp_path_factory, exported_encoder):
    place = placed(HARD, tmp_path_factory.mktemp("hard"), exported_encoder)
    with Assistant.open(place) as assistant:
        yield assistant, place


@pytest.fixture(scope="module")
def everyday(tmp_path_factory, exported_encoder):
    with Assistant.open(
        placed(EVERYDAY, tmp_path_factory.mktemp("everyday"), exported_encoder)
    ) as assistant:
        yield assistant


@pytest.mark.parametrize(
    ("question", "text", "heading"),
    [
        ("How much is the rent from October?", "64 pounds", None),
        ("When are bonfires allowed?", "Bonfires only November to February", None),
        (
            "What does error code E2 on the dishwasher mean?",
            "E2      Water does not drain",
            "4 ERROR CODES",
        ),
        ("Can I host adult content?", "A: No.", "Q: Can I host adult content?"),
        ("Are races covered?", "(b) races of any kind.", "2. What is not covered"),
    ],
)
def test_everyday_texts_are_read_for_what_they_are(everyday, question, text, heading):
    answer = everyday.ask(question)
    assert answer.status == "answered"
    [found] = [quote for quote in answer.quotes if text in quote.text][:1]
    assert found.heading == heading


def test_a_question_with_nothing_to_see_is_empty(hard):
    for text in ("", " \u00a0\n", "\0\0", "\u200b", "\x01"):
        with pytest.raises(QuestionError, match="the question is empty"):
            hard[0].ask(text)


@pytest.fixture(scope="module")
def tables(tmp_path_factory, exported_encoder):
    folder = tmp_path_factory.mktemp("tables")
    shutil.copytree(QA / "tables", folder / "seeds")
    shutil.copytree(exported_encoder, folder / "index" / "encoder")
    with Assistant.open(Settings(seeds=folder / "seeds", index=folder / "index")) as assistant:
        yield assistant


def check_verbatim(answer, place):
    for found in (*answer.quotes, *answer.nearest):
        path = place.seeds / found.source
        with path.open(encoding="utf-8-sig", newline="") as file:
            assert file.read()[found.start : found.end] == found.text
    for hit in answer.hits:
        for start, end in hit.passage.sentences:
            assert hit.passage.start <= start < end <= hit.passage.end


@pytest.mark.parametrize("question", QUESTIONS)
def test_quotes_from_hard_texts_are_verbatim(hard, question):
    assistant, place = hard
    answer = assistant.ask(question)
    check_verbatim(answer, place)
    assert answer.quotes or answer.nearest


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(min_size=1).filter(lambda text: not is_empty(text)))
def test_any_question_gets_an_answer_or_a_refusal(hard, question):
    assistant, place = hard
    answer = assistant.ask(question)
    check_verbatim(answer, place)
    assert 0 <= answer.confidence <= 1
    assert bool(answer.quotes) == (answer.status == "answered")


def test_the_same_question_gets_the_same_answer(hard):
    assistant, _ = hard
    first, second = (assistant.ask(QUESTIONS[0]) for _ in range(2))
    assert first.quotes == second.quotes
    assert first.confidence == second.confidence


def test_max_quotes_min_confidence_and_source(hard):
    assistant, _ = hard
    assert len(assistant.ask(QUESTIONS[5], max_quotes=1).quotes) <= 1
    assert assistant.ask(QUESTIONS[0], min_confidence=1.0).status == "not_found"
    assert assistant.ask("zzz", min_confidence=0.0).status == "answered"
    answer = assistant.ask(QUESTIONS[0], source="table.*")
    assert {found.source for found in (*answer.quotes, *answer.nearest)} == {"table.md"}
    with pytest.raises(SeedsError, match="no document matches"):
        assistant.ask(QUESTIONS[0], source="*.pdf")


def test_a_follow_up_is_searched_for_on_its_own(hard):
    assistant, _ = hard
    answer = assistant.ask("And when was it rebuilt?", history=[Turn("When did the mill burn?")])
    assert answer.question == "And when was it rebuilt?"
    assert "mill" in answer.asked
    assert any("1830" in found.text for found in (*answer.quotes, *answer.nearest))


@pytest.mark.parametrize("question", ["", " \n\t", "x" * (QUESTION_CHARS + 1)])
def test_what_cannot_be_asked(hard, question):
    assistant, _ = hard
    with pytest.raises(QuestionError):
        assistant.ask(question)


def test_stages_are_timed_and_explained(hard):
    assistant, _ = hard
    answer = assistant.ask("How many minutes is the ferry under way?")
    assert set(answer.timings_ms) == {
        "follow_up",
        "spelling",
        "encode",
        "retrieve",
        "rerank",
        "near",
        "quote",
        "total",
    }
    hits = assistant.search(QUESTIONS[0], limit=3)
    assert [hit.rank for hit in hits] == [1, 2, 3]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert {"fusion", "reranker"} <= set(hits[0].stages)


def test_a_question_that_was_asked_before_is_not_worked_on_again(article_place, monkeypatch):
    with Assistant.open(article_place) as assistant:
        first = assistant.ask("Who is leading in AI development?")
        monkeypatch.setattr(assistant.finder, "_read", None)
        again = assistant.ask("Who is leading in AI development?", min_confidence=0)
        assert (again.quotes or again.nearest) == (first.quotes or first.nearest)
        assert again.confidence == first.confidence
        assert "rerank" not in again.timings_ms
        with pytest.raises(TypeError):  # another number of quotes is another question
            assistant.ask("Who is leading in AI development?", max_quotes=1)


def test_what_was_asked_before_is_asked_anew_when_the_documents_change(article_place):
    question = "How many lamps does the new lighthouse have?"
    with Assistant.open(article_place) as assistant:
        assert assistant.ask(question).status == "not_found"
        new = article_place.seeds / "lighthouse.txt"
        new.write_text("The new lighthouse has fourteen lamps. They shine all night.")
        bring_up_to_date(article_place)
        assert "fourteen" in assistant.ask(question).text
        new.unlink()
        bring_up_to_date(article_place)
        assert assistant.ask(question).status == "not_found"


def test_steps_are_told_in_their_order(hard):
    assistant, _ = hard
    *events, answer = assistant.stream("When was the mill rebuilt, and after what?")
    steps = [event for event in events if not isinstance(event, Answer)]
    assert steps == ["searching", "reading", "choosing"]
    assert answer == replace(assistant.ask(answer.question), timings_ms=answer.timings_ms)


def test_a_sure_quote_is_told_before_all_is_read(hard):
    assistant, place = hard
    first, second, early, *rest, answer = assistant.stream("Which port is used for the setup?")
    assert (first, second, rest) == ("searching", "reading", ["choosing"])
    assert early.provisional
    assert early.status == "answered"
    assert early.confidence >= quote.SURE
    assert len(early.hits) == EARLY < len(answer.hits)
    check_verbatim(early, place)
    # The final one may quote more, or longer.
    assert len(early.quotes) == 1
    assert early.quotes[0].text in answer.text
    assert not answer.provisional
    assert answer == replace(assistant.ask(answer.question), timings_ms=answer.timings_ms)


@pytest.mark.parametrize(
    ("question", "options"),
    [
        ("Who won the regatta in 1954?", {}),
        ("Which port does it use for the setup?", {"min_confidence": 1.0}),
    ],
)
def test_what_is_not_sure_is_not_told_early(hard, question, options):
    assistant, _ = hard
    *events, answer = assistant.stream(question, **options)
    assert answer.status == "not_found"
    assert not any(isinstance(event, Answer) for event in events)


def test_leaving_the_stream_ends_the_reading(hard, monkeypatch):
    assistant, _ = hard
    read = []
    finder = assistant.finder
    model = finder.reranker._model
    spied = SimpleNamespace(
        tokenizer=model.tokenizer, run=lambda *args: (read.append(1), model.run(*args))[1]
    )
    monkeypatch.setattr(finder, "reranker", replace(finder.reranker, _model=spied))
    stream = assistant.stream("Which port is used for that setup?")
    assert any(isinstance(event, Answer) for event in stream)  # the early one
    stream.close()
    assert len(read) == EARLY
    read.clear()
    *_, answer = assistant.stream("Which port is used for that setup?")
    assert len(answer.hits) > EARLY
    # Those that were read early are not read again; what stands around the best may be read once.
    assert 0 <= len(read) - len(answer.hits) <= 1
    finder._recent.clear()
    again = assistant.ask("Which port is used for that setup?")
    assert replace(answer, timings_ms={}) == replace(again, timings_ms={})


def test_several_threads_get_their_own_answers(hard):
    from concurrent.futures import ThreadPoolExecutor

    assistant, _ = hard
    alone = [assistant.ask(question).quotes for question in QUESTIONS[:6]]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda question: assistant.ask(question).quotes, QUESTIONS[:6]))
    assert together == alone


def test_a_question_that_asks_several_has_a_quote_for_each(hard):
    assistant, place = hard
    question = "How long does the ferry take, and which port is used?"
    *events, answer = assistant.stream(question)
    # What the whole question finds is told before its parts are asked.
    early = [event for event in events if isinstance(event, Answer)]
    assert early
    assert all(event.provisional and event.status == "answered" for event in early)
    assert len(early[-1].hits) == CANDIDATES
    assert answer.status == "answered"
    texts = [found.text for found in answer.quotes]
    assert any("The ferry takes 40 minutes." in text for text in texts)
    assert "The port is 8123." in texts
    check_verbatim(answer, place)


def _table_pairs():
    for line in (QA / "tables.jsonl").read_text(encoding="utf-8").splitlines():
        pair = json.loads(line)
        why = pair.get("xfail")
        marks = [pytest.mark.xfail(reason=why, strict=True)] if why else []
        yield pytest.param(pair, id=pair["id"], marks=marks)


@pytest.mark.parametrize("pair", [*_table_pairs()])
def test_a_row_of_a_table_answers_under_its_head(tables, pair):
    answer = tables.ask(pair["question"])
    assert answer.status == ("answered" if pair["answerable"] else "not_found")
    assert pair.get("fragment", "") in "\n".join(quote.text for quote in answer.quotes)
