"""The conversation of the chat: the real server and index, and headless Chromium."""

# ruff: noqa: F811 - the fixtures of test_web are arguments here
import json
import re
import shutil
import time

import pytest
from playwright.sync_api import expect

from askseeds.render_exchange import ordinal
from tests.test_web import (  # noqa: F401
    EUV,
    REVENUE,
    SEED,
    SEVERAL,
    WAIT_MS,
    Server,
    ask,
    browser,
    context,
    indexing,
    opened,
    page,
    server,
)

pytestmark = pytest.mark.browser

# A server whose answers get claims one by one, as a language model would give them: each when there
# is a file of its number. The questions that the server asks itself, for its examples, get none.
PROSE = """
import time
from dataclasses import replace
from pathlib import Path
from askseeds.assistant import Assistant
from askseeds.types import Answer, Claim

CLAIMS = (
    Claim("ASML has <b>mastered</b> it [here](http://example.org/).", (0,), True),
    Claim("Nobody else ever will.", (), False),
)
plain = Assistant.stream

def writing(self, question, **options):
    answer = None
    for event in plain(self, question, **options):
        if isinstance(event, Answer):
            answer = event
        yield event
    if answer.status == "not_found" or not options.get("prose", True):
        return
    for count in range(1, len(CLAIMS) + 1):
        yield "writing"
        while not Path(f"claim-{count}").exists():
            yield "writing"
            time.sleep(0.02)
        models = replace(answer.models, prose="scripted:<i>7b</i>")
        yield replace(answer, claims=CLAIMS[:count], models=models)

Assistant.stream = writing
from askseeds.cli import main
main()
"""


# A server that answers a question only when there is no gate of its length, does not read on after
# its first quote while there is the other gate, and fails there while there is the last.
GATED = """
import time
from pathlib import Path
from askseeds.assistant import Assistant
from askseeds.errors import IndexFault
from askseeds.types import Answer

stream = Assistant.stream

def held(gate, step):
    while Path(gate).exists():
        yield step
        time.sleep(0.02)

def gated(self, question, **options):
    person = options.get("prose", True)  # not the server itself, for its examples
    yield from held(f"gate-{len(question)}", "searching") if person else ()
    for event in stream(self, question, **options):
        yield event
        if person and isinstance(event, Answer) and event.provisional:
            yield from held("gate-early", "reading")
            if Path("gate-broken").exists():
                raise IndexFault("the index is gone")

Assistant.stream = gated
from askseeds.cli import main
main()
"""


def served(encoder, folder, program):
    shutil.copytree(encoder, folder / "index" / "encoder")
    (folder / "seeds").mkdir()
    shutil.copy(SEED, folder / "seeds" / "article.txt")
    server = Server(folder, program=program)
    yield server
    assert "Traceback" not in server.interrupt()


def stored(page):
    """The conversations that the browser keeps."""
    return page.evaluate(
        """Object.entries(localStorage).filter(([name]) => name.includes("/conversation/"))
           .map(([name, text]) => JSON.parse(text))"""
    )


def box(page):
    return page.get_by_label("Your question")


def menu(page):
    page.get_by_role("button", name="Conversations:").click()
    return page.locator("#list")


def action(exchange, name):
    return exchange.get_by_role("button", name=name)


