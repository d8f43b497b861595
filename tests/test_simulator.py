"""The simulated account over real HTTP, asked as the API's documentation says."""

import base64
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from snapshotter.simulator import ACCEPT, Account, Answer, Request, serve, stamp

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
JOB_FIELDS = {
    *("id", "status", "owner_id", "progress", "outputs_count", "outputs", "variables"),
    *("dynamic_variables", "created_at", "started_at", "failed_at", "completed_at", "updated_at"),
    *("cluster_id", "cluster", "package_id", "package", "creator", "errors", "runtime_in_seconds"),
    *("attempts", "master_auto_retry_attempts", "url", "html_url", "log_url"),
}
OUTPUT_FIELDS = {
    *("id", "name", "records_count", "progress", "created_at", "updated_at"),
    *("url", "preview_url", "preview_type", "component"),
}
Get = Callable[..., requests.Response]


@pytest.fixture(scope="module")
def populated() -> Account:
    """Give an account with its history; only for tests that leave it as it is."""
    account = Account(now=NOW)
    account.populate()
    return account


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.auth = ("demo-key", "")
        session.headers["Accept"] = ACCEPT
        yield session


@pytest.fixture
def get(api: str, session: requests.Session) -> Get:
    """Give `get(path, **query)` on the account's API."""
    return lambda path, **query: session.get(f"{api}/acme/api/{path}", params=query, timeout=10)


def ids(response: requests.Response) -> list[int]:
    assert response.status_code == 200, response.text
    return [job["id"] for job in response.json()]


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        pytest.param("GET", "/acme/api/jobs", {}, 200, id="as documented"),
        pytest.param("GET", "/acme/api/jobs", {"Authorization": ""}, 401, id="no key"),
        pytest.param("GET", "/acme/api/jobs", {"Authorization": basic("x:")}, 401, id="bad key"),
        pytest.param(
            "GET", "/acme/api/jobs", {"Authorization": basic("demo-key:x")}, 401, id="a password"
        ),
        pytest.param("GET", "/acme/api/jobs", {"Accept": "*/*"}, 406, id="any type"),
        pytest.param(
            "GET", "/acme/api/jobs", {"Accept": ACCEPT.replace("2", "1")}, 406, id="old version"
        ),
        pytest.param("GET", "/other/api/jobs", {}, 404, id="another account"),
        pytest.param("GET", "/acme/api/packages", {}, 404, id="another resource"),
        pytest.param("GET", "/acme/api/jobs/77", {}, 404, id="no such job"),
        pytest.param("GET", "/acme/api/jobs/x", {}, 404, id="no job id"),
        pytest.param("POST", "/acme/api/jobs", {}, 405, id="POST"),
        pytest.param("DELETE", "/acme/api/jobs/1001", {}, 405, id="DELETE"),
    ],
)
def test_who_may_ask_for_what(
    api: str, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    sent = {"Authorization": basic("demo-key:"), "Accept": ACCEPT, **headers}
    response = requests.request(method, api + path, headers=sent, data="{}", timeout=10)
    assert response.status_code == status
    assert status == 200 or response.json()["message"]
    assert response.headers["X-RateLimit-Limit"] == "5000"
    assert int(response.headers["X-RateLimit-Remaining"]) <= 5000
    assert response.headers["Date"] == "Sat, 31 Jan 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "done"),
        ("sort", "id"),
        ("direction", "up"),
        ("since", "yesterday"),
        ("package_id", "orders"),
        ("offset", "-1"),
        ("limit", "0"),
        ("limit", "many"),
    ],
)
def test_a_bad_value_is_refused_by_name(get: Get, name: str, value: str) -> None:
    response = get("jobs", **{name: value})
    assert response.status_code == 422
    assert name in response.json()["message"]


def test_a_job_has_every_documented_field(account: Account, get: Get) -> None:
    job = account.add_job(status="failed")
    answer = get(f"jobs/{job['id']}").json()
    assert answer == job
    assert set(answer) == JOB_FIELDS
    assert set(answer["outputs"][0]) == OUTPUT_FIELDS
    assert answer["package"]["id"] == answer["package_id"]
    assert answer["cluster"]["id"] == answer["cluster_id"]


