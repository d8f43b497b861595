"""What the user sets: the account, the key, the service, the database, privacy. Checked here."""

import ipaddress
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from snapshotter.errors import UsageError

ACCOUNT_VARIABLE = "XPLENTY_ACCOUNT_ID"
KEY_VARIABLE = "XPLENTY_API_KEY"
API_URL_VARIABLE = "XPLENTY_API_URL"
DATABASE_URL_VARIABLE = "SNAPSHOTTER_DATABASE_URL"
VARIABLES_VARIABLE = "SNAPSHOTTER_VARIABLES"
SECRET_NAMES_VARIABLE = "SNAPSHOTTER_SECRET_NAMES"  # noqa: S105 - the name of a variable
HASH_KEY_VARIABLE = "SNAPSHOTTER_HASH_KEY"
DEFAULT_API_URL = "https://api.xplenty.com"
DEFAULT_DATABASE_URL = "sqlite:///job_history.db"
DEFAULT_OVERLAP = timedelta(minutes=5)
DEFAULT_TIMEOUT = 30.0
Variables = Literal["mask", "hash", "keep", "drop"]


@dataclass(frozen=True)
class Key:
    """The API key, or the key of the hashes. It prints as stars, whoever prints it."""

    secret: str = field(repr=False)

    def __repr__(self) -> str:
        return "Key(***)"

    __str__ = __repr__


@dataclass(frozen=True)
class Service:
    """Whose jobs are read, and where. `timeout` is in seconds, for a whole request."""

    account_id: str
    key: Key
    api_url: str = DEFAULT_API_URL
    timeout: float = DEFAULT_TIMEOUT


@dataclass(frozen=True)
class Privacy:
    """What becomes of secrets in what is stored, and the parts of names that tell of more."""

    variables: Variables = "mask"
    secret_names: tuple[str, ...] = ()
    hash_key: Key | None = None


def service(
    environment: Mapping[str, str], key_file: Path | None = None, timeout: float = DEFAULT_TIMEOUT
) -> Service:
    """Read the account, the key and the service's URL.

    Raises `UsageError` when one is missing or cannot be.
    """
    if not math.isfinite(timeout):
        raise UsageError(f"--timeout: {timeout} is no number of seconds")
    account_id = environment.get(ACCOUNT_VARIABLE, "").strip()
    if not account_id:
        raise UsageError(f"no account: set {ACCOUNT_VARIABLE} to the account's name in its URLs")
    if not re.fullmatch(r"[\w.~-]{1,255}", account_id, re.ASCII) or set(account_id) == {"."}:
        raise UsageError(
            f"{ACCOUNT_VARIABLE}: {account_id!r} is no account id; letters, digits, - _ . and ~"
        )
    return Service(
        account_id,
        _key(environment, key_file),
        _api_url(environment.get(API_URL_VARIABLE) or DEFAULT_API_URL),
        timeout,
    )


def privacy(environment: Mapping[str, str], variables: str) -> Privacy:
    """Read what becomes of secrets; the key of the hashes only where it is to be used.

    Raises `UsageError` when there is no such way, or when the key is missing.
    """
    way: Variables | None = next((way for way in get_args(Variables) if way == variables), None)
    if way is None:
        raise UsageError(
            f"--variables ({VARIABLES_VARIABLE}): {variables!r} is not mask, hash, keep or drop"
        )
    parts = (part.strip() for part in environment.get(SECRET_NAMES_VARIABLE, "").split(","))
    names = tuple(part for part in parts if part)
    return Privacy(way, names, _hash_key(environment) if way == "hash" else None)


def _hash_key(environment: Mapping[str, str]) -> Key:
    secret = environment.get(HASH_KEY_VARIABLE, "").strip()
    if not secret:
        raise UsageError(
            f"--variables hash: no key to hash by; set {HASH_KEY_VARIABLE} to a long random text, "
            "the same for every run"
        )
    return Key(secret)


def _key(environment: Mapping[str, str], key_file: Path | None) -> Key:
    if key_file is not None:
        try:
            secret = key_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8 text"
            raise UsageError(f"--api-key-file: cannot read {str(key_file)!r}: {reason}") from None
        source = f"--api-key-file {str(key_file)!r}"
    else:
        secret, source = environment.get(KEY_VARIABLE, "").strip(), KEY_VARIABLE
    if not secret:
        raise UsageError(f"no API key: set {KEY_VARIABLE}, or name a file by --api-key-file")
    if not secret.isascii() or not secret.isprintable() or ":" in secret or " " in secret:
        raise UsageError(f"{source}: not an API key; it has characters that none has")
    return Key(secret)


def _api_url(given: str) -> str:
    url = given.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise UsageError(f"{API_URL_VARIABLE}: not a URL; like {DEFAULT_API_URL}") from None
    if "@" in parts.netloc:
        raise UsageError(f"{API_URL_VARIABLE}: leave user and password out; the key has its own")
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise UsageError(f"{API_URL_VARIABLE}: {given!r} is no base URL; like {DEFAULT_API_URL}")
    labels = host.removesuffix(".").split(".")
    if ":" not in host and not all(re.fullmatch(r"[\w-]{1,63}", label) for label in labels):
        raise UsageError(f"{API_URL_VARIABLE}: {host!r} is no host name; like {DEFAULT_API_URL}")
    if parts.scheme == "http" and not _is_loopback(host):
        raise UsageError(
            f"{API_URL_VARIABLE}: {given!r} would send the key in clear; "
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
