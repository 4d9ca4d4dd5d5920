"""`askseeds eval` on the article, and every form of report through a reader of that form."""

import contextlib
import json
import re
from dataclasses import replace

import pytest
import yaml
from lxml import etree
from markdown_it import MarkdownIt

from askseeds.config import Settings
from askseeds.errors import AskseedsError, ConfigError
from askseeds.evaluate import command, draft, formats, outputs, record, report
from askseeds.evaluate.figures import FIGURES, figures
from askseeds.evaluate.gate import Baseline, Check
from askseeds.evaluate.gold import resolve
from askseeds.evaluate.judge import judge
from askseeds.evaluate.outputs import Evaluation
from askseeds.evaluate.pairs import Pair
from askseeds.evaluate.runner import Result, run
from askseeds.types import Answer, Document, Hit, Models, Passage, Quote, Stage, Turn
from tests.conftest import ROOT

CHROMIUM = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
NASTY = '<script>alert(1)</script> & "quoted" `code` | pipe \x1b[31m \u202e \ufffe 😀 ]]> é'
TEXT = f"Before it. {NASTY} is the answer. After it, on the next page. Nothing else.\nEnd."


class Scripted:
    """An assistant whose answers are made from a table: question to (quoted, confidence)."""

    def __init__(self, table):
        self.table = table
        self.read = Document("1", "a <b>.txt", "A <i>title</i>", TEXT, (0, 40))

    def sources(self):
        return (self.read.source,)

    def document(self, source):
        assert source == self.read.source
        return self.read

    def ask(self, question, *, history=()):
        found = self.table[question]
        if isinstance(found, Exception):
            raise found
        fragment, confidence = found
        start = TEXT.index(fragment)
        end = start + len(fragment)
        page = 1 if start < 40 else 2
        quote = Quote(self.read.source, start, end, fragment, "A", page, "H <u>", 0.5)
        passage = Passage(1, "1", 0, len(TEXT), None, 1, ((0, len(TEXT)),))
        stages = {"fusion": Stage(2, 0.1), "reranker": Stage(1, 3.0)}
        hit = Hit(passage, self.read, 1, 3.0, stages)
        answered = confidence >= 0.5
        return Answer(
            question,
            f"{question} again" if history else question,
            "answered" if answered else "not_found",
            confidence,
            fragment,
            (quote,) if answered else (),
            () if answered else (quote,),
            (hit,),
            (),
            {"total": 12.0},
            Models("encoder <e>", "reranker"),
        )


TABLE = {
    "good?": (f"{NASTY} is the answer.", 0.9),
    "refused?": ("Nothing else.", 0.1),
    "too shy?": ("Before it.", 0.3),
    "too bold?": ("Before it.", 0.8),
    "wrong?": ("After it, on the next page.", 0.7),
    "broken?": AskseedsError("the index went away"),
}
PAIRS = (
    Pair("good", "good?", "answered", (Turn("before <b>?"),), (NASTY,), tags=("a", "b")),
    Pair("pattern", "good?", "answered", patterns=(r"is the \w+",), page=1),
    Pair("refused", "refused?", "not_found", tags=("b",)),
    Pair("shy", "too shy?", "answered", quotes=("Before",), note=NASTY),
    Pair("bold", "too bold?", "not_found", weight=2.0),
    Pair("elsewhere", "wrong?", "answered", quotes=("After it",), page=1),
    Pair("forbidden", "wrong?", "answered", not_quotes=("next page",)),
    Pair("unchosen", "wrong?", "answered", quotes=("Nothing else",)),
    Pair("lost", "wrong?", "answered", quotes=("nothing  ELSE",)),
    Pair("known", "too bold?", "not_found", xfail="it is <known>"),
    Pair("mended", "refused?", "not_found", xfail="no longer"),
    Pair("error", "broken?", "answered"),
)
PAIRS = tuple(replace(pair, file="a <b>.qa.yaml", line=n) for n, pair in enumerate(PAIRS, 1))
KINDS = {
    "good": "passed",
    "pattern": "passed",
    "refused": "passed",
    "shy": "chosen but refused",
    "bold": "answered all the same",
    "elsewhere": "no such text",
    "forbidden": "quoted what must not be",
    "unchosen": "retrieved but not chosen",
    "lost": "no such text",
    "known": "answered all the same",
    "mended": "passed",
    "error": "error",
}


