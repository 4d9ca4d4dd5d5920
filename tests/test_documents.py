import codecs
import hashlib
import io
import os
import struct
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor

import docx
import pytest
from docx.oxml import OxmlElement
from hypothesis import given, settings
from hypothesis import strategies as st

from askseeds import documents
from askseeds.documents import word
from askseeds.documents.pdf import _PDFIUM
from askseeds.errors import DocumentError
from askseeds.types import Document

MEGABYTE = 1_000_000


def headings(document: Document) -> list[tuple[int, str]]:
    return [(h.level, document.text[h.start : h.end]) for h in document.headings]


def reason(content: bytes, source: str) -> str:
    with pytest.raises(DocumentError) as caught:
        documents.parse(content, source)
    message = str(caught.value)
    assert "\n" not in message
    assert source not in message  # the caller names the file
    return message


def outcome(content: bytes, source: str) -> Document | str:
    """The document, or the reason why there is none; any other error fails the test."""
    try:
        return documents.parse(content, source)
    except DocumentError as error:
        return str(error)


# --- Files ----------------------------------------------------------------------------------------


def test_importing_it_loads_no_format_library():
    code = "import sys, askseeds.documents; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"lxml", "docx", "pypdfium2", "inscriptis"} & set(loaded)


def test_the_id_follows_the_source_and_the_bytes(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"Some words.")
    document = documents.read(path, source="in/a.txt", max_bytes=MEGABYTE)
    assert document.id == hashlib.sha256(b"in/a.txt\0Some words.").hexdigest()[:16]
    assert document.source == "in/a.txt"
    assert document == documents.parse(path.read_bytes(), "in/a.txt")
    assert document.id != documents.parse(b"Some words.", "b.txt").id
    assert document.id != documents.parse(b"Some words!", "in/a.txt").id


def test_suffixes_are_read_in_any_case():
    assert documents.parse(b"Words.", "A.TXT").text == "Words."
    assert all(suffix == suffix.lower() for suffix in documents.SUFFIXES)


def test_an_unknown_suffix_is_refused_before_the_file_is_touched(tmp_path):
    with pytest.raises(DocumentError, match=r"^its type \.xyz is not supported; supported: \.docx"):
        documents.read(tmp_path / "missing.xyz", source="missing.xyz", max_bytes=1)
    assert reason(b"x", "Makefile").startswith("a file without a type is not supported")


def test_too_large_missing_and_irregular_files(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * 11)
    assert documents.read_file(path, max_bytes=11) == b"x" * 11
    with pytest.raises(DocumentError, match=r"larger than max_file_mb \(1e-05 MB\)"):
        documents.read_file(path, max_bytes=10)
    with pytest.raises(DocumentError, match="cannot be read: no such file"):
        documents.read_file(tmp_path / "b.txt", max_bytes=10)
    os.mkfifo(tmp_path / "pipe.txt")
    for name in ("pipe.txt", "."):
        with pytest.raises(DocumentError, match="is not a regular file"):
            documents.read_file(tmp_path / name, max_bytes=10)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(DocumentError, match="cannot be read: permission denied"):
        documents.read_file(path, max_bytes=10)


def test_a_source_whose_name_is_not_unicode():
    source = os.fsdecode(b"caf\xe9_menu.txt")
    assert documents.parse(b"Words.", source).title == "caf? menu"


# --- Plain text -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"plain",
        codecs.BOM_UTF8 + b"after the mark\n",
        codecs.BOM_UTF8 * 2 + b"two marks",
        b"a\r\nb\r\n\r\nc",
        b"a\rb\rc",
        b"a\n\r\nb\r\rc\n",
        "İstanbul 🇺🇸 ﬁ e\u0301\u2028x\x85y".encode(),
        b"page one\x0cpage two\x1b[0m",
    ],
)
@pytest.mark.parametrize("name", ["a.txt", "a.md"])
def test_plain_text_is_the_decoded_file(content, name, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    document = documents.read(path, source=name, max_bytes=MEGABYTE)
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert document.text == file.read()
    assert document.page_starts == ()


PIECES = st.lists(
    st.one_of(
        st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=60),
        st.sampled_from(
            [
                *["\n", "\r\n", "\r", "\n\n", "# ", "```\n", "---", "===", "= A =", "Title", "1. "],
                "Several plain words make a sentence, which then ends here. And then some more.\n",
            ]
        ),
    ),
    max_size=20,
).map("".join)


