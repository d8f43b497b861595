"""The simulated account over real HTTP, asked as the API's documentation says."""

import base64
import itertools
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from snapshotter.simulator.account import Account, Links
from snapshotter.simulator.api import ACCEPT
from snapshotter.simulator.faults import Answer, Request, fault
from snapshotter.simulator.history import stamp
from snapshotter.simulator.server import serve

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


@pytest.fixture
def handlers(account: Account) -> queue.Queue[threading.Thread]:
    """Give the threads that answer, as each takes up a request."""
    threads: queue.Queue[threading.Thread] = queue.Queue()
    account.before_answer = lambda _: threads.put(threading.current_thread())
    return threads


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
    (answer,) = get("jobs").json()
    assert answer == job
    assert set(answer) == JOB_FIELDS
    assert set(answer["outputs"][0]) == OUTPUT_FIELDS
    assert answer["package"]["id"] == answer["package_id"]
    assert answer["cluster"]["id"] == answer["cluster_id"]


def test_a_single_job_names_its_package_and_cluster_and_no_more(account: Account, get: Get) -> None:
    job = account.add_job(id=7)
    short = {
        part: {name: job[part][name] for name in ("id", "name", "url")}
        for part in ("package", "cluster")
    }
    assert get("jobs/7").json() == {**job, **short}
    assert get("jobs").json() == [job]


@pytest.mark.parametrize(
    "part",
    [
        pytest.param({}, id="absent"),
        pytest.param({"package": None}, id="null"),
        pytest.param({"package": {"id": 434}}, id="with less"),
        pytest.param({"package": "orders"}, id="of another type"),
    ],
)
def test_a_package_put_in_by_hand_comes_as_it_is(
    account: Account, get: Get, part: dict[str, Any]
) -> None:
    with account.lock:
        account.jobs[7] = {"id": 7, "cluster": None, **part}
        account.touch()
    assert get("jobs/7").json() == get("jobs").json()[0] == {"id": 7, "cluster": None, **part}
    assert get("jobs/7", include="log_summary").json()["log_summary"]["error_summary"] is None


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
    took = []
    for _ in range(50):
        begin = time.perf_counter()
        get("jobs")
        took.append(time.perf_counter() - begin)
    # A busy machine delays some requests, a delayed acknowledgement each of them.
    assert median(took) < 0.04, "as slow as delayed acknowledgements"


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


def asking(url: str, target: str) -> socket.socket:
    """Send a request, and leave the answer to be read from the wire."""
    client = socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=10)
    client.sendall(
        f"GET {target} HTTP/1.1\r\nHost: x\r\nAccept: {ACCEPT}\r\n"
        f"Authorization: {basic('demo-key:')}\r\n\r\n".encode()
    )
    return client


def visible(get: Get) -> dict[int, dict[str, Any]]:
    return {job["id"]: job for job in get("jobs", limit=100).json()}


def test_a_new_job_shows_within_the_lag(account: Account, get: Get) -> None:
    account.lag = 60
    for job_id in range(1, 41):
        account.add_job(id=job_id)
    shown = [set[int]()]
    for _ in range(4):
        account.advance(15)
        shown.append(set(visible(get)))
        for job_id in account.jobs:
            assert (get(f"jobs/{job_id}").status_code == 200) == (job_id in shown[-1])
    assert all(before < after for before, after in itertools.pairwise(shown))
    assert shown[-1] == set(account.jobs)


def test_the_versions_of_a_job_show_in_their_order(account: Account, get: Get) -> None:
    account.add_job(id=1, attempts=1)
    account.lag = 20
    late, last = 0, 1
    for second in range(2, 101):
        account.advance(1)
        with account.lock:
            account.jobs[1]["outputs"][0]["records_count"] = account.jobs[1]["attempts"] = second
            account.touch()
        job = get("jobs/1").json()
        assert job["outputs"][0]["records_count"] == job["attempts"]
        assert get("jobs").json()[0]["attempts"] == job["attempts"]
        assert max(last, second - 20) <= job["attempts"] <= second
        last = job["attempts"]
        late = max(late, second - last)
    assert late > 5
    account.advance(20)
    assert get("jobs").json() == [account.jobs[1]]


def test_a_change_by_hand_counts_from_the_touch(account: Account, get: Get) -> None:
    account.add_job(id=1)
    account.lag = 10
    account.jobs[1]["status"] = "failed"
    account.add_job(id=2)
    account.now += timedelta(seconds=10)
    assert ids(get("jobs", direction="asc")) == [1, 2]
    assert ids(get("jobs", status="failed")) == []
    account.touch()
    assert ids(get("jobs", status="failed")) == []
    account.now += timedelta(seconds=10)
    assert ids(get("jobs", status="failed")) == [1]


