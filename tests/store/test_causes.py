"""Whether an error is about one record or about the database."""

import sqlite3

import psycopg
import pymysql
import pytest
from sqlalchemy import exc

from snapshotter.store.causes import Cause, cause, words


def sqlite_error(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("words")
    error.sqlite_errorcode = code
    return error


CAUSES: list[tuple[Exception, Cause]] = [
    (UnicodeEncodeError("latin-1", "\N{PACKAGE}", 0, 1, "no"), Cause.RECORD),
    (OverflowError("int too large"), Cause.RECORD),
    (KeyError("a bug"), Cause.DATABASE),
    *(
        (exc.DBAPIError("", None, error), expected)
        for error, expected in (
            (psycopg.errors.lookup("22P05")("no such character"), Cause.RECORD),
            (psycopg.errors.lookup("P0001")("raised"), Cause.RECORD),
            (psycopg.errors.lookup("54000")("too much"), Cause.RECORD),
            (psycopg.errors.lookup("XX000")("invalid memory alloc request"), Cause.UNSURE),
            (psycopg.ProgrammingError("cannot adapt"), Cause.UNSURE),
            (psycopg.errors.lookup("53100")("disk full"), Cause.DATABASE),
            (psycopg.errors.lookup("42501")("permission denied"), Cause.DATABASE),
            (psycopg.errors.lookup("42P01")("no table"), Cause.DATABASE),
            (psycopg.errors.lookup("40P01")("deadlock"), Cause.DATABASE),
            (psycopg.errors.lookup("55P03")("lock"), Cause.DATABASE),
            (psycopg.errors.lookup("57014")("cancelled"), Cause.DATABASE),
            (psycopg.errors.lookup("25006")("read-only"), Cause.DATABASE),
            (pymysql.OperationalError(1366, "Incorrect string value"), Cause.RECORD),
            (pymysql.OperationalError(1644, "signal"), Cause.RECORD),
            (pymysql.InternalError(3140, "odd"), Cause.UNSURE),
            (pymysql.OperationalError(1021, "disk full"), Cause.DATABASE),
            (pymysql.OperationalError(1205, "lock wait"), Cause.DATABASE),
            (pymysql.OperationalError(1213, "deadlock"), Cause.DATABASE),
            (pymysql.ProgrammingError(1146, "no table"), Cause.DATABASE),
            (sqlite_error(sqlite3.SQLITE_TOOBIG), Cause.RECORD),
            (sqlite_error(sqlite3.SQLITE_CONSTRAINT_TRIGGER), Cause.RECORD),
            (sqlite_error(sqlite3.SQLITE_FULL), Cause.DATABASE),
            (sqlite_error(sqlite3.SQLITE_BUSY), Cause.DATABASE),
            (sqlite_error(sqlite3.SQLITE_IOERR_WRITE), Cause.DATABASE),
            (sqlite_error(sqlite3.SQLITE_ERROR), Cause.DATABASE),
            (sqlite3.InterfaceError("Error binding parameter 5"), Cause.UNSURE),
        )
    ),
    (exc.OperationalError("", None, psycopg.OperationalError("consuming input")), Cause.DATABASE),
]


@pytest.mark.parametrize(("error", "expected"), CAUSES)
def test_the_cause_of_an_error(error: Exception, expected: Cause) -> None:
    assert cause(error) is expected


def test_a_lost_connection_is_not_about_a_record() -> None:
    lost = exc.DBAPIError(
        "", None, pymysql.OperationalError(1366, "words"), connection_invalidated=True
    )
    assert cause(lost) is Cause.DATABASE


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
