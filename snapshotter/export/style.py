"""How an export is written: its format, by `--format` or the file's ending; and its columns."""

import importlib
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal, get_args

from snapshotter.errors import UsageError

Format = Literal["csv", "parquet", "xlsx", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)
Kind = Literal["integer", "number", "truth", "day", "time", "text", "document"]
Rows = list[tuple[Any, ...]]

LIBRARIES = {"parquet": "pyarrow", "xlsx": "xlsxwriter"}  # each the extra of the format's name


@dataclass(frozen=True)
class Column:
    """A column of an export. `kind` is None if only the values show it."""

    name: str
    kind: Kind | None = None


@dataclass(frozen=True)
class Style:
    """A format. `raw` leaves text that a spreadsheet would run as a formula as it is."""

    format: Format = "csv"
    gzip: bool = False
    raw: bool = False

    @property
    def is_text(self) -> bool:
        return self.format in ("csv", "json")


def style(asked: str | None, file_name: str, *, raw: bool = False) -> Style:
    """Return the style that was asked for, else that of the file name's ending, else CSV.

    Raises `UsageError` if the format cannot be written there, or its library is missing.
    """
    name = file_name.lower()
    zipped = name.endswith(".gz")
    ending = PurePath(name.removesuffix(".gz")).suffix.removeprefix(".")
    format_: Format = next((each for each in FORMATS if each == (asked or ending)), "csv")
    chosen = Style(format_, zipped, raw)
    if raw and format_ != "csv":
        raise UsageError(f"--raw is for CSV: {format_} keeps all text as it is; leave --raw out")
    if not chosen.is_text and zipped:
        raise UsageError(
            f"{file_name!r}: {format_} is compressed by itself; leave .gz out of its name"
        )
    if not chosen.is_text and file_name == "-":
        raise UsageError(f"{format_} cannot go to standard output; name a file with -o")
    library = LIBRARIES.get(format_)
    if library is not None:
        try:
            importlib.import_module(library)
        except ImportError:
            raise UsageError(
                f"{format_} needs {library}, which is not installed; "
                f"pip install 'xplenty-snapshotter[{format_}]'"
            ) from None
    return chosen
