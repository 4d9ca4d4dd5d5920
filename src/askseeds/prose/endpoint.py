"""Where a language model is, and whether asking it leaves this machine. Pure."""

import ipaddress
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from askseeds.errors import ConfigError

LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Provider:
    """What LangChain needs for a provider.

    Attributes:
        extra: Of askseeds: what to install.
        module: The LangChain package that it brings.
        keys: Environment variables, any of which holds the key; none where no key is needed.
        urls: Environment variables that may hold another address.
        url: Where it is, if nothing else is said.
    """

    extra: str
    module: str
    keys: tuple[str, ...]
    urls: tuple[str, ...]
    url: str


PROVIDERS = {
    LOCAL: Provider("local", "xllamacpp", (), (), ""),
    "ollama": Provider(
        "ollama", "langchain_ollama", (), ("OLLAMA_HOST",), "http://127.0.0.1:11434"
    ),
    "openai": Provider(
        "openai",
        "langchain_openai",
        ("OPENAI_API_KEY",),
        ("OPENAI_API_BASE", "OPENAI_BASE_URL"),
        "https://api.openai.com/v1",
    ),
    "anthropic": Provider(
        "anthropic",
        "langchain_anthropic",
        ("ANTHROPIC_API_KEY",),
        ("ANTHROPIC_API_URL", "ANTHROPIC_BASE_URL"),
        "https://api.anthropic.com",
    ),
    "google_genai": Provider(
        "google",
        "langchain_google_genai",
        ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        (),
        "https://generativelanguage.googleapis.com",
    ),
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A language model by name and address.

    Attributes:
        name: As the user named it, such as "openai:gpt-5.5"; shown with every answer.
        provider: A key of `PROVIDERS`.
        model: The provider's name for it; for `local`, a path, or empty for the one installed.
        url: Where it is asked; empty for `local`, whose address is chosen when it starts.
        remote: Whether asking it leaves this machine.
    """

    name: str
    provider: str
    model: str
    url: str
    remote: bool

    @property
    def place(self) -> str:
        """Where questions go, for people."""
        return urlsplit(self.url).netloc.rpartition("@")[2] if self.remote else "this machine"


def endpoint(name: str, base_url: str = "") -> Endpoint:
    """Reads the name of a model; opens and imports nothing.

    Args:
        name: "provider:model", or "local" or "local:PATH".
        base_url: Another address than the provider's own.

    Raises:
        ConfigError: The provider is not known, or no model is named.
    """
    provider, _, model = name.partition(":")
    if provider not in PROVIDERS or not (model or provider == LOCAL):
        known = ", ".join(f"{one}:NAME" for one in PROVIDERS if one != LOCAL)
        raise ConfigError(f"model {name!r} is not known; there are: local, local:PATH, {known}")
    if provider == LOCAL:
        if base_url:
            raise ConfigError("base_url: a local model has none; leave it out, or use openai:NAME")
        return Endpoint(name, provider, model, "", remote=False)
    facts = PROVIDERS[provider]
    if base_url and provider == "google_genai":
        raise ConfigError("base_url: google_genai has one address only; leave it out")
    set_urls = (os.environ.get(variable, "") for variable in facts.urls)
    url = base_url or next((url for url in set_urls if url), "") or facts.url
    if "://" not in url:
        url = f"http://{url}"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"base_url {url!r} is not an address; it begins with http:// or https://")
    # Ollama passes these on to its maker's servers, from an address on this machine.
    passed_on = provider == "ollama" and model.endswith(("-cloud", ":cloud"))
    return Endpoint(name, provider, model, url, passed_on or not _is_loopback(parts.hostname))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
