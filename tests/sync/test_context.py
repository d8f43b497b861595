"""What a run works with: one account, and a report of how far it is."""

from dataclasses import FrozenInstanceError

import pytest
from clock import Impatient
from syncer import Syncer, history

from snapshotter.api.client import Client
from snapshotter.redact import Redaction
from snapshotter.settings import Key, Service
from snapshotter.sync.context import Context
from snapshotter.sync.sync import Plan, sync

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def progress_of(syncer: Syncer, plan: Plan) -> list[int]:
    """Return the numbers that a run calls `progress` with."""
    reported: list[int] = []
    service = Service(syncer.account.account_id, Key(syncer.account.api_key), syncer.url)
    with Client(service, clock=Impatient()) as client:
        sync(Context(syncer.engine, client, service, Redaction(), reported.append), plan)
    return reported


def test_progress_is_the_number_of_jobs_read_so_far(syncer: Syncer) -> None:
    history(syncer.account, 250)
    reported = progress_of(syncer, Plan())
    assert len(reported) > 2
    assert reported == sorted(reported)
    assert reported[-1] == 250
    assert reported[0] <= 100  # a page


def test_progress_of_jobs_by_their_ids(syncer: Syncer) -> None:
    history(syncer.account, 3)
    reported = progress_of(syncer, Plan(ids=tuple(syncer.account.jobs)))
    assert reported == sorted(reported)
    assert reported[-1] == 3


def test_a_context_is_about_the_account_of_its_service(syncer: Syncer) -> None:
    service = Service("acme-group", Key("key"), syncer.url)
    with Client(service, clock=Impatient()) as client:
        context = Context(syncer.engine, client, service, Redaction())
        assert context.account_id == "acme-group"
        context.progress(7)  # nobody looks
        with pytest.raises(FrozenInstanceError):
            context.service = service  # type: ignore[misc]