class TestWhileItWorks:
    def test_the_steps_are_told(self, page):
        page.evaluate(
            """() => {
                window.steps = [];
                new MutationObserver(() => {
                    const text = document.querySelector(".working:not([hidden])")?.textContent;
                    if (text && steps.at(-1) !== text) steps.push(text);
                }).observe(document.getElementById("conversation"),
                           {childList: true, subtree: true, characterData: true});
            }"""
        )
        exchange = ask(page, SEVERAL)
        expect(exchange.locator(".working")).to_be_hidden()
        steps = page.evaluate("steps")
        order = ["Asking", "Searching the documents", "Reading the passages", "Choosing the quotes"]
        assert [step for step in order if step in steps] == steps
        assert len(steps) >= 3
        said = page.locator("#announce")
        assert said.get_attribute("aria-live") == "polite"
        expect(said).to_have_text(re.compile(r"Answered by the documents .*, \d quotes?"))

    def test_while_documents_are_indexed_the_old_ones_answer(self, page, server):
        new = server.folder / "seeds" / "new.txt"
        new.write_text("The lighthouse keeper of Skagen collects blue umbrellas.\n")
        question = "What does the lighthouse keeper of Skagen collect?"
        with indexing(server):
            exchange = ask(page, EUV)
            expect(exchange.locator(".verdict.answered")).to_be_visible()
            expect(exchange.locator(".note")).to_contain_text("Indexing goes on")
            expect(ask(page, question).locator(".verdict.not_found")).to_be_visible()
        deadline = time.monotonic() + WAIT_MS / 1000
        while time.monotonic() < deadline:  # the index follows by itself
            exchange = ask(page, question)
            if exchange.locator(".verdict.answered").count():
                break
        expect(exchange.locator("blockquote").first).to_contain_text("blue umbrellas")
        expect(exchange.locator(".note")).to_have_count(0)
        # What is quick to index is found by the very next question; what is not is no secret.
        new.write_text("The lighthouse keeper of Skagen collects red umbrellas.\n")
        exchange = ask(page, question)
        new.unlink()
        if exchange.locator(".note").count() == 0:
            expect(exchange.locator("blockquote").first).to_contain_text("red umbrellas")
        else:
            expect(exchange.locator(".note")).to_contain_text("Indexing goes on")


@pytest.fixture(scope="module")
def gated_server(exported_encoder, tmp_path_factory):
    yield from served(exported_encoder, tmp_path_factory.mktemp("gated"), GATED)


@pytest.fixture
def gates(gated_server):
    """Opens and shuts the gate of a question; at the end all are open."""

    def gate(question=None):
        return gated_server.folder / f"gate-{len(question) if question else 'early'}"

    yield gate
    for left in gated_server.folder.glob("gate-*"):
        left.unlink()


class TestFirstQuote:
    # Each asks something else: what was asked before is answered at once.
    def test_it_is_there_while_the_rest_is_read(self, context, gated_server, gates):
        page = opened(context, gated_server)
        gates().touch()
        exchange = ask(page, "Who has mastered EUV lithography?", ".quote", ended=False)
        expect(exchange.locator(".verdict")).to_have_text("Found so far")
        expect(exchange.locator(".working")).to_have_text("Reading the passages")
        expect(page.get_by_role("button", name="Stop")).to_be_visible()
        first = exchange.locator("blockquote").text_content()
        expect(page.locator("#lit")).to_have_text(first, use_inner_text=False)
        expect(exchange.locator(".actions")).to_be_hidden()
        exchange.locator(".marker").focus()
        gates().unlink()
        expect(exchange.locator(".verdict.answered .confidence")).to_be_visible()
        expect(exchange.locator(".working")).to_be_hidden()
        expect(exchange.locator("blockquote").first).to_contain_text(first)
        expect(exchange.locator(".marker").first).to_be_focused()
        last = exchange.locator("blockquote").first.text_content()
        expect(page.locator("#lit")).to_have_text(last, use_inner_text=False)
        expect(page.locator(".walk")).to_contain_text(
            f"Quote 1 of {exchange.locator('.quote').count()}"
        )

    def test_what_fails_after_it_leaves_no_quote_lit(self, context, gated_server, gates):
        page = opened(context, gated_server)
        gates().touch()
        exchange = ask(page, "Who alone has mastered EUV lithography?", ".quote", ended=False)
        expect(page.locator("#lit")).to_be_visible()
        (gated_server.folder / "gate-broken").touch()
        gates().unlink()
        expect(exchange.locator(".error")).to_contain_text("the index is gone")
        expect(page.locator("#lit")).to_have_count(0)

    def test_a_refusal_is_no_answer_first(self, context, gated_server, gates):
        page = opened(context, gated_server)
        gates().touch()  # which would hold what is provisional for ever
        expect(ask(page, REVENUE).locator(".verdict.not_found")).to_be_visible()

    def test_stop_keeps_it_as_what_it_is(self, context, gated_server, gates):
        page = opened(context, gated_server)
        gates().touch()
        exchange = ask(page, "Which firm has mastered EUV lithography?", ".quote", ended=False)
        page.get_by_role("button", name="Stop").click()
        for _ in ("now", "and after a reload"):
            expect(exchange.locator(".note")).to_have_text("Stopped.")
            expect(exchange.locator(".verdict")).to_have_text("Found so far")
            expect(page.locator("#lit")).to_contain_text("ASML")
            expect(action(exchange, "Ask again")).to_be_visible()
            expect(action(exchange, "Right answer")).to_have_count(0)  # it is none yet
            page.reload()
        gates().unlink()
        action(exchange, "Ask again").click()
        expect(exchange.locator(".verdict.answered")).to_be_visible()


