"""A trend's rows as a DataFrame: the types are the same whatever the rows hold."""

from datetime import UTC, date, datetime

import pandas as pd
import pytest

from snapshotter.export.frames import frame
from snapshotter.trends.values import Result

COLUMNS = ["package_name", "runs", "p50_seconds", "day", "started_at"]
DTYPES = ["string", "Int64", "float64", "datetime64[s]", "datetime64[us, UTC]"]
AT = datetime(2026, 1, 5, 1, 2, 3, 456789, tzinfo=UTC)
FULL = ("orders", 7, 1.5, date(2026, 1, 5), AT)


def dtypes(table: pd.DataFrame) -> list[str]:
    return [str(dtype) for dtype in table.dtypes]


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [FULL],
        [FULL, (None,) * 5],
        [(None,) * 5],
        [("orders", 7, 2, date(9999, 12, 31), datetime(1, 1, 1, tzinfo=UTC))],
    ],
    ids=["none", "full", "with nulls", "only nulls", "extremes"],
)
def test_types_are_those_of_the_columns(rows: list[tuple[object, ...]]) -> None:
    table = frame(Result(COLUMNS, rows))
    assert list(table.columns) == COLUMNS
    assert dtypes(table) == DTYPES
    assert len(table) == len(rows)


def test_a_text_of_which_there_is_none_is_text() -> None:
    table = frame(Result(["reason", "summary"], [("x", None)]))
    assert dtypes(table) == ["string", "string"]


def test_values_are_kept() -> None:
    table = frame(Result(COLUMNS, [FULL, (None,) * 5]))
    first = table.iloc[0]
    assert (first["package_name"], first["runs"], first["p50_seconds"]) == ("orders", 7, 1.5)
    assert (first["day"], first["started_at"]) == (pd.Timestamp("2026-01-05"), pd.Timestamp(AT))
    assert table.iloc[1].isna().all()


def test_what_no_type_holds_is_kept_as_objects() -> None:
    table = frame(Result(["records", "note"], [(2**70, "a"), (1, 5)]))
    assert dtypes(table) == ["object", "object"]
    assert list(table["records"]) == [2**70, 1]


def test_two_columns_of_one_name() -> None:
    table = frame(Result(["runs", "runs"], [(1, 2)]))
    assert table.to_numpy().tolist() == [[1, 2]]
