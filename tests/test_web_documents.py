"""The column of documents: the real server, the real index, and headless Chromium."""

import html
import http.client
import json
import re
import shutil
import time
import urllib.parse

import pytest
from hypothesis import given
from playwright.sync_api import expect

from askseeds import render_documents
from tests.test_documents import lines, pdf
from tests.test_web import (
    EUV,
    HOSTILE,
    HOSTILE_NAME,
    SEED,
    TEXTS,
    WAIT_MS,
    Server,
    ask,
    browser,  # noqa: F401 - fixtures
    context,  # noqa: F401
    indexing,
    opened,
)

WALRUS = b"# Walruses\n\nWalruses in the cellar polish the brass bell every Thursday.\n"
WALRUSES = "What do walruses in the cellar polish?"
MOST_MB = 1


@pytest.fixture(scope="module")
def server(tmp_path_factory, exported_encoder):
    folder = tmp_path_factory.mktemp("chat")
    shutil.copytree(exported_encoder, folder / "index" / "encoder")
    (folder / "seeds" / "shelf").mkdir(parents=True)
    shutil.copy(SEED, folder / "seeds" / "article.txt")
    (folder / "seeds" / HOSTILE_NAME).write_text(HOSTILE, encoding="utf-8")
    (folder / "seeds" / "shelf" / "empty.md").touch()
    (folder / "seeds" / "damaged.pdf").write_bytes(b"no PDF")
    (folder / "askseeds.toml").write_text(f"max_file_mb = {MOST_MB}\n")
    server = Server(folder)
    yield server
    assert "Traceback" not in server.interrupt()
    assert not server.outside.exists(), server.outside.read_text()


