"""How far a run may go: credits, requests, time."""

import json
import math
from typing import Any

import pytest
from clients import limited
from clock import Impatient
from samples import job
from wire import answer, drip, reset, serve

from snapshotter.api.client import Client
from snapshotter.api.limits import Allowance, Limits, interruption
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
        with pytest.raises(Stopped, match=r"500 credits left .* and 500 to be kept"):
            asking.job(7)
        asking.credits()
    assert (asking.requests_sent, asking.credits_spent, len(wire.requests)) == (5, 3, 5)


@pytest.mark.parametrize(
    ("answers", "requests"),
    [
        ([answer(body=b'{"limits": {"limit": 5000, "remaining": 502}}'), reset], 3),
        ([BUDGET, answer(503, headers="X-RateLimit-Remaining: 500\r\n")], 2),
    ],
    ids=["a lost answer may have cost a credit", "a retry would spend of the reserve"],
)
def test_no_attempt_spends_of_the_reserve(answers: list[Any], requests: int) -> None:
    with serve(*answers) as wire, limited(wire.url, Limits(reserve=500)) as asking:
        asking.credits()
        with pytest.raises(Stopped, match="500 credits left of"):
            asking.job(7)
    assert len(wire.requests) == requests


def test_a_reserve_that_nobody_asked_for_is_a_tenth_of_a_small_budget() -> None:
    small = answer(body=b'{"limits": {"limit": 300, "remaining": 31}}')
    spent = answer(body=json.dumps(job()).encode(), headers="X-RateLimit-Remaining: 30\r\n")
    with serve(small, spent) as wire, limited(wire.url, Limits(reserve=None)) as asking:
        asking.credits()
        asking.job(7)
        with pytest.raises(Stopped, match=r"30 credits left .* and 30 to be kept"):
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
        with pytest.raises(Stopped, match="--max-time 1 min is over"):
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


def test_too_few_requests_are_a_wrong_call() -> None:
    assert Limits(requests=3).requests == 3
    with pytest.raises(UsageError, match="--max-requests 2 is too few"):
        Limits(requests=2)


def test_the_time_of_a_request_ends_with_the_run() -> None:
    clock = Impatient()
    assert Allowance(Limits(), clock).timeout(30) == 30
    allowance = Allowance(Limits(seconds=60), clock)
    assert allowance.timeout(30) == 30
    clock.passed = 45
    assert 14 < allowance.timeout(30) <= 15
    assert not allowance.is_over()
    assert allowance.is_over(after=15)
    clock.passed = 61
    assert allowance.timeout(30) == 0.001  # a socket takes 0 for no bound
    assert allowance.time_left() == 0


def test_a_signal_leaves_no_time() -> None:
    clock = Impatient()
    allowance = Allowance(Limits(), clock)
    assert allowance.time_left() is None
    clock.interrupted = "stopped by SIGTERM"
    assert allowance.time_left() == 0


@pytest.mark.parametrize(
    ("reported", "is_alone", "expected"),
    [
        ("90", True, 90),
        ("90", False, 90),
        ("120", True, 120),
        ("120", False, 100),  # of answers that cross each other the lower figure counts
        ("133", False, 133),  # a new hour
        ("0", True, 0),
        ("", True, 100),
        ("-1", True, 100),
        ("many", True, 100),
        ("1" * 10, True, 100),
    ],
)
def test_the_credits_of_a_header(reported: str, is_alone: bool, expected: int) -> None:  # noqa: FBT001 - a case
    allowance = Allowance(Limits(), Impatient())
    allowance.set_budget(5000, 100)
    allowance.note_credits(reported, is_alone=is_alone)
    assert allowance.credits_remaining == expected


def test_a_request_is_alone_if_no_other_was_under_way() -> None:
    allowance = Allowance(Limits(), Impatient())
    assert allowance.note_end(allowance.reserve_request(is_free=False))
    first, second = (allowance.reserve_request(is_free=False) for _ in range(2))
    assert not allowance.note_end(first)
    assert not allowance.note_end(second)
    assert (allowance.requests_sent, allowance.credits_spent) == (3, 3)


def test_without_a_signal_there_is_no_message_of_it() -> None:
    assert interruption("") == ""
    assert interruption("stopped by SIGTERM").startswith("stopped by SIGTERM; nothing is lost")


@pytest.mark.parametrize(
    ("hourly", "left", "has_spare"),
    [
        (5000, 2501, True),
        (5000, 2500, False),
        (None, 501, True),
        (None, 500, False),
        (5000, None, True),
        (300, 151, True),
        (300, 150, False),
    ],
)
def test_what_is_not_essential_leaves_half_of_the_hour(
    hourly: int | None, left: int | None, *, has_spare: bool
) -> None:
    allowance = Allowance(Limits(reserve=None), Impatient())
    allowance.set_budget(hourly, left)
    assert allowance.has_spare_credits is has_spare


def test_what_is_left_is_the_least_of_what_the_limits_allow() -> None:
    allowance = Allowance(Limits(reserve=500, requests=100), Impatient())
    assert allowance.requests_left() == 100
    allowance.set_budget(5000, 530)
    assert allowance.requests_left() == 30
    allowance.reserve_request(is_free=False)
    assert allowance.requests_left() == 29
    assert Allowance(Limits(), Impatient()).requests_left() == math.inf
