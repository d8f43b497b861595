from typing import Any

from snapshotter.report.packages import Package, accounts_of, packages_of, shown_names

ACME = {"account_id": "acme"}
BETA = {"account_id": "beta"}


def package(account: dict[str, str], package_id: int | None, name: str | None) -> dict[str, Any]:
    return {**account, "package_id": package_id, "package_name": name}


def test_they_are_in_the_order_of_their_names_with_their_ids() -> None:
    named = [(7, "lines"), (434, "Orders"), (9, None), (None, None), (8, "old 8"), (9, "")]
    found = packages_of({"runtime_by_day": [package(ACME, *each) for each in named]})
    assert [each.label for each in found.values()] == [
        *("jobs without a package", "lines (7)", "old 8", "Orders (434)", "package 9")
    ]
    assert [each.id for each in found.values()] == [None, 7, 8, 434, 9]


def test_a_name_in_any_row_is_the_packages() -> None:
    unnamed = {"account_id": "acme", "package_id": 7}
    found = packages_of({"records_by_day": [unnamed], "recovery": [package(ACME, 7, "lines")]})
    assert found == {("acme", 7): Package("acme", 7, "lines", "lines (7)")}


def test_packages_of_two_accounts_can_be_told_apart() -> None:
    rows = [package(BETA, 7, "lines"), package(ACME, 7, "lines"), package(ACME, 8, "orders")]
    found = packages_of({"recovery": rows})
    assert shown_names({"recovery": rows}) == {
        ("acme", 7): "lines (acme)",
        ("beta", 7): "lines (beta)",
        ("acme", 8): "orders",
    }
    assert found["beta", 7].label == "lines (7), beta"
    again = [package(ACME, 7, "lines"), package(ACME, 8, "lines")]
    assert shown_names({"recovery": again}) == {
        ("acme", 7): "lines (7)",
        ("acme", 8): "lines (8)",
    }


def test_accounts_are_those_of_the_rows() -> None:
    rows: list[dict[str, Any]] = [package(BETA, 7, "lines"), {"account_id": None}, {"reason": "r"}]
    assert accounts_of({"recovery": rows, "snapshot_log": [ACME]}) == ["acme", "beta"]
