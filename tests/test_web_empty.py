"""The chat before there is any document: the real server and index, and headless Chromium."""

import pytest
from playwright.sync_api import expect

from tests import test_web
from tests.test_web import EUV, SEED, WAIT_MS, Server, ask, opened

browser, context = test_web.browser, test_web.context

pytestmark = pytest.mark.browser


@pytest.fixture
def server(tmp_path):
    (tmp_path / "seeds").mkdir()
    server = Server(tmp_path)
    yield server
    assert "Traceback" not in server.interrupt()
    assert not server.outside.exists(), server.outside.read_text()


def upload(page, name, content):
    page.locator("input[type=file]").set_input_files(
        {"name": name, "mimeType": "text/plain", "buffer": content}
    )


def test_the_first_document_is_added_in_the_page(server, context):
    page = opened(context, server)
    expect(page.locator(".state")).to_have_text("No documents yet")
    expect(page.locator(".welcome")).to_contain_text("There are no documents yet.")
    expect(ask(page, EUV, outcome=".error")).to_contain_text("There are no documents yet")
    expect(page.locator("#library").get_by_role("alert")).to_have_count(0)
    # What cannot be read is named, and is no first document.
    upload(page, "damaged.pdf", b"no PDF")
    damaged = page.locator('.document[data-state="failed"]')
    expect(damaged).to_contain_text("damaged.pdf", timeout=2 * WAIT_MS)
    expect(page.locator(".state")).to_have_text("No documents yet")
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator(".error")).to_contain_text("There are no documents yet")
    page.get_by_role("button", name="New", exact=True).click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Add documents").click()
    chooser.value.set_files(SEED)
    expect(page.locator(".upload").last).to_contain_text(SEED.name)
    # Who asks at once waits for it.
    page.get_by_label("Your question").fill(EUV)
    page.keyboard.press("Enter")
    exchange = page.locator("#exchange-1")
    expect(exchange.locator(".verdict, .error")).to_be_visible(timeout=4 * WAIT_MS)
    if exchange.locator(".error").count():  # it was asked before the file was there
        expect(page.locator(".state")).to_have_text("1 document", timeout=4 * WAIT_MS)
        page.get_by_role("button", name="Ask again").click()
    expect(exchange.locator(".verdict.answered")).to_be_visible(timeout=WAIT_MS)
    expect(exchange.locator(".quote .file").first).to_have_text(SEED.name)
    expect(page.locator("#lit")).to_contain_text("ASML")
    expect(page.locator(".state")).to_have_text("1 document")
    page.get_by_role("button", name="New", exact=True).click()
    expect(page.locator(".welcome")).not_to_contain_text("no documents")
    expect(page.locator(".example").first).to_be_visible(timeout=2 * WAIT_MS)


def test_it_ends_while_it_waits_for_the_first(server):
    """The fixture ends it; a page is open meanwhile."""
    assert server.request("GET", "/documents")[0] == 200
