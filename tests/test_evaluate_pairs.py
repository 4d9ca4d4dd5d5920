import contextlib
import json
import re
from dataclasses import replace
from importlib import resources

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from askseeds.errors import ConfigError
from askseeds.evaluate import formats
from askseeds.evaluate.pairs import Entry, Pair, fields_of, pair_of
from askseeds.questions import is_empty
from askseeds.types import Turn
from tests.conftest import ROOT

SCHEMA = json.loads(resources.files("askseeds").joinpath("qa.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

anything = st.text(st.characters(exclude_categories=("Cs",)))
text = anything.filter(str.strip)
visible = anything.filter(lambda given: not is_empty(given))
texts = st.lists(text, max_size=3).map(tuple)
word = st.from_regex(r"[a-z0-9][a-z0-9_.+-]{0,8}", fullmatch=True)
turn = st.builds(Turn, text, anything)
answered = st.builds(
    Pair,
    id=word,
    question=visible,
    status=st.just("answered"),
    history=st.lists(turn, max_size=2).map(tuple),
    quotes=texts,
    patterns=texts.map(lambda found: tuple(map(re.escape, found))),
    not_quotes=texts,
    source=word | st.just(""),
    page=st.none() | st.integers(1, 999),
    tags=st.lists(word, max_size=3, unique=True).map(tuple),
    weight=st.floats(0.001, 1000),
    xfail=text | st.just(""),
    note=text | st.just(""),
)
refused = st.builds(
    Pair, id=word, question=visible, status=st.just("not_found"), not_quotes=texts, note=text
)
pairs = st.lists(answered | refused, min_size=1, max_size=4, unique_by=lambda pair: pair.id)


@pytest.mark.parametrize("suffix", [".yaml", ".csv", ".tsv", ".jsonl"])
@settings(max_examples=40, deadline=None)
@given(pairs=pairs)
def test_every_format_gives_back_what_was_written(tmp_path_factory, suffix, pairs):
    file = tmp_path_factory.mktemp("round") / f"pairs.qa{suffix}"
    formats.write(file, pairs, comment="On top\n\nof it")
    assert list(formats.read(file)) == pairs


@settings(max_examples=40, deadline=None)
@given(pairs=pairs)
def test_the_schema_accepts_whatever_is_written(pairs):
    VALIDATOR.validate([fields_of(pair) for pair in pairs])


def test_the_schema_accepts_the_seed_pairs_and_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    VALIDATOR.validate(yaml.safe_load((ROOT / "tests/qa/seed.yaml").read_text("utf-8")))


GOOD = {"id": "a", "question": "What?", "status": "answered"}
WRONG = [
    ({"question": None}, "question: is missing or empty"),
    ({"question": "  "}, "question: is missing or empty"),
    ({"question": "\u200b\0"}, "question: is missing or empty"),
    ({"question": 3}, "question: must be text, got 3"),
    ({"id": True}, "id: must be text, got True"),
    ({"id": " "}, "id: must be one line"),
    ({"status": "yes"}, "status: must be answered or not_found, got 'yes'"),
    ({"status": None}, "status: must be answered or not_found, is missing"),
    ({"quote": "x"}, "quote: is not a field of a pair; did you mean quotes?"),
    (
        {"rating": "up"},
        "rating: is not a field of a pair; `askseeds eval --from-feedback PAIRS.yaml`",
    ),
    ({"quotes": [16]}, "quotes: every item must be text, got 16"),
    ({"quotes": ["a", ""]}, "quotes: an item is empty"),
    ({"quotes": {"a": 1}}, "quotes: must be text or a list of texts"),
    ({"patterns": ["("]}, "patterns: '(' is no pattern"),
    ({"status": "not_found", "quotes": ["a"]}, "quotes: nothing is quoted when"),
    ({"status": "not_found", "page": 2}, "page: nothing is quoted when"),
    ({"page": 0}, "page: must be a whole number from 1, got 0"),
    ({"page": True}, "page: must be a whole number from 1"),
    ({"weight": 0}, "weight: must be above 0"),
    ({"weight": float("nan")}, "weight: must be above 0"),
    ({"weight": "1"}, "weight: must be a number above 0"),
    ({"tags": ["two words"]}, "tags: 'two words' is no tag"),
    ({"history": [3]}, "history: a turn of the history"),
    ({"history": [""]}, "history: a question of the history is empty"),
    ({"xfail": True}, "xfail: must be text"),
    ({"note": "\ud800"}, "note: holds half a surrogate pair"),
]


# A schema cannot tell whether a pattern is one or what can be seen, and JSON has no NaN and no half
# characters.
IN_JSON = [
    (change, said)
    for change, said in WRONG
    if not any(one in f"{said} {change}" for one in ("no pattern", "surrogate", "nan", "u200b"))
]


@pytest.mark.parametrize(("change", "said"), WRONG)
def test_the_error_names_file_line_and_field(change, said):
    fields = {name: value for name, value in (GOOD | change).items() if value is not None}
    with pytest.raises(ConfigError) as caught:
        pair_of(Entry("some.qa.yaml", 3, fields, dict.fromkeys(change, 7)))
    assert str(caught.value).startswith(("some.qa.yaml:7: " + said, "some.qa.yaml:3: " + said))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("change", "said"), IN_JSON)
def test_the_schema_rejects_what_the_reader_rejects(change, said):
    fields = {name: value for name, value in (GOOD | change).items() if value is not None}
    assert not VALIDATOR.is_valid([fields])


def test_the_line_is_that_of_the_field(tmp_path):
    file = tmp_path / "a.qa.yaml"
    file.write_text("# top\n- id: one\n  question: What?\n\n  status: maybe\n")
    with pytest.raises(ConfigError, match=r"a\.qa\.yaml:5: status: must be answered"):
        formats.read(file)


BROKEN = [
    (".yaml", "- id: [", ":1: is not YAML"),
    (".yaml", "pairs: 3", ":1: must be a list"),
    (".yaml", "- just text", ":1: a pair must be a mapping"),
    (".yaml", "- question: a\n  question: b\n", ":2: question: is there twice"),
    (".yaml", "- question: !!python/object:os.system x\n", "is not YAML"),
    (".yaml", "- &a {question: q, note: *a}\n", "is not YAML"),
    (".yaml", "", ":1: must be a list"),
    (".yaml", "[]", "holds no pairs"),
    (".csv", "question,answer\nWhat?,x\n", ":1: 'answer' is not a column"),
    (".csv", "question,status\nWhat?,answered,more\n", ":2: has 3 cells"),
    (".csv", "id,question,status\na,What?,answered\nb,,answered\n", ":3: question: is missing"),
    (".csv", 'question,status\n"What?\nWho?",maybe\n', ":2: status: must be"),
    (".csv", 'question,status\n"What?\n', "is not CSV"),
    (".csv", "question,status,page\nWhat?,answered,one\n", ":2: page: must be a number"),
    (".csv", "status,status,question\n", ":1: status: is there twice"),
    (".jsonl", '{"question": "a", "status": "answered"}\n{', ":2: is not JSON"),
    (".jsonl", "[]", ":1: a pair must be a JSON object"),
    (".jsonl", '{"id": 1, "id": 2}', ":1: is not JSON: id is there twice"),
    (".txt", "", "files of pairs end in .yaml"),
]


@pytest.mark.parametrize(("suffix", "content", "said"), BROKEN)
def test_a_broken_file_says_where(tmp_path, suffix, content, said):
    file = tmp_path / f"pairs{suffix}"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        formats.read(file)
    assert said in str(caught.value)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=40, deadline=None)