class TestStop:
    @pytest.mark.parametrize("way", ["typed", "example", "retry"])
    def test_stop(self, context, gated_server, gates, way):
        page = opened(context, gated_server)
        question = EUV
        if way == "example":
            expect(page.locator(".example").first).to_be_visible()
            question = page.locator(".example").first.text_content()
        elif way == "retry":
            ask(page, EUV)
        gates(question).touch()
        if way == "typed":
            box(page).fill(question)
            page.keyboard.press("Enter")
        elif way == "example":
            page.locator(".example").first.click()
        else:
            page.get_by_role("button", name="Ask again").click()
        expect(page.locator("#exchange-1 .working")).to_have_text("Searching the documents")
        page.get_by_role("button", name="Stop").click()
        expect(page.locator("#exchange-1 .note")).to_have_text("Stopped.")
        expect(page.get_by_role("button", name="Stop")).to_be_hidden()
        expect(box(page)).to_be_focused()
        if way == "typed":
            expect(page.locator("#source .notice")).to_be_visible()  # as before
        gates(question).unlink()
        ask(page, REVENUE)  # other things can be asked
        expect(page.locator("#exchange-1 .verdict")).to_have_count(0)
        # What was stopped can be asked again.
        page.get_by_role("button", name="New", exact=True).click()
        expect(ask(page, question).locator(".verdict")).to_be_visible()

    def test_what_is_beside_it_stays(self, context, gated_server, gates):
        page = opened(context, gated_server)
        exchange = ask(page, SEVERAL)
        exchange.locator(".marker").nth(1).click()
        expect(page.locator('.lit-source[data-quote="2"]')).to_be_visible()
        gates(EUV).touch()
        box(page).fill(EUV)
        page.keyboard.press("Enter")
        expect(page.locator("#exchange-2 .working")).to_have_text("Searching the documents")
        page.get_by_role("button", name="Stop").click()
        expect(page.locator("#exchange-2 .note")).to_have_text("Stopped.")
        expect(page.locator('.lit-source[data-quote="2"]')).to_be_visible()
        expect(page.locator(".quote.lit")).to_have_attribute("data-quote", "2")


