"""How long a row the database takes: a longer one would cost the connection.

MariaDB hangs up on a statement that is longer than its `max_allowed_packet`, and PyMySQL joins the
rows of an `executemany` into statements of up to a megabyte. SQLite and PostgreSQL refuse such a
row by an error, which does no harm.
"""

from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, event, text

_MARGIN = 2_048  # bytes of a statement beside its values
_PER_VALUE = 24  # a number, a time, quotes
_ESCAPED = (b"\\", b"'", b'"', b"\n", b"\r", b"\0", b"\x1a")  # two bytes each in a statement
_AT_MOST = 1_024_000  # what PyMySQL joins

_limits: "WeakKeyDictionary[Engine, int]" = WeakKeyDictionary()


def apply_packet_limit(engine: Engine) -> int | None:
    """Return the most bytes that a row may have; None if the database just refuses longer ones.

    MariaDB is asked once; from then on its driver joins only as many rows as a statement takes.
    """
    if engine.dialect.name not in ("mysql", "mariadb"):
        return None
    if engine not in _limits:
        with engine.connect() as connection:
            most = int(connection.execute(text("select @@max_allowed_packet")).scalar_one())
        _limits[engine] = most - _MARGIN
        if most - _MARGIN < _AT_MOST:
            _join_less(engine, most - _MARGIN)
    return _limits[engine]


def limit_of(connection: Connection) -> int | None:
    """Return the same for a connection of an engine that `apply_packet_limit` has asked."""
    return _limits.get(connection.engine)


def _join_less(engine: Engine, most: int) -> None:
    @event.listens_for(engine, "before_cursor_execute")
    def join_less(*given: Any) -> None:
        cursor = given[1]
        cursor.max_stmt_length = most


def is_suspect(limit: int | None, raw_bytes: int) -> bool:
    """Whether a record of that many bytes, as it came, could be too long for a statement.

    Escaping can double it twice, once as JSON and once as SQL.
    """
    return limit is not None and raw_bytes * 4 + _MARGIN > limit


def sent(values: Iterable[Any]) -> int:
    """Return about how many bytes a row of these values takes in a statement of MariaDB."""
    size = 0
    for value in values:
        if isinstance(value, str):
            encoded = value.encode("utf-8", "surrogatepass")
            size += len(encoded) + sum(map(encoded.count, _ESCAPED))
        size += _PER_VALUE
    return size
