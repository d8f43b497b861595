"""Hides secrets in what is stored: people put passwords into the variables of jobs."""

import re
from collections.abc import Iterable
from typing import Any

MASK = "***"
SECRET_NAMES = (
    *("password", "passwd", "pwd", "passphrase", "secret", "token", "key", "credential"),
    *("auth", "dsn"),
)
VARIABLES = ("variables", "dynamic_variables")  # objects, by the API; anything else may hold any
_PASSWORD_IN_URL = re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)")


class Redaction:
    """Replaces each value whose name looks secret, at any depth; names are matched in any case."""

    def __init__(self, more_names: Iterable[str] = ()) -> None:
        names = (*SECRET_NAMES, *(name for name in more_names if name))
        self._looks_secret = re.compile("|".join(map(re.escape, names)), re.IGNORECASE).search

    def __call__(self, value: Any) -> Any:
        match value:
            case dict():
                return {name: self._named(name, item) for name, item in value.items()}
            case list():
                return [self(item) for item in value]
            case str() if "://" in value:
                return _PASSWORD_IN_URL.sub(rf"\1{MASK}", value)
            case _:
                return value

    def _named(self, name: str, value: Any) -> Any:
        hidden = self._looks_secret(name) or (name in VARIABLES and not isinstance(value, dict))
        return MASK if hidden and value is not None else self(value)
