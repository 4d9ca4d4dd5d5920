"""What the tests share: real seeds, a real encoder made once, and a world without network."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from askseeds import models
from askseeds.config import Settings
from askseeds.export import export_encoder

ROOT = Path(__file__).parent.parent
ARTICLE = "000_0a94dbc707a55d23.txt"
COMMAND = [sys.executable, "-m", "askseeds"]

# Hugging Face libraries must not look for a network that the tests forbid.
os.environ["HF_HUB_OFFLINE"] = "1"
for name in [name for name in os.environ if name.startswith("ASKSEEDS_")]:
    del os.environ[name]


class NetworkUsed(AssertionError):
    """Something tried to leave the machine."""


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every connection that does not stay on this machine fails, and names where it went."""
    connect, resolve = socket.socket.connect, socket.getaddrinfo

    def guarded(self: socket.socket, address: object) -> None:
        if self.family != socket.AF_UNIX and not _is_loopback(address):
            raise NetworkUsed(f"a connection to {address}")
        connect(self, address)  # type: ignore[arg-type]

    def resolved(host: object, *args: object, **kwargs: object) -> object:
        if not _is_loopback((host,)):
            raise NetworkUsed(f"a look-up of {host}")
        return resolve(host, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket, "getaddrinfo", resolved)


def _is_loopback(address: object) -> bool:
    host = address[0] if isinstance(address, tuple) else address
    host = host.decode() if isinstance(host, bytes) else host
    return host in (None, "", "localhost", "::1", "0.0.0.0") or str(host).startswith("127.")


@pytest.fixture(scope="session")
def exported_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default encoder, exported once for all tests."""
    folder = tmp_path_factory.mktemp("exported") / "encoder"
    text = (ROOT / "seeds" / ARTICLE).read_text(encoding="utf-8-sig")
    export_encoder("", folder, samples=text.splitlines())
    return folder


@pytest.fixture
def place(tmp_path: Path, exported_encoder: Path) -> Settings:
    """An empty seeds folder and an index that holds nothing but the encoder."""
    seeds, index = tmp_path / "seeds", tmp_path / "index"
    seeds.mkdir()
    index.mkdir()
    shutil.copytree(exported_encoder, index / "encoder")
    return Settings(seeds=seeds, index=index)


@pytest.fixture
def article_place(place: Settings) -> Settings:
    """The article that comes with the project as the only seed."""
    shutil.copy(ROOT / "seeds" / ARTICLE, place.seeds)
    return place


Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the command line in a process of its own, away from the project's folder."""

    def run(*arguments: object, **kwargs: object) -> "subprocess.CompletedProcess[bytes]":
        options: dict[str, object] = {"cwd": tmp_path, "capture_output": True, "timeout": 300}
        command = [*COMMAND, *(str(argument) for argument in arguments)]
        return subprocess.run(command, check=False, **(options | kwargs))  # type: ignore[call-overload,no-any-return]

    return run


@pytest.fixture
def embedded_texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text the real encoder embeds while a test runs, but for the trials of an export."""
    seen: list[str] = []
    encode = models.Encoder.encode_passages

    def counted(self: models.Encoder, texts: list[str], *args: object, **kwargs: object) -> object:
        if sys._getframe(1).f_globals["__name__"] != "askseeds.export":
            seen.extend(texts)
        return encode(self, texts, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(models.Encoder, "encode_passages", counted)
    return seen