@given(content=st.binary(max_size=300), suffix=st.sampled_from([".yaml", ".csv", ".jsonl"]))
def test_any_bytes_are_read_or_are_an_error_of_ours(tmp_path_factory, content, suffix):
    file = tmp_path_factory.mktemp("any") / f"pairs{suffix}"
    file.write_bytes(content)
    with contextlib.suppress(ConfigError):
        formats.read(file)


def test_csv_as_a_person_writes_it(tmp_path):
    file = tmp_path / "pairs.csv"
    file.write_text(
        "\ufeffid;question;status;quotes;quotes;tags;history\n"
        "a;Where; answered ;  two spaces;[1] Smith;x, y;Who?\n"
        ';;;;;;\n"b";"Semi; colon";not_found;;;;\n',
        encoding="utf-8",
    )
    assert formats.read(file) == (
        Pair(
            "a",
            "Where",
            "answered",
            history=(Turn("Who?"),),
            quotes=("  two spaces", "[1] Smith"),
            tags=("x", "y"),
        ),
        Pair("b", "Semi; colon", "not_found"),
    )


def test_ids_and_statuses_may_be_left_out(tmp_path):
    file = tmp_path / "pairs.yaml"
    file.write_text("pairs:\n- question: Where is it?\n  quotes: here\n")
    assert formats.read(file) == (
        Pair("where-is-it", "Where is it?", "answered", quotes=("here",)),
    )


def test_an_id_that_is_there_twice_names_both_places(tmp_path):
    file = tmp_path / "pairs.yaml"
    one = "- {id: a, question: b, status: answered}\n"
    file.write_text(one + one)
    with pytest.raises(ConfigError, match=r"yaml:2: id: 'a' is also .*yaml:1"):
        formats.read(file)


def test_the_seed_pairs_are_what_they_claim():
    article = next((ROOT / "seeds").glob("*.txt")).read_text(encoding="utf-8-sig")
    found = formats.read(ROOT / "tests" / "qa" / "seed.yaml")
    assert len(found) >= 40
    assert sum(pair.status == "not_found" for pair in found) >= 12
    for pair in found:
        assert bool(pair.quotes) == (pair.status == "answered")
        assert all(fragment in article for fragment in pair.quotes)
        assert replace(pair, file="", line=0) == pair
