"""Questions while documents are really being indexed: the real server and index, and Chromium."""

import shutil

import pytest
from playwright.sync_api import expect

from tests import test_web
from tests.test_web import EUV, SEED, WAIT_MS, Server, ask, opened
from tests.test_web_documents import document, upload

browser, context = test_web.browser, test_web.context

pytestmark = pytest.mark.browser

# A server whose indexing does not go beyond the share that the file `hold` names, if there is one.
# It is told how far it is after every four passages, not after hundreds.
HELD = """
import time
from pathlib import Path
from askseeds import sync
from askseeds.web.library import Library

sync.BATCH_PASSAGES = 4
progress = Library._progress
hold = Path("hold")

def held(self, stage, done, total):
    progress(self, stage, done, total)
    while stage == "indexing" and hold.exists() and done > float(hold.read_text()) * total:
        time.sleep(0.02)

Library._progress = held
from askseeds.cli import main
main()
"""

LAMP = "The lamp in the hall of the lighthouse is {colour}.\n"
WHICH_LAMP = "Which colour is the lamp in the hall of the lighthouse?"


@pytest.fixture(scope="module")
def server(tmp_path_factory, exported_encoder):
    folder = tmp_path_factory.mktemp("indexing")
    shutil.copytree(exported_encoder, folder / "index" / "encoder")
    (folder / "seeds").mkdir()
    shutil.copy(SEED, folder / "seeds" / "article.txt")
    (folder / "seeds" / "lamp.txt").write_text(LAMP.format(colour="green"))
    server = Server(folder, program=HELD)
    yield server
    assert "Traceback" not in server.interrupt()
    assert not server.outside.exists(), server.outside.read_text()


@pytest.fixture
def hold(server):
    """Holds the indexing at a share of it; at the end it goes on."""
    file = server.folder / "hold"

    def hold(share):
        new = file.with_name("hold.new")
        new.write_text(str(share))
        new.replace(file)  # whole at any moment

    yield hold
    file.unlink(missing_ok=True)


def test_a_new_document_is_asked_when_it_is_indexed(context, server, hold):
    page = opened(context, server)
    hold(0)
    # Several passages, so that there is a part of the way.
    text = "".join(f"Note {n}: crate {n} of the harbour holds {n} anchors. " for n in range(200))
    question = "What does crate 77 of the harbour hold?"
    upload(page, ("crates.txt", text.encode()))
    row = document(page, "crates.txt")
    expect(row.locator(".stage")).to_have_text("being indexed")
    expect(page.locator(".upload .stage")).to_have_text("being indexed")
    bar = page.get_by_role("progressbar", name="Indexing")

    def done():
        return int(bar.get_attribute("aria-valuenow"))

    page.wait_for_function("document.querySelector('.work').ariaValueNow > 0")
    begun = done()
    exchange = ask(page, EUV)
    expect(exchange.locator(".verdict.answered")).to_be_visible()
    expect(exchange.locator(".note")).to_have_text(
        "Indexing goes on; answered from the documents indexed so far."
    )
    files = ask(page, question).locator(".file").all_text_contents()
    assert "crates.txt" not in files
    hold(0.5)
    page.wait_for_function(
        "begun => Number(document.querySelector('.work').ariaValueNow) > begun", arg=begun
    )
    assert begun < done() < 100
    expect(row.locator(".stage")).to_have_text("being indexed")
    hold(1)
    expect(row.locator(".stage")).to_have_text("indexed")
    expect(bar).to_be_hidden()
    exchange = ask(page, question)
    expect(exchange.locator(".quote .file").first).to_have_text("crates.txt")
    expect(exchange.locator(".note")).to_have_count(0)


def test_a_changed_document_answers_as_it_was_until_it_is_indexed(context, server, hold):
    page = opened(context, server)
    expect(document(page, "lamp.txt").locator(".stage")).to_have_text("indexed")
    hold(0)
    (server.folder / "seeds" / "lamp.txt").write_text(LAMP.format(colour="purple"))
    expect(document(page, "lamp.txt").locator(".stage")).to_have_text("being indexed")
    old = ask(page, WHICH_LAMP)
    expect(old.locator("blockquote").first).to_contain_text("green")
    expect(old.locator(".note")).to_contain_text("Indexing goes on")
    # What is beside it is the text that was quoted, not the file as it lies there now.
    expect(page.locator("#lit")).to_contain_text("green")
    hold(1)
    expect(document(page, "lamp.txt").locator(".stage")).to_have_text("indexed", timeout=WAIT_MS)
    new = ask(page, WHICH_LAMP)
    expect(new.locator("blockquote").first).to_contain_text("purple")
    expect(new.locator(".note")).to_have_count(0)
    expect(page.locator("#lit")).to_contain_text("purple")
    old.locator(".marker").first.click()
    expect(page.locator("#source .notice")).to_contain_text("has changed since this answer")
