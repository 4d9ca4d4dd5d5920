"""Who may log in: a file with one `name:hash` a line, which only its owner may read.

The hashes are Argon2id, in the usual form. Empty lines and lines that begin with `#` are left
alone. To take somebody out, delete the line; the chat follows at once.
"""

import fcntl
import os
import re
import secrets
import stat
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import click
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from askseeds.errors import ConfigError

MIN_PASSWORD, MAX_PASSWORD = 10, 1024
"""Characters of a password."""
MAX_FILE_BYTES = 1_000_000

HASHER = PasswordHasher()
"""The library's own choice, which is that of RFC 9106 for little memory: 64 MiB, three passes."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_HASH = re.compile(
    r"\$argon2id\$v=19\$m=\d{1,7},t=\d{1,3},p=\d{1,3}\$[A-Za-z0-9+/]{11,88}\$[A-Za-z0-9+/]{16,88}"
)


def read(file: Path) -> dict[str, str]:
    """The hash of each name, which is in lower case.

    Raises:
        ConfigError: There is no such file, others may read or change it, or a line is wrong.
    """
    return {name: digest for name, digest in _parsed(_text(file), file) if name}


def verify(digest: str, password: str) -> bool:
    """Whether the password is the one that was hashed; takes about 0.1 s and 64 MiB."""
    try:
        return HASHER.verify(digest, _plain(password))
    except (VerificationError, InvalidHashError):
        return False


def add(file: Path, name: str, password: str) -> bool:
    """Adds a user or replaces a password, whole or not at all; the file is made if it is missing.

    Returns:
        True when the user was there before.

    Raises:
        ConfigError: The name, the password or the file is not as it has to be.
    """
    name = _checked_name(name)
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise ConfigError(
            f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters; choose another one"
        )
    line = f"{name}:{HASHER.hash(_plain(password))}"
    file = file.resolve()  # a link stays a link
    try:
        folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise _fault(file, error) from error
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # of two who add at once, none is lost
        text = _text(file) if file.exists() else ""
        lines = text.splitlines()
        names = [known for known, _ in _parsed(text, file)]
        if name in names:
            lines[names.index(name)] = line
        else:
            lines.append(line)
        _write(file, "\n".join(lines) + "\n")
        os.fsync(folder)
    except OSError as error:
        raise _fault(file, error) from error
    finally:
        os.close(folder)
    return name in names


def add_by_hand(file: Path, name: str) -> None:
    """Asks for the password and adds the user; from a pipe, the password is its first line.

    Raises:
        ConfigError: As `add`.
        click.Abort: The person thought better of it.
    """
    name = _checked_name(name)
    known = file.exists() and name in read(file)
    if sys.stdin.isatty():
        if known:
            click.confirm(f"{name} has a password. Replace it?", abort=True, err=True)
        password = click.prompt(
            f"Password for {name}",
            hide_input=True,
            confirmation_prompt="The same again",
            err=True,
        )
    else:
        try:
            password = sys.stdin.buffer.readline().decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise ConfigError(f"the password is not UTF-8 (byte {error.start})") from error
    replaced = add(file, name, password)
    click.echo(f"{file}: {name} {'has a new password' if replaced else 'may log in'}")


class Users:
    """The users as the file has them now: it is looked at each time, and read when it changed.

    A file that is broken while the chat runs lets nobody in until it is mended.
    """

    def __init__(self, file: Path, notice: Callable[[str], None]) -> None:
        """Reads the file.

        Raises:
            ConfigError: As `read`, or nobody is in it.
        """
        self._file = file
        self._notice = notice
        self._seen = self._signature()
        self._hashes = read(file)
        if not self._hashes:
            raise ConfigError(
                f"{file} names nobody; add a user: askseeds chat --add-user NAME --auth-file {file}"
            )
        self._nobody = HASHER.hash(secrets.token_hex())

    def hash_of(self, name: str) -> str | None:
        """The hash of a user, or None."""
        seen = self._signature()
        if seen != self._seen:
            self._seen = seen
            try:
                self._hashes = read(self._file)
            except ConfigError as error:
                self._hashes = {}
                self._notice(f"nobody can log in: {error}")
        return self._hashes.get(name)

    def verify(self, name: str, password: str) -> str | None:
        """The hash that the password was right for; for an unknown name it takes as long."""
        known = self._hashes.get(name)
        right = verify(known or self._nobody, password)
        return known if right else None

    def _signature(self) -> tuple[int, ...]:
        try:
            now = self._file.stat()
        except OSError:
            return ()
        return now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns


def _checked_name(name: str) -> str:
    name = name.lower()
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} cannot be a user's name; take up to 64 letters a-z, digits and . _ @ -"
        )
    return name


def _plain(password: str) -> bytes:
    # Keyboards differ in how they write the same letter.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            about = os.fstat(opened.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise ConfigError(f"{file} is not a file; name one with --auth-file")
            if about.st_uid not in (os.geteuid(), 0):
                raise ConfigError(f"{file} belongs to another user; make a copy of your own")
            if about.st_mode & 0o077:
                raise ConfigError(f"{file} can be read or changed by others: chmod 600 {file}")
            data = opened.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigError(
            f"{file} is not there; make it: askseeds chat --add-user NAME --auth-file {file}"
        ) from error
    except OSError as error:
        raise _fault(file, error) from error
    if len(data) > MAX_FILE_BYTES:
        raise ConfigError(f"{file} is too large for a list of users; name another --auth-file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{file}, line {line}: this is not UTF-8; delete or mend it") from error


def _parsed(text: str, file: Path) -> list[tuple[str, str]]:
    """A name and a hash for each line; both are empty where a line holds no user."""
    found: list[tuple[str, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        name, colon, digest = line.strip().partition(":")
        name = name.lower()
        if (not name and not colon) or line.lstrip().startswith("#"):
            name, digest = "", ""
        elif not _NAME.fullmatch(name) or not _HASH.fullmatch(digest):
            raise ConfigError(
                f"{file}, line {number}: this is not name:hash with an Argon2id hash; "
                "delete the line and add the user with --add-user"
            )
        elif any(name == known for known, _ in found):
            raise ConfigError(f"{file}, line {number}: {name} is here twice; delete one of them")
        found.append((name, digest))
    return found


def _write(file: Path, text: str) -> None:
    part = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(descriptor)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _fault(file: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"{file}: {(error.strerror or 'no access').lower()}; name another --auth-file"
    )
