"""The commands. What a command needs is imported when it runs, so that `--help` answers at once."""

import functools
import json
import logging
import random
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from snapshotter import __version__, logs
from snapshotter.cli.accounts import accounts as accounts_group
from snapshotter.cli.options import (
    ID,
    Asking,
    Day,
    Days,
    Duration,
    Group,
    Moment,
    asks_the_api,
    database_option,
    reading,
    shown,
)
from snapshotter.cli.streams import data_output, say, show
from snapshotter.errors import DatabaseError, Failure, RecordError, RequestRefused, UsageError
from snapshotter.settings import DEFAULT_OVERLAP
from snapshotter.texts import decoded, nearest

if TYPE_CHECKING:
    from snapshotter.store.rejects import Group as SetAsideGroup
    from snapshotter.sync.sync import Outcome, Plan
    from snapshotter.trends.trends import Filters

log = logging.getLogger(__name__)


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="snapshotter")
def cli() -> None:
    """Keep the job history of an Xplenty (Integrate.io ETL) account in a database of your own.

    Begin with `snapshotter demo`; then set XPLENTY_ACCOUNT_ID and XPLENTY_API_KEY, and run
    `snapshotter sync`.

    Exit codes: 0 done; 1 failed; 2 usage or configuration; 65 done, but records were set aside;
    75 stopped early, nothing lost, run again; 77 the API refused the key.
    """


cli.add_command(accounts_group)


