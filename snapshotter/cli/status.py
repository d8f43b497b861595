"""`snapshotter status`: reports how fresh the data is, to people and to monitors."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from snapshotter.cli import next_step
from snapshotter.cli.configuration import current
from snapshotter.cli.connections import NO_ACCOUNTS, database_path, reading
from snapshotter.cli.options import Command, accounts_option, database_option
from snapshotter.cli.parameters import Duration
from snapshotter.cli.streams import print_if_possible, print_line
from snapshotter.errors import Failure, SnapshotterError, UsageError

if TYPE_CHECKING:
    from snapshotter.sync.status import Freshness


@click.command("status", cls=Command)
@click.option(
    "--max-age",
    type=Duration(),
    help="Exit 1 if the data of an account is older than this, e.g. 90s, 30m or 2h.",
)
@accounts_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--prometheus",
    "metrics_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write metrics into a file of node exporter's textfile folder instead, e.g. "
    "/var/lib/prometheus/node-exporter/snapshotter.prom.",
)
@database_option
def command(
    max_age: timedelta | None,
    account_ids: tuple[str, ...],
    as_json: bool,
    metrics_file: Path | None,
    database_url: str,
) -> None:
    """Report how fresh the data is, what the last runs did, and what is pending.

    It reads only the database. The age is counted from the start of the last complete run, by this
    host's clock; a run that started more than five minutes in the future does not count.

    With --prometheus it prints nothing, unless --json asks for it. The file is also written if the
    data is too old, or if the database cannot be read: then snapshotter_database_up is 0.
    """
    from snapshotter.sync.status import nothing_stored, stale, unknown

    now = datetime.now(UTC)
    found, revision = _read(database_url, now, metrics_file)
    missing = unknown(found, account_ids)
    if missing and max_age is None:
        raise UsageError("; ".join(missing.values()))
    chosen = [each for each in found if not account_ids or each.account_id in account_ids]
    if metrics_file is not None:
        more = [each for each in _configured_only(found) if not account_ids or each in account_ids]
        never = [nothing_stored(each) for each in more]
        _write_metrics(metrics_file, database_url, [*chosen, *never], revision)
    # With --max-age the exit code is the answer, whether or not anybody reads the lines.
    output = print_line if max_age is None else print_if_possible
    if as_json or metrics_file is None:
        for line in _lines(chosen, found, now, as_json=as_json):
            output(line)
    if max_age is not None and (why := stale(chosen, missing, now, max_age)):
        raise Failure(why)


def _read(
    database_url: str, now: datetime, metrics_file: Path | None
) -> "tuple[list[Freshness], str | None]":
    """Return the freshness of the accounts and the revision; if that fails, write that it does."""
    from snapshotter.store import revisions
    from snapshotter.sync.status import freshness

    if metrics_file is not None:
        from snapshotter.sync.metrics import require_suffix

        require_suffix(metrics_file)
    try:
        with reading(database_url) as engine:
            return freshness(engine, now), revisions.current(engine)
    except SnapshotterError:
        if metrics_file is not None:
            _write_metrics(metrics_file, database_url, None, None)
        raise


def _configured_only(found: "list[Freshness]") -> list[str]:
    """Return the ids of the accounts that are configured, and of which nothing is stored."""
    stored = {each.account_id for each in found}
    return sorted({each["account_id"] for each in current().accounts.values()} - stored)


def _write_metrics(
    target: Path, database_url: str, found: "list[Freshness] | None", revision: str | None
) -> None:
    from snapshotter.sync import metrics

    metrics.write(target, found, revision, database_path(database_url))


def _lines(
    chosen: "list[Freshness]", found: "list[Freshness]", now: datetime, *, as_json: bool
) -> list[str]:
    """Return what is printed about the accounts that were chosen of those that were found."""
    if as_json:
        document = {"accounts": [each.document(now) for each in chosen]}
        lines = json.dumps(document, indent=2).splitlines()
    else:
        lines = [line for each in chosen for line in each.lines(now)]
        if lines:
            lines.append(next_step.line(next_step.after_status(chosen, found)))
    return lines or ([] if found else [NO_ACCOUNTS])
