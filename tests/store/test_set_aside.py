"""Records that are set aside are kept, whatever they contain."""

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from snapshotter.api.records import Reject
from snapshotter.redact import Redaction
from snapshotter.store import rejects
from snapshotter.store.reject_payload import is_whole
from snapshotter.store.set_aside import set_aside
from snapshotter.store.write import Stamp

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def test_a_reject_is_kept_whatever_it_holds(engine: Engine) -> None:
    deep: Any = "here"
    for _ in range(5_000):
        deep = [deep]
    odd = [
        Reject(
            1, None, "job 1: \ud800 \x00 \N{PACKAGE}" + "r" * 10_000, {"id": 1, "x": "\ud800\x00"}
        ),
        Reject(2, None, "job 2: deep", {"id": 2, "x": deep}),
        Reject(None, None, "nameless", "\udcff"),
        Reject(None, None, "nothing", None),
        Reject(3, None, "job 3: large", {"id": 3, "x": "\N{PACKAGE}" * 700_000}),
    ]
    run = Stamp("acme", 1, NOW)
    with engine.begin() as connection:
        assert set_aside(connection, run, odd, Redaction()) == odd
    with engine.begin() as connection:
        assert set_aside(connection, run, odd, Redaction()) == []
    rows = list(rejects.listed(engine))
    assert [row.job_id for row in rows] == [1, 2, None, None, 3]
    assert all(json.loads(row.payload) is not None or row.job_id is None for row in rows)
    assert [is_whole(row) for row in rows] == [True, False, True, True, True]
