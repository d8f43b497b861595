"""A history for the report, and the report's file as a test reads it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from samples import job, store

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
DAYS = timedelta(days=30)
HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    '"><b onmouseover=alert(1)>',
    '<a href="javascript:alert(1)">%{x} $& {{data}}</a>',
)
only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
put = partial(store, at=NOW)


def history() -> Iterator[dict[str, Any]]:
    """Yield two packages' runs of twenty days but one; the second package gets slower."""
    for day in [*range(1, 10), *range(11, 21)]:
        for package_id, name in ((434, "orders"), (435, HOSTILE[0])):
            number = 1000 * package_id + day
            at = f"2026-01-{day:02}T03:00:00Z"
            failed = day in (3, 13) and package_id == 435
            yield job(
                id=number,
                status="failed" if failed else "completed",
                errors=HOSTILE[1] if failed else "",
                package_id=package_id,
                package={"id": package_id, "name": name},
                cluster={"id": 52, "name": HOSTILE[2], "nodes": 2},
                created_at=at,
                started_at=at,
                updated_at=f"2026-01-{day:02}T04:00:00Z",
                completed_at=f"2026-01-{day:02}T04:00:00Z",
                runtime_in_seconds=1200 if package_id == 435 and day > 12 else 600,
                outputs=[
                    {
                        "id": number,
                        "name": HOSTILE[3],
                        "records_count": 100 * day,
                        "component": {
                            "name": "to_db",
                            "type": "database",
                            "fields": ["id", HOSTILE[2]] if day < 15 else ["id"],
                        },
                    }
                ],
            )


class Tables(HTMLParser):
    """The rows of each table by its id, values as they are and not as they are shown."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: dict[str, list[list[str]]] = {}
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._table = ""
        self._open: list[str] | None = None
        self._value: str | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if tag == "caption":
            self._table = found["id"] or ""
            self.rows[self._table] = []
        elif tag == "tr" and self._table:
            self.rows[self._table].append([])
        elif tag in ("td", "th") and self._table:
            self._open, self._value = [], None
        elif tag in ("data", "time") and self._open is not None:
            self._value = found.get("value") or found.get("datetime")

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self._open.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._open is not None:
            text = "".join(self._open)
            self.rows[self._table][-1].append(text if self._value is None else self._value)
            self._open = None
        elif tag == "tbody":
            self._table = ""


def without_plotly(path: Path) -> str:
    return path.read_text(encoding="utf-8").rpartition("<script>")[0]
