"""`snapshotter verify`: proves that all jobs of the API are in the database."""

import random
from contextlib import nullcontext

import click

from snapshotter import logs
from snapshotter.cli.options import Command, asks_the_api, database_option
from snapshotter.cli.sessions import Asking, reading, writing
from snapshotter.cli.streams import say
from snapshotter.errors import RecordError


@click.command("verify", cls=Command)
@click.option(
    "--sample",
    type=click.IntRange(0, 10**6),
    default=500,
    show_default=True,
    metavar="JOBS",
    help="How many jobs to compare field by field, in randomly chosen pages.",
)
@click.option("--repair", is_flag=True, help="Fetch and store what is missing or different.")
@asks_the_api
@database_option
def command(sample: int, repair: bool, asking: Asking, database_url: str) -> None:
    """Prove that all jobs of the API are stored: count them, and compare some field by field.

    Exit 65 if anything differs and is not repaired. Changes made at the API since the last sync are
    not counted as differences: the next sync fetches them.
    """
    from snapshotter.sync.context import Context
    from snapshotter.sync.sync import Plan, open_run
    from snapshotter.sync.verify import Comparison, Sample, verify

    found = Comparison()
    chance = random.Random()  # noqa: S311 - which pages it chooses is not a secret
    with asking.session() as (client, service, redact):
        try:
            with (writing if repair else reading)(database_url, client.time_left) as engine:
                context = Context(engine, client, service, redact)
                with open_run(context, Plan(ids=())) if repair else nullcontext() as run:
                    verify(context, Sample(sample, chance), found, repair=run)
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
