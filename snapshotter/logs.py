"""What is printed on standard error: log lines, and how the command ended. No line shows a key.

A line of text is `snapshotter: WARNING: message [2026-01-31T12:00:00Z acme run 17]`; with
`--log-format json` it is an object, and the last one has the exit code. Both name the account and
the run, if they are known. Every line, also those of libraries and of Python's warnings, goes
through one handler, which masks the secrets that it knows and spells control characters out.
"""

import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TextIO

from snapshotter.message_mask import Mask
from snapshotter.printable import printable

SHORTEST_SECRET = 4  # characters; masking a shorter one would garble every line
_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


@dataclass(slots=True)
class RunMark:
    """The account and the run that a line is about, if they are known."""

    account: str = ""
    run: int | None = None


@dataclass(slots=True)
class About(RunMark):
    """What this process works on: one run, unless `marked` names one of several.

    `is_stamped`: the final line has the time, as the log of a cron job needs.
    `ended`: the counts of the run's summary, for the last line of JSON.
    """

    database: str = ""
    verbosity: int = 0
    is_json: bool = False
    is_stamped: bool = False
    summary: str = ""
    ended: dict[str, Any] = field(default_factory=dict)


ABOUT = About()
_run_mark: ContextVar[RunMark | None] = ContextVar("run_mark", default=None)
_secrets: set[str] = set()
_mask = Mask()
_learning = threading.Lock()
_aside: Callable[[], AbstractContextManager[None]] = nullcontext


def run_mark() -> RunMark:
    """Return the mark of the run that this thread works for, to be read or set."""
    return _run_mark.get() or ABOUT


@contextmanager
def marked(mark: RunMark) -> Iterator[RunMark]:
    """Let this thread's lines have this mark in the block.

    A thread that is started in it has the mark if it runs in a copy of this context.
    """
    token = _run_mark.set(mark)
    try:
        yield mark
    finally:
        _run_mark.reset(token)


@contextmanager
def drawn_aside(aside: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """In the block, print each line within `aside()`, which takes away what is drawn below it."""
    global _aside  # noqa: PLW0603 - one process, one terminal
    _aside = aside
    try:
        yield
    finally:
        _aside = nullcontext


def aside() -> AbstractContextManager[None]:
    """Return the block in which a line may be printed; threads may print at once."""
    return _aside()


def learn(secret: str) -> None:
    """Mask a secret from now on, in every form in which a server or a library may print it."""
    global _mask  # noqa: PLW0603 - one process, one set of secrets
    if len(secret) >= SHORTEST_SECRET:
        with _learning:
            _secrets.add(secret)
            _mask = Mask(*_secrets)


def masked(text: str) -> str:
    """Return the text with all known secrets hidden."""
    return _mask(text)


def safe(text: str) -> str:
    """Return the text as one line without secrets and without control characters."""
    return printable(masked(" ".join(text.splitlines())))


def configure(*, is_json: bool | None = None, louder: int = 0) -> None:
    """Send every line to standard error, in another format or with more lines if asked."""
    if is_json is not None:
        ABOUT.is_json = is_json
    ABOUT.verbosity += louder
    handler = _Handler(sys.stderr)
    handler.setFormatter(_Json() if ABOUT.is_json else _Text())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.raiseExceptions = False  # an error while logging must not fail the run
    logging.getLogger("snapshotter").setLevel(_LEVELS[min(ABOUT.verbosity, 2)])
    logging.captureWarnings(capture=True)
    warnings.formatwarning = _warning


def _warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> str:
    return f"{category.__name__}: {message}"


class _Handler(logging.StreamHandler[TextIO]):
    def emit(self, record: logging.LogRecord) -> None:
        with aside():
            super().emit(record)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = f"{record.levelname}: {record.getMessage()}{_trace(record)}"
        return f"snapshotter: {safe(text)}{_mark(record.created)}"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(
            {
                **_head(record.levelname.lower(), record.created),
                "logger": record.name,
                "message": masked(record.getMessage() + _trace(record)),
            }
        )


def _trace(record: logging.LogRecord) -> str:
    """Return a traceback that this program logs, which it does with `-vv` only."""
    if not record.exc_info or not record.name.startswith("snapshotter"):
        return ""
    return "\n" + logging.Formatter().formatException(record.exc_info)


def _time(created: float) -> datetime:
    return datetime.fromtimestamp(created, UTC)


def _head(level: str, created: float) -> dict[str, Any]:
    about = run_mark()
    known = {"account": masked(about.account) or None, "run": about.run}
    return {
        "time": _time(created).isoformat(timespec="milliseconds"),
        "level": level,
        **{name: value for name, value in known.items() if value is not None},
    }


def _mark(created: float) -> str:
    at = f"{_time(created):%Y-%m-%dT%H:%M:%SZ}"
    about = run_mark()
    known = [at, about.account, "" if about.run is None else f"run {about.run}"]
    return f" [{printable(masked(' '.join(filter(None, known))))}]"


def mark() -> str:
    """Return the time, the account and the run, with which every line of the log ends."""
    return _mark(datetime.now(UTC).timestamp())


def final(exit_code: int, message: str) -> None:
    """Print how the command ended: an error or, with JSON, also a run that completed."""
    end_line(exit_code, message, ABOUT.summary, ABOUT.ended)


def end_line(exit_code: int, message: str, summary: str, counts: Mapping[str, Any]) -> None:
    """Print how a command, or the run of one of several accounts, ended."""
    if ABOUT.is_json:
        if message or summary:
            level = "error" if exit_code else "info"
            line = {
                **_head(level, datetime.now(UTC).timestamp()),
                "logger": "snapshotter",
                "message": masked(" ".join((message or summary).split())),
                "exit_code": exit_code,
                **counts,
            }
            _print(json.dumps(line))
    elif message:
        text = safe(" ".join(message.split()))
        _print(f"snapshotter: {text}{mark() if ABOUT.is_stamped else ''}")


def _print(line: str) -> None:
    with aside():
        print(line, file=sys.stderr)  # noqa: T201 - the line is the product


def notice(message: str) -> None:
    """Print a line that is not about a failure, e.g. where a file is."""
    if ABOUT.is_json:
        line = {**_head("info", datetime.now(UTC).timestamp()), "message": masked(message)}
        _print(json.dumps(line))
    else:
        _print(safe(message))
