"""How an export is written: its format, by `--format` or the file's ending; and its columns."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any, Literal, get_args

from snapshotter.errors import UsageError
from snapshotter.export.spreadsheet import Spreadsheet, spreadsheet
from snapshotter.texts import suggestion

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
    """A format. `raw` leaves text that a spreadsheet would run as a formula as it is.

    `spreadsheet`: the facts of a locale by which CSV is written for it. `sheet`: the name of a
    sheet of Excel.
    """

    format: Format = "csv"
    gzip: bool = False
    raw: bool = False
    spreadsheet: Spreadsheet | None = None
    sheet: str = "rows"

    @property
    def is_text(self) -> bool:
        return self.format in ("csv", "json")

    @property
    def text_times(self) -> bool:
        """Whether times are written like `2026-01-31T23:59:59Z`."""
        return self.is_text and self.spreadsheet is None


@dataclass(frozen=True)
class Asked:
    """What a user asks for: a format, and how CSV is written."""

    format: str | None = None
    raw: bool = False
    excel: bool = False
    locale: str | None = None

    def style(self, file_name: str, environment: Mapping[str, str]) -> Style:
        """Return the style of the format that is asked for, else of the file name's ending.

        A name without an ending is CSV. Raises `UsageError` if the format cannot be written there,
        if its library is missing, and for an unknown ending or locale.
        """
        name = file_name.lower()
        zipped = name.endswith(".gz")
        chosen = Style(self._format(name.removesuffix(".gz")), zipped, self.raw)
        if not chosen.is_text and zipped:
            raise UsageError(
                f"{file_name!r}: {chosen.format} is compressed by itself; leave .gz out of its name"
            )
        if not chosen.is_text and file_name == "-":
            raise UsageError(f"{chosen.format} cannot go to standard output; name a file with -o")
        self._check_csv(chosen.format)
        _require_library(chosen.format)
        if self.excel:
            return replace(chosen, spreadsheet=spreadsheet(self.locale, environment))
        return chosen

    def _format(self, name: str) -> Format:
        ending = PurePath(name).suffix.removeprefix(".")
        found: Format | None = next((e for e in FORMATS if e == (self.format or ending)), None)
        if found is None and ending:
            endings = [f".{each}" for each in FORMATS]
            hint = suggestion(f".{ending}", endings)
            raise UsageError(f"unknown ending of {name!r}{hint}; or name the format with --format")
        return found or "csv"

    def _check_csv(self, format_: Format) -> None:
        """Raise `UsageError` for options of CSV that do not fit the format or each other."""
        if self.locale is not None and not self.excel:
            raise UsageError("--locale is for --excel: add --excel, or leave --locale out")
        if self.raw and self.excel:
            raise UsageError("--raw is not safe in a spreadsheet: leave --raw or --excel out")
        if format_ == "csv":
            return
        if self.raw:
            raise UsageError(
                f"--raw is for CSV: {format_} keeps all text as it is; leave --raw out"
            )
        if self.excel:
            raise UsageError(
                f"--excel is for CSV: {format_} is the same in every locale; leave --excel out"
            )


def _require_library(format_: Format) -> None:
    library = LIBRARIES.get(format_)
    if library is None:
        return
    try:
        importlib.import_module(library)
    except ImportError:
        raise UsageError(
            f"{format_} needs {library}, which is not installed; "
            f"pip install 'xplenty-snapshotter[{format_}]'"
        ) from None
