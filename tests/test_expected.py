"""Whether quotes without a number are known for it, where a number is asked for."""

import pytest

from askseeds.expected import lacks_number

MILL = "The mill employs people from Porto and was bought by its workers."


@pytest.mark.parametrize(
    "question",
    [
        "How many people work at the mill?",
        "In which year was the mill bought?",
        "On what date did the mill open?",
        "what percentage of workers is from Porto",
        "How much did the workers pay for the mill?",
        "How much does the mill cost?",
        "How old is the mill?",
    ],
)
def test_a_number_that_is_asked_for_and_not_there(question: str) -> None:
    assert lacks_number(question, [MILL])
    assert not lacks_number(question, [MILL, "It has 215 workers."])
    assert lacks_number(question, [MILL], ["The mill isn't open"])
    assert not lacks_number(question, [MILL], ["The mill in 2024"])


@pytest.mark.parametrize(
    "text",
    [
        "It has 215 workers.",
        "It has two hundred workers.",
        "Nobody works there.",
        "It employs dozens of people.",
        "Only the owner works there.",
        "A single worker runs it.",
        "Any number of people may work there.",
        "It does not employ people.",
        "The majority live in Porto.",
        "Both work there.",
        "It opened in March.",
        "A third of them work there.",
    ],
)
def test_a_number_in_any_form_is_one(text: str) -> None:
    assert not lacks_number("How many people work at the mill?", [text])


@pytest.mark.parametrize(
    "question",
    [
        "When was the mill bought?",  # "after the war"
        "How much did he like the mill?",
        "How far is the mill?",  # "around the corner"
        "Who works at the mill?",
        "Who bought the mill, and how many people work there?",
        "Which day did it open?",  # "on the day after the flood"
        "Which date format does the mill use?",
        "What year-end adjustments are made?",
        "How old backups are deleted",
        "How many-to-many relations are stored",
        "Can I choose how many people work at the mill?",
        "Does the report say how many people work there?",
    ],
)
def test_what_can_be_answered_without_a_number_is_left_alone(question: str) -> None:
    assert not lacks_number(question, [MILL])
