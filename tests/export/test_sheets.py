"""The names of sheets that Excel accepts."""

import pytest

from snapshotter.export.sheets import sheet_name


@pytest.mark.parametrize(
    ("name", "number", "expected"),
    [
        ("jobs", 1, "jobs"),
        ("jobs", 2, "jobs 2"),
        ("x" * 40, 1, "x" * 31),
        ("x" * 40, 12, "x" * 28 + " 12"),
        ("a[b]:c*d?e/f\\g", 1, "a_b__c_d_e_f_g"),
        ("'jobs'", 1, "jobs"),
        ("", 1, "rows"),
        ("History", 1, "History_rows"),
        ("a\x1b", 1, "a_x1b"),
        ("\N{PILE OF POO}" * 16, 1, "\N{PILE OF POO}" * 15),
    ],
)
def test_a_name_that_excel_accepts(name: str, number: int, expected: str) -> None:
    assert sheet_name(name, number) == expected
