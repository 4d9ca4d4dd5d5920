"""Slips in a question, with the real index, reranker and dictionary."""

import shutil

import pytest
import yaml

from askseeds.assistant import Assistant
from askseeds.config import Settings
from askseeds.types import Turn
from tests.conftest import ROOT

RIGHT_CHANGED, MENDED = 4, 59
"""What was measured with these documents, of 211 words that are right and 83 that are not."""

TEXTS = {
    "salt.txt": (
        "Mohandas Gandhi walked to the sea in 1930. The Huguenots had left long before. "
        "His march is an example of civil disobedience, as Gegeen Khan said. "
        "Biden was not there, nor was the Grammy jury. The receipt lies in Setanta Hall. "
        "In Lindqvist’s neighbourhood nobody slept."
    ),
    "house.txt": (
        "Siobhan Kavanagh and Catriona McAllister run the lighthouse. Prior notice has a period of "
        "a week. Delivery by an electrician is covered, save for negligence. Admission is free, it "
        "has occurred. The database is PostgreSQL. It backed the seats."
    ),
    "staff.md": "\n\n".join(
        f"# Room {number}\n\nMr {name} has the key of room {number}, and of the cellar."
        for number, name in enumerate(["Kowalski"] * 60 + ["Kowalsky"], 1)
    ),
    "march.txt": "Marchers vaped. The préavis of Lefèvre was short.",
    "haus.txt": "Der Müller baute die Mühle im Jahr 1884. Seine Häuser verkaufte Annegret Kowalke.",
}


@pytest.fixture(scope="module")
def assistant(tmp_path_factory, exported_encoder):
    folder = tmp_path_factory.mktemp("spelling")
    (folder / "seeds").mkdir()
    for name, text in TEXTS.items():
        (folder / "seeds" / name).write_text(text, encoding="utf-8")
    shutil.copytree(exported_encoder, folder / "index" / "encoder")
    with Assistant.open(Settings(seeds=folder / "seeds", index=folder / "index")) as opened:
        yield opened


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("Where did Ghandi walk to?", "Where did Gandhi walk to?"),  # a letter moved
        ("what was ghandi’s march?", "what was gandhi’s march?"),
        ("WHO WAS GHANDI?", "WHO WAS GANDHI?"),
        ("What did Geegen Khan say?", "What did Gegeen Khan say?"),
        ("When did the Hugenots leave?", "When did the Huguenots leave?"),
        ("When did the Hugeunots leave?", "When did the Huguenots leave?"),
        ("Goverment of whom?", "Government of whom?"),  # no document has it
        ("wierd goverment", "weird government"),
        ("Did they recieve it becuase of him?", "Did they receive it because of him?"),
        ("What is an example of disobediance?", "What is an example of disobedience?"),
        ("Which nieghbourhood is it?", "Which neighbourhood is it?"),
        ("What did Lindquist do?", "What did Lindqvist do?"),
        ("Wer war Anegret Kowalke?", "Wer war Annegret Kowalke?"),
        ("Waht is it, and wehre?", "What is it, and where?"),
        ("Is EUV neglience covered?", "Is EUV negligence covered?"),  # no name of two words
        (
            "How long is the notice priod of the lighthous?",
            "How long is the notice period of the lighthouse?",
        ),
        (
            "Is dilivery by an electricain covered in case of neglience?",
            "Is delivery by an electrician covered in case of negligence?",
        ),
        (
            "Has it occured, and what was the addmission?",
            "Has it occurred, and what was the admission?",
        ),
        ("Who is Catriona McAlister?", "Who is Catriona McAllister?"),
        ("which database is postgresq?", "which database is PostgreSQL?"),
        ("Who is Kavanaugh?", "Who is Kavanagh?"),
        ("Is Siobhan Kavanaugh a judge?", "Is Siobhan Kavanagh a judge?"),
        ("The salt tax was tempoary, he’d say.", "The salt tax was temporary, he’d say."),
    ],
)
def test_a_slip_is_read_as_what_was_meant(assistant, asked, meant):
    assert assistant.finder.respelled(asked) == meant
    assert assistant.finder.respelled(meant) == meant


