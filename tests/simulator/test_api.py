"""The answers of the simulated account over real HTTP, requested as the API documents."""

import threading
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from simulated import JOB_FIELDS, NOW, OUTPUT_FIELDS, Get, basic, ids

from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.api import ACCEPT
from snapshotter.simulator.faults import Answer, Request
from snapshotter.simulator.history import stamp

pytest_plugins = ["simulated_fixtures"]


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
def test_requests_are_refused_as_documented(
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
def test_a_bad_parameter_is_refused_by_name(get: Get, name: str, value: str) -> None:
    response = get("jobs", **{name: value})
    assert response.status_code == 422
    assert name in response.json()["message"]


def test_a_job_has_every_documented_field(account: SimulatedAccount, get: Get) -> None:
    job = account.add_job(status="failed")
    (answer,) = get("jobs").json()
    assert answer == job
    assert set(answer) == JOB_FIELDS
    assert set(answer["outputs"][0]) == OUTPUT_FIELDS
    assert answer["package"]["id"] == answer["package_id"]
    assert answer["cluster"]["id"] == answer["cluster_id"]


def test_a_single_job_has_only_id_name_and_url_of_its_package_and_cluster(
    account: SimulatedAccount, get: Get
) -> None:
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
def test_a_package_set_by_hand_is_sent_unchanged(
    account: SimulatedAccount, get: Get, part: dict[str, Any]
) -> None:
    with account.lock:
        account.jobs[7] = {"id": 7, "cluster": None, **part}
        account.touch()
    assert get("jobs/7").json() == get("jobs").json()[0] == {"id": 7, "cluster": None, **part}
    assert get("jobs/7", include="log_summary").json()["log_summary"]["error_summary"] is None


def test_the_log_summary_is_sent_if_requested(account: SimulatedAccount, get: Get) -> None:
    account.add_job(id=7, status="failed", errors="No such table")
    summary = get("jobs/7", include="log_summary").json()["log_summary"]
    assert set(summary) == {
        *("id", "body", "error_summary", "openai_extract", "action_items", "created_at")
    }
    assert summary["error_summary"] == "No such table"
    assert "log_summary" not in account.jobs[7]
    assert "log_summary" not in get("jobs/7").json()
    account.log_summaries[7] = None
    assert get("jobs/7", include="log_summary").json()["log_summary"] is None


def test_lists_are_sorted_in_both_directions(account: SimulatedAccount, get: Get) -> None:
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


def test_lists_are_filtered_by_status_and_package(account: SimulatedAccount, get: Get) -> None:
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
def test_since_filters_by_updated_at(
    account: SimulatedAccount, get: Get, since: str, expected: list[int]
) -> None:
    account.add_job(id=1)
    account.add_job(id=2, updated_at=NOW + timedelta(minutes=5))
    assert ids(get("jobs", since=since, direction="asc")) == expected


def test_a_list_has_changes_after_touch(account: SimulatedAccount, get: Get) -> None:
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


def test_limits_are_capped(account: SimulatedAccount, get: Get) -> None:
    for _ in range(250):
        account.add_job()
    assert len(ids(get("jobs"))) == 20
    assert len(ids(get("jobs", limit=7))) == 7
    assert len(ids(get("jobs", limit=1000))) == 100
    account.page_cap = 30
    assert len(ids(get("jobs", limit=100))) == 30


def test_links_lead_through_the_whole_list_and_back(
    account: SimulatedAccount, get: Get, session: requests.Session
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


def test_credits_are_spent_and_renewed_every_hour(account: SimulatedAccount, get: Get) -> None:
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


def test_an_intercepted_request_is_free_and_its_answer_sent_unchanged(
    account: SimulatedAccount, get: Get
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


def test_long_answers_are_compressed_if_accepted(
    account: SimulatedAccount, get: Get, session: requests.Session
) -> None:
    account.add_job()
    compressed = get("jobs")
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in get("rate_limit_status").headers
    session.headers["Accept-Encoding"] = "identity"
    plain = get("jobs")
    assert "Content-Encoding" not in plain.headers
    assert plain.json() == compressed.json()


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("sort", ["created", "updated"])
def test_ties_are_shuffled_in_every_list(
    account: SimulatedAccount, get: Get, sort: str, direction: str
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


def test_a_varying_cap_never_makes_a_page_empty(account: SimulatedAccount, get: Get) -> None:
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
def test_wrong_links_are_present_when_a_page_is_but_lead_elsewhere(
    account: SimulatedAccount, get: Get, offset: int, rels: set[str]
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
    account: SimulatedAccount, get: Get, offset: float | None, date: str | None
) -> None:
    account.add_job()
    account.date_offset = offset
    response = get("jobs")
    assert response.headers.get("Date") == date
    assert response.json()[0]["created_at"] == stamp(NOW)


def test_faults_come_before_the_key_and_after_intercept(
    account: SimulatedAccount, get: Get, session: requests.Session
) -> None:
    account.failing = ["500", "502"]
    account.intercept = lambda request: Answer(418) if "limit" in request.query else None
    session.auth = ("another", "")
    answers = [get("jobs"), get("jobs", limit=1), get("jobs"), get("jobs")]
    assert [answer.status_code for answer in answers] == [500, 418, 502, 401]


def test_the_account_can_change_before_each_answer(account: SimulatedAccount, get: Get) -> None:
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