@pytest.fixture(scope="module")
def done():
    results = run(Scripted(TABLE), PAIRS)
    counted = figures([result.measures for result in results])
    checks = (Check(True, "a <b> | holds"), Check(False, "refused >= 1: 0.5"))
    return Evaluation(Settings(), ("a <b>.qa.yaml",), results, counted, checks)


def test_every_kind_of_failure_is_told_apart(done):
    assert {result.pair.id: result.verdict.kind for result in done.results} == KINDS
    outcomes = {result.pair.id: result.outcome for result in done.results}
    assert outcomes["known"] == "expected failure"
    assert outcomes["mended"] == "unexpected pass"
    assert outcomes["error"] == "error"
    miss = {result.pair.id: result.verdict.nearest_miss for result in done.results}
    assert "rank 1, 2 before reranking" in miss["unchosen"]
    assert "other spaces, line breaks or capitals" in miss["lost"]
    assert "confidence of 0.30 is too low" in miss["shy"]


def test_a_passage_that_was_not_retrieved():
    pair = Pair("a", "wrong?", "answered", quotes=("Nothing else",))
    assistant = Scripted(TABLE)
    (result,) = run(assistant, [pair])
    nothing = replace(result.answer, hits=())
    verdict = judge(pair, nothing, result.golds)
    assert verdict.kind == "not retrieved"
    assert "in none of the 0 passages" in verdict.nearest_miss


def test_quoted_from_another_page():
    pair = Pair("a", "wrong?", "answered", quotes=("next page",), page=2)
    (right,) = run(Scripted(TABLE), [pair])
    assert right.outcome == "passed"
    wrong = replace(right.answer, quotes=(replace(right.answer.quotes[0], page=7),))
    assert judge(pair, wrong, right.golds).kind == "quoted from elsewhere"


def test_brackets_in_the_source_of_a_pair_are_brackets():
    pair = Pair("a", "wrong?", "answered", quotes=("next page",), source="f [b].txt")
    (right,) = run(Scripted(TABLE), [replace(pair, source="")])
    quote = replace(right.answer.quotes[0], source="f [b].txt")
    assert judge(pair, replace(right.answer, quotes=(quote,)), right.golds).kind == "passed"
    document = Document("1", "f [b].txt", "F", "the next page")
    assert resolve([pair], ["f [b].txt"], lambda source: document)["a"][0].places


def test_junit_is_valid_by_a_schema(done):
    schema = etree.XMLSchema(etree.parse(ROOT / "tests" / "data" / "junit.xsd"))
    root = etree.fromstring(outputs.junit(done).encode())
    schema.assertValid(root)
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("12", "7", "1")
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert cases["shy"].find("failure").get("type") == "chosen but refused"
    assert cases["known"].find("skipped").get("message") == "expected failure: it is <known>"
    assert "\\u202e" in cases["shy"].find("failure").text
    assert cases["error"].find("error").get("message") == "the index went away"


def test_json_holds_everything(done):
    content = json.loads(outputs.json_text(done))
    assert content["format"] == 1
    assert set(content["figures"]) == set(FIGURES)
    shy = next(pair for pair in content["pairs"] if pair["id"] == "shy")
    quote = shy["answer"]["nearest"][0]
    assert TEXT[quote["start"] : quote["end"]] == quote["text"] == "Before it."
    assert shy["gold"] == [
        {"fragment": "Before", "places": [{"source": "a <b>.txt", "start": 0, "end": 6}]}
    ]


def test_markdown_reads_as_tables_and_nothing_else(done):
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(outputs.markdown(done))
    root = etree.HTML(html)
    assert len(root.findall(".//table")) == 2
    wrong = root.findall(".//table")[1].findall(".//tbody/tr")
    assert len(wrong) == 8
    assert all(len(row.findall("td")) == 3 for row in wrong)
    assert not root.findall(".//script")
    assert not root.findall(".//b")