def test_the_log_summary_comes_when_asked_for(account: Account, get: Get) -> None:
    account.add_job(id=7, status="failed", errors="No such table")
    summary = get("jobs/7", include="log_summary").json()["log_summary"]
    assert set(summary) == {
        *("id", "body", "error_summary", "openai_extract", "action_items", "created_at")
    }
    assert summary["error_summary"] == "No such table"
    assert "log_summary" not in account.jobs[7]


def test_lists_sort_both_ways(account: Account, get: Get) -> None:
    for job_id, created, updated in ((1, 10, 90), (2, 30, 70), (3, 20, 80)):
        account.add_job(
            id=job_id,
            created_at=NOW + timedelta(seconds=created),
            updated_at=NOW + timedelta(seconds=updated),
        )
    assert ids(get("jobs")) == [2, 3, 1]
    assert ids(get("jobs", direction="asc")) == [1, 3, 2]
    assert ids(get("jobs", sort="updated")) == [1, 3, 2]
    assert ids(get("jobs", sort="updated", direction="asc")) == [2, 3, 1]


def test_lists_filter_by_status_and_package(account: Account, get: Get) -> None:
    account.add_job(id=1, package_id=434)
    account.add_job(id=2, package_id=435, status="failed")
    account.add_job(id=3, package_id=434, status="failed")
    assert ids(get("jobs", status="all", direction="asc")) == [1, 2, 3]
    assert ids(get("jobs", status="failed", direction="asc")) == [2, 3]
    assert ids(get("jobs", status="failed", package_id=434)) == [3]
    assert ids(get("jobs", status="queued")) == []


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        pytest.param("2026-01-31T11:59:59Z", [1, 2], id="before both"),
        pytest.param("2026-01-31T12:00:00Z", [1, 2], id="inclusive"),
        pytest.param("2026-01-31T12:00:01Z", [2], id="a second later"),
        pytest.param("2026-01-31T12:05:00.9Z", [2], id="of whole seconds"),
        pytest.param("2026-01-31T14:05:00+02:00", [2], id="in another zone"),
        pytest.param("2026-01-31T12:05:01Z", [], id="after both"),
    ],
)
def test_since_is_on_updated_at(
    account: Account, get: Get, since: str, expected: list[int]
) -> None:
    account.add_job(id=1)
    account.add_job(id=2, updated_at=NOW + timedelta(minutes=5))
    assert ids(get("jobs", since=since, direction="asc")) == expected


def test_a_list_shows_changes_once_touched(account: Account, get: Get) -> None:
    account.add_job(id=1)
    account.add_job(id=2)
    assert ids(get("jobs", status="failed")) == []
    with account.lock:
        account.jobs[1]["status"] = "failed"
        account.touch()
    assert ids(get("jobs", status="failed")) == [1]
    with account.lock:
        del account.jobs[1]
        account.touch()
    assert ids(get("jobs")) == [2]


def test_limits(account: Account, get: Get) -> None:
    for _ in range(250):
        account.add_job()
    assert len(ids(get("jobs"))) == 20
    assert len(ids(get("jobs", limit=7))) == 7
    assert len(ids(get("jobs", limit=1000))) == 100
    account.page_cap = 30
    assert len(ids(get("jobs", limit=100))) == 30


def test_links_lead_through_the_whole_list_and_back(
    account: Account, get: Get, session: requests.Session
) -> None:
    for _ in range(45):
        account.add_job()
    page = get("jobs", status="completed", direction="asc", limit=20)
    assert set(page.links) == {"next"}
    seen = ids(page)
    while "next" in page.links:
        page = session.get(page.links["next"]["url"], timeout=10)
        seen += ids(page)
    assert seen == sorted(account.jobs)
    assert set(page.links) == {"prev"}
    assert ids(session.get(page.links["prev"]["url"], timeout=10)) == seen[20:40]
    assert "Link" not in get("jobs", limit=45).headers


