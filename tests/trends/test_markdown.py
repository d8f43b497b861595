"""A trend as a table of Markdown, whatever its texts."""

import io
from datetime import UTC, date, datetime

from snapshotter.trends.markdown import write_markdown


def test_markdown_stays_a_table() -> None:
    file = io.StringIO()
    at = datetime(2026, 1, 5, 1, 2, 3, tzinfo=UTC)
    rows = [("a|b\n`c` <b>", date(2026, 1, 5), at, 60), (None, None, None, None)]
    columns = ["reason", "day", "last_seen", "p50_seconds"]
    assert write_markdown(columns, [rows[:1], rows[1:]], file) == 2
    assert file.getvalue() == (
        "| reason | day | last_seen | p50_seconds |\n| --- | --- | --- | --- |\n"
        "| a\\|b \\`c\\` &lt;b&gt; | 2026-01-05 | 2026-01-05T01:02:03Z | 60 |\n|  |  |  |  |\n"
    )
