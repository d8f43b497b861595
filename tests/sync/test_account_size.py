"""How many jobs an account has, about, in few requests."""

import threading

import pytest
from clock import Impatient
from syncer import Syncer, history

from snapshotter.api.client import Client
from snapshotter.redact import Redaction
from snapshotter.settings import Key, Service
from snapshotter.sync.account_size import LARGE, MOST_REQUESTS, AccountSize, estimated
from snapshotter.sync.context import Context
from snapshotter.sync.sync import Plan, open_run, read

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PATIENCE = 30.0


@pytest.mark.parametrize("size", [1000, 1001, 3999, 4000, 4001, 20_000, 123_456, 5_000_000])
def test_the_end_of_the_list_is_found_to_a_twentieth(size: int) -> None:
    asked: list[int] = []

    def has(offset: int) -> bool:
        asked.append(offset)
        return offset < size

    found = estimated(has, LARGE)
    assert found is not None
    assert abs(found - size) <= size / 20 + 1
    assert len(asked) <= MOST_REQUESTS


def test_a_list_without_an_end_costs_a_bounded_number_of_requests() -> None:
    asked: list[int] = []

    def has(offset: int) -> bool:
        asked.append(offset)
        return True

    assert estimated(has, LARGE) is None
    assert len(asked) == MOST_REQUESTS


def watched(syncer: Syncer, plan: Plan, *, may_ask: bool = True) -> list[int | None]:
    """Return what is known of the size after each step of a run, and at its end."""
    service = Service(syncer.account.account_id, Key(syncer.account.api_key), syncer.url)
    known: list[int | None] = []
    sizes: list[AccountSize] = []

    def progress(jobs: int) -> None:
        known.append(sizes[0].of(sizes[0].before + jobs))
        for thread in threading.enumerate():
            if thread.name == "size":
                thread.join(PATIENCE)

    with Client(service, clock=Impatient()) as client:
        context = Context(syncer.engine, client, service, Redaction(), progress)
        with open_run(context, plan) as run:
            sizes.append(AccountSize(run, may_ask=may_ask))
            read(run, plan)
        sizes[0].close()
    return known


@sqlite
def test_a_first_run_learns_the_size_of_a_large_account(syncer: Syncer) -> None:
    jobs = 2 * LARGE + 500  # several transactions come after the search
    history(syncer.account, jobs)
    known = watched(syncer, Plan())
    assert known[0] is None  # not before it is large
    found = [size for size in known if size is not None]
    assert found
    assert abs(found[0] - jobs) <= jobs / 20
    assert known[-1] is None or known[-1] > jobs  # never less than are done
    syncer.account.touch()
    assert set(watched(syncer, Plan())) <= {None}  # which is not a first run


@sqlite
def test_nothing_is_asked_for_a_small_account_or_if_it_may_not(syncer: Syncer) -> None:
    history(syncer.account, LARGE + 500)
    assert set(watched(syncer, Plan(), may_ask=False)) == {None}
    assert set(watched(syncer, Plan(full=True), may_ask=False)) == {None}


@sqlite
def test_what_goes_wrong_leaves_the_size_unknown(syncer: Syncer) -> None:
    def fails(offset: int) -> bool:
        raise RuntimeError(offset)

    history(syncer.account, 3)
    service = Service(syncer.account.account_id, Key(syncer.account.api_key), syncer.url)
    with Client(service, clock=Impatient()) as client:
        context = Context(syncer.engine, client, service, Redaction())
        with open_run(context, Plan()) as run:
            size = AccountSize(run)
            client.prober()[1]()
            size.close()
            # What its thread does, in a thread: it leaves all signals to the main one.
            search = threading.Thread(target=size._search, args=(fails, LARGE))  # noqa: SLF001
            search.start()
            search.join()
            assert size.of(LARGE - 1) is None
