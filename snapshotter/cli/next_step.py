"""The last line of `status`, `rejects` and `verify`: what to do next, as a command to paste."""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from snapshotter.cli.configuration import current, given
from snapshotter.cli.connections import shown

if TYPE_CHECKING:
    from snapshotter.sync.status import Freshness
    from snapshotter.sync.verify import Comparison

_NOTHING = "nothing to do"


def line(step: str) -> str:
    return f"next: {step}"


def after_status(found: Sequence["Freshness"], of_all: Sequence["Freshness"]) -> str:
    """Return the next step for the accounts that are shown, of all that are stored."""
    for each in found:
        last = each.runs[0]["status"] if each.runs else None
        if each.fresh_at is None or each.listing is not None or last == "failed":
            return _sync_of(each.account_id) if len(of_all) > 1 else command("sync")
    if any(each.rejected for each in found):
        return command("rejects")
    return _NOTHING


def _sync_of(account_id: str) -> str:
    configured = current().accounts
    for name, table in configured.items():
        if table["account_id"] == account_id:
            return command("sync", "--account", name)
    return f"XPLENTY_ACCOUNT_ID={shlex.quote(account_id)} {command('sync')}"


def after_rejects() -> str:
    return f"{command('rejects', '--retry')} (each sync also tries some of them again)"


def after_verify(found: "Comparison", *, is_repaired: bool) -> str:
    """Return the next step after a comparison; `is_repaired`: what differed has been stored."""
    if found.unrepaired:  # jobs are missing at the API: an hour later a run confirms it
        return f"{command('sync')} in an hour, which confirms what is gone"
    if found.differences and not is_repaired:
        return command("verify", "--repair")
    if found.set_aside:
        return command("rejects")
    return command("sync") if found.newer else _NOTHING


def command(*words: str) -> str:
    """Return a command for the same database and configuration, named if an option named them."""
    context = click.get_current_context(silent=True)
    if context is not None:
        source = context.get_parameter_source("database_url")
        if source is ParameterSource.COMMANDLINE:
            words = (*words, "--database", shown(context.params["database_url"]))
    if (file := given()) is not None:
        words = (*words, "--config", str(file))
    return shlex.join(("snapshotter", *words))
