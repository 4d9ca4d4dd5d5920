"""What gets through to the chat: by whom, from where, and to which of Gradio's routes."""

import asyncio
import http.client
import json
import re
import socket
import time
from importlib import resources

import pytest

from askseeds.errors import ConfigError
from askseeds.web import _checked_host, _names
from askseeds.web.auth import Logins
from askseeds.web.body import MOST_BYTES, owned
from askseeds.web.guard import Guard
from tests import login_client
from tests.login_client import Client
from tests.test_web import EUV
from tests.test_web_conversation import GATED

# --- The guard alone, in front of an application that lets everything through ---------------------


async def inside(scope, receive, send):
    body = b""
    if scope["method"] == "POST":
        body = (await receive())["body"]
    seen = {"path": scope["path"], "query": scope["query_string"].decode(), "body": body.decode()}
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(seen).encode()})


def through(guard, path="/", method="GET", body=b"", query=b"", **kwargs):
    """Status and body of one request."""
    sent = []
    around = {"scheme": "http", "server": ("127.0.0.1", 7860), "client": ("127.0.0.1", 5)}
    headers = {"host": "127.0.0.1:7860"}
    if method == "POST":
        headers["origin"] = "http://127.0.0.1:7860"
    headers |= kwargs.pop("headers", {})
    scope = {
        "type": "http", "method": method, "path": path, "query_string": query,
        "headers": [(k.encode(), v.encode("latin-1")) for k, v in headers.items() if v is not None],
    } | around | kwargs  # fmt: skip

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    asyncio.run(guard(scope, receive, send))
    return sent[0]["status"], b"".join(m.get("body", b"") for m in sent[1:])


def guarding(host="127.0.0.1", *others, port=7860):
    return Guard(inside, port=port, head="", names=_names(host), hosts=others)


@pytest.fixture
def machine(monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "Tower.lan")


class TestHosts:
    @pytest.mark.parametrize(
        ("bound", "host", "served"),
        [
            ("127.0.0.1", "127.0.0.1:7860", True),
            ("127.0.0.1", "LOCALHOST:7860", True),
            ("127.0.0.1", "[::1]:7860", True),
            ("127.0.0.1", "tower.lan:7860", False),
            ("127.0.0.1", "192.0.2.7:7860", False),
            ("127.0.0.1", "chat.example", False),
            ("0.0.0.0", "tower.lan:7860", True),
            ("0.0.0.0", "tower:7860", True),
            ("0.0.0.0", "tower.local:7860", True),
            ("0.0.0.0", "localhost:7860", True),
            ("0.0.0.0", "tower.lan", False),
            ("0.0.0.0", "tower.lan:80", False),
            ("0.0.0.0", "tower.lan.evil.example:7860", False),
            ("0.0.0.0", "192.0.2.7:7860", False),  # not where this connection came in
            ("::", "tower:7860", True),
            ("192.0.2.7", "192.0.2.7:7860", True),
            ("192.0.2.7", "tower:7860", True),
            ("192.0.2.7", "evil.example:7860", False),
            ("2001:db8::7", "[2001:db8::7]:7860", True),
            ("2001:db8::7", "2001:db8::7:7860", False),
        ],
    )
    def test_names(self, machine, bound, host, served):
        status, _ = through(guarding(bound), headers={"host": host})
        assert status == (200 if served else 403)

    @pytest.mark.parametrize(
        ("server", "host", "served"),
        [
            ("192.0.2.7", "192.0.2.7:7860", True),
            ("192.0.2.7", "192.0.2.8:7860", False),
            ("192.0.2.7", "192.0.2.7", False),
            ("::ffff:192.0.2.7", "192.0.2.7:7860", True),
            ("2001:db8::7", "[2001:db8::7]:7860", True),
            ("2001:db8::7", "[2001:db8::8]:7860", False),
            ("fe80::1%eth0", "[fe80::1]:7860", True),
        ],
    )
    def test_the_address_of_the_connection(self, machine, server, host, served):
        for bound in ("0.0.0.0", "::"):
            status, _ = through(guarding(bound), server=(server, 7860), headers={"host": host})
            assert status == (200 if served else 403)

    @pytest.mark.parametrize(
        ("allowed", "host", "served"),
        [
            ("chat.example", "chat.example", True),
            ("chat.example", "Chat.Example", True),
            ("chat.example", "chat.example:7860", True),
            ("chat.example", "chat.example:8443", False),
            ("chat.example:8443", "chat.example:8443", True),
            ("chat.example:8443", "chat.example", False),
            ("chat.example", "evil.chat.example", False),
        ],
    )
    def test_other_names(self, allowed, host, served):
        status, _ = through(guarding("127.0.0.1", allowed), headers={"host": host})
        assert status == (200 if served else 403)

    def test_on_port_80_browsers_leave_it_out(self):
        for host in ("127.0.0.1", "[::1]"):
            assert through(guarding(port=80), headers={"host": host})[0] == 200

    def test_none_or_two(self):
        assert through(guarding(), headers={"host": None})[0] == 403

    @pytest.mark.parametrize(
        "name", ["https://chat.example", "chat.example/", "", "*", "a b", "a,b", "x:y", "a\n"]
    )
    def test_what_is_no_name(self, name):
        with pytest.raises(ConfigError, match="--allow-host"):
            _checked_host(name)


