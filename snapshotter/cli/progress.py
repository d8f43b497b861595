"""What a terminal shows while accounts are read: a bar for each, or the number of jobs.

A bar is drawn on standard error only if that is a terminal which is wide enough and can move its
cursor, and never with `-v`, `--quiet` or JSON, whose lines it would disturb. It is drawn anew when
jobs have been stored, ten times a second at most, and has no thread of its own. The cursor stays
visible, so that a process that is killed leaves the terminal as it was. Nothing that goes wrong
while drawing reaches the run.
"""

import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

from snapshotter import logs
from snapshotter.times import duration

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, Task, TaskID

    from snapshotter.cli.each_account import Manner
    from snapshotter.sync.run import Run
    from snapshotter.sync.several import Display, Watch

log = logging.getLogger(__name__)

NARROWEST, NARROWEST_OF_SEVERAL = 80, 100  # columns; a bar with its numbers needs as many
REDRAWN_EVERY = 0.1  # seconds
SPEED_OF_LAST = 30.0  # seconds


@contextmanager
def bars(manner: "Manner", accounts: int, *, may_ask: bool = True) -> Iterator["Watch"]:
    """Yield what watches each run, and take away in the end what was drawn.

    `may_ask`: whether the size of an account that is read for the first time may be asked for.
    """
    if not sys.stderr.isatty() or logs.ABOUT.verbosity or logs.ABOUT.is_json or manner.is_quiet:
        yield _Log
    elif _can_draw(NARROWEST if accounts == 1 else NARROWEST_OF_SEVERAL):
        with _Screen(accounts, may_ask=may_ask).shown() as watch:
            yield watch
    else:
        yield _Log if _is_dumb() or accounts > 1 else _Counter


class _Log:
    """Logs the number of jobs, with `-v`."""

    def __init__(self, _run: "Run") -> None:
        self._logged = -1

    def show(self, jobs: int) -> None:
        if jobs != self._logged:  # else the run has gone on with something else
            self._logged = jobs
            log.info("%d jobs read so far", jobs)

    def end(self) -> None:
        pass


class _Counter(_Log):
    """Shows the number of jobs where a bar has no room."""

    def show(self, jobs: int) -> None:
        click.echo(f"\r{jobs:,} jobs", nl=False, err=True)

    def end(self) -> None:
        click.echo("\r\033[K", nl=False, err=True)


def _is_dumb() -> bool:
    return os.environ.get("TERM", "") in ("dumb", "unknown", "")


def _can_draw(narrowest: int) -> bool:
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        return False
    return not _is_dumb() and columns >= narrowest