def test_the_lag_can_be_changed_at_any_time(account: Account, get: Get) -> None:
    def fail(job_id: int) -> None:
        with account.lock:
            account.add_job(id=job_id)["status"] = "failed"
            account.touch()

    fail(1)
    account.lag = 10
    fail(2)
    account.lag = 20
    fail(3)
    assert ids(get("jobs", status="failed")) == [1]
    account.lag = 0
    assert ids(get("jobs", status="failed")) == [3, 2, 1]
    account.jobs[1]["status"] = "stopped"
    assert get("jobs/1").json()["status"] == "stopped", "without a lag nothing is copied"


def test_what_was_there_before_the_lag_shows_at_once(account: Account, get: Get) -> None:
    account.lag = 3600
    account.populate(days=3)
    assert account.lag == 3600
    assert visible(get) == account.jobs
    account.advance(60)
    assert visible(get) != account.jobs
    account.lag = 0
    account.lag = 3600
    assert visible(get) == account.jobs


def test_a_long_step_makes_no_change_later_than_it_was(account: Account, get: Get) -> None:
    """What became of a job a while ago, within the step, is not held back once more."""
    account.populate(days=1)
    account.add_job(status="running")
    account.lag = 300
    for _ in range(70):
        account.advance(1234)
        seen, by_now = visible(get), stamp(account.now - timedelta(seconds=300))
        for job_id, job in account.jobs.items():
            if job["created_at"] <= by_now:
                assert job_id in seen
            if str(job["completed_at"]) <= by_now:
                assert seen[job_id] == job
    assert len(account.jobs) > 50


@pytest.mark.parametrize("lag", [0, 60])
def test_a_removed_job_is_gone_at_once(account: Account, get: Get, lag: float) -> None:
    for job_id in (1, 2, 3):
        account.add_job(id=job_id, status="running")
    assert ids(get("jobs", direction="asc")) == [1, 2, 3]
    account.lag = lag
    account.remove_job(2)
    assert ids(get("jobs", direction="asc")) == [1, 3]
    assert get("jobs/2").status_code == 404
    with account.lock:
        del account.jobs[3]
        account.touch()
    assert ids(get("jobs")) == [1]
    account.add_job(id=2, status="suspended")
    account.advance(3600)
    assert {i: job["status"] for i, job in visible(get).items()} == {1: "completed", 2: "suspended"}


def test_a_removed_job_takes_its_changes_along(account: Account, get: Get) -> None:
    account.lag = 60
    account.add_job(id=1, package_id=434)
    account.remove_job(1)
    account.advance(60)
    assert get("jobs/1").status_code == 404
    account.add_job(id=1, package_id=435)
    account.advance(60)
    assert get("jobs/1").json()["package_id"] == 435


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("sort", ["created", "updated"])
def test_ties_are_shuffled_in_every_list(
    account: Account, get: Get, sort: str, direction: str
) -> None:
    account.shuffles_ties = True
    assert ids(get("jobs")) == []
    for group, size in enumerate((1, 12, 1, 12)):
        for _ in range(size):
            account.add_job(created_at=NOW + timedelta(seconds=group))
    every = sorted(account.jobs, reverse=direction == "desc")
    time_of = {job_id: job["created_at"] for job_id, job in account.jobs.items()}
    times = [time_of[job_id] for job_id in every]
    orders: set[tuple[int, ...]] = set()
    for _ in range(20):
        seen = ids(get("jobs", sort=sort, direction=direction, limit=100))
        assert sorted(seen) == sorted(every)
        assert [time_of[job_id] for job_id in seen] == times
        orders.add(tuple(seen))
    assert len(orders) == 20
    firsts = set[int]()
    for _ in range(200):
        page = ids(get("jobs", sort=sort, direction=direction, limit=5, offset=10))
        assert len(set(page)) == 5
        assert [time_of[job_id] for job_id in page] == times[10:15]
        firsts.add(page[0])
    assert len(firsts) == 12, "a page takes its jobs from all of a group"
    assert ids(get("jobs", offset=26)) == ids(get("jobs", offset=1000)) == []


