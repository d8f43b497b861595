"""Hides secrets in what is stored: people put passwords into the variables of jobs."""

import re
from collections.abc import Iterable
from typing import Any

MASK = "***"
SECRET_NAMES = ("password", "passwd", "secret", "token", "key", "credential", "auth", "dsn")


class Redaction:
    """Replaces each value whose name looks secret, at any depth; names are matched in any case."""

    def __init__(self, more_names: Iterable[str] = ()) -> None:
        names = (*SECRET_NAMES, *(name for name in more_names if name))
        self._looks_secret = re.compile("|".join(map(re.escape, names)), re.IGNORECASE).search

    def __call__(self, value: Any) -> Any:
        match value:
            case dict():
                return {
                    name: MASK if item is not None and self._looks_secret(name) else self(item)
                    for name, item in value.items()
                }
            case list():
                return [self(item) for item in value]
            case _:
                return value
