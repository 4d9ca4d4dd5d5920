"""The chat: the real server in a process of its own, the real index, and headless Chromium."""

import html
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.parse
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import expect, sync_playwright

from askseeds import render
from askseeds.config import Settings
from askseeds.errors import ConfigError
from askseeds.evaluate import formats
from askseeds.evaluate.draft import FEEDBACK_FILE
from askseeds.lock import writer
from askseeds.types import Document, Heading, Quote
from askseeds.web import serve
from askseeds.web.examples import examples

ROOT = Path(__file__).parent.parent
SEED = next((ROOT / "seeds").glob("*.txt"))
CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update"
).split()
WAIT_MS = 60_000  # a busy machine is no reason to fail
expect.set_options(timeout=WAIT_MS)

EUV = "Which company has mastered EUV lithography?"
SEVERAL = "What do experts say about AI competition with China?"  # takes several quotes
REVENUE = "What is Anthropic's annual revenue?"
PORCUPINES = "What do porcupines in the greenhouse eat at night?"

HOSTILE_NAME = "<img src=x onerror=alert(1)> \u202egpj.md"
HOSTILE = """# <script>alert("heading")</script> Porcupines <img src=http://example.org/h.png>

Porcupines in the greenhouse eat apples at night, <img src=x onerror="alert('text')">
<script>document.title = "taken over"</script> and ![roots](http://example.org/p.png) and
[leaves](javascript:alert(2)) and $$\\href{javascript:alert(3)}{buds}$$ and ${alert(4)} and
{{constructor.constructor("alert(5)")()}} and <iframe src="http://example.org/"></iframe> &amp;lt;
</blockquote></li></ol><style>*{display:none}</style><a href="http://example.org/">seeds</a>.
"""

# Runs before everything else in the server's process: no connection but to this machine.
NO_NETWORK = """
import pathlib, sys
def audit(event, args):
    if event == "socket.connect" and isinstance(args[1], tuple):
        where = args[1][0]
    elif event == "socket.getaddrinfo":
        where = args[0]
    else:
        return
    if where not in (None, "", "localhost", "127.0.0.1", "::1", b"127.0.0.1"):
        with open({log!r}, "a") as log:
            log.write(f"{{event}} {{where}}\\n")
        raise ConnectionRefusedError(f"the test lets nothing out: {{where}}")
sys.addaudithook(audit)
"""


MAIN = "from askseeds.cli import main; main()"


def command(*arguments, program=MAIN):
    return [sys.executable, "-c", program, *map(str, arguments)]