@cli.command()
@click.argument("job_ids", metavar="[JOB_ID]...", nargs=-1, type=ID)
@click.option(
    "--ids-file",
    type=click.File("rb"),
    help="Read just the jobs whose ids are in this file, one a line; - is standard input.",
)
@click.option("--since", type=Moment(), help="Read just the jobs updated since then (UTC).")
@click.option("--status", help="Read just the jobs of this status.")
@click.option("--package-id", type=ID, help="Read just the jobs of this package.")
@click.option("--full", is_flag=True, help="Read the whole list again.")
@click.option(
    "--overlap",
    type=click.IntRange(0, 1440),
    default=int(DEFAULT_OVERLAP.total_seconds() // 60),
    show_default=True,
    metavar="MINUTES",
    help="How far before the last run's beginning a listing starts.",
)
@asks_the_api
@database_option
def sync(
    job_ids: tuple[int, ...],
    ids_file: Any,
    since: datetime | None,
    status: str | None,
    package_id: int | None,
    full: bool,
    overlap: int,
    asking: Asking,
    database_url: str,
) -> None:
    """Read the account's jobs into the database: all the first time, then what is new.

    With JOB_IDs or --ids-file, just those jobs. A run that reads just some jobs leaves the
    watermark where it is: the next plain run still reads all that is new. A run that has to stop
    early ends with 75, and the next goes on from there.
    """
    from snapshotter.api.client import Filters
    from snapshotter.sync.sync import Plan

    filters = Filters(since, status, package_id)
    ids = _ids(job_ids, ids_file)
    if ids is not None and (full or filters != Filters()):
        raise UsageError("ids name the jobs to read: leave --full and the filters out")
    if full and filters != Filters():
        raise UsageError("--full reads the whole list: leave --since, --status, --package-id out")
    _sync(asking, database_url, Plan(ids, filters, full, overlap=timedelta(minutes=overlap)))


@cli.command()
@click.option(
    "--sample",
    type=click.IntRange(0, 10**6),
    default=500,
    show_default=True,
    metavar="JOBS",
    help="How many jobs to compare field by field, in pages taken at random.",
)
@click.option("--repair", is_flag=True, help="Store what is missing or different.")
@asks_the_api
@database_option
def verify(sample: int, repair: bool, asking: Asking, database_url: str) -> None:
    """Prove that all the API's jobs are here: count them, and compare some field by field.

    Exit 65 if anything differs and is not repaired. Changes made at the API since the last sync are
    not counted as differences: the next sync brings them.
    """
    from snapshotter.store.engine import connect, named_errors
    from snapshotter.store.revisions import require_head
    from snapshotter.sync.context import Context
    from snapshotter.sync.sync import Plan, snapshot
    from snapshotter.sync.verify import Findings, Sample
    from snapshotter.sync.verify import verify as find

    found = Findings()
    seed = random.Random()  # noqa: S311 - which pages to read is no secret
    with asking.session() as (client, xplenty, redact), named_errors():
        engine = connect(database_url, read_only=not repair, time_left=client.time_left)
        require_head(engine)
        look = functools.partial(
            find, Context(engine, client, xplenty, redact), Sample(sample, seed), found
        )
        try:
            if repair:
                with snapshot(Context(engine, client, xplenty, redact), Plan(ids=())) as run:
                    look(repair=run)
            else:
                look()
        finally:
            for line in found.lines() if found.counted else ():
                say(line)
    last = f"{found.differences:,} differences, {client.requests_sent:,} requests"
    ended = {"differences": found.differences, "requests": client.requests_sent}
    logs.about(summary=last, ended=ended)
    say(last)
    if found.differences and not repair:
        raise RecordError(f"{found.differences:,} jobs differ; --repair fetches them")
    if found.unrepaired:
        raise RecordError(found.unrepaired)
    if found.set_aside:
        raise RecordError(
            f"{len(found.set_aside):,} records are set aside; see 'snapshotter rejects'"
        )


@cli.command()
@click.option(
    "--max-age",
    type=Duration(),
    help="Exit 1 if the data of an account is older, like 90s, 30m or 2h.",
)
@click.option(
    "--account", "account_ids", multiple=True, metavar="ID", help="Just this account; repeatable."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@database_option
def status(
    max_age: timedelta | None, account_ids: tuple[str, ...], as_json: bool, database_url: str
) -> None:
    """Report how fresh the data is, what the last runs did, and what is pending.

    It asks the database alone. The age is counted from when the last complete run began, by this
    host's clock; a run that began in the future by that clock does not count.
    """
    from snapshotter.sync.status import accounts, stale, unknown

    now = datetime.now(UTC)
    with reading(database_url) as engine:
        found = accounts(engine, now)
    missing = unknown(found, account_ids)
    if missing and max_age is None:
        raise UsageError("; ".join(missing.values()))
    shown = [each for each in found if not account_ids or each.account_id in account_ids]
    # With --max-age the exit code is the answer, whether or not anybody reads the lines.
    tell = show if max_age is None else say
    if as_json:
        document = {"accounts": [each.document(now) for each in shown]}
        lines = json.dumps(document, indent=2).splitlines()
    else:
        lines = [line for each in shown for line in each.lines(now)]
    for line in lines or ["no account yet; 'snapshotter sync' brings the first"]:
        tell(line)
    if max_age is not None and (why := stale(shown, missing, now, max_age)):
        raise Failure(why)


@cli.command()
@click.option(
    "--retry",
    is_flag=True,
    help="Read them again: as they are kept, then from the API. The other options go with it.",
)
@click.option("--all", "each", is_flag=True, help="List each record instead of each reason.")
@asks_the_api
@database_option
def rejects(retry: bool, each: bool, asking: Asking, database_url: str) -> None:
    """List the records set aside, a line for each reason; with --all, for each record.

    `snapshotter export rejected_records -o -` prints them in full. Each sync tries some of them
    again.
    """
    from snapshotter.store.rejects import grouped, listed
    from snapshotter.sync.sync import Plan

    if retry:
        _sync(asking, database_url, Plan(rejected=True))
        return
    with reading(database_url) as engine:
        if each:
            lines = [
                f"{row.rejected_at:%Y-%m-%dT%H:%M:%SZ}  {row.account_id}  {row.reason}"
                for row in listed(engine)
            ]
        else:
            lines = [_of_one_reason(group) for group in grouped(engine)]
    for line in lines or ["no records are set aside"]:
        show(line)


def _of_one_reason(group: "SetAsideGroup") -> str:
    """Return the line of the records that were set aside for one reason."""
    ids = ", ".join(map(str, group.job_ids))
    more = group.count - len(group.job_ids)
    parts = [
        f"{group.count:,} records" if group.count > 1 else "1 record",
        f"job{'s' if ids.count(',') else ''} {ids}{f' and {more:,} more' if more else ''}"
        if ids
        else "no job id",
        f"from {group.first_at:%Y-%m-%dT%H:%M:%SZ} to {group.last_at:%Y-%m-%dT%H:%M:%SZ}",
    ]
    if group.next_attempt_at is not None:
        parts.append(f"tried again from {group.next_attempt_at:%Y-%m-%dT%H:%M:%SZ} on")
    return f"{group.reason}  ({'; '.join(parts)})"


def _sync(asking: Asking, database_url: str, plan: "Plan") -> None:
    """Run a sync and report how it ended."""
    from snapshotter.statuses import STATUSES
    from snapshotter.store.engine import connect
    from snapshotter.store.revisions import require_head
    from snapshotter.sync.context import Context
    from snapshotter.sync.sync import sync as run

    began = time.monotonic()
    with asking.session() as (client, xplenty, redact), _ticker() as tick:
        engine = connect(database_url, time_left=client.time_left)
        require_head(engine, may_create=True)
        log.info("reading account %s into %s", xplenty.account_id, shown(database_url))
        try:
            outcome = run(Context(engine, client, xplenty, redact, tick), plan)
        except RequestRefused as error:
            asked = plan.filters.status
            if asked is None or asked in STATUSES:
                raise
            raise RequestRefused(f"{error}{nearest(asked, STATUSES)}") from None
    last = summary(outcome, time.monotonic() - began)
    logs.about(run=outcome.snapshot_id, summary=last, ended=outcome.counts())
    say(f"{last}{logs.mark()}")
    if outcome.missing:
        listed = ", ".join(map(str, outcome.missing[:10])) + ("…" if outcome.missing[10:] else "")
        raise RecordError(f"the API has no job {listed}; the others are stored")
    if outcome.rejected:
        raise RecordError(
            f"{outcome.rejected} records were set aside into rejected_records, with the reason; "
            "the rest is stored, and they are asked for again next time"
        )
    if outcome.noted:
        more = f", and {len(outcome.noted) - 1} more" if outcome.noted[1:] else ""
        raise RecordError(f"{outcome.noted[0]}{more}; the rest is stored")


@cli.command()
@click.argument("name", required=False)
@click.option("-o", "--output", metavar="FILE", help="Where to; - is standard output.")
@click.option(
    "--all",
    "folder",
    metavar="DIR",
    help="Write every table and trend into this folder, with a manifest.json.",
)
@click.option(
    "--format",
    "asked_format",
    type=click.Choice(["csv", "parquet", "xlsx", "json"]),
    help="How; without it as FILE ends (also .csv.gz and .json.gz), else CSV.",
)
@click.option(
    "--partition-by",
    type=click.Choice(["month"]),
    help="Write Parquet as folders, a month of jobs each: month=2026-01 and so on.",
)
@click.option("--raw", is_flag=True, help="Leave text that looks like a formula as it is, in CSV.")
@click.option("--since", type=Day(), help="From this day on (UTC).")
@click.option("--until", type=Day(), help="Up to the day before this one (UTC).")
@click.option("--package-id", type=ID, help="Just this package.")
@click.option("--status", help="Just the jobs of this status.")
@database_option
def export(
    name: str | None,
    output: str | None,
    folder: str | None,
    asked_format: str | None,
    partition_by: str | None,
    raw: bool,
    since: date | None,
    until: date | None,
    package_id: int | None,
    status: str | None,
    database_url: str,
) -> None:
    """Write the table or trend NAME, or all of them.

    In CSV, integers are integers, times are UTC like 2026-01-31T23:59:59Z, and null is an empty
    field, as the empty text is. Text that begins with = + - @, tab, return or line feed gets an
    apostrophe before it, or a spreadsheet would run it as a formula; --raw leaves it as it is.
    """
    from snapshotter.export import bundle, formats
    from snapshotter.export.export import Selection
    from snapshotter.export.export import export as write
    from snapshotter.trends.trends import Filters

    target = _one_target(name, output, folder)
    filters = Filters(since, until, package_id)
    style = formats.style(asked_format, "" if folder else target, raw=raw)
    if partition_by and style.format != "parquet":
        raise UsageError(f"--partition-by is for Parquet, not {style.format}; add --format parquet")
    if raw:
        logs.notice("raw: formulas in text are left as they are; open it in no spreadsheet")
    now, path = datetime.now(UTC), Path(target)
    with reading(database_url) as engine:
        _require_status(engine, status)
        if name is None:
            by_month = partition_by is not None
            entries = bundle.export_all(
                engine, path, style, now, filters, status, by_month=by_month
            )
            rows, what = sum(entry.rows for entry in entries), f"{len(entries)} files"
        elif partition_by:
            selection = Selection(name, filters, status)
            entries = bundle.export_by_month(engine, path, style, now, selection)
            rows, what = sum(entry.rows for entry in entries), name
        else:
            with data_output() if target == "-" else nullcontext(path) as stream:
                rows, what = write(engine, name, stream, filters, status, style), name
    if target != "-":
        logs.notice(f"{rows:,} rows of {what} in {target}")


@cli.command()
@click.argument("name", required=False)
@click.option("--since", type=Day(), help="From this day on (UTC).")
@click.option("--until", type=Day(), help="Up to the day before this one (UTC).")
@click.option(
    "--last", type=Days(), help="Just the last days, like 30d or 12w, up to the newest stored."
)
@click.option("--package", metavar="NAME_OR_ID", help="Just this package.")
@click.option("--package-id", type=ID, help="Just this package, by its id.")
@click.option("--limit", type=click.IntRange(1), help="Just the first rows.")
@click.option(
    "--format",
    "shape",
    type=click.Choice(["table", "csv", "json", "markdown"]),
    help="[default: table on a terminal, csv into a pipe]",
)
@click.option(
    "--sql-dir",
    type=click.Path(path_type=Path),
    help="A folder of your own trends: NAME.sql, one select each, with :since, :until and "
    ":package_id where you want them.",
)
@database_option
def trends(
    name: str | None,
    since: date | None,
    until: date | None,
    last: timedelta | None,
    package: str | None,
    package_id: int | None,
    limit: int | None,
    shape: str | None,
    sql_dir: Path | None,
    database_url: str,
) -> None:
    """List the trends, or show the one called NAME.

    On a terminal it is a table, with the course of what there is in time; into a pipe it is CSV.
    """
    from snapshotter.trends import trends as known

    if name is None:
        width = max(map(len, known.names(sql_dir)))
        for each in known.names(sql_dir):
            try:
                asks = known.question(each, sql_dir)
            except UsageError as error:
                asks = str(error)
            show(f"{each:{width}}  {asks}".rstrip())
        return
    known.Filters(since, until)  # what cannot be is told before the database is asked
    with reading(database_url) as engine:
        filters = _filters(engine, since, until, last, package, package_id)
        with engine.connect() as connection:
            columns, rows = known.rows(connection, name, filters, sql_dir, limit)
    _print(columns, rows, shape or ("table" if sys.stdout.isatty() else "csv"))


@cli.command()
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    help="The HTML file to write; - is standard output.",
)
@click.option(
    "--last",
    type=Days(),
    default="90d",
    show_default=True,
    help="How far back to report, like 30d or 12w, ending with the newest day stored.",
)
@click.option("--package", metavar="NAME_OR_ID", help="Just this package.")
@database_option
def report(output: str, last: timedelta, package: str | None, database_url: str) -> None:
    """Write one HTML file that tells how the packages do, for a mail or a file share.

    What matters most in plain sentences, then charts and tables: what got slower, what fails and
    why, what waits, volume, cost, field changes, freshness, and the snapshot itself. It opens with
    no network. Needs the extra `report`.
    """
    from snapshotter.report.report import report as write

    target = _one_target("report", output, None)
    with (
        reading(database_url) as engine,
        data_output() if target == "-" else nullcontext(Path(target)) as stream,
    ):
        write(engine, stream, last, package, datetime.now(UTC))
    if target != "-":
        logs.notice(f"the report is in {target}")


@cli.group()
def db() -> None:
    """The schema of the database, by Alembic."""


@db.command()
@database_option
def upgrade(database_url: str) -> None:
    """Bring the schema to this version's; back the database up before."""
    from snapshotter.store import revisions
    from snapshotter.store.engine import connect

    engine = connect(database_url)
    revisions.upgrade(engine)
    say(f"at revision {revisions.current(engine)}")


@db.command()
@database_option
def current(database_url: str) -> None:
    """Print the schema's revision, and this version's."""
    from snapshotter.store import revisions
    from snapshotter.store.engine import connect

    engine = connect(database_url, read_only=True)
    revision = revisions.current(engine) or "none, the database is empty"
    show(f"{revision} (this version's: {revisions.head()})")


@db.command()
@database_option
def check(database_url: str) -> None:
    """Compare the schema with what this version expects; exit 1 and a line each if they differ."""
    from snapshotter.store import revisions
    from snapshotter.store.engine import connect
    from snapshotter.store.schema_differences import in_words

    try:
        revisions.check(connect(database_url, read_only=True))
    except revisions.SchemaDiffers as error:
        differences = in_words(error.differences)
        for line in differences:
            say(line)
        raise DatabaseError(
            f"the database differs from the models in {len(differences)} places"
        ) from None
    say(f"as expected, at revision {revisions.head()}")


@cli.command()
@click.option(
    "--database",
    "path",
    type=click.Path(path_type=Path),
    default="demo.db",
    show_default=True,
    help="The SQLite file to make.",
)
def demo(path: Path) -> None:
    """Try it out: a simulated account, synced twice into demo.db, and some trends of it."""
    from snapshotter.cli import demo as way
    from snapshotter.trends import trends

    way.run(path, show, summary)
    shown = ("slowest_packages", "runtime_regressions", "failure_reasons")
    with reading(f"sqlite:///{path}") as engine, engine.connect() as connection:
        for name in shown:
            for line in ("", f"{name}: {trends.question(name)}", ""):
                show(line)
            _print(*trends.rows(connection, name, trends.Filters()), "table")
    show()
    show(f"more: snapshotter trends runtime_by_day --database sqlite:///{path}")


def summary(outcome: "Outcome", seconds: float | None = None) -> str:
    """Give a run's last line."""
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


def _require_status(engine: Any, status: str | None) -> None:
    """Raise `UsageError` for a status that is neither known nor stored: a typing error."""
    from sqlalchemy import text

    from snapshotter.statuses import STATUSES

    if status is None or status in STATUSES:
        return
    with engine.connect() as connection:
        stored = set(connection.execute(text("select distinct status from jobs")).scalars())
    if status not in stored:
        known = sorted({*STATUSES, *filter(None, stored)})
        hint = nearest(status, known) or f"; known are {', '.join(known)}"
        raise UsageError(f"--status {status!r}: no job has it{hint}")


def _one_target(name: str | None, output: str | None, folder: str | None) -> str:
    if (name is None) == (folder is None):
        raise UsageError("name one table or trend to export, or --all DIR: one of the two")
    if folder is not None and output is not None:
        raise UsageError("--all DIR says where to: leave -o out")
    target = folder if folder is not None else output
    if not target:
        raise UsageError("no output given: add -o FILE (or -o - for standard output)")
    return target


def _ids(job_ids: tuple[int, ...], ids_file: Any) -> list[int] | None:
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
        raise UsageError("--ids-file holds no job id; expected one a line")
    return list(dict.fromkeys(ids))


def _filters(
    engine: Any,
    since: date | None,
    until: date | None,
    last: timedelta | None,
    package: str | None,
    package_id: int | None,
) -> "Filters":
    """Give what the options let through. Raises `UsageError` where two say the same."""
    from snapshotter.trends import trends

    if last is not None and since is not None:
        raise UsageError("--last and --since both say where to begin: give one")
    if package is not None and package_id is not None:
        raise UsageError("--package and --package-id both name a package: give one")
    with engine.connect() as connection:
        if last is not None:
            since, end = trends.last_days(connection, last)
            until = until or end
            if since is not None and until is not None and until <= since:
                raise UsageError(
                    f"--until {until} leaves nothing of the last days, from {since} on"
                )
        if package is not None:
            package_id = trends.package(connection, package)
    return trends.Filters(since, until, package_id)


def _print(columns: list[str], rows: list[tuple[Any, ...]], shape: str) -> None:
    """Print a trend's rows."""
    from snapshotter.trends import terminal

    answer = terminal.Answer(columns, rows)
    if not rows and shape != "table":
        logs.notice(terminal.NO_ROWS)
    match shape:
        case "table":
            terminal.show(answer, sys.stdout)
        case "markdown":
            with data_output() as file:
                terminal.write_markdown(answer, file)
        case _:
            from snapshotter.export.export import write_rows
            from snapshotter.export.formats import style

            with data_output() as file:
                write_rows(columns, rows, file, style(shape, ""))


@contextmanager
def _ticker() -> Iterator[Any]:
    """Count the jobs on a terminal's last line, or in the log with -v; under cron, say nothing."""
    if not sys.stderr.isatty() or logs.ABOUT.verbosity or logs.ABOUT.is_json:
        yield lambda jobs: log.info("%d jobs read so far", jobs)
        return
    yield lambda jobs: click.echo(f"\r{jobs:,} jobs", nl=False, err=True)
    click.echo("\r\033[K", nl=False, err=True)