@pytest.fixture
def page(context, server):  # noqa: F811
    page = opened(context, server)
    expect(document(page, "article.txt")).to_be_visible()
    yield page
    # The next test finds what this one found; what was broken off, the server deletes itself.
    seeds = server.folder / "seeds"
    wait_until(lambda: not any(seeds.glob(".askseeds-upload-*")))
    for path in seeds.iterdir():
        if path.name not in ("article.txt", HOSTILE_NAME, "damaged.pdf", "shelf"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    expect(page.locator(".document")).to_have_count(4, timeout=WAIT_MS)
    expect(page.locator(".state")).to_have_text("2 documents", timeout=WAIT_MS)


def wait_until(condition):
    deadline = time.monotonic() + WAIT_MS / 1000
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def document(page, source):
    # By the attribute: a name in a selector would have to be escaped.
    return page.locator(".document").filter(
        has=page.locator(f"xpath=self::*[@data-source={quoted(source)}]")
    )


def quoted(text):
    assert "'" not in text
    return f"'{text}'"


def upload(page, *files):
    page.locator("input[type=file]").set_input_files(
        [{"name": name, "mimeType": "text/plain", "buffer": content} for name, content in files]
    )


def sent(page, name):
    return page.locator(".upload").filter(has_text=name)


def call(server, method, target, body=None, **headers):
    """Status and answer of a request as the page makes it, but for the headers given."""
    headers = {
        "Origin": server.url,
        "Content-Type": "application/octet-stream",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request(
            method, target, body, {k: v for k, v in headers.items() if v is not None}
        )
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def names(server):
    return sorted(
        str(path.relative_to(server.folder)) for path in (server.folder / "seeds").rglob("*")
    )


@pytest.mark.browser
class TestList:
    def test_every_file_is_named_with_its_state(self, page):
        article = document(page, "article.txt")
        expect(article.locator(".facts")).to_have_text("Text · 4.2 kB · indexed")
        expect(article.get_by_role("checkbox", name="article.txt")).to_be_checked()
        for name, kind, reason in (
            ("damaged.pdf", "PDF", "is not a PDF that can be read"),
            ("shelf/empty.md", "Markdown", "is empty"),
        ):
            row = document(page, name)
            expect(row.locator(".facts")).to_contain_text(kind)
            expect(row.locator(".stage")).to_have_text("failed")
            expect(row.locator(".reason")).to_contain_text(reason)
            expect(row.get_by_role("checkbox")).to_be_disabled()
        expect(page.locator(".state")).to_have_text("2 documents")
        expect(page.locator(".chosen")).to_have_text("All 2 asked")

    def test_a_hostile_name_is_text(self, page):
        row = page.locator(".document").filter(has_text="onerror")
        assert row.get_attribute("data-source") == HOSTILE_NAME
        # A name must not be able to look like another one.
        expect(row.locator(".name")).to_contain_text("<img src=x onerror=alert(1)> \\u202egpj.md")
        row.hover()
        row.locator(".remove").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("<img src=x onerror=alert(1)> \\u202egpj.md")
        dialog.get_by_role("button", name="Cancel").click()
        name = "<img src=y onerror=alert(2)>.txt"
        upload(page, (name, b"Plain words."))
        expect(sent(page, "onerror=alert(2)")).to_be_visible()  # for a while
        expect(document(page, name)).to_be_visible()
        expect(page.locator("#library :is(img, script, iframe, a, [onerror])")).to_have_count(0)

    def test_what_keeps_the_index_back_is_told(self, page, server):
        seeds = server.folder / "seeds"
        away = seeds.rename(server.folder / "away")
        try:
            fault = page.locator("#library").get_by_role("alert")
            expect(fault).to_contain_text("the seeds folder seeds does not exist", timeout=WAIT_MS)
            expect(ask(page, EUV).locator(".verdict.answered")).to_be_visible()
        finally:
            away.rename(seeds)
        expect(fault).to_have_count(0, timeout=WAIT_MS)

    def test_what_other_programs_do_shows_up(self, page, server):
        place = server.folder / "seeds" / "more"
        place.mkdir()
        for number in range(210):
            place.joinpath(f"note-{number:03}.txt").write_text(f"Note {number} is in box {number}.")
        expect(page.locator(".state")).to_have_text("212 documents", timeout=2 * WAIT_MS)
        expect(page.locator(".document")).to_have_count(200)
        expect(page.locator(".more")).to_have_text("200 of 214 shown; filter to find others")
        filtered = page.get_by_role("searchbox", name="Filter the documents by name")
        filtered.fill("NOTE-20")
        expect(page.locator(".document")).to_have_count(10)
        page.get_by_role("button", name="None").click()
        expect(page.locator(".chosen")).to_have_text("202 of 212 asked")
        expect(page.locator(".document :checked")).to_have_count(0)
        filtered.fill("nothing like it")
        expect(page.locator(".more")).to_have_text("No document has that in its name")
        filtered.press("Escape")
        expect(page.locator(".document")).to_have_count(200)
        page.get_by_role("button", name="All", exact=True).click()
        expect(page.locator(".chosen")).to_have_text("All 212 asked")


@pytest.mark.browser
class TestChoice:
    def test_only_the_chosen_are_asked(self, page, context, server):  # noqa: F811
        assert ask(page, EUV).locator(".file").first.text_content() == "article.txt"
        document(page, "article.txt").get_by_role("checkbox").uncheck()
        expect(page.locator(".chosen")).to_have_text("1 of 2 asked")
        exchange = ask(page, EUV)
        assert set(exchange.locator(".file").all_text_contents()) <= {
            HOSTILE_NAME.replace("\u202e", "\\u202e")
        }
        expect(exchange.locator(".note")).to_contain_text("Only 1 of 2 documents were asked")
        page.get_by_role("button", name="None").click()
        error = ask(page, EUV, outcome=".error")
        expect(error).to_contain_text("no document is chosen")
        # Another tab has a choice of its own; this one has it still when it is loaded again.
        other = opened(context, server)
        expect(other.locator(".chosen")).to_have_text("All 2 asked")
        page.reload()
        expect(page.locator(".chosen")).to_have_text("0 of 2 asked")
        box = document(page, "article.txt").get_by_role("checkbox")
        box.focus()
        page.keyboard.press("Space")
        expect(page.locator(".chosen")).to_have_text("1 of 2 asked")
        page.keyboard.press("/")
        expect(page.get_by_label("Your question")).to_be_focused()
        answered = ask(page, EUV)
        expect(answered.locator(".verdict.answered")).to_be_visible()
        expect(answered.locator(".note")).to_have_count(0)
        page.get_by_role("button", name="All", exact=True).click()
        expect(page.locator(".chosen")).to_have_text("All 2 asked")

    def test_what_is_deleted_elsewhere_is_not_counted(self, page, server):
        files = [server.folder / "seeds" / f"{name}.md" for name in ("walrus", "seal")]
        for file in files:
            file.write_bytes(WALRUS)
        expect(page.locator(".chosen")).to_have_text("All 4 asked")
        page.get_by_role("button", name="None").click()
        for name in ("walrus.md", "seal.md", "article.txt"):
            document(page, name).get_by_role("checkbox").check()
        expect(page.locator(".chosen")).to_have_text("3 of 4 asked")
        files[0].unlink()
        expect(page.locator(".chosen")).to_have_text("2 of 3 asked")
        # The same where all but one are asked, and over a reload.
        page.get_by_role("button", name="All", exact=True).click()
        document(page, "seal.md").get_by_role("checkbox").uncheck()
        expect(page.locator(".chosen")).to_have_text("2 of 3 asked")
        page.goto("about:blank")
        files[1].unlink()
        wait_until(lambda: b"seal" not in call(server, "GET", "/documents")[1])
        page.go_back()
        expect(page.locator(".chosen")).to_have_text("All 2 asked")
        files[1].write_bytes(WALRUS)  # and back again: it was not to be asked
        expect(page.locator(".chosen")).to_have_text("2 of 3 asked")


@pytest.mark.browser
class TestAdding:
    def test_a_file_is_ready_to_be_asked(self, page):
        upload(page, ("walrus.md", WALRUS), ("hollow.txt", b""), ("bad.docx", b"no Word"))
        expect(sent(page, "walrus.md").locator(".stage")).to_have_text("ready", timeout=WAIT_MS)
        expect(sent(page, "hollow.txt").locator(".stage")).to_have_text("is empty")
        expect(sent(page, "bad.docx").locator(".stage")).to_contain_text("is not a Word file")
        expect(page.locator(".state")).to_have_text("3 documents")
        expect(document(page, "walrus.md").locator(".facts")).to_have_text(
            "Markdown · 73 B · indexed"
        )
        expect(ask(page, WALRUSES).locator(".quote .file").first).to_have_text("walrus.md")
        page.get_by_role("button", name="Forget bad.docx").click()
        expect(sent(page, "bad.docx")).to_have_count(0)

    def test_how_much_of_each_file_is_sent_is_told(self, page):
        slow = page.context.new_cdp_session(page)
        slow.send("Network.enable")
        slow.send(
            "Network.emulateNetworkConditions",
            {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 60_000},
        )
        page.evaluate(
            """() => {
                window.told = {};
                const look = () => {
                    for (const bar of document.querySelectorAll(".upload progress:not([hidden])"))
                        (told[bar.ariaLabel] ??= new Set()).add(bar.value);
                    requestAnimationFrame(look);
                };
                look();
            }"""
        )
        upload(page, *((f"{name}.txt", b"Walruses. " * 15_000) for name in ("one", "two")))
        for name in ("one", "two"):
            label = f"How much of {name}.txt is sent"
            page.wait_for_function(
                "(label) => [...told[label] ?? []].some((share) => share > 0 && share < 1)",
                arg=label,
            )
        # One goes on chatting meanwhile, and what is not wanted is not sent to its end.
        page.get_by_role("button", name="Forget two.txt").click()
        expect(sent(page, "two.txt")).to_have_count(0)
        slow.detach()
        expect(document(page, "one.txt").locator(".stage")).to_have_text("indexed")
        expect(document(page, "two.txt")).to_have_count(0)

    def test_a_file_is_dropped_anywhere(self, page):
        transfer = page.evaluate_handle(
            """() => {
                const transfer = new DataTransfer();
                transfer.items.add(new File(["Walruses polish the bell."], "dropped.txt"));
                return transfer;
            }"""
        )
        chat = page.locator("#chat")
        chat.dispatch_event("dragenter", {"dataTransfer": transfer})
        expect(page.locator("#library")).to_have_class(re.compile("dropping"))
        chat.dispatch_event("drop", {"dataTransfer": transfer})
        expect(page.locator("#library")).not_to_have_class(re.compile("dropping"))
        expect(sent(page, "dropped.txt").locator(".stage")).to_have_text("ready", timeout=WAIT_MS)
        assert "/?" not in page.url  # the browser did not open the file

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("program.exe", "files of type .exe are not read"),
            ("CON.txt", "Windows keeps"),
            ("\u202etxt.md", "reading order"),
            ("x" * 240 + ".txt", "longer than 240 bytes"),
            (".hidden.txt", "begins with a dot"),
        ],
    )
    def test_a_refused_name(self, page, server, name, reason):
        before = names(server)
        upload(page, (name, b"Walruses."))
        line = page.locator(".upload .stage")
        expect(line).to_contain_text(reason)
        assert "\n" not in line.text_content()
        assert names(server) == before

    def test_a_file_that_is_too_large(self, page, server):
        before = names(server)
        upload(page, ("large.txt", b"x" * (MOST_MB * 1_000_000 + 1)))
        expect(sent(page, "large.txt").locator(".stage")).to_contain_text("is larger than 1.0 MB")
        assert names(server) == before

    def test_a_file_of_the_same_name(self, page, server):
        seeds = server.folder / "seeds"
        upload(page, ("walrus.md", WALRUS))
        expect(document(page, "walrus.md")).to_be_visible()
        dialog = page.get_by_role("dialog", name="A file of this name is there")
        newer = WALRUS.replace(b"Thursday", b"Monday")

        upload(page, ("walrus.md", newer))
        expect(dialog).to_contain_text("walrus.md is among the documents already")
        expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        assert (seeds / "walrus.md").read_bytes() == WALRUS

        upload(page, ("walrus.md", newer))
        dialog.get_by_role("button", name="Keep both").click()
        expect(document(page, "walrus (2).md")).to_be_visible()
        assert (seeds / "walrus.md").read_bytes() == WALRUS
        assert (seeds / "walrus (2).md").read_bytes() == newer

        upload(page, ("walrus.md", newer))
        # Not the stage: the uploads before this one tell "ready" for a while.
        with page.expect_response(lambda reply: "existing=replace" in reply.url) as replaced:
            dialog.get_by_role("button", name="Replace it").click()
        assert replaced.value.status == 201
        expect(dialog).to_have_count(0)
        assert (seeds / "walrus.md").read_bytes() == newer

    def test_one_goes_on_chatting_meanwhile(self, page, server):
        with indexing(server):
            upload(page, ("walrus.md", WALRUS))
            expect(sent(page, "walrus.md").locator(".stage")).to_have_text("waiting")
            expect(document(page, "walrus.md").locator(".stage")).to_have_text("waiting")
            expect(ask(page, EUV).locator(".verdict.answered")).to_be_visible()
            expect(page.locator(".state")).to_have_text("2 documents")
        expect(sent(page, "walrus.md").locator(".stage")).to_have_text("ready", timeout=WAIT_MS)
        expect(ask(page, WALRUSES).locator(".quote .file").first).to_have_text("walrus.md")


