"""`snapshotter sync`: reads the accounts' jobs into the database."""

import re
import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import IO, TYPE_CHECKING

import click

from snapshotter.cli import candidates
from snapshotter.cli.connections import ApiOptions
from snapshotter.cli.each_account import Manner, finish, only_one, run_each_account
from snapshotter.cli.options import Command, database_option, takes_api_options
from snapshotter.cli.parameters import ID, Integer, Moment
from snapshotter.cli.progress import bars
from snapshotter.cli.reporting import Reports, reported
from snapshotter.errors import RecordError, UsageError
from snapshotter.settings import DEFAULT_OVERLAP
from snapshotter.texts import decoded

if TYPE_CHECKING:
    from snapshotter.store.opening import Database
    from snapshotter.sync.several import Attempt
    from snapshotter.sync.sync import Plan


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
@click.option(
    "--log-summaries",
    is_flag=True,
    help="Also request the summaries of failed jobs' logs, each once, at most 100 in a run, and "
    "none once half of the hour's credits are spent.",
)
@click.option("--upgrade", is_flag=True, help="Upgrade an old schema first; see `db upgrade`.")
@click.option(
    "--parallel",
    type=Integer(1, 32),
    default=1,
    show_default=True,
    metavar="N",
    help="Read N accounts at a time.",
)
@click.option(
    "--ping-url",
    metavar="URL",
    help="Ping this URL of a monitor like healthchecks.io: with /start at the beginning, and at "
    "the end as it is, or with the exit code.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the outcome as one JSON object, in any case."
)
@click.option("--quiet", is_flag=True, help="Print nothing if all is well.")
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
    upgrade: bool,
    parallel: int,
    ping_url: str | None,
    as_json: bool,
    quiet: bool,
    api_options: ApiOptions,
    database_url: str,
) -> None:
    """Read the accounts' jobs into the database: all of them at first, then what is new.

    With JOB_IDs or --ids-file, only those jobs. A run that reads only some jobs does not move the
    watermark: the next plain run still reads everything that is new. A run that has to stop early
    exits with 75, and the next run continues from there.

    Several accounts of the configuration file are read one after another, or --parallel N at a
    time. One that fails does not stop the others, and the exit code is the worst, in the order 1,
    2, 77, 75, 65, 0. --max-time, --max-requests and --reserve-credits hold for each account.
    """
    from snapshotter.api.client import ListFilters
    from snapshotter.store.opening import Database
    from snapshotter.sync.sync import Plan

    attempts: list[Attempt] = []
    with reported(Reports(as_json, ping_url or ""), attempts):
        before = timedelta(minutes=overlap)
        filters = ListFilters(since, status, package_id)
        ids = _ids(job_ids, ids_file)
        plan = Plan(ids, filters, full, overlap=before, log_summaries=log_summaries)
        _refuse_contradictions(plan)
        manner = Manner(prints=not as_json, is_quiet=quiet, at_once=parallel)
        run(api_options, (Database(database_url, upgrade), plan), manner, attempts)


def _refuse_contradictions(plan: "Plan") -> None:
    if plan.ids is not None and (plan.full or plan.is_filtered):
        raise UsageError("job ids already select the jobs: leave --full and the filters out")
    if plan.full and plan.is_filtered:
        raise UsageError("--full reads the whole list: leave --since, --status, --package-id out")


def run(
    api_options: ApiOptions,
    what: "tuple[Database, Plan]",
    manner: Manner = Manner(),  # noqa: B008 - immutable
    attempts: "list[Attempt] | None" = None,
) -> None:
    """Run a sync of each account and report how it ended; `attempts` get the outcomes.

    Raises what the only account's run has raised, `RecordError` if something of it was set aside,
    or `AccountsFailed`.
    """
    from snapshotter.sync.account_run import run_account
    from snapshotter.sync.several import Attempt
    from snapshotter.sync.summary import incomplete, summary

    database, plan = what
    attempts = [] if attempts is None else attempts
    accounts = api_options.accounts()
    if plan.ids is not None:
        only_one(accounts, "job ids")
    if plan.filters.package_id is not None:
        only_one(accounts, "ids of packages")
    may_ask = api_options.max_requests is None
    with (
        api_options.run_options() as options,
        bars(manner, len(accounts), may_ask=may_ask) as watch,
    ):

        def read(attempt: "Attempt") -> None:
            began = time.monotonic()
            service = attempt.account.service(api_options.timeout)
            outcome = run_account(service, database, plan, replace(options, watcher=attempt))
            attempt.summary = summary(outcome, time.monotonic() - began)
            attempt.counts = outcome.counts()
            if why := incomplete(outcome):
                raise RecordError(why)

        attempts += [Attempt(account, watch) for account in accounts]
        run_each_account(attempts, read, (options, database), manner)
    finish(attempts, manner)


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
