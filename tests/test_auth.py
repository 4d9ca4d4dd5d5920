"""Logins: the file of users, what slows guessing down, and sessions, with real Argon2."""

import asyncio
import os
import re
import stat
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import expect

from askseeds.errors import ConfigError
from askseeds.web import auth, slowdown, users
from askseeds.web.auth import Logins
from askseeds.web.slowdown import Slowdown
from askseeds.web.users import Users
from tests import login_client, test_web
from tests.login_client import PASSWORDS, Client

browser, context = test_web.browser, test_web.context

PASSWORD = "correct horse battery"


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


# --- The file -------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path):
    users.add(tmp_path / "users", "ada", PASSWORD)
    return tmp_path / "users"


class TestFile:
    def test_a_user_is_written_and_read(self, file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert re.fullmatch(r"ada:\$argon2id\$v=19\$m=65536,t=3,p=4\$\S+\n", file.read_text())
        (digest,) = users.read(file).values()
        assert users.verify(digest, PASSWORD)
        assert not users.verify(digest, PASSWORD + " ")
        assert not users.verify(digest, "")

    def test_another_user_and_another_password(self, file):
        file.write_text("# people\n\n" + file.read_text())
        assert users.add(file, "Bob", "another password") is False
        before = users.read(file)
        assert users.add(file, "ADA", "a new password") is True
        after = users.read(file)
        assert list(after) == ["ada", "bob"]
        assert after["bob"] == before["bob"]
        assert users.verify(after["ada"], "a new password")
        assert not users.verify(after["ada"], PASSWORD)
        assert file.read_text().startswith("# people\n\nada:")
        assert [path.name for path in file.parent.iterdir()] == ["users"]

    def test_the_same_letters_typed_otherwise(self, tmp_path):
        users.add(tmp_path / "users", "ada", "cafe\u0301 au lait")
        assert users.verify(users.read(tmp_path / "users")["ada"], "caf\u00e9 au lait")

    def test_a_link_stays_a_link(self, file):
        link = file.with_name("link")
        link.symlink_to(file)
        users.add(link, "bob", PASSWORD)
        assert link.is_symlink()
        assert set(users.read(file)) == {"ada", "bob"}

    def test_of_two_who_add_at_once_none_is_lost(self, file):
        code = (
            "import sys; from pathlib import Path; from askseeds.web import users\n"
            "for n in range(3):\n"
            "    users.add(Path(sys.argv[1]), f'{sys.argv[2]}{n}', 'long enough')"
        )
        runs = [subprocess.Popen([sys.executable, "-c", code, file, who]) for who in ("x", "y")]
        assert [run.wait(60) for run in runs] == [0, 0]
        assert set(users.read(file)) == {"ada", *(f"{who}{n}" for who in "xy" for n in range(3))}

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o666])
    def test_a_file_that_others_may_open_is_refused(self, file, mode):
        file.chmod(mode)
        with pytest.raises(ConfigError, match="chmod 600"):
            users.read(file)
        with pytest.raises(ConfigError, match="chmod 600"):
            users.add(file, "bob", PASSWORD)

    @pytest.mark.parametrize(
        "line",
        [
            "bob",
            "bob:",
            "bob:secret",
            ":x",
            "bob:$argon2i$v=19$m=65536,t=3,p=4$c29tZXNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
            "bob:$argon2id$v=19$m=99999999,t=3,p=4$c29tZXNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
            "b b:{}",
            "../bob:{}",
            "ada:{}",
            "ADA:{}",
        ],
    )
    def test_a_broken_line_is_named(self, file, line):
        digest = users.read(file)["ada"]
        with file.open("a") as out:
            out.write(f"# one more\n{line.format(digest)}\n")
        with pytest.raises(ConfigError, match=f"^{re.escape(str(file))}, line 3: [^\n]*$"):
            users.read(file)

    def test_what_is_no_text_is_named(self, file):
        file.write_bytes(file.read_bytes() + b"\n\xff\n")
        with pytest.raises(ConfigError, match="line 3: this is not UTF-8"):
            users.read(file)

    def test_a_folder_and_nothing_at_all(self, tmp_path):
        for place in (tmp_path, tmp_path / "gone"):
            with pytest.raises(ConfigError, match=str(place)):
                users.read(place)

    @given(st.text(max_size=80))
    def test_only_plain_names(self, name):
        if not re.fullmatch("[a-z0-9][a-z0-9._@-]{0,63}", name.lower()):
            with pytest.raises(ConfigError, match="cannot be a user's name"):
                users.add(test_web.ROOT / "there" / "is no such", name, PASSWORD)

    @pytest.mark.parametrize("password", ["", "123456789", "x" * 1025])
    def test_no_short_password(self, tmp_path, password):
        with pytest.raises(ConfigError, match="10 to 1024"):
            users.add(tmp_path / "users", "ada", password)
        assert not (tmp_path / "users").exists()

    def test_a_changed_file_counts_at_once(self, file):
        told = []
        known = Users(file, told.append)
        assert known.verify("ada", PASSWORD) == known.hash_of("ada") is not None
        users.add(file, "bob", PASSWORD)
        assert known.hash_of("bob")
        file.chmod(0o644)
        assert known.hash_of("bob") is None
        assert known.hash_of("ada") is None
        assert len(told) == 1
        assert "chmod 600" in told[0]
        file.chmod(0o600)
        assert known.hash_of("ada")
        file.unlink()
        assert known.hash_of("ada") is None

    def test_a_file_without_users_is_refused(self, file):
        file.write_text("# nobody yet\n")
        with pytest.raises(ConfigError, match="names nobody"):
            Users(file, print)

    def test_an_unknown_name_costs_as_much(self, file, monkeypatch):
        verified = []
        real = users.verify
        monkeypatch.setattr(users, "verify", lambda *a: verified.append(a[0]) or real(*a))
        known = Users(file, print)
        assert known.verify("nobody", PASSWORD) is None
        assert known.verify("ada", "not the password") is None
        cost = [re.match(r"\$argon2id\$v=19\$[^$]*\$", digest)[0] for digest in verified]
        assert len(cost) == 2
        assert cost[0] == cost[1]


