"""What a workbook keeps, cuts and refuses to run."""

import shutil
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from exports import HOSTILE, PEACEFUL

from snapshotter.export import excel
from snapshotter.export.formats import write
from snapshotter.export.style import Column, Style


def excel_of(values: list[Any], path: Path) -> list[Any]:
    with path.open("wb") as file:
        write(file, Style("xlsx"), [Column("x")], [[(value,) for value in values]])
    sheet = openpyxl.load_workbook(path).worksheets[0]
    assert all(cell.hyperlink is None for (cell,) in sheet.iter_rows())
    return [cell.value for (cell,) in sheet.iter_rows(min_row=2, max_row=1 + len(values))]


def test_excel_keeps_text_text(tmp_path: Path) -> None:
    texts = [*HOSTILE[:5], *PEACEFUL[:3], "http://x/y", "007", "x\N{PILE OF POO}", "_x0041_"]
    with (tmp_path / "x.xlsx").open("wb") as file:
        write(file, Style("xlsx"), [Column("x")], [[(text,) for text in texts]])
    sheet = openpyxl.load_workbook(tmp_path / "x.xlsx").worksheets[0]
    for text, (cell,) in zip(texts, sheet.iter_rows(min_row=2), strict=True):
        assert (cell.data_type, cell.hyperlink) == ("s", None)
        assert openpyxl.utils.escape.unescape(str(cell.value)) == text


def test_a_sheet_has_a_name_a_bold_head_a_filter_and_fitting_columns(tmp_path: Path) -> None:
    at = datetime(2026, 1, 31, 1, 2, 3, tzinfo=UTC)
    names = ["id", "package_name", "finished_at", "day", "p50_seconds", "error"]
    rows = [(n, "orders_to_warehouse", at, at.date(), 608.5, "x" * 300) for n in range(3)]
    with (tmp_path / "x.xlsx").open("wb") as file:
        style = Style("xlsx", sheet="runtime_by_day")
        write(file, style, [Column(name) for name in names], [[*rows]])
    sheet = openpyxl.load_workbook(tmp_path / "x.xlsx").worksheets[0]
    assert (sheet.title, sheet.freeze_panes, sheet.auto_filter.ref) == (
        *("runtime_by_day", "A2", "A1:F4"),
    )
    assert [cell.font.b for cell in sheet[1]] == [True] * len(names)
    assert not any(cell.font.b for cell in sheet[2])
    grouped = {each.min: each for each in sheet.column_dimensions.values()}  # equal neighbours
    widths = [grouped[max(g for g in grouped if g <= n)].width for n in range(1, 7)]
    least = [8, len("package_name") + 3, len("2026-01-31 01:02:03"), len("2026-01-31"), 14, 60]
    assert all(width >= wanted for width, wanted in zip(widths, least, strict=True)), widths
    assert max(widths) < 65
    assert (sheet["C2"].number_format, sheet["D2"].number_format) == (
        *("yyyy-mm-dd hh:mm:ss", "yyyy-mm-dd"),
    )
    assert (sheet["E2"].value, sheet["E2"].data_type) == (608.5, "n")


def test_an_empty_sheet_has_its_head(tmp_path: Path) -> None:
    with (tmp_path / "x.xlsx").open("wb") as file:
        assert write(file, Style("xlsx"), [Column("x")], []) == 0
    (sheet,) = openpyxl.load_workbook(tmp_path / "x.xlsx").worksheets
    assert [cell.value for cell in sheet[1]] == ["x"]


def test_excel_within_its_limits(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    values = [10**15 - 1, 10**15, -(10**15), date(1800, 1, 1), date(2026, 1, 5), 0.1]
    assert excel_of(values, tmp_path / "x.xlsx") == [
        *(10**15 - 1, str(10**15), str(-(10**15)), "1800-01-01"),
        datetime(2026, 1, 5),  # noqa: DTZ001 - Excel knows no zones
        0.1,
    ]
    assert not caplog.messages
    fitting, long, wide = "x" * 32_767, "x" * 40_000, "\N{PILE OF POO}" * 20_000
    kept, cut, narrow = excel_of([fitting, long, wide], tmp_path / "x.xlsx")
    assert kept == fitting
    assert len(cut) == 32_767
    assert cut.endswith("x… (cut: 40,000 characters)")
    assert len(narrow.encode("utf-16-le")) // 2 in (32_766, 32_767)
    assert narrow.endswith("\N{PILE OF POO}… (cut: 20,000 characters)")
    assert caplog.messages == ["2 texts are longer than an Excel cell, and were cut"]


def test_the_next_run_removes_what_a_killed_one_left_of_excel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with monkeypatch.context() as killed:
        killed.setattr(shutil, "rmtree", lambda *_, **__: None)
        assert excel_of(["x"], tmp_path / "x.xlsx") == ["x"]
    assert len(list(tmp_path.glob(".snapshotter-*"))) == 1
    assert excel_of(["x"], tmp_path / "x.xlsx") == ["x"]
    assert [path.name for path in tmp_path.iterdir()] == ["x.xlsx"]


def test_excel_continues_in_another_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excel, "SHEET_ROWS", 2)
    with (tmp_path / "x.xlsx").open("wb") as file:
        assert write(file, Style("xlsx"), [Column("x")], [[(1,), (2,), (3,)], [(4,)]]) == 4
    sheets = openpyxl.load_workbook(tmp_path / "x.xlsx").worksheets
    assert [(s.title, list(s.iter_rows(values_only=True))) for s in sheets] == [
        ("rows", [("x",), (1,), (2,)]),
        ("rows 2", [("x",), (3,), (4,)]),
    ]


def test_excel_has_no_infinity(tmp_path: Path) -> None:
    assert excel_of([float("inf"), float("nan"), 0.0], tmp_path / "x.xlsx") == ["inf", "nan", 0]


def test_empty_cells_truth_and_times(tmp_path: Path) -> None:
    at = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    old = datetime(1899, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert excel_of([None, True, at, old], tmp_path / "x.xlsx") == [
        *(None, True),
        datetime(9999, 12, 31, 23, 59, 59, 999000),  # noqa: DTZ001 - Excel knows no zones
        "1899-12-31T23:59:59Z",
    ]
