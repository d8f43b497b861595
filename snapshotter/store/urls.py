"""Reads the URL of a database. Whatever is wrong with it is said without quoting it."""

import re
from dataclasses import dataclass

from sqlalchemy import URL, exc, make_url
from sqlalchemy.engine import Dialect

from snapshotter.errors import UsageError

# Any driver that a URL names is taken as the one that is installed with this command.
_DRIVERS = {
    "sqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
_SQLITE_DRIVERS = ("", "pysqlite", "aiosqlite")
_RESERVED = "/?#[]@"
_SHORTEST_SECRET = 3  # characters; a shorter one would mask letters of plain words
# What PyMySQL takes as an object, or this command decides itself.
_NOT_FROM_A_URL = {
    *("autocommit", "auth_plugin_map", "binary_prefix", "client_flag", "compress", "conv"),
    *("cursorclass", "defer_connect", "init_command", "named_pipe", "server_public_key"),
    *("sql_mode", "ssl", "use_unicode"),
}
_SSL_OF_SQLALCHEMY = frozenset({"ssl_capath", "ssl_cipher", "ssl_check_hostname"})


@dataclass(frozen=True)
class Hosts:
    """Several servers, of which libpq takes the first that serves."""

    hosts: str
    ports: str


def parse(text: str) -> tuple[URL, Hosts | None]:
    """Read a URL. Raises `UsageError` if it is not one, or leaves open where its password ends."""
    given = text.strip()
    scheme, separator, rest = given.partition("://")
    backend, _, driver = scheme.lower().partition("+")
    if not separator or not re.fullmatch(r"[A-Za-z0-9_+]+", scheme):
        raise _unreadable()
    if backend not in _DRIVERS or (backend == "sqlite" and driver not in _SQLITE_DRIVERS):
        raise UsageError(
            f"no database driver {scheme[:40]!r}; known are sqlite, postgresql, mysql and mariadb"
        )
    hosts = None
    if backend == "sqlite" and "?" in rest:
        raise UsageError("a SQLite URL takes no options after '?', nor a file's name with a '?'")
    if backend != "sqlite":
        _refuse_reserved(rest)
        if backend.startswith("postgres"):
            rest, hosts = _without_hosts(rest)
    try:
        parsed = make_url(f"{_DRIVERS[backend]}://{rest}")
    except (exc.ArgumentError, ValueError):
        raise _unreadable() from None
    if backend == "sqlite" and parsed.host:
        raise UsageError("a SQLite URL has three slashes, like sqlite:///job_history.db")
    return parsed, hosts


def _unreadable() -> UsageError:
    return UsageError(
        "the database's URL cannot be read; expected something like sqlite:///job_history.db or "
        "postgresql://user@host/name (percent-encode special characters in the password)"
    )


def _refuse_reserved(rest: str) -> None:
    """Refuse a URL whose user or password may end at more than one place."""
    before, at, after = rest.partition("@")
    # Without a colon or an @ of its own, what stands before the first slash is a host.
    if not at or ("/" in before and ":" not in before.partition("/")[0]):
        return
    found = next((sign for sign in _RESERVED if sign in before), None)
    if "@" in after:
        found = "@"
    elif found is None and re.search(r"%(?![0-9A-Fa-f]{2})", before):
        found = "%"
    if found is not None:
        raise UsageError(
            f"the database's URL: percent-encode {found} in the password or user "
            f"(write %{ord(found):02X})"
        )


def _without_hosts(rest: str) -> tuple[str, Hosts | None]:
    """Take several hosts, as libpq lists them, out of what follows `postgresql://`."""
    end = next((place for place, sign in enumerate(rest) if sign in "/?"), len(rest))
    user, at, listed = rest[:end].rpartition("@")
    if "," not in listed:
        return rest, None
    pairs = [re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::(\d*))?", each) for each in listed.split(",")]
    if not all(pairs):
        raise _unreadable()
    hosts = ",".join(pair[1].strip("[]") for pair in pairs if pair)
    ports = ",".join(pair[2] or "" for pair in pairs if pair)
    return user + at + rest[end:], Hosts(hosts, ports)


def shown(url: URL) -> str:
    """Return the URL without its password, and without its options, which may hold another."""
    return url.set(password=None, query={}).render_as_string()


def secrets(url: URL) -> list[str]:
    """Return what must not be printed of a URL: passwords, and the values of its options."""
    values = [str(url.password or "")]
    for name, value in url.query.items():
        if re.search("pass|secret|key|token", name):
            values += [value] if isinstance(value, str) else value
    return [value for value in values if len(value) >= _SHORTEST_SECRET]


def bad_value(url: URL) -> UsageError:
    return UsageError(f"database {shown(url)}: an option after '?' has a value that cannot be")


def check_options(url: URL, dialect: Dialect) -> None:
    """Refuse options that the driver does not know. Raises `UsageError` that names them."""
    if dialect.name == "postgresql":
        _check_by_libpq(url)
    else:
        _check_by_name(url)


def _check_by_libpq(url: URL) -> None:
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415 - only with this driver

    for name, value in url.query.items():
        if name == "host":
            continue
        try:
            make_conninfo("", **{name: value if isinstance(value, str) else value[-1]})
        except Exception:  # noqa: BLE001 - whatever it stumbles over, the option cannot be
            raise _unknown(url, name) from None


def _check_by_name(url: URL) -> None:
    import inspect  # noqa: PLC0415 - as above

    from pymysql.connections import Connection  # noqa: PLC0415 - as above

    known = set(inspect.signature(Connection.__init__).parameters) - {"self"} | _SSL_OF_SQLALCHEMY
    for name in url.query:
        if name not in known:
            raise _unknown(url, name)
        if name in _NOT_FROM_A_URL:
            hint = "; ssl_ca=FILE or ssl_verify_cert=true ask for TLS" if name == "ssl" else ""
            raise UsageError(
                f"database {shown(url)}: the option {name!r} cannot be given in a URL{hint}"
            )


def _unknown(url: URL, name: str) -> UsageError:
    # Next to a password, what looks like an option may be the end of it.
    which = (
        "one of the options after '?'" if secrets(url.set(password="")) else f"option {name[:40]!r}"
    )
    return UsageError(f"database {shown(url)}: its driver does not know {which}")
