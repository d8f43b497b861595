"""The commands. What a command needs is imported when it runs, so that `--help` answers at once."""

import functools
import gc
import io
import json
import logging
import os
import random
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from snapshotter import __version__, logs
from snapshotter.errors import (
    Failure,
    Interrupted,
    RecordError,
    SnapshotterError,
    Stopped,
    UsageError,
)
from snapshotter.settings import (
    DATABASE_URL_VARIABLE,
    DEFAULT_DATABASE_URL,
    DEFAULT_OVERLAP,
    DEFAULT_TIMEOUT,
    VARIABLES_VARIABLE,
    Service,
    privacy,
    service,
)

if TYPE_CHECKING:
    from snapshotter.client import Client
    from snapshotter.redact import Redaction
    from snapshotter.sync import Outcome, Plan
    from snapshotter.trends import Filters

ID = click.IntRange(1, 2**63 - 1)


class Moment(click.ParamType[datetime]):
    """A day or a time, ISO 8601; without a zone it is UTC."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            at = datetime.fromisoformat(value)
            return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time; like 2026-01-31 or 2026-01-31T23:59:59Z", param, ctx)


class Day(click.ParamType[date]):
    name = "day"

    def convert(self, value: Any, param: Any, ctx: Any) -> date:
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no day; like 2026-01-31", param, ctx)


class Duration(click.ParamType[timedelta]):
    """A number of seconds, or of what its letter says."""

    name = "duration"
    seconds = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}  # noqa: RUF012 - a constant

    def convert(self, value: Any, param: Any, ctx: Any) -> timedelta:
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)([smhdw]?)", value)
        if found is None or not float(found[1]):
            self.fail(f"{value!r} is no length of time; like 90s, 30m, 2h or 7d", param, ctx)
        try:
            return timedelta(seconds=float(found[1]) * self.seconds[found[2]])
        except OverflowError:
            self.fail(f"{value!r} is longer than time itself", param, ctx)


database_option = click.option(
    "--database",
    "database_url",
    envvar=DATABASE_URL_VARIABLE,
    default=DEFAULT_DATABASE_URL,
    show_default=True,
    metavar="URL",
    help=f"The database, as a SQLAlchemy URL.  [env: {DATABASE_URL_VARIABLE}]",
)


@dataclass(frozen=True)
class Asking:
    """How a command is to ask the API."""

    api_key_file: Path | None
    timeout: float
    reserve_credits: int | None
    max_requests: int | None
    max_time: timedelta | None
    variables: str

    @contextmanager
    def session(self) -> Iterator[tuple["Client", Service, "Redaction"]]:
        """Give the client and what goes with it; a signal stops it after the page under way."""
        from snapshotter.client import Client, Limits
        from snapshotter.interrupt import Interruptible
        from snapshotter.redact import Redaction

        xplenty = service(os.environ, self.api_key_file, self.timeout)
        kept = privacy(os.environ, self.variables)
        hash_key = None if kept.hash_key is None else kept.hash_key.secret
        redact = Redaction(kept.variables, kept.secret_names, hash_key)
        seconds = None if self.max_time is None else self.max_time.total_seconds()
        limits = Limits(self.reserve_credits, self.max_requests, seconds)
        with Interruptible() as clock, Client(xplenty, limits, clock=clock) as client:
            yield client, xplenty, redact


_ASKING = (
    click.option(
        "--api-key-file",
        type=click.Path(path_type=Path),
        help="Read the key from this file.  [default: XPLENTY_API_KEY]",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(0.1, 3600),
        default=DEFAULT_TIMEOUT,
        show_default=True,
        metavar="SECONDS",
        help="How long a whole request may take.",
    ),
    click.option(
        "--reserve-credits",
        type=click.IntRange(0, 2**31 - 1),
        help="Credits of the hour that are never spent.  "
        "[default: 500, or a tenth of a budget that is no larger]",
    ),
    click.option(
        "--max-requests",
        type=click.IntRange(1),
        help="Stop after so many requests, retries and the free one for the credits included.",
    ),
    click.option("--max-time", type=Duration(), help="Stop after so long, like 90s, 30m or 2h."),
    click.option(
        "--variables",
        type=click.Choice(["mask", "hash", "keep", "drop"]),
        default="mask",
        show_default=True,
        envvar=VARIABLES_VARIABLE,
        help="What is stored of values whose names look secret: ***, an HMAC by "
        "SNAPSHOTTER_HASH_KEY, the value, or no variables at all.  "
        f"[env: {VARIABLES_VARIABLE}]",
    ),
)


def asks_the_api(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a command that asks the API; it takes them as `asking`."""

    @functools.wraps(command)
    def asking_command(**words: Any) -> None:
        own = {name: words.pop(name) for name in Asking.__dataclass_fields__}
        command(asking=Asking(**own), **words)

    return functools.reduce(lambda wrapped, option: option(wrapped), _ASKING[::-1], asking_command)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("-v", "--verbose", count=True, help="Log more; twice, still more.")
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.version_option(__version__, prog_name="snapshotter")
def cli(verbose: int, log_format: str) -> None:
    """Keep the job history of an Xplenty (Integrate.io ETL) account in a database of your own.

    Begin with `snapshotter demo`; then set XPLENTY_ACCOUNT_ID and XPLENTY_API_KEY, and run
    `snapshotter sync`.

    Exit codes: 0 done; 1 failed; 2 usage or configuration; 65 done, but records were set aside;
    75 stopped early, nothing lost, run again; 77 the API refused the key.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(logs.JsonLines() if log_format == "json" else logs.Lines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    levels = (logging.WARNING, logging.INFO, logging.DEBUG)
    logging.getLogger("snapshotter").setLevel(levels[min(verbose, 2)])


@cli.command()
@click.argument("job_ids", metavar="[JOB_ID]...", nargs=-1, type=ID)
@click.option(
    "--ids-file",
    type=click.File("r", encoding="utf-8"),
    help="Read just the jobs whose ids stand in this file, one a line; - is standard input.",
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
    from snapshotter.client import Filters
    from snapshotter.sync import Plan

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

    Exit 65 where anything differs, and is not repaired. What changed at the API since the last sync
    is no difference.
    """
    from snapshotter.database import connect, named_errors, require_head
    from snapshotter.sync import Plan, snapshot
    from snapshotter.verify import Findings
    from snapshotter.verify import verify as find

    engine = connect(database_url, read_only=not repair)
    require_head(engine)
    found = Findings()
    seed = random.Random()  # noqa: S311 - which pages to read is no secret
    with asking.session() as (client, xplenty, redact), named_errors():
        look = functools.partial(
            find,
            engine,
            client,
            xplenty.account_id,
            redact,
            sample=sample,
            found=found,
            chance=seed,
        )
        try:
            if repair:
                with snapshot(engine, client, xplenty, Plan(ids=()), redact) as run:
                    look(repair=run)
            else:
                look()
        finally:
            for line in found.lines() if found.counted else ():
                click.echo(line)
    click.echo(f"{found.differences:,} differences, {client.requests_sent:,} requests")
    if found.differences and not repair:
        raise RecordError(f"{found.differences:,} jobs differ; --repair fetches them")
    if found.set_aside:
        raise RecordError(
            f"{len(found.set_aside):,} records are set aside; see 'snapshotter rejects'"
        )