class _Screen:
    """The bars on the terminal; threads share it."""

    def __init__(self, accounts: int, *, may_ask: bool) -> None:
        self._accounts, self._may_ask = accounts, may_ask
        self._bars: list[_Bar] = []
        self._lock = threading.RLock()
        self._drawn_at = 0.0
        self._progress: Progress | None = None

    @contextmanager
    def shown(self) -> Iterator["Watch"]:
        """Yield what watches a run; in the end the bars are taken away."""
        try:
            with logs.drawn_aside(self.aside):
                yield self.watch
        finally:
            with self._lock, suppress(Exception):
                if self._progress is not None:
                    self._progress.stop()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the bars away while a line is printed."""
        with self._lock:
            if self._progress is not None:
                with suppress(Exception):
                    self._progress.stop()
            try:
                yield
            finally:
                if self._progress is not None:
                    with suppress(Exception):
                        self._progress.start()

    def watch(self, run: "Run") -> "Display":
        """Return the bar of a run; if there can be none, what shows nothing."""
        name = run.account_id if self._accounts > 1 else ""
        try:
            return _Bar(self, run, name, may_ask=self._may_ask)
        except Exception:  # noqa: BLE001 - a bar is not worth a run
            return _Log(run)

    def draw(self, bar: "_Bar", jobs: int) -> None:
        """Draw all bars if it is time to, or if this one is new."""
        now = time.monotonic()
        with self._lock, suppress(Exception):
            bar.note(jobs, now)
            is_soon = now - self._drawn_at < REDRAWN_EVERY
            # An index takes seconds in which nothing else is drawn.
            if bar in self._bars and is_soon and not bar.is_building:
                return
            self._drawn_at = now
            if bar not in self._bars:
                self._bars.append(bar)
            if self._progress is None:
                self._progress = _new_progress(has_names=self._accounts > 1)
                self._progress.start()
            for each in self._bars:
                each.update(self._progress)
            self._progress.refresh()

    def remove(self, bar: "_Bar") -> None:
        with self._lock, suppress(Exception):
            if bar in self._bars and self._progress is not None:
                self._bars.remove(bar)
                bar.remove(self._progress)
                self._progress.refresh()


class _Bar:
    """The bar of one run: its numbers, as texts for the columns of the display."""

    def __init__(self, screen: _Screen, run: "Run", name: str, *, may_ask: bool) -> None:
        from snapshotter.sync.account_size import AccountSize

        self._screen = screen
        self._client, self._outcome, self._name = run.client, run.outcome, name
        self._size = AccountSize(run, may_ask=may_ask)
        self._total: int | None = None
        self._task: TaskID | None = None
        self._counts: deque[tuple[float, int]] = deque()  # of the last seconds

    def show(self, jobs: int) -> None:
        self._screen.draw(self, jobs)

    def end(self) -> None:
        self._size.close()
        self._screen.remove(self)

    def note(self, jobs: int, now: float) -> None:
        self._total = self._size.of(self._size.before + jobs)
        self._counts.append((now, jobs))
        while now - self._counts[0][0] > SPEED_OF_LAST:
            self._counts.popleft()

    def update(self, progress: "Progress") -> None:
        (began, first), (now, jobs) = self._counts[0], self._counts[-1]
        speed = (jobs - first) / (now - began) if now > began else 0.0
        done = self._size.before + jobs
        total, credits_left = self._total, self._client.credits_remaining
        seconds = (total - done) / speed if total is not None and speed else None
        fields = {
            "name": self._name,
            "count": self._count(done),
            "share": None if total is None else done / total,
            "speed": f"{speed:,.0f} jobs/s" if speed and not self._is_read() else "",
            "credits": "" if credits_left is None else f"{credits_left:,} credits",
            "left": "" if seconds is None else f"{duration(max(1, round(seconds)))} left",
        }
        if self._task is None:
            self._task = progress.add_task("", total=None, start=True, **fields)  # type: ignore[arg-type]
        progress.update(self._task, **fields)  # type: ignore[arg-type]

    @property
    def is_building(self) -> bool:
        """Whether the run builds indexes."""
        return self._outcome.is_building

    def _is_read(self) -> bool:
        """Whether the run has read the jobs, and goes on with something else."""
        return bool(self._outcome.summaries) or self.is_building

    def _count(self, done: int) -> str:
        if self.is_building:
            return f"{done:,} jobs, building the indexes"
        if summaries := self._outcome.summaries:  # all jobs are read by then
            return (
                f"{done:,} jobs, {summaries:,} log {'summary' if summaries == 1 else 'summaries'}"
            )
        return f"{done:,}{'' if self._total is None else f' of ~{_round(self._total):,}'} jobs"

    def remove(self, progress: "Progress") -> None:
        if self._task is not None:
            progress.remove_task(self._task)


def _round(number: int) -> int:
    """Return a number with its first two digits: it is an estimate."""
    unit = int(10 ** max(0, len(str(number)) - 2))
    return round(number / unit) * unit


def _console() -> "Console":
    from rich.console import Console

    class Plain(Console):
        """A console that leaves the cursor alone."""

        def show_cursor(self, show: bool = True) -> bool:  # noqa: ARG002, FBT002 - rich's
            return True

    return Plain(file=sys.stderr)


def _new_progress(*, has_names: bool) -> "Progress":
    from rich.progress import Progress, ProgressColumn
    from rich.progress_bar import ProgressBar
    from rich.table import Column
    from rich.text import Text

    class Field(ProgressColumn):
        """A text of the task, on one line."""

        def __init__(self, name: str) -> None:
            super().__init__(Column(no_wrap=True))
            self._name = name

        def render(self, task: "Task") -> Text:
            return Text(str(task.fields[self._name]))

    class Bar(ProgressColumn):
        """How much is done, once it is known how much there is; it gets the width that is left."""

        def __init__(self) -> None:
            super().__init__(Column(ratio=1))

        def render(self, task: "Task") -> "ProgressBar | Text":
            share = task.fields["share"]
            return Text("") if share is None else ProgressBar(total=1, completed=share)

    return Progress(
        *([Field("name")] if has_names else []),
        *(Field("count"), Bar(), Field("speed"), Field("credits"), Field("left")),
        console=_console(),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        expand=True,
    )
