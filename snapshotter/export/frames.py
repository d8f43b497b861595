"""Makes a pandas DataFrame of a trend's rows, with the same types whatever the rows hold."""

from typing import TYPE_CHECKING, Any

from snapshotter.export.export import is_fraction, kinds
from snapshotter.export.style import Column, Kind
from snapshotter.trends.values import Result

if TYPE_CHECKING:
    from pandas import DataFrame as DataFrame  # noqa: PLC0414 - for those who may not import it

_LARGEST = 2**63


def frame(result: Result) -> "DataFrame":
    """Return the rows as a DataFrame.

    Whole numbers are `Int64`, or objects if one has more than 64 bits, other numbers `float64`,
    times `datetime64[us, UTC]`, days `datetime64[s]`, and text is `string`. What is null is
    missing: `NA`, `NaN` or `NaT`.
    """
    import pandas as pd  # noqa: PLC0415 - it is slow

    columns = kinds(result.columns, [result.rows] if result.rows else [])
    values = list(zip(*result.rows, strict=True)) or [() for _ in columns]
    made = {
        place: _series(list(found), _kind(column))
        for place, (column, found) in enumerate(zip(columns, values, strict=True))
    }
    table = pd.DataFrame(made, index=pd.RangeIndex(len(result.rows)))
    table.columns = pd.Index(result.columns, dtype=object)
    return table


def _kind(column: Column) -> Kind | None:
    """Return a column's kind; a median is a fraction, also if all of the rows' are whole."""
    if column.kind == "integer" and is_fraction(column.name):
        return "number"
    return column.kind


def _series(values: list[Any], kind: Kind | None) -> Any:  # noqa: PLR0911 - a line a kind
    import numpy as np  # noqa: PLC0415 - it comes with pandas
    import pandas as pd  # noqa: PLC0415 - as above

    match kind:
        case "time":
            naive = [None if at is None else at.replace(tzinfo=None) for at in values]
            return pd.Series(np.array(naive, "datetime64[us]")).dt.tz_localize("UTC")
        case "day":
            return pd.Series(np.array(values, "datetime64[s]"))
        case "number":
            return pd.Series(np.array(values, "float64"))
        case "truth":
            return pd.Series(values, dtype="boolean")
        case "integer" if all(value is None or -_LARGEST <= value < _LARGEST for value in values):
            return pd.Series(values, dtype="Int64")
        case "text" if all(value is None or isinstance(value, str) for value in values):
            return pd.Series(values, dtype="string")
        case _:
            return pd.Series(values, dtype=object)