class TestOrigins:
    @pytest.mark.parametrize(
        ("origin", "status"),
        [
            ("http://127.0.0.1:7860", 200),
            (None, 403),
            ("null", 403),
            ("https://127.0.0.1:7860", 403),
            ("http://127.0.0.1", 403),
            ("http://localhost:7860", 403),
            ("http://evil.example", 403),
        ],
    )
    def test_a_change_comes_from_the_page_itself(self, origin, status):
        sent = {"origin": origin}
        given = through(guarding(), "/gradio_api/cancel", "POST", b"{}", headers=sent)
        assert given[0] == status

    def test_behind_tls(self):
        guard = guarding("127.0.0.1", "chat.example")
        sent = {"host": "chat.example", "origin": "https://chat.example"}
        for scheme, status in (("https", 200), ("http", 403)):
            given = through(guard, "/gradio_api/cancel", "POST", b"{}", headers=sent, scheme=scheme)
            assert given[0] == status

    @pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "via", "x-real-ip"])
    def test_no_proxy_without_logins(self, header):
        assert through(guarding(), headers={header: "192.0.2.7"})[0] == 403


class TestCalls:
    def test_only_what_the_page_sends_gets_through(self):
        call = {"data": ["a"], "fn_index": 1, "session_hash": "tab", "oauth_token": "x", "no": 1}
        status, seen = through(
            guarding(),
            "/gradio_api/queue/join",
            "POST",
            json.dumps(call).encode(),
            b"__theme=dark&session_hash=tab",
        )
        assert status == 200
        seen = json.loads(seen)
        assert json.loads(seen["body"]) == {"data": ["a"], "fn_index": 1, "session_hash": "tab"}
        assert seen["query"] == "session_hash=tab"

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"\xff",
            b"[" * 100_000,
            b'{"data":[{"path":"/etc/passwd","meta":{"_type":"gradio.FileData"}}]}',
            b'{"event_data":{"deep":[{"meta":{"_type" : "gradio.FileD\\u0061ta"}}]}}',
        ],
    )
    def test_what_is_no_call(self, body):
        assert through(guarding(), "/gradio_api/run/predict", "POST", body)[0] == 400

    def test_a_question_may_speak_of_it(self):
        body = json.dumps({"data": ['What is "_type":"gradio.FileData"?']}).encode()
        assert through(guarding(), "/gradio_api/run/predict", "POST", body)[0] == 200

    def test_too_long(self):
        body = b"x" * (MOST_BYTES + 1)
        assert through(guarding(), "/gradio_api/run/predict", "POST", body)[0] == 413

    def test_tabs_of_two_logins_are_never_the_same(self):
        assert owned("tab", "one") != owned("tab", "two")
        assert owned("tab", "one") != owned("other", "one")
        assert owned(owned("tab", "one"), "two") != owned("tab", "one")


# --- The real server, with logins -----------------------------------------------------------------

CANARY = "canary-3f9c1"


@pytest.fixture(scope="module")
def server(tmp_path_factory, exported_encoder):
    folder = tmp_path_factory.mktemp("guard")
    (folder / "askseeds.toml").write_text(f"# {CANARY}\n")
    (folder / "seeds-of-others.txt").write_text(CANARY)
    server = login_client.started(folder, exported_encoder, "--host", "0.0.0.0", program=GATED)
    with (folder / "users").open("a") as out:
        out.write(f"# {CANARY}\n")
    yield server
    server.process.terminate()
    server.process.wait(60)
    server.process.stdout.close()
    assert "Traceback" not in (folder / "stderr.log").read_text()
    assert not server.outside.exists(), server.outside.read_text()


