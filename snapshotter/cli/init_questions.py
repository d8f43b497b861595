"""What `snapshotter init` asks, and what it takes from options instead."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from snapshotter import logs
from snapshotter.cli.configuration import given
from snapshotter.cli.connections import shown
from snapshotter.cli.new_configuration import (
    KeyPlace,
    is_readable,
    key_at_hand,
    replaced,
    try_account,
    try_database,
)
from snapshotter.configuration import NAME, from_folder_of
from snapshotter.configuration_text import SOURCES, NewAccount, default_place
from snapshotter.errors import SnapshotterError, Stopped, UsageError
from snapshotter.settings import (
    ACCOUNT_VARIABLE,
    API_URL_VARIABLE,
    CONFIG_VARIABLE,
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
class Form:
    """What is to be written, as far as it is known. `asks`: there is a terminal to ask on.

    `may_replace`: files that exist may be replaced without asking.
    """

    file: Path
    source: str | None
    api_url: str
    asks: bool
    may_replace: bool
    database: str = ""
    accounts: list[NewAccount] = field(default_factory=list)

    @property
    def usual_source(self) -> str:
        """Return the source of the account before, or the first one that there is."""
        return self.accounts[-1].source if self.accounts else SOURCES[0]

    def fill_in(self, account_ids: tuple[str, ...], database_url: str) -> None:
        """Find out the accounts and the database, and test them. Raises `UsageError`, `Stopped`."""
        _require_may_replace([self.file] if os.path.lexists(self.file) else [], self)
        if account_ids:
            self.accounts = [_given_account(self, name) for name in dict.fromkeys(account_ids)]
            for account in self.accounts:
                logs.notice(try_account(account))
        else:
            _ask_accounts(self)
        self.database = _database(self, database_url)
        _require_may_replace([*{*replaced(self.file, self.accounts)} - {self.file}], self)


def form(source: str | None, api_url: str | None, *, asks: bool, may_replace: bool) -> Form:
    """Return an empty form for the file that `--config` names, or else one in this folder."""
    named = str(given() or setting(os.environ, CONFIG_VARIABLE) or NAME)
    file = from_folder_of(Path.cwd() / NAME, named)
    return Form(file, source, _api_url(api_url), asks, may_replace)


def _api_url(api_url: str | None) -> str:
    if api_url:
        return base_url(api_url, "--api-url")
    return base_url(setting(os.environ, API_URL_VARIABLE) or DEFAULT_API_URL)


def _require_may_replace(paths: list[Path], form: Form) -> None:
    """Ask whether files may be replaced. Raises `UsageError` if nobody can be asked."""
    for path in [] if form.may_replace else paths:
        if not form.asks:
            raise UsageError(f"{str(path)!r} already exists; add --yes to replace it")
        if not click.confirm(logs.safe(f"{path} already exists. Replace it?"), err=True):
            raise Stopped("nothing was written")


def _given_account(form: Form, name: str) -> NewAccount:
    """Return an account that an option names. Raises `UsageError` if its key is missing."""
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
    place, key = found or (wanted.place, _ask_key(wanted))
    return NewAccount(name, source, place, key, form.api_url)


def _ask_accounts(form: Form) -> None:
    """Ask for accounts, and test each, until the user has none left."""
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


def _ask_account(form: Form, before: str) -> NewAccount:
    known = [each.account_id for each in form.accounts]

    def checked(value: str) -> str:
        if value in known:
            raise UsageError(f"{value} is already one of the accounts")
        return valid_account_id(value, "account")

    name = _prompt("Account, by its name in its URLs", checked, default=before or None)
    source = form.source or _prompt(
        f"Where to keep its key ({', '.join(SOURCES)})", _source, default=form.usual_source
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
        key = _ask_key(KeyPlace(name, source, place))
    return NewAccount(name, source, place, key, form.api_url)


def _ask_key(wanted: KeyPlace) -> Key:
    """Ask for a key that is stored, or only tested if it is kept elsewhere."""
    how = "not shown" if wanted.source in ("file", "keyring") else "not shown, only for the test"
    key: Key = _prompt(
        f"API key of {wanted.account_id} ({how})",
        lambda value: valid_key(value, "the key that was typed"),
        hide_input=True,
    )
    return key


def _database(form: Form, url: str) -> str:
    """Return the URL of a database that works; ask for it unless an option or a variable set it."""
    source = click.get_current_context().get_parameter_source("database_url")
    if not form.asks or source in (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT):
        logs.notice(try_database(url))
        return url
    while True:
        # Its password is not shown.
        question = f"Database (a URL of SQLite, PostgreSQL or MariaDB) [{shown(url)}]"
        given = _prompt(question, _not_empty, default=url, show_default=False)
        logs.ABOUT.database = given
        if _works(lambda: try_database(given)) or click.confirm(  # noqa: B023 - called at once
            "Keep this database although its test failed?", err=True
        ):
            return str(given)
        url = given if is_readable(given) else url


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
