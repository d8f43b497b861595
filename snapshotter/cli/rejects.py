"""`snapshotter rejects`: lists the records that were set aside, or reads them again."""

from typing import TYPE_CHECKING

import click

from snapshotter.cli import next_step, sync
from snapshotter.cli.configuration import current
from snapshotter.cli.connections import ApiOptions, reading
from snapshotter.cli.options import Command, database_option, takes_api_options
from snapshotter.cli.streams import print_line
from snapshotter.times import stamp

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from snapshotter.store.rejects import Group


@click.command("rejects", cls=Command)
@click.option(
    "--retry",
    is_flag=True,
    help="Try them again: first as stored, then from the API. Most other options are for this.",
)
@click.option("--all", "each", is_flag=True, help="List each record instead of each reason.")
@takes_api_options
@database_option
def command(retry: bool, each: bool, api_options: ApiOptions, database_url: str) -> None:
    """List the records that were set aside: a line per reason or, with --all, per record.

    `snapshotter export rejected_records -o -` prints them in full. Every sync tries some of them
    again.
    """
    from snapshotter.store.rejects import grouped, listed

    if retry:
        from snapshotter.store.opening import Database
        from snapshotter.sync.sync import Plan

        sync.run(api_options, (Database(database_url), Plan(rejected=True)))
        return
    with reading(database_url) as engine:
        named = [_account(engine, name) for name in api_options.account]
        accounts: list[str | None] = [*named] or [None]
        if each:
            lines = [
                f"{stamp(row.rejected_at)}  {row.account_id}  {row.reason}"
                for account in accounts
                for row in listed(engine, account)
            ]
        else:
            groups = (group for account in accounts for group in grouped(engine, account))
            lines = [_line(group) for group in groups]
    for line in lines or ["no records are set aside"]:
        print_line(line)
    if lines:
        print_line(next_step.line(next_step.after_rejects()))


def _account(engine: "Engine", name: str) -> str:
    """Return the id of an account that is stored. Raises `UsageError`."""
    from snapshotter.store.accounts import find, stored

    return find(stored(engine), current().account_id(name)).account_id


def _line(group: "Group") -> str:
    """Return the line of the records that were set aside for one reason."""
    ids = ", ".join(map(str, group.job_ids))
    more = group.count - len(group.job_ids)
    parts = [
        f"{group.count:,} records" if group.count > 1 else "1 record",
        f"job{'s' if ids.count(',') else ''} {ids}{f' and {more:,} more' if more else ''}"
        if ids
        else "no job id",
        f"from {stamp(group.first_at)} to {stamp(group.last_at)}",
    ]
    if group.next_attempt_at is not None:
        parts.append(f"tried again from {stamp(group.next_attempt_at)} on")
    return f"{group.reason}  ({'; '.join(parts)})"