class TestLine:
    def test_twenty_people_are_answered_in_order_and_know_their_place(
        self, browser, gated_server, gates
    ):
        people = [browser.new_context() for _ in range(20)]
        pages = [opened(person, gated_server) for person in people]
        questions = [EUV + "?" * number for number in range(len(pages))]

        def place_of(number):
            """Two are answered at the same time, the third is the first to wait."""
            line = pages[number].locator(".working")
            begun = done + 2
            text = "Searching" if number < begun else f"^{ordinal(number - begun + 1)} in line$"
            expect(line).to_have_text(re.compile(text))

        done = 0
        for number, (one, question) in enumerate(zip(pages, questions, strict=True)):
            gates(question).touch()
            box(one).fill(question)
            one.keyboard.press("Enter")
            place_of(number)
        # Each in turn: nobody who came later is answered before.
        for done, (one, question) in enumerate(zip(pages, questions, strict=True), 1):
            gates(question).unlink()
            expect(one.locator(".verdict")).to_be_visible()
            for number in (done + 1, done + 2, len(pages) - 1):
                if done < number < len(pages):
                    place_of(number)
        for person in people:
            person.close()

    def test_who_leaves_the_line_does_not_hold_it_up(self, browser, gated_server, gates):
        people = [browser.new_context() for _ in range(6)]
        pages = [opened(person, gated_server) for person in people]
        gates(EUV).touch()
        for one in pages:
            box(one).fill(EUV)
            one.keyboard.press("Enter")
            expect(one.locator(".working")).to_have_text(re.compile("Searching|in line"))
        expect(pages[5].locator(".working")).to_have_text("4th in line")
        pages[3].get_by_role("button", name="Stop").click()
        expect(pages[5].locator(".working")).to_have_text("3rd in line")
        people[2].close()  # which the server may learn late: then it answers nobody, for a moment
        gates(EUV).unlink()
        for number in (0, 1, 4, 5):
            expect(pages[number].locator(".verdict")).to_be_visible()
        for person in people:
            person.close()


class TestAnswers:
    def test_retry_and_edit_change_the_last_question(self, page):
        ask(page, EUV)
        second = ask(page, REVENUE)
        expect(action(page.locator("#exchange-1"), "Ask again")).to_be_hidden()
        action(second, "Edit the question").click()
        expect(box(page)).to_be_focused()
        assert box(page).input_value() == REVENUE
        page.keyboard.press("Escape")
        assert box(page).input_value() == ""
        expect(page.locator(".editing:visible")).to_have_count(0)
        action(second, "Edit the question").click()
        box(page).fill(SEVERAL)
        page.keyboard.press("Enter")
        expect(page.locator(".question")).to_have_text([EUV, SEVERAL])
        expect(page.locator("#exchange-2 .verdict.answered")).to_be_visible(timeout=WAIT_MS)
        action(page.locator("#exchange-2"), "Ask again").click()
        expect(page.locator("#exchange-2 .verdict.answered")).to_be_visible(timeout=WAIT_MS)
        [kept] = stored(page)
        assert [past["question"] for past in kept["exchanges"]] == [EUV, SEVERAL]

    def test_copy_with_references(self, context, page, server):
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
        exchange = ask(page, EUV)
        action(exchange, "Copy with references").click()
        expect(page.locator("#announce")).to_have_text("Copied")
        copied = page.evaluate("navigator.clipboard.readText()")
        quote = exchange.locator("blockquote").first.text_content()
        start, end = (
            exchange.locator(".quote").first.get_attribute(f"data-{edge}")
            for edge in ("start", "end")
        )
        assert copied.startswith(f"## {EUV}\n\n**Answered by the documents**")
        assert f"> {quote} [1]" in copied
        assert f"[1] article.txt, Export controls work, characters {start}–{end}" in copied
        # The same again when it comes out of what the browser keeps.
        page.reload()
        action(exchange, "Copy with references").click()
        expect(page.locator("#announce")).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == copied

    def test_copy_where_the_browser_gives_no_clipboard(self, context, page, server):
        """As over plain HTTP from another machine."""
        page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
        page.reload()
        button = action(ask(page, EUV), "Copy with references")
        button.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#announce")).to_have_text("Copied")
        expect(button).to_be_focused()
        box(page).focus()
        page.keyboard.press("Control+V")
        expect(box(page)).to_have_value(re.compile(f"^## {re.escape(EUV)}\\s+"))

    def test_a_changed_document_is_not_shown_as_the_source(self, page, server):
        file = server.folder / "seeds" / "moving.txt"
        file.write_text("The heron of Ystad nests on the old customs house.\n")
        exchange = ask(page, "Where does the heron of Ystad nest?")
        expect(page.locator("#lit")).to_contain_text("customs house")
        file.write_text("Since spring. The heron of Ystad nests on the old harbour crane.\n")
        ask(page, EUV)
        exchange.locator(".marker").first.click()
        expect(page.locator("#source .notice")).to_contain_text("has changed since this answer")
        action(exchange, "Right answer").click()
        expect(page.get_by_role("alert")).to_contain_text("has changed since this answer")
        file.unlink()


