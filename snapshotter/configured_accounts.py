"""The accounts whose jobs are read: those of the configuration file, and the environment's."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from snapshotter import logs
from snapshotter.configuration import ACCOUNTS, Configuration
from snapshotter.errors import UsageError
from snapshotter.key_sources import FILE, KINDS, VARIABLE, KeySource
from snapshotter.settings import (
    ACCOUNT_VARIABLE,
    API_URL_VARIABLE,
    DEFAULT_API_URL,
    DEFAULT_TIMEOUT,
    KEY_VARIABLE,
    Service,
    account_id,
    base_url,
    setting,
)
from snapshotter.texts import suggestion


@dataclass(frozen=True)
class Account:
    """An account, and where its key is read from; the key itself is not read before it is used.

    `name`: how the configuration file calls the account; its id if it is not in the file.
    """

    name: str
    account_id: str
    api_url: str
    source: KeySource
    environment: Mapping[str, str] = field(repr=False, compare=False)

    def service(self, timeout: float = DEFAULT_TIMEOUT) -> Service:
        """Return the account with its key, which is masked from now on in what is printed.

        Raises `UsageError` if the source of the key yields none.
        """
        if not math.isfinite(timeout):
            raise UsageError("--timeout must be a finite number of seconds")
        key = self.source.read(self.environment)
        logs.learn(key.secret)
        return Service(self.account_id, key, self.api_url, timeout)


def accounts(
    environment: Mapping[str, str],
    configuration: Configuration,
    names: Sequence[str] = (),
    key_file: Path | None = None,
) -> list[Account]:
    """Return the accounts to read: those of these names or ids, each once, else all.

    Without names, `XPLENTY_ACCOUNT_ID` selects one account alone, by its name or id; it need not be
    in the file.
    `key_file`, which `--api-key-file` names, is for one account only. Raises `UsageError` for an
    unknown name, and without any account.
    """
    selected = configuration.account_id(setting(environment, ACCOUNT_VARIABLE))
    known = [
        _configured(environment, configuration, name, selected) for name in configuration.accounts
    ]
    if selected and selected not in [each.account_id for each in known]:
        known.insert(0, _of_environment(environment, configuration, selected))
    if names:
        found = [_named(name, known, configuration) for name in names]
        known = list({each.name: each for each in found}.values())
    elif selected:
        known = [_with_id(selected, known, ACCOUNT_VARIABLE)]
    if not known:
        raise UsageError(
            f"no account: set {ACCOUNT_VARIABLE} to the account's name in its URLs, or write a "
            "configuration file with 'snapshotter init'"
        )
    return [_with_key_file(each, key_file, len(known)) for each in known]


def require_distinct(accounts: Iterable[Account]) -> None:
    """Raise `UsageError` if two accounts have one id: they would be the same in a database."""
    names: dict[str, str] = {}
    for each in accounts:
        if each.account_id in names:
            raise UsageError(
                f"accounts {names[each.account_id]} and {each.name} have the same id "
                f"{each.account_id!r}, and a database has one account of an id: name one with "
                "--account, and another database for the other"
            )
        names[each.account_id] = each.name


def _of_environment(
    environment: Mapping[str, str], configuration: Configuration, selected: str
) -> Account:
    """Return the account that only the environment names."""
    name = account_id(selected, ACCOUNT_VARIABLE)
    source = KeySource(VARIABLE, KEY_VARIABLE, KEY_VARIABLE)
    if configuration.key_file is not None and not setting(environment, KEY_VARIABLE):
        source = _default(configuration, configuration.key_file)
    return Account(name, name, _api_url(environment, configuration, {}), source, environment)


def _configured(
    environment: Mapping[str, str], configuration: Configuration, name: str, selected: str
) -> Account:
    table = configuration.accounts[name]
    source = _source(configuration, name)
    has_key = bool(setting(environment, KEY_VARIABLE))
    is_only = not source.kind and len(configuration.accounts) == 1 and not selected
    if has_key and (table["account_id"] == selected or is_only):
        source = KeySource(VARIABLE, KEY_VARIABLE, KEY_VARIABLE)
    elif not source.kind and configuration.key_file is not None:
        source = _default(configuration, configuration.key_file)
    url = _api_url(environment, configuration, table)
    return Account(name, table["account_id"], url, source, environment)


def _source(configuration: Configuration, name: str) -> KeySource:
    """Return the source of the key that the file names for an account."""
    table = configuration.accounts[name]
    where = f"{configuration.path}: {ACCOUNTS}.{name}"
    for kind in KINDS:
        if kind in table:
            return KeySource(kind, table[kind], f"{where}.{kind}", table["account_id"])
    return KeySource("", "", where)


def _default(configuration: Configuration, key_file: Path) -> KeySource:
    return KeySource(FILE, str(key_file), f"{configuration.path}: {FILE}")


def _api_url(
    environment: Mapping[str, str], configuration: Configuration, table: Mapping[str, str]
) -> str:
    if url := setting(environment, API_URL_VARIABLE):
        return base_url(url)
    return str(table.get("api_url") or configuration.options.get("api_url") or DEFAULT_API_URL)


def _named(name: str, known: Sequence[Account], configuration: Configuration) -> Account:
    """Return the account of a name or else of an id. Raises `UsageError` if there is none."""
    for each in known:
        if each.name == name:
            return each
    if any(each.account_id == name for each in known):
        return _with_id(name, known, "--account")
    if not known:
        raise UsageError(
            f"--account: no account {name!r} is configured; set {ACCOUNT_VARIABLE}, or name it in "
            "a configuration file ('snapshotter init' writes one)"
        )
    names = [text for each in known for text in (each.name, each.account_id)]
    where = f" in {configuration.path}" if configuration.path else ""
    raise UsageError(f"--account: no account {name!r}{where}{suggestion(name, names)}")


def _with_id(selected: str, known: Iterable[Account], named_by: str) -> Account:
    found = [each for each in known if each.account_id == selected]
    if len(found) > 1:
        names = ", ".join(each.name for each in found)
        raise UsageError(f"{named_by}: several accounts have this id; name one of {names}")
    return found[0]


def _with_key_file(account: Account, key_file: Path | None, of: int) -> Account:
    if key_file is None:
        return account
    if of > 1:
        raise UsageError(
            f"--api-key-file is for one account, and there are {of}: name one with --account, or "
            "give each its own source of the key in the configuration file"
        )
    return replace(account, source=KeySource(FILE, str(key_file), "--api-key-file"))
