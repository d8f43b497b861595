"""`snapshotter demo`: syncs a simulated account; no key, no network beyond loopback."""

import os
import shlex
from pathlib import Path

import click

from snapshotter.cli.connections import reading, writing
from snapshotter.cli.options import Command
from snapshotter.cli.parameters import OwnSetting
from snapshotter.cli.streams import print_line
from snapshotter.cli.trends import show
from snapshotter.errors import UsageError

HOURS_LATER = 6
SHOWN = ("slowest_packages", "runtime_regressions", "failure_reasons")


@click.command("demo", cls=Command)
@click.option(
    "--database",
    "path",
    cls=OwnSetting,
    type=click.Path(path_type=Path),
    default="demo.db",
    show_default=True,
    help="The SQLite file to create.",
)
def command(path: Path) -> None:
    """Try it out: sync a simulated account twice into demo.db, and show some of its trends."""
    from snapshotter.trends import trends
    from snapshotter.trends.filters import Filters
    from snapshotter.trends.view import View

    if os.path.lexists(path):  # also false if the folder may not be read: connecting reports that
        raise UsageError(
            f"{str(path)!r} already exists; remove it, or name another file with --database"
        )
    _sync_twice(path)
    with reading(f"sqlite:///{path}") as engine, engine.connect() as connection:
        for name in SHOWN:
            for line in ("", f"{name}: {trends.question(name)}", ""):
                print_line(line)
            show(View(trends.rows(connection, name, Filters()), name))
    print_line()
    url = shlex.quote(f"sqlite:///{path}")
    print_line(f"more: snapshotter trends runtime_by_day --database {url}")


def _sync_twice(path: Path) -> None:
    """Store the history of a simulated account, synced twice with some hours between."""
    from snapshotter.api.client import Client
    from snapshotter.redact import Redaction
    from snapshotter.settings import Key, Service
    from snapshotter.simulator.account import SimulatedAccount
    from snapshotter.simulator.server import serve
    from snapshotter.sync.context import Context
    from snapshotter.sync.summary import summary
    from snapshotter.sync.sync import Plan, sync

    account = SimulatedAccount()
    account.populate()
    with writing(f"sqlite:///{path}", may_create=True) as engine, serve(account) as url:
        service = Service(account.account_id, Key(account.api_key), url)
        print_line(
            f"a simulated account at {url}, {len(account.jobs):,} jobs; first sync into {path}:"
        )
        for passing in (HOURS_LATER * 3600, 0):
            with Client(service) as client:
                context = Context(engine, client, service, Redaction())
                print_line("  " + summary(sync(context, Plan())))
            if passing:
                account.advance(passing)
                print_line(f"{HOURS_LATER} hours pass; second sync:")
