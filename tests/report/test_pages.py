"""The pages of packages follow from those of the jobs that rows name."""

from datetime import UTC, datetime
from typing import Any

from samples import job, store
from sqlalchemy import Engine

from snapshotter.report.pages import named_jobs, package_urls
from snapshotter.trends.filters import Filters

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
ALL = Filters()
PAGE = "https://xplenty.com/acme/jobs"
FAILURES = {"last_failures": [{"account_id": "acme", "package_id": 7, "job_id": 9, "place": 1}]}


def row(package_id: int | None, **fields: Any) -> dict[str, Any]:
    return {"account_id": "acme", "package_id": package_id, **fields}


def test_rows_name_jobs_in_several_columns() -> None:
    earlier = row(7, job_id=8, place=2)
    found = {
        "freshness": [row(1, last_job_id=1), row(2, last_job_id=None)],
        "open_jobs": [row(1, job_id=2)],
        "job_urls": [{"job_id": 3, "url": PAGE}],
        "last_failures": [*FAILURES["last_failures"], earlier],
    }
    assert [*named_jobs(found)] == [1, 2, 9]


def test_the_page_of_a_package_is_beside_those_of_its_jobs(engine: Engine) -> None:
    found = {"freshness": [row(434, last_job_id=1), row(5, last_job_id=2)], **FAILURES}
    urls = {1: f"{PAGE}/1", 2: "https://elsewhere.example/2", 9: f"{PAGE}/9"}
    with engine.connect() as connection:
        assert package_urls(connection, ALL, found, urls) == {
            ("acme", 434): "https://xplenty.com/acme/packages/434",
            ("acme", 7): "https://xplenty.com/acme/packages/7",
        }


def test_a_package_of_which_no_row_names_a_job_has_the_page_of_its_latest(engine: Engine) -> None:
    pages = {1: f"{PAGE}/1", 2: f"{PAGE}/2", 3: None, 4: "javascript:alert(1)//jobs/4"}
    for number, url in pages.items():
        of = {"package_id": 434 + number // 4, "package": None}
        store(engine, job(id=number, outputs=[], html_url=url, **of), at=NOW)
    found = {"failures_by_day": [row(434), row(435), row(None)], "last_failures": []}
    with engine.connect() as connection:
        assert package_urls(connection, ALL, found, {}) == {
            ("acme", 434): "https://xplenty.com/acme/packages/434"
        }
        assert package_urls(connection, Filters(account_id="beta"), found, {}) == {}
