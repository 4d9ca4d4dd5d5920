"""The plugin in pytest runs of its own, as people have them."""

import os
import subprocess
import sys

import pytest
from lxml import etree

from tests.conftest import ROOT

PAIRS = """\
- id: good
  question: Which company has mastered EUV lithography?
  status: answered
  quotes: ["only mastered by one company: ASML"]
  tags: [two-words, fast]
- id: refused
  question: How do I bake sourdough bread?
  status: not_found
  tags: [fast]
- id: mistyped
  question: Which company has mastered EUV lithography?
  status: answered
  quotes: ["Only mastered by one company"]
- id: wrong-file
  question: Which company has mastered EUV lithography?
  status: answered
  quotes: ["only mastered by one company"]
  source: other.txt
- id: known
  question: Which company has mastered EUV lithography?
  status: not_found
  xfail: for the test
- id: mended
  question: How do I bake sourdough bread?
  status: not_found
  xfail: not true any more
"""
INI = """\
[pytest]
addopts = --strict-markers --strict-config
filterwarnings = error
askseeds_index = index
"""


@pytest.fixture
def project(article_place):
    folder = article_place.seeds.parent
    (folder / "shop.qa.yaml").write_text(PAIRS)
    (folder / "pytest.ini").write_text(INI)
    return folder


def run_pytest(folder, *arguments):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--no-header", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment | {"COLUMNS": "200"},
        timeout=300,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_one_test_a_pair_with_failures_that_say_why(project):
    code, said = run_pytest(project, "--junitxml=junit.xml", "-rA")
    assert code == 1
    assert "2 passed, 1 xfailed" in said.replace("3 failed, ", "")
    assert "3 failed" in said
    for part in (
        "question:   Which company has mastered EUV lithography?",
        "expected:   answered, 'Only mastered by one company'",
        "got:        answered, confidence ",
        "wrong:      no such text",
        "not quoted: 'Only mastered by one company'",
        "stands in no document; a passage has it with other spaces, line breaks or capitals",
        "000_0a94dbc707a55d23.txt:",
        "'only mastered by one company' stands in no document on other.txt",
    ):
        assert part in said, part
    assert "Traceback" not in said
    assert "pytest_plugin.py" not in said
    cases = etree.parse(project / "junit.xml").findall(".//testcase")
    assert [case.get("name") for case in cases] == [
        "good",
        "refused",
        "mistyped",
        "wrong-file",
        "known",
        "mended",
    ]

    code, said = run_pytest(project, "--lf", "-k", "mistyped or good", "-q")
    assert code == 1
    assert "1 failed, 3 deselected" in said or "1 failed, 2 deselected" in said

    # With several processes at one index that has yet to be brought up to date.
    (project / "seeds" / "more.txt").write_text("Nothing of interest stands in here.\n")
    code, said = run_pytest(project, "-n", "2", "-m", "fast and not two-words or two-words")
    assert code == 0, said
    assert "2 passed" in said


def test_the_index_is_kept_in_the_cache(project):
    (project / "pytest.ini").write_text("[pytest]\n")
    cache = project / ".pytest_cache" / "d" / "askseeds"
    cache.parent.mkdir(parents=True)
    (project / "index").rename(cache)
    code, said = run_pytest(project, "-k", "good", "-q")
    assert code == 0, said
    assert (cache / "ledger.sqlite").exists()
    assert not (project / "index").exists()

    (cache / "ledger.sqlite").write_bytes(b"no ledger at all")
    code, said = run_pytest(project, "-k", "good", "-q")
    assert code == 0, said


def test_a_wrong_pair_is_an_error_of_collection(project):
    (project / "shop.qa.yaml").write_text("- question: What?\n  status: maybe\n")
    code, said = run_pytest(project)
    assert code == 2
    assert "shop.qa.yaml:2: status: must be answered or not_found, got 'maybe'" in said
    assert "Traceback" not in said


def test_what_is_missing_is_said_without_a_traceback(project):
    (project / "pytest.ini").write_text(INI + "askseeds_seeds = nowhere\n")
    code, said = run_pytest(project, "-k", "good")
    assert code == 1
    assert "nowhere" in said
    assert "Traceback" not in said


def test_who_has_no_pairs_pays_nothing(tmp_path):
    (tmp_path / "test_plain.py").write_text(
        "import sys\n"
        "def test_plain():\n"
        "    loaded = {name for name in sys.modules if name.startswith('askseeds')}\n"
        "    assert loaded <= {'askseeds', 'askseeds.pytest_plugin'}\n"
        "    assert not {'yaml', 'numpy', 'click'} & set(sys.modules)\n"
    )
    code, said = run_pytest(tmp_path, "-q", "-W", "error")
    assert code == 0, said


def test_only_the_named_files_are_collected(project):
    (project / "pytest.ini").write_text("[pytest]\naskseeds_qa_files = qa/*.yaml\n")
    (project / "qa").mkdir()
    (project / "qa" / "some.yaml").write_text(PAIRS)
    code, said = run_pytest(project, "--collect-only", "-q")
    assert code == 0
    assert "qa/some.yaml::good" in said
    assert "shop.qa.yaml" not in said


def test_the_seed_pairs_are_collected_here():
    code, said = run_pytest(ROOT, "--collect-only", "-q", "tests/qa")
    assert code == 0, said
    assert "tests/qa/seed.yaml::euv-who-mastered" in said
