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
    from pathlib import Path

    from snapshotter.cli.shown_settings import Findings, Shown
    from snapshotter.configured_accounts import Account


@click.group("config", cls=Group)
def command() -> None:
    """Show the configuration."""


@command.command(cls=LenientCommand, short_help="Print each setting and where it comes from.")
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
    lines += _aligned([_account(account, why, file) for account, why in found.accounts])
    lines += ["", "settings:"]
    rows = [(name, _text(each), _source(each)) for name, each in grouped(found.settings)]
    lines += _aligned(rows)
    lines += ["", *(f"problem: {each}" for each in found.problems)] if found.problems else []
    return lines


def _account(account: "Account", why: str, file: "Path | None") -> tuple[str, str, str]:
    """Return an account in words; the file, which is printed above, is not repeated."""
    name = account.name
    called = name if name == account.account_id else f"{name} ({account.account_id})"
    named_by = account.source.named_by.removeprefix(f"{file}: ")
    return called, account.api_url, f"no key: {why}" if why else f"key from {named_by}"


def _aligned(rows: list[tuple[str, str, str]]) -> list[str]:
    """Return rows as lines, with the columns below each other."""
    first, second = (max((len(row[column]) for row in rows), default=0) for column in (0, 1))
    return [f"  {one:{first}}  {two:{second}}  {three}" for one, two, three in rows]


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
