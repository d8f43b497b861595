"""`snapshotter status`: reports how fresh the data is."""

import json
from datetime import UTC, datetime, timedelta

import click

from snapshotter.cli import candidates, next_step
from snapshotter.cli.connections import NO_ACCOUNTS, reading
from snapshotter.cli.options import Command, as_account_id, database_option
from snapshotter.cli.parameters import Duration
from snapshotter.cli.streams import print_if_possible, print_line
from snapshotter.errors import Failure, UsageError


@click.command("status", cls=Command)
@click.option(
    "--max-age",
    type=Duration(),
    help="Exit 1 if the data of an account is older than this, e.g. 90s, 30m or 2h.",
)
@click.option(
    "--account",
    "account_ids",
    shell_complete=candidates.accounts,
    multiple=True,
    metavar="ID",
    callback=as_account_id,
    help="Only this account; repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@database_option
def command(
    max_age: timedelta | None, account_ids: tuple[str, ...], as_json: bool, database_url: str
) -> None:
    """Report how fresh the data is, what the last runs did, and what is pending.

    It reads only the database. The age is counted from the start of the last complete run, by this
    host's clock; a run that started more than five minutes in the future does not count.
    """
    from snapshotter.sync.status import freshness, stale, unknown

    now = datetime.now(UTC)
    with reading(database_url) as engine:
        found = freshness(engine, now)
    missing = unknown(found, account_ids)
    if missing and max_age is None:
        raise UsageError("; ".join(missing.values()))
    chosen = [each for each in found if not account_ids or each.account_id in account_ids]
    if as_json:
        document = {"accounts": [each.document(now) for each in chosen]}
        lines = json.dumps(document, indent=2).splitlines()
    else:
        lines = [line for each in chosen for line in each.lines(now)]
        if lines:
            lines.append(next_step.line(next_step.after_status(chosen, found)))
    # With --max-age the exit code is the answer, whether or not anybody reads the lines.
    output = print_line if max_age is None else print_if_possible
    for line in lines or ([] if found else [NO_ACCOUNTS]):
        output(line)
    if max_age is not None and (why := stale(chosen, missing, now, max_age)):
        raise Failure(why)
