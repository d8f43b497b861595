"""`snapshotter doctor`: checks everything that can be wrong, and what to do about it."""

import json
import logging
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from snapshotter import logs
from snapshotter.cli.configuration import current, given
from snapshotter.cli.options import (
    LenientCommand,
    api_key_file_option,
    database_option,
    reserve_credits_option,
    variables_option,
)
from snapshotter.cli.parameters import Duration, Number
from snapshotter.cli.streams import print_if_possible
from snapshotter.errors import Failure, UsageError
from snapshotter.texts import counted

if TYPE_CHECKING:
    from snapshotter.doctor.doctor import Setup
    from snapshotter.doctor.report import Check


# What sync would run with, unless it is set for doctor itself.
_OF_SYNC = ("database_url", "api_key_file", "reserve_credits", "variables")


@click.command("doctor", cls=LenientCommand)
@click.option(
    "--account",
    "account_names",
    multiple=True,
    metavar="NAME",
    help="Only this account, by its name in the configuration file or its id; may be repeated.",
)
@click.option(
    "--max-age",
    type=Duration(),
    default="1d",
    show_default=True,
    help="How old the last complete run of an account may be, e.g. 30m, 2h or 1d.",
)
@click.option(
    "--timeout",
    type=Number(0.1, 600),
    default=10,
    show_default=True,
    metavar="SECONDS",
    help="How long a connection, a request or a lock may take; a check takes at most three times "
    "as long.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@api_key_file_option
@reserve_credits_option
@variables_option
@database_option
@click.pass_context
def command(context: click.Context, /, as_json: bool, **values: Any) -> None:
    """Check everything that can be wrong, and print what to do about it.

    The configuration, the keys, the network, a proxy, the certificate, the clock, the credits, the
    database, its schema, the disk, the locks, the age of the data and the modes of the files. It
    changes nothing, spends no credits, and exits with 1 if a check FAILED; a warning does not fail.
    Run it as the user who runs sync, in the same folder and with the same variables.
    """
    from snapshotter.doctor.doctor import examine

    if not logs.ABOUT.verbosity:  # a warning is a line of a check already
        logging.getLogger("snapshotter").setLevel(logging.ERROR)
    setup = _setup(context, values)
    found: list[Check] = []

    def emit(check: "Check") -> None:
        found.append(check)
        if not as_json:
            print_if_possible(check.line())

    examine(setup, emit)
    if as_json:
        document = {"checks": [each.document() for each in found]}
        for line in json.dumps(document, indent=2).splitlines():
            print_if_possible(line)
    _conclude(found, as_json=as_json)


def _setup(context: click.Context, given_here: Mapping[str, Any]) -> "Setup":
    from snapshotter.doctor.doctor import Setup

    values, error = _of_sync(context, given_here)
    root, file = context.find_root().command, given()
    return Setup(
        os.environ,
        values["database_url"],
        current(),
        lambda: _problems(root, file) or [*error],
        names=values["account_names"],
        key_file=values["api_key_file"],
        variables=values["variables"],
        reserve=values["reserve_credits"],
        timeout=values["timeout"],
        max_age=values["max_age"],
    )


def _problems(root: click.Command, file: Path | None) -> list[str]:
    """Return what is wrong with the settings of all commands, but for keys that are missing."""
    from snapshotter.cli.shown_settings import Findings, find

    found = find(root, file) if isinstance(root, click.Group) else Findings()
    missing = {why for _, why in found.accounts}
    return [each for each in found.problems if each not in missing]


def _of_sync(
    context: click.Context, own: Mapping[str, Any]
) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Return the values that sync would run with, and why it would not run at all."""
    root = context.find_root()
    if not isinstance(root.command, click.Group):
        return own, ()
    try:
        with root.command.commands["sync"].make_context("sync", [], parent=root) as of_sync:
            values = of_sync.params
    except UsageError as error:
        return own, (str(error),)
    except click.UsageError as error:
        return own, (error.format_message(),)
    unset = [
        name
        for name in _OF_SYNC
        if context.get_parameter_source(name) is ParameterSource.DEFAULT and name in values
    ]
    return {**own, **{name: values[name] for name in unset}}, ()


def _conclude(found: "list[Check]", *, as_json: bool) -> None:
    """Print a summary. Raises `Failure` if a check failed."""
    numbers = Counter(each.status for each in found)
    warnings = counted(numbers["warning"], "warning")
    if numbers["FAILED"]:
        failed = [each.name for each in found if each.status == "FAILED"]
        names = ", ".join(dict.fromkeys(failed))
        raise Failure(f"{counted(len(failed), 'check')} failed ({names}), {warnings}")
    if not as_json:
        print_if_possible(f"nothing failed, {warnings}")