@pytest.fixture
def nobody(server):
    return Client(server)


@pytest.fixture
def ada(server):
    client = Client(server)
    assert client.log_in("ada").status == 303
    return client


def gradio_routes():
    """Every route that the installed Gradio declares, with something in place of each variable."""
    source = resources.files("gradio").joinpath("routes.py").read_text(encoding="utf-8")
    found = re.findall(r'@(app|router)\.(?:get|post|head)\(\s*f?"([^"]+)"', source)
    for kind, path in found:
        prefix = "/gradio_api" if kind == "router" else ""
        path = path.replace("{API_PREFIX}", "/gradio_api").replace("{page}", "page")
        yield prefix + re.sub(r"\{(\w+)(:path)?\}", lambda m: "askseeds.toml", path)


GRADIO_ROUTES = sorted(set(gradio_routes()))
# What the page is made of; the rest of Gradio is not there.
OPEN = {
    "/",
    "/assets/askseeds.toml",
    "/config",
    "/favicon.ico",
    "/gradio_api/app_id",
    "/gradio_api/app_id/",
    "/gradio_api/cancel",
    "/gradio_api/heartbeat/askseeds.toml",
    "/gradio_api/queue/data",
    "/gradio_api/queue/join",
    "/gradio_api/reset",
    "/gradio_api/reset/",
    "/gradio_api/startup-events",
    "/login",
    "/logout",
    "/static/askseeds.toml",
    "/theme.css",
}


def test_the_routes_of_gradio_are_found():
    assert len(GRADIO_ROUTES) > 60
    assert {"/gradio_api/upload", "/gradio_api/queue/join", "/config"} <= set(GRADIO_ROUTES)


@pytest.mark.parametrize("path", GRADIO_ROUTES)
def test_a_route_without_a_login(nobody, path):
    for reply in (nobody.get(path), nobody.post(path, {})):
        if path in ("/login", "/logout", "/favicon.ico"):
            assert reply.status in (200, 303, 400, 405)
        elif path == "/":
            assert (reply.status, reply.headers["Location"]) == (303, "/login")
        else:
            assert reply.status == (401 if path in OPEN else 404)
        assert b"gradio" not in reply.body.lower()


@pytest.mark.parametrize("path", sorted(set(GRADIO_ROUTES) - OPEN))
def test_a_route_that_the_page_does_not_need(ada, path):
    assert (ada.get(path).status, ada.post(path, {}).status) == (404, 404)


# Where advisories about Gradio could be used: reading files (CVE-2023-51449, CVE-2024-1561,
# CVE-2024-1728, CVE-2024-4941, CVE-2024-34510, CVE-2024-47164, CVE-2024-51751, CVE-2026-28414,
# GHSA-j36p-7w88-g82j), fetching addresses (CVE-2024-1183, CVE-2024-4325, CVE-2024-47167,
# CVE-2026-28416), calling methods (CVE-2024-1561), monitoring (CVE-2024-47168), custom components
# (CVE-2024-47166) and uploads (CVE-2024-1728, CVE-2025-48889 by way of flagging).
ADVISORIES = [
    "/file={file}",
    "/file/{file}",
    "/file=http://127.0.0.1:{port}/config",
    "/gradio_api/file={file}",
    "/gradio_api/file/{file}",
    "/gradio_api/file=../{file}",
    "/gradio_api/file=seeds/../{file}",
    "/gradio_api/file=C:{file}",
    "/proxy=http://127.0.0.1:{port}/config",
    "/gradio_api/proxy=http://127.0.0.1:{port}/config",
    "/custom_component/1/server/style/../../{file}",
    "/gradio_api/custom_component/1/client/component/..%2f..%2f{file}",
    "/component_server",
    "/gradio_api/component_server",
    "/gradio_api/component_server/",
    "/upload",
    "/gradio_api/upload",
    "/gradio_api/upload_progress?upload_id=1",
    "/gradio_api/api/flag",
    "/gradio_api/call/ask",
    "/gradio_api/stream/tab/run/1/..%2f..%2f{file}.ts",
    "/gradio_api/deep_link?session_hash=tab",
    "/gradio_api/process_recording",
    "/gradio_api/vibe-code/",
    "/gradio_api/profiling/traces",
    "/gradio_api/token",
    "/gradio_api/user",
    "/monitoring",
    "/monitoring/summary",
    "/svelte/../{file}",
    "/assets/../../../../../../../..{file}",
    "/assets/..%2f..%2f..%2f..%2f..%2f..%2f..%2f..{file}",
    "/static/..%5c..%5c{file}",
    "/static/%2e%2e/%2e%2e{file}",
    "/static//{file}",
    "//{file}",
    "/{file}",
    "/theme.css/../{file}",
    "/gradio_api/heartbeat/../../{file}",
    "/gradio_api/queue/data?session_hash=../../{file}",
]
SECRETS = [
    "askseeds.toml", "users", "index/ledger.sqlite", "index/encoder/model.onnx",
    "seeds-of-others.txt", "seeds/article.txt",
]  # fmt: skip


