"""The accounts and the packages of the report's rows, with names that distinguish them."""

from collections import Counter
from dataclasses import dataclass

from snapshotter.report.rows import Key, Trends, labels, names_of


@dataclass(frozen=True)
class Package:
    """`name` is not unique, `label` is; `id` is None for jobs without a package."""

    account: str | None
    id: int | None
    name: str
    label: str


def packages_of(trends: Trends) -> dict[Key, Package]:
    """Return each package of the rows, in the order of their names."""
    many = len(accounts_of(trends)) > 1
    named = names_of(trends)
    ordered = sorted(named, key=lambda key: (named[key].casefold(), key[0] or "", key[1] or 0))
    return {key: Package(*key, named[key], _label(key, named[key], many=many)) for key in ordered}


def shown_names(trends: Trends) -> dict[Key, str]:
    """Return the words for each package in tables, with its id if they are those of another one."""
    words = labels(trends)
    counts = Counter(words.values())
    return {
        key: shown if counts[shown] == 1 else f"{shown} ({key[1]})" for key, shown in words.items()
    }


def accounts_of(trends: Trends) -> list[str]:
    """Return the ids of the accounts in the rows, in order."""
    found = {row.get("account_id") for rows in trends.values() for row in rows}
    return sorted(account for account in found if account is not None)


def _label(key: Key, name: str, *, many: bool) -> str:
    account, package_id = key
    label = name if package_id is None or str(package_id) in name else f"{name} ({package_id})"
    return f"{label}, {account}" if many and account is not None else label
