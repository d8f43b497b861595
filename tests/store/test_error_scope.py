"""Whether an error is about one record or about the database."""

import sqlite3

import psycopg
import pymysql
import pytest
from sqlalchemy import exc

from snapshotter.store.error_scope import ErrorScope, scope_of, words


def sqlite_error(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("words")
    error.sqlite_errorcode = code
    return error


SCOPES: list[tuple[Exception, ErrorScope]] = [
    (UnicodeEncodeError("latin-1", "\N{PACKAGE}", 0, 1, "no"), ErrorScope.RECORD),
    (OverflowError("int too large"), ErrorScope.RECORD),
    (exc.StatementError("", None, None, UnicodeError("no")), ErrorScope.RECORD),
    (exc.StatementError("", None, None, KeyError("a bug")), ErrorScope.DATABASE),
    (KeyError("a bug"), ErrorScope.DATABASE),
    *(
        (exc.DBAPIError("", None, error), expected)
        for error, expected in (
            (psycopg.errors.lookup("22P05")("no such character"), ErrorScope.RECORD),
            (psycopg.errors.lookup("P0001")("raised"), ErrorScope.RECORD),
            (psycopg.errors.lookup("54000")("too much"), ErrorScope.RECORD),
            (psycopg.errors.lookup("XX000")("invalid memory alloc request"), ErrorScope.UNSURE),
            (psycopg.ProgrammingError("cannot adapt"), ErrorScope.UNSURE),
            (psycopg.errors.lookup("53100")("disk full"), ErrorScope.DATABASE),
            (psycopg.errors.lookup("42501")("permission denied"), ErrorScope.DATABASE),
            (psycopg.errors.lookup("42P01")("no table"), ErrorScope.DATABASE),
            (psycopg.errors.lookup("40P01")("deadlock"), ErrorScope.DATABASE),
            (psycopg.errors.lookup("55P03")("lock"), ErrorScope.DATABASE),
            (psycopg.errors.lookup("57014")("cancelled"), ErrorScope.DATABASE),
            (psycopg.errors.lookup("25006")("read-only"), ErrorScope.DATABASE),
            (pymysql.OperationalError(1366, "Incorrect string value"), ErrorScope.RECORD),
            (pymysql.OperationalError(1644, "signal"), ErrorScope.RECORD),
            (pymysql.InternalError(3140, "odd"), ErrorScope.UNSURE),
            (pymysql.OperationalError(1021, "disk full"), ErrorScope.DATABASE),
            (pymysql.OperationalError(1205, "lock wait"), ErrorScope.DATABASE),
            (pymysql.OperationalError(1213, "deadlock"), ErrorScope.DATABASE),
            (pymysql.ProgrammingError(1146, "no table"), ErrorScope.DATABASE),
            (sqlite_error(sqlite3.SQLITE_TOOBIG), ErrorScope.RECORD),
            (sqlite_error(sqlite3.SQLITE_CONSTRAINT_TRIGGER), ErrorScope.RECORD),
            (sqlite_error(sqlite3.SQLITE_FULL), ErrorScope.DATABASE),
            (sqlite_error(sqlite3.SQLITE_BUSY), ErrorScope.DATABASE),
            (sqlite_error(sqlite3.SQLITE_IOERR_WRITE), ErrorScope.DATABASE),
            (sqlite_error(sqlite3.SQLITE_ERROR), ErrorScope.DATABASE),
            (sqlite3.InterfaceError("Error binding parameter 5"), ErrorScope.UNSURE),
        )
    ),
    (
        exc.OperationalError("", None, psycopg.OperationalError("consuming input")),
        ErrorScope.DATABASE,
    ),
]


@pytest.mark.parametrize(("error", "expected"), SCOPES)
def test_what_an_error_is_about(error: Exception, expected: ErrorScope) -> None:
    assert scope_of(error) is expected


def test_a_lost_connection_is_not_about_a_record() -> None:
    lost = exc.DBAPIError(
        "", None, pymysql.OperationalError(1366, "words"), connection_invalidated=True
    )
    assert scope_of(lost) is ErrorScope.DATABASE


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (exc.DBAPIError("insert", None, sqlite3.Error("no room\nat all")), "no room"),
        (psycopg.Error("\n  \nERROR: \x1b[0m"), r"ERROR: \x1b[0m"),
        (OverflowError(""), "OverflowError"),
        (ValueError("x" * 600), "x" * 500),
    ],
    ids=repr,
)
def test_the_words_of_an_error_are_one_line(error: Exception, expected: str) -> None:
    assert words(error) == expected