@pytest.mark.browser
class TestSource:
    def test_headings_and_pages_are_shown(self, page):
        pages = [
            [(72, 740, 16, "Walruses"), *lines("Walruses live in the cellar of the town hall.")],
            [
                (72, 740, 16, "Their work"),
                *lines("Every Thursday the walruses polish the brass bell of the tower."),
            ],
            lines("On other days they sleep."),
        ]
        upload(page, ("walruses.pdf", pdf(*pages)))
        expect(document(page, "walruses.pdf").locator(".stage")).to_have_text("indexed")
        exchange = ask(page, "What do the walruses polish every Thursday?")
        quote = exchange.locator(".quote").first
        expect(quote.locator(".place")).to_contain_text("walruses.pdf · page 2")
        text = page.locator(".lit-source .text")
        expect(page.locator("#lit")).to_have_text(quote.locator("blockquote").text_content())
        # What stands around it can be read, too.
        expect(text).to_contain_text("Walruses live in the cellar of the town hall.")
        expect(text).to_contain_text("On other days they sleep.")
        expect(text.locator(".heading")).to_have_text(["Walruses", "Their work"])
        separators = text.get_by_role("separator").evaluate_all(
            "all => all.map((one) => one.dataset.page)"
        )
        assert separators == ["Page 1", "Page 2", "Page 3"]
        expect(page.locator(".lit-source header")).to_contain_text("page 2")

    def test_a_document_is_opened_from_the_list(self, page, server):
        name = document(page, "article.txt").get_by_role("button", name="article.txt", exact=True)
        checked = document(page, "article.txt").get_by_role("checkbox")
        name.focus()
        page.keyboard.press("Enter")
        text = page.locator(".lit-source .text")
        whole = SEED.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
        expect(text).to_have_text(whole, use_inner_text=False)
        expect(page.locator(".lit-source .file")).to_have_text("article.txt")
        expect(page.locator(".lit-source header")).to_contain_text(f"{len(whole):,} characters")
        expect(page.locator("#source :is(mark, .walk)")).to_have_count(0)
        expect(name).to_be_focused()
        expect(checked).to_be_checked()  # looking at it is not choosing it
        # A quote takes its place, and it that of the quote, which is lit no more.
        exchange = ask(page, EUV)
        page.wait_for_function("document.querySelector('.lit-source .text').scrollTop > 0")
        name.click()
        expect(page.locator("#lit")).to_have_count(0)
        page.wait_for_function("document.querySelector('.lit-source .text').scrollTop === 0")
        expect(exchange.locator(".quote.lit")).to_have_count(0)
        # What was not read has nothing to show.
        expect(document(page, "damaged.pdf").get_by_role("button")).to_have_count(1)
        # What is shown is what is in the index; a document that has gone is named.
        file = server.folder / "seeds" / "walrus.md"
        file.write_bytes(WALRUS)
        gone = document(page, "walrus.md").get_by_role("button", name="walrus.md", exact=True)
        gone.click()
        expect(text).to_contain_text("Walruses in the cellar")
        expect(text.locator(".heading")).to_have_text("Walruses")
        page.set_viewport_size({"width": 390, "height": 780})
        page.locator(".tabs").get_by_role("button", name="Documents").click()
        document(page, "article.txt").get_by_role("button", name="article.txt", exact=True).click()
        expect(page.locator("#side")).to_be_visible()
        expect(text).to_contain_text("Export controls work")


