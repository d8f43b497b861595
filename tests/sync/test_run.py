"""What a run records: what it set aside, and the account once the API has answered."""

import logging
from typing import Any

import pytest
from failing import failing
from rejecting import reasons, refused
from syncer import Syncer, command, history

from snapshotter.api.client import Client
from snapshotter.redact import Redaction
from snapshotter.settings import Key, Service
from snapshotter.simulator.faults import Answer
from snapshotter.store.tables import ACCOUNTS, SNAPSHOTS
from snapshotter.sync.context import Context
from snapshotter.sync.sync import Plan, sync

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Odd(Redaction):
    """Stands for code that meets a value which nothing has foreseen."""

    def text(self, text: Any) -> Any:
        if text == "unforeseen":
            raise OverflowError("too much of it")
        return super().text(text)


@sqlite
def test_a_value_that_cannot_be_made_a_row_of(syncer: Syncer) -> None:
    """Also where threads prepare the pages of a long list."""
    history(syncer.account, 1_500)
    bad = sorted(syncer.account.jobs)[1_400]
    syncer.account.jobs[bad]["errors"] = "unforeseen"
    service = Service("acme", Key(syncer.account.api_key), syncer.url)
    with Client(service) as client:
        outcome = sync(Context(syncer.engine, client, service, Odd()), Plan())
    assert (outcome.inserted, outcome.rejected) == (1_499, 1)
    assert reasons(syncer) == {bad: f"job {bad}: cannot be stored: OverflowError: too much of it"}


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


@pytest.mark.slow
@sqlite
@pytest.mark.parametrize("wrong", ["account", "key"])
def test_an_account_that_the_api_never_accepted_counts_for_nothing(
    syncer: Syncer, wrong: str
) -> None:
    account = syncer.account
    account.add_job(id=7)
    if wrong == "account":
        account.intercept = lambda _request: Answer(404, {}, b'{"message": "no such account"}')
    else:
        account.intercept = lambda _request: Answer(401)
    for words in (["sync"], ["sync", "7"], ["sync", "--status", "failed"], ["rejects", "--retry"]):
        command(syncer, *words)
        # The runs refer to the row, which is empty until the API has answered.
        assert [row["api_url"] for row in syncer.rows(ACCOUNTS)] == [""]
    assert len(syncer.rows(SNAPSHOTS)) == 4
    assert (
        command(syncer, "status").stdout == "no accounts yet; 'snapshotter sync' adds the first\n"
    )
    account.intercept = None
    assert command(syncer, "sync", "7").returncode == 0
    assert [row["api_url"] for row in syncer.rows(ACCOUNTS)] == [syncer.url]


@sqlite
def test_an_account_with_the_jobs_of_another_has_not_answered(syncer: Syncer) -> None:
    """Renamed at the vendor's, say: the first run leaves it as it was, and prints what to do."""
    history(syncer.account, 3)
    syncer()
    syncer.account.account_id = "acme-group"
    done = command(syncer, "sync")
    assert done.returncode == 2
    assert "'snapshotter accounts rename acme acme-group'" in done.stderr
    rows = {row["account_id"]: row["api_url"] for row in syncer.rows(ACCOUNTS)}
    assert rows == {"acme": syncer.url, "acme-group": ""}


@sqlite
@pytest.mark.parametrize("status", [400, 500])
def test_credits_that_are_not_sent(syncer: Syncer, status: int) -> None:
    history(syncer.account, 3)
    syncer.account.intercept = failing(status, "rate_limit_status")
    assert (syncer().inserted, syncer().noted) == (3, [])
