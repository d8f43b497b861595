"""`snapshotter verify`: proves that all jobs of the API are in the database."""

import random
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from snapshotter import logs
from snapshotter.cli import next_step
from snapshotter.cli.connections import ApiOptions, reading, writing
from snapshotter.cli.options import Command, database_option, takes_api_options
from snapshotter.cli.parameters import Integer
from snapshotter.cli.streams import print_if_possible
from snapshotter.errors import RecordError
from snapshotter.texts import counted

if TYPE_CHECKING:
    from snapshotter.api.client import Client
    from snapshotter.sync.verify import Comparison


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
    from snapshotter.sync.account_run import client_of
    from snapshotter.sync.context import Context
    from snapshotter.sync.sync import Plan, open_run
    from snapshotter.sync.verify import Comparison, Sample, verify

    found = Comparison()
    chance = random.Random()  # noqa: S311 - which pages it chooses is not a secret
    (account,) = api_options.accounts()
    service = account.service(api_options.timeout)
    with api_options.run_options() as options, client_of(service, options) as client:
        try:
            with (writing if repair else reading)(database_url, client.time_left) as engine:
                context = Context(engine, client, service, options.redact)
                with open_run(context, Plan(ids=())) if repair else nullcontext() as run:
                    verify(context, Sample(sample, chance), found, repair=run)
        finally:
            for line in found.lines() if found.counted else ():
                print_if_possible(line)
    _report(found, client)
    print_if_possible(next_step.line(next_step.after_verify(found, is_repaired=repair)))
    if found.differences and not repair:
        differ = "1 job differs" if found.differences == 1 else f"{found.differences:,} jobs differ"
        raise RecordError(f"{differ}; --repair fetches what differs")
    if found.unrepaired:
        raise RecordError(found.unrepaired)
    if found.set_aside:
        aside = len(found.set_aside)
        are = "1 record is" if aside == 1 else f"{aside:,} records are"
        raise RecordError(f"{are} set aside; see 'snapshotter rejects'")


def _report(found: "Comparison", client: "Client") -> None:
    """Print what was found, and what it cost, in the words of a sync's last line."""
    left = "unknown" if client.credits_remaining is None else f"{client.credits_remaining:,}"
    last = (
        f"{counted(found.differences, 'difference')}, {counted(client.requests_sent, 'request')}, "
        f"{left} credits left"
    )
    logs.ABOUT.summary = last
    logs.ABOUT.ended = {
        "differences": found.differences,
        "requests": client.requests_sent,
        "credits_spent": client.credits_spent,
        "credits_remaining": client.credits_remaining,
    }
    print_if_possible(last)