@pytest.mark.browser
class TestRemoving:
    def test_it_is_confirmed_and_deletes_the_file(self, page, server):
        file = server.folder / "seeds" / "walrus.md"
        upload(page, ("walrus.md", WALRUS))
        expect(sent(page, "walrus.md").locator(".stage")).to_have_text("ready", timeout=WAIT_MS)
        button = page.get_by_role("button", name="Remove walrus.md")
        dialog = page.get_by_role("dialog", name="Remove this document?")
        button.focus()
        page.keyboard.press("Enter")
        expect(dialog).to_contain_text("walrus.md is deleted from the seeds folder")
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(button).to_be_focused()
        assert file.exists()
        page.keyboard.press("Enter")
        dialog.get_by_role("button", name="Delete the file").click()
        expect(document(page, "walrus.md")).to_have_count(0)
        assert not file.exists()
        expect(page.locator(".state")).to_have_text("2 documents", timeout=WAIT_MS)
        expect(ask(page, WALRUSES).locator(".verdict.not_found")).to_be_visible()

    def test_what_cannot_be_removed_says_why(self, browser, server, tmp_path):  # noqa: F811
        (tmp_path / "kept.txt").write_text("Kept words.")
        link = server.folder / "seeds" / "linked"
        link.symlink_to(tmp_path)
        context = browser.new_context()  # noqa: F811 - one in which a refusal is no alarm
        try:
            page = opened(context, server)
            row = document(page, "linked/kept.txt")
            expect(row).to_be_visible(timeout=WAIT_MS)
            row.hover()
            row.locator(".remove").click()
            page.get_by_role("button", name="Delete the file").click()
            expect(row.get_by_role("alert")).to_contain_text("is in a linked folder")
            assert (tmp_path / "kept.txt").exists()
        finally:
            context.close()
            link.unlink()


