"""`snapshotter db prune`: removes old jobs."""

from collections.abc import Iterable
from contextlib import closing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from snapshotter.cli.confirm import require_consent
from snapshotter.cli.connections import reading, writing
from snapshotter.cli.options import Command, accounts_option, database_option
from snapshotter.cli.parameters import Age
from snapshotter.cli.streams import print_if_possible, print_line
from snapshotter.errors import Stopped, UsageError
from snapshotter.texts import counted
from snapshotter.times import now, stamp

if TYPE_CHECKING:
    from snapshotter.store.prune import Old, Removed


@click.command("prune", cls=Command, short_help="Remove old jobs with all that belongs to them.")
@click.option(
    "--older-than",
    type=Age(),
    required=True,
    metavar="AGE",
    help="Remove what finished longer ago, e.g. 2y, 26w or 180d; a year has 365 days.",
)
@accounts_option
@click.option("--dry-run", is_flag=True, help="Only print what would be removed.")
@click.option("--yes", is_flag=True, help="Remove without asking.")
@database_option
def command(
    older_than: timedelta,
    account_ids: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    database_url: str,
) -> None:
    """Remove old jobs with their outputs, fields and history, and old rejected records and runs.

    A job is as old as its finished_at; open jobs stay. `sync` stores a pruned job again only if the
    API updates it later, or if it is named, as in `sync 1234`. A command that was stopped has
    removed some jobs, each whole; run it again to remove the rest.
    """
    from snapshotter.store.prune import total

    before = _before(older_than)
    found = _count(database_url, account_ids, before)
    if not found:
        print_line(f"nothing is older than {stamp(before)}")
        return
    if dry_run:
        for old, planned in found.items():
            print_line(f"account {old.account_id}: {_in_words(planned)}")
        print_line(f"would be removed, as older than {stamp(before)}; nothing was changed")
        return
    if not yes:
        of = ", ".join(old.account_id for old in found)
        require_consent(f"{_in_words(total(found.values()))}, older than {stamp(before)}, of {of}")
    _prune(database_url, found)


def _before(age: timedelta) -> datetime:
    try:
        return now() - age
    except OverflowError:
        raise UsageError("--older-than: that is before the first year; use a shorter age") from None


def _count(database_url: str, account_ids: Iterable[str], before: datetime) -> "dict[Old, Removed]":
    """Return what would be removed of each account that has something old."""
    from snapshotter.store import accounts, prune

    with reading(database_url) as engine:
        stored = accounts.stored(engine)
        named = {accounts.find(stored, name).account_id: None for name in account_ids}
        olds = [prune.Old(name, before) for name in named or (each.account_id for each in stored)]
        counts = {old: prune.count(engine, old) for old in olds}
    return {old: removed for old, removed in counts.items() if removed}


def _prune(database_url: str, olds: "Iterable[Old]") -> None:
    """Remove what is old, and print how much, also if it is stopped. Raises `Stopped`."""
    from snapshotter.interrupt import InterruptibleClock
    from snapshotter.store import prune

    removed = prune.Removed()
    try:
        with (
            InterruptibleClock("batch") as clock,
            writing(database_url, clock.time_left) as engine,
            closing(prune.prune(engine, olds)) as batches,
        ):
            for batch in batches:
                removed += batch
                if clock.interrupted:
                    raise Stopped(f"{clock.interrupted}; run it again to remove the rest")
    finally:
        print_if_possible(f"removed: {_in_words(removed)}")
    if removed.jobs:
        print_if_possible("'snapshotter db vacuum' returns the space to the file system")


def _in_words(removed: "Removed") -> str:
    return (
        f"{counted(removed.jobs, 'job')} with outputs, fields and history, "
        f"{counted(removed.rejected, 'rejected record')} and {counted(removed.runs, 'run')}"
    )
