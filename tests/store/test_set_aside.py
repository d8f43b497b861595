"""Records that are set aside are kept once each, whatever they contain."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from snapshotter.api.records import Reject
from snapshotter.redact import Redaction
from snapshotter.store import backoff, rejects
from snapshotter.store.reject_payload import is_whole
from snapshotter.store.set_aside import set_aside
from snapshotter.store.write import Stamp

NOW = datetime(2026, 1, 31, tzinfo=UTC)
sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


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


def put(engine: Engine, run: Stamp, *records: Reject) -> list[Reject]:
    with engine.begin() as connection:
        return set_aside(connection, run, records, Redaction())


def rejected(number: int, **fields: Any) -> Reject:
    return Reject(number, None, f"job {number}: no", {"id": number, **fields})


@sqlite
def test_a_record_that_comes_twice_in_a_run_is_set_aside_once(engine: Engine) -> None:
    run = Stamp("acme", 1, NOW)
    assert put(engine, run, rejected(1), rejected(2), rejected(1)) == [rejected(1), rejected(2)]
    assert put(engine, run, rejected(2)) == []
    assert [(row.job_id, row.attempts) for row in rejects.states(engine)] == [(1, 1), (2, 1)]


@sqlite
def test_a_record_that_comes_again_before_it_is_due_keeps_its_turn(engine: Engine) -> None:
    put(engine, Stamp("acme", 1, NOW), rejected(1))
    later = Stamp("acme", 2, NOW + timedelta(minutes=59))
    assert put(engine, later, rejected(1)) == [rejected(1)]
    (row,) = rejects.states(engine)
    assert (row.id, row.snapshot_id, row.attempts) == (1, 2, 1)
    assert row.next_attempt_at == NOW + backoff.pause(1)


@sqlite
def test_a_record_that_comes_again_when_it_is_due_waits_longer(engine: Engine) -> None:
    put(engine, Stamp("acme", 1, NOW), rejected(1))
    now = NOW + backoff.pause(1)
    put(engine, Stamp("acme", 2, now), rejected(1))
    (row,) = rejects.states(engine)
    assert (row.attempts, row.next_attempt_at) == (2, now + backoff.pause(2))


@sqlite
def test_a_record_that_has_changed_replaces_what_was_kept(engine: Engine) -> None:
    put(engine, Stamp("acme", 1, NOW), rejected(1))
    put(engine, Stamp("acme", 2, NOW + timedelta(hours=1)), rejected(1, status="failed"))
    (row,) = rejects.listed(engine)
    assert json.loads(row.payload) == {"id": 1, "status": "failed"}
    assert rejects.states(engine)[0].attempts == 1


@sqlite
def test_a_job_whose_call_fails_keeps_the_record_that_came_before(engine: Engine) -> None:
    put(engine, Stamp("acme", 1, NOW), rejected(1, status="failed"))
    nothing = Reject(1, None, "job 1: the API answered 500", None)
    put(engine, Stamp("acme", 2, NOW), nothing)
    (row,) = rejects.listed(engine)
    assert json.loads(row.payload) == {"id": 1, "status": "failed"}
    assert row.reason == "job 1: the API answered 500"


@sqlite
def test_accounts_have_their_own_records(engine: Engine) -> None:
    for account in ("acme", "other"):
        assert put(engine, Stamp(account, 1, NOW), rejected(1)) == [rejected(1)]
    assert [row.account_id for row in rejects.states(engine)] == ["acme", "other"]


@sqlite
def test_records_without_an_id_differ_by_what_they_contain(engine: Engine) -> None:
    run = Stamp("acme", 1, NOW)
    first, second = (Reject(None, None, "no id", {"status": each}) for each in ("a", "b"))
    assert put(engine, run, first, second, first) == [first, second]
    assert rejects.count(engine, "acme") == 2