def test_credits_are_spent_and_renewed_with_the_hour(account: Account, get: Get) -> None:
    account.credits_remaining = 2
    account.add_job(id=1)
    assert get("jobs").headers["X-RateLimit-Remaining"] == "1"
    assert get("jobs/1").headers["X-RateLimit-Remaining"] == "0"
    refused = get("jobs")
    assert (refused.status_code, refused.headers["X-RateLimit-Remaining"]) == (429, "0")
    assert refused.json()["message"]
    account.advance(3599)
    assert get("rate_limit_status").json() == {"limits": {"limit": 5000, "remaining": 0}}
    account.advance(1)
    assert get("rate_limit_status").json() == {"limits": {"limit": 5000, "remaining": 5000}}


def test_an_intercepted_request_costs_nothing_and_is_answered_as_told(
    account: Account, get: Get
) -> None:
    seen: list[Request] = []

    def intercept(request: Request) -> Answer | None:
        seen.append(request)
        return Answer(503, {"Retry-After": "7"}, b"<html>") if len(seen) == 1 else None

    account.intercept = intercept
    first, second = get("jobs", limit=5), get("jobs")
    assert (first.status_code, first.text, first.headers["Retry-After"]) == (503, "<html>", "7")
    assert first.headers["X-RateLimit-Remaining"] == "5000"
    assert second.headers["X-RateLimit-Remaining"] == "4999"
    assert (seen[0].method, seen[0].path) == ("GET", "/acme/api/jobs")
    assert seen[0].query == {"limit": "5"}
    assert seen[0].headers["accept"] == ACCEPT
    assert account.requests == [("/acme/api/jobs", "limit=5"), ("/acme/api/jobs", "")]


def test_long_answers_are_compressed_for_who_wants_it(
    account: Account, get: Get, session: requests.Session
) -> None:
    account.add_job()
    compressed = get("jobs")
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in get("rate_limit_status").headers
    session.headers["Accept-Encoding"] = "identity"
    plain = get("jobs")
    assert "Content-Encoding" not in plain.headers
    assert plain.json() == compressed.json()


def test_a_kept_connection_does_not_stall(account: Account, get: Get) -> None:
    account.add_job()
    get("jobs")
    begin = time.perf_counter()
    for _ in range(50):
        get("jobs")
    assert time.perf_counter() - begin < 50 * 0.04, "as slow as delayed acknowledgements"


def test_the_end_of_serving_cuts_kept_connections(
    account: Account, session: requests.Session
) -> None:
    with serve(account) as url:
        assert session.get(f"{url}/acme/api/jobs", timeout=10).status_code == 200
    with pytest.raises(requests.ConnectionError):
        session.get(f"{url}/acme/api/jobs", timeout=10)


def test_progress_is_silent_until_the_end(account: Account, get: Get) -> None:
    added = dict(account.add_job(id=1, status="running"))
    account.advance(300)
    half = get("jobs/1").json()
    assert (half["status"], half["progress"], half["runtime_in_seconds"]) == ("running", 0.5, 300)
    assert half["outputs"][0]["records_count"] == 500
    assert half["updated_at"] == added["updated_at"] == stamp(NOW)
    assert ids(get("jobs", since=stamp(NOW + timedelta(seconds=1)))) == []
    account.advance(400)
    done = get("jobs/1").json()
    assert (done["status"], done["progress"], done["runtime_in_seconds"]) == ("completed", 1, 600)
    assert done["outputs"][0]["records_count"] == 1000
    assert done["updated_at"] == done["completed_at"] == stamp(NOW + timedelta(seconds=600))
    assert ids(get("jobs", since=stamp(NOW + timedelta(seconds=1)))) == [1]


