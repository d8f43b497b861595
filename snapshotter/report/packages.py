"""The accounts and the packages of the report's rows, with names that distinguish them."""

from collections import Counter
from dataclasses import dataclass

from snapshotter.report.rows import Row, Trends

Key = tuple[str | None, int | None]  # account and package


@dataclass(frozen=True)
class Package:
    """`name` is not unique, `label` is; `id` is None for jobs without a package."""

    account: str | None
    id: int | None
    name: str
    label: str


def key_of(row: Row) -> Key:
    return row.get("account_id"), row["package_id"]


def packages_of(trends: Trends) -> dict[Key, Package]:
    """Return each package of the rows, in the order of their names."""
    names: dict[Key, str] = {}
    for rows in trends.values():
        for row in rows:
            if "package_id" in row and not names.get(key_of(row)):
                names[key_of(row)] = row.get("package_name") or ""
    many = len(accounts_of(trends)) > 1
    named = {key: name or _unnamed(key[1]) for key, name in names.items()}
    ordered = sorted(named, key=lambda key: (named[key].casefold(), key[0] or "", key[1] or 0))
    return {key: Package(*key, named[key], _label(key, named[key], many=many)) for key in ordered}


def shown_names(packages: dict[Key, Package]) -> dict[Key, str]:
    """Return the name of each package, or its label if another one has the same name."""
    counts = Counter(package.name for package in packages.values())
    return {
        key: package.name if counts[package.name] == 1 else package.label
        for key, package in packages.items()
    }


def accounts_of(trends: Trends) -> list[str]:
    """Return the ids of the accounts in the rows, in order."""
    found = {row.get("account_id") for rows in trends.values() for row in rows}
    return sorted(account for account in found if account is not None)


def _unnamed(package_id: int | None) -> str:
    return "jobs without a package" if package_id is None else f"package {package_id}"


def _label(key: Key, name: str, *, many: bool) -> str:
    account, package_id = key
    label = name if package_id is None or str(package_id) in name else f"{name} ({package_id})"
    return f"{label}, {account}" if many and account is not None else label
