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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

from snapshotter import logs
from snapshotter.times import duration

if TYPE_CHECKING:
    from rich.progress import Progress, Task

    from snapshotter.cli.each_account import Manner
    from snapshotter.sync.run import Run
    from snapshotter.sync.several import Watch

log = logging.getLogger(__name__)

NARROWEST, NARROWEST_OF_SEVERAL = 80, 100  # columns; a bar with its numbers needs as many
REDRAWN_EVERY = 0.1  # seconds


@contextmanager
def bars(manner: "Manner", accounts: int, *, may_ask: bool = True) -> Iterator["Watch"]:
    """Yield what watches each run, and take away in the end what was drawn.

    `may_ask`: whether the size of an account that is read for the first time may be asked for.
    """
    if not sys.stderr.isatty() or logs.ABOUT.verbosity or logs.ABOUT.is_json or manner.is_quiet:
        yield _logged
    elif _can_draw(NARROWEST if accounts == 1 else NARROWEST_OF_SEVERAL):
        with _Display(accounts, may_ask=may_ask).shown() as watch:
            yield watch
    elif _is_dumb() or accounts > 1:
        yield _logged
    else:
        yield lambda _run: _count
        click.echo("\r\033[K", nl=False, err=True)


def _logged(_run: "Run") -> Callable[[int], None]:
    return lambda jobs: log.info("%d jobs read so far", jobs)


def _count(jobs: int) -> None:
    click.echo(f"\r{jobs:,} jobs", nl=False, err=True)


def _is_dumb() -> bool:
    return os.environ.get("TERM", "") in ("dumb", "unknown", "")


def _can_draw(narrowest: int) -> bool:
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        return False
    return not _is_dumb() and columns >= narrowest


class _Display:
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
            for bar in self._bars:
                bar.close()
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

    def watch(self, run: "Run") -> Callable[[int], None]:
        """Return what is called with the number of jobs that a run has read."""
        name = run.account_id if self._accounts > 1 else ""
        try:
            bar = _Bar(self._started(), run, name, may_ask=self._may_ask)
        except Exception:  # noqa: BLE001 - a bar is not worth a run
            return lambda _jobs: None
        self._bars.append(bar)

        def tick(jobs: int) -> None:
            now = time.monotonic()
            with self._lock, suppress(Exception):
                if now - self._drawn_at >= REDRAWN_EVERY:
                    self._drawn_at = now
                    bar.update(jobs)

        return tick

    def _started(self) -> "Progress":
        with self._lock:
            if self._progress is None:
                self._progress = _new_progress()
                self._progress.start()
            return self._progress


class _Bar:
    """The bar of one run."""

    def __init__(self, progress: "Progress", run: "Run", name: str, *, may_ask: bool) -> None:
        from snapshotter.sync.account_size import AccountSize

        self._progress, self._client = progress, run.client
        self._size = AccountSize(run, may_ask=may_ask)
        self._task = progress.add_task(name, total=None, count="", rate="", credits="", left="")

    def update(self, jobs: int) -> None:
        done = self._size.before + jobs
        total, left = self._size.of(done), self._client.credits_remaining
        (task,) = (each for each in self._progress.tasks if each.id == self._task)
        speed = task.speed
        seconds = None if total is None or not speed else (total - done) / speed
        self._progress.update(
            self._task,
            completed=done,
            total=total,
            count=f"{done:,}{'' if total is None else f' of ~{_round(total):,}'} jobs",
            rate=f"{speed:,.0f} jobs/s" if speed else "",
            credits="" if left is None else f"{left:,} credits",
            left="" if seconds is None else f"{duration(max(1, round(seconds)))} left",
            refresh=True,
        )

    def close(self) -> None:
        self._size.close()


def _round(number: int) -> int:
    """Return a number with its first two digits: it is an estimate."""
    unit = int(10 ** max(0, len(str(number)) - 2))
    return round(number / unit) * unit


def _new_progress() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn
    from rich.table import Column
    from rich.text import Text

    class Field(ProgressColumn):
        """A text of the task, on one line."""

        def __init__(self, name: str) -> None:
            super().__init__(Column(no_wrap=True))
            self._name = name

        def render(self, task: "Task") -> Text:
            return Text(str(task.fields.get(self._name, task.description)))

    class Visible(Console):
        """A console that leaves the cursor alone."""

        def show_cursor(self, show: bool = True) -> bool:  # noqa: ARG002, FBT002 - rich's
            return True

    fields = (Field(name) for name in ("count", "rate", "credits", "left"))
    return Progress(
        Field("name"),
        BarColumn(bar_width=None),
        *fields,
        console=Visible(file=sys.stderr),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        expand=True,
    )
