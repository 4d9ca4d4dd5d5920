"""Hostile documents in the chat: whatever they hold is text, in every part of the page."""

import io
import re
import shutil

import docx
import pytest
from playwright.sync_api import expect

from tests import test_web
from tests.test_documents import lines, pdf
from tests.test_web import WAIT_MS, Server, ask, opened

browser, context = test_web.browser, test_web.context

# Each runs, loads or links something where it is not text. `alert` opens a dialog, and whatever
# names example.org would leave the machine; both fail the test.
PAYLOADS = {
    "script": "<script>alert('s')</script>",
    "handler": "<img src=x onerror=\"alert('h')\">",
    "svg": "<svg onload=alert('v')><animate onbegin=alert('v2') attributeName=x dur=1s></svg>",
    "details": "<details open ontoggle=alert('d')>x</details>",
    "attribute": "\" autofocus onfocus=\"alert('a')\" x=\"",
    "apostrophe": "' onmouseover='alert(1)' '",
    "link": "<a href=\"javascript:alert('l')\">here</a>",
    "markdown-link": "[here](javascript:alert('m')) and [there](http://example.org/m)",
    "markdown-image": "![here](http://example.org/i.png)",
    "bare-address": "http://example.org/bare and javascript:alert('b')",
    "remote-image": '<img src="http://example.org/r.png" srcset="http://example.org/r2.png 2x">',
    "frame": '<iframe src="http://example.org/f" srcdoc="<script>alert(1)</script>"></iframe>',
    "object": '<object data="http://example.org/o"></object><embed src="http://example.org/e">',
    "style": "</style><style>#chat{display:none}@import 'http://example.org/s.css';</style>",
    "inline-style": "<p style=\"position:fixed;inset:0;background:url(http://example.org/b)\">",
    "refresh": '<meta http-equiv="refresh" content="0;url=http://example.org/">',
    "base": '<base href="http://example.org/"><link rel=stylesheet href="http://example.org/c">',
    "form": "<form action=http://example.org/><button formaction=http://example.org/>ok</button>",
    "out-of-it": "</blockquote></bdi></div></li></ol></template></textarea></title>--><b>",
    "braces": "{{constructor.constructor('alert(1)')()}} {{ 7*7 }} {% raw %}",
    "template": "${alert('t')} ${value} `${alert('t2')}` #{7*7} <%= 7*7 %>",
    "svelte": "{@html '<img src=x onerror=alert(1)>'} {#if true}{/if}",
    "formula": "$$\\href{javascript:alert('k')}{k}$$ \\(\\includegraphics{http://example.org/k}\\)",
    "entities": "&lt;script&gt;alert(1)&lt;/script&gt; &#60;img src=x onerror=alert(1)&#62;",
    "right-to-left": "\u202egnp.exe \u2066hidden\u2069 \u200f",
    "nothing": "a\x0c\u2028b \u200b\ufeff\u2060 \U000e0041 z\u0335\u0336\u0337\u0338",
    "mark": "</mark><mark id=lit>not the quote</mark>",
    "data": "<a href=\"data:text/html,<script>alert(1)</script>\" data-do=clear data-ask=x>x</a>",
}  # fmt: skip
ANIMALS = (
    "otters badgers herons lizards magpies hedgehogs squirrels tortoises beavers moles weasels "
    "ravens cranes newts ferrets lynxes puffins walruses gazelles ibexes meerkats ocelots pelicans "
    "quails raccoons salamanders tapirs vultures"
).split()
SPEAKING = dict(zip(PAYLOADS, ANIMALS, strict=True))
PLACES = "harbour orchard meadow quarry".split()


# Titles that stand in a file's properties, not in its text.
TITLES = {
    "cormorants.pdf": "<script>alert('p')</script> <b>Cormorants</b>",
    "wombats.pdf": "<img src=x onerror=\"alert('i')\"> Wombats",
    "ostriches.pdf": "Ostriches \u202egnp.exe \u2066x\u2069",
    "chamois.docx": "<script>alert('w')</script><b>Chamois</b>",
    "jackals.docx": '" onfocus="alert(\'j\')" autofocus <svg onload=alert(1)> Jackals',
    "gulls.docx": "Gulls \u202egnp.exe \u2066x\u2069",
}