@settings(deadline=None)
@given(PIECES, st.sampled_from(["a.txt", "a.md", "0.txt"]), st.booleans())
def test_any_text_survives_and_its_headings_lie_inside(text, source, mark):
    content = (codecs.BOM_UTF8 if mark else b"") + text.encode()
    if not content.decode("utf-8-sig").strip():
        assert reason(content, source) in ("is empty", "has no text")
        return
    document = documents.parse(content, source)
    assert document.text == content.decode("utf-8-sig")
    assert document.title.strip() == document.title != ""
    end = 0
    for heading in document.headings:
        words = document.text[heading.start : heading.end]
        assert end <= heading.start < heading.end <= len(document.text)
        assert words == words.strip()
        assert not set(words) & set("\r\n")
        assert 1 <= heading.level <= 6
        end = heading.end


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (codecs.BOM_UTF8, "has no text"),
        (b" \n\t\r\n", "has no text"),
        (b"abc\xffdef", "is not UTF-8: byte 0xff at offset 3; save it as UTF-8"),
        (codecs.BOM_UTF8 + b"ab\xe9", "is not UTF-8: byte 0xe9 at offset 5; save it as UTF-8"),
        ("é".encode() * 9 + b"\xc3", "is not UTF-8: byte 0xc3 at offset 18; save it as UTF-8"),
        (b"\xed\xa0\x80", "is not UTF-8: byte 0xed at offset 0; save it as UTF-8"),
        ("text".encode("utf-16"), "is UTF-16, not UTF-8; save it as UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "is a binary file, not text"),
        (bytes(range(1, 9)) * 9, "is a binary file, not text"),
    ],
)
@pytest.mark.parametrize("source", ["file.txt", "file.md"])
def test_what_is_not_text_is_refused_with_the_reason(content, message, source):
    assert reason(content, source) == message


ARTICLE = """\
Harbour towns keep their old names
The council met on Tuesday and decided, after four hours of talk, that nothing would be renamed.
“Nothing at all,” said the mayor, who had wanted to rename the harbour itself last year.
Two ways forward
The council painted two possible pictures:
1. 🇳🇴 🥇 The north keeps its 6- to 9-month head start
In the first picture the northern towns agree among themselves and print the signs before winter.
2. 🇸🇪 ⚖️ The south catches up
If the southern towns see it as a race, the printers are going to have a very good year indeed.
What the printers say
Printers have a long tradition of saying very little, and they said very little this time as well.
"""


def test_headings_of_plain_text_and_a_title_for_a_machine_made_name():
    document = documents.parse(ARTICLE.encode(), "000_0a94dbc707a55d23.txt")
    assert document.title == "Harbour towns keep their old names"
    assert headings(document) == [
        (1, "Harbour towns keep their old names"),
        (1, "Two ways forward"),
        (2, "1. 🇳🇴 🥇 The north keeps its 6- to 9-month head start"),
        (2, "2. 🇸🇪 ⚖️ The south catches up"),
        (1, "What the printers say"),
    ]


def test_headings_that_marks_or_wrapped_paragraphs_make_plain():
    prose = (
        "The way was long and the wind was cold,\nand nobody had thought of bringing any bread.\n"
    )
    document = documents.parse(f"Chapter One\n\n{prose}\n == Part == \n{prose}".encode(), "a.txt")
    assert headings(document) == [(1, "Chapter One"), (2, "Part")]


