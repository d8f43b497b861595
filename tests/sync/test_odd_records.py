"""Records that are not as documented, over HTTP into each database: stored, with their page."""

import json

import pytest
from scripted import listing, raw, spoilt
from syncer import Syncer, command

from snapshotter.api.schema import MAX_DEPTH
from snapshotter.store.tables import JOBS, REJECTS


def nested(levels: int) -> bytes:
    return b'{"id": %d, "new": ' % (500 + levels) + b"[" * levels + b"]" * levels + b"}"


ODD = [
    spoilt(1, progress=50.0, owner_id="x", status="x" * 300, errors={"a": ["\0", "\ud800"]}),
    spoilt(2, created_at="0000-00-00", updated_at=1767323045, started_at="soon", variables=[1]),
    spoilt(3, outputs=[{"name": "x"}, {"id": 31}, {"id": 31}, {"id": 32, "records_count": 2**70}]),
    spoilt(4, package="p", cluster=[], creator=5, log_summary=[], new=2**80),
    spoilt(5, outputs=[{"id": 51, "component_name": "old", "component": {"fields": [None, "a"]}}]),
    b'{"id": 6, "status": "\xff\\ud800", "\xed\xa0\x80": "\\udfff", "errors": "a\tb\0c\\q"}',
    b'{"id": 7, "created_at": "\\ud800", "updated_at": "\xff", "progress": 1e999, "new": NaN}',
    raw({"id": "8", "created_at": "0001-01-01T00:00:00Z", "runtime_in_seconds": 2**63 - 1}),
    raw({"id": 9.0, "created_at": "9999-12-31T23:59:59Z", "progress": -0.0}),
    *(nested(levels) for levels in (MAX_DEPTH - 1, MAX_DEPTH, 100, 100_000)),
]


@pytest.mark.slow
def test_each_is_stored_beside_its_neighbours_and_stays(syncer: Syncer) -> None:
    first, last = ODD[7], ODD[8]  # by their created_at, which the list is sorted by
    others = [each for each in ODD if each not in (first, last)]
    good = [spoilt(100 + n) for n in range(len(others))]
    beside = [each for pair in zip(good, others, strict=True) for each in pair]
    records = [first, *beside, last]
    syncer.account.intercept = listing(records)
    ids = {json.loads(each)["id"] for each in good} | {*range(1, 10)}
    ids |= {500 + levels for levels in (MAX_DEPTH - 1, MAX_DEPTH, 100, 100_000)}
    outcome = syncer()
    assert (set(outcome.seen), outcome.inserted, outcome.rejected) == (ids, len(ids), 0)
    assert syncer.rows(REJECTS) == []
    stored = {row["id"]: row for row in syncer.rows(JOBS)}
    assert stored.keys() == ids
    assert stored[1]["extra"]["progress"] == 50.0
    assert stored[2]["extra"]["created_at"] == "0000-00-00"
    assert stored[6]["errors"] == "a\tb\N{REPLACEMENT CHARACTER}c\\q"
    assert stored[7]["extra"]["progress"] == "1e999"
    assert str(stored[9]["progress"]) == "0.0"
    outcome = syncer()  # as they came, they are as they are stored
    assert (outcome.inserted, outcome.changed, outcome.rejected) == (0, 0, 0)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_command_ends_well(syncer: Syncer) -> None:
    first, last = ODD[7], ODD[8]  # by their created_at, which the list is sorted by
    others = [each for each in ODD if each not in (first, last)]
    syncer.account.intercept = listing([first, spoilt(100), *others, last])
    done = command(syncer, "sync")
    assert done.returncode == 0
    assert done.stdout.startswith(f"{len(ODD) + 1} jobs seen, {len(ODD) + 1} new")
    # A line for each kind of value, with none of the values.
    warning = "WARNING: 2 jobs, as job 1, came with progress, which fits no column and is in extra"
    assert done.stderr.count(warning) == 1
