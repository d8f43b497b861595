"""Decides what an error of the database is about: the values of one record, or the database.

A record that the database refuses is set aside alone; everything else ends the run. Drivers agree
on little: PostgreSQL has SQLSTATEs, MariaDB and SQLite have numbers, and some refusals are not
an error of the database at all, because the driver could not encode the value.
"""

import sqlite3
from enum import Enum

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    OperationalError,
    StatementError,
)

from snapshotter.printable import printable

# What a driver or an encoder raises on a value that it cannot send.
UNSENDABLE = (UnicodeError, OverflowError, RecursionError)

_MOST_SHOWN = 500  # characters of the database's words

# SQLSTATE classes: data, integrity, limits of the program, and what a trigger raises.
_OF_VALUES_POSTGRESQL = {"22", "23", "54", "P0"}
# No connection, transaction state, roll-backs (deadlocks), names and permissions, resources (a full
# disk), objects in use (locks), an operator, the system, the configuration, corruption.
_OF_THE_DATABASE_POSTGRESQL = {
    *("08", "25", "26", "28", "2D", "34", "3B", "3D", "3F", "40", "42"),
    *("53", "55", "57", "58", "F0"),
}
_CORRUPTED = {"XX001", "XX002"}

# A wrong string, a wrong value, a row that is too long, a packet that is, a function's result that
# is, a trigger's signal, an overflow, a check, a value that is not JSON.
_OF_VALUES_MARIADB = {1366, 1292, 1118, 1153, 1301, 1644, 1690, 4025, 4038}
_OF_THE_DATABASE_MARIADB = {
    *(1005, 1006, 1015, 1016, 1020, 1021, 1023, 1026, 1028, 1030, 1034, 1035, 1036, 1037, 1038),
    *(1040, 1041, 1042, 1043, 1044, 1045, 1046, 1049, 1053, 1054, 1064, 1077, 1078, 1079, 1080),
    *(1104, 1114, 1142, 1143, 1146, 1158, 1159, 1160, 1161, 1180, 1184, 1194, 1195, 1196, 1197),
    *(1203, 1205, 1206, 1207, 1213, 1226, 1227, 1290, 1295, 1305, 1317, 1665, 1709, 1787, 1792),
    *(1836, 1927, 1932, 1969, 2002, 2003, 2006, 2013, 2014, 2027, 2055, 3024),
}

# An error of any other kind that SQLite has a code for is of the database: a full disk, a lock,
# a table that is missing.
_OF_VALUES_SQLITE = {sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH}
_PRIMARY_CODE = 0xFF


class ErrorScope(Enum):
    """What an error is about. `UNSURE` is about a record unless every record meets it."""

    RECORD = 1
    UNSURE = 2
    DATABASE = 3


def scope_of(error: BaseException) -> ErrorScope:
    """Return what an error that a write has raised is about."""
    # SQLAlchemy wraps what a converter of values raises, as that of JSON, but no driver's error.
    if isinstance(error, UNSENDABLE) or (
        isinstance(error, StatementError) and isinstance(error.orig, UNSENDABLE)
    ):
        return ErrorScope.RECORD
    if not isinstance(error, DBAPIError) or error.connection_invalidated:
        return ErrorScope.DATABASE
    if isinstance(error, IntegrityError | DataError):
        return ErrorScope.RECORD
    return _by_code(error.orig, is_operational=isinstance(error, OperationalError))


def _by_code(driver_error: object, *, is_operational: bool) -> ErrorScope:
    if (sqlstate := getattr(driver_error, "sqlstate", None)) and not _number(driver_error):
        return _by_sqlstate(str(sqlstate))
    if isinstance(code := getattr(driver_error, "sqlite_errorcode", None), int):
        is_of_values = code & _PRIMARY_CODE in _OF_VALUES_SQLITE
        return ErrorScope.RECORD if is_of_values else ErrorScope.DATABASE
    number = _number(driver_error)
    if number in _OF_VALUES_MARIADB:
        return ErrorScope.RECORD
    is_lost = is_operational and not number
    return (
        ErrorScope.DATABASE if is_lost or number in _OF_THE_DATABASE_MARIADB else ErrorScope.UNSURE
    )


def _number(driver_error: object) -> int:
    """Return the error number that PyMySQL puts first, 0 if there is none."""
    first = next(iter(getattr(driver_error, "args", ())), None)
    return first if isinstance(first, int) else 0


def _by_sqlstate(sqlstate: str) -> ErrorScope:
    if sqlstate[:2] in _OF_VALUES_POSTGRESQL:
        return ErrorScope.RECORD
    if sqlstate[:2] in _OF_THE_DATABASE_POSTGRESQL or sqlstate in _CORRUPTED:
        return ErrorScope.DATABASE
    return ErrorScope.UNSURE


def words(error: BaseException) -> str:
    """Return the message of the database or its driver, on one line."""
    message = str(error.orig if isinstance(error, DBAPIError) else error)
    first = next((line for line in message.splitlines() if line.strip()), type(error).__name__)
    return printable(first)[:_MOST_SHOWN]