PROSE = "The 22nd clashes with the school's summer concert, to which most of us are going.\n\n"
LONG = "incomprehensibilities " * 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            f"3. What is covered\n\n{PROSE}Wrapped text that goes on into the next line with\n"
            f"4. Four of them\n\n4. Not {LONG}\n\n4. What is not covered\n\n"
            "(a) scratches;\n(b) frost.\n\n5. Technical data\n\n  Weight   13 kg\n\n"
            f"6. not a heading\n\n7. Complaints\n\n{PROSE}",
            [
                (1, "3. What is covered"),
                (1, "4. What is not covered"),
                (1, "5. Technical data"),
                (1, "7. Complaints"),
            ],
            id="over a list and a table",
        ),
        pytest.param(
            f"3 CARE\n{PROSE}4 ERROR CODES\n  E1   Door open\n\n5 SERVICE\n{PROSE}",
            [(1, "3 CARE"), (1, "4 ERROR CODES"), (1, "5 SERVICE")],
            id="numbered without a dot",
        ),
        pytest.param(
            f"1. Dough\n\n{PROSE}You need:\n\n1. Flour\n\n2. Water\n\n2. Filling\n\n- apples\n\n"
            f"3. Baking\n\n{PROSE}",
            [(1, "1. Dough"), (1, "3. Baking")],
            id="an item has the missing number, too",
        ),
        pytest.param(
            f"1. Alone\n\n{PROSE}A topic\n\n{PROSE}2. Milk\n\n3. Within the topic\n\n{PROSE}",
            [(1, "1. Alone"), (1, "A topic"), (2, "3. Within the topic")],
            id="the next number is of another row",
        ),
        pytest.param(
            "Exclusions\n\nYou are not covered for:\n\n a) wear and tear\n b) theft\n\n"
            "Name\n\nHere:\n\n- a\n\nSeen\n\nPlease sign in this place:\n\nIn ink\n",
            [(1, "Exclusions")],
            id="over what leads in a list",
        ),
        pytest.param(
            "Q: Do you run Python?\nA: No.\n\nQ2. And Ruby?\n\nA2. On Business.\n\nQ: Open?\nAsk.",
            [(1, "Q: Do you run Python?"), (1, "Q2. And Ruby?")],
            id="a question over its answer",
        ),
        pytest.param(
            "From: Gideon Marsh\nTo: All\nDate: 8 May, 07:52\nSubject: Street party?\n\n"
            f"{PROSE}Gideon\n\nSubject: Re: Street party?\nFrom: Petra <petra@lane.example>\n\n"
            f"{PROSE}From: nobody\n\nSubject: of no mail\n\n{PROSE}",
            [
                (1, "From: Gideon Marsh"),
                (2, "Subject: Street party?"),
                (1, "Subject: Re: Street party?"),
                (2, "From: Petra <petra@lane.example>"),
            ],
            id="who writes a mail, and about what",
        ),
        pytest.param(
            f"Before\n\n{PROSE}From: Petra Lang\nDate: Monday, 9 a.m.\nMessage-ID: 1\n"
            f"Subject: New opening hours\n\n{PROSE}Parking\n\n{PROSE}"
            "From: Main Street\nTo: High Street\n",
            [
                (1, "Before"),
                (1, "From: Petra Lang"),
                (2, "Subject: New opening hours"),
                (3, "Parking"),
            ],
            id="a heading in a mail, and no line twice",
        ),
        pytest.param(
            "Saving your work\n\nTo keep a picture, choose File > Save as and give it a name. It "
            f"asks before it overwrites.\n\n10:30 Opening remarks\n\n{PROSE}"
            f"Minutes of the board\n\nDate: 3 May. Present were all who had come. {PROSE}",
            [(1, "Saving your work"), (1, "10:30 Opening remarks"), (1, "Minutes of the board")],
            id="what only looks like a mail or a chat",
        ),
    ],
)
def test_headings_of_everyday_texts(text, expected):
    assert headings(documents.parse(text.encode(), "a.txt")) == expected


@pytest.mark.parametrize(
    "below",
    [
        f"------------\nGood point. {PROSE}",
        f"To: Petra\nDate: Monday. In the morning\n\n{PROSE}",
        f"On Monday, Petra wrote:\n\n> From: Petra\n> {PROSE}",
        f"> Good point. {PROSE}",
    ],
)
def test_who_signs_a_letter_is_no_heading_of_the_next(below):
    text = f"{PROSE}Gideon (no. 3)\n\n{below}"
    assert headings(documents.parse(text.encode(), "a.txt")) == []


def test_turns_of_a_chat_are_no_headings():
    text = f"{PROSE}08:14 Wen: so what do I do with it\n[16/05/2024, 8:16:38] Otto: 🙏\n{PROSE}"
    assert headings(documents.parse(text.encode(), "a.txt")) == []


