"""The configuration file: where it is searched, and what may stand in it.

It is TOML. At its top level and in a table for each command stand options, by their long names;
`[accounts.NAME]` has an account. Names and values of options are checked by the command line,
which has the options. No message quotes a value: it may be a key in the wrong place.
"""

import os
import shlex
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from snapshotter import logs
from snapshotter.errors import UsageError
from snapshotter.key_sources import FILE, ITSELF, KINDS
from snapshotter.settings import (
    API_URL_VARIABLE,
    CONFIG_VARIABLE,
    HASH_KEY_VARIABLE,
    SECRET_NAMES_VARIABLE,
    account_id,
    base_url,
    setting,
)
from snapshotter.texts import cleaned, decoded, suggestion

NAME = "snapshotter.toml"
ACCOUNTS = "accounts"
ACCOUNT_KEYS = ("account_id", "api_url", *KINDS)
# Settings without an option, at the top level only, and the variables that they stand for.
WITHOUT_OPTION = {
    "api_url": API_URL_VARIABLE,
    "secret_names": SECRET_NAMES_VARIABLE,
    "hash_key": HASH_KEY_VARIABLE,
}
LONGEST = 1_048_576  # bytes

Table = Mapping[str, Any]


@dataclass(frozen=True)
class Configuration:
    """What a configuration file sets; without a file, nothing.

    `searched`: the places where a file was looked for. `options`: the options at the top level,
    and a table of them for each command. `accounts`: the settings of each account by its name.
    `key_file`: the file with the key of every account that names no source.
    """

    path: Path | None = None
    searched: tuple[Path, ...] = ()
    options: Table = field(default_factory=dict, repr=False)
    accounts: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    key_file: Path | None = None

    def environment(self, environment: Mapping[str, str]) -> Mapping[str, str]:
        """Return the variables, with those that are not set and that the file sets."""
        of_file = {
            variable: str(self.options[name])
            for name, variable in WITHOUT_OPTION.items()
            if name in self.options and not setting(environment, variable)
        }
        return {**environment, **of_file}

    def account_id(self, name: str) -> str:
        """Return the id of the account of this name in the file; a name that it lacks is an id."""
        return self.accounts.get(name, {}).get("account_id", name)


def load(environment: Mapping[str, str], given: Path | None = None) -> Configuration:
    """Find and read the file; `given` is what `--config` names. Raises `UsageError`."""
    named = given or (Path(each) if (each := setting(environment, CONFIG_VARIABLE)) else None)
    if named is not None:
        by = "--config" if given else CONFIG_VARIABLE
        path = _absolute(from_folder_of(Path(), str(named)))
        if not os.path.lexists(path):
            raise UsageError(f"{by}: there is no file {str(path)!r}")
        return read(path, (path,))
    searched = places()
    found = next((path for path in searched if os.path.lexists(path)), None)
    if found is None:
        return Configuration(searched=searched)
    if found == searched[0]:
        _refuse_foreign(found)
    if found.exists() and not (found.is_file() or found.is_dir()):
        # Reading a pipe would wait for who writes it; one that is named is meant.
        raise UsageError(f"{found} is not a regular file; if it is meant, name it with --config")
    return read(found, searched)


def places() -> tuple[Path, ...]:
    """Return where a file is searched: the working folder, the user's configuration folder."""
    import platformdirs  # noqa: PLC0415 - only a command that runs needs it

    return _absolute(Path(NAME)), platformdirs.user_config_path("snapshotter") / NAME


def read(path: Path, searched: tuple[Path, ...] = ()) -> Configuration:
    """Read a file, and learn its secrets. Raises `UsageError`."""
    data, mode = _bytes(path)
    document = _parsed(decoded(data, str(path)), path)
    try:
        secrets = list(_secrets(document))
    except RecursionError:  # tables of dotted names nest deeper than TOML's reader does
        raise _too_deep(path) from None
    for secret in secrets:
        logs.learn(secret)
    if secrets and mode is not None and mode & 0o077:
        raise UsageError(
            f"{path} contains a secret and can be read by others (mode {mode:04o}); run "
            f"chmod 600 {shlex.quote(str(path))}"
        )
    accounts = document.pop(ACCOUNTS, {})
    if not isinstance(accounts, dict):
        raise UsageError(f"{path}: {ACCOUNTS} must be tables: [{ACCOUNTS}.NAME]")
    checked = {name: _account(path, name, table) for name, table in accounts.items()}
    _refuse_twins(path, checked)
    return Configuration(path, searched, _without_option(path, document), checked)


def _absolute(path: Path) -> Path:
    try:
        return path.absolute()
    except OSError:  # the working folder has been removed
        return path


def _refuse_foreign(path: Path) -> None:
    """Refuse a file of the working folder that another user may have put there.

    It could send the key of the environment to another service.
    """
    if os.name != "posix":
        return
    try:
        found = path.stat()
    except OSError:
        return  # reading it reports why
    if found.st_uid not in (0, os.geteuid()) or found.st_mode & stat.S_IWOTH:
        raise UsageError(
            f"{path} belongs to another user, or everybody may write it; if you trust it, name it "
            f"with --config or {CONFIG_VARIABLE}"
        )