@pytest.mark.parametrize("logged_in", [False, True], ids=["nobody", "ada"])
def test_no_file_can_be_read(server, ada, nobody, logged_in):
    client = ada if logged_in else nobody
    while not (server.folder / "index" / "ledger.sqlite").exists():
        time.sleep(0.1)
    answered = 0
    for secret in SECRETS:
        file = server.folder / secret
        content = file.read_bytes() if file.exists() else b""
        parts = {CANARY.encode(), b"SQLite format", b"$argon2id", content[:200] or b"SQLite format"}
        for route in ADVISORIES:
            path = route.format(file=file, port=server.port)
            for method in ("GET", "POST"):
                if "queue/data" in path and logged_in and method == "GET":
                    continue  # a stream without end; what it gives is looked at below
                connection, response = client.open(method, path)
                body = response.read()
                connection.close()
                assert not any(part in body for part in parts), path
                assert response.status in (303, 400, 401, 403, 404, 405, 422), path
                answered += 1
    assert answered >= len(SECRETS) * (len(ADVISORIES) - 1) * 2


@pytest.mark.parametrize("how", [{"path": "{file}"}, {"path": "http://192.0.2.1/x"}, {"url": "x"}])
def test_a_call_that_describes_a_file_is_refused(server, ada, how):
    file = {k: v.format(file=server.folder / "users") for k, v in how.items()}
    for route in ("queue/join", "run/predict"):
        for index in range(8):
            call = {
                "data": [file | {"meta": {"_type": "gradio.FileData"}}, None],
                "fn_index": index,
                "session_hash": "tab",
            }
            assert ada.post(f"/gradio_api/{route}", call).status == 400


FORGED = [
    "../askseeds.toml",
    "../users",
    "index/ledger.sqlite",
    "../index/ledger.sqlite",
    "/etc/passwd",
    "{folder}/users",
    "./article.txt",
    "../seeds/article.txt",
    "shelf/../article.txt",
    "article.txt\0",
    "",
]


@pytest.mark.parametrize("source", FORGED)
def test_a_forged_source_of_a_quote_is_refused(server, ada, source):
    """A browser may name any file: only documents of the index are looked at, by their names."""
    (server.folder / "askseeds.toml").touch()
    source = source.format(folder=server.folder)
    # As if it had been quoted: where the file was read, this would stand in it.
    path = server.folder / "seeds" / source.replace("\0", "")
    text = path.read_bytes()[:40].decode("latin-1") if path.is_file() else "root"
    feedback = server.folder / "index" / "feedback.jsonl"
    before = feedback.read_bytes() if feedback.exists() else b""

    def sent(name, data):
        reply = ada.post("/gradio_api/run/predict", call(ada, name, data, "forged"))
        assert reply.status == 200
        return "".join(map(str, json.loads(reply.body)["data"]))

    for quotes, nearest, status in (([0], [], "answered"), ([], [0], "not_found")):
        exchange = exchanged(source, text, quotes, nearest, status)
        shown = sent("quote", {"number": 1, "index": 1, "exchange": exchange})
        assert "is not in the index" in shown
        assert "lit-source" not in shown
        for part in (CANARY, "$argon2", "root:", "SQLite"):
            assert part not in shown
    assert "is not in the index" in sent("look", {"source": source})
    judged = {
        "token": "t",
        "rating": "up",
        "exchange": exchanged(source, text, [0], [], "answered"),
    }
    assert "is not in the index" in sent("judge", judged)
    assert (feedback.read_bytes() if feedback.exists() else b"") == before
    # With the name of a document, the same calls show it.
    text = (server.folder / "seeds" / "article.txt").read_text(encoding="utf-8-sig")[:40]
    exchange = exchanged("article.txt", text, [0], [], "answered")
    shown = sent("quote", {"number": 1, "index": 1, "exchange": exchange})
    assert 'class="lit-source"' in shown
    assert 'class="lit-source"' in sent("look", {"source": "article.txt"})