class TestConversations:
    def test_they_outlast_a_reload(self, page):
        ask(page, EUV)
        exchange = ask(page, REVENUE)
        action(exchange, "Right answer").click()
        expect(action(exchange, "Right answer")).to_have_attribute("aria-pressed", "true")
        shown = page.locator(".answer").all_inner_texts()
        page.reload()
        expect(page.locator("#exchange-2 .verdict")).to_be_visible()
        assert page.locator(".answer").all_inner_texts() == shown
        expect(action(page.locator("#exchange-2"), "Right answer")).to_have_attribute(
            "aria-pressed", "true"
        )
        page.locator("#exchange-1 .marker").click()
        expect(page.locator("#lit")).to_contain_text("ASML")
        # It goes on: a follow-up knows what was said before.
        ask(page, "Who else makes chips?")
        expect(page.locator(".exchange")).to_have_count(3)

    def test_several_of_them(self, page):
        ask(page, EUV)
        page.get_by_role("button", name="New", exact=True).click()
        ask(page, REVENUE)
        rows = menu(page).locator(".row")
        expect(rows).to_have_count(2)
        expect(rows.locator(".name")).to_have_text([REVENUE, EUV])  # the newest first
        rows.nth(1).get_by_role("button").first.click()
        expect(page.locator(".question")).to_have_text([EUV])
        expect(page.locator("#exchange-1 .verdict.answered")).to_be_visible()
        expect(page.locator("#lit")).to_contain_text("ASML")
        # One slip of the hand deletes nothing.
        delete = menu(page).get_by_role("button", name=f"Delete {EUV}")
        delete.click()
        expect(delete).to_have_text("Delete")
        expect(page.locator("#announce")).to_have_text(f"Delete {EUV}? Press again.")
        page.keyboard.press("Tab")
        expect(delete).to_have_text("×")
        assert len(stored(page)) == 2
        delete.click()
        delete.click()
        expect(page.locator(".exchange")).to_have_count(0)
        expect(page.locator("#list .row")).to_have_count(1)
        page.keyboard.press("Escape")
        expect(page.locator("#list")).to_be_hidden()
        assert [kept["title"] for kept in stored(page)] == [REVENUE]

    def test_two_tabs_do_not_overwrite_each_other(self, context, page, server):
        ask(page, EUV)
        other = opened(context, server)
        expect(other.locator(".exchange")).to_have_count(0)
        menu(other).locator(".row button").first.click()
        expect(other.locator("#exchange-1 .verdict")).to_be_visible()
        # Both go on with the same one.
        ask(other, REVENUE)
        ask(page, SEVERAL)
        kept = sorted([past["question"] for past in one["exchanges"]] for one in stored(page))
        assert kept == sorted([[EUV, REVENUE], [EUV, SEVERAL]])
        # The list of the one knows what the other does.
        expect(menu(page).locator(".row")).to_have_count(2)
        other.get_by_role("button", name="New", exact=True).click()
        ask(other, "What are the two scenarios?")
        expect(page.locator("#list .row")).to_have_count(3)

    def test_two_people_do_not_see_each_other(self, browser, page, server):
        ask(page, EUV)
        other = browser.new_context()
        stranger = opened(other, server)
        expect(menu(stranger).locator(".row")).to_have_count(0)
        expect(stranger.locator(".exchange")).to_have_count(0)
        other.close()

    @pytest.mark.parametrize(
        "damage",
        [
            "kept.exchanges[0].answer.quotes[0].start = -1",
            "kept.exchanges[0].answer.quotes[0].text += ' and more'",
            "kept.exchanges[0].answer.confidence = 7",
            "kept.exchanges[0].answer.claims = [{text: 'x', quotes: [9], supported: true}]",
            "kept.exchanges[0] = 'nothing'",
            "kept.exchanges = Array(2000).fill(kept.exchanges[0])",
        ],
    )
    def test_what_was_kept_is_not_trusted(self, page, damage):
        ask(page, EUV)
        page.evaluate(
            f"""() => {{
                const name = Object.keys(localStorage).find((n) => n.includes("/conversation/"));
                const kept = JSON.parse(localStorage.getItem(name));
                {damage};
                localStorage.setItem(name, JSON.stringify(kept));
            }}"""
        )
        page.reload()
        expect(page.get_by_role("alert")).to_contain_text("is damaged")
        expect(page.locator(".verdict")).to_have_count(0)
        ask(page, REVENUE)  # and one can go on

    def test_a_forged_quote_is_no_source(self, page):
        ask(page, EUV)
        page.evaluate(
            """() => {
                const name = Object.keys(localStorage).find((n) => n.includes("/conversation/"));
                const text = localStorage.getItem(name).replaceAll("ASML.", "<b>X!");
                localStorage.setItem(name, text);
            }"""
        )
        page.reload()
        page.locator("#exchange-1 .marker").click()
        expect(page.locator("#source .notice")).to_contain_text("has changed since this answer")
        expect(page.locator("#conversation b")).to_have_count(0)

    def test_export(self, page):
        export = page.get_by_role("button", name="Export", exact=True)
        expect(export).to_be_disabled()  # there is nothing yet
        exchange = ask(page, EUV)
        ask(page, REVENUE)
        files = {}
        for form in ("Markdown", "JSON"):
            export.click()
            with page.expect_download() as download:
                page.get_by_role("button", name=form, exact=True).click()
            files[form] = download.value
            expect(export).to_be_focused()
        assert (
            files["Markdown"].suggested_filename == "Which-company-has-mastered-EUV-lithography.md"
        )
        markdown = files["Markdown"].path().read_text(encoding="utf-8")
        assert markdown.startswith(f"# {EUV}\n\n## {EUV}\n")
        assert f"## {REVENUE}" in markdown
        assert exchange.locator("blockquote").first.text_content() in markdown
        content = json.loads(files["JSON"].path().read_text(encoding="utf-8"))
        assert [past["question"] for past in content["exchanges"]] == [EUV, REVENUE]
        [quote] = content["exchanges"][0]["answer"]["quotes"]
        text = SEED.read_text(encoding="utf-8-sig")
        assert text[quote["start"] : quote["end"]] == quote["text"]
        assert "hits" not in content["exchanges"][0]["answer"]
        page.reload()
        expect(page.locator("#exchange-2 .verdict")).to_be_visible()
        export.click()
        with page.expect_download() as download:
            page.get_by_role("button", name="Markdown", exact=True).click()
        assert download.value.path().read_text(encoding="utf-8") == markdown


