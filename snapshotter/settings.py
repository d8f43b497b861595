"""What the user sets: the account, the key, the service, the database, privacy. Checked here."""

import ipaddress
import logging
import os
import re
import shlex
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from snapshotter.errors import UsageError
from snapshotter.texts import cleaned, decoded

log = logging.getLogger(__name__)

ACCOUNT_VARIABLE = "XPLENTY_ACCOUNT_ID"
KEY_VARIABLE = "XPLENTY_API_KEY"
API_URL_VARIABLE = "XPLENTY_API_URL"
DATABASE_URL_VARIABLE = "SNAPSHOTTER_DATABASE_URL"
VARIABLES_VARIABLE = "SNAPSHOTTER_VARIABLES"
SECRET_NAMES_VARIABLE = "SNAPSHOTTER_SECRET_NAMES"  # noqa: S105 - the name of a variable
HASH_KEY_VARIABLE = "SNAPSHOTTER_HASH_KEY"
CONFIG_VARIABLE = "SNAPSHOTTER_CONFIG"
DEFAULT_API_URL = "https://api.xplenty.com"
DEFAULT_DATABASE_URL = "sqlite:///job_history.db"
DEFAULT_OVERLAP = timedelta(minutes=5)
DEFAULT_TIMEOUT = 30.0
LONGEST_KEY_FILE = 65_536  # bytes
Variables = Literal["mask", "hash", "keep", "drop"]
MODES = get_args(Variables)


@dataclass(frozen=True)
class Key:
    """The API key, or the key of the hashes. Printing it prints stars.

    `source` names where it was read from.
    """

    secret: str = field(repr=False)
    source: str = field(default=KEY_VARIABLE, compare=False)

    def __repr__(self) -> str:
        return "Key(***)"

    __str__ = __repr__


@dataclass(frozen=True)
class Service:
    """Whose jobs are read, and from which URL. `timeout`: seconds, for a whole request."""

    account_id: str
    key: Key
    api_url: str = DEFAULT_API_URL
    timeout: float = DEFAULT_TIMEOUT


@dataclass(frozen=True)
class Privacy:
    """How secrets are stored, and extra parts of names that mark a value as secret."""

    variables: Variables = "mask"
    secret_names: tuple[str, ...] = ()
    hash_key: Key | None = None


def known_secrets() -> list[str]:
    """Return the keys in the environment; they are masked even if they are not used."""
    values = (setting(os.environ, name) for name in (KEY_VARIABLE, HASH_KEY_VARIABLE))
    return [value for value in values if value]


def setting(environment: Mapping[str, str], name: str) -> str:
    """Return a variable without the white space around it; empty if it is not set."""
    return cleaned(environment.get(name, ""))


def account_id(given: str, source: str) -> str:
    """Return an account's name if it can be one. Raises `UsageError`, without quoting it."""
    if not re.fullmatch(r"[\w.~-]{1,255}", given, re.ASCII) or set(given) == {"."}:
        raise UsageError(
            f"{source}: not a valid account id; it is the account's name in its URLs: letters, "
            "digits, - _ . and ~"
        )
    return given


def privacy(environment: Mapping[str, str], variables: str) -> Privacy:
    """Read how secrets are stored; the key of the hashes only if it is used.

    Raises `UsageError` for an unknown mode, or if the key is missing.
    """
    mode: Variables | None = next((mode for mode in MODES if mode == variables), None)
    if mode is None:
        raise UsageError(f"--variables ({VARIABLES_VARIABLE}) is not mask, hash, keep or drop")
    parts = map(cleaned, environment.get(SECRET_NAMES_VARIABLE, "").split(","))
    names = tuple(part for part in parts if part)
    return Privacy(mode, names, _hash_key(environment) if mode == "hash" else None)


def _hash_key(environment: Mapping[str, str]) -> Key:
    secret = setting(environment, HASH_KEY_VARIABLE)
    if not secret:
        raise UsageError(
            f"--variables hash: no key for the hashes; set {HASH_KEY_VARIABLE} to a long random "
            "text, the same for every run"
        )
    return Key(secret, HASH_KEY_VARIABLE)


def valid_key(secret: str, source: str) -> Key:
    """Return a key if it can be one. Raises `UsageError`, without quoting it."""
    if not secret.isascii() or not secret.isprintable() or ":" in secret or " " in secret:
        raise UsageError(
            f"{source}: not a valid API key: it has spaces, colons, control or non-ASCII characters"
        )
    return Key(secret, source)


def key_of_file(path: Path, named_by: str, *, is_private: bool = False) -> Key:
    """Read a key from a file that an option or a setting names.

    Warns if others can read the file, unless its place `is_private`. Raises `UsageError`.
    """
    if not os.path.lexists(path):  # it may be the key itself
        raise UsageError(f"{named_by}: there is no such file; name the file with the key")
    source = f"{named_by} {str(path)!r}"
    secret = cleaned(_read_key(path, source, is_private=is_private))
    if not secret:
        raise UsageError(f"{source} is empty; put the API key into it, on one line")
    if (lines := len(secret.splitlines())) > 1:
        raise UsageError(f"{source} has {lines} lines; leave just the API key, on one line")
    return valid_key(secret, source)


def _read_key(path: Path, source: str, *, is_private: bool) -> str:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            data = file.read(LONGEST_KEY_FILE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{source} cannot be read: {reason}") from None
    if len(data) > LONGEST_KEY_FILE:
        raise UsageError(f"{source} is too long to be an API key")
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISREG(status.st_mode) and mode & 0o077 and not is_private:
        again = f"chmod 600 {shlex.quote(str(path))}"
        log.warning("%s can be read by others (mode %04o); run %s", source, mode, again)
    return decoded(data, source)


def base_url(given: str, named_by: str = API_URL_VARIABLE) -> str:
    """Return the service's URL if it can be one. Raises `UsageError`, without quoting it."""
    url = given.rstrip("/")
    expected = f"expected something like {DEFAULT_API_URL}"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise UsageError(f"{named_by}: not a URL; {expected}") from None
    if "@" in parts.netloc:
        raise UsageError(f"{named_by}: leave user and password out; the key is in {KEY_VARIABLE}")
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise UsageError(f"{named_by}: not a base URL; {expected}")
    labels = host.removesuffix(".").split(".")
    if ":" not in host and not all(re.fullmatch(r"[\w-]{1,63}", label) for label in labels):
        raise UsageError(f"{named_by}: its host is not a host name; {expected}")
    if parts.scheme == "http" and not _is_loopback(host):
        raise UsageError(
            f"{named_by}: plain http would send the key in clear; "
            "use https (plain http goes to loopback only)"
        )
    return url


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
