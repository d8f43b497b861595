"""Finds, describes and runs the trends: one file of `sql/` each, and a user's own."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Connection, CursorResult, Date, String, bindparam, text
from sqlalchemy.exc import DBAPIError, InvalidRequestError, StatementError

from snapshotter import statements
from snapshotter.errors import UsageError
from snapshotter.texts import nearest
from snapshotter.trends.filters import Filters, refuse_filters
from snapshotter.trends.values import Result, Rows, normalized

BATCH_ROWS = 2_000  # that are fetched at once

_TYPES: dict[str, Any] = {
    "account_id": String,
    "package_id": BigInteger,
    "since": Date,
    "until": Date,
}
# The parameters of a trend that each kind of filter needs.
_PARAMETERS = {
    "day": {"since", "until"},
    "package": {"package_id"},
    "account": {"account_id"},
}
# What an error message quotes from the statement.
_QUOTED = re.compile(r"near \"([^\"]+)\"|: ([\w.]+)$|parameter '(\w+)'|(?:column|table) '([\w.]+)'")


def names(folder: Path | None = None) -> list[str]:
    return sorted(_files(folder))


def catalogue(folder: Path | None = None) -> dict[str, str]:
    """Return what each trend answers; of a file that cannot be read, why not."""
    found = {}
    for name in names(folder):
        try:
            found[name] = question(name, folder)
        except UsageError as error:
            found[name] = str(error)
    return found


def question(name: str, folder: Path | None = None) -> str:
    """Return what a trend answers: the first line of its file, if that is a comment."""
    return statements.question(source_of(name, folder))


def source_of(name: str, folder: Path | None = None) -> str:
    """Return the text of a trend's file. Raises `UsageError`."""
    return statements.source(_path(name, folder))


def _files(folder: Path | None) -> dict[str, Path]:
    """Return the trends' files by name; of two with one name, that of the user's own folder."""
    if folder is None:
        return statements.files()
    if not folder.is_dir():
        raise UsageError(f"--sql-dir {str(folder)!r} is not a folder")
    return statements.files() | statements.files_in(folder)


def require(name: str, folder: Path | None = None, kinds: Iterable[str] = ()) -> None:
    """Raise `UsageError` if no trend has that name, or filters of some kinds do not apply to it.

    A user's own files take any filter.
    """
    _path(name, folder)
    if folder is None:
        refuse_filters(name, {*kinds} - narrowed_by(name))


def narrowed_by(name: str) -> set[str]:
    """Return the filters that a shipped trend can be narrowed by."""
    used = statements.parameters(source_of(name))
    return {kind for kind, names in _PARAMETERS.items() if names & used}


def _path(name: str, folder: Path | None) -> Path:
    known = _files(folder)
    if name not in known:
        hint = nearest(name, known) or f"; there are {', '.join(sorted(known))}"
        raise UsageError(f"no trend {name!r}{hint}")
    return known[name]


@contextmanager
def run(
    connection: Connection, name: str, filters: Filters, folder: Path | None = None
) -> Iterator[CursorResult[Any]]:
    """Run a trend. Raises `UsageError` if there is none of that name, or its SQL is wrong."""
    path = _path(name, folder)
    statement = statements.escaped(statements.bare(statements.source(path)))
    used = statements.parameters(statement)
    bound = text(statement).bindparams(
        *(
            bindparam(each, getattr(filters, each), type_)
            for each, type_ in _TYPES.items()
            if each in used
        )
    )
    own = folder is not None and path.parent == folder
    if own:
        _make_read_only(connection)
    try:
        with connection.execute(bound) as result:
            if not result.returns_rows:
                raise UsageError(f"{path} returns no rows; a trend is one select")
            yield result  # SQLite computes a row when it is fetched, and may fail then
    except (DBAPIError, StatementError, InvalidRequestError) as error:
        if own and not getattr(error, "connection_invalidated", False):
            raise UsageError(_in_words(path, statement, error)) from None
        raise


def _make_read_only(connection: Connection) -> None:
    """Allow a user's own file to read only: MariaDB would commit a dropped table at once."""
    at_once = {"stream_results": False}  # no cursor is declared for it
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("pragma query_only = on")
    elif connection.dialect.name == "postgresql":
        connection.exec_driver_sql("set transaction read only", execution_options=at_once)
    else:
        connection.rollback()
        connection.exec_driver_sql("set session transaction read only", execution_options=at_once)
        connection.rollback()


def _in_words(path: Path, statement: str, error: Exception) -> str:
    """Return the file and the line that the database refused, with its message."""
    origin = getattr(error, "orig", None) or error
    message = " ".join(str(origin.args[-1] if origin.args else origin).split("\n")[0].split())
    return f"{path}, line {_line(statement, origin)}: {message}"


def _line(statement: str, origin: BaseException) -> int:
    first = len(statement) - len(statement.lstrip())
    position = getattr(getattr(origin, "diag", None), "statement_position", None)
    message = str(origin)
    # PostgreSQL's: a character of what was sent, from 1, in which a cursor may be declared first.
    if position and (counted := re.search(r"^LINE (\d+):", message, re.MULTILINE)):
        return int(counted[1])
    if position:
        return statement.count("\n", 0, int(position) - 1) + 1
    if counted := re.search(r"at line (\d+)", message):  # MariaDB's
        return int(counted[1])
    # SQLite, and MariaDB for names, quote what is wrong, not its line: take its first place.
    for quoted in _QUOTED.findall(message):
        word = next(filter(None, quoted)).rpartition(".")[2]
        found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", statement, re.IGNORECASE)
        if found:
            return statement.count("\n", 0, found.start()) + 1
    return statement.count("\n", 0, first) + 1


def rows(connection: Connection, name: str, filters: Filters, folder: Path | None = None) -> Result:
    """Run a trend and return its columns and rows, as `fetched` does."""
    with run(connection, name, filters, folder) as result:
        return fetched(result)


def fetched(result: CursorResult[Any], limit: int | None = None) -> Result:
    """Return the columns and the rows (the first `limit`) of a trend."""
    columns = list(result.keys())
    return Result(columns, [row for batch in batches(result, limit) for row in batch])


def batches(result: CursorResult[Any], limit: int | None = None) -> Iterator[Rows]:
    """Yield the rows (the first `limit`) of a trend in lists, as they are fetched."""
    columns = list(result.keys())
    for number, batch in enumerate(result.partitions(BATCH_ROWS)):
        kept = batch if limit is None else batch[: max(0, limit - number * BATCH_ROWS)]
        if not kept:
            return
        yield normalized(columns, kept)