class TestAddUser:
    def test_from_a_pipe(self, run, tmp_path):
        file = tmp_path / "users"
        for password, said in (("first password", "may log in"), ("second one!", "new password")):
            done = run(
                "chat", "--add-user", "Ada", "--auth-file", file, input=password.encode() + b"\r\n"
            )
            assert done.returncode == 0, done.stderr
            assert said in done.stdout.decode()
            assert users.verify(users.read(file)["ada"], password)

    @pytest.mark.parametrize(
        ("arguments", "said", "password"),
        [
            (["--add-user", "ada"], "--auth-file", PASSWORD),
            (["--add-user", "a b", "--auth-file", "users"], "cannot be a user's name", PASSWORD),
            (["--add-user", "ada", "--auth-file", "users"], "10 to 1024", "short"),
            (["--add-user", "ada", "--auth-file", "gone/users"], "gone", PASSWORD),
            (["--auth-file", "gone"], "gone is not there", PASSWORD),
            (["--host", "0.0.0.0"], "--auth-file", PASSWORD),
            (["--allow-host", "chat.example"], "--auth-file", PASSWORD),
        ],
    )
    def test_what_is_wrong_is_one_line(self, run, arguments, said, password):
        done = run("chat", "--no-open", "--port", 0, *arguments, input=f"{password}\n".encode())
        assert done.returncode == 2
        assert said in done.stderr.decode()
        assert done.stderr.count(b"\n") == 1

    def test_on_a_terminal_it_is_hidden_and_asked_twice(self, tmp_path):
        pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
        file = tmp_path / "users"

        def typed(*lines):
            command = [*login_client.COMMAND, "chat", "--add-user", "ada", "--auth-file", str(file)]
            pid, terminal = pty.fork()
            if pid == 0:  # pragma: no cover - another process
                os.execv(command[0], command)
            shown = b""
            for prompt, line in lines:
                while prompt not in shown:
                    shown += os.read(terminal, 1000)
                hidden = prompt != b"Replace it?"
                while hidden and termios.tcgetattr(terminal)[3] & termios.ECHO:
                    time.sleep(0.01)
                os.write(terminal, line + b"\n")
                shown = shown.replace(prompt, b"", 1)
            try:
                while more := os.read(terminal, 1000):
                    shown += more
            except OSError:
                pass  # the end of a terminal
            os.close(terminal)
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown

        twice = ((b"Password for ada", b"first password"), (b"The same again", b"first password"))
        code, shown = typed(*twice)
        assert code == 0, shown
        assert b"first password" not in shown
        before = file.read_bytes()
        code, shown = typed((b"Replace it?", b"n"))
        assert code != 0
        assert file.read_bytes() == before


