"""The database: whether it can be reached, read and written, and what its server has set."""

from collections.abc import Callable

from sqlalchemy import Connection, Engine

from snapshotter import logs
from snapshotter.doctor import mariadb, postgresql, sqlite
from snapshotter.doctor.report import Report
from snapshotter.errors import SnapshotterError
from snapshotter.store import urls
from snapshotter.store.engine import named_errors, open_engine, reading

Check = Callable[[Report, Connection], None]
_CHECKS: dict[str, Check] = {
    "sqlite": sqlite.check,
    "postgresql": postgresql.check,
    "mysql": mariadb.check,
    "mariadb": mariadb.check,
}


def database(report: Report, url: str, seconds: float) -> Engine | None:
    """Check that runs can use the database; return it to be read, None if that is not possible."""
    parsed, _ = urls.parse(url)
    for secret in urls.secrets(parsed):
        logs.learn(secret)
    path = urls.sqlite_file(url)
    if path is not None and not sqlite.is_there(report, path):
        return None
    engine = open_engine(url, read_only=True, time_left=lambda: seconds)
    check = _CHECKS[engine.dialect.name]
    with named_errors(), engine.connect() as connection:
        check(report, connection)
    _check_writing(report, url, seconds)
    return engine


def _check_writing(report: Report, url: str, seconds: float) -> None:
    """Open the database as a run does, which refuses one that it may not write to."""
    try:
        engine = open_engine(url, read_only=False, time_left=lambda: seconds)
        try:
            with named_errors(), reading(engine).connect() as connection:
                connection.exec_driver_sql("select 1")
        finally:
            engine.dispose()
    except SnapshotterError as error:
        report.fail(
            str(error), "let the user who runs sync write to it, or run doctor as that user"
        )
