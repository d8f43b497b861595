"""Links of the report to pages at the vendor."""

from snapshotter.printable import web_page
from snapshotter.report.answers import Answers
from snapshotter.report.rows import Key


def job_page(answers: Answers, job_id: int | None) -> str | None:
    return None if job_id is None else web_page(answers.urls.get(job_id))


def package_page(answers: Answers, key: Key) -> str | None:
    account, package_id = key
    if account is None or package_id is None:
        return None
    return web_page(answers.package_urls.get((account, package_id)))
