"""How CSV is written for a spreadsheet of some country: its separator, numbers, days and times.

Excel reads CSV by the settings of Windows, which the locale names. Days and times stay in UTC.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from snapshotter.errors import UsageError

DEFAULT = "en_US"
BOM = "\ufeff"  # by which Excel knows UTF-8
_VARIABLES = ("LC_ALL", "LC_NUMERIC", "LANG")
_NONE = ("", "C", "POSIX")
# Windows separates lists by a semicolon in these, too, although their decimal sign is a point.
_SEMICOLONS = ("de_CH", "fr_CH", "it_CH", "de_LI")


@dataclass(frozen=True)
class Spreadsheet:
    """A locale's facts; `day` is like `{d:02}.{m:02}.{y:04}`."""

    locale: str
    separator: str
    decimal: str
    day: str

    def local(self, value: Any) -> Any:
        """Return a value as such a spreadsheet reads it: its type is kept."""
        match value:
            case float():
                return repr(value).replace(".", self.decimal)
            case datetime():
                at = value.astimezone(UTC)
                return f"{self._day(at)} {at.hour:02}:{at.minute:02}:{at.second:02}"
            case date():
                return self._day(value)
            case _:
                return value

    def _day(self, value: date) -> str:
        return self.day.format(d=value.day, m=value.month, y=value.year)


def spreadsheet(asked: str | None, environment: Mapping[str, str]) -> Spreadsheet:
    """Return the facts of a locale, by default of that in the environment, else `DEFAULT`.

    Raises `UsageError` if the locale is not known, or the library that knows them is missing.
    """
    source, name = "--locale", asked
    if name is None:
        source = next((each for each in _VARIABLES if environment.get(each)), "")
        name = environment.get(source, "")
        # `de_DE.UTF-8@euro`; programs that are started by cron or a container have C.
        name = re.split(r"[.@]", name)[0]
        name = DEFAULT if name in _NONE else name
    return _of(name, source)


def _of(name: str, source: str) -> Spreadsheet:
    try:
        from babel import Locale, UnknownLocaleError  # noqa: PLC0415 - of an extra
    except ImportError:
        raise UsageError(
            "--excel needs babel, which is not installed; pip install 'xplenty-snapshotter[excel]'"
        ) from None
    try:
        locale = Locale.parse(name.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        hint = "" if source == "--locale" else "; --locale overrides it"
        raise UsageError(
            f"{source} {name!r} is not a known locale; expected something like de_DE or en_US{hint}"
        ) from None
    decimal = str(locale.number_symbols.get("latn", {}).get("decimal", "."))
    decimal = decimal if decimal in ",." else "."
    is_semicolon = decimal == "," or str(locale) in _SEMICOLONS
    pattern = str(locale.date_formats["short"].pattern)
    return Spreadsheet(str(locale), ";" if is_semicolon else ",", decimal, _day_format(pattern))


def _day_format(pattern: str) -> str:
    """Return the format of a day with all digits, by Unicode's pattern, like `dd.MM.yy`.

    Where the year comes first it is ISO's, which Excel reads in every country.
    """
    order = list(dict.fromkeys(re.findall(r"[dMy]", re.sub(r"'.*?'", "", pattern))))
    between = re.search(r"[./-]", pattern)
    if sorted(order) != ["M", "d", "y"] or order[0] == "y" or between is None:
        return "{y:04}-{m:02}-{d:02}"
    fields = {"d": "{d:02}", "M": "{m:02}", "y": "{y:04}"}
    return between[0].join(fields[each] for each in order)