def titled(name, title):
    """A PDF or Word file with that title."""
    text = f"The {name.partition('.')[0]} on the roof eat cherries at noon."
    if name.endswith(".pdf"):
        octal = "".join(f"\\{byte:03o}" for byte in b"\xfe\xff" + title.encode("utf-16-be"))
        return pdf(lines(text), title=octal)
    file, out = docx.Document(), io.BytesIO()
    file.core_properties.title = title
    file.add_paragraph(text)
    file.save(out)
    return out.getvalue()


def document(kind, animal, place):
    payload = PAYLOADS[kind]
    return (
        f"# {payload} About {animal}\n\n"
        f"The {animal} in the {place} eat {payload} pears at night.\n\n"
        f"## {payload}\n\n{payload}\n\n> {payload}\n\n* {payload}\n\n    {payload}\n"
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory, exported_encoder):
    folder = tmp_path_factory.mktemp("hostile")
    shutil.copytree(exported_encoder, folder / "index" / "encoder")
    seeds = folder / "seeds"
    seeds.mkdir()
    for number, (kind, animal) in enumerate(SPEAKING.items()):
        payload = PAYLOADS[kind].replace("/", "")
        name = f"{payload[:90]} {animal}.{('md', 'txt')[number % 2]}"
        text = document(kind, animal, PLACES[number % 4])
        (seeds / name).write_text(text, encoding="utf-8", errors="surrogatepass")
    (seeds / "<svg onload=alert(1)> swans.html").write_text(
        "<html><head><title>&lt;img src=x onerror=alert('title')&gt; Swans</title>"
        "<script>alert(1)</script><base href='http://example.org/'></head>"
        "<body onload=alert(1)><h1>&lt;script&gt;alert('h1')&lt;/script&gt; Swans</h1>"
        "<p>The swans in the harbour eat &lt;img src=x onerror=alert('p')&gt; "
        "<a href='javascript:alert(2)'>plums</a> <img src='http://example.org/x.png'> at night.</p>"
        "<iframe src='http://example.org/'></iframe></body></html>"
    )
    for name, title in TITLES.items():
        (seeds / name).write_bytes(titled(name, title))
    # Not text, so that its name is told on the terminal, which must not obey it.
    (seeds / "\x1b[2J\x1b]0;taken over\x07 eels.md").write_bytes(b"\0\1\2")
    server = Server(folder)
    yield server
    said = server.interrupt()
    assert "eels.md" in said
    assert "\x1b" not in said
    assert "Traceback" not in said
    assert not server.outside.exists(), server.outside.read_text()


SUSPICIOUS = """() => {
  const own = location.origin, found = [];
  for (const node of document.querySelectorAll("*")) {
    for (const {name, value} of node.attributes) {
      if (/^on/i.test(name)) found.push(`${node.tagName} ${name}`);
      if (/^(href|src|srcset|action|formaction|data|poster|srcdoc|xlink:href)$/i.test(name)) {
        let at = null;
        try { at = new URL(value, document.baseURI); } catch { }
        if (at === null || (at.origin !== own && !/^data:image/.test(value)))
          found.push(`${node.tagName} ${name}=${value}`);
      }
    }
    if (/^(iframe|object|embed|math)$/i.test(node.tagName)) found.push(node.tagName);
    if (node.matches("meta[http-equiv=refresh]")) found.push("refresh");
  }
  if (document.querySelectorAll("base").length > 1) found.push("base");  // one is Gradio's
  if (new URL(document.baseURI).origin !== own) found.push("base " + document.baseURI);
  const icons = "#conversation .actions > button.action > svg, #library button > svg";
  for (const part of ["#conversation", "#source", "#status", "#welcome", "#bar", "#library",
                      "#thumb", "#reply", "#restored"])
    for (const node of document.querySelectorAll(
        ["script", "style", "img", "form", "a", "link", "meta", "svg", "details", "b", ".katex"]
          .map((tag) => `${part} ${tag}`).join()))
      if (!node.matches(icons) || node.querySelector(":not(path, rect)"))
        found.push(`${part}: ${node.outerHTML.slice(0, 100)}`);
  if (document.querySelectorAll("#lit").length > 1) found.push("two lit quotes");
  return found;
}"""


def check(page):
    assert page.evaluate(SUSPICIOUS) == []
    expect(page).to_have_title("askseeds")
    for part in ("#chat", "#composer", "#top"):
        expect(page.locator(part)).to_be_visible()