def test_a_varying_cap_hands_out_some_but_never_none(account: Account, get: Get) -> None:
    for job_id in range(1, 31):
        account.add_job(id=job_id)
    account.varies_cap, account.page_cap = True, 6
    for limit, sizes in ((100, {1, 2, 3, 4, 5, 6}), (3, {1, 2, 3}), (1, {1})):
        pages = [get("jobs", limit=limit, offset=10, direction="asc") for _ in range(60)]
        assert {len(ids(page)) for page in pages} == sizes
        for page in pages:
            size = len(ids(page))
            assert ids(page) == list(range(11, 11 + size))
            assert f"offset={10 + size}&" in page.links["next"]["url"]
    assert ids(get("jobs", offset=29)) == [1]
    assert ids(get("jobs", offset=30)) == []


@pytest.mark.parametrize(
    ("offset", "rels"),
    [(0, {"next"}), (20, {"next", "prev"}), (40, {"prev"})],
)
def test_wrong_links_tell_that_there_is_a_page_and_not_where(
    account: Account, get: Get, offset: int, rels: set[str]
) -> None:
    for _ in range(45):
        account.add_job()
    right = get("jobs", offset=offset).links
    account.links = "wrong"
    wrong = get("jobs", offset=offset).links
    assert set(right) == set(wrong) == rels
    for rel in rels:
        good, bad = urlsplit(right[rel]["url"]), urlsplit(wrong[rel]["url"])
        assert good.netloc != bad.netloc
        assert good.query != bad.query
        assert "offset=" in bad.query
    account.links = "none"
    assert "Link" not in get("jobs", offset=offset).headers


@pytest.mark.parametrize(
    ("offset", "date"),
    [
        (0, "Sat, 31 Jan 2026 12:00:00 GMT"),
        (90.5, "Sat, 31 Jan 2026 12:01:30 GMT"),
        (-3600, "Sat, 31 Jan 2026 11:00:00 GMT"),
        (None, None),
    ],
)
def test_the_date_can_be_off(
    account: Account, get: Get, offset: float | None, date: str | None
) -> None:
    account.add_job()
    account.date_offset = offset
    response = get("jobs")
    assert response.headers.get("Date") == date
    assert response.json()[0]["created_at"] == stamp(NOW)


@pytest.mark.parametrize(
    ("kind", "status", "header", "body"),
    [
        ("429", 429, ("Content-Type", "application/json"), "message"),
        ("500", 500, ("Content-Type", "application/json"), "message"),
        ("502", 502, ("Content-Type", "text/html"), "<html>"),
        ("503", 503, ("Retry-After", "1"), "message"),
        ("html", 200, ("Content-Type", "text/html"), "<html>"),
        ("broken", 200, ("Content-Type", "application/json"), '{"limits"'),
    ],
)
def test_a_fault_answers_once_and_costs_nothing(
    account: Account, get: Get, kind: str, status: int, header: tuple[str, str], body: str
) -> None:
    account.failing = [kind, kind]
    for path in ("jobs/77", "rate_limit_status"):
        response = get(path)
        assert response.status_code == status
        assert response.headers[header[0]] == header[1]
    assert body in response.text
    assert account.failing == []
    if kind in ("html", "broken"):
        with pytest.raises(requests.JSONDecodeError):
            response.json()
    assert get("jobs").headers["X-RateLimit-Remaining"] == "4999"
    with pytest.raises(KeyError):
        fault("else")


def test_faults_come_before_the_key_and_after_intercept(
    account: Account, get: Get, session: requests.Session
) -> None:
    account.failing = ["500", "502"]
    account.intercept = lambda request: Answer(418) if "limit" in request.query else None
    session.auth = ("another", "")
    answers = [get("jobs"), get("jobs", limit=1), get("jobs"), get("jobs")]
    assert [answer.status_code for answer in answers] == [500, 418, 502, 401]


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        pytest.param("reset", requests.ConnectionError, "reset by peer", id="reset"),
        pytest.param(
            "cut", requests.exceptions.ChunkedEncodingError, "21 bytes read, 21 more", id="cut"
        ),
        pytest.param("hang", requests.ReadTimeout, "timed out", id="hang"),
    ],
)
def test_a_fault_on_the_wire_is_no_answer_and_the_next_one_is(
    account: Account,
    api: str,
    session: requests.Session,
    kind: str,
    error: type[Exception],
    words: str,
) -> None:
    account.failing = [kind]
    url = f"{api}/acme/api/rate_limit_status"
    patience = 0.2 if kind == "hang" else 10
    with pytest.raises(error, match=words):
        session.get(url, timeout=patience)
    assert session.get(url, timeout=10).json() == {"limits": {"limit": 5000, "remaining": 5000}}