# --- Guessing -------------------------------------------------------------------------------------


class TestSlowdown:
    def test_waits_double_up_to_a_bound(self):
        clock = Clock()
        slow = Slowdown(3, clock)
        waits = []
        for _ in range(12):
            slow.failed("ada")
            waits.append(slow.wait_s("ada"))
            clock.now += waits[-1]
            assert slow.wait_s("ada") == 0
        assert waits == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
        assert slow.wait_s("bob") == 0

    def test_it_forgets(self):
        clock = Clock()
        slow = Slowdown(1, clock)
        slow.failed("ada")
        assert slow.wait_s("ada") == 1
        clock.now += slowdown.FORGOTTEN_S + 1
        slow.failed("ada")
        assert slow.wait_s("ada") == 1
        slow.forgiven("ada")
        assert slow.wait_s("ada") == 0
        slow.failed("ada")
        slow.taken_back("ada")
        assert slow.wait_s("ada") == 0

    def test_its_memory_is_bounded_and_who_goes_on_is_kept(self, monkeypatch):
        monkeypatch.setattr(slowdown, "KEPT", 10)
        slow = Slowdown(1, Clock())
        for number in range(100):
            slow.failed("attacker")
            slow.failed(f"name{number}")
        assert len(slow._failures) == 10
        assert slow.wait_s("attacker") == slowdown.MOST_S


# --- Sessions, without a server -------------------------------------------------------------------


class Browser:
    """Talks to `Logins` as a server would; the clock is the test's."""

    def __init__(self, file, clock=None, address="192.0.2.1", scheme="http"):
        self.clock = clock or Clock()
        self.logins = Logins(Users(file, print), port=7860, clock=self.clock)
        self.address, self.scheme, self.cookie = address, scheme, ""

    def scope(self, path="/", method="GET", address=None, cookie=None):
        cookie = self.cookie if cookie is None else cookie
        headers = [(b"cookie", cookie.encode())] if cookie else []
        client = (address or self.address, 5000)
        return {
            "type": "http", "method": method, "path": path, "headers": headers,
            "scheme": self.scheme, "client": client, "query_string": b"",
        }  # fmt: skip

    async def send(self, path, body=b"", method="POST", **kwargs):
        sent = []

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            sent.append(message)

        await self.logins.answer(self.scope(path, method, **kwargs), receive, send)
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        if "set-cookie" in headers:
            self.cookie = headers["set-cookie"].partition(";")[0]
        return sent[0]["status"], headers, sent[1]["body"].decode()

    def log_in(self, name="ada", password=PASSWORD, **kwargs):
        body = f"name={name}&password={password.replace(' ', '+')}".encode()
        return asyncio.run(self.send("/login", body, **kwargs))

    @property
    def user(self):
        session = self.logins.session(self.scope())
        return session and session.user


