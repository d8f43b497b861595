"""Which format a name asks for, and which cannot be written."""

import sys

import pytest

from snapshotter.errors import UsageError
from snapshotter.export.style import FORMATS, LIBRARIES, Format, Style, style


@pytest.mark.parametrize(
    ("asked", "name", "expected"),
    [
        (None, "-", Style("csv")),
        (None, "x", Style("csv")),
        (None, "parquet", Style("csv")),
        (None, "x.txt", Style("csv")),
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
    assert style(asked, name) == expected


@pytest.mark.parametrize(
    ("asked", "name", "raw", "said"),
    [
        (None, "x.parquet.gz", False, "parquet is compressed by itself; leave .gz out"),
        ("xlsx", "x.gz", False, "xlsx is compressed by itself; leave .gz out"),
        ("xlsx", "-", False, "xlsx cannot go to standard output; name a file"),
        ("parquet", "-", False, "parquet cannot go to standard output; name a file"),
        (None, "x.json", True, "--raw is for CSV: json keeps all text"),
    ],
)
def test_a_style_that_is_not_valid(asked: str | None, name: str, raw: bool, said: str) -> None:  # noqa: FBT001 - a case
    with pytest.raises(UsageError, match=said):
        style(asked, name, raw=raw)


@pytest.mark.parametrize(("format_", "library"), LIBRARIES.items())
def test_a_library_that_is_missing(
    format_: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    said = rf"{format_} needs {library}.*; pip install 'xplenty-snapshotter\[{format_}\]'"
    with pytest.raises(UsageError, match=said):
        style(format_, "x")
    assert style("csv", "x") == Style()


@pytest.mark.parametrize("format_", FORMATS)
def test_csv_and_json_are_text(format_: Format) -> None:
    assert Style(format_).is_text is (format_ in ("csv", "json"))
