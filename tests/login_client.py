"""A chat with logins, and a browser without a page, for the tests of logins and of the guard."""

import http.client
import json
import shutil
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path

from askseeds.web import users
from tests.conftest import COMMAND
from tests.test_web import MAIN, SEED, Server

__all__ = ["COMMAND", "PASSWORDS", "Client", "Reply", "started"]

PASSWORDS = {"ada": "correct horse battery", "bob": "staple of another kind"}


def started(folder: Path, encoder: Path, *arguments: object, program: str = MAIN) -> Server:
    """A chat over the article, with ada and bob, and chat.example as another name."""
    shutil.copytree(encoder, folder / "index" / "encoder")
    (folder / "seeds").mkdir(exist_ok=True)
    shutil.copy(SEED, folder / "seeds" / "article.txt")
    for name, password in PASSWORDS.items():
        users.add(folder / "users", name, password)
    logins = ("--auth-file", "users", "--allow-host", "chat.example")
    return Server(folder, *logins, *arguments, program=program)


@dataclass
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def cookie(self) -> str:
        """What goes into `Cookie`, without its attributes."""
        return (self.headers["Set-Cookie"] or "").partition(";")[0]


@dataclass
class Client:
    """Sends what a browser sends, and only what it is told to."""

    server: Server
    host: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        self.host = self.host or f"127.0.0.1:{self.server.port}"

    def open(self, method, path, body=None, **headers):
        """A connection with its response, whose body is not read yet."""
        address = ("127.0.0.1", self.server.port)
        connection = http.client.HTTPConnection(*address, timeout=60)
        sent = {"Host": self.host} | self.headers
        if method == "POST":
            sent["Origin"] = f"http://{self.host}"
        if isinstance(body, dict):
            body, sent["Content-Type"] = json.dumps(body), "application/json"
        elif body is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {k: v for k, v in sent.items() if v is not None})
        return connection, connection.getresponse()

    def get(self, path, **headers):
        return self._whole("GET", path, None, headers)

    def post(self, path, body="", **headers):
        return self._whole("POST", path, body, headers)

    def _whole(self, method, path, body, headers):
        connection, response = self.open(method, path, body, **headers)
        try:
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()

    def log_in(self, name, password=None, **headers):
        """Logs in, and keeps the cookie when that is granted."""
        password = PASSWORDS[name] if password is None else password
        form = urllib.parse.urlencode({"name": name, "password": password})
        reply = self.post("/login", form, **headers)
        if reply.cookie:
            self.headers["Cookie"] = reply.cookie
        return reply
