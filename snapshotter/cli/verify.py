"""`snapshotter verify`: proves that all jobs of the API are in the database."""

from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from snapshotter.cli import next_step
from snapshotter.cli.connections import ApiOptions, reading, writing
from snapshotter.cli.each_account import Manner, finish, run_each_account
from snapshotter.cli.options import Command, database_option, takes_api_options
from snapshotter.cli.parameters import Integer
from snapshotter.cli.streams import print_if_possible
from snapshotter.errors import RecordError
from snapshotter.texts import counted

if TYPE_CHECKING:
    from snapshotter.api.client import Client
    from snapshotter.redact import Redaction
    from snapshotter.settings import Service
    from snapshotter.sync.several import Attempt
    from snapshotter.sync.verify import Comparison

_MANNER = Manner(prints=False)  # each account prints more than its summary


@click.command("verify", cls=Command)
@click.option(
    "--sample",
    type=Integer(0, 10**6),
    default=500,
    show_default=True,
    metavar="JOBS",
    help="How many jobs to compare field by field, in randomly chosen pages.",
)
@click.option("--repair", is_flag=True, help="Fetch and store what is missing or different.")
@takes_api_options
@database_option
def command(sample: int, repair: bool, api_options: ApiOptions, database_url: str) -> None:
    """Prove that all jobs of the API are stored: count them, and compare some field by field.

    Exit 65 if anything differs and is not repaired. Changes made at the API since the last sync are
    not counted as differences: the next sync fetches them.
    """
    from snapshotter.store.opening import Database
    from snapshotter.sync.account_run import client_of
    from snapshotter.sync.several import Attempt

    attempts = [Attempt(account) for account in api_options.accounts()]
    with api_options.run_options() as options:

        def compare(attempt: "Attempt") -> None:
            if len(attempts) > 1:
                print_if_possible(f"account {attempt.account_id}")
            service = attempt.account.service(api_options.timeout)
            with client_of(service, options) as client:
                api = client, service, options.redact
                found = _compared(api, database_url, sample, is_repaired=repair)
                _report(found, attempt, client)
            print_if_possible(next_step.line(next_step.after_verify(found, is_repaired=repair)))
            _raise_for(found, is_repaired=repair)

        run_each_account(attempts, compare, (options, Database(database_url)), _MANNER)
    finish(attempts, _MANNER)


def _compared(
    api: "tuple[Client, Service, Redaction]", database_url: str, sample: int, *, is_repaired: bool
) -> "Comparison":
    """Compare an account with the database; print what was found, also until an error."""
    import random

    from snapshotter.sync.context import Context
    from snapshotter.sync.sync import Plan, open_run
    from snapshotter.sync.verify import Comparison, Sample, verify

    found = Comparison()
    chance = random.Random()  # noqa: S311 - which pages it chooses is not a secret
    try:
        with (writing if is_repaired else reading)(database_url, api[0].time_left) as engine:
            context = Context(engine, *api)
            with open_run(context, Plan(ids=())) if is_repaired else nullcontext() as run:
                verify(context, Sample(sample, chance), found, repair=run)
    finally:
        for line in found.lines() if found.counted else ():
            print_if_possible(line)
    return found


def _raise_for(found: "Comparison", *, is_repaired: bool) -> None:
    if found.differences and not is_repaired:
        differ = "1 job differs" if found.differences == 1 else f"{found.differences:,} jobs differ"
        raise RecordError(f"{differ}; --repair fetches what differs")
    if found.unrepaired:
        raise RecordError(found.unrepaired)
    if found.set_aside:
        aside = len(found.set_aside)
        are = "1 record is" if aside == 1 else f"{aside:,} records are"
        raise RecordError(f"{are} set aside; see 'snapshotter rejects'")


def _report(found: "Comparison", attempt: "Attempt", client: "Client") -> None:
    """Print what was found, and what it cost, in the words of a sync's last line."""
    left = "unknown" if client.credits_remaining is None else f"{client.credits_remaining:,}"
    last = (
        f"{counted(found.differences, 'difference')}, {counted(client.requests_sent, 'request')}, "
        f"{left} credits left"
    )
    attempt.summary = last
    attempt.counts = {
        "differences": found.differences,
        "requests": client.requests_sent,
        "credits_spent": client.credits_spent,
        "credits_remaining": client.credits_remaining,
    }
    print_if_possible(last)