@pytest.mark.parametrize(
    ("status", "then"),
    [
        ("idle", ["pending", "queued", "running", "completed"]),
        ("queued", ["running", "running", "running", "completed"]),
        ("pending_stoppage", ["stopping", "stopping", "stopping", "stopped"]),
        ("failed", ["failed"] * 4),
        ("suspended", ["suspended"] * 4),
    ],
)
def test_the_way_of_a_job(account: Account, status: str, then: list[str]) -> None:
    job = account.add_job(status=status)
    for seconds, expected in zip((30, 30, 30, 600), then, strict=True):
        account.advance(seconds)
        assert job["status"] == expected


def test_a_job_ended_by_hand_stays_ended(account: Account) -> None:
    job = account.add_job(status="running")
    job.update(status="stopped", progress=0.25)
    account.advance(3600)
    assert (job["status"], job["progress"]) == ("stopped", 0.25)


def test_the_same_seed_gives_the_same_jobs(populated: Account) -> None:
    same, other = Account(now=NOW), Account(now=NOW, seed=2)
    same.populate()
    other.populate()
    assert same.jobs == populated.jobs
    assert other.jobs != populated.jobs


def test_the_steps_of_the_clock_make_no_difference() -> None:
    once, often = Account(now=NOW), Account(now=NOW)
    once.populate(days=2)
    often.populate(days=2)
    before = len(once.jobs)
    once.advance(86_400)
    for _ in range(24 * 60 * 2):
        often.advance(29.9)
        often.advance(0.1)
    assert once.jobs == often.jobs
    assert len(once.jobs) > before


def test_the_history_has_what_a_real_one_has(populated: Account) -> None:
    jobs = list(populated.jobs.values())
    statuses = {job["status"] for job in jobs}
    open_jobs = [job for job in jobs if job["completed_at"] is None]
    assert 2900 <= len(jobs) <= 3100
    assert statuses >= {"idle", "pending", "queued", "running", "completed", "failed", "stopped"}
    assert 4 <= len(open_jobs) <= 12
    assert {job["creator"]["type"] for job in jobs} == {"Schedule", "User"}
    assert any("db_password" in job["variables"] for job in jobs)
    assert any(job["attempts"] for job in jobs)
    for job in jobs:
        assert set(job) == JOB_FIELDS
        assert job["outputs_count"] == len(job["outputs"]) <= 3
        assert all(3 <= len(output["component"]["fields"]) <= 12 for output in job["outputs"])
        times = (job["created_at"], job["started_at"], job["completed_at"], stamp(NOW))
        known = [at for at in times if at is not None]
        assert known == sorted(known)
        assert job["updated_at"] == max(known[:-1])
    created = [job["created_at"] for job in jobs]
    assert created == sorted(created)


def test_the_history_has_the_trends_to_find(populated: Account) -> None:
    slow_from, narrow_from = stamp(NOW - timedelta(days=21)), stamp(NOW - timedelta(days=14))
    old: list[int] = []
    new: list[int] = []
    wide: set[int] = set()
    narrow: set[int] = set()
    for job in populated.jobs.values():
        name, created_at = job["package"]["name"], job["created_at"]
        if name == "orders_to_warehouse" and job["status"] == "completed":
            (new if created_at >= slow_from else old).append(job["runtime_in_seconds"])
        if name == "customer_profiles":
            columns = (len(output["component"]["fields"]) for output in job["outputs"])
            (narrow if created_at >= narrow_from else wide).update(columns)
    assert 1.8 < (sum(new) / len(new)) / (sum(old) / len(old)) < 2.2
    assert (wide, narrow) == ({8}, {7})


def test_a_day_in_a_populated_account_shows_under_since() -> None:
    account = Account(now=NOW)
    account.populate(days=3)
    before: dict[int, dict[str, Any]] = {i: dict(job) for i, job in account.jobs.items()}
    account.advance(86_400)
    for job_id, job in account.jobs.items():
        if job["updated_at"] <= stamp(NOW):
            assert job == before[job_id], "a job changed in a day and its end did not show"
    assert all(account.jobs[i]["status"] in ("completed", "failed", "stopped") for i in before)