@pytest.mark.parametrize(
    "text",
    [
        "Name,Age,Town\nAlice Smith,34,Leeds\nBob Brown with a long name,35,Manchester. Yes.\n",
        "Tyger burning bright\nIn the forests of the night\nWhat immortal hand or eye\n",
        "Milk\nBread\nTwelve eggs from the farm shop by the river\nButter\n",
        # Wrapped text: the short last line of a paragraph, a name at the start of a line.
        "The letter was written by a man who lived in\nNew York\nAnd it took the better part of a "
        "whole year to arrive, since nobody knew the way.\n",
        "He came.\nShe said so.\nNo one who was there that evening believed a word of it.\n",
    ],
)
def test_no_headings_in_tables_poems_lists_and_wrapped_text(text):
    assert headings(documents.parse(text.encode(), "a.txt")) == []


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("Kingdom_of_England.txt", "Kingdom of England"),
        ("in/All-way_stop.txt", "All-way stop"),
        ("state-of-the-union.txt", "state of the union"),
        ("416_Fire.txt", "416 Fire"),
        ("000_0a94dbc707a55d23.txt", "A first line"),
        ("550e8400-e29b-41d4-a716-446655440000.txt", "A first line"),
    ],
)
def test_titles_of_plain_text(source, title):
    assert documents.parse(b"A first line\nand more.", source).title == title


def test_a_first_line_that_is_a_sentence_is_no_title():
    assert documents.parse(b"It rained.\nAll day.", "0001.txt").title == "0001"
    assert documents.parse(b"Only one line", "0001.txt").title == "0001"


# --- Markdown -------------------------------------------------------------------------------------


def test_markdown_headings_outside_code():
    text = (
        "---\ntags: [a]\n# not a heading\n---\r\nIntro\n\n# The *first* [one](http://x) ##\n\n"
        "```sh\n# a comment\n~~~\n```\n   ## Indented a little ##\r\n    # code\n\t# code\n#none\n"
        "#\n~~~~\n# code\n~~~\n# code\n~~~~\n\nUnder lined\n===\n\nSecond\r\n---\r\n\na\nb\n---\n\n"
        "- item\n---\n\n| a |\n---\n###### Six\n####### Seven\n"
    )
    document = documents.parse(text.encode(), "notes.md")
    assert document.text == text
    assert headings(document) == [
        (1, "The *first* [one](http://x)"),
        (2, "Indented a little"),
        (1, "Under lined"),
        (2, "Second"),
        (6, "Six"),
    ]
    assert document.title == "The first one"


def test_markdown_titles():
    front = b"---\ntitle: 'What: a title'\n---\n# Other\n"
    assert documents.parse(front, "a.md").title == "What: a title"
    assert documents.parse(b"## Second\n\ntext", "my_notes.markdown").title == "my notes"


# --- HTML -----------------------------------------------------------------------------------------


def html(body: str, source: str = "page.html") -> Document:
    return documents.parse(body.encode(), source)


def test_html_shows_what_a_browser_shows():
    document = html(
        "<!doctype html><html><head><title> A\n page </title><style>p{x}</style>"
        "<script>evil()</script></head><body><!-- note --><h1>  Main\n<em>point</em> </h1>"
        "<p>One&nbsp;two   three<br>four &amp;lt;b&amp;gt; <span hidden>no</span>five.</p>"
        "<noscript>no</noscript><template><p>no</p></template><p style='display: none'>no</p>"
        "<div>un<b>bro</b>ken <?php no ?>tail</div>"
        "<ul><li><h3>In a list</h3></li><li></li><li><p>last</p></li></ul>"
        "<pre>\n  kept  as\n it is</pre>end</body></html>"
    )
    assert document.text == (
        "Main point\n\nOne two three\nfour &lt;b&gt; five.\n\nunbroken tail\n\n"
        "• In a list\n\n• last\n\n  kept  as\n it is\n\nend"
    )
    assert document.title == "A page"
    assert headings(document) == [(1, "Main point"), (3, "In a list")]


def test_html_tables_give_a_line_a_row_unless_they_lay_out_the_page():
    figures = html(
        "<table><tr><th>Town<th><div>Souls</div><tr><td>Oslo<td><p>709,000</p>"
        "<tr><td>Bergen<br>(city)<td></table><p>After</p>"
    )
    assert figures.text == "Town | Souls\nOslo | 709,000\nBergen (city)\n\nAfter"
    columns = html("<table><tr><td><h2>One</h2><p>First. Second.<td><p>Third.<p>Fourth.</table>")
    assert columns.text == "One\n\nFirst. Second.\n\nThird.\n\nFourth."
    assert headings(columns) == [(2, "One")]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("<p>日本語".encode(), "日本語"),
        (codecs.BOM_UTF8 + '<meta charset="latin-1"><p>é'.encode(), "é"),
        ('<meta charset="Shift_JIS"><p>日本語'.encode("shift_jis"), "日本語"),
        (
            '<meta http-equiv="Content-Type" content="text/html; charset=koi8-r"><p>да'.encode(
                "koi8-r"
            ),
            "да",
        ),
        ("<meta charset='iso-8859-1'><p>“é”".encode("cp1252"), "“é”"),
        ("<p>“é”".encode("cp1252"), "“é”"),
        ("<p>日本語".encode("utf-16"), "日本語"),
        ('<?xml version="1.0" encoding="koi8-r"?><p>да</p>'.encode("koi8-r"), "да"),
        ("<meta charset='none-such'><p>é".encode(), "é"),
        (b"<meta charset='unicode_escape'><p>a\\ud800b", "a?b"),
        (b"<meta charset='zlib'><p>a", "a"),
    ],
)
def test_html_charsets(content, text):
    assert documents.parse(content, "a.htm").text == text