def exchanged(source, text, quotes, nearest, status):
    """What a browser may say that it was answered; `quotes` and `nearest` by their number."""
    quote = {
        "source": source,
        "start": 0,
        "end": len(text),
        "text": text,
        "title": "Settings",
        "page": None,
        "heading": None,
        "score": 1.0,
    }
    answer = {
        "question": "Who?",
        "asked": "Who?",
        "status": status,
        "confidence": 0.9,
        "text": text,
        "quotes": [quote for _ in quotes],
        "nearest": [quote for _ in nearest],
        "hits": [],
        "claims": [],
        "timings_ms": {},
        "models": {"encoder": "e", "reranker": "r"},
    }
    return {"question": "Who?", "answer": answer}


def test_what_was_not_final_is_not_judged(server, ada):
    text = (server.folder / "seeds" / "article.txt").read_text(encoding="utf-8-sig")[:40]
    exchange = exchanged("article.txt", text, [0], [], "answered")
    exchange["answer"]["provisional"] = True
    judged = {"token": "t", "rating": "up", "exchange": exchange}
    reply = ada.post("/gradio_api/run/predict", call(ada, "judge", judged, "early"))
    assert "There is no answer here to judge." in json.loads(reply.body)["data"][0]


@pytest.mark.parametrize("data", [None, 3, {}, {"source": None}, {"source": ["article.txt"]}])
def test_what_is_no_source_shows_nothing(server, ada, data):
    reply = ada.post("/gradio_api/run/predict", call(ada, "look", data, "forged"))
    assert reply.status == 200
    assert "There is no such document." in json.loads(reply.body)["data"][0]


def test_what_the_page_says_names_no_file(server, ada):
    for path in ("/", "/config", "/theme.css", "/gradio_api/startup-events"):
        reply = ada.get(path)
        assert reply.status == 200
        assert str(server.folder).encode() not in reply.body
        assert CANARY.encode() not in reply.body


def test_from_everywhere_but_under_names_that_are_known(server):
    name = socket.gethostname().lower()
    for host in (f"127.0.0.1:{server.port}", f"{name}:{server.port}", "chat.example"):
        assert Client(server, host).get("/").status == 303
    for host in ("evil.example", f"evil.example:{server.port}", f"192.0.2.1:{server.port}"):
        assert Client(server, host).get("/").status == 403
        assert Client(server, host).log_in("ada").status == 403


def test_another_site_cannot_log_anybody_in(nobody):
    for origin in ("https://evil.example", "null", None):
        reply = nobody.log_in("ada", Origin=origin)
        assert reply.status == 403
        assert not reply.cookie


def test_behind_a_proxy_with_tls(server):
    client = Client(server, "chat.example", headers={
        "X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.7",
    })  # fmt: skip
    reply = client.log_in("ada", Origin="https://chat.example")
    assert reply.status == 303
    assert reply.headers["Location"] == "/"
    assert reply.cookie.startswith("__Host-askseeds")
    assert "Secure" in reply.headers["Set-Cookie"]
    assert client.get("/config").status == 200


# --- One user and another -------------------------------------------------------------------------


def asked(client, question, tab, run="run"):
    """Sends a question as the page does; the number of the event."""
    data = {"run": run, "number": 1, "question": question, "history": []}
    reply = client.post("/gradio_api/queue/join", call(client, "ask", data, tab))
    assert reply.status == 200, reply.body
    return json.loads(reply.body)["event_id"]


def call(client, name, data, tab):
    """An event of the page, as its scripts trigger it."""
    config = json.loads(client.get("/config").body)
    [part] = [p["id"] for p in config["components"] if p["props"].get("elem_id") == "reply"]
    event = next(e for e in config["dependencies"] if [part, name] in e["targets"])
    return {
        "data": ["" for _ in event["inputs"]],
        "fn_index": event["id"],
        "session_hash": tab,
        "event_data": data,
        "trigger_id": part,
    }


def heard(client, tab, until, wait_s):
    """What comes out of a tab's stream until it holds some bytes, ends, or the time is over."""
    connection, response = client.open("GET", f"/gradio_api/queue/data?session_hash={tab}")
    if connection.sock is not None:
        connection.sock.settimeout(wait_s)
    got, end = b"", time.monotonic() + wait_s
    try:
        while until not in got and time.monotonic() < end and (more := response.read1(65536)):
            got += more
    except (TimeoutError, http.client.IncompleteRead):
        pass  # Gradio breaks a stream off for which there is nothing
    finally:
        connection.close()
    return got


