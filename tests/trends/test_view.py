"""A trend's rows as they are shown."""

from snapshotter.trends.values import Result
from snapshotter.trends.view import View


def test_rows_alone_are_shown_without_links() -> None:
    view = View(Result(["day"], []))
    assert (view.trend, dict(view.links), view.several_accounts) == ("", {}, False)