def test_xhtml_whose_elements_close_themselves():
    page = (
        '<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml"><head><title/>'
        '<script src="x"/></head><body><h1 id="a">Head</h1><p>Body<br/>text</p></body></html>'
    )
    document = html(page, "a.xhtml")
    assert (document.text, document.title) == ("Head\n\nBody\ntext", "Head")


def test_html_control_characters_become_spaces():
    assert html("<h1>a\0b\x01c&#1;d&#xD800;</h1><p>x\x85y").text.startswith("a b c")
    assert not set(html("<p>a\0b\x01c&#1;d\x7f\x85e\x0cf").text) & set("\0\x01\x7f\x85\x0c")


@pytest.mark.parametrize(
    "page", [" ", "<!-- -->", "<html></html>", "<script>a</script>", "<p>&nbsp;"]
)
def test_html_without_text(page):
    assert reason(page.encode(), "a.html") == "has no text"


def test_html_nesting():
    assert html("<div>" * 1500 + "<h1>x</h1>deep").text == "x\n\ndeep"
    assert "nested too deeply" in reason(("<b>" * 100_000 + "deep").encode(), "a.html")


TAGS = ["p", "h1", "h2", "div", "b", "li", "ul", "table", "tr", "td", "br", "pre", "title", "span"]


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from([f"<{tag}>" for tag in TAGS] + [f"</{tag}>" for tag in TAGS]),
            st.text(alphabet=st.characters(codec="utf-8"), max_size=8),
            st.sampled_from(["word ", " \n ", "&amp;", "<!--", "-->", "<?", "]]>", "<![CDATA["]),
        ),
        max_size=30,
    ).map("".join)
)
def test_any_html_gives_clean_text_or_a_reason(page):
    document = outcome(page.encode(), "a.html")
    if isinstance(document, str):
        assert document in ("is empty", "has no text")
        return
    assert document.text.strip()
    end = 0
    for heading in document.headings:
        words = document.text[heading.start : heading.end]
        assert end <= heading.start < heading.end <= len(document.text)
        assert words == words.strip()
        end = heading.end


# --- PDF ------------------------------------------------------------------------------------------

Placed = tuple[float, float, float, str]
"""A line of a PDF: x, y and font size in points, and the text."""


def pdf(*pages: list[Placed], title: str = "", encrypt: str | None = None) -> bytes:
    """Writes a PDF in Helvetica; the bytes 1 and 2 are the ligatures fi and fl."""
    count = len(pages)
    kids = " ".join(f"{4 + 2 * at} 0 R" for at in range(count))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding << /Type /Encoding"
        b" /BaseEncoding /WinAnsiEncoding /Differences [1 /fi /fl] >> >>",
    ]
    for at, page in enumerate(pages):
        stream = b""
        for x, y, size, text in page:
            shown = text.replace("ﬁ", "\x01").replace("ﬂ", "\x02").encode("cp1252")
            shown = shown.replace(b"\\", rb"\\").replace(b"(", rb"\(").replace(b")", rb"\)")
            stream += b"BT /F %g Tf %g %g Td (%s) Tj ET\n" % (size, x, y, shown)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * at} 0 R"
            " /Resources << /Font << /F 3 0 R >> >> >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    trailer = f"/Root 1 0 R /Size {len(objects) + 3}"
    objects.append(f"<< /Title ({title}) >>".encode())
    trailer += f" /Info {len(objects)} 0 R"
    if encrypt is not None:
        objects.append(_encryption(encrypt))
        trailer += f" /Encrypt {len(objects)} 0 R /ID [<00> <00>]"
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + b"xref\n0 %d\n0000000000 65535 f \n%strailer << %s >>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1,
        table,
        trailer.encode(),
        len(out),
    )


