"""What `snapshotter init` tests before it writes, and how it writes."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from snapshotter import logs
from snapshotter.configuration import NAME, from_folder_of
from snapshotter.configuration_text import NewAccount, default_place, text
from snapshotter.errors import DatabaseError, UsageError
from snapshotter.key_sources import KIND_OF, KeySource
from snapshotter.settings import (
    ACCOUNT_VARIABLE,
    KEY_VARIABLE,
    Key,
    Service,
    key_of_file,
    setting,
    valid_key,
)
from snapshotter.texts import counted

_SECONDS = 20.0  # for all attempts of a test


class KeyPlace(NamedTuple):
    """Where the key of an account is to be kept: a source, and the file, variable or name there."""

    account_id: str
    source: str
    place: str


def key_at_hand(wanted: KeyPlace, file: Path, *, is_only: bool) -> tuple[str, Key] | None:
    """Return a key that is already somewhere, and where it is to be kept; None if there is none.

    It is in a variable, like ACME_API_KEY, or in `XPLENTY_API_KEY` if the account is the only one,
    or where its source keeps it. Raises `UsageError` if what is there is not a key.
    """
    is_variable = wanted.source == "env"
    own = wanted.place if is_variable else default_place(wanted.account_id, "env")
    for name in (own, *([KEY_VARIABLE] if is_only else [])):
        if secret := setting(os.environ, name):
            return name if is_variable else wanted.place, valid_key(secret, name)
    path = from_folder_of(file, wanted.place)
    if is_variable or (wanted.source == "file" and not os.path.lexists(path)):
        return None
    where = str(path) if wanted.source == "file" else wanted.place
    named = f"the key of {wanted.account_id}"
    kept = KeySource(KIND_OF[wanted.source], where, named, wanted.account_id)
    try:
        return wanted.place, kept.read(os.environ)
    except UsageError:
        if wanted.source == "file":
            raise
        return None


def try_account(account: NewAccount) -> str:
    """Request the credits of an account and its newest change; return what came, in words.

    Raises the API's error.
    """
    from snapshotter.api.client import Client
    from snapshotter.api.limits import Limits

    logs.learn(account.key.secret)
    service = Service(account.account_id, account.key, account.api_url, timeout=_SECONDS)
    with Client(service, Limits(seconds=_SECONDS)) as client:
        credits_left = client.credits()
        newest = client.newest()
    jobs = "no jobs yet" if newest is None else f"newest change {newest:%Y-%m-%d %H:%M} UTC"
    left = "" if credits_left is None else f"{counted(credits_left, 'credit')} left, "
    return f"account {account.account_id}: {left}{jobs}"


def try_database(url: str) -> str:
    """Open a database, creating nothing; return what it is, in words. Raises `DatabaseError`."""
    from snapshotter.cli.connections import database_path, opened, shown
    from snapshotter.store import revisions

    path = database_path(url)
    if path is not None and not path.exists():
        folder = path.parent
        if not folder.is_dir():
            raise DatabaseError(f"there is no folder {str(folder)!r} for the database")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise DatabaseError(f"the folder {str(folder)!r} for the database is not writable")
        return f"database {shown(url)}: will be created by the first run"
    with opened(url, read_only=True) as engine:
        revision = revisions.current(engine)
    state = "empty" if revision is None else f"at revision {revision}"
    return f"database {shown(url)}: {state}"


def is_readable(url: str) -> bool:
    """Whether a text is the URL of a database."""
    from snapshotter.store import urls

    try:
        urls.parse(url)
    except UsageError:
        return False
    return True


def portable(url: str, file: Path) -> str:
    """Return the URL of a database as it is to stand in a file.

    A path begins in the folder of the file there, and in the working folder on a command line.
    """
    from snapshotter.cli.connections import database_path

    path = database_path(url)
    if path is None or f":///{path}" in url:
        return url
    inside = path.relative_to(file.parent) if path.is_relative_to(file.parent) else path
    return f"sqlite:///{inside}"


def write(file: Path, database: str, accounts: Sequence[NewAccount]) -> list[Path]:
    """Write the keys and then the file, each for its owner only; return what was written.

    Signals wait until all is written. Raises `Failure` or `UsageError`.
    """
    from snapshotter import interrupt

    written: list[Path] = []
    with interrupt.held():
        if not file.parent.is_dir():
            file.parent.mkdir(mode=0o700, parents=True)
        for account in accounts:
            if account.source == "file":
                path = from_folder_of(file, account.place)
                _write_private(path, f"{account.key.secret}\n")
                written.append(path)
            elif account.source == "keyring":
                _store(account)
        _write_private(file, text(portable(database, file), accounts))
    return [*written, file]


def replaced(file: Path, accounts: Sequence[NewAccount]) -> list[Path]:
    """Return the files that exist and would get another content."""
    found = [file] if os.path.lexists(file) else []
    for account in accounts:
        path = from_folder_of(file, account.place)
        if account.source == "file" and os.path.lexists(path):
            try:
                same = key_of_file(path, "").secret == account.key.secret
            except UsageError:
                same = False
            found += [] if same else [path]
    return found


def _write_private(path: Path, content: str) -> None:
    from snapshotter import files

    if path.is_file():  # the new file gets its mode
        path.chmod(0o600)
    with files.opened(path) as file:
        files.write_text(file, content)


def _store(account: NewAccount) -> None:
    try:
        import keyring

        keyring.set_password(account.place, account.account_id, account.key.secret)
    except ImportError:
        raise UsageError(
            "the keyring needs the extra: pip install 'xplenty-snapshotter[keyring]'"
        ) from None
    except Exception as error:  # noqa: BLE001 - a backend raises errors of its own libraries
        raise UsageError(
            f"the key of {account.account_id} cannot be stored in the keyring "
            f"({type(error).__name__}); unlock it, or choose another source"
        ) from None


def next_steps(file: Path, accounts: Sequence[NewAccount]) -> list[str]:
    """Return what to do after the file has been written, as lines."""
    from snapshotter.recipes.installation import ENVIRONMENT_FILE

    named = "" if file == Path(NAME).absolute() else f" --config {shlex.quote(str(file))}"
    lines = [
        f"next: snapshotter sync{named}",
        "  then `snapshotter recipe systemd` or `snapshotter recipe cron` to run it regularly,",
        f"  and `snapshotter config show{named}` to see what is in effect",
    ]
    if setting(os.environ, ACCOUNT_VARIABLE):
        lines.append(f"  {ACCOUNT_VARIABLE} is set here, and selects its account alone")
    for account in accounts:
        if account.source == "env":
            lines.append(
                f"  set the variable {account.place} wherever it runs: in {ENVIRONMENT_FILE}, "
                "which the recipes read"
            )
        elif account.source == "credential":
            lines.append(
                f"  store the key of {account.account_id} in /etc/snapshotter/{account.place} "
                "(chmod 600) for `recipe systemd`"
            )
    return lines