@pytest.mark.browser
class TestWidths:
    def test_on_a_phone_it_is_a_tab(self, page):
        page.set_viewport_size({"width": 390, "height": 780})
        expect(page.locator("#library")).to_be_hidden()
        tab = page.locator(".tabs").get_by_role("button", name="Documents")
        tab.click()
        expect(tab).to_have_attribute("aria-pressed", "true")
        expect(page.locator("#chat")).to_be_hidden()
        expect(page.get_by_role("button", name="Add files")).to_be_in_viewport()
        expect(page.get_by_role("button", name="Remove article.txt")).to_be_in_viewport()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.locator(".tabs").get_by_role("button", name="Chat").click()
        expect(tab).to_have_attribute("aria-pressed", "false")
        expect(page.locator("#library")).to_be_hidden()
        expect(page.locator("#chat")).to_be_visible()

    def test_it_can_be_folded(self, page):
        page.set_viewport_size({"width": 1000, "height": 700})
        page.get_by_role("button", name="Fold the list of documents").click()
        expect(document(page, "article.txt")).to_be_hidden()
        page.reload()
        unfold = page.get_by_role("button", name="Unfold the list of documents")
        expect(unfold).to_have_attribute("aria-expanded", "false")
        unfold.click()
        expect(document(page, "article.txt")).to_be_visible()
        page.get_by_role("button", name="Fold the list of documents").click()
        upload(page, ("program.exe", b"Walruses."))  # how far it is has to be seen
        expect(sent(page, "program.exe")).to_be_visible()


