"""What the options of `History` become, and what is refused in one clear line."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

from snapshotter.errors import UsageError
from snapshotter.history.options import plan, run_options, service, window
from snapshotter.settings import DEFAULT_API_URL
from snapshotter.sync.sync import Plan
from snapshotter.trends.filters import Window

DAY = date(2026, 1, 31)


@pytest.mark.parametrize("since", [DAY, "2026-01-31", datetime(2026, 1, 31, 23)])  # noqa: DTZ001 - that is the case
def test_days_may_be_dates_times_or_text(since: Any) -> None:
    assert window({"since": since}) == Window(since=DAY)


def test_a_time_is_a_day_in_utc() -> None:
    late = datetime(2026, 2, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert window({"until": late}) == Window(until=DAY)


def test_a_package_is_an_id_or_a_name() -> None:
    assert window({"package": 434, "account": "acme"}) == Window(package_id=434, account="acme")
    assert window({"package": "434"}) == Window(package="434")
    nothing = {"since": None, "last": None, "package": None}
    assert window(nothing) == window({}) == Window()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sinse": DAY}, "no option 'sinse'; did you mean 'since'?"),
        ({"x": 1}, "no option 'x'; there are since, until, last, package, account"),
        ({"since": "soon"}, "since: expected something like date(2026, 1, 31) or '2026-01-31', "),
        ({"until": 5}, "until: expected something like date(2026, 1, 31) or '2026-01-31', got 5"),
        ({"last": "30d"}, "last: expected something like timedelta(days=30), got '30d'"),
        ({"package": 1.5}, "package: expected something like 434 or 'orders', got 1.5"),
        ({"package": True}, "package: expected something like 434 or 'orders', got True"),
        ({"package": 2**63}, "package: expected something like 434 or 'orders', got 92233"),
        ({"last": timedelta(-1)}, "last: expected something like timedelta(days=30), got "),
        ({"account": 7}, "account: expected something like 'acme', got 7"),
        ({"since": DAY, "until": DAY}, "the range is empty"),
    ],
)
def test_filters_that_are_not_valid(given: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        window(given)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_numbers_may_come_from_a_dataframe() -> None:
    number = np.int64(434)
    assert window({"package": number}) == Window(package_id=434)  # type: ignore[typeddict-item]
    found = plan({"ids": np.array([3, 1])})  # type: ignore[typeddict-item]
    assert (found, [type(each) for each in found.ids or ()]) == (Plan(ids=[3, 1]), [int, int])
    found = plan({"package_id": number})  # type: ignore[typeddict-item]
    assert found.filters.query() == {"package_id": "434"}


def test_progress_may_be_none() -> None:
    run_options({"progress": None}).watcher.progress(1)


def test_by_default_everything_new_is_read() -> None:
    assert plan({}) == Plan()
    found = service("acme", " s3cr3t-key \n", {})
    assert (found.account_id, found.key.secret) == ("acme", "s3cr3t-key")
    assert found.api_url == DEFAULT_API_URL
    assert run_options({}).limits.reserve is None


def test_options_reach_the_run() -> None:
    at = datetime(2026, 1, 31, tzinfo=UTC)
    assert plan({"ids": [3, 1, 3], "log_summaries": True}) == Plan(ids=[3, 1], log_summaries=True)
    assert plan({"since": at, "status": "failed", "package_id": 4}).filters.query() == {
        "since": "2026-01-31T00:00:00Z",
        "status": "failed",
        "package_id": "4",
    }
    how = run_options(
        {"reserve_credits": 7, "max_requests": 9, "max_time": timedelta(minutes=2)},
    )
    assert (how.limits.reserve, how.limits.requests, how.limits.seconds) == (7, 9, 120)
    kept = run_options({"variables": "hash", "hash_key": "k", "secret_names": ["pet"]}).redact
    assert str(kept({"pet_name": "Rex"})["pet_name"]).startswith("hmac:")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ids": [1], "full": True}, "ids already select the jobs"),
        ({"ids": [1], "status": "failed"}, "ids already select the jobs"),
        ({"full": True, "package_id": 1}, "full reads the whole list"),
        ({"since": datetime(2026, 1, 31)}, "since: expected something like datetime(2026, 1, 31, "),  # noqa: DTZ001 - that is the case
        ({"since": "2026-01-31"}, "since: expected something like datetime(2026, 1, 31, "),
        ({"variables": "show"}, "variables: not one of mask, hash, keep, drop"),
        ({"secret_names": "pin"}, "secret_names: expected something like ['pin', 'iban'], got"),
        ({"variables": "hash"}, "variables='hash' needs a hash_key"),
        ({"ids": ["7"]}, "ids: expected something like [1234, 1235], got '7'"),
        ({"package_id": "orders"}, "package_id: expected something like 434, got 'orders'"),
        ({"status": 1}, "status: expected something like 'failed', got 1"),
        ({"max_requests": "9"}, "max_requests: expected something like 500, got '9'"),
        ({"ids": [0]}, "ids: expected something like [1234, 1235], got 0"),
        ({"timeout": 0}, "timeout: expected something like 60.0, in seconds, got 0"),
        ({"timeout": float("nan")}, "timeout: expected something like 60.0, in seconds, got nan"),
        ({"reserve_credits": -1}, "reserve_credits: expected something like 500, got -1"),
        ({"overlap": 5}, "overlap: expected something like timedelta(minutes=10), got 5"),
        ({"max_time": 10}, "max_time: expected something like timedelta(minutes=10), got 10"),
        ({"overlap": timedelta(days=-5)}, "overlap: expected something like"),
        ({"overlap": timedelta(days=2)}, "overlap: expected something like"),
        ({"max_time": timedelta(-1)}, "max_time: expected something like"),
        ({"max_requests": "x"}, "max_requests: expected something like 500, got 'x'"),
        ({"reserve_credits": True}, "reserve_credits: expected something like 500, got True"),
        ({"timeout": True}, "timeout: expected something like 60.0, in seconds, got True"),
        ({"timeout": 1e300}, "timeout: expected something like 60.0, in seconds, got 1e+300"),
        ({"ids": [True]}, "ids: expected something like [1234, 1235], got True"),
        ({"ids": 5}, "ids: expected something like [1234, 1235], got 5"),
        ({"status": 5}, "status: expected something like 'failed', got 5"),
        ({"package_id": -1}, "package_id: expected something like 434, got -1"),
        ({"log_summaries": "no"}, "log_summaries: expected something like True, got 'no'"),
        ({"secret_names": "pin"}, "secret_names: expected something like"),
        ({"secret_names": [5]}, "secret_names: expected something like"),
        ({"progress": 5}, "progress: expected something like print, got 5"),
        ({"api_url": 5}, "api_url: expected something like 'https://api.xplenty.com', got 5"),
        ({"max_requests": 1}, "is too few"),
        ({"api_ur": "x"}, "no option 'api_ur'; did you mean 'api_url'?"),
        ({"api_url": "http://example.com"}, "api_url: plain http would send the key in clear"),
    ],
)
def test_options_that_are_not_valid(given: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        (service("acme", "s3cr3t-key", given), plan(given), run_options(given))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("account", "key"),
    [("acme/x", "s3cr3t-key"), ("acme", "s3cr3t key"), ("acme", ""), ("acme", None), (7, "s3cr3t")],
)
def test_a_message_quotes_no_key(account: Any, key: Any) -> None:
    with pytest.raises(UsageError) as caught:
        service(account, key, {})
    assert "s3cr3t" not in str(caught.value)
