"""Can everybody use the page? axe-core looks, in light and dark, on a wide screen and a phone."""

import os
import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests import login_client, test_web
from tests.login_client import PASSWORDS
from tests.test_web import EUV, REVENUE, ask, opened
from tests.test_web_conversation import GATED, PROSE, served

browser = test_web.browser

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
LOOK = """async () => {
  const {violations, passes} = await axe.run(document, {resultTypes: ["violations", "passes"]});
  return {passes: passes.length, violations: violations.map(({id, impact, nodes}) =>
    ({id, impact, nodes: nodes.map((n) => `${n.target}: ${n.failureSummary}`)}))};
}"""
SCREENS = [(width, scheme) for width in (1400, 390) for scheme in ("light", "dark")]


@pytest.fixture(scope="module")
def axe():
    if not AXE.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("axe-core is missing: npm ci --prefix tests")
        pytest.skip("axe-core is not installed (npm ci --prefix tests), so nothing was looked at")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def server(tmp_path_factory, exported_encoder):
    folder = tmp_path_factory.mktemp("axe")
    seeds = folder / "seeds"
    seeds.mkdir()
    (seeds / "other.txt").write_text("Plums are picked in August.\n")
    (seeds / "damaged.pdf").write_bytes(b"no PDF")
    server = login_client.started(folder, exported_encoder)
    yield server
    server.process.terminate()
    server.process.wait(60)
    server.process.stdout.close()


def findings(page, axe):
    """What axe-core calls serious or critical."""
    page.evaluate(
        "() => document.getAnimations().forEach((moving) => "
        "moving.effect.getComputedTiming().endTime === Infinity "
        "? moving.cancel() : moving.finish())"
    )
    page.evaluate(axe)  # not a script of the page: its policy would not let one in
    seen = page.evaluate(LOOK)
    assert seen["passes"] > 10
    return [found for found in seen["violations"] if found["impact"] in ("serious", "critical")]


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_every_state_of_the_page(browser, server, axe, width, scheme):
    context = screen(browser, width, scheme)
    page = context.new_page()
    page.set_default_timeout(test_web.WAIT_MS)
    found = {}
    page.goto(server.url)
    found["login"] = findings(page, axe)
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    found["wrong password"] = findings(page, axe)
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(PASSWORDS["ada"])
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".state.ready")).to_be_attached(timeout=120_000)
    expect(page.locator(".example").first).to_be_visible(timeout=60_000)
    is_dark = page.evaluate("document.body.classList.contains('dark')")
    assert is_dark == (scheme == "dark")
    found["welcome"] = findings(page, axe)
    exchange = ask(page, EUV)
    found["answered"] = findings(page, axe)
    exchange.locator(".marker").first.click()
    expect(page.locator("#lit")).to_be_visible()
    found["source"] = findings(page, axe)
    if width < 500:
        page.get_by_role("button", name="Chat", exact=True).click()
    ask(page, REVENUE)
    found["not found"] = findings(page, axe)
    page.get_by_role("button", name="Conversations:").click()
    expect(page.locator("#list .row")).to_have_count(1)
    found["conversations"] = findings(page, axe)
    page.get_by_role("button", name=f"Delete {EUV}").click()
    found["deletion"] = findings(page, axe)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Export").click()
    expect(page.locator("#exports")).to_be_visible()
    found["export"] = findings(page, axe)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Edit the question").click()
    found["editing"] = findings(page, axe)
    page.keyboard.press("Escape")
    page.locator("#exchange-2 .marker").first.click()
    expect(page.locator(".lit-source .warning")).to_be_visible()
    found["nearest passage"] = findings(page, axe)
    if width < 500:
        page.get_by_role("button", name="Documents", exact=True).click()
    expect(page.locator(".document")).to_have_count(3)
    expect(page.locator('.document[data-state="failed"]')).to_be_visible()
    page.get_by_role("checkbox", name="other.txt").uncheck()
    found["documents"] = findings(page, axe)
    page.get_by_role("button", name="Remove other.txt").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    found["removal"] = findings(page, axe)
    page.get_by_role("button", name="Cancel").click()
    page.locator("input[type=file]").set_input_files(
        {"name": "empty.txt", "mimeType": "text/plain", "buffer": b""}
    )
    expect(page.locator(".upload")).to_contain_text("is empty")
    page.get_by_role("button", name="None").click()
    expect(page.locator(".chosen.none")).to_be_visible()
    found["upload refused, none chosen"] = findings(page, axe)
    context.close()
    assert {state: seen for state, seen in found.items() if seen} == {}


@pytest.fixture(scope="module")
def gated_server(tmp_path_factory, exported_encoder):
    """Without logins; questions wait for gates, and get claims, see `test_web_conversation`."""
    gated, _, _ = GATED.partition("from askseeds.cli")
    yield from served(exported_encoder, tmp_path_factory.mktemp("axe-gated"), gated + PROSE)


