"""What is particular to this installation: its command, its folders, its user, its database."""

import json
import os
import pwd
import sys
import sysconfig
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

from snapshotter.configuration import Configuration
from snapshotter.errors import UsageError
from snapshotter.key_sources import CREDENTIAL, KINDS, VARIABLE
from snapshotter.recipes.quoting import refuse_unwritable
from snapshotter.settings import ACCOUNT_VARIABLE, KEY_VARIABLE
from snapshotter.store import urls

_PACKAGE = "xplenty-snapshotter"
_PROGRAM = "snapshotter"
_MINUTES = 50  # of all accounts together; recipes end a run after an hour
ENVIRONMENT_FILE = "snapshotter.env"


@dataclass(frozen=True)
class DatabaseLocation:
    """Where the history is.

    `url` is None if the command finds it without `--database`. `is_secret`: it was given by a URL
    with a password or options, which must not be printed. `folder` is that of a SQLite file.
    """

    url: str | None = None
    is_secret: bool = False
    folder: str | None = None


@dataclass(frozen=True)
class Installation:
    """What recipes are filled in with.

    `program` are the words that start the command. `configuration` is the file with the settings.
    `variables` are those that a run needs besides; they are read from `ENVIRONMENT_FILE` in
    `folder`. `credentials` are the names of the systemd credentials that the file refers to.
    `accounts` is their number. `checkout` is the folder that the package was installed from.
    """

    program: tuple[str, ...]
    folder: str
    user: str
    database: DatabaseLocation
    configuration: str | None = None
    variables: tuple[str, ...] = (ACCOUNT_VARIABLE, KEY_VARIABLE)
    credentials: tuple[str, ...] = ()
    accounts: int = 1
    checkout: str | None = None

    def command(self, *words: str) -> list[str]:
        """Return the words that run a command on this host, with its configuration."""
        return [*self.program, *self.arguments(*words)]

    def arguments(self, *words: str) -> list[str]:
        """Return the words of a command after the program's name."""
        configuration = [] if self.configuration is None else ["--config", self.configuration]
        database = [] if self.database.url is None else ["--database", self.database.url]
        return [*words, *configuration, *database]

    @property
    def account_is_a_variable(self) -> bool:
        """Whether the account is not in the configuration file."""
        return ACCOUNT_VARIABLE in self.variables

    @property
    def max_time(self) -> str:
        """Return the `--max-time` of each account; up to 50 accounts end within an hour."""
        return f"{max(1, _MINUTES // self.accounts)}m"

    @property
    def environment_file(self) -> str:
        return str(Path(self.folder, ENVIRONMENT_FILE))

    @property
    def folders(self) -> list[str]:
        """Return the folders that a run writes in."""
        return list(dict.fromkeys(filter(None, (self.folder, self.database.folder))))

    @property
    def mounts(self) -> list[str]:
        """Return the folders and files that a container needs from this host."""
        found = self.folders
        file = self.configuration
        if file and not any(Path(file).is_relative_to(folder) for folder in found):
            found.append(file)
        return found


def this_installation(database: DatabaseLocation, configuration: Configuration) -> Installation:
    """Return the running installation, with the current folder as the one to run in.

    Raises `UsageError` for a path that cannot be written into every recipe.
    """
    accounts = configuration.accounts.values()
    found = Installation(
        _program(),
        str(Path.cwd()),
        _user(),
        database,
        None if configuration.path is None else _plain(configuration.path),
        _variables(configuration),
        tuple(table[CREDENTIAL] for table in accounts if CREDENTIAL in table),
        max(1, len(accounts)),
        _checkout(),
    )
    for what, path in (
        ("the command", found.program[0]),
        ("the folder", found.folder),
        ("the database's folder", database.folder or ""),
        ("the database", database.url or ""),
        ("the configuration file", found.configuration or ""),
        *(("the variable", name) for name in found.variables),
        *(("the credential", name) for name in found.credentials),
    ):
        refuse_unwritable(path, what)
    return found


def database(url: str, *, is_given: bool) -> DatabaseLocation:
    """Return what recipes need to know of a URL. `is_given`: by a flag or a variable.

    Raises `UsageError` for a URL that cannot be read, and for a database in memory.
    """
    parsed, _ = urls.parse(url)
    folder = None
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise UsageError("a database in memory is lost with each run; name a file")
        folder = str(Path(_plain(Path(parsed.database))).parent)
    is_secret = is_given and bool(parsed.password or parsed.query)
    return DatabaseLocation(url.strip() if is_given and not is_secret else None, is_secret, folder)


def _variables(configuration: Configuration) -> tuple[str, ...]:
    """Return the variables that must have what the file does not."""
    if not configuration.accounts:
        needed = [ACCOUNT_VARIABLE, *([] if configuration.key_file else [KEY_VARIABLE])]
        return tuple(needed)
    of_keys = (
        table.get(VARIABLE, KEY_VARIABLE)
        for table in configuration.accounts.values()
        if VARIABLE in table or not (configuration.key_file or {*KINDS} & {*table})
    )
    return tuple(dict.fromkeys(of_keys))


def _plain(path: Path) -> str:
    """Return an absolute path without `..`, which systemd refuses; other links stay."""
    return str(path.resolve() if ".." in path.parts else path.absolute())


def _program() -> tuple[str, ...]:
    """Return how to start this installation: by the name it was started by, if it has one."""
    started = Path(sys.argv[0])
    beside = Path(sysconfig.get_path("scripts"), _PROGRAM)
    for path in (started, beside):
        if path.name == _PROGRAM and path.is_file() and os.access(path, os.X_OK):
            return (str(path.absolute()),)
    return sys.executable, "-m", _PROGRAM


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # as in a container that was started with a number
        return str(os.geteuid())


def _checkout() -> str | None:
    """Return the folder that the package was installed from, if pip has noted one."""
    try:
        noted = metadata.distribution(_PACKAGE).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        noted = None
    origin = json.loads(noted or "{}")
    parts = urlsplit(origin.get("url", ""))
    path = unquote(parts.path)
    is_folder = parts.scheme == "file" and "dir_info" in origin and Path(path).is_dir()
    return path if is_folder and path.isprintable() else None