def test_a_drop_counts_when_it_is_beyond_the_interval(tmp_path):
    pairs = [Pair(f"{n}", f"{n}", "not_found") for n in range(60)]
    file = tmp_path / "old.json"

    def refusing(wrong):
        table = {p.id: ("Before it.", 0.9 if int(p.id) in wrong else 0.1) for p in pairs}
        return run(Scripted(table), pairs)

    old = refusing({0})
    counted = figures([result.measures for result in old])
    file.write_text(outputs.json_text(Evaluation(Settings(), ("a",), old, counted)))
    baseline = Baseline.read(file)

    def failed(wrong, max_drop=0.02):
        checks = baseline.check(refusing(wrong), max_drop=max_drop)
        return {check.text.split()[0] for check in checks if not check.ok}, checks

    assert failed({0})[0] == set()
    worse, _ = failed(range(12))
    assert worse >= {"passed", "refused", "brier"}
    assert failed(range(12), max_drop=0.5)[0] == set()
    # Two pairs of sixty lost and none won: more than 0.02, but it may be chance.
    chance, checks = failed({0, 1, 2})
    assert "refused" not in chance
    assert any("refused -0.033" in c.text and "within chance" in c.text for c in checks)
    assert failed(())[0] == set()
    (none,) = baseline.check(run(Scripted(TABLE), PAIRS), max_drop=0.02)
    assert not none.ok


def test_text_shows_no_control_characters(done):
    said = outputs.text(done)
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", said)
    assert "12 pairs: 3 passed, 6 failed, 1 failed as expected, 1 passed unexpectedly" in said
    assert "gate FAILS refused >= 1" in said


