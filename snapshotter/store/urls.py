"""Reads the URL of a database. Messages about what is wrong with it never quote it."""

import re
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, exc, make_url
from sqlalchemy.engine import Dialect

from snapshotter.errors import UsageError
from snapshotter.texts import suggestion

# Any driver that a URL names is taken as the one that is installed with this command.
_DRIVERS = {
    "sqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
_BACKENDS = ("sqlite", "postgresql", "mysql", "mariadb")
_SQLITE_DRIVERS = ("", "pysqlite", "aiosqlite")
_RESERVED = "/?#[]@"
# The first is always used; the others are part of it.
_CHARSETS = ("utf8mb4", "utf8", "utf8mb3")
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
        hint = suggestion(backend, _BACKENDS)
        raise UsageError(f"no database driver {scheme[:40]!r}{hint}")
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


def sqlite_file(text: str) -> Path | None:
    """Return the file of a SQLite database, which may be missing.

    None for a database in memory or on a server. Raises `UsageError` as `parse` does.
    """
    url, _ = parse(text)
    is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    return Path(str(url.database)).absolute() if is_file else None


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
    if _is_in_an_option(before, after):
        raise UsageError("the database's URL: percent-encode @ in an option's value (write %40)")
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


def _is_in_an_option(before: str, after: str) -> bool:
    """Whether the last @ of a URL is most likely in the value of an option."""
    if "@" in after:
        place, mark, options = after.partition("?")
        return "@" not in place and re.match(r"\w+=", options) is not None and bool(mark)
    return re.fullmatch(r"[^:/?#]*:\d+/[^?]*\?\w+=.*", before) is not None


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


@dataclass(frozen=True)
class Address:
    """How errors name a database, and what they must not print."""

    shown: str
    secrets: tuple[str, ...]


def address_of(url: URL, hosts: Hosts | None = None) -> Address:
    return Address(shown(url, hosts), tuple(secrets(url)))


def shown(url: URL, hosts: Hosts | None = None) -> str:
    """Return the URL without password and options, which may be secret, and without its driver."""
    plain = url.set(drivername=url.get_backend_name(), query={})
    if hosts is None:
        return plain.render_as_string(hide_password=True)
    pairs = zip(hosts.hosts.split(","), hosts.ports.split(","), strict=True)
    listed = ",".join(
        (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
        for host, port in pairs
    )
    return plain.set(host="\0").render_as_string(hide_password=True).replace("\0", listed)


def secrets(url: URL) -> list[str]:
    """Return the parts of a URL that must not be printed: passwords, and the values of options."""
    values = [str(url.password or "")]
    for name, value in url.query.items():
        if re.search("pass|secret|key|token", name):
            values += [value] if isinstance(value, str) else value
    return [value for value in values if len(value) >= _SHORTEST_SECRET]


def bad_value(address: Address) -> UsageError:
    return UsageError(
        f"database {address.shown}: an option after '?' has a value that cannot be used"
    )


def check_options(url: URL, dialect: Dialect, address: Address) -> None:
    """Raise `UsageError` for an option that is given twice or that the driver does not take."""
    for name, value in url.query.items():
        # SQLAlchemy takes several hosts this way.
        if not isinstance(value, str) and name != "host":
            raise UsageError(
                f"database {address.shown}: {_which(url, name)} is given twice; leave one out"
            )
    if dialect.name == "postgresql":
        _check_by_libpq(url, address)
    else:
        _check_by_name(url, address)
        charset = str(url.query.get("charset", _CHARSETS[0])).lower()
        if charset not in _CHARSETS:
            raise UsageError(
                f"database {address.shown}: another charset than utf8mb4 cannot hold all that the "
                "API sends; leave the option out, or write charset=utf8mb4"
            )


def _check_by_libpq(url: URL, address: Address) -> None:
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415 - only with this driver

    for name, value in url.query.items():
        if name == "host":
            continue
        try:
            make_conninfo("", **{name: str(value)})
        except Exception:  # noqa: BLE001 - whatever it fails for, the option cannot be used
            raise _unknown(url, name, address) from None


def _check_by_name(url: URL, address: Address) -> None:
    import inspect  # noqa: PLC0415 - as above

    from pymysql.connections import Connection  # noqa: PLC0415 - as above

    known = set(inspect.signature(Connection.__init__).parameters) - {"self"} | _SSL_OF_SQLALCHEMY
    for name in url.query:
        if name not in known:
            raise _unknown(url, name, address)
        if name in _NOT_FROM_A_URL:
            hint = "; ssl_ca=FILE or ssl_verify_cert=true ask for TLS" if name == "ssl" else ""
            raise UsageError(
                f"database {address.shown}: the option {name!r} cannot be given in a URL{hint}"
            )


def _unknown(url: URL, name: str, address: Address) -> UsageError:
    return UsageError(f"database {address.shown}: its driver does not know {_which(url, name)}")


def _which(url: URL, name: str) -> str:
    """Return what to call an option: beside a password it may be the end of the password."""
    if secrets(url.set(password="")):
        return "one of the options after '?'"
    return f"the option {name[:40]!r}"
