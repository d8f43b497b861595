"""The text of a new configuration file, with comments that explain the settings."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from snapshotter.key_sources import KIND_OF
from snapshotter.settings import DEFAULT_API_URL, Key

_HEAD = """\
# The configuration of snapshotter. `snapshotter config show` prints what is in effect.
# A flag comes before an environment variable, a variable before this file. Relative paths begin in
# the folder of this file. Every option of every command can stand here by its long name, with _ for
# -, for all commands at the top, or for one command in its table, like [sync].

# Where the history is stored: the URL of a SQLite file, of PostgreSQL or of MariaDB.
database = {database}

# How values whose names look secret are stored: mask, hash, keep or drop.
# variables = "mask"

[sync]
# Credits of each hour that are left to others.
# reserve_credits = 500
# How many accounts are read at a time.
# parallel = 2
# A monitor that expects a ping of each run, such as healthchecks.io.
# ping_url = "https://hc-ping.com/00000000-0000-0000-0000-000000000000"

[status]
# `snapshotter status` ends with 1 if the data of an account is older than this.
# max_age = "2h"

# A table for each account; --account takes its NAME or its id. The API key is read from exactly one
# of: api_key_file (a file for its owner only), api_key_env (a variable), api_key_credential (of
# systemd, by LoadCredential=), api_key_keyring (a service of the keyring; needs the extra keyring).
"""
SOURCES = tuple(KIND_OF)


@dataclass(frozen=True)
class NewAccount:
    """An account of a new file: where its key is to be read from, and the key.

    `source` is one of `SOURCES`; `place` is the file, the variable, the credential or the service.
    """

    account_id: str
    source: str
    place: str
    key: Key = field(repr=False)
    api_url: str = DEFAULT_API_URL


def text(database: str, accounts: Sequence[NewAccount]) -> str:
    """Return the text of a file with a database and accounts. No key is in it."""
    tables = [_table(account) for account in accounts]
    return "\n".join([_HEAD.format(database=quoted(database)), *tables]).rstrip("\n") + "\n"


def quoted(value: str) -> str:
    """Return a value as a text of TOML."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _table(account: NewAccount) -> str:
    name = account.account_id
    bare = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else quoted(name)
    lines = [f"[accounts.{bare}]", f"account_id = {quoted(name)}"]
    lines.append(f"{KIND_OF[account.source]} = {quoted(account.place)}")
    if account.api_url != DEFAULT_API_URL:
        lines.append(f"api_url = {quoted(account.api_url)}")
    return "\n".join(lines) + "\n"


def default_place(account_id: str, source: str) -> str:
    """Return where the key of an account is kept if nothing else is asked for."""
    match source:
        case "file":
            return f"{account_id}.key"
        case "env":
            return re.sub(r"[^A-Z0-9]+", "_", account_id.upper()).strip("_") + "_API_KEY"
        case "keyring":
            return "snapshotter"
        case _:
            return re.sub(r"[^\w.-]", "-", account_id, flags=re.ASCII)
