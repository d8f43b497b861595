"""`snapshotter digest`: prints what is new, for a mail or a chat, and what a monitor checks."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from snapshotter.cli.connections import reading
from snapshotter.cli.options import (
    Command,
    account_option,
    database_option,
    output_option,
    required,
)
from snapshotter.cli.parameters import Duration, Moment
from snapshotter.cli.streams import data_output
from snapshotter.errors import Failure, UsageError
from snapshotter.texts import counted

# As in `report.digest`, which is imported only when the command runs. A test holds them equal.
KINDS = ("snapshot", "failing", "stuck", "overdue", "slower", "waiting", "fields", "volume")
FORMATS = ("text", "markdown", "json", "slack")
ANY = "any"
DEFAULT_LENGTH = timedelta(days=1)


class Period(Duration):
    """A length of time with its unit."""

    name = "period"
    expected = "1d, 12h or 1w"

    def convert(self, value: Any, param: Any, ctx: Any) -> timedelta:
        if isinstance(value, str) and value[-1:].isdigit():
            self.fail(f"{value!r} has no unit; did you mean {value}d?", param, ctx)
        return super().convert(value, param, ctx)


class Kinds(click.ParamType[tuple[str, ...]]):
    """Kinds of findings, separated by commas."""

    name = "kinds"
    separator = ","  # of a list in the configuration file

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        kinds = tuple(kind.strip().lower() for kind in value.split(","))
        for kind in kinds:
            if kind not in (*KINDS, ANY):
                listed = ", ".join((*KINDS, ANY))
                self.fail(f"{kind!r} is not a kind of finding; there are {listed}", param, ctx)
        return KINDS if ANY in kinds else kinds


@click.command("digest", cls=Command)
@click.option(
    "--last",
    type=Period(),
    help="How long ago the digest before was made, e.g. 1d, 12h or 1w.  [default: 1d]",
)
@click.option("--since", type=Moment(), help="News since this time (UTC) instead, by the data.")
@account_option
@click.option(
    "--format",
    "shape",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="slack is the JSON payload of a Slack webhook.",
)
@click.option(
    "--fail-on",
    type=Kinds(),
    metavar="KINDS",
    help="Exit 1 if a finding of one of these "
    f"kinds stands now, new or not: {', '.join(KINDS)}; or {ANY}. Separate them by commas.",
)
@output_option("Write to this file; - is standard output.")
@database_option
def command(
    last: timedelta | None,
    since: datetime | None,
    account: str | None,
    shape: str,
    fail_on: tuple[str, ...] | None,
    output: str | None,
    database_url: str,
) -> None:
    """Print the findings of the report, the new ones first, and the runs that failed.

    A finding is new if it was not one when the digest before was made. That is decided from the
    history, with the data that the last complete run before `--last` ago had stored; no state is
    kept, so that the same database gives the same digest. Findings are judged by the last 90 days.
    Slower packages, longer waits and packages that fail often are compared by whole days, and may
    be new twice.
    """
    from snapshotter.report import digest, digest_formats

    target = "-" if output is None else required(output)
    if last is not None and since is not None:
        raise UsageError("--last and --since both set the begin of the period: give one")
    period = digest.Period(last or DEFAULT_LENGTH, since, account)
    with (
        reading(database_url) as engine,
        data_output() if target == "-" else nullcontext(Path(target)) as stream,
    ):
        found = digest_formats.write_digest(engine, stream, (period, shape), datetime.now(UTC))
    standing = [item for item in found.items if item.kind in (fail_on or ())]
    if standing:
        number = counted(len(standing), "finding")
        raise Failure(f"{number} to fail on; {standing[0].kind}: {standing[0].text}")