class TestSessions:
    def test_the_cookie(self, file):
        browser = Browser(file)
        status, headers, _ = browser.log_in()
        assert (status, headers["location"]) == (303, "/")
        name, *attributes = headers["set-cookie"].split("; ")
        assert re.fullmatch(r"askseeds-7860=[\w-]{43}", name)
        assert {a.lower() for a in attributes} == {
            "httponly", "max-age=604800", "path=/", "samesite=strict",
        }  # fmt: skip
        assert browser.user == "ada"
        kept = repr(vars(browser.logins)) + repr(browser.logins._sessions)
        assert name.partition("=")[2] not in kept

    def test_over_tls_the_cookie_is_secure(self, file):
        browser = Browser(file, scheme="https")
        _, headers, _ = browser.log_in()
        assert headers["set-cookie"].startswith("__Host-askseeds-7860=")
        assert "Secure" in headers["set-cookie"]
        assert browser.user == "ada"
        browser.scheme = "http"
        assert browser.user is None

    def test_a_session_ends(self, file):
        clock = Clock()
        browser = Browser(file, clock)
        browser.log_in()
        clock.now += auth.IDLE_S - 1
        assert browser.user == "ada"
        clock.now += auth.IDLE_S - 1  # the last request counts
        assert browser.user == "ada"
        clock.now += auth.IDLE_S
        assert browser.user is None
        browser.log_in()
        clock.now += auth.IDLE_S - 1
        assert browser.logins.session(browser.scope("/documents")) is not None
        clock.now += 1  # what an open page asks by itself does not count
        assert browser.user is None
        browser.log_in()
        for _ in range(15):
            assert browser.user == "ada"
            clock.now += auth.MOST_S / 15
        assert browser.user is None

    def test_logging_out_ends_it_for_good(self, file):
        browser = Browser(file)
        browser.log_in()
        stolen = browser.cookie
        status, headers, _ = asyncio.run(browser.send("/logout"))
        assert (status, headers["location"]) == (303, "/login")
        assert browser.user is None
        browser.cookie = stolen
        assert browser.user is None

    def test_a_link_does_not_log_out(self, file):
        browser = Browser(file)
        browser.log_in()
        asyncio.run(browser.send("/logout", method="GET"))
        assert browser.user == "ada"

    def test_each_login_is_a_new_session(self, file):
        browser = Browser(file)
        browser.log_in()
        first, secret = browser.cookie, browser.logins.session(browser.scope()).secret
        browser.log_in()
        assert browser.cookie != first
        assert browser.logins.session(browser.scope()).secret != secret
        browser.cookie = first
        assert browser.user is None

    def test_a_new_password_ends_the_sessions(self, file):
        browser = Browser(file)
        browser.log_in()
        users.add(file, "bob", PASSWORD)
        assert browser.user == "ada"
        users.add(file, "ada", PASSWORD)
        assert browser.user is None

    def test_who_is_taken_out_is_out(self, file):
        users.add(file, "bob", PASSWORD)
        browser = Browser(file)
        browser.log_in("bob")
        file.write_text(file.read_text().splitlines()[0] + "\n")
        assert browser.user is None
        assert browser.log_in("bob")[0] == 401

    def test_nobody_collects_sessions(self, file, monkeypatch):
        monkeypatch.setattr(auth, "SESSIONS_OF_ONE", 2)
        browser = Browser(file)
        cookies = []
        for _ in range(4):
            browser.cookie = ""
            browser.log_in()
            cookies.append(browser.cookie)
        held = [browser.logins.session(browser.scope(cookie=c)) is not None for c in cookies]
        assert held == [False, False, True, True]

    @pytest.mark.parametrize(
        "cookie", ["askseeds-7860=", "askseeds-7860", "x", "askseeds-7861={}", '"', "=;=;é"]
    )
    def test_no_other_cookie_does(self, file, cookie):
        browser = Browser(file)
        browser.log_in()
        browser.cookie = cookie.format(browser.cookie.partition("=")[2])
        assert browser.user is None

    def test_one_answer_for_a_wrong_name_and_a_wrong_password(self, file):
        browser = Browser(file)
        (status, headers, body), right_name = browser.log_in("eve"), browser.log_in("ada", "no no")
        # But for the name as it was typed.
        assert (status, headers, body.replace("eve", "ada")) == right_name
        assert status == 401
        assert "set-cookie" not in headers

    @pytest.mark.parametrize("body", [b"", b"name=ada", b"password=x", b"\xff", b"name=&password="])
    def test_half_a_form(self, file, body):
        status, headers, _ = asyncio.run(Browser(file).send("/login", body))
        assert status == 400
        assert "set-cookie" not in headers

    def test_a_form_without_end(self, file):
        body = b"name=ada&password=" + b"x" * 10_000
        assert asyncio.run(Browser(file).send("/login", body))[0] == 413

    def test_guessing_under_a_name_is_slowed_down(self, file):
        browser = Browser(file)
        statuses = [browser.log_in("ada", f"a wrong one {n}")[0] for n in range(6)]
        assert statuses == [401] * auth.FREE_BY_NAME + [429, 429]
        # Not even with the right password, and not from elsewhere; others are not kept waiting.
        status, headers, text = browser.log_in(address="198.51.100.7")
        assert (status, headers["retry-after"]) == (429, "1")
        assert "Wait 1 s" in text
        users.add(file, "bob", PASSWORD)
        assert browser.log_in("bob")[0] == 303
        browser.clock.now += 1
        assert browser.log_in()[0] == 303

    def test_guessing_names_is_slowed_down_by_address(self, file, monkeypatch):
        monkeypatch.setattr(auth, "FREE_BY_ADDRESS", 3)
        browser = Browser(file, address="2001:db8::1")
        assert [browser.log_in(f"n{n}")[0] for n in range(3)] == [401, 401, 401]
        assert browser.log_in("other", address="2001:db8::ffff")[0] == 429
        # An account of one's own does not make one's address good again.
        browser.clock.now += 1
        assert browser.log_in()[0] == 303
        browser.clock.now += 1
        assert browser.log_in("n4")[0] == 401
        assert browser.log_in("n5")[0] == 429
        assert browser.log_in("n6", address="2001:db8:0:1::1")[0] == 401

    def test_many_at_once_do_not_get_by(self, file, monkeypatch):
        browser = Browser(file)
        running, most, verify, lock = 0, 0, users.verify, threading.Lock()

        def counted(*arguments):
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            try:
                return verify(*arguments)
            finally:
                with lock:
                    running -= 1

        monkeypatch.setattr(users, "verify", counted)

        async def many():
            ticks = 0

            async def tick():
                nonlocal ticks
                while True:
                    await asyncio.sleep(0.005)
                    ticks += 1

            other = asyncio.create_task(tick())
            tries = [browser.send("/login", b"name=ada&password=wrong+wrong") for _ in range(30)]
            tries += [browser.send("/login", f"name=n{n}&password=x".encode()) for n in range(10)]
            replies = await asyncio.gather(*tries)
            other.cancel()
            return [status for status, _, _ in replies], ticks

        statuses, ticks = asyncio.run(many())
        assert statuses[:30].count(401) == auth.FREE_BY_NAME
        assert set(statuses) == {401, 429}
        assert most <= auth.CHECKED_AT_ONCE
        assert ticks > 10  # the event loop went on meanwhile

    def test_a_crowd_is_sent_away(self, file, monkeypatch):
        monkeypatch.setattr(auth, "MOST_WAITING", 3)
        browser = Browser(file)

        async def many():
            tries = [browser.send("/login", f"name=n{n}&password=x".encode()) for n in range(8)]
            return sorted([status for status, _, _ in await asyncio.gather(*tries)])

        assert asyncio.run(many()) == [401] * 3 + [503] * 5
        assert browser.log_in()[0] == 303