# --- What is let through --------------------------------------------------------------------------


class TestRoutes:
    @pytest.mark.parametrize("origin", [None, "http://evil.example", "null", "http://127.0.0.1:1"])
    def test_a_change_from_elsewhere_is_refused(self, server, origin):
        before = names(server)
        assert call(server, "POST", "/documents?name=a.txt", b"a", Origin=origin)[0] == 403
        assert call(server, "DELETE", "/documents?source=article.txt", Origin=origin)[0] == 403
        assert names(server) == before

    def test_a_foreign_host_sees_nothing(self, server):
        for target in ("/documents", "/documents/check?name=a.txt"):
            status, body = call(server, "GET", target, Host="evil.example", Origin=None)
            assert status == 403
            assert b"article" not in body

    @pytest.mark.parametrize(
        "name",
        [
            "../up.txt",
            "..%2fup.txt",
            "/etc/cron.d/up.txt",
            "..\\up.txt",
            "C:up.txt",
            "a\0.txt",
            "nul.txt",
            ".up.txt",
            "x" * 300,
            "",
            "shelf/up.txt",
        ],
    )
    def test_no_path_from_a_browser_is_taken(self, server, name):
        before = names(server), sorted(path.name for path in server.folder.iterdir())
        for existing in ("refuse", "replace", "keep"):
            query = urllib.parse.urlencode({"name": name, "existing": existing})
            if name.startswith("..%2f"):  # encoded already
                query = f"name={name}&existing={existing}"
            status, body = call(server, "POST", f"/documents?{query}", b"words")
            assert status == 400
            assert json.loads(body)["error"]
        assert (names(server), sorted(path.name for path in server.folder.iterdir())) == before

    @pytest.mark.parametrize(
        "source", ["../askseeds.toml", "/etc/passwd", "shelf", "", "shelf/../article.txt", "a\0b"]
    )
    def test_only_what_is_listed_is_removed(self, server, source):
        before = names(server)
        query = urllib.parse.urlencode({"source": source})
        status, body = call(server, "DELETE", f"/documents?{query}")
        assert status == 400
        assert "not in the list" in json.loads(body)["error"]
        assert names(server) == before
        assert (server.folder / "askseeds.toml").exists()

    def test_a_file_is_not_replaced_unasked(self, server):
        status, body = call(server, "POST", "/documents?name=article.txt", b"other words")
        assert (status, json.loads(body)["exists"]) == (409, True)
        assert (server.folder / "seeds" / "article.txt").read_bytes() == SEED.read_bytes()

    def test_the_limit_holds_on_the_way(self, server):
        before = names(server)
        large = b"x" * (MOST_MB * 1_000_000 + 1)
        chunks = (large[at : at + 10_000] for at in range(0, len(large), 10_000))
        for body, length in ((chunks, None), (b"", str(10**15))):
            status, answer = call(
                server, "POST", "/documents?name=large.txt", body, Content_Length=length
            )
            assert status == 400
            assert "max_file_mb" in json.loads(answer)["error"]
        assert names(server) == before

    def test_a_connection_that_breaks_leaves_nothing(self, server):
        before = names(server)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        connection.putrequest("POST", "/documents?name=half.txt")
        connection.putheader("Origin", server.url)
        connection.putheader("Content-Length", "1000")
        connection.endheaders(b"half a file")
        connection.close()
        wait_until(lambda: names(server) == before)

    def test_the_guard_takes_no_other_address(self, server):
        for target in ("/documents/", "/documents/article.txt", "/documents/check/x", "/Documents"):
            assert call(server, "GET", target)[0] == 404
        assert call(server, "PUT", "/documents")[0] == 404

    def test_a_list_that_has_not_changed_is_not_sent_again(self, server):
        first = json.loads(call(server, "GET", "/documents")[1])
        assert "article.txt" in first["rows"]
        query = urllib.parse.urlencode({"seen": first["version"]})
        again = json.loads(call(server, "GET", f"/documents?{query}")[1])
        assert "rows" not in again
        assert again["version"] == first["version"]


