"""Follow-ups are made to stand alone; whatever stands alone is left to the character."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from askseeds.followup import parts, standalone
from askseeds.questions import LONGEST_WORDS
from askseeds.types import Turn


def after(*questions: str) -> list[Turn]:
    return [Turn(question) for question in questions]


@pytest.mark.parametrize(
    ("earlier", "question", "expected"),
    [
        # pronouns
        (
            "What is the Model X battery?",
            "What does it cost?",
            "What does the Model X battery cost?",
        ),
        (
            "When was the Harbour Museum built?",
            "Who designed it?",
            "Who designed the Harbour Museum?",
        ),
        ("Where is Nokia based?", "When was it founded?", "When was Nokia founded?"),
        ("Where is Nokia based?", "Who leads it?", "Who leads Nokia?"),
        ("Who is the mayor of Lund?", "How old is she?", "How old is the mayor of Lund?"),
        ("When did Marie Curie die?", "Where was she born?", "Where was Marie Curie born?"),
        ("When did Anna meet the queen?", "How old was she?", "How old was Anna?"),
        ("When did Marie Curie die?", "Who taught her?", "Who taught Marie Curie?"),
        ("When did Marie Curie die?", "Who was her husband?", "Who was Marie Curie’s husband?"),
        ("What are heat pumps?", "How do they work?", "How do heat pumps work?"),
        ("What are heat pumps?", "What is their lifetime?", "What is heat pumps’ lifetime?"),
        ("Describe the drill.", "Is it loud?", "Is the drill loud?"),
        ("How heavy is the drill?", "Is it loud?", "Is the drill loud?"),
        (
            "Who invented the zip?",
            "Where was he born?",
            "Where was the person who invented the zip born?",
        ),
        (
            "Which city hosted the fair?",
            "How big is it?",
            "How big is the city that hosted the fair?",
        ),
        ("Does Peru have a railway?", "How long is it?", "How long is the railway?"),
        ("Where is the lid of the kettle?", "Can I wash it?", "Can I wash the lid of the kettle?"),
        ("When did Anna go to Oslo?", "What did she buy there?", "What did Anna buy in Oslo?"),
        # pointing words
        ("Who makes chips in South Korea?", "How big is that country?", "How big is South Korea?"),
        (
            "Can the pump freeze?",
            "Who said that?",
            "Who said that the pump can freeze?",
        ),
        (
            "Who founded Nokia?",
            "When was that?",
            "When was it that someone founded Nokia?",
        ),
        # fragments
        ("Who makes chips in South Korea?", "and in Taiwan?", "Who makes chips in Taiwan?"),
        ("Who makes chips in South Korea?", "And Taiwan?", "Who makes chips in Taiwan?"),
        ("Where is Nokia based?", "What about Ericsson?", "Where is Ericsson based?"),
        ("Where is Nokia based?", "Ericsson?", "Where is Ericsson based?"),
        ("What does code A7 mean?", "and B2?", "What does B2 mean?"),
        ("How warm is the lake in June?", "And in winter?", "How warm is the lake in winter?"),
        ("Can I freeze fresh bread?", "and cheese?", "Can I freeze cheese?"),
        ("How long does the film last?", "Why?", "Why does the film last?"),
        ("Is the bridge closed on Sundays?", "why?", "Why is the bridge closed on Sundays?"),
        ("Is the bridge closed?", "Since when?", "Since when is the bridge closed?"),
        ("Can I freeze the soup?", "Why not?", "Why can't I freeze the soup?"),
        ("Where did Marie Curie die?", "what of?", "What did Marie Curie die of?"),
        ("How much does the Astra cost?", "Now?", "How much does the Astra cost now?"),
        # one of several
        (
            "Which is cheaper, the Astra or the Corsa?",
            "How heavy is the second one?",
            "How heavy is the Corsa?",
        ),
        (
            "Which is cheaper, the Astra or the Corsa?",
            "How heavy is the first one?",
            "How heavy is the Astra?",
        ),
        ("Which rooms are free?", "How big is the second one?", "How big is the second room?"),
        # an opening "and", and what is incomplete without its topic
        (
            "How heavy is the Astra?",
            "And how big is the boot?",
            "How big is the boot of the Astra?",
        ),
        ("How heavy is the Astra?", "What is the price?", "What is the price of the Astra?"),
        ("How do I clean the lid of the kettle?", "Can I clean the base too?", None),
    ],
)
def test_a_follow_up_takes_over_what_it_refers_to(
    earlier: str, question: str, expected: str | None
) -> None:
    found = standalone(question, after(earlier))
    assert found == (expected or "Can I clean the base of the kettle too?")


STANDS_ALONE = [
    "Who was Ada Lovelace?",
    "What is the price of the Corsa?",
    "When did Ada Lovelace publish her notes?",
    "Where did Ada Lovelace live when she was young?",
    "When the river floods, how many villages does it reach?",
    "Before it closed, how many people did the mill employ?",
    "Is it safe to swim in the harbour?",
    "How long does it take to walk to the lighthouse?",
    "What is it called when a star explodes?",
    "Is there a ferry to the island?",
    "How many lifts are there in the tower?",
    "What does the manual say about the filter and its cover?",
    "Which tent weighs less and what does it cost?",
    "Which country has its own calendar?",
    "who painted the ceiling and how did he reach it",
    "where does the heron build its nest",
    "Name one way to store apples.",
    "Which firm that makes drills offers the longest warranty?",
    "What happens to bees in winter?",
    "And who is the mayor of Lund?",
    "opening hours library",
    "In which year was the Harbour Museum built?",
    "Why is the sky blue?",
]


@pytest.mark.parametrize("question", STANDS_ALONE)
@pytest.mark.parametrize("earlier", ["Where is Nokia based?", "Who was Grace Hopper?", "and?"])
def test_a_question_that_stands_alone_is_never_changed(question: str, earlier: str) -> None:
    assert standalone(question, after(earlier)) == question


@pytest.mark.parametrize("said", ["thanks", "Thank you very much!", "ok", "Hi", "ok, great!", "?"])
def test_a_courtesy_is_no_question(said: str) -> None:
    assert standalone(said, after("Where is Nokia based?")) == said
    assert standalone("And Ericsson?", after("Where is Nokia based?", said)) == (
        "Where is Ericsson based?"
    )


@pytest.mark.parametrize("question", ["What does it cost?", "and in Taiwan?", "why?", "", " it "])
def test_without_history_nothing_changes(question: str) -> None:
    assert standalone(question, []) == question
    assert standalone(question, after("", "thanks")) == question


def test_earlier_turns_are_resolved_in_order() -> None:
    history = after("Where is Nokia based?", "And Ericsson?")
    assert standalone("When was it founded?", history) == "When was Ericsson founded?"
    assert standalone("When was it founded?", history[::-1]) == "When was Nokia founded?"


def test_the_latest_topic_counts() -> None:
    history = after("How heavy is the Astra?", "Who was Grace Hopper?")
    assert standalone("How old was she?", history) == "How old was Grace Hopper?"
    assert standalone("What does it cost?", history) == "What does the Astra cost?"


def test_the_other_one_is_the_one_before() -> None:
    history = after(
        "How much does the Astra cost?", "And the Corsa?", "How many doors does it have?"
    )
    assert standalone("What about the other one?", history) == "How many doors does the Astra have?"


def test_an_answer_names_what_was_asked_for() -> None:
    history = [Turn("Which company makes the drill?", "The drill is made in Ulm by Brandt Werke.")]
    assert standalone("Where is it based?", history) == (
        "Where is the company that makes the drill based?"  # two names: neither is certain
    )
    history = [Turn("Which company makes the drill?", "The drill is made by Brandt Werke.")]
    assert standalone("Where is it based?", history) == "Where is Brandt Werke based?"
    assert standalone("Where is it based?", after(history[0].question)) == (
        "Where is the company that makes the drill based?"
    )


QUESTIONS = [*STANDS_ALONE, "it", "and it?", "why?", "the other one?", "that", "her", "there", "’s"]
TEXTS = st.one_of(
    st.text(max_size=60),
    st.sampled_from(QUESTIONS),
    st.lists(st.sampled_from(" ".join(QUESTIONS).split()), max_size=14).map(" ".join),
)


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.lists(st.builds(Turn, TEXTS, TEXTS), max_size=4))
def test_any_text_gives_the_same_text_twice(question: str, history: list[Turn]) -> None:
    found = standalone(question, history)
    assert found == standalone(question, history)
    assert bool(found.strip()) == bool(question.strip())


@given(TEXTS)
def test_a_long_text_says_itself_what_it_is_about(question: str) -> None:
    pasted = question + " it" * LONGEST_WORDS
    assert standalone(pasted + " ?", after("Where is Nokia based?")) == pasted + " ?"


@pytest.mark.parametrize("unit", ["it ", "a", "’s", '"', "“", "and ", "A’", "the other one ", "& "])
def test_time_does_not_explode_with_length(unit: str) -> None:
    pasted = (unit * 20_000)[:20_000]
    start = time.perf_counter()
    standalone(pasted, [Turn(pasted, pasted)] * 5)
    standalone("What does it cost?", [Turn("Which company makes it?", pasted)] * 5)
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (
            "Who owns the mill, and when was it built?",
            ("Who owns the mill", "When was the mill built?"),
        ),
        (
            "Who owns the mill? When was it built?",
            ("Who owns the mill?", "When was the mill built?"),
        ),
        (
            "Who owns the mill's wheel and where is the miller's house?",
            ("Who owns the mill's wheel", "where is the miller's house?"),
        ),
        (
            "who bought the old bridge and where is it now",
            ("who bought the old bridge", "Where is the old bridge now?"),
        ),
    ],
)
def test_several_questions_in_one_are_told_apart(question, expected):
    assert parts(question) == expected


@pytest.mark.parametrize(
    "question",
    [
        "Who owns the mill?",
        "when was the wall built and why",
        "How and when did the plague enter Europe?",
        "The firm proposed a merger between a bank and what network in 1954?",
        "Tell me who he is and how to do that",
        "Who owns the mill and the bridge?",
        "why is it so and " * 8 + "why was it built then?",
        "Who decides when the mill opens and when it closes?",
        "Who said “Where is the mill, and who owns this?” in the play?",
        "What does `who owns x and where is y` print in the shell?",
        "What does 'who owns x and where is y there' print?",
        "Who said «Where is the mill, and who owns this?» in the play?",
        "Who is it" + ", " * 4_000 + "and what is it then?",
        "?",
    ],
)
def test_one_question_stays_one(question):
    assert parts(question) == (question,)