def _encryption(password: str) -> bytes:
    """The standard security handler of PDF 1.4, revision 2: RC4 with 40 bits."""
    filler = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")

    def rc4(key: bytes, data: bytes) -> bytes:
        box, j = list(range(256)), 0
        for i in range(256):
            j = (j + box[i] + key[i % len(key)]) % 256
            box[i], box[j] = box[j], box[i]
        out, i, j = bytearray(), 0, 0
        for byte in data:
            i = (i + 1) % 256
            j = (j + box[i]) % 256
            box[i], box[j] = box[j], box[i]
            out.append(byte ^ box[(box[i] + box[j]) % 256])
        return bytes(out)

    padded = (password.encode() + filler)[:32]
    owner = rc4(hashlib.md5(padded).digest()[:5], padded)
    key = hashlib.md5(padded + owner + struct.pack("<i", -4) + b"\0").digest()[:5]
    return b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>" % (
        owner.hex().encode(),
        rc4(key, filler).hex().encode(),
    )


def lines(*texts: str, top: float = 700, x: float = 72, size: float = 10) -> list[Placed]:
    return [(x, top - 1.2 * size * at, size, text) for at, text in enumerate(texts)]


WRAPPED = (
    "The harbour was built in the year 1880 by the men of the town, who had lit-",
    "tle else to do in winter. It is a well-known place, and a well-",
    "known ﬁsh is sold there. Two ﬂags ﬂy over the gate, and nobody has ever",
    "asked why.",
)


def test_pdf_wrapped_lines_become_sentences():
    document = documents.parse(
        pdf(
            [
                (72, 740, 16, "The Harbour"),
                *lines(*WRAPPED),
                *lines("A gap begins another.", top=640),
            ],
            title="Harbours of the North",
        ),
        "a.pdf",
    )
    assert document.text == (
        "The Harbour\n\nThe harbour was built in the year 1880 by the men of the town, who had "
        "little else to do in winter. It is a well-known place, and a well-known fish is sold "
        "there. Two flags fly over the gate, and nobody has ever asked why.\n\n"
        "A gap begins another."
    )
    assert headings(document) == [(1, "The Harbour")]
    assert document.title == "Harbours of the North"
    assert document.page_starts == (0,)


def test_pdf_lists_and_lines_ended_on_purpose():
    page = lines(
        "Bring the following things along when you come to see us in the summer:",
        "• a coat that keeps the rain out, for it rains here on most of the",
        "days of the year",
        "• some bread",
        "Harbour Street 1",
        "Oslo",
    )
    assert documents.parse(pdf(page), "a.pdf").text == (
        "Bring the following things along when you come to see us in the summer:\n"
        "• a coat that keeps the rain out, for it rains here on most of the days of the year\n"
        "• some bread\nHarbour Street 1\nOslo"
    )


def test_pdf_pages_and_a_sentence_that_runs_over_them():
    document = documents.parse(
        pdf(
            lines("It began on the first page and"), [], lines("went on here. Done."), lines("New.")
        ),
        "two_pages.pdf",
    )
    assert document.text == "It began on the first page and went on here. Done.\n\nNew."
    begins = document.page_starts
    assert [document.text[at:][:4] for at in begins] == ["It b", "went", "went", "New."]
    assert document.title == "two pages"


def test_pdf_running_heads_are_said_once_and_page_numbers_never():
    texts = ["Alpha", "Beta", "Gamma", "Delta"]
    pages = [
        [
            (72, 760, 10, "The Harbour Report"),
            *lines(f"{name} is the first line of this page.", f"And {name} is on its last."),
            (300, 30, 10, f"- {number} -"),
        ]
        for number, name in enumerate(texts, 7)
    ]
    text = documents.parse(pdf(*pages), "a.pdf").text
    assert text.count("The Harbour Report") == 1
    assert all(text.count(name) == 2 for name in texts)
    assert not set(text) & set("0123456789")


def test_pdf_pages_with_one_line_each_keep_it():
    pages = [lines(f"Slide {number}") for number in range(1, 6)]
    assert documents.parse(pdf(*pages), "a.pdf").text.split("\n\n") == [
        f"Slide {number}" for number in range(1, 6)
    ]