class Server:
    def __init__(self, folder, *arguments, program=MAIN):
        self.folder = folder
        self.outside = folder / "outside.log"
        (folder / "site").mkdir()
        (folder / "site" / "sitecustomize.py").write_text(NO_NETWORK.format(log=str(self.outside)))
        with (folder / "stderr.log").open("w") as log:
            self.process = subprocess.Popen(
                command("chat", "--no-open", "--port", 0, *arguments, program=program),
                cwd=folder,
                env=os.environ | {"PYTHONPATH": f"{folder / 'site'}{os.pathsep}{ROOT / 'src'}"},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        line = self.process.stdout.readline()
        if not line:
            self.process.wait(20)
            self.process.stdout.close()
        match = re.fullmatch(r"askseeds chat: http://([\w.-]+):(\d+)\n", line)
        assert match, line + (folder / "stderr.log").read_text()
        assert match[1] == "127.0.0.1" or "--host" in arguments
        self.port = int(match[2])
        self.url = f"http://127.0.0.1:{self.port}"

    def request(self, method, path, **headers):
        """Status, headers and body; the path goes out as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.putrequest(method, path, skip_host="Host" in headers)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def interrupt(self):
        """Ctrl-C, while a page is open; what it said on standard error."""
        page = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        page.request("GET", "/gradio_api/heartbeat/abc")
        assert page.getresponse().status == 200
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(60) == 130
        page.close()
        self.process.stdout.close()
        return (self.folder / "stderr.log").read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory, exported_encoder):
    folder = tmp_path_factory.mktemp("chat")
    shutil.copytree(exported_encoder, folder / "index" / "encoder")
    (folder / "seeds").mkdir()
    shutil.copy(SEED, folder / "seeds" / "article.txt")
    (folder / "seeds" / HOSTILE_NAME).write_text(HOSTILE, encoding="utf-8")
    server = Server(folder)
    yield server
    assert "Traceback" not in server.interrupt()
    assert not server.outside.exists(), server.outside.read_text()


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is missing: install Debian's package chromium")
        pytest.skip("Chromium is not installed, so the page is not tested")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


# What Gradio says when a page is loaded again while it still listens: nobody sees it.
LEFT = ("AbortError: signal is aborted", "Unexpected error Connection errored out")


@pytest.fixture
def context(browser):
    """One browser session; at its end nothing has left this machine or run on its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    requests, alarms = [], []
    context.on("request", lambda request: requests.append(request.url))
    context.on("dialog", lambda dialog: (alarms.append(dialog.message), dialog.dismiss()))
    context.on("weberror", lambda error: alarms.append(str(error.error)))
    context.on(
        "console",
        lambda message: alarms.append(message.text) if message.type == "error" else None,
    )
    yield context
    context.close()
    assert requests
    outside = [url for url in requests if urllib.parse.urlsplit(url).hostname != "127.0.0.1"]
    assert outside == []
    if any(alarm.startswith(LEFT[0]) for alarm in alarms):
        alarms = [alarm for alarm in alarms if not alarm.startswith(LEFT)]
    assert alarms == []


@pytest.fixture
def page(context, server):
    return opened(context, server)


def opened(context, server):
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(server.url)
    expect(page.locator(".state.ready")).to_be_visible(timeout=120_000)
    return page


def ask(page, question, outcome=".verdict", *, ended=True):
    """Asks, and returns the exchange once it has come to an outcome, and to its end if `ended`."""
    # The question before may have its quotes already, and still be on its way.
    expect(page.locator("#send")).not_to_have_attribute("hidden", "")
    number = page.locator(".exchange").count() + 1
    box = page.get_by_label("Your question")
    box.fill(question)
    box.press("Enter")
    exchange = page.locator(f"#exchange-{number}")
    expect(exchange.locator(outcome)).to_be_visible(timeout=WAIT_MS)
    if ended:  # only now is it kept in the browser as it stays
        expect(page.locator("#send")).not_to_have_attribute("hidden", "")
    return exchange


def indexing(server):
    """Holds the index, as a long indexing does; what the test before has left is waited for."""
    return writer(server.folder / "index", wait_s=WAIT_MS / 1000)


# The colour of the page in every frame.
GROUNDS = """
window.grounds = [];
const look = () => {
    if (document.body) grounds.push(getComputedStyle(document.body).backgroundColor);
    requestAnimationFrame(look);
};
look();
"""


def text_of(source):
    text = SEED.read_text(encoding="utf-8-sig") if source == "article.txt" else HOSTILE
    return text.replace("\r\n", "\n")


def wait_for_view(page, selector, inside):
    """Waits until the whole of a part can be seen inside another one, after any scrolling."""
    page.wait_for_function(
        """([selector, inside]) => {
            const a = document.querySelector(selector).getBoundingClientRect();
            const b = document.querySelector(inside).getBoundingClientRect();
            return a.top >= b.top && a.bottom <= b.bottom && a.top >= 0 && a.bottom <= innerHeight;
        }""",
        arg=[selector, inside],
    )


# --- In the browser -------------------------------------------------------------------------------


@pytest.mark.browser
class TestPage:
    def test_a_quote_opens_where_it_stands(self, page):
        exchange = ask(page, EUV)
        quotes = exchange.locator(".quote")
        first = quotes.first
        expect(first.locator("blockquote")).to_contain_text("ASML")
        expect(first.locator(".file")).to_have_text("article.txt")
        expect(first.locator(".score")).to_have_text(re.compile(r"^score -?\d+\.\d\d$"))
        expect(exchange.locator(".confidence")).to_have_text(re.compile(r"^[a-z ]+ \(\d\.\d\d\)$"))
        for quote in (quotes.last, first):
            quote.locator("blockquote").click()
            lit = page.locator("#lit")
            start, end = (int(quote.get_attribute(f"data-{edge}")) for edge in ("start", "end"))
            words = text_of("article.txt")[start:end]
            expect(page.locator(".quote.lit")).to_have_count(1)
            expect(quote).to_have_class(re.compile("lit"))
            assert lit.text_content() == words == quote.locator("blockquote").text_content()
            wait_for_view(page, "#lit", ".lit-source .text")
        expect(page.locator(".lit-source .text")).to_contain_text("Export controls work")

    def test_what_the_documents_do_not_answer(self, page):
        exchange = ask(page, REVENUE)
        expect(exchange.locator(".verdict.not_found")).to_contain_text(
            "No answer was found in the documents"
        )
        expect(exchange.locator(".nearest")).to_contain_text("may not answer it")
        nearest = exchange.locator(".quotes.not_found .quote").first
        # The first one is shown where it stands, and labelled as what it is.
        expect(page.locator("#lit")).to_have_text(nearest.locator("blockquote").text_content())
        expect(page.locator(".walk")).to_contain_text("Nearest passage 1 of")
        expect(page.locator(".lit-source .warning")).to_contain_text("May not answer")

    def test_a_hostile_document_is_inert(self, page):
        exchange = ask(page, PORCUPINES)
        quote = exchange.locator(".quote").first
        source = quote.get_attribute("data-source")
        assert source == HOSTILE_NAME
        quote.locator(".marker").click()
        lit = page.locator("#lit")
        expect(lit).to_contain_text("Porcupines in the greenhouse")
        start, end = (int(quote.get_attribute(f"data-{edge}")) for edge in ("start", "end"))
        assert lit.text_content() == HOSTILE[start:end]
        text = page.locator(".lit-source .text")
        for payload in ("<script>", "onerror=", "![roots]", "${alert(4)}", "{{constructor", "$$"):
            expect(text).to_contain_text(payload)
        made = "img, script, iframe, style, a, [onerror], [onclick], .katex"
        expect(page.locator(f"#conversation :is({made})")).to_have_count(0)
        expect(page.locator(f"#source :is({made})")).to_have_count(0)
        # A name must not be able to look like another one.
        expect(page.locator(".lit-source header")).to_contain_text("\\u202egpj.md")
        expect(page).to_have_title("askseeds")
        assert exchange.is_visible()

    def test_two_tabs_do_not_see_each_other(self, context, page, server):
        other = opened(context, server)
        ask(page, EUV)
        expect(other.locator(".exchange")).to_have_count(0)
        ask(other, REVENUE)
        expect(other.locator(".question")).to_have_text([REVENUE])
        expect(page.locator(".question")).to_have_text([EUV])
        # A follow-up in the one is not mixed with the other either.
        ask(page, "Which countries are the other companies in?")
        expect(page.locator(".exchange")).to_have_count(2)
        expect(other.locator(".exchange")).to_have_count(1)

    def test_examples_come_from_the_headings(self, page):
        expect(page.locator(".state")).to_have_text("2 documents")
        example = page.locator(".example").filter(has_text="Export controls work")
        question = example.text_content()
        example.click()
        expect(page.locator(".question")).to_have_text([question])
        expect(page.locator(".verdict.answered")).to_be_visible(timeout=WAIT_MS)

    def test_keys(self, page):
        box = page.get_by_label("Your question")
        box.press("Shift+Enter")
        assert box.input_value() == "\n"
        exchange = ask(page, SEVERAL)
        count = exchange.locator(".quote").count()
        assert count >= 2
        # The box has the focus still; as long as it is empty, the arrows are for the quotes.
        expect(box).to_be_focused()
        page.keyboard.press("ArrowDown")
        expect(exchange.locator(".quote").nth(1).locator(".marker")).to_be_focused()
        expect(page.locator('.lit-source[data-quote="2"]')).to_be_visible()
        page.keyboard.press("ArrowUp")
        expect(page.locator('.lit-source[data-quote="1"]')).to_be_visible()
        page.keyboard.press("ArrowRight")
        expect(page.locator('.lit-source[data-quote="2"]')).to_be_visible()
        expect(exchange.locator(".quote").nth(1).locator(".marker")).to_be_focused()
        page.keyboard.press("ArrowLeft")
        expect(page.locator('.lit-source[data-quote="1"]')).to_be_visible()
        # In the text of a source up and down scroll; left and right still walk.
        page.locator(".lit-source .text").focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator('.lit-source[data-quote="2"]')).to_be_visible()
        page.keyboard.press("/")
        expect(box).to_be_focused()
        assert box.input_value() == ""
        page.keyboard.type("What")
        for key in ("ArrowUp", "ArrowLeft"):
            page.keyboard.press(key)
            expect(box).to_be_focused()
            expect(page.locator('.lit-source[data-quote="2"]')).to_be_visible()

    def test_nothing_can_be_sent_before_the_page_listens(self, context, server):
        page = context.new_page()
        # A part that the scripts wait for is not there until `arrived` says so.
        page.add_init_script(
            """const find = Document.prototype.getElementById;
            Document.prototype.getElementById = function (id) {
                return id === "restored" && !window.arrived ? null : find.call(this, id);
            };"""
        )
        page.goto(server.url)
        send = page.get_by_role("button", name="Ask", exact=True)
        page.get_by_label("Your question").fill(EUV)
        expect(send).to_be_disabled()
        page.evaluate("window.arrived = true")
        send.click()
        expect(page.locator(".verdict.answered")).to_be_visible()

    def test_next_and_previous_quote(self, page):
        exchange = ask(page, SEVERAL)
        count = exchange.locator(".quote").count()
        expect(page.get_by_label("Previous quote")).to_be_disabled()
        page.get_by_label("Next quote").click()
        expect(page.locator(".walk")).to_contain_text(f"Quote 2 of {count}")
        page.get_by_label("Previous quote").click()
        expect(page.locator(".walk")).to_contain_text(f"Quote 1 of {count}")
        # With the keys, to the last one and back: the focus is never lost.
        page.get_by_label("Next quote").focus()
        for number in range(2, count + 1):
            page.keyboard.press("Enter")
            expect(page.locator(".walk")).to_contain_text(f"Quote {number} of {count}")
        expect(page.get_by_label("Next quote")).to_be_disabled()
        expect(page.get_by_label("Previous quote")).to_be_focused()

    def test_an_error_is_one_line(self, page):
        exchange = ask(page, "why " * 25_000, outcome=".error")
        error = exchange.locator(".error").text_content()
        assert "\n" not in error.strip()
        assert "Traceback" not in error
        assert "too long" in error or "characters" in error
        ask(page, EUV)  # and one can go on

    def test_a_new_conversation(self, page):
        ask(page, EUV)
        page.get_by_role("button", name="New", exact=True).click()
        expect(page.locator(".exchange")).to_have_count(0)
        expect(page.locator(".welcome")).to_be_visible()
        expect(page.locator("#lit")).to_have_count(0)
        assert ask(page, EUV).get_attribute("id") == "exchange-1"

    def test_a_thumb_becomes_a_pair(self, page, server):
        file = server.folder / "index" / FEEDBACK_FILE
        file.unlink(missing_ok=True)
        file.mkdir()
        exchange = ask(page, EUV)
        up, down = (
            exchange.get_by_role("button", name=f"{name} answer") for name in ("Right", "Wrong")
        )
        up.click()
        error = page.get_by_role("alert")
        expect(error).to_contain_text("feedback.jsonl cannot be written")
        expect(error).to_be_in_viewport()
        expect(up).to_be_in_viewport()
        expect(up).to_have_attribute("aria-pressed", "false")
        file.rmdir()

        down.focus()
        page.keyboard.press("Enter")
        expect(down).to_have_attribute("aria-pressed", "true")
        expect(down).to_be_focused()
        expect(error).to_have_count(0)
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Space")
        expect(up).to_have_attribute("aria-pressed", "true")
        expect(down).to_have_attribute("aria-pressed", "false")
        up.click()
        other = ask(page, REVENUE)  # the answer before it keeps its thumb
        expect(up).to_have_attribute("aria-pressed", "true")
        refused = other.get_by_role("button", name="Right answer")
        refused.click()
        expect(refused).to_have_attribute("aria-pressed", "true")
        up.click()
        expect(page.locator('.thumb[aria-pressed="true"]')).to_have_count(2)

        kept = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        assert [(line["question"], line["rating"]) for line in kept] == [
            (EUV, "down"),
            (EUV, "up"),
            (REVENUE, "up"),
        ]
        assert [turn["question"] for turn in kept[-1]["history"]] == [EUV]

        pairs = server.folder / "judged.qa.yaml"
        done = subprocess.run(
            command("eval", "--from-feedback", pairs),
            cwd=server.folder,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        right, nothing = formats.read(pairs)
        assert (right.question, right.status, right.xfail) == (EUV, "answered", "")
        assert list(right.quotes) == exchange.locator(".quote blockquote").all_text_contents()
        assert (nothing.question, nothing.status) == (REVENUE, "not_found")

    def test_a_thumb_while_a_question_is_on_its_way_stays(self, page):
        exchange = ask(page, EUV)
        up = exchange.get_by_role("button", name="Right answer")
        box = page.get_by_label("Your question")
        box.fill(SEVERAL)
        box.press("Enter")
        up.click()
        expect(page.locator("#exchange-2 .verdict")).to_be_visible(timeout=WAIT_MS)
        expect(up).to_have_attribute("aria-pressed", "true")
        page.get_by_role("button", name="New", exact=True).click()
        expect(page.locator(".exchange")).to_have_count(0)
        # The first answer of another conversation has no thumb yet, and takes one.
        again = ask(page, EUV).get_by_role("button", name="Right answer")
        expect(again).to_have_attribute("aria-pressed", "false")
        again.click()
        expect(again).to_have_attribute("aria-pressed", "true")

    def test_light_and_dark(self, page):
        def ground():
            return page.evaluate("getComputedStyle(document.body).backgroundColor")

        light = ground()
        page.get_by_label("Light or dark").click()
        dark = ground()
        assert light != dark
        page.add_init_script(GROUNDS)
        page.reload()
        expect(page.locator(".state.ready")).to_be_visible()
        assert ground() == dark
        assert set(page.evaluate("grounds")) == {dark}  # nothing flashes meanwhile
        page.get_by_label("Light or dark").click()
        assert ground() == light

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_the_theme_is_that_of_the_system(self, context, server, scheme):
        page = context.new_page()
        page.emulate_media(color_scheme=scheme)
        page.add_init_script(GROUNDS)
        page.goto(server.url)
        expect(page.locator(".state.ready")).to_be_visible()
        [ground] = set(page.evaluate("grounds"))
        assert ground == {"light": "rgb(250, 249, 246)", "dark": "rgb(22, 25, 23)"}[scheme]

    def test_on_a_phone_one_part_at_a_time(self, page):
        page.set_viewport_size({"width": 390, "height": 780})
        exchange = ask(page, EUV)
        expect(page.locator("#side")).to_be_hidden()
        exchange.locator(".quote").first.click()
        expect(page.locator("#lit")).to_be_visible()
        expect(page.locator("#chat")).to_be_hidden()
        page.get_by_role("button", name="Chat").click()
        expect(exchange).to_be_visible()
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390


# --- What is let through --------------------------------------------------------------------------


class TestGuard:
    def test_it_listens_on_one_address_alone(self, server):
        socket.create_connection(("127.0.0.1", server.port), timeout=5).close()
        with pytest.raises(OSError):  # 127.0.0.2 is this machine as well, as its other ones are
            socket.create_connection(("127.0.0.2", server.port), timeout=5)

    def test_the_page_is_served_with_a_policy(self, server):
        for name in ("127.0.0.1", "localhost", "[::1]", "LocalHost"):
            status, headers, body = server.request("GET", "/", Host=f"{name}:{server.port}")
            assert status == 200
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "http" not in policy
        assert "*" not in policy
        scripts = next(part for part in policy.split(";") if "script-src" in part)
        assert "'unsafe-inline'" not in scripts
        assert "'sha256-" in scripts
        assert headers["X-Frame-Options"] == "DENY"
        assert b"https://" not in body.split(b"window.gradio_config", 1)[0]

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "evil.example:{port}",
            "127.0.0.1",
            "localhost:1",
            "localhost.evil:{port}",
        ],
    )
    def test_a_foreign_host_is_refused(self, server, host):
        for path in ("/", "/config", "/gradio_api/queue/join"):
            status, _, body = server.request("GET", path, Host=host.format(port=server.port))
            assert status == 403
            assert b"gradio" not in body

    @pytest.mark.parametrize(
        "origin",
        ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:{port}"],
    )
    def test_a_foreign_origin_is_refused(self, server, origin):
        for method in ("GET", "POST", "OPTIONS"):
            status, headers, _ = server.request(
                method, "/gradio_api/queue/join", Origin=origin.format(port=server.port)
            )
            assert status == 403
            assert "Access-Control-Allow-Origin" not in headers

    def test_a_web_socket_is_refused(self, server):
        status, _, _ = server.request(
            "GET",
            "/gradio_api/queue/join",
            Connection="Upgrade",
            Upgrade="websocket",
            **{"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "c2VlZHMtc2VlZHMtc2VlZA=="},
        )
        assert status >= 400

    @pytest.mark.parametrize(
        "path",
        [
            "/gradio_api/file={seed}",
            "/gradio_api/file=askseeds.toml",
            "/gradio_api/file/{seed}",
            "/file={seed}",
            "/file/{seed}",
            "/gradio_api/proxy=http://127.0.0.1:{port}/",
            "/gradio_api/upload",
            "/gradio_api/info",
            "/gradio_api/openapi.json",
            "/gradio_api/component_server",
            "/gradio_api/run-history/records",
            "/gradio_api/vibe-code/",
            "/gradio_api/deep_link",
            "/gradio_api/call/ask",
            "/monitoring",
            "/docs",
            "/openapi.json",
            "/login",
            "/assets/../../../../../../../../etc/passwd",
            "/assets/..%2f..%2f..%2f..%2f..%2fetc/passwd",
            "/static/%2e%2e/%2e%2e/index.html",
            "/static//etc/passwd",
            "/svelte/../../package.json",
            "/custom_component/1/client/component/../../../x",
        ],
    )
    def test_no_other_route_is_there(self, server, path):
        seed = server.folder / "seeds" / "article.txt"
        path = path.format(seed=seed, port=server.port)
        for method in ("GET", "POST"):
            status, _, body = server.request(method, path)
            assert status == 404
            assert b"Anthropic" not in body


# --- Before there is a page -----------------------------------------------------------------------


class TestServe:
    def test_a_port_in_use_is_one_line(self, server):
        done = subprocess.run(
            command("chat", "--no-open", "--port", server.port),
            cwd=server.folder,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 2
        assert done.stdout == ""
        assert f"--port {server.port} is in use" in done.stderr
        assert done.stderr.count("\n") == 1

    @pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.7", "::", "example.org", ""])
    def test_another_host_needs_logins(self, host):
        with pytest.raises(ConfigError, match="--auth-file"):
            serve(Settings(), host=host, port=0, open_browser=False)

    def test_no_seeds_is_one_line(self, tmp_path):
        done = subprocess.run(
            command("chat", "--no-open", "--port", 0),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 1
        assert "seeds" in done.stderr
        assert "Traceback" not in done.stderr
        assert done.stderr.count("\n") == 1

    def test_examples_of_a_file(self, tmp_path):
        file = tmp_path / "examples.txt"
        file.write_text("# for the chat\n\n  Who pays?  \nWhen?\n", encoding="utf-8")
        assert examples(None, file) == ("Who pays?", "When?")


# --- HTML -----------------------------------------------------------------------------------------

TEXTS = st.text(
    st.one_of(st.characters(codec="utf-8"), st.sampled_from("<>&\"'\n\r \u202e`${}")), max_size=300
)


@given(TEXTS, st.data())
def test_the_source_shows_the_text_and_nothing_else(text, data):
    def spans(most):
        edges = data.draw(
            st.lists(st.integers(0, len(text)), min_size=2, max_size=most, unique=True).map(sorted)
        )
        return list(zip(edges[::2], edges[1::2], strict=False))

    text += ".."
    quotes = [
        Quote("a.txt", start, end, text[start:end], "A", None, None, 1.0) for start, end in spans(6)
    ]
    headings = tuple(Heading(start, end, 1) for start, end in spans(4))
    pages = tuple(start for start, _ in spans(4))
    document = Document("1", "a.txt", "A", text, pages, headings)
    index = data.draw(st.integers(1, len(quotes)))

    shown = render.html_source(1, index, quotes, document, nearest=False)

    inside = re.search(r'<div class="text"[^>]*>(.*)</div></article>$', shown, re.DOTALL)[1]
    assert html.unescape(re.sub(r"<[^>]*>", "", inside)) == text
    lit = re.search(r'<mark id="lit">(.*?)</mark>', inside, re.DOTALL)[1]
    assert html.unescape(re.sub(r"<[^>]*>", "", lit)) == quotes[index - 1].text

    whole = render.html_whole(document)
    inside = re.search(r'<div class="text"[^>]*>(.*)</div></article>$', whole, re.DOTALL)[1]
    assert html.unescape(re.sub(r"<[^>]*>", "", inside)) == text
    assert "<mark" not in whole


@given(TEXTS)
def test_names_and_examples_are_text(text):
    for made in (render.html_name(text), render.html_welcome([text]), render.html_notice(text)):
        inside = re.sub(
            r'</?(?:bdi|p|h2|ul|li|div|button)(?: (?:class|type|dir|data-ask)="[^"<>]*")*>',
            "",
            made,
        )
        assert "<" not in inside
        assert ">" not in inside
    assert not re.search("[\u202a-\u202e\u2066-\u2069\n\r]", render.html_name(text))


def test_only_part_of_a_long_document_is_shown():
    text = "one line\n" * 10_000
    quote = Quote("a.txt", 45_000, 45_008, text[45_000:45_008], "A", 2, None, 1.0)
    document = Document("1", "a.txt", "A", text, (0, 45_000), ())
    shown = render.html_source(1, 1, [quote], document, nearest=False)
    assert len(shown) < 3 * render.CONTEXT_CHARS
    left_out = [int(n.replace(",", "")) for n in re.findall(r"([\d,]+) \w+ characters not", shown)]
    inside = re.search(r"not shown</p>(.*?)<p class=\"left-out\"", shown, re.DOTALL)[1]
    assert sum(left_out) + len(re.sub(r"<[^>]*>", "", inside)) == len(text)
    assert 'data-page="Page 2"' in shown
    whole = render.html_whole(document)
    assert whole.count("one line") < len(text) / 9
    assert re.search(r"<p class=\"left-out\">[\d,]+ further characters not shown</p></div>", whole)


def test_a_document_of_some_pages_is_shown_whole():
    text = "one line\n" * 4_000
    quote = Quote("a.txt", 18_000, 18_008, text[18_000:18_008], "A", 1, None, 1.0)
    document = Document("1", "a.txt", "A", text, (0,), ())
    shown = render.html_source(1, 1, [quote], document, nearest=False)
    assert "not shown" not in shown
    assert shown.count("one line") == 4_000


@pytest.mark.parametrize(
    ("confidence", "words"),
    [(1.0, "very likely"), (0.93, "likely"), (0.5, "possibly"), (0.3, "unlikely"), (0, "very unl")],
)
def test_confidence_in_words(confidence, words):
    assert render.confidence_words(confidence).startswith(f"{words}")
    assert render.confidence_words(confidence).endswith(f"({confidence:.2f})")
