"""The hand-written pairs on the article that comes with the project, one test a pair."""

from pathlib import Path

import pytest
import yaml

from askseeds.assistant import Assistant
from askseeds.batch import turns
from askseeds.config import Settings
from tests.conftest import ROOT

PAIRS = yaml.safe_load((Path(__file__).parent / "qa" / "seed.yaml").read_text(encoding="utf-8"))
UNANSWERABLE_AT_LEAST = 12


@pytest.fixture(scope="module")
def assistant(tmp_path_factory, exported_encoder):
    import shutil

    index = tmp_path_factory.mktemp("qa") / "index"
    shutil.copytree(exported_encoder, index / "encoder")
    with Assistant.open(Settings(seeds=ROOT / "seeds", index=index)) as assistant:
        yield assistant


def marked(pair):
    reason = pair.get("xfail")
    marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
    return pytest.param(pair, id=pair["id"], marks=marks)


@pytest.mark.parametrize("pair", [marked(pair) for pair in PAIRS])
def test_pair(assistant, pair):
    history = turns(pair.get("history") or (), where=pair["id"])
    answer = assistant.ask(pair["question"], history=history)
    quoted = "\n".join(quote.text for quote in answer.quotes)
    told = (
        f"asked {answer.asked!r}: {answer.status}, confidence {answer.confidence:.2f}, "
        f"quoted {quoted or [quote.text for quote in answer.nearest]!r}"
    )
    assert answer.status == pair["status"], told
    for fragment in pair.get("quotes", ()):
        assert fragment in quoted, told


def test_the_pairs_are_what_they_claim():
    text = next((ROOT / "seeds").glob("*.txt")).read_text(encoding="utf-8-sig")
    assert len(PAIRS) >= 40
    assert len({pair["id"] for pair in PAIRS}) == len(PAIRS)
    refused = [pair for pair in PAIRS if pair["status"] == "not_found"]
    assert len(refused) >= UNANSWERABLE_AT_LEAST
    for pair in PAIRS:
        assert bool(pair.get("quotes")) == (pair["status"] == "answered")
        assert all(fragment in text for fragment in pair.get("quotes", ()))
