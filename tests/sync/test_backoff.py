"""What is set aside is tried again after pauses that grow, by few requests and few words."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, update
from syncer import Syncer, history

from snapshotter.api.records import Reject
from snapshotter.redact import Redaction
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.faults import Answer, Request
from snapshotter.simulator.history import stamp
from snapshotter.store import reasons, rejects
from snapshotter.store.backoff import PAUSES, is_due, pause
from snapshotter.store.reject_payload import is_whole
from snapshotter.store.set_aside import set_aside
from snapshotter.store.tables import ACCOUNTS, JOBS, REJECTS
from snapshotter.store.write import Stamp
from snapshotter.sync import retry_rejects
from snapshotter.sync.sync import Plan

NOW = datetime(2026, 1, 31, tzinfo=UTC)
sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_the_pauses_grow() -> None:
    hours = [pause(attempts) / timedelta(hours=1) for attempts in range(6)]
    assert hours == [1, 1, 6, 24, 24, 24]


@pytest.mark.parametrize(
    ("after", "attempts", "due"),
    [
        (None, 0, True),
        (timedelta(0), 1, True),
        (timedelta(seconds=-1), 1, True),
        (timedelta(seconds=1), 1, False),
        (timedelta(hours=1), 1, False),
        (timedelta(hours=24), 3, False),
        # A clock that ran ahead once has set these.
        (timedelta(hours=1, seconds=1), 1, True),
        (timedelta(days=3650), 3, True),
    ],
)
def test_when_it_is_due(after: timedelta | None, attempts: int, due: bool) -> None:  # noqa: FBT001
    assert is_due(None if after is None else NOW + after, attempts, NOW) is due


def refused(syncer: Syncer, count: int) -> list[int]:
    """Have records set aside that no later listing shows; a minute goes by."""
    old = syncer.account.now - timedelta(days=2)
    times = dict.fromkeys(("created_at", "started_at", "completed_at", "updated_at"), old)
    keeper = syncer.account.add_job(id=1, outputs=[{"id": 7}], **times)
    bad = [
        syncer.account.add_job(id=100 + n, outputs=[{"id": 7}], **times)["id"] for n in range(count)
    ]
    history(syncer.account, 3)
    assert keeper
    outcome = syncer()
    assert outcome.rejected == count
    syncer.account.now += timedelta(minutes=2)
    return bad


def asked_for(syncer: Syncer) -> list[int]:
    return [int(path[5:]) for path in syncer.asked if path.startswith("jobs/")]


def test_each_waits_longer_from_try_to_try(syncer: Syncer) -> None:
    (bad,) = refused(syncer, 1)
    tried_at = syncer.account.now - timedelta(minutes=2)
    for tries, longest in enumerate((*PAUSES, PAUSES[-1]), 1):
        (row,) = syncer.rows(REJECTS)
        assert (row["attempts"], row["next_attempt_at"]) == (tries, tried_at + longest)
        syncer.account.now = tried_at + longest - timedelta(seconds=1)
        assert (syncer().rejected, asked_for(syncer)) == (1, [])
        syncer.account.now = tried_at = tried_at + longest
        assert (syncer().rejected, asked_for(syncer)) == (1, [bad])


@sqlite
def test_a_record_that_changes_starts_anew(syncer: Syncer) -> None:
    (bad,) = refused(syncer, 1)
    syncer.account.now += timedelta(hours=1)
    syncer()
    assert syncer.rows(REJECTS)[0]["attempts"] == 2
    job = syncer.account.jobs[bad]
    job["errors"], job["updated_at"] = "other words", stamp(syncer.account.now)
    syncer.account.touch()
    syncer()
    (row,) = syncer.rows(REJECTS)
    assert (row["attempts"], row["next_attempt_at"]) == (1, syncer.account.now + PAUSES[0])
    job["outputs"], job["updated_at"] = [], stamp(syncer.account.now)
    syncer.account.touch()
    assert syncer().rejected == 0  # listed and good: nothing waits
    syncer.assert_equal_to_the_account()


@sqlite
def test_very_many_are_tried_in_turn(syncer: Syncer) -> None:
    bad = refused(syncer, 120)
    syncer.account.now += timedelta(hours=1)
    turns = []
    for _ in range(3):
        assert syncer().rejected == 120
        turns.append(asked_for(syncer))
        assert len(syncer.asked) <= retry_rejects.MOST_REQUESTS + 3
        syncer.account.now += timedelta(minutes=2)
    assert [len(turn) for turn in turns] == [50, 50, 20]
    assert sorted(job_id for turn in turns for job_id in turn) == bad
    syncer()
    assert asked_for(syncer) == []
    syncer(Plan(rejected=True))
    assert sorted(asked_for(syncer)) == bad


@sqlite
def test_a_line_for_each_reason(syncer: Syncer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="snapshotter"):
        refused(syncer, 40)
    assert caplog.messages == [
        (
            "set aside: 40 records: output … already belongs to job …, at `$.outputs[…].id` "
            "(jobs 100, 101, 102, 103, 104, …)"
        )
    ]
    caplog.clear()
    with caplog.at_level(logging.WARNING, logger="snapshotter"):
        assert syncer().rejected == 40
    assert caplog.messages == []


REASONS = [
    (
        "job 7: output 70 already belongs to job 9, at `$.outputs[1].id`",
        "output … already belongs to job …, at `$.outputs[…].id`",
    ),
    ("a record with no id: Expected `object`, got `int`", "Expected `object`, got `int`"),
    (
        (
            "job -3: the database refuses it: (1366, \"Wrong string: '\\xF0\\x9F' for column "
            '`x`.`jobs`.`errors` at row 12")'
        ),
        (
            "the database refuses it: (…, \"Wrong string: '…' for column "
            '`x`.`jobs`.`errors` at row …")'
        ),
    ),
    (
        'job 1: character with byte sequence 0xf0 0x9f 0x93 in encoding "UTF8"',
        'character with byte sequence … in encoding "UTF8"',
    ),
    (
        "job 8: GET http://127.0.0.1:4711/acme/api/jobs/8: the API answered 500 (oops)",
        "GET http://…:…/acme/api/jobs/…: the API answered 500 (oops)",
    ),
]


@pytest.mark.parametrize(("reason", "group"), REASONS)
def test_what_reasons_have_in_common(reason: str, group: str) -> None:
    assert reasons.group_of(reason) == group


@sqlite
def test_groups_of_what_is_set_aside(syncer: Syncer) -> None:
    bad = refused(syncer, 7)
    nameless = syncer.account.add_job(id=5_000)
    del nameless["id"]
    syncer()
    first, second = rejects.grouped(syncer.engine)
    assert (first.reason, first.count) == (
        "output … already belongs to job …, at `$.outputs[…].id`",
        7,
    )
    assert first.job_ids == bad[:5]
    set_at = syncer.account.now - timedelta(minutes=2)
    assert (first.first_at, first.last_at, first.next_attempt_at) == (
        *(set_at, set_at),
        set_at + PAUSES[0],
    )
    assert (second.count, second.job_ids, second.first_at) == (1, [], syncer.account.now)
    assert rejects.grouped(syncer.engine, "other") == []


@sqlite
def test_another_version_reads_what_is_kept_and_asks_for_the_rest(syncer: Syncer) -> None:
    bad = refused(syncer, 3)
    with syncer.engine.begin() as connection:
        connection.execute(update(REJECTS).values(program_version="0.0.1"))
        row = connection.execute(select(REJECTS).where(REJECTS.c.job_id == bad[0])).one()
        mended = json.dumps({**json.loads(row.payload), "outputs": []})
        connection.execute(update(REJECTS).where(REJECTS.c.id == row.id).values(payload=mended))
    assert syncer().rejected == 2
    assert bad[0] in {row["id"] for row in syncer.rows(JOBS)}
    syncer()
    assert asked_for(syncer) == []


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


MEMORY = """
import resource, sys
from datetime import UTC, datetime
from snapshotter.store import rejects
from snapshotter.sync import reconcile
from snapshotter.store.engine import connect
engine = connect(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert len(rejects.states(engine)) == int(sys.argv[2])
assert sum(1 for _ in rejects.listed(engine)) == int(sys.argv[2])
reconcile.index(engine, "acme")
rejects.grouped(engine)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@sqlite
@pytest.mark.parametrize(("count", "size"), [(20_000, 2_000), (12, 10_000_000)])
def test_many_or_large_ones_take_little_memory(engine: Engine, count: int, size: int) -> None:
    rows = [
        {
            "snapshot_id": 1,
            "account_id": "acme",
            "job_id": n,
            "reason": f"job {n}: no",
            "payload": json.dumps({"id": n, "x": "x" * size}),
            "digest": str(n),
            "rejected_at": NOW,
        }
        for n in range(count)
    ]
    with engine.begin() as connection:
        for start in range(0, count, 100):
            connection.execute(insert(REJECTS), rows[start : start + 100])
    del rows
    url = engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", MEMORY, url, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 150


# Records without an id, and counts that look both ways


def nulls(account: SimulatedAccount, *places: int) -> Callable[[Request], Answer | None]:
    """Answer the list with a null at these places of it, in the order of the jobs' times."""

    def answer(request: Request) -> Answer | None:
        if not request.path.endswith("/jobs") or request.query["sort"] != "created":
            return None
        since = request.query.get("since", "")
        shown: list[Any] = sorted(
            (job for job in account.jobs.values() if job["updated_at"] >= since),
            key=lambda job: (job["created_at"], job["id"]),
        )
        if not since:
            for place in places:
                shown.insert(place, None)
        start = int(request.query["offset"])
        page = shown[start : start + int(request.query["limit"])]
        return Answer(200, {}, json.dumps(page).encode())

    return answer


@sqlite
def test_records_that_are_all_alike_cost_no_search_in_each_run(syncer: Syncer) -> None:
    account = syncer.account
    history(account, 350)
    account.intercept = nulls(account, 120, 200, 300)
    assert syncer().rejected == 1
    spent = []
    for _ in range(4):
        account.now += timedelta(minutes=2)
        assert syncer().rejected == 1
        spent.append(len(syncer.asked))
    assert spent[1:] == [4, 4, 4]  # the credits, the listing, and a count of two: without a link
    assert syncer.rows(ACCOUNTS)[0]["unlisted"] == -2
    account.intercept = None
    account.now += timedelta(hours=1)
    assert syncer().rejected == 0
    assert syncer.rows(REJECTS) == []
    account.now += timedelta(hours=1)
    syncer()
    assert len(syncer.asked) == 3