def test_nobody_hears_what_another_is_answered(server, ada):
    bob = Client(server)
    assert bob.log_in("bob").status == 303
    event = asked(ada, EUV, "the-same-tab")
    other = heard(bob, "the-same-tab", b"ASML", 5)
    assert b"ASML" not in other
    assert event.encode() not in other
    # Neither does a second login of the same name, nor one that knows what Gradio calls the tab.
    again = Client(server)
    again.log_in("ada")
    assert b"ASML" not in heard(again, "the-same-tab", b"ASML", 2)
    assert b"ASML" in heard(ada, "the-same-tab", b"ASML", 60)


def test_in_a_tab_of_the_same_name_everybody_has_questions_of_their_own(server, ada):
    """Even when these have the same name, too."""
    bob = Client(server)
    bob.log_in("bob")
    asked(ada, EUV, "tab", "run")
    asked(bob, "Which chip company is in Taiwan?", "tab", "run")
    shown = {
        name: heard(client, "tab", b"process_completed", 60)
        for name, client in (("ada", ada), ("bob", bob))
    }
    assert EUV.encode() in shown["ada"]
    assert b"Taiwan?" not in shown["ada"]
    assert b"Taiwan?" in shown["bob"]
    assert EUV.encode() not in shown["bob"]


def test_nobody_stops_what_another_has_asked(server, ada):
    """Named exactly; where it would be stopped, its own tab stops it."""
    bob = Client(server)
    bob.log_in("bob")
    gate = server.folder / f"gate-{len(EUV)}"
    gate.touch()  # nothing is answered until it is gone
    asked(ada, EUV, "slow", "named")
    connection, response = ada.open("GET", "/gradio_api/queue/data?session_hash=slow")
    try:
        assert b"Searching" in read_until(response, b"Searching")
        for client, tab in ((bob, "slow"), (bob, "other"), (ada, "other")):
            stop = call(client, "stop", {"run": "named"}, tab)
            assert client.post("/gradio_api/run/predict", stop).status == 200
        gate.unlink()
        told = read_until(response, b"process_completed")
        assert b"ASML" in told
        assert b"Stopped." not in told
    finally:
        connection.close()
    gate.touch()
    asked(ada, EUV, "slow", "named")
    connection, response = ada.open("GET", "/gradio_api/queue/data?session_hash=slow")
    try:
        assert b"Searching" in read_until(response, b"Searching")
        stop = call(ada, "stop", {"run": "named"}, "slow")
        assert ada.post("/gradio_api/run/predict", stop).status == 200
        told = read_until(response, b"process_completed")
        assert b"ASML" not in told
        assert b"Stopped." in told
    finally:
        connection.close()
        gate.unlink()


def read_until(response, part):
    got = b""
    while part not in got and (more := response.read1(65536)):
        got += more
    return got


def test_a_stream_ends_with_its_session(tmp_path):
    from askseeds.web import users
    from askseeds.web.users import Users

    users.add(tmp_path / "users", "ada", "correct horse battery")
    logins = Logins(Users(tmp_path / "users", print), port=7860)
    sent = []

    async def streaming(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(4):
            if number == 2:
                logins._drop(scope)
            await send({"type": "http.response.body", "body": b"x", "more_body": number < 3})

    async def send(message):
        sent.append(message)

    async def run():
        guard = Guard(streaming, port=7860, head="", logins=logins)
        form = b"name=ada&password=correct+horse+battery"

        async def receive():
            return {"type": "http.request", "body": form, "more_body": False}

        scope = {
            "type": "http", "scheme": "http", "server": ("127.0.0.1", 7860), "query_string": b"",
            "client": ("127.0.0.1", 5), "method": "POST", "path": "/login",
            "headers": [(b"host", b"127.0.0.1:7860"), (b"origin", b"http://127.0.0.1:7860")],
        }  # fmt: skip
        await guard(scope, receive, send)
        cookie = dict(sent[0]["headers"])[b"set-cookie"].partition(b";")[0]
        sent.clear()
        scope |= {"method": "GET", "path": "/gradio_api/queue/data"}
        scope["headers"] = [*scope["headers"], (b"cookie", cookie)]
        await guard(scope, receive, send)

    asyncio.run(run())
    assert [m["body"] for m in sent[1:]] == [b"x", b"x", b""]
    assert sent[-1]["more_body"] is False