@pytest.fixture(scope="class")
def prose_server(exported_encoder, tmp_path_factory):
    yield from served(exported_encoder, tmp_path_factory.mktemp("prose"), PROSE)


@pytest.fixture
def write(prose_server):
    """Lets the claim of that number be written; at the end none is."""
    yield lambda number: (prose_server.folder / f"claim-{number}").touch()
    for left in prose_server.folder.glob("claim-*"):
        left.unlink()


class TestClaims:
    def test_they_come_after_the_quotes_one_by_one(self, context, prose_server, write):
        page = opened(context, prose_server)
        exchange = ask(page, EUV, ended=False)
        claims = exchange.locator(".claim")
        expect(exchange.locator(".quote")).to_have_count(1)  # long before the claims
        expect(claims).to_have_count(0)
        expect(exchange.locator(".working")).to_contain_text("Writing")
        exchange.locator(".marker").click()  # a quote can be looked at meanwhile
        expect(page.locator("#lit")).to_contain_text("ASML")
        write(1)
        expect(claims).to_have_count(1)
        expect(page.get_by_role("button", name="Stop")).to_be_visible()
        write(2)
        expect(claims).to_have_count(2)
        expect(exchange.locator(".working")).to_be_hidden()
        # Plain text, whatever the model writes.
        expect(claims.first).to_contain_text("<b>mastered</b> it [here](http://example.org/).")
        expect(exchange.locator(":is(a, b, i)")).to_have_count(0)
        expect(exchange.locator(".by")).to_contain_text("scripted:<i>7b</i>")
        expect(claims.nth(1).locator("s")).to_have_text("Nobody else ever will.")
        expect(claims.nth(1)).to_contain_text("not supported by the documents")
        expect(claims.nth(1).get_by_role("button")).to_have_count(0)
        page.reload()
        expect(claims).to_have_count(2)
        page.set_viewport_size({"width": 390, "height": 780})
        claims.first.get_by_role("button", name="Show quote 1").click()
        expect(page.locator("#lit")).to_be_visible()

    def test_stop_keeps_what_is_there(self, context, prose_server, write):
        page = opened(context, prose_server)
        write(1)
        exchange = ask(page, EUV, ended=False)
        expect(exchange.locator(".claim")).to_have_count(1)
        page.get_by_role("button", name="Stop").click()
        expect(exchange.locator(".note")).to_have_text("Stopped.")
        write(2)
        ask(page, REVENUE)
        expect(exchange.locator(".claim")).to_have_count(1)
        expect(exchange.locator(".quote")).to_have_count(1)
        [kept] = stored(page)
        assert kept["exchanges"][0]["stopped"] is True