def _bytes(path: Path) -> tuple[bytes, int | None]:
    """Return the content of a file, and its mode; None for a pipe."""
    try:
        if path.is_dir():
            raise UsageError(f"{path} is a folder; name a file")
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            data = file.read(LONGEST + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None
    if len(data) > LONGEST:
        raise UsageError(f"{path} is too long to be a configuration file")
    is_file = stat.S_ISREG(status.st_mode) and os.name == "posix"
    return data, stat.S_IMODE(status.st_mode) if is_file else None


def _parsed(text: str, path: Path) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415 - only if there is a file

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        last = f"at line {max(1, len(text.splitlines()))}, the end"
        message = _in_plain_words(str(error).replace("at end of document", last))
        raise UsageError(f"{path} is not valid TOML: {message}") from None
    except ValueError:  # Python reads no integer of thousands of digits
        raise UsageError(f"{path} has a number with too many digits") from None
    except RecursionError:
        raise _too_deep(path) from None


def _too_deep(path: Path) -> UsageError:
    return UsageError(f"{path} is not a configuration file: it is nested too deeply")


def _in_plain_words(message: str) -> str:
    """Return TOML's own message, with the name of what is defined twice as it is written."""
    import re  # noqa: PLC0415 - as above

    if twice := re.match(
        r"Cannot (?:declare|overwrite|mutate)[^(]*\((.*?),?\)(?: twice)?", message
    ):
        parts = re.findall(r"'([^']*)'", twice[1])
        place = re.search(r"\(at .*\)\Z", message)
        if parts:
            return f"{'.'.join(parts)} is defined twice {place[0] if place else ''}".rstrip()
    if message.startswith("Cannot overwrite a value"):
        return message.replace("Cannot overwrite a value", "a setting is defined twice")
    return message


def _secrets(document: Table) -> Iterator[str]:
    """Yield every secret in a file: keys, and what looks secret in a text, as in a URL."""
    from snapshotter.secret_names import SecretNames  # noqa: PLC0415 - only if there is a file
    from snapshotter.secret_text import SecretText  # noqa: PLC0415 - as above

    found: list[str] = []

    def hide(secret: Any) -> str:
        found.append(str(secret))
        return "***"

    find = SecretText(SecretNames(), hide)
    for name, text in _texts(document):
        if name in (ITSELF, "hash_key"):
            found.append(cleaned(text))
        else:
            find(text)
    yield from filter(None, found)


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text of a document with the name of its setting."""
    match value:
        case str():
            yield name, value
        case list():
            for each in value:
                yield from _texts(each, name)
        case dict():
            for key, each in value.items():
                yield from _texts(each, key)


def _account(path: Path, name: str, table: Any) -> dict[str, str]:
    """Return an account's settings, checked. Raises `UsageError`."""
    where = f"{path}: {ACCOUNTS}.{name}"
    if not isinstance(table, dict):
        raise UsageError(f"{where} must be a table: [{ACCOUNTS}.{name}]")
    for key, value in table.items():
        if key not in ACCOUNT_KEYS:
            raise UsageError(f"{where}: unknown setting {key!r}{suggestion(key, ACCOUNT_KEYS)}")
        if not isinstance(value, str):
            raise UsageError(f"{where}.{key} must be a text in quotes")
    given = {key: cleaned(value) for key, value in table.items()}
    kinds = [kind for kind in KINDS if kind in given]
    if len(kinds) > 1:
        raise UsageError(
            f"{where} has several sources of the key: {', '.join(kinds)}; leave just one"
        )
    for kind in kinds:
        if not given[kind]:
            raise UsageError(f"{where}.{kind} is empty")
    account_id(name, where)
    given.setdefault("account_id", name)
    account_id(given["account_id"], f"{where}.account_id")
    if "api_url" in given:
        given["api_url"] = base_url(given["api_url"], f"{where}.api_url")
    if FILE in given:
        given[FILE] = str(from_folder_of(path, given[FILE]))
    return given


def from_folder_of(path: Path, given: str) -> Path:
    """Return a path that stands in a file: a relative one begins in the file's folder."""
    try:
        return path.parent / Path(given).expanduser()
    except RuntimeError:  # the home of an unknown user
        return path.parent / given


def _refuse_twins(path: Path, accounts: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse two names for one account, and a name that is the id of another account."""
    seen: dict[tuple[str, str], str] = {}
    for name, table in accounts.items():
        same = (table["account_id"], table.get("api_url", ""))
        if same in seen:
            raise UsageError(
                f"{path}: {ACCOUNTS}.{seen[same]} and {ACCOUNTS}.{name} are the same account "
                f"{table['account_id']!r}; leave just one"
            )
        seen[same] = name
    for name, table in accounts.items():
        for other, others in accounts.items():
            if name == others["account_id"] != table["account_id"]:
                raise UsageError(
                    f"{path}: {ACCOUNTS}.{name} has the name of the account of "
                    f"{ACCOUNTS}.{other}; rename it"
                )


def _without_option(path: Path, document: dict[str, Any]) -> dict[str, Any]:
    """Return the rest of a file, with the settings without an option checked."""
    options = dict(document)
    names = options.get("secret_names")
    if isinstance(names, list) and all(isinstance(each, str) for each in names):
        options["secret_names"] = ",".join(names)
    for name in WITHOUT_OPTION:
        if name in options and not isinstance(options[name], str):
            raise UsageError(f"{path}: {name} must be a text in quotes")
    if "api_url" in options:
        options["api_url"] = base_url(cleaned(options["api_url"]), f"{path}: api_url")
    return options
