"""Turns the errors of database drivers into errors of ours, by what can be done about them.

`Stopped` for what passes by itself, `UsageError` for what is wrong with the URL, `DatabaseError`
for the rest. A driver's own text is quoted on one line, without secrets.
"""

import re
import sqlite3
from collections.abc import Iterable

from snapshotter.errors import DatabaseError, SnapshotterError, Stopped, UsageError
from snapshotter.printable import printable

LOCKED = "another session holds a lock that this run needs"
_FULL = "the disk is full"
_READ_ONLY = "it may only be read"

# Codes that pass by themselves.
_PASSING: dict[str | int, str] = {
    "55P03": LOCKED,
    "40P01": "two sessions waited for each other's locks",
    "40001": "another session changed the same rows",
    "53300": "it has too many connections",
    "57P01": "its server ended the session, or is shutting down",
    "57P02": "it has crashed and starts again",
    "57P03": "it is starting or shutting down",
    1205: LOCKED,
    1213: "two sessions waited for each other's locks",
    1040: "it has too many connections",
    1203: "its user has too many connections",
    1226: "its user has used up a limit of the server",
    1053: "it is shutting down",
    1927: "its server ended the session, or is shutting down",
}
# Codes of faults in the URL, or in the rights of its user.
_WRONG: dict[str | int, str] = {
    "28P01": "it refuses the user or the password",
    "28000": "it refuses the user or the password",
    "3D000": "there is no database of this name",
    1045: "it refuses the user or the password",
    1698: "it refuses the user or the password",
    1044: "its user may not use a database of this name, or there is none",
    1049: "there is no database of this name",
    1046: "the URL names no database",
}
_FAILED: dict[str | int, str] = {
    "53100": _FULL,
    "25006": _READ_ONLY,
    1021: _FULL,
    1114: _FULL,
    1792: _READ_ONLY,
    1836: _READ_ONLY,
}
# The driver passes on no code while connecting, only the English words of the server or pooler.
_PASSING_WORDS = (
    "is starting up",
    "is shutting down",
    "not yet accepting connections",
    "in recovery mode",
    "too many clients",
    "too many connections",
    "connection slots are reserved",
    "no more connections allowed",
    "query_wait_timeout",
    "server_login_retry",
    "server login has been failing",
    "pgbouncer cannot connect to server",
)
_WRONG_WORDS = (
    ("password authentication failed", _WRONG["28P01"]),
    ("no password supplied", "it asks for a password, and the URL has none"),
    ("no pg_hba.conf entry", "its pg_hba.conf does not let this user in from here"),
    ("SASL authentication failed", _WRONG["28P01"]),
)
_SQLITE_WORDS = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_NOTADB: "the file is not a SQLite database",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    sqlite3.SQLITE_CANTOPEN: "the file, or one that SQLite keeps beside it, cannot be opened",
    sqlite3.SQLITE_IOERR: "reading or writing the file failed",
}
_MOST_SHOWN = 300  # characters of a driver's own text


def as_our_error(
    error: BaseException, database: str = "", *, secrets: Iterable[str] = ()
) -> SnapshotterError:
    """Return the error of ours for a driver's; `database` is what `urls.shown` returns."""
    text = " ".join(str(error).split())
    code = _code(error)
    where = f" ({database})" if database else ""
    if isinstance(error, sqlite3.Error):
        return _of_sqlite(error, text, where)
    words = _PASSING.get(code) if code is not None else None
    if words is None and code is None and any(known in text for known in _PASSING_WORDS):
        words = _shortened(text, secrets)
    if words is not None:
        return Stopped(f"the database cannot be used now: {words}{where}; run again later")
    wrong = _WRONG.get(code) if code is not None else _wrong_words(text)
    if wrong is not None:
        return UsageError(f"the database cannot be used: {wrong}{where}")
    failed = _FAILED.get(code) if code is not None else None
    said = _shortened(_first(error), secrets)
    return DatabaseError(
        f"the database cannot be used: {f'{failed}: {said}' if failed else said}{where}"
    )


def _code(error: BaseException) -> str | int | None:
    first = error.args[0] if error.args else None
    if isinstance(first, int):  # PyMySQL's
        return first
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else None


def _wrong_words(text: str) -> str | None:
    if re.search(r'(database|role) "[^"]*" does not exist', text):
        return "it has no such database or user"
    if re.search(r"\binvalid (\w+ value|integer value|port number|connection option)", text):
        return "an option of its URL has a value that cannot be used"
    if re.search(r'definition of service "[^"]*" not found', text):
        return "the service of its URL is defined in no service file"
    return next((words for known, words in _WRONG_WORDS if known in text), None)


def _first(error: BaseException) -> str:
    """Return the first line of a driver's text, or the line of each host if it lists several."""
    if len(error.args) > 1 and isinstance(error.args[0], int):  # PyMySQL's
        return str(error.args[1])
    lines = str(error).strip().splitlines() or [type(error).__name__]
    failed = [line.removeprefix("- ") for line in lines if line.startswith("- host: ")]
    return " / ".join(failed) if failed else lines[0]


def _shortened(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    line = printable(" ".join(text.split()))
    return line if len(line) <= _MOST_SHOWN else f"{line[:_MOST_SHOWN]}..."


def _of_sqlite(error: sqlite3.Error, text: str, where: str) -> SnapshotterError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        waited = getattr(error, "waited", 0)
        long = f", for {waited:.0f} s now" if waited else ""
        return Stopped(f"the database is locked by another program{long}{where}; run again later")
    words = _SQLITE_WORDS.get(code)
    said = _shortened(text, ())
    return DatabaseError(
        f"the database cannot be used: {f'{words}: {said}' if words else said}{where}"
    )
