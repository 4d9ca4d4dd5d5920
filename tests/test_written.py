"""The questions of tests/qa/written: what is marked as the answer stands in its document."""

import json

import pytest

from tests.conftest import ROOT

WRITTEN = ROOT / "tests" / "qa" / "written"
NONE = {"near-miss", "false-premise", "elsewhere"}
SETS = sorted(path.name for path in WRITTEN.iterdir() if path.is_dir())


@pytest.mark.parametrize("name", SETS)
def test_what_is_marked_stands_there(name):
    lines = (WRITTEN / name / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line) for line in lines]
    assert len({q["id"] for q in questions}) == len(questions) == 170
    for q in questions:
        assert q["question"].strip() == q["question"]
        assert bool(q["gold"]) == q["answerable"] == (q["kind"] not in NONE), q["id"]
        for gold in q["gold"]:
            path = WRITTEN / name / "corpus" / gold["source"]
            with path.open(encoding="utf-8-sig", newline="") as file:
                text = file.read()
            marked = text[gold["start"] : gold["end"]]
            assert marked, q["id"]
            assert marked == marked.strip(), q["id"]
            assert all(text.startswith(marked, at) for at in gold["copies"]), q["id"]