@cli.command()
@click.option(
    "--max-age", type=Duration(), help="Exit 1 where the data is older, like 90s, 30m or 2h."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@database_option
def status(max_age: timedelta | None, as_json: bool, database_url: str) -> None:
    """Tell how fresh the data is, what the last runs did, and what waits.

    It asks the database alone. The age is counted from when the last complete run began, by this
    host's clock.
    """
    from snapshotter.status import accounts, words

    now = datetime.now(UTC)
    with _reading(database_url) as engine:
        found = accounts(engine)
    if as_json:
        click.echo(json.dumps({"accounts": [each.document(now) for each in found]}, indent=2))
    else:
        for line in [line for each in found for line in each.lines(now)] or ["no account yet"]:
            click.echo(line)
    if max_age is not None:
        stale = [each.account_id for each in found if each.is_stale(now, max_age)]
        if stale or not found:
            raise Failure(
                f"stale: {', '.join(stale) or 'no account at all'} has no complete run of the "
                f"last {words(max_age)}; see why sync does not complete"
            )


@cli.command()
@click.option(
    "--retry",
    is_flag=True,
    help="Read them again: as they are kept, then from the API. The other options go with it.",
)
@asks_the_api
@database_option
def rejects(retry: bool, asking: Asking, database_url: str) -> None:
    """List the records set aside, a line each, with the reason.

    Whole they are in `snapshotter export rejected_records -o -`. Each sync asks for them again.
    """
    from snapshotter.rejects import listed
    from snapshotter.sync import Plan

    if retry:
        _sync(asking, database_url, Plan(rejected=True))
        return
    with _reading(database_url) as engine:
        for row in listed(engine):
            click.echo(f"{row.rejected_at:%Y-%m-%dT%H:%M:%SZ}  {row.account_id}  {row.reason}")


def _sync(asking: Asking, database_url: str, plan: "Plan") -> None:
    """Run a sync and tell how it ended."""
    from snapshotter.database import connect, require_head
    from snapshotter.sync import sync as run

    began = time.monotonic()
    with asking.session() as (client, xplenty, redact), _ticker() as tick:
        engine = connect(database_url)
        require_head(engine, may_create=True)
        outcome = run(engine, client, xplenty, plan, redact, tick)
    click.echo(summary(outcome, time.monotonic() - began))
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
    field, as the empty text is. Text that begins with = + - @, tab or return gets an apostrophe
    before it, or a spreadsheet would run it as a formula; --raw leaves it as it is.
    """
    from snapshotter import bundle, formats
    from snapshotter.export import Selection
    from snapshotter.export import export as write
    from snapshotter.trends import Filters

    target = _one_target(name, output, folder)
    filters = Filters(since, until, package_id)
    style = formats.style(asked_format, "" if folder else target, raw=raw)
    if partition_by and style.format != "parquet":
        raise UsageError(f"--partition-by is for Parquet, not {style.format}; add --format parquet")
    if raw:
        click.echo(
            "raw: formulas in text are left as they are; open it in no spreadsheet", err=True
        )
    now, path = datetime.now(UTC), Path(target)
    with _reading(database_url) as engine:
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
            stream = sys.stdout if target == "-" else path
            rows, what = write(engine, name, stream, filters, status, style), name
    if target != "-":
        click.echo(f"{rows:,} rows of {what} in {target}", err=True)


@cli.command()
@click.argument("name", required=False)
@click.option("--since", type=Day(), help="From this day on (UTC).")
@click.option("--until", type=Day(), help="Up to the day before this one (UTC).")
@click.option(
    "--last", type=Duration(), help="Just the last days, like 30d, up to the newest of the history."
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
    from snapshotter import trends as known

    if name is None:
        width = max(map(len, known.names(sql_dir)))
        for each in known.names(sql_dir):
            try:
                asks = known.question(each, sql_dir)
            except UsageError as error:
                asks = str(error)
            click.echo(f"{each:{width}}  {asks}".rstrip())
        return
    known.Filters(since, until)  # what cannot be is told before the database is asked
    with _reading(database_url) as engine:
        filters = _filters(engine, since, until, last, package, package_id)
        with engine.connect() as connection:
            columns, rows = known.rows(connection, name, filters, sql_dir, limit)
    _print(columns, rows, shape or ("table" if sys.stdout.isatty() else "csv"))


@cli.command()
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The HTML file to write.",
)
@click.option(
    "--last",
    type=Duration(),
    default="90d",
    show_default=True,
    help="Tell of so many days, like 30d or 12w; the last is the newest that the history covers.",
)
@click.option("--package", metavar="NAME_OR_ID", help="Just this package.")
@database_option
def report(output: Path, last: timedelta, package: str | None, database_url: str) -> None:
    """Write one HTML file that tells how the packages do, for a mail or a file share.

    What matters most in plain sentences, then charts and tables: what got slower, what fails and
    why, what waits, volume, cost, field changes, freshness, and the snapshot itself. It opens with
    no network. Needs the extra `report`.
    """
    from snapshotter.report import report as write

    with _reading(database_url) as engine:
        write(engine, output, last, package, datetime.now(UTC))
    click.echo(f"the report is in {output}", err=True)


@cli.group()
def db() -> None:
    """The schema of the database, by Alembic."""


@db.command()
@database_option
def upgrade(database_url: str) -> None:
    """Bring the schema to this version's; back the database up before."""
    from snapshotter import database

    engine = database.connect(database_url)
    database.upgrade(engine)
    click.echo(f"at revision {database.current(engine)}")


@db.command()
@database_option
def current(database_url: str) -> None:
    """Print the schema's revision, and this version's."""
    from snapshotter import database

    engine = database.connect(database_url, read_only=True)
    revision = database.current(engine) or "none, the database is empty"
    click.echo(f"{revision} (this version's: {database.head()})")


@db.command()
@database_option
def check(database_url: str) -> None:
    """Compare the schema with what this version expects; exit 1 where they differ."""
    from snapshotter import database

    database.check(database.connect(database_url, read_only=True))
    click.echo(f"as expected, at revision {database.head()}")


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
    from snapshotter import demo as way
    from snapshotter import trends

    way.run(path, click.echo, summary)
    shown = ("slowest_packages", "runtime_regressions", "failure_reasons")
    with _reading(f"sqlite:///{path}") as engine, engine.connect() as connection:
        for name in shown:
            click.echo(f"\n{name}: {trends.question(name)}\n")
            _print(*trends.rows(connection, name, trends.Filters()), "table")
    click.echo(f"\nmore: snapshotter trends runtime_by_day --database sqlite:///{path}")


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


def _one_target(name: str | None, output: str | None, folder: str | None) -> str:
    if (name is None) == (folder is None):
        raise UsageError("name one table or trend to export, or --all DIR: one of the two")
    if folder is not None and output is not None:
        raise UsageError("--all DIR says where to: leave -o out")
    target = folder if folder is not None else output
    if not target:
        raise UsageError("where to? add -o FILE; - is standard output")
    return target


def _ids(job_ids: tuple[int, ...], ids_file: Any) -> list[int] | None:
    if not job_ids and ids_file is None:
        return None
    ids = list(job_ids)
    try:
        lines = list(ids_file or ())
    except UnicodeDecodeError:
        raise UsageError("--ids-file is no UTF-8 text") from None
    for number, line in enumerate(lines, 1):
        words = line.split("#", 1)[0].strip()
        if not words:
            continue
        if not (re.fullmatch(r"[0-9]{1,19}", words) and 0 < int(words) < 2**63):
            raise UsageError(f"--ids-file, line {number}: {words[:40]!r} is no job id")
        ids.append(int(words))
    if not ids:
        raise UsageError("--ids-file holds no job id")
    return list(dict.fromkeys(ids))


@contextmanager
def _reading(database_url: str) -> Iterator[Any]:
    """Open a database that is at head, to read."""
    from snapshotter.database import connect, named_errors, require_head

    engine = connect(database_url, read_only=True)
    require_head(engine)
    with named_errors():
        yield engine
    engine.dispose()


def _filters(
    engine: Any,
    since: date | None,
    until: date | None,
    last: timedelta | None,
    package: str | None,
    package_id: int | None,
) -> "Filters":
    """Give what the options let through. Raises `UsageError` where two say the same."""
    from snapshotter import trends

    if last is not None and since is not None:
        raise UsageError("--last and --since both say where to begin: give one")
    if package is not None and package_id is not None:
        raise UsageError("--package and --package-id both name a package: give one")
    with engine.connect() as connection:
        if last is not None:
            since = trends.since(connection, last)
            if since is not None and until is not None and until <= since:
                raise UsageError(
                    f"--until {until} leaves nothing of the last days, from {since} on"
                )
        if package is not None:
            package_id = trends.package(connection, package)
    return trends.Filters(since, until, package_id)


def _print(columns: list[str], rows: list[tuple[Any, ...]], shape: str) -> None:
    """Print a trend's rows."""
    from snapshotter import terminal

    answer = terminal.Answer(columns, rows)
    if not rows and shape != "table":
        click.echo(terminal.NO_ROWS, err=True)
    match shape:
        case "table":
            terminal.show(answer, sys.stdout)
        case "markdown":
            terminal.write_markdown(answer, sys.stdout)
        case _:
            from snapshotter.export import write_rows
            from snapshotter.formats import style

            write_rows(columns, rows, sys.stdout, style(shape, ""))


@contextmanager
def _ticker() -> Iterator[Any]:
    """Count the jobs on a terminal's last line; under cron, say nothing."""
    if not sys.stderr.isatty():
        yield lambda _jobs: None
        return
    yield lambda jobs: click.echo(f"\r{jobs:,} jobs", nl=False, err=True)
    click.echo("\r\033[K", nl=False, err=True)


def main() -> None:
    """Run the command; every error is one line on standard error and the documented exit code."""
    # The rows under way are many and hold no cycles: the usual 700 would look through them all the
    # time, and take an eighth of a long run.
    gc.set_threshold(100_000)
    _prepare_streams()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        cli.main(standalone_mode=False, prog_name="snapshotter")
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except SnapshotterError as error:
        _fail(str(error), error.exit_code)
    except (Interrupted, click.Abort):
        _fail("interrupted; nothing is lost, the next run goes on", Stopped.exit_code)
    except BrokenPipeError:
        # The reader of the pipe has gone, as `head` does: nothing more to say, to anyone.
        _discard_output()
        sys.exit(1)
    except OSError as error:
        _discard_output()
        _fail(f"cannot write standard output: {error.strerror or error}", 1)
    except Exception as error:
        logging.getLogger(__name__).debug("the traceback", exc_info=True)
        _fail(f"a bug in snapshotter: {type(error).__name__}: {error}; -vv shows where", 1)


def _interrupt(*_: object) -> None:
    raise Interrupted


def _prepare_streams() -> None:
    """Write UTF-8 whatever the locale, and stand a stream that the caller has closed."""
    if sys.stdout is None:  # closed by the caller
        _fail("standard output is closed", 1)
    sys.stdin = sys.stdin or Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - to the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _discard_output() -> None:
    """Let what standard output still holds go nowhere, or Python would try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, exit_code: int) -> None:
    click.echo(f"snapshotter: {' '.join(message.split())}", err=True)
    sys.exit(exit_code)
