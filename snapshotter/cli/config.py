"""`snapshotter config`: shows the configuration, and where each value comes from."""

import json
import os
from typing import TYPE_CHECKING, Any

import click

from snapshotter.cli.configuration import given
from snapshotter.cli.options import Group, LenientCommand
from snapshotter.cli.streams import print_line
from snapshotter.errors import UsageError
from snapshotter.settings import ACCOUNT_VARIABLE, setting
from snapshotter.texts import counted

if TYPE_CHECKING:
    from snapshotter.cli.shown_settings import Findings, Shown


@click.group("config", cls=Group)
def command() -> None:
    """Show the configuration."""


@command.command(cls=LenientCommand)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with all settings.")
def show(as_json: bool) -> None:
    """Print each setting with its value and where it comes from, and the accounts.

    A flag of a command comes before a variable, a variable before the configuration file. Secrets
    are masked. The keys of the accounts are read, but no request is sent. It works with a file that
    cannot be used, and reports why; exit 2 if anything is wrong.
    """
    from snapshotter.cli.shown_settings import Findings, find

    root = click.get_current_context().find_root().command
    found = find(root, given()) if isinstance(root, click.Group) else Findings()
    for line in _json(found) if as_json else _lines(found):
        print_line(line)
    if found.problems:
        raise UsageError(f"the configuration has {counted(len(found.problems), 'problem')}")


def _lines(found: "Findings") -> list[str]:
    from snapshotter.cli.shown_settings import grouped

    file = found.configuration.path
    by = f" (by {found.named_by})" if found.named_by else ""
    lines = [f"file: {file or 'none'}{by}"]
    if not found.named_by:
        lines.append(f"searched: {', '.join(map(str, found.configuration.searched))}")
    selected = setting(os.environ, ACCOUNT_VARIABLE)
    by = f" ({ACCOUNT_VARIABLE} selects {selected})" if selected else ""
    lines += ["", f"accounts{by}:" if found.accounts else "accounts: none"]
    for account, why in found.accounts:
        name = account.name
        called = name if name == account.account_id else f"{name} ({account.account_id})"
        key = f"no key: {why}" if why else f"key from {account.source.named_by}"
        lines.append(f"  {called}  {account.api_url}  {key}")
    rows = [(name, _text(each), _source(each)) for name, each in grouped(found.settings)]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)] if rows else [0, 0]
    lines += ["", "settings:"]
    lines += [f"  {name:{widths[0]}}  {value:{widths[1]}}  {where}" for name, value, where in rows]
    lines += ["", *(f"problem: {each}" for each in found.problems)] if found.problems else []
    return lines


def _text(setting: "Shown") -> str:
    return str(setting.value).lower() if isinstance(setting.value, bool) else str(setting.value)


def _source(setting: "Shown") -> str:
    return f"{setting.source} {setting.origin}".rstrip()


def _json(found: "Findings") -> list[str]:
    document: dict[str, Any] = {
        "file": None if found.configuration.path is None else str(found.configuration.path),
        "named_by": found.named_by or None,
        "searched": [str(path) for path in found.configuration.searched],
        "accounts": [
            {
                "name": account.name,
                "account_id": account.account_id,
                "api_url": account.api_url,
                "key_from": account.source.named_by,
                "has_key": not why,
            }
            for account, why in found.accounts
        ],
        "settings": [
            {
                "command": " ".join(each.words) or None,
                "name": each.name,
                "value": each.value,
                "source": each.source,
                "from": each.origin or None,
            }
            for each in found.settings
        ],
        "problems": found.problems,
    }
    return json.dumps(document, indent=2).splitlines()