# --- HTML -----------------------------------------------------------------------------------------


@given(TEXTS, TEXTS)
def test_names_and_reasons_are_text(name, reason):
    made = render_documents.html_document(
        name, kind=name, size=7, state="failed", reason=reason, asked=False
    )
    inside = re.sub(r'<[a-z0-9]+(?: [a-zA-Z-]+(?:="[^"<>]*")?)*/?>|</[a-z0-9]+>', "", made)
    assert "<" not in inside
    assert ">" not in inside
    assert html.unescape(re.search(r'data-source="([^"]*)"', made)[1]) == name
    tags = re.findall(r"<([a-z0-9]+)", made)
    assert set(tags) <= {"li", "label", "input", "span", "bdi", "button", "svg", "path", "p"}


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (9_960, "10 kB"),
        (999_499, "999 kB"),
        (999_600, "1.0 MB"),
        (100_000_000, "100 MB"),
        (2_500_000_000, "2.5 GB"),
        (5_000_000_000_000, "5,000 GB"),
    ],
)
def test_sizes(size, shown):
    assert render_documents.html_size(size) == shown


def test_a_file_that_cannot_be_read_is_said_to_be_kept():
    kept = "the file is kept, and can be removed here"
    shown = {"kind": "Text", "reason": "is empty", "asked": False}
    made = render_documents.html_document("a.txt", size=0, state="failed", **shown)
    assert f'<p class="reason">is empty; {kept}</p>' in made
    assert kept not in render_documents.html_document("a/", size=None, state="failed", **shown)
    assert kept not in render_documents.html_document("a.png", size=9, state="unread", **shown)
