"""Rows of trends as the report reads them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
Trends = Mapping[str, Sequence[Row]]  # by the trend's name
Key = tuple[str | None, int | None]  # of a package: its account and its id

OUTLIER = 3.5  # the usual bound of a z-score by the median


def key_of(row: Row) -> Key:
    return row.get("account_id"), row["package_id"]


def names_of(trends: Trends) -> dict[Key, str]:
    """Return the name of each package of the rows, or words for it if it has none."""
    known: dict[Key, str] = {}
    for rows in trends.values():
        for row in rows:
            if "package_id" in row and not known.get(key_of(row)):
                name = row.get("package_name") or ""
                known[key_of(row)] = "" if name.isspace() else name
    return {key: name or unnamed(key[1]) for key, name in known.items()}


def labels(trends: Trends, spelled: Callable[[str], str] = str) -> dict[Key, str]:
    """Return the words for each package of the rows: its name, as `spelled`.

    Its account follows if a package of another account has that name, too.
    """
    named = {key: spelled(name) for key, name in names_of(trends).items()}
    accounts: dict[str, set[str | None]] = defaultdict(set)
    for (account, _), name in named.items():
        accounts[name].add(account)
    return {
        key: f"{name} ({key[0]})" if len(accounts[name]) > 1 and key[0] else name
        for key, name in named.items()
    }


def by_package(rows: Iterable[Row]) -> dict[Key, list[Row]]:
    """Return the rows of each package, in their order."""
    grouped: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[key_of(row)].append(row)
    return grouped


def unnamed(package_id: int | None) -> str:
    """Return the words for a package without a name, or for none."""
    return "jobs without a package" if package_id is None else f"package {package_id}"


def is_unusual(row: Row) -> bool:
    """Return whether an output's records of a day are an outlier, and half or twice the usual."""
    if not row["usual_records"] or abs(row["z_score"] or 0) < OUTLIER:
        return False
    return not 0.5 < row["records"] / row["usual_records"] < 2  # noqa: PLR2004 - half or twice
