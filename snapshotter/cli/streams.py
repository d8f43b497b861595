"""The standard streams, usable in any state in which the caller passes them.

A caller may have closed one, sent it to a full disk, or stopped reading. What cannot be printed on
standard error is dropped. Standard output is the product of some commands, which then fail; the
others have done their work, so a line that cannot be printed is not a failure of theirs.
"""

import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from snapshotter import logs
from snapshotter.printable import printable

_BUFFER = 65_536
_PATIENCE = 5.0  # seconds, for a reader of a pipe that its owner has made non-blocking


class OutputLost(OSError):
    """Standard output cannot be written. `is_closed`: the caller has closed it on purpose."""

    @property
    def is_closed(self) -> bool:
        return self.errno == errno.EBADF

    def __str__(self) -> str:
        if self.is_closed:
            return "standard output is closed"
        return f"cannot write standard output: {self.strerror}"


class OutputGone(OutputLost, BrokenPipeError):
    """The reader of the pipe has gone, as `head` does."""


class _Raw(io.RawIOBase):
    """A descriptor. After its first error it accepts everything and writes nothing."""

    def __init__(self, descriptor: int, *, forgives: bool, is_closed: bool) -> None:
        self._descriptor, self._forgives = descriptor, forgives
        self.lost = OutputLost(errno.EBADF, "closed") if is_closed else None
        self._is_raised = False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return self.lost is None and os.isatty(self._descriptor)

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        if self.lost is None:
            try:
                return self._put(data)
            except OSError as error:
                kind = OutputGone if error.errno == errno.EPIPE else OutputLost
                self.lost = kind(error.errno, error.strerror)
        if self._forgives or self._is_raised:
            return size
        self._is_raised = True
        raise self.lost

    def _put(self, data: Any) -> int:
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            select.select([], [self._descriptor], [], _PATIENCE)
            return os.write(self._descriptor, data)


class _Plain(io.TextIOWrapper):
    """Spells control characters out, except line ends: a terminal would obey them."""

    def write(self, text: str, /) -> int:
        super().write("\n".join(map(printable, text.split("\n"))))
        return len(text)


def prepare() -> None:
    """Replace the standard streams by ones that tolerate errors, in UTF-8 in any locale.

    A descriptor that was closed is opened on /dev/null: else the next file that is opened, maybe
    the database, would get its number, and the lines that are printed.
    """
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115 - to the process's end
    was_closed = [_reopened(stream) for stream in (sys.stdout, sys.stderr)]
    for name, number, forgives in (("stdout", 1, False), ("stderr", 2, True)):
        closed = was_closed[number - 1]
        descriptor = number if closed is None else closed
        raw = _Raw(descriptor, forgives=forgives, is_closed=closed is not None)
        # A line left in Python's own buffer would be written again at exit, and fail.
        by_line = forgives or raw.isatty()
        setattr(sys, name, _text(io.TextIOWrapper, io.BufferedWriter(raw, _BUFFER), by_line))


def _reopened(stream: Any) -> int | None:
    return None if stream is not None else os.open(os.devnull, os.O_RDWR)


def _text(kind: type[io.TextIOWrapper], buffer: Any, by_line: bool) -> io.TextIOWrapper:
    return kind(
        buffer, encoding="utf-8", errors="backslashreplace", newline="\n", line_buffering=by_line
    )


def print_line(line: str = "") -> None:
    """Print a line of what the command was asked for. Raises `OutputLost`."""
    with logs.aside():
        sys.stdout.write(printable(logs.masked(line)) + "\n")
        sys.stdout.flush()


def print_if_possible(line: str = "") -> None:
    """Print a line about work that is done; if it cannot be printed, it is dropped."""
    try:
        print_line(line)
    except OutputLost:
        return


def loss() -> str:
    """Return why output was lost; empty if it was not, or if the caller does not read it."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    lost = getattr(raw, "lost", None)
    is_meant = lost is None or lost.is_closed or isinstance(lost, OutputGone)
    return "" if is_meant else str(lost)


@contextmanager
def data_output() -> Iterator[TextIO]:
    """Open standard output for data: unchanged into a pipe, made printable on a terminal."""
    if not sys.stdout.isatty():
        yield sys.stdout
        return
    sys.stdout.flush()
    plain = _text(_Plain, sys.stdout.buffer, True)  # noqa: FBT003 - private
    try:
        yield plain
    finally:
        plain.detach()  # or it would close the stream that it writes to
