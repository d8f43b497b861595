"""`snapshotter init`: asks for accounts and the database, tests them, and writes the file."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from snapshotter import logs
from snapshotter.cli.configuration import given
from snapshotter.cli.new_configuration import (
    KeyPlace,
    key_at_hand,
    next_steps,
    replaced,
    try_account,
    try_database,
    write,
)
from snapshotter.cli.options import LenientCommand, database_option
from snapshotter.cli.streams import print_if_possible
from snapshotter.configuration import NAME, PATH_VARIABLE, from_folder_of
from snapshotter.configuration_text import SOURCES, NewAccount, default_place
from snapshotter.errors import SnapshotterError, Stopped, UsageError
from snapshotter.settings import (
    ACCOUNT_VARIABLE,
    API_URL_VARIABLE,
    DEFAULT_API_URL,
    Key,
    base_url,
    setting,
    valid_key,
)
from snapshotter.settings import account_id as valid_account_id
from snapshotter.texts import cleaned

_PLACES = {
    "file": "File for the key",
    "env": "Variable with the key",
    "credential": "Name of the credential",
    "keyring": "Service of the keyring",
}


@dataclass
class _Form:
    """What is to be written, as far as it is known. `asks`: there is a terminal to ask on."""

    file: Path
    asks: bool
    source: str | None
    api_url: str
    accounts: list[NewAccount] = field(default_factory=list)


@click.command("init", cls=LenientCommand)
@click.option(
    "--account",
    "account_ids",
    multiple=True,
    metavar="ID",
    help="An account, by its name in its URLs; may be repeated. Its key is read from the variable "
    "that is named after it, like ACME_API_KEY, or from where --key-source keeps it.",
)
@click.option(
    "--key-source",
    type=click.Choice(SOURCES),
    help="Where the keys are kept: a file each beside the configuration, an environment variable, "
    "a credential of systemd, or the keyring.  [default: file]",
)
@click.option(
    "--api-url", metavar="URL", help=f"The service.  [default: {API_URL_VARIABLE}, else the vendor]"
)
@click.option("--yes", is_flag=True, help="Ask nothing, and replace files that exist.")
@database_option
def command(
    account_ids: tuple[str, ...],
    key_source: str | None,
    api_url: str | None,
    yes: bool,
    database_url: str,
) -> None:
    """Write a configuration file, snapshotter.toml or what --config names.

    It asks for the accounts, their keys and the database, tests each of them, and says what to do
    next. Keys are written into files of their own or left to the chosen source, never into the
    configuration file. Nothing is written before everything has been tested.
    """
    named = str(given() or setting(os.environ, PATH_VARIABLE) or NAME)
    file = from_folder_of(Path.cwd() / NAME, named)
    asks = sys.stdin.isatty() and sys.stderr.isatty() and not yes
    form = _Form(file, asks, key_source, _api_url(api_url))
    if not (account_ids or asks):
        raise UsageError("init asks on a terminal; without one, name each account with --account")
    _require_may_replace([file] if os.path.lexists(file) else [], form, may=yes)
    if account_ids:
        form.accounts = [_given_account(form, name) for name in dict.fromkeys(account_ids)]
        for account in form.accounts:
            logs.notice(try_account(account))
    else:
        _ask_accounts(form)
    database = _database(form, database_url)
    _require_may_replace([*{*replaced(file, form.accounts)} - {file}], form, may=yes)
    for path in write(file, database, form.accounts):
        print_if_possible(f"written: {path}")
    for line in next_steps(file, form.accounts):
        print_if_possible(line)


def _api_url(api_url: str | None) -> str:
    if api_url:
        return base_url(api_url, "--api-url")
    return base_url(setting(os.environ, API_URL_VARIABLE) or DEFAULT_API_URL)


def _require_may_replace(paths: list[Path], form: _Form, *, may: bool) -> None:
    """Ask whether files may be replaced. Raises `UsageError` if nobody can be asked."""
    for path in [] if may else paths:
        if not form.asks:
            raise UsageError(f"{str(path)!r} already exists; add --yes to replace it")
        if not click.confirm(logs.safe(f"{path} already exists. Replace it?"), err=True):
            raise Stopped("nothing was written")


def _given_account(form: _Form, name: str) -> NewAccount:
    """Return an account that an option names. Raises `UsageError` if there is no key of it."""
    name = valid_account_id(name, "--account")
    source = form.source or SOURCES[0]
    wanted = KeyPlace(name, source, default_place(name, source))
    selected = setting(os.environ, ACCOUNT_VARIABLE)
    parameters = click.get_current_context().params
    is_only = len(parameters["account_ids"]) == 1 or selected == name
    found = key_at_hand(wanted, form.file, is_only=is_only)
    if found is None and not form.asks:
        variable = default_place(name, "env")
        raise UsageError(f"no key of the account {name!r}: set {variable} to it")
    place, key = found or (wanted.place, _ask_key(name))
    return NewAccount(name, source, place, key, form.api_url)


def _ask_accounts(form: _Form) -> None:
    """Ask for accounts, and test each, until there is no other."""
    before = setting(os.environ, ACCOUNT_VARIABLE)
    while True:
        account = _ask_account(form, before)
        if _works(lambda: try_account(account)) or click.confirm(  # noqa: B023 - called at once
            "Keep this account although its test failed?", err=True
        ):
            form.accounts.append(account)
            before = ""
            if not click.confirm("Add another account?", err=True):
                return
        else:
            before = account.account_id


def _ask_account(form: _Form, before: str) -> NewAccount:
    known = [each.account_id for each in form.accounts]

    def checked(value: str) -> str:
        if value in known:
            raise UsageError(f"{value} is already one of the accounts")
        return valid_account_id(value, "account")

    name = _prompt("Account, by its name in its URLs", checked, default=before or None)
    source = form.source or _prompt(
        f"Where to keep its key ({', '.join(SOURCES)})", _source, default=SOURCES[0]
    )
    place = _prompt(_PLACES[source], _not_empty, default=default_place(name, source))
    is_only = not known and setting(os.environ, ACCOUNT_VARIABLE) in ("", name)
    try:
        found = key_at_hand(KeyPlace(name, source, place), form.file, is_only=is_only)
    except UsageError as error:
        logs.notice(str(error))
        found = None
    use = "" if found is None else logs.safe(f"Use the key in {found[1].source}?")
    if found is not None and click.confirm(use, default=True, err=True):
        place, key = found
    else:
        key = _ask_key(name)
    return NewAccount(name, source, place, key, form.api_url)


def _ask_key(name: str) -> Key:
    key: Key = _prompt(
        f"API key of {name} (not shown)", lambda value: valid_key(value, "key"), hide_input=True
    )
    return key


def _database(form: _Form, url: str) -> str:
    """Return the URL of a database that works; ask for it unless an option or a variable set it."""
    source = click.get_current_context().get_parameter_source("database_url")
    if not form.asks or source in (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT):
        logs.notice(try_database(url))
        return url
    while True:
        url = _prompt("Database (a URL of SQLite, PostgreSQL or MariaDB)", _not_empty, default=url)
        logs.ABOUT.database = url
        if _works(lambda: try_database(url)) or click.confirm(  # noqa: B023 - called at once
            "Keep this database although its test failed?", err=True
        ):
            return url


def _works(test: Callable[[], str]) -> bool:
    try:
        logs.notice(test())
    except SnapshotterError as error:
        logs.notice(f"failed: {error}")
        return False
    return True


def _source(value: str) -> str:
    if value not in SOURCES:
        raise UsageError(f"it is not one of {', '.join(SOURCES)}")
    return value


def _not_empty(value: str) -> str:
    if not value.isprintable():
        raise UsageError("it has control characters")
    return value


def _prompt(question: str, check: Callable[[str], Any], **options: Any) -> Any:
    """Ask until the answer is valid."""

    def checked(value: str) -> Any:
        try:
            return check(cleaned(value))
        except UsageError as error:
            raise click.UsageError(str(error)) from None

    return click.prompt(logs.safe(question), value_proc=checked, err=True, **options)
