"""Errors of the drivers become errors of ours, by what can be done about them."""

import sqlite3

import psycopg
import pymysql
import pytest

from snapshotter.errors import DatabaseError, SnapshotterError, Stopped, UsageError
from snapshotter.store.driver_errors import as_our_error


def sqlite_error(code: int, words: str) -> sqlite3.Error:
    error = sqlite3.OperationalError(words)
    error.sqlite_errorcode = code
    return error


PASSING = "the database cannot be used now: {} (the-url); run again later"
FAILED = "the database cannot be used: {} (the-url)"
LOCKED = "another session holds a lock that this run needs"
PASSWORD = "it refuses the user or the password"


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (psycopg.errors.lookup("55P03")("lock"), Stopped, PASSING.format(LOCKED)),
        (pymysql.OperationalError(1205, "lock"), Stopped, PASSING.format(LOCKED)),
        (
            psycopg.OperationalError("FATAL:  the database system\nis starting up"),
            Stopped,
            PASSING.format("FATAL: the database system is starting up"),
        ),
        (psycopg.errors.lookup("28P01")("no"), UsageError, FAILED.format(PASSWORD)),
        (pymysql.OperationalError(1045, "no"), UsageError, FAILED.format(PASSWORD)),
        (
            psycopg.OperationalError('FATAL:  password authentication failed for user "a"'),
            UsageError,
            FAILED.format(PASSWORD),
        ),
        (
            psycopg.OperationalError('FATAL:  database "x" does not exist'),
            UsageError,
            FAILED.format("it has no such database or user"),
        ),
        (
            psycopg.OperationalError('definition of service "x" not found'),
            UsageError,
            FAILED.format("the service of its URL is defined in no service file"),
        ),
        (
            psycopg.errors.lookup("53100")("no room\nDETAIL: none"),
            DatabaseError,
            FAILED.format("the disk is full: no room"),
        ),
        (
            pymysql.OperationalError(1792, "read only"),
            DatabaseError,
            FAILED.format("it may only be read: read only"),
        ),
        (
            psycopg.OperationalError("failed:\n- host: 'a': refused\n- host: 'b': timeout"),
            DatabaseError,
            FAILED.format("host: 'a': refused / host: 'b': timeout"),
        ),
        (psycopg.OperationalError(""), DatabaseError, FAILED.format("OperationalError")),
        (
            sqlite_error(sqlite3.SQLITE_FULL, "no room"),
            DatabaseError,
            FAILED.format("the disk is full: no room"),
        ),
        (
            sqlite_error(sqlite3.SQLITE_IOERR_WRITE, "disk I/O error"),
            DatabaseError,
            FAILED.format("reading or writing the file failed: disk I/O error"),
        ),
        (
            sqlite_error(sqlite3.SQLITE_ERROR, "no such table: x"),
            DatabaseError,
            FAILED.format("no such table: x"),
        ),
        (
            sqlite_error(sqlite3.SQLITE_BUSY, "locked"),
            Stopped,
            "the database is locked by another program (the-url); run again later",
        ),
    ],
    ids=repr,
)
def test_what_can_be_done_about_an_error(
    error: Exception, kind: type[SnapshotterError], message: str
) -> None:
    ours = as_our_error(error, "the-url")
    assert (type(ours), str(ours)) == (kind, message)


def test_without_a_database_none_is_named() -> None:
    assert str(as_our_error(pymysql.OperationalError(1021, "full"))) == (
        "the database cannot be used: the disk is full: full"
    )


def test_how_long_a_lock_was_waited_for() -> None:
    error = sqlite_error(sqlite3.SQLITE_BUSY, "locked")
    error.waited = 29.6  # type: ignore[attr-defined]
    assert "locked by another program, for 30 s now; run again" in str(as_our_error(error))


def test_a_drivers_text_is_one_short_line_without_secrets() -> None:
    error = psycopg.OperationalError("cannot use hunter2 \x1b[31m " + "x" * 1_000)
    message = str(as_our_error(error, secrets=["hunter2"]))
    assert message.startswith(r"the database cannot be used: cannot use *** \x1b[31m xxx")
    assert message.endswith("x...")
    assert len(message) < 350