@pytest.mark.parametrize(
    "asked",
    [
        "Did Biden walk to the sea?",  # near "widen"
        "Who is Zorkel?",  # nothing is near
        "Which key has Mr Kowalsky?",  # sixty others are called Kowalski
        "Who is Brett Kavanaugh?",  # a document has Siobhan Kavanagh
        "Did Owen Geegen Khan march with Mohandas K Ghandi?",  # other names, whole
        "What did Lindstrom do in Hannover?",  # another name
        "Did starmer or moderna or numpy or bezos do it?",  # not "starter", "modern", "bumpy"
        "When does onboarding begin, and where is coworking?",  # not "boarding" and "cooking"
        "Where is the dinitrophenol, and where the hypervisor?",  # not "tri-", not "super-"
        "Is the backend on the whitelist in lockdown?",  # two words each
        "Who went fracking and glamping?",
        "Was the marching or marched over?",  # forms of what is there
        "How many Grammys did she win?",
        "Wie viele Mühlen hatten die Müllers?",
        "What is a prefix of préavis, and is Lefevre’s name Lefèvre?",
        "What did “Ghandi” mean, or „Ghandi“, or ‘Ghandi’, or «Ghandi», or `Ghandi`?",
        "Is GHANDI an acronym?",
        "What do toStrign and ghandiName do, or --verbos, or $ghandi?",
        "He mustn’t, he needn't, he mightn’t, he oughtn't.",
        "Is the protestantism unproven, and does it pertain to us?",
        "What is mail@ghandi.org, or www.ghandi.org, or ghandi_2, or src/ghandi?",
        "Was steht in der Ku\u0308ndigungsfirst, und was in gov\u00aderment?",
        "Wann hat der Schreiner die Scheune gebaut?",  # not English
        "asdfgh qwertz yxcvbn",
        "ghandi " * 65,
        "Ab?",
        "???",
        "\ud800 \0 ghаndi",  # the third letter is Cyrillic
    ],
)
def test_what_is_no_slip_is_left_alone(assistant, asked):
    assert assistant.finder.respelled(asked) == asked


def test_few_right_words_are_changed_and_most_misspelt_ones_mended(assistant):
    lists = yaml.safe_load((ROOT / "tests" / "qa" / "words.yaml").read_text(encoding="utf-8"))

    def read(word):
        asked = f"what is the {word} policy of the company"
        return assistant.finder.respelled(asked).split()[3]

    right = " ".join(lists["right"].values()).split()
    changed = [word for word in right if read(word) != word]
    mended = [word for word, meant in lists["misspelt"].items() if read(word) == meant]
    assert len(changed) <= RIGHT_CHANGED, changed
    assert len(mended) >= MENDED


def test_only_words_of_the_documents_that_are_asked_are_meant(assistant):
    respelled = assistant.finder.respelled
    assert respelled("Where did Ghandi walk to?", "salt.txt") == "Where did Gandhi walk to?"
    assert respelled("Where did Ghandi walk to?", "haus.txt") == "Where did Ghandi walk to?"


def test_an_answer_says_what_was_searched_for(assistant):
    answer = assistant.ask("Where did Mohandas Ghandi walk?")
    assert answer.status == "answered"
    assert answer.question == "Where did Mohandas Ghandi walk?"
    assert answer.asked == "Where did Mohandas Gandhi walk?"
    assert "spelling" in answer.timings_ms


def test_a_follow_up_is_made_to_stand_alone_first(assistant):
    answer = assistant.ask("When did he walk?", history=[Turn("Who was Ghandi?")])
    assert "Gandhi" in answer.asked


def test_a_search_finds_it_too(assistant):
    [hit, *_] = assistant.search("Ghandi")
    assert hit.document.source == "salt.txt"
    assert "words" in hit.stages