# --- In the browser, with the real server ---------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory, exported_encoder):
    server = login_client.started(tmp_path_factory.mktemp("auth"), exported_encoder)
    yield server
    server.process.terminate()
    server.process.wait(60)
    server.process.stdout.close()
    log = (server.folder / "stderr.log").read_text()
    assert "Traceback" not in log
    assert not any(password in log for password in PASSWORDS.values())


def log_in(page, name, *, wrong=False):
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill("no such password" if wrong else PASSWORDS[name])
    page.get_by_role("button", name="Log in").click()


@pytest.mark.browser
def test_in_and_out(context, server):
    page = context.new_page()
    page.goto(server.url)
    expect(page).to_have_url(f"{server.url}/login")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("ada")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORDS["ada"])
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{server.url}/")
    expect(page.locator(".state.ready")).to_be_visible(timeout=120_000)
    exchange = test_web.ask(page, test_web.EUV)
    expect(exchange.locator("blockquote").first).to_contain_text("ASML")
    exchange.get_by_role("button", name="Right answer").click()
    expect(exchange.get_by_role("button", name="Right answer")).to_have_attribute(
        "aria-pressed", "true"
    )
    # By it the page tells whose conversations are whose in this browser.
    expect(page.locator("meta[name=askseeds-user]")).to_have_attribute("content", "ada")
    (cookie,) = context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert page.evaluate("document.cookie") == ""
    feedback = (server.folder / "index" / "feedback.jsonl").read_text()
    assert "ada" not in re.findall(r"\w+", feedback)
    assert cookie["value"] not in feedback

    page.goto(f"{server.url}/login")  # who is in needs no second login
    expect(page).to_have_url(f"{server.url}/")
    # Her conversation goes with her; that of somebody else in this browser stays.
    expect(page.locator(".state.ready")).to_be_visible(timeout=120_000)
    kept = "Object.keys(localStorage).filter((name) => name.includes('/conversation/'))"
    assert len(page.evaluate(kept)) == 1
    page.evaluate("localStorage.setItem('askseeds/bob/conversation/1', '{}')")
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(f"{server.url}/login")
    assert page.evaluate(kept) == ["askseeds/bob/conversation/1"]
    page.go_back()
    expect(page.get_by_label("Password")).to_be_visible()
    assert context.cookies() == []


