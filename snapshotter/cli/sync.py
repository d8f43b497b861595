"""`snapshotter sync`: reads the account's jobs into the database."""

import logging
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import IO, TYPE_CHECKING

import click

from snapshotter import logs
from snapshotter.cli.connections import ApiOptions
from snapshotter.cli.options import Command, database_option, takes_api_options
from snapshotter.cli.parameters import ID, Integer, Moment
from snapshotter.cli.streams import print_if_possible
from snapshotter.errors import RecordError, UsageError
from snapshotter.settings import DEFAULT_OVERLAP
from snapshotter.texts import decoded

if TYPE_CHECKING:
    from snapshotter.sync.run import Run
    from snapshotter.sync.sync import Plan

log = logging.getLogger(__name__)


@click.command("sync", cls=Command)
@click.argument("job_ids", metavar="[JOB_ID]...", nargs=-1, type=ID)
@click.option(
    "--ids-file",
    type=click.File("rb"),
    help="Read only the jobs whose ids are in this file, one per line; - is standard input.",
)
@click.option("--since", type=Moment(), help="Read only the jobs updated since then (UTC).")
@click.option("--status", help="Read only the jobs with this status.")
@click.option("--package-id", type=ID, help="Read only the jobs of this package.")
@click.option("--full", is_flag=True, help="Read the whole list again.")
@click.option(
    "--overlap",
    type=Integer(0, 1440),
    default=int(DEFAULT_OVERLAP.total_seconds() // 60),
    show_default=True,
    metavar="MINUTES",
    help="How long before the start of the last complete run a listing begins.",
)
@click.option(
    "--log-summaries",
    is_flag=True,
    help="Also request the summaries of failed jobs' logs, each once, at most 100 in a run, and "
    "none once half of the hour's credits are spent.",
)
@takes_api_options
@database_option
def command(
    job_ids: tuple[int, ...],
    ids_file: IO[bytes] | None,
    since: datetime | None,
    status: str | None,
    package_id: int | None,
    full: bool,
    overlap: int,
    log_summaries: bool,
    api_options: ApiOptions,
    database_url: str,
) -> None:
    """Read the account's jobs into the database: all of them at first, then what is new.

    With JOB_IDs or --ids-file, only those jobs. A run that reads only some jobs does not move the
    watermark: the next plain run still reads everything that is new. A run that has to stop early
    exits with 75, and the next run continues from there.
    """
    from snapshotter.api.client import ListFilters
    from snapshotter.sync.sync import Plan

    filters = ListFilters(since, status, package_id)
    ids = _ids(job_ids, ids_file)
    if ids is not None and (full or filters != ListFilters()):
        raise UsageError("job ids already select the jobs: leave --full and the filters out")
    if full and filters != ListFilters():
        raise UsageError("--full reads the whole list: leave --since, --status, --package-id out")
    since_before = timedelta(minutes=overlap)
    plan = Plan(ids, filters, full, overlap=since_before, log_summaries=log_summaries)
    run(api_options, database_url, plan)


def run(api_options: ApiOptions, database_url: str, plan: "Plan") -> None:
    """Run a sync and report how it ended. Raises `RecordError` if something was set aside."""
    from snapshotter.store.opening import Database
    from snapshotter.sync.account_run import run_account
    from snapshotter.sync.summary import incomplete, summary

    began = time.monotonic()
    (account,) = api_options.accounts()
    service = account.service(api_options.timeout)
    with api_options.run_options() as options, _ticker() as tick:
        watched = replace(options, watcher=_Watcher(tick))
        outcome = run_account(service, Database(database_url), plan, watched)
    last = summary(outcome, time.monotonic() - began)
    logs.ABOUT.run, logs.ABOUT.summary = outcome.snapshot_id, last
    logs.ABOUT.ended = outcome.counts()
    print_if_possible(f"{last}{logs.mark()}")
    if why := incomplete(outcome):
        raise RecordError(why)


class _Watcher:
    def __init__(self, tick: Callable[[int], None]) -> None:
        self.progress = tick

    def begin(self, run: "Run") -> None:
        pass


@contextmanager
def _ticker() -> Iterator[Callable[[int], None]]:
    """Count the jobs on a terminal's last line, or in the log with -v; under cron, do not."""
    if not sys.stderr.isatty() or logs.ABOUT.verbosity or logs.ABOUT.is_json:
        yield lambda jobs: log.info("%d jobs read so far", jobs)
        return
    yield lambda jobs: click.echo(f"\r{jobs:,} jobs", nl=False, err=True)
    click.echo("\r\033[K", nl=False, err=True)


def _ids(job_ids: tuple[int, ...], ids_file: IO[bytes] | None) -> list[int] | None:
    """Return the job ids that were given, each once; None if the run is not about ids."""
    if not job_ids and ids_file is None:
        return None
    ids = list(job_ids)
    text = decoded(ids_file.read(), "--ids-file") if ids_file is not None else ""
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#", 1)[0].strip()
        if not words:
            continue
        if not (re.fullmatch(r"[0-9]{1,19}", words) and 0 < int(words) < 2**63):
            raise UsageError(f"--ids-file, line {number}: not a job id: {words[:40]!r}")
        ids.append(int(words))
    if not ids:
        raise UsageError("--ids-file has no job id; expected one per line")
    return list(dict.fromkeys(ids))