@pytest.fixture
def file(gated_server):
    """Makes and deletes the files that its gates are; at the end there is none."""
    yield lambda name: gated_server.folder / name
    for left in (*gated_server.folder.glob("gate-*"), *gated_server.folder.glob("claim-*")):
        left.unlink()


def screen(browser, width, scheme):
    return browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, has_touch=width < 500
    )


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_every_state_of_a_question(browser, gated_server, file, axe, width, scheme):
    people = [screen(browser, width, scheme) for _ in range(3)]
    page, other, third = (opened(person, gated_server) for person in people)
    found = {}
    stop = page.get_by_role("button", name="Stop")
    # Another question for each screen: what was asked before is answered at once.
    question = EUV + "?" * (1 + SCREENS.index((width, scheme)))
    file("gate-early").touch()
    exchange = ask(page, question, ".verdict.provisional", ended=False)
    expect(stop).to_be_visible()
    found["the first quote"] = findings(page, axe)
    for name in ("claim-1", "claim-2"):
        file(name).touch()
    file("gate-early").unlink()
    expect(exchange.locator(".claim.unsupported")).to_be_visible()
    expect(stop).to_be_hidden()
    found["prose with a struck claim"] = findings(page, axe)
    for one in (page, other, third):
        file(f"gate-{len(EUV)}").touch()
        one.get_by_label("Your question").fill(EUV)
        one.keyboard.press("Enter")
        expect(one.locator(".working:visible")).to_have_text(re.compile("Searching|in line"))
    found["running"] = findings(page, axe)
    expect(third.locator(".working")).to_have_text("1st in line")
    found["waiting in line"] = findings(third, axe)
    file(f"gate-{len(EUV)}").unlink()
    expect(stop).to_be_hidden()
    # What `ask` calls ended has its outcome.
    ask(page, "why " * 25_000, outcome=".error")
    found["error"] = findings(page, axe)
    page.evaluate(
        """() => {
            const name = Object.keys(localStorage).find((n) => n.includes("/conversation/"));
            localStorage.setItem(name, localStorage.getItem(name).replaceAll("confidence", "no"));
        }"""
    )
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("is damaged")
    found["damaged"] = findings(page, axe)
    for person in people:
        person.close()
    assert {state: seen for state, seen in found.items() if seen} == {}


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_every_state_of_the_documents(browser, gated_server, axe, width, scheme):
    person = screen(browser, width, scheme)
    page = opened(person, gated_server)
    found = {}
    slow = person.new_cdp_session(page)
    slow.send("Network.enable")
    if width < 500:
        page.get_by_role("button", name="Documents", exact=True).click()
    chosen = page.locator("input[type=file]")
    chosen.set_input_files({"name": "article.txt", "mimeType": "text/plain", "buffer": b"Words."})
    expect(page.get_by_role("dialog", name="A file of this name is there")).to_be_visible()
    found["a file of the same name"] = findings(page, axe)
    page.get_by_role("button", name="Cancel").click()
    crawling = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 2_000}
    slow.send("Network.emulateNetworkConditions", crawling)
    name = f"{width}-{scheme}.txt"  # of its own: it may have arrived before it is called off
    chosen.set_input_files({"name": name, "mimeType": "text/plain", "buffer": b"x " * 200_000})
    expect(page.locator(".upload progress")).to_be_visible()
    found["an upload on its way"] = findings(page, axe)
    page.get_by_role("button", name=f"Forget {name}").click()
    slow.detach()
    page.get_by_role("button", name="article.txt", exact=True).click()
    expect(page.locator(".lit-source .text")).to_be_visible()
    found["a document"] = findings(page, axe)
    if width > 500:
        page.get_by_role("button", name="Fold the list of documents").click()
        expect(page.get_by_role("button", name="Unfold the list of documents")).to_be_visible()
        found["folded"] = findings(page, axe)
    person.close()
    assert {state: seen for state, seen in found.items() if seen} == {}


@pytest.mark.browser
def test_it_would_be_seen(browser, server, axe):
    """axe-core runs in full: what is wrong on purpose is found."""
    page = browser.new_page()
    page.goto(server.url)
    page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend',"
        "'<p style=\"color:#999;background:#aaa\">faint</p><input>')"
    )
    assert {"color-contrast", "label"} <= {found["id"] for found in findings(page, axe)}
    page.close()


def test_the_version_is_the_one_that_is_pinned(axe):
    import json

    folder = Path(__file__).parent
    wanted = json.loads((folder / "package.json").read_text())["devDependencies"]["axe-core"]
    assert axe.lstrip().startswith(f"/*! axe v{wanted}")
    lock = (folder / "package-lock.json").read_text()
    assert "sha512-" in lock
    assert "http" not in lock  # the integrity is what counts, not where it comes from
    assert shutil.which("npm") or AXE.exists()
