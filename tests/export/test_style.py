"""Which format a name asks for, and which cannot be written."""

import sys

import pytest

from snapshotter.errors import UsageError
from snapshotter.export.spreadsheet import Spreadsheet
from snapshotter.export.style import FORMATS, LIBRARIES, Asked, Format, Style


@pytest.mark.parametrize(
    ("asked", "name", "expected"),
    [
        (None, "-", Style("csv")),
        (None, "x", Style("csv")),
        (None, "parquet", Style("csv")),
        (None, "a.json/x", Style("csv")),
        (None, "x.csv.gz", Style("csv", gzip=True)),
        (None, "x.gz", Style("csv", gzip=True)),
        (None, "X.JSON", Style("json")),
        (None, "x.json.gz", Style("json", gzip=True)),
        (None, "x.parquet", Style("parquet")),
        (None, "x.xlsx", Style("xlsx")),
        ("json", "-", Style("json")),
        ("csv", "x.parquet", Style("csv")),
        ("parquet", "x", Style("parquet")),
    ],
)
def test_a_style_by_its_name(asked: str | None, name: str, expected: Style) -> None:
    assert Asked(asked).style(name, {}) == expected


@pytest.mark.parametrize(
    ("asked", "name", "said"),
    [
        (Asked(), "x.parquet.gz", "parquet is compressed by itself; leave .gz out"),
        (Asked("xlsx"), "x.gz", "xlsx is compressed by itself; leave .gz out"),
        (Asked("xlsx"), "-", "xlsx cannot go to standard output; name a file"),
        (Asked("parquet"), "-", "parquet cannot go to standard output; name a file"),
        (Asked(raw=True), "x.json", "--raw is for CSV: json keeps all text"),
        (Asked(excel=True), "x.xlsx", "--excel is for CSV: xlsx is the same in every locale"),
        (Asked(raw=True, excel=True), "x", "--raw is not safe in a spreadsheet"),
        (Asked(locale="de_DE"), "x", "--locale is for --excel: add --excel"),
        (Asked(excel=True, locale="de_XX_YY_ZZ"), "x", "--locale 'de_XX_YY_ZZ' is not a known"),
        (Asked(), "x.xyz", "unknown ending of 'x.xyz'; known are .csv, .parquet, .xlsx, .json"),
        (Asked(), "x.xls", "unknown ending of 'x.xls'; did you mean '.xlsx'"),
        (Asked(), "x.txt.gz", "unknown ending of 'x.txt'"),
    ],
)
def test_a_style_that_is_not_valid(asked: Asked, name: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        asked.style(name, {})


def test_a_named_format_takes_any_ending() -> None:
    assert Asked("csv").style("x.txt", {}) == Style("csv")


def test_the_style_of_a_spreadsheet() -> None:
    german = Spreadsheet("de_DE", ";", ",", "{d:02}.{m:02}.{y:04}")
    assert Asked(excel=True, locale="de_DE").style("-", {}) == Style(spreadsheet=german)
    assert not Style(spreadsheet=german).text_times
    assert Style().text_times
    assert not Style("parquet").text_times


@pytest.mark.parametrize(("format_", "library"), LIBRARIES.items())
def test_a_library_that_is_missing(
    format_: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    said = rf"{format_} needs {library}.*; pip install 'xplenty-snapshotter\[{format_}\]'"
    with pytest.raises(UsageError, match=said):
        Asked(format_).style("x", {})
    assert Asked("csv").style("x", {}) == Style()


@pytest.mark.parametrize("format_", FORMATS)
def test_csv_and_json_are_text(format_: Format) -> None:
    assert Style(format_).is_text is (format_ in ("csv", "json"))
