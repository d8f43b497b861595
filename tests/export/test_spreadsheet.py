"""What CSV looks like in the Excel of a country."""

import sys
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from snapshotter.errors import UsageError
from snapshotter.export.spreadsheet import spreadsheet

AT = datetime(2026, 1, 31, 1, 2, 3, 999_999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("locale", "separator", "number", "time"),
    [
        ("de_DE", ";", "-1234,5", "31.01.2026 01:02:03"),
        ("de-DE", ";", "-1234,5", "31.01.2026 01:02:03"),
        ("en_US", ",", "-1234.5", "01/31/2026 01:02:03"),
        ("en_GB", ",", "-1234.5", "31/01/2026 01:02:03"),
        ("fr_FR", ";", "-1234,5", "31/01/2026 01:02:03"),
        ("pt_BR", ";", "-1234,5", "31/01/2026 01:02:03"),
        ("de_CH", ";", "-1234.5", "31.01.2026 01:02:03"),
        ("sv_SE", ";", "-1234,5", "2026-01-31 01:02:03"),
        ("ja_JP", ",", "-1234.5", "2026-01-31 01:02:03"),
        ("hu_HU", ";", "-1234,5", "2026-01-31 01:02:03"),
        ("ar_EG", ",", "-1234.5", "31/01/2026 01:02:03"),
        ("bg_BG", ";", "-1234,5", "31.01.2026 01:02:03"),
    ],
)
def test_the_facts_of_a_locale(locale: str, separator: str, number: str, time: str) -> None:
    of = spreadsheet(locale, {})
    assert (of.separator, of.local(-1234.5), of.local(AT)) == (separator, number, time)
    assert of.local(AT.date()) == time[:10]


def test_what_is_neither_a_number_with_decimals_nor_a_time_stays() -> None:
    of = spreadsheet("de_DE", {})
    for value in (7, 2**63, "1.5", None, True):
        assert of.local(value) is value


def test_times_are_in_utc_and_years_have_four_digits() -> None:
    of = spreadsheet("de_DE", {})
    assert of.local(AT.astimezone(timezone(timedelta(hours=9)))) == "31.01.2026 01:02:03"
    assert of.local(date(7, 1, 2)) == "02.01.0007"


@pytest.mark.parametrize(
    ("environment", "locale"),
    [
        ({}, "en_US"),
        ({"LANG": "C.UTF-8"}, "en_US"),
        ({"LANG": "POSIX"}, "en_US"),
        ({"LANG": "de_DE.UTF-8"}, "de_DE"),
        ({"LANG": "de_AT@euro", "LC_NUMERIC": "fr_FR.UTF-8"}, "fr_FR"),
        ({"LANG": "de_DE", "LC_NUMERIC": "fr_FR", "LC_ALL": "en_GB"}, "en_GB"),
        ({"LANG": "de_DE", "LC_ALL": ""}, "de_DE"),
    ],
)
def test_the_locale_of_the_environment_is_the_default(
    environment: dict[str, str], locale: str
) -> None:
    assert spreadsheet(None, environment).locale == locale


@pytest.mark.parametrize(
    ("asked", "environment", "said"),
    [
        ("xx_YY", {}, "--locale 'xx_YY' is not a known locale; expected something like de_DE"),
        ("", {}, "--locale '' is not a known locale"),
        ("../../etc", {}, "is not a known locale"),
        (None, {"LANG": "klingon"}, "LANG 'klingon' is not .* en_US; --locale overrides it"),
    ],
)
def test_an_unknown_locale(asked: str | None, environment: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        spreadsheet(asked, environment)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    missing: Any = None
    monkeypatch.setitem(sys.modules, "babel", missing)
    with pytest.raises(UsageError, match=r"pip install 'xplenty-snapshotter\[excel\]'"):
        spreadsheet("de_DE", {})