def test_pdf_columns_are_read_one_after_the_other():
    left = lines("The left column tells of a man", "who went out to sea and", x=72)
    right = lines("came back with the ﬁsh.", x=320)
    assert documents.parse(pdf([*left, *right]), "a.pdf").text == (
        "The left column tells of a man who went out to sea and came back with the fish."
    )


def test_pdfs_are_read_one_at_a_time():
    # PDFium is not safe for threads; races would show too rarely to test for.
    with ThreadPoolExecutor(1) as pool:
        with _PDFIUM:
            waiting = pool.submit(documents.parse, pdf(lines("Words.")), "a.pdf")
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.5)
        assert waiting.result(timeout=60).text == "Words."


def test_pdf_titles():
    page = [(72, 740, 16, "On Harbours"), *lines(*WRAPPED)]
    assert (
        documents.parse(pdf(page, title="Microsoft Word - x.doc"), "a.pdf").title == "On Harbours"
    )
    assert documents.parse(pdf(lines(*WRAPPED), title="x.indd"), "my_file.pdf").title == "my file"


def test_pdf_that_cannot_be_read():
    good = pdf(lines("Words enough."))
    assert reason(pdf(lines("x"), encrypt="pass"), "a.pdf").startswith("is an encrypted PDF; ")
    # An empty password stops nobody from reading.
    assert reason(pdf([]), "a.pdf") == "has no text (a scanned PDF?); run OCR on it first"
    assert reason(b"no pdf at all", "a.pdf").startswith("is not a PDF that can be read")
    assert reason(b"%PDF-1.4\n" + good[100:200], "a.pdf").startswith("is not a PDF")
    assert reason(b"\0" * 4096, "a.pdf").startswith("is not a PDF")


@settings(deadline=None)  # the machine may be busy
@given(st.data())
def test_damaged_pdf_gives_a_document_or_a_reason(data):
    content = bytearray(pdf(lines(*WRAPPED), lines("More."), title="A title"))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    document = outcome(bytes(content), "a.pdf")
    if not isinstance(document, str):
        assert len(document.page_starts) >= 1
        assert list(document.page_starts) == sorted(document.page_starts)
        assert document.page_starts[-1] <= len(document.text)


# --- Word -----------------------------------------------------------------------------------------


def saved(file: "docx.document.Document") -> bytes:
    buffer = io.BytesIO()
    file.save(buffer)
    return buffer.getvalue()


