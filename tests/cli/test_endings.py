"""The exit code and the line that an error ends a command with, without a command."""

import errno
import sqlite3

import click
import pytest

from snapshotter import logs
from snapshotter.cli.endings import ending
from snapshotter.cli.streams import OutputGone, OutputLost
from snapshotter.errors import DatabaseError, Interrupted, KeyRefused, Stopped, UsageError

URL = "postgresql://joe:hunter2@h/x"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (UsageError("x"), (2, "x")),
        (KeyRefused("x"), (77, "x")),
        (Stopped("x"), (75, "x")),
        (click.UsageError("x"), (2, "x")),
        (Interrupted(), (75, "interrupted; nothing is lost, the next run continues")),
        (Interrupted("interrupted after 7 jobs"), (75, "interrupted after 7 jobs")),
        (KeyboardInterrupt(), (75, "interrupted; nothing is lost, the next run continues")),
        (OutputLost(errno.ENOSPC, "full"), (1, "cannot write standard output: full")),
        (OutputGone(errno.EPIPE, "gone"), (1, "")),
        (OSError(28, "No space left", "a.db"), (1, "'a.db': No space left")),
        (ValueError("x"), (1, "a bug in snapshotter: ValueError: x; -vv shows where")),
    ],
)
def test_each_error_has_its_code_and_its_line(
    error: BaseException, expected: tuple[int, str]
) -> None:
    assert ending(error) == expected


def test_an_error_of_the_database_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "ABOUT", logs.About(database=URL))
    assert ending(DatabaseError("x")) == (1, "x (database postgresql://joe:***@h/x)")
    code, line = ending(sqlite3.OperationalError("disk I/O error"))
    assert code == 1
    assert "disk I/O" in line