@pytest.mark.parametrize("kind", ["reset", "cut", "drip", "hang"])
def test_intercept_can_give_a_fault(account: Account, api: str, kind: str) -> None:
    account.intercept = lambda _: fault(kind, b"12345678")
    with asking(api, "/acme/api/jobs") as client:
        if kind == "reset":
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        elif kind == "hang":
            client.settimeout(0.2)
            with pytest.raises(TimeoutError):
                client.recv(1)
        else:
            said = b""
            while not said.endswith(b"12345678" if kind == "drip" else b"\r\n\r\n1234"):
                said += client.recv(1)
            assert b"Content-Length: 8\r\n" in said
            if kind == "cut":
                assert client.recv(1) == b""


def test_a_drip_is_the_right_answer_a_byte_at_a_time(
    account: Account, api: str, session: requests.Session
) -> None:
    account.failing = ["drip", "drip"]
    begin = time.perf_counter()
    response = session.get(f"{api}/acme/api/jobs?offset=9", timeout=10)
    assert time.perf_counter() - begin >= 2 * 0.05
    assert response.json() == []
    assert set(response.links) == {"prev"}
    with session.get(f"{api}/acme/api/jobs/77", timeout=10, stream=True) as response:
        assert response.status_code == 404
    assert account.failing == []


@pytest.mark.parametrize("kind", ["drip", "hang"])
def test_a_fault_ends_when_the_client_hangs_up(
    account: Account, handlers: queue.Queue[threading.Thread], kind: str
) -> None:
    account.intercept = lambda _: fault(kind, b" " * 10_000)
    with serve(account) as url:
        with asking(url, "/acme/api/jobs") as client:
            handler = handlers.get(timeout=5)
            assert kind == "hang" or client.recv(1)
        handler.join(5)
        assert not handler.is_alive()


@pytest.mark.parametrize("kind", ["drip", "hang"])
def test_a_fault_ends_with_the_server(
    account: Account, handlers: queue.Queue[threading.Thread], kind: str
) -> None:
    account.intercept = lambda _: fault(kind, b" " * 10_000)
    with serve(account) as url:
        client = asking(url, "/acme/api/jobs")
        handler = handlers.get(timeout=5)
        begin = time.perf_counter()
    assert time.perf_counter() - begin < 5  # the fault itself goes on for minutes
    handler.join(5)
    assert not handler.is_alive()
    with client:
        while client.recv(1000):
            assert kind == "drip"


def test_the_account_can_change_before_each_answer(account: Account, get: Get) -> None:
    """From another thread, too: the lock is free."""

    def change(request: Request) -> None:
        asked.append(request.query.get("offset", ""))
        other = threading.Thread(target=account.add_job, kwargs={"id": len(asked)})
        other.start()
        other.join(5)
        assert not other.is_alive()
        if len(asked) == 3:
            account.remove_job(2)
            account.advance(60)

    asked: list[str] = []
    account.before_answer = change
    account.intercept = lambda _: Answer(503) if len(asked) == 1 else None
    assert get("jobs", offset=0).status_code == 503
    assert ids(get("jobs", offset=1, direction="asc")) == [2]
    assert ids(get("jobs", offset=0, direction="asc")) == [1, 3]
    assert asked == ["0", "1", "0"]
    assert account.now == NOW + timedelta(seconds=60)


@pytest.mark.parametrize("option", [{"lag": 60}, {"shuffles_ties": True}, {"varies_cap": True}])
def test_the_same_seed_is_as_hard_to_read(option: dict[str, Any]) -> None:
    def readings(seed: int) -> list[list[int]]:
        account = Account(seed=seed, **option)
        seen = []
        with serve(account) as url, requests.Session() as session:
            session.auth, session.trust_env = ("demo-key", ""), False
            session.headers["Accept"] = ACCEPT
            for _ in range(20):
                account.add_job(created_at=NOW)
                account.advance(10)
                seen.append(ids(session.get(f"{url}/acme/api/jobs", timeout=10)))
        return seen

    assert readings(1) == readings(1) != readings(2)


def test_an_account_is_made_as_hard_to_read_as_told() -> None:
    links: Links = "none"
    account = Account(
        lag=5,
        shuffles_ties=True,
        varies_cap=True,
        links=links,
        date_offset=None,
        failing=["500"],
        before_answer=print,
    )
    assert (account.lag, account.shuffles_ties, account.varies_cap) == (5, True, True)
    assert (account.links, account.date_offset, account.failing) == ("none", None, ["500"])
    assert account.before_answer is print