def test_word_paragraphs_tables_lists_and_headings_in_order():
    file = docx.Document()
    file.core_properties.title = ""
    file.add_heading("Report  on harbours", 0)
    file.add_heading("Figures", 1)
    file.add_paragraph("First\tparagraph.\nSame paragraph\n\u00a0.")
    table = file.add_table(3, 3)
    for at, text in enumerate(["Town", "Souls", "Note", "Oslo", "709", "big"]):
        table.cell(at // 3, at % 3).text = text
    table.cell(1, 0).merge(table.cell(2, 0))
    table.cell(2, 1).merge(table.cell(2, 2)).text = "wide"
    file.add_paragraph("one", style="List Bullet")
    file.add_paragraph("two", style="List Number 2")
    file.add_paragraph("")
    file.add_heading("More", 2)
    file.add_paragraph("The end.")
    document = documents.parse(saved(file), "a.docx")
    assert document.text == (
        "Report on harbours\n\nFigures\n\nFirst paragraph.\nSame paragraph\n.\n\n"
        "Town | Souls | Note\nOslo | 709 | big\nwide\n\n"
        "• one\n• two\n\nMore\n\nThe end."
    )
    assert headings(document) == [(1, "Report on harbours"), (1, "Figures"), (2, "More")]
    assert document.title == "Report on harbours"
    assert document.page_starts == ()


def test_word_table_whose_cells_hold_paragraphs():
    file = docx.Document()
    left, right = file.add_table(1, 2).rows[0].cells
    left.text, right.text = "A name", "On the right stands prose. " * 12
    right.add_paragraph("It goes on.")
    text = documents.parse(saved(file), "a.docx").text
    assert text.split("\n\n") == [
        "A name",
        ("On the right stands prose. " * 12).strip(),
        "It goes on.",
    ]


def test_word_titles():
    file = docx.Document()
    file.core_properties.title = ""
    file.add_paragraph("Words.")
    assert documents.parse(saved(file), "my_file.docx").title == "my file"
    file.add_heading("A heading", 2)
    assert documents.parse(saved(file), "a.docx").title == "A heading"
    file.core_properties.title = "A  proper title"
    assert documents.parse(saved(file), "a.docx").title == "A proper title"


def test_word_keeps_insertions_and_boxes_and_drops_deletions():
    file = docx.Document()
    paragraph = file.add_paragraph("Kept ")
    for tag, letters, words in (
        ("w:ins", "w:t", "inserted "),
        ("w:del", "w:delText", "deleted "),
        ("w:moveFrom", "w:t", "moved "),
        ("w:smartTag", "w:t", "tagged"),
    ):
        change, run, text = OxmlElement(tag), OxmlElement("w:r"), OxmlElement(letters)
        text.text = words
        run.append(text)
        change.append(run)
        paragraph._p.append(change)
    control, inside = OxmlElement("w:sdt"), OxmlElement("w:sdtContent")
    inside.append(file.add_paragraph("In a control.")._p)
    control.append(inside)
    file.element.body.insert(1, control)
    holder, box = OxmlElement("w:r"), OxmlElement("w:txbxContent")
    box.append(file.add_paragraph("In a box.")._p)
    holder.append(box)
    paragraph._p.append(holder)
    assert documents.parse(saved(file), "a.docx").text == (
        "Kept inserted tagged\n\nIn a box.\n\nIn a control."
    )


def test_word_table_that_lays_out_the_page():
    file = docx.Document()
    cell = file.add_table(1, 1).cell(0, 0)
    cell.text = "First paragraph."
    cell.add_paragraph("Second paragraph.")
    text = documents.parse(saved(file), "a.docx").text
    assert text == "First paragraph.\n\nSecond paragraph."


def repacked(content: bytes, name: str, part: bytes | None) -> bytes:
    """The same package with one part replaced, or left out."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.namelist():
            if entry != name:
                new.writestr(entry, old.read(entry))
            elif part is not None:
                new.writestr(entry, part)
    return buffer.getvalue()


def test_word_that_cannot_be_read():
    file = docx.Document()
    file.add_paragraph("Words.")
    good = saved(file)
    assert reason(b"no zip at all", "a.docx").startswith("is not a Word file")
    assert reason(good[: len(good) // 2], "a.docx").startswith("is not a Word file")
    assert "encrypted" in reason(b"\xd0\xcf\x11\xe0" + bytes(600), "a.docx")
    assert reason(saved(docx.Document()), "a.docx") == "has no text"
    with zipfile.ZipFile(io.BytesIO(good)) as package:
        names = package.namelist()
    for name in names:
        for part in (None, b"", b"<broken", b"<a/>"):
            found = outcome(repacked(good, name, part), "a.docx")
            assert "save it again" in found if isinstance(found, str) else found.text == "Words."
    for part in (None, b"", b"<broken", b"<a/>"):
        assert "save it again" in reason(repacked(good, "word/document.xml", part), "a.docx")


def test_word_bomb(monkeypatch):
    file = docx.Document()
    file.add_paragraph("Words. " * 10_000)
    good = saved(file)
    assert documents.parse(good, "a.docx").text.startswith("Words.")
    monkeypatch.setattr(word, "_UNPACKED_MAX_BYTES", 50_000)
    assert reason(good, "a.docx").startswith("unpacks to more than a text could be")
    monkeypatch.undo()
    laughs = b'<!DOCTYPE a [<!ENTITY x "ha">' + b"".join(
        b'<!ENTITY %c "%s">' % (97 + at, b"&%c;" % (120 if at == 0 else 96 + at) * 10)
        for at in range(9)
    )
    body = (
        b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        b"<w:body><w:p><w:r><w:t>&i;</w:t></w:r></w:p></w:body></w:document>"
    )
    found = outcome(repacked(good, "word/document.xml", laughs + b"]>" + body), "a.docx")
    assert len(found if isinstance(found, str) else found.text) < 1000


@settings(deadline=None)  # the machine may be busy
@given(st.data())
def test_damaged_word_gives_a_document_or_a_reason(data):
    content = bytearray(WORD_SAMPLE)
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    found = outcome(bytes(content), "a.docx")
    assert found if isinstance(found, str) else found.text


def _sample() -> bytes:
    file = docx.Document()
    file.add_heading("Title", 0)
    file.add_paragraph("Words.")
    return saved(file)


WORD_SAMPLE = _sample()
