"""Turns the values of a configuration file into those that an option reads from a flag."""

import re
from datetime import date, time
from pathlib import Path
from typing import Any

import click

from snapshotter.configuration import from_folder_of

_SQLITE = re.compile(r"(?P<scheme>\s*sqlite(?:\+\w+)?:///)(?P<path>[^/:?][^?]*)\Z", re.IGNORECASE)
_MOST_BITS = 1_000  # of a number
# How `--help` shows options that name databases, and files and folders.
_URL, _PATHS = "URL", ("FILE", "DIR")


class WrongValueError(ValueError):
    """A value is of a type that its option does not take; the message names what it takes."""


def converted(option: click.Option, value: Any, file: Path) -> Any:
    """Return a value of a file as click takes it. Raises `WrongValueError`, not quoting it.

    Relative paths begin in the folder of the file. A list is for an option that takes several
    values.
    """
    if option.count:
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise WrongValueError("expected a number, like 1")
        return value
    if option.is_flag:
        if not isinstance(value, bool):
            raise WrongValueError("expected true or false, without quotes")
        return value
    separator = str(getattr(option.type, "separator", ""))
    values = value if isinstance(value, list) else [value]
    if isinstance(value, list) and not (option.multiple or separator):
        raise WrongValueError("expected one value, not a list")
    texts = [_text(option, each, file) for each in values]
    return texts if option.multiple else separator.join(texts)


def _text(option: click.Option, value: Any, file: Path) -> str:
    """Return a single value as it would stand on a command line."""
    match value:
        case bool():
            raise WrongValueError("expected a text or a number, not true or false")
        case str() if "\0" in value:
            raise WrongValueError("expected a text without NUL characters")
        case str():
            return _path(option, value, file)
        case int() if value.bit_length() > _MOST_BITS:
            raise WrongValueError("expected a number of fewer digits")
        case int() | float():
            return str(value)
        case date():  # a time with its day is one, too
            return value.isoformat()
        case time():
            raise WrongValueError("expected a day with the time, not a time alone")
        case list():
            raise WrongValueError("expected texts or numbers in the list, not another list")
        case _:
            raise WrongValueError("expected a text or a number, not a table")


def _path(option: click.Option, value: str, file: Path) -> str:
    """Return a text; a path in it as seen from the folder of the file."""
    if found := _SQLITE.match(value) if option.metavar == _URL else None:
        path = found["path"].strip()
        return found["scheme"].strip() + str(from_folder_of(file, path))
    is_path = isinstance(option.type, click.Path | click.File) or option.metavar in _PATHS
    return str(from_folder_of(file, value)) if is_path and value not in ("", "-") else value
