"""The web pages of the jobs and packages that the report's rows name."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from sqlalchemy import Connection, func, select

from snapshotter.printable import web_page
from snapshotter.report.jobs import within
from snapshotter.report.rows import Row, names_of
from snapshotter.store.tables import JOBS, chunks
from snapshotter.trends.filters import Filters

Found = Mapping[str, Sequence[Row]]  # rows by the trend's name, as in `Answers.trends`

_JOB_COLUMNS = ("job_id", "last_job_id", "since_job_id")


def named_jobs(found: Found) -> Iterator[int]:
    """Yield the ids of the jobs that rows name."""
    for _, job_id in _rows_of_jobs(found):
        yield job_id


def _rows_of_jobs(found: Found) -> Iterator[tuple[Row, int]]:
    """Yield each row that names a job, with its id; of last failures the latest of a package."""
    for name, rows in found.items():
        columns = _JOB_COLUMNS if name not in ("last_failures", "job_urls") else ()
        for row in rows:
            yield from ((row, row[each]) for each in columns if row.get(each) is not None)
    yield from ((row, row["job_id"]) for row in found["last_failures"] if row["place"] == 1)


def package_urls(
    connection: Connection, filters: Filters, found: Found, urls: Mapping[int, str]
) -> dict[tuple[str, int], str]:
    """Return the pages of the packages of the rows, by account and id.

    They follow from `urls`, the pages of the jobs that the rows name. Jobs are read only for a
    package of which no row names one.
    """
    pages: dict[tuple[str, int], str] = {}
    for row, job_id in _rows_of_jobs(found):
        package = row.get("package_id")
        page = None if package is None else _page(urls.get(job_id), job_id, package)
        if page is not None:
            pages[row["account_id"], row["package_id"]] = page
    others = {key[1] for key in names_of(found) if key[1] is not None and key not in pages}
    return {**_urls_of(connection, filters, others), **pages}


def _urls_of(
    connection: Connection, filters: Filters, package_ids: Collection[int]
) -> dict[tuple[str, int], str]:
    """Return the pages of these packages, each by its latest job that has one."""
    found: dict[tuple[str, int], str] = {}
    for ids in chunks(package_ids):
        latest = (
            select(func.max(JOBS.c.id))
            .where(JOBS.c.package_id.in_(ids), JOBS.c.html_url.is_not(None), *within(filters))
            .group_by(JOBS.c.account_id, JOBS.c.package_id)
        )
        asked = select(JOBS.c.account_id, JOBS.c.package_id, JOBS.c.id, JOBS.c.html_url)
        for account, package, job_id, url in connection.execute(asked.where(JOBS.c.id.in_(latest))):
            page = _page(web_page(url), job_id, package)
            if page is not None:
                found[account, package] = page
    return found


def _page(url: str | None, job_id: int, package_id: int) -> str | None:
    """Return a package's page by that of one of its jobs; None if its place is not known.

    The API links a job's page, but only the data of its package. The page of a package is beside
    that of its job, as it is in the API.
    """
    end = f"/jobs/{job_id}"
    if url is None or not url.endswith(end):
        return None
    return f"{url.removesuffix(end)}/packages/{package_id}"