def test_they_outlast_a_restart_of_the_server(browser, exported_encoder, tmp_path):
    shutil.copytree(exported_encoder, tmp_path / "index" / "encoder")
    (tmp_path / "seeds").mkdir()
    shutil.copy(SEED, tmp_path / "seeds" / "article.txt")
    first = Server(tmp_path)
    context = browser.new_context()
    page = opened(context, first)
    ask(page, EUV)
    # With the examples come the last news that it asks for by itself.
    expect(page.locator(".example").first).to_be_attached(timeout=2 * WAIT_MS)
    first.interrupt()
    shutil.rmtree(tmp_path / "site")
    second = Server(tmp_path, "--port", first.port)
    # The page that was open goes on where it was.
    page.locator("#exchange-1 .marker").click()
    ask(page, REVENUE)
    page.goto(second.url)
    expect(page.locator("#exchange-1 .verdict.answered")).to_be_visible()
    page.locator("#exchange-1 .marker").click()
    expect(page.locator("#lit")).to_contain_text("ASML")
    # What is asked while nobody is there is not lost either: the page comes back by itself.
    expect(page.locator(".example").first).to_be_attached(timeout=2 * WAIT_MS)
    assert "Traceback" not in second.interrupt()
    box(page).fill(SEVERAL)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Attempting reconnection")).to_be_visible()
    shutil.rmtree(tmp_path / "site")
    third = Server(tmp_path, "--port", first.port)
    expect(page.locator("#exchange-3 .note")).to_have_text("Stopped.", timeout=WAIT_MS)
    action(page.locator("#exchange-3"), "Ask again").click()
    expect(page.locator("#exchange-3 .verdict.answered")).to_be_visible(timeout=WAIT_MS)
    context.close()
    assert "Traceback" not in third.interrupt()
