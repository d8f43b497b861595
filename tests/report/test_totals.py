"""The values of the tiles, from rows alone."""

from snapshotter.report.totals import TILES, totals


def test_totals() -> None:
    found = totals(
        {
            "failures_by_day": [
                {"account_id": "acme", "package_id": 1, "runs": 5, "failed": 2},
                {"account_id": "acme", "package_id": 1, "runs": 4, "failed": 0},
                {"account_id": "beta", "package_id": 1, "runs": 1, "failed": 1},
            ],
            "slowest_packages": [{"total_seconds": 7200}, {"total_seconds": None}],
            "records_by_day": [{"records": 10}, {"records": None}, {"records": 5}],
            "node_hours_by_week": [{"node_hours": 1.5}, {"node_hours": None}],
        }
    )
    assert found == {
        "runs": 10,
        "failed": 3,
        "hours": 2,
        "records": 15,
        "nodes": 1.5,
        "packages": 2,
    }
    assert tuple(found) == TILES