@pytest.mark.browser
def test_the_report_works_in_a_browser_without_network(done, tmp_path):
    from playwright.sync_api import sync_playwright

    file = tmp_path / "report.html"
    file.write_text(report.html(done), encoding="utf-8")
    trouble, asked = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        for scheme in ("light", "dark"):
            page = browser.new_context(offline=True, color_scheme=scheme).new_page()
            page.on("console", lambda message: trouble.append(message.text))
            page.on("pageerror", lambda error: trouble.append(str(error)))
            page.on("dialog", lambda dialog: trouble.append(dialog.message))
            page.on("request", lambda request: asked.append(request.url))
            page.goto(file.as_uri())
            assert page.locator("svg").count() == 5
            assert page.locator("svg .main").count() > 5
            visible = page.locator(".pair:visible")
            assert visible.count() == 12
            page.locator(".choice", has_text="could not be asked").click()
            assert visible.count() == 1
            page.locator(".choice", has_text="all 12").click()
            page.select_option("#tag", "b")
            assert visible.count() == 2
            page.fill("#find", "sourdough")
            assert visible.count() == 0
            assert page.text_content("#shown") == "0 shown"
            page.fill("#find", "")
            visible.first.locator("summary").click()
            assert visible.first.locator("mark").inner_text() == f"{NASTY} is the answer."
            assert visible.first.locator(".fragment").inner_text() == NASTY
            page.set_viewport_size({"width": 360, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
        browser.close()
    assert trouble == []
    assert asked == [file.as_uri()] * 2


def test_the_report_refers_to_nothing_outside(done):
    html = report.html(done)
    assert not re.search(r"https?://|//\w|@import|url\(", html)
    assert html.count("<script>") == 1
    few = replace(done, results=(), figures=figures([]), checks=())
    assert "no such pairs" in report.html(few)


# --- The command, with the real assistant ---------------------------------------------------------


@pytest.fixture
def ask(article_place):
    """Runs the command in this process; gives the exit code and what it showed."""
    folder = article_place.seeds.parent

    def ask(**options):
        shown = []
        around = command.Surroundings(
            show=shown.append, notice=shown.append, progress=lambda: contextlib.nullcontext(None)
        )
        where = {"seeds": article_place.seeds, "index": article_place.index}
        return command.evaluate(command.Options(**options), None, where, around), "\n".join(shown)

    ask.folder = folder
    return ask


REAL = """\
# On top
- id: euv   # beside
  question: Which company has mastered EUV lithography?
  status: answered
  quotes: ["mastered by one company: ASML"]
# between
- id: bread
  question: How do I bake sourdough bread?
  status: answered
  quotes:
    - flour
  tags: [review]
  # after the tags

- {id: flow, question: "How do I bake sourdough bread?", status: answered, tags: [x]}  # end
"""


@pytest.mark.slow
def test_gates_baselines_and_acceptance(ask):
    file, now = ask.folder / "a.qa.yaml", ask.folder / "now.json"
    file.write_text(REAL)
    code, said = ask(files=(file,), json=now, report=ask.folder / "deep" / "report.html")
    assert code == 4
    assert "gate FAILS 2 of 3 pairs failed: bread, flow" in said
    assert (ask.folder / "deep" / "report.html").is_file()
    code, said = ask(files=(file,), gates=("hit_at_1>=0.5",))
    assert (code, "gate ok    hit_at_1 >= 0.5: 0.5 over 2 pairs" in said) in ((0, True), (4, False))
    assert ask(files=(file,), gates=("hit_at_1>=0.3",), every_pair=True)[0] == 4
    assert ask(files=(file,), gates=("answered>0.99",))[0] == 4

    with pytest.raises(ConfigError, match="--accept"):
        ask(files=(file,), diff=True)
    code, said = ask(files=(file,), accept=True)
    assert code == 0
    assert "2 of 3 pairs changed" in said
    text = file.read_text()
    for kept in ("# On top", "# beside", "# between", "# after the tags", "# end", "ASML"):
        assert kept in text
    assert "review" not in text
    assert [pair.status for pair in formats.read(file)] == ["answered", "not_found", "not_found"]
    assert ask(files=(file,), diff=True)[1].startswith("nothing changed")
    assert ask(files=(file,), baseline=now)[0] == 0

    # The article changes: the answer goes, and both the record and the baseline notice.
    article = next((ask.folder / "seeds").glob("*.txt"))
    article.write_text("Cats sleep most of the day. They hunt at dawn.\n")
    code, said = ask(files=(file,), diff=True)
    assert code == 4
    assert "euv: Which company" in said
    assert "  - answered" in said
    assert "  + not_found" in said


@pytest.mark.slow
def test_drafts_feedback_and_comparison(ask):
    file = ask.folder / "new.qa.yaml"
    code, said = ask(new=True, files=(file,))
    assert code == 0
    drafted = formats.read(file)
    assert len(drafted) >= 8
    article = next((ask.folder / "seeds").glob("*.txt")).read_text(encoding="utf-8-sig")
    assert all(f in article for pair in drafted for f in pair.quotes)
    assert all("review" in pair.tags for pair in drafted)
    assert any(pair.status == "not_found" for pair in drafted)
    with pytest.raises(ConfigError, match="there already"):
        ask(new=True, files=(file,))

    judged = [
        {"question": "Who?", "rating": "up", "status": "answered", "quotes": [{"text": "ASML"}]},
        {"question": "Who?", "rating": "down", "quotes": [{"text": "TSMC"}], "comment": "no"},
        {"question": "Why?", "rating": "up", "status": "not_found", "history": ["Who?"]},
    ]
    lines = "".join(json.dumps(line) + "\n" for line in judged)
    (ask.folder / "index" / draft.FEEDBACK_FILE).write_text(lines)
    code, said = ask(from_feedback=True, files=(file,))
    assert (code, "2 pairs added" in said) == (0, True)
    who, why = formats.read(file)[len(drafted) :]
    assert (who.not_quotes, bool(who.xfail), who.note) == (("TSMC",), True, "no")
    assert (why.status, why.history) == ("not_found", (Turn("Who?"),))
    assert "0 pairs added" in ask(from_feedback=True, files=(file,))[1]

    few = ask.folder / "few.csv"
    formats.write(few, [Pair("euv", "Which company has mastered EUV lithography?", "answered")])
    both = []
    for name, least in (("a", 0.5), ("b", 1.0)):
        both.append(ask.folder / f"{name}.toml")
        both[-1].write_text(f"min_confidence = {least}\n")
    code, said = ask(files=(few,), compare=tuple(both))
    assert code == 0
    assert "losses of" in said
    assert "euv: passed →" in said
    assert "McNemar's exact test, p = 1.0000" in said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", ":1: is not JSON"),
        ('{"question": "a"}', ":1: needs a question, and a rating"),
        ('{"question": "a", "rating": "up", "quotes": [3]}', ":1: quotes: must be a list"),
        ('{"question": "a", "rating": "up", "history": 3}', ":1: history must be a list"),
    ],
)
def test_broken_feedback_says_where(tmp_path, line, said):
    file = tmp_path / "feedback.jsonl"
    file.write_text(line)
    with pytest.raises(ConfigError) as caught:
        draft.from_feedback(file)
    assert str(caught.value).startswith(f"{file}{said}")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "no file of pairs"),
        ({"files": ("x.txt",)}, "files of pairs end in"),
        ({"files": ("none.yaml",)}, "none.yaml cannot be read"),
        ({"files": ("a.yaml", "b.yaml"), "new": True}, "name one file"),
        ({"files": ("a.yaml",), "gates": ("x>1",)}, "is not a figure"),
        ({"from_feedback": True}, "feedback.jsonl cannot be read"),
    ],
)
def test_wrong_use_is_found_before_any_work(ask, options, said):
    if "files" in options:
        options = options | {"files": tuple(ask.folder / name for name in options["files"])}
    with pytest.raises(ConfigError, match=re.escape(said)):
        ask(**options)