@pytest.mark.browser
def test_the_check_finds_what_it_looks_for(browser, server):
    """A check that cannot fail would say nothing."""
    context = browser.new_context()
    page = opened(context, server)
    for html in (
        "<a href=https://example.org/>x</a>", "<img src=/x>", "<b>x</b>", "<p onclick=x>y</p>",
        "<a href=javascript:x>x</a>", "<iframe></iframe>", "<style>p{}</style>",
        "<script></script>",
    ):  # fmt: skip
        assert page.evaluate(SUSPICIOUS) == []
        page.evaluate(
            "html => { const made = document.createElement('p'); made.id = 'made';"
            "made.innerHTML = html; document.getElementById('conversation').append(made); }",
            html,
        )
        assert page.evaluate(SUSPICIOUS) != [], html
        page.evaluate("document.getElementById('made').remove()")
    context.close()


@pytest.mark.browser
@pytest.mark.slow
def test_a_whole_conversation_over_hostile_documents(context, server):
    page = opened(context, server)
    expect(page.locator(".example").first).to_be_visible(timeout=60_000)
    check(page)
    shown = set()
    questions = [
        f"What do {animal} in the {PLACES[n % 4]} eat at night?" for n, animal in enumerate(ANIMALS)
    ]
    # Of newts nothing is quoted for their question: another document has a sentence more like it.
    questions += ["About newts", "What do the swans in the harbour eat at night?"]
    for question in questions:
        # In conversations of seven, so that follow-ups and histories are among them.
        if page.locator(".exchange").count() == 7:
            page.get_by_role("button", name="New", exact=True).click()
            expect(page.locator(".exchange")).to_have_count(0)
        exchange = ask(page, question)
        quotes = exchange.locator(".quote")
        for index in range(quotes.count()):
            quote = quotes.nth(index)
            quote.locator(".marker").click()
            text = quote.locator("blockquote").text_content()
            expect(page.locator("#lit")).to_have_text(text, use_inner_text=False)
            shown.add(quote.get_attribute("data-source"))
        check(page)
    # The names of all documents, and of all conversations.
    expect(page.locator(".document")).to_have_count(len(ANIMALS) + len(TITLES) + 2)
    page.get_by_role("button", name="Conversations:").click()
    expect(page.locator("#list .row")).to_have_count(5)
    check(page)
    page.reload()
    expect(page.locator(".verdict")).to_have_count(2)  # 30 questions, seven in each before
    check(page)
    missing = [animal for animal in [*ANIMALS, "swans"] if not any(animal in s for s in shown)]
    assert missing == []


@pytest.mark.browser
def test_a_title_in_the_properties_of_a_file_is_text(context, server):
    page = opened(context, server)
    for name, title in TITLES.items():
        exchange = ask(page, f"What do the {name.partition('.')[0]} on the roof eat at noon?")
        expect(exchange.locator(".quote .file").first).to_have_text(name)
        shown = page.locator(".lit-source .title")
        # A title must not be able to look like another one.
        escaped = re.sub("[\u202a-\u202e\u2066-\u2069]", lambda m: f"\\u{ord(m[0]):04x}", title)
        expect(shown).to_have_text(escaped)
        check(page)
        page.locator(".document").get_by_role("button", name=name, exact=True).click()
        expect(page.locator(".lit-source .place").last).to_contain_text("characters")
        expect(shown).to_have_text(escaped)
        check(page)


@pytest.mark.browser
def test_a_hostile_question_is_text(context, server):
    page = opened(context, server)
    for kind in ("handler", "style", "markdown-link", "braces", "template", "out-of-it"):
        exchange = ask(page, f"Otters {PAYLOADS[kind]}?")
        expect(exchange.locator(".question")).to_contain_text(PAYLOADS[kind])
        check(page)
        # It names a conversation, too, and comes back from what the browser keeps.
        page.get_by_role("button", name="Conversations:").click()
        expect(page.locator("#list .row .name").first).to_contain_text(PAYLOADS[kind])
        check(page)
        page.reload()
        expect(page.locator(".question")).to_contain_text(PAYLOADS[kind])
        expect(page.locator(".verdict")).to_be_visible()
        check(page)
        page.get_by_role("button", name="New", exact=True).click()


@pytest.mark.browser
def test_a_name_cannot_look_like_another_one(context, server):
    page = opened(context, server)
    exchange = ask(page, f"What do {SPEAKING['right-to-left']} in the orchard eat at night?")
    expect(exchange.locator(".verdict")).to_be_visible(timeout=WAIT_MS)
    names = " ".join(exchange.locator(".file").all_text_contents())
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", names)