@pytest.mark.browser
def test_an_open_page_goes_to_the_login_when_it_has_ended(browser, server):
    context = browser.new_context()
    page = context.new_page()
    page.goto(server.url)
    log_in(page, "bob")
    expect(page.locator(".state.ready")).to_be_visible(timeout=120_000)
    cookie = "; ".join(f"{kept['name']}={kept['value']}" for kept in context.cookies())
    assert Client(server, headers={"Cookie": cookie}).post("/logout").status == 303
    box = page.get_by_label("Your question")
    box.fill(test_web.EUV)
    box.press("Enter")
    expect(page).to_have_url(f"{server.url}/login")
    context.close()


@pytest.mark.browser
def test_two_users_at_once_do_not_see_each_other(browser, server):
    questions = {"ada": test_web.EUV, "bob": test_web.SEVERAL}
    contexts = {name: browser.new_context() for name in questions}
    pages = {name: context.new_page() for name, context in contexts.items()}
    for name, page in pages.items():
        page.goto(server.url)
        log_in(page, name)
        expect(page.locator(".state.ready")).to_be_visible()
    for name, page in pages.items():  # neither waits for the other
        page.get_by_label("Your question").fill(questions[name])
        page.keyboard.press("Enter")
    for name, page in pages.items():
        expect(page.locator(".verdict.answered")).to_have_count(1)
        expect(page.locator(".question")).to_have_text([questions[name]])
        page.reload()
        expect(page.locator(".verdict.answered")).to_have_count(1)
        expect(page.locator(".question")).to_have_text([questions[name]])
        page.get_by_role("button", name="Conversations:").click()
        expect(page.locator("#list .row .name")).to_have_text([questions[name]])
    for context in contexts.values():
        context.close()


@pytest.mark.browser
def test_a_wrong_password_says_so(browser, server):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server.url)
    log_in(page, "<script>", wrong=True)
    expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
    # The name need not be typed again, and is a name whatever it is.
    expect(page.get_by_label("Name")).to_have_value("<script>")
    expect(page.get_by_label("Password")).to_be_focused()
    expect(page.get_by_label("Password")).to_have_value("")
    expect(page.locator("script")).to_have_count(0)
    log_in(page, "ada")
    expect(page).to_have_url(f"{server.url}/")
    context.close()


@pytest.mark.browser
def test_a_name_that_was_typed_is_text(browser, server):
    hostile = '"><img src=x onerror=alert(1)>{message}&quot;\' autofocus onfocus=alert(2) x="'
    context = browser.new_context()
    page = context.new_page()
    alarms = []
    page.on("dialog", lambda dialog: (alarms.append(dialog.message), dialog.dismiss()))
    page.goto(server.url)
    log_in(page, hostile, wrong=True)
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value(hostile[:64])
    expect(page.locator("img, [onfocus], [onerror]")).to_have_count(0)
    assert alarms == []
    context.close()


@pytest.mark.browser
def test_who_guesses_has_to_wait(browser, server):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server.url)
    longest_s = 0
    while longest_s < 4:  # the clock is the real one: the first waits may be over too soon
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password").fill("no such password")
        with page.expect_response(lambda response: response.request.method == "POST") as reply:
            page.get_by_role("button", name="Log in").click()
        assert reply.value.status in (401, 429)
        if reply.value.status == 429:
            wait_s = int(reply.value.headers["retry-after"])
            assert 0 < wait_s <= slowdown.MOST_S
            longest_s = max(longest_s, wait_s)
            if longest_s < 4:
                time.sleep(wait_s)
    # The right password does not help her either, nor does it from elsewhere; others get in.
    log_in(page, "ada")
    expect(page.get_by_role("alert")).to_have_text(
        re.compile(r"Too many tries\. Wait \d s, then try again\.")
    )
    expect(page.get_by_label("Name")).to_have_value("ada")
    assert Client(server).log_in("ada").status == 429
    assert Client(server).log_in("bob").status == 303
    deadline = time.monotonic() + 60
    while page.url != f"{server.url}/" and time.monotonic() < deadline:
        time.sleep(0.5)
        with page.expect_response(lambda response: response.request.method == "POST"):
            log_in(page, "ada")
        page.wait_for_load_state()
    expect(page).to_have_url(f"{server.url}/")
    context.close()
