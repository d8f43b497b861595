"""How far a run may go: credits, requests, time."""

import json

import pytest
from clients import limited
from clock import Impatient
from samples import job
from wire import answer, drip, reset, serve

from snapshotter.api.client import Client
from snapshotter.api.limits import Limits
from snapshotter.errors import Stopped, UsageError
from snapshotter.settings import Key, Service

BUDGET = answer(body=b'{"limits": {"limit": 5000, "remaining": 503}}')


def test_the_reserve_is_never_spent() -> None:
    one = json.dumps(job()).encode()
    counted = [answer(body=one, headers=f"X-RateLimit-Remaining: {n}\r\n") for n in (502, 501, 500)]
    with serve(BUDGET, *counted) as wire, limited(wire.url, Limits(reserve=500)) as asking:
        asking.credits()
        for _ in range(3):
            asking.job(7)
        with pytest.raises(Stopped, match=r"500 credits are left .* and 500 are to be kept"):
            asking.job(7)
        asking.credits()
    assert (asking.requests_sent, asking.credits_spent, len(wire.requests)) == (5, 3, 5)


def test_a_lost_answer_may_have_cost_a_credit() -> None:
    budget = answer(body=b'{"limits": {"limit": 5000, "remaining": 502}}')
    with serve(budget, reset) as wire, limited(wire.url, Limits(reserve=500)) as asking:
        asking.credits()
        with pytest.raises(Stopped, match="500 credits are left"):
            asking.job(7)
    assert len(wire.requests) == 3


def test_retries_spend_no_reserve_either() -> None:
    fault = answer(503, headers="X-RateLimit-Remaining: 500\r\n")
    with serve(BUDGET, fault) as wire, limited(wire.url, Limits(reserve=500)) as asking:
        asking.credits()
        with pytest.raises(Stopped, match="500 credits are left"):
            asking.job(7)
    assert len(wire.requests) == 2


def test_a_reserve_that_nobody_asked_for_is_a_tenth_of_a_small_budget() -> None:
    small = answer(body=b'{"limits": {"limit": 300, "remaining": 31}}')
    spent = answer(body=json.dumps(job()).encode(), headers="X-RateLimit-Remaining: 30\r\n")
    with serve(small, spent) as wire, limited(wire.url, Limits(reserve=None)) as asking:
        asking.credits()
        asking.job(7)
        with pytest.raises(Stopped, match=r"30 credits are left .* and 30 are to be kept"):
            asking.job(7)


def test_a_reserve_as_large_as_the_budget_is_a_wrong_call() -> None:
    with (
        serve(BUDGET) as wire,
        limited(wire.url, Limits(reserve=5000)) as asking,
        pytest.raises(UsageError, match="--reserve-credits 5000 leaves nothing of the account's"),
    ):
        asking.credits()


def test_the_number_of_requests_is_bounded_retries_included() -> None:
    with (
        serve(answer(503)) as wire,
        limited(wire.url, Limits(requests=3)) as asking,
        pytest.raises(Stopped, match="--max-requests 3 are sent"),
    ):
        asking.job(7)
    assert len(wire.requests) == 3


def test_a_run_ends_in_time() -> None:
    clock = Impatient()
    with (
        serve(answer(body=json.dumps(job()).encode())) as wire,
        limited(wire.url, Limits(seconds=60), clock) as asking,
    ):
        asking.job(7)
        clock.passed = 61
        with pytest.raises(Stopped, match="--max-time 60 s are over"):
            asking.job(7)
    assert len(wire.requests) == 1


def test_a_request_ends_with_the_run() -> None:
    with serve(drip(b"HTTP/1.1 200 OK\r\n")) as wire:
        asking = Client(Service("acme", Key("s3cr3t"), wire.url, 30.0), Limits(seconds=0.4))
        with pytest.raises(Stopped, match=r"no whole answer within 0\.\d+ s"):
            asking.job(7)


def test_an_interrupted_run_sends_nothing_more() -> None:
    clock = Impatient()
    with (
        serve(answer(503), answer(body=json.dumps(job()).encode())) as wire,
        limited(wire.url, Limits(), clock) as asking,
    ):
        asking.job(7)
        clock.interrupted = "stopped by SIGTERM"
        with pytest.raises(Stopped, match="stopped by SIGTERM; nothing is lost"):
            asking.job(7)
    assert len(wire.requests) == 2