def test_an_edit_that_would_not_read_back_rewrites_the_file(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text('- &one {id: a, question: "Good?", status: not_found}\n- <<: *one\n  id: b\n')
    pairs = formats.read(file)
    answer = Scripted({"Good?": ("Before it.", 0.9)}).ask("Good?")
    results = [Result(pair, answer, "failed", judge(pair, answer, ())) for pair in pairs]
    assert record.accept(file, results) == 2
    assert [pair.quotes for pair in formats.read(file)] == [("Before it.",)] * 2


def test_the_exit_code_and_no_traceback(run, article_place, tmp_path):
    file = tmp_path / "a.qa.yaml"
    file.write_text("- question: Which company has mastered EUV lithography?\n  quotes: [nobody]\n")
    where = ["--seeds", article_place.seeds, "--index", article_place.index]
    failed = run("eval", file, *where)
    assert failed.returncode == 4
    assert b"no such text" in failed.stdout
    file.write_text("- question: 3\n")
    wrong = run("eval", file, *where)
    assert wrong.returncode == 2
    assert wrong.stderr.decode() == (
        f"askseeds: {file}:1: question: must be text, got 3; put it in quotation marks\n"
    )
    schema = run("eval", "--schema")
    assert json.loads(schema.stdout)["title"].startswith("askseeds")


def test_the_examples_for_ci_are_yaml_and_use_real_options():
    from click.testing import CliRunner

    from askseeds.cli import cli

    known = CliRunner().invoke(cli, ["eval", "--help"]).output
    for file in (ROOT / "docs" / "ci").glob("*.yml"):
        text = file.read_text(encoding="utf-8")
        assert yaml.safe_load(text)
        for option in re.findall(r"(?<=\s)--[a-z][a-z-]+", text):
            assert option in known, option


def test_asking_takes_the_time_and_nothing_else():
    import time

    assistant = Scripted({"good?": TABLE["good?"]})
    pairs = [replace(PAIRS[0], id=str(n)) for n in range(1000)]
    begin = time.process_time()
    results = run(assistant, pairs)
    figures([result.measures for result in results])
    # A warm question takes a quarter of a second: a tenth of it is 25 s for a thousand pairs.
    assert time.process_time() - begin < 10
