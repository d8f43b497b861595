"""Rows of trends as the report reads them."""

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
Trends = Mapping[str, Sequence[Row]]  # by the trend's name
Names = Mapping[int | None, str]  # of packages, by id

OUTLIER = 3.5  # the usual bound of a z-score by the median


def package_names(trends: Trends) -> dict[int | None, str]:
    """Return a name to show for each package of the rows."""
    known: dict[int | None, str] = {}
    for rows in trends.values():
        for row in rows:
            if "package_id" in row and not known.get(row["package_id"]):
                known[row["package_id"]] = row.get("package_name") or ""
    return {key: name or _unnamed(key) for key, name in known.items()}


def _unnamed(package_id: int | None) -> str:
    return "jobs without a package" if package_id is None else f"package {package_id}"


def is_unusual(row: Row) -> bool:
    """Return whether an output's records of a day are an outlier, and half or twice the usual."""
    if not row["usual_records"] or abs(row["z_score"] or 0) < OUTLIER:
        return False
    return not 0.5 < row["records"] / row["usual_records"] < 2  # noqa: PLR2004 - half or twice
