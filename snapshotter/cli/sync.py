"""`snapshotter sync`: reads the account's jobs into the database."""

import logging
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import IO, TYPE_CHECKING

import click

from snapshotter import logs
from snapshotter.cli import candidates
from snapshotter.cli.connections import ApiOptions, shown, writing
from snapshotter.cli.options import Command, database_option, takes_api_options
from snapshotter.cli.parameters import ID, Integer, Moment
from snapshotter.cli.streams import print_if_possible
from snapshotter.errors import RecordError, RequestRefused, UsageError
from snapshotter.settings import DEFAULT_OVERLAP
from snapshotter.texts import decoded, nearest

if TYPE_CHECKING:
    from snapshotter.store.ledger import Outcome
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
@click.option(
    "--status",
    shell_complete=candidates.statuses,
    help="Read only the jobs with this status.",
)
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
    run(api_options, database_url, Plan(ids, filters, full, overlap=timedelta(minutes=overlap)))


def run(api_options: ApiOptions, database_url: str, plan: "Plan") -> None:
    """Run a sync and report how it ended. Raises `RecordError` if something was set aside."""
    from snapshotter.sync.context import Context
    from snapshotter.sync.sync import sync

    began = time.monotonic()
    with (
        api_options.connect() as (client, service, redact),
        _ticker() as tick,
        writing(database_url, client.time_left, may_create=True) as engine,
        _status_hint(plan.filters.status),
    ):
        log.info("reading account %s into %s", service.account_id, shown(database_url))
        outcome = sync(Context(engine, client, service, redact, tick), plan)
    last = summary(outcome, time.monotonic() - began)
    logs.ABOUT.run, logs.ABOUT.summary = outcome.snapshot_id, last
    logs.ABOUT.ended = outcome.counts()
    print_if_possible(f"{last}{logs.mark()}")
    if why := _incomplete(outcome):
        raise RecordError(why)


def summary(outcome: "Outcome", seconds: float | None = None) -> str:
    """Return a run's last line."""
    left = "unknown" if outcome.credits_remaining is None else f"{outcome.credits_remaining:,}"
    parts = [
        f"{len(outcome.seen):,} jobs seen",
        f"{outcome.inserted:,} new",
        f"{outcome.changed:,} changed",
        *([f"{outcome.gone:,} gone"] if outcome.gone else []),
        *([f"{outcome.rejected:,} set aside"] if outcome.rejected else []),
        f"{outcome.requests:,} requests",
        f"{left} credits left",
        *([] if seconds is None else [f"{seconds:.1f} s"]),
    ]
    return ", ".join(parts)


def _incomplete(outcome: "Outcome") -> str:
    """Return what a finished run could not store, in words; empty if it stored everything."""
    if outcome.missing:
        listed = ", ".join(map(str, outcome.missing[:10])) + ("…" if outcome.missing[10:] else "")
        return f"the API has no job {listed}; the others are stored"
    if outcome.rejected:
        is_one = outcome.rejected == 1
        were, them = ("record was", "it") if is_one else ("records were", "them")
        return (
            f"{outcome.rejected:,} {were} set aside into rejected_records, with the reason; the "
            f"rest is stored, and later runs try {them} again; 'snapshotter rejects' lists {them}"
        )
    if outcome.noted:
        more = f", and {len(outcome.noted) - 1} more" if outcome.noted[1:] else ""
        return f"{outcome.noted[0]}{more}; the rest is stored"
    return ""


@contextmanager
def _status_hint(status: str | None) -> Iterator[None]:
    """Take a refusal of an undocumented status for a typing error. Raises `UsageError`."""
    from snapshotter.statuses import STATUSES

    try:
        yield
    except RequestRefused as error:
        if status is None or status in STATUSES:
            raise
        known = nearest(status, STATUSES) or f"; known are {', '.join(STATUSES)}"
        raise UsageError(f"--status {status!r}: {error}{known}") from None


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
