"""Settings: arguments beat environment (`ASKSEEDS_*`) beats `askseeds.toml` beats the defaults."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from askseeds.errors import ConfigError

CONFIG_FILE = Path("askseeds.toml")
ENVIRONMENT_PREFIX = "ASKSEEDS_"


def _named(folder: object) -> object:
    """An empty name would mean the working folder, which nobody means by it."""
    if folder == "":
        raise ValueError("a folder must be named")
    return folder


Folder = Annotated[Path, BeforeValidator(_named)]


class Settings(BaseModel):
    """Everything that can be set. Frozen; made once by `load` at an entry point."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seeds: Folder = Field(Path("seeds"), description="folder with the documents")
    index: Folder = Field(Path("index"), description="folder for the index")
    encoder: str = Field(
        "", description="sentence-transformers model, by name or folder; empty: the one installed"
    )
    max_quotes: int = Field(3, ge=1, le=20, description="most quotes in an answer")
    min_confidence: float = Field(
        0.7, ge=0, le=1, description="below this confidence the answer is: not found"
    )
    max_file_mb: float = Field(
        100, gt=0, le=100_000, description="larger files are skipped, with a message"
    )
    model: str = Field(
        "", description="language model for prose, such as local or ollama:llama3.2; empty: none"
    )
    base_url: str = Field("", description="another address of the language model's server")
    max_tokens: int = Field(
        1000, ge=16, le=100_000, description="most tokens of a language model's reply"
    )
    timeout_s: float = Field(
        120, gt=0, le=3600, description="longest time for a language model's reply, in seconds"
    )


_NUMBERS = frozenset(
    name for name, field in Settings.model_fields.items() if field.annotation in (int, float)
)


def load(file: Path | None = None, arguments: Mapping[str, Any] | None = None) -> Settings:
    """Reads the settings.

    Args:
        file: A configuration file that must exist; without one `askseeds.toml`, if there is one.
        arguments: Values from the command line; None stands for "not given".

    Raises:
        ConfigError: An unknown key, a value of the wrong kind, a file that cannot be read, or one
            of the two folders inside the other.
    """
    from_file = _from_file(file)
    where = {key: f"{file or CONFIG_FILE}: {key}" for key in from_file}
    from_environment = {
        name.removeprefix(ENVIRONMENT_PREFIX).lower(): value
        for name, value in os.environ.items()
        if name.startswith(ENVIRONMENT_PREFIX)
    }
    where |= {key: ENVIRONMENT_PREFIX + key.upper() for key in from_environment}
    given = {key: value for key, value in (arguments or {}).items() if value is not None}
    where |= {key: "--" + key.replace("_", "-") for key in given}
    for key, value in from_file.items():
        # From the environment every value is text; a file can tell text from a number.
        if key in _NUMBERS and isinstance(value, bool | str):
            raise ConfigError(f"{where[key]}: must be a number, got {value!r}")
    try:
        settings = Settings.model_validate(from_file | from_environment | given)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            known = ", ".join(sorted(Settings.model_fields))
            raise ConfigError(f"{where[key]} is not a setting; there are: {known}") from None
        raise ConfigError(f"{where[key]}: {first['msg']}, got {first['input']!r}") from None
    _check_apart(settings, where)
    return settings


def _check_apart(settings: Settings, where: Mapping[str, str]) -> None:
    """Makes sure that nothing of the index is read as a document, or the other way round."""
    seeds, index = settings.seeds.resolve(), settings.index.resolve()
    name = where.get("index") or where.get("seeds") or "index"
    if seeds == index:
        problem = f"{settings.index} is the seeds folder"
    elif index.is_relative_to(seeds):
        problem = f"{settings.index} is inside the seeds folder {settings.seeds}"
    elif seeds.is_relative_to(index):
        problem = f"the seeds folder {settings.seeds} is inside the index folder {settings.index}"
    else:
        return
    raise ConfigError(f"{name}: {problem}; choose another with --index")


def _from_file(file: Path | None) -> dict[str, Any]:
    path = file or CONFIG_FILE
    if file is None and not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
