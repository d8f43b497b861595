"""Links of the report to pages at the vendor."""

from urllib.parse import urlsplit

from snapshotter.report.answers import Answers
from snapshotter.report.rows import Key


def web_page(url: str | None) -> str | None:
    """Return a URL that a reader may follow, None for any other.

    The URLs are from the API: `javascript:` and the like would act on the reader's page.
    """
    if url is None or any(not character.isprintable() or character.isspace() for character in url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.hostname else None


def job_page(answers: Answers, job_id: int | None) -> str | None:
    return None if job_id is None else web_page(answers.urls.get(job_id))


def package_page(answers: Answers, key: Key) -> str | None:
    account, package_id = key
    if account is None or package_id is None:
        return None
    return web_page(answers.package_urls.get((account, package_id)))
