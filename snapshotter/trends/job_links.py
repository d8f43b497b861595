"""Where the jobs of a trend's rows are shown: the addresses of their pages."""

from collections.abc import Iterable

from sqlalchemy import BigInteger, Connection, bindparam, text

from snapshotter.printable import web_page
from snapshotter.trends.cells import is_job_id
from snapshotter.trends.values import Result

_AT_ONCE = 900  # of old versions of SQLite, the most parameters are 999
_URLS = text("select id, html_url from jobs where id in :ids and html_url is not null").bindparams(
    bindparam("ids", expanding=True, type_=BigInteger)
)


def job_links(connection: Connection, result: Result) -> dict[int, str]:
    """Return the address of each job that the rows name, if it is one of the web."""
    places = [place for place, column in enumerate(result.columns) if is_job_id(column)]
    named = dict.fromkeys(row[place] for row in result.rows for place in places)
    return job_pages(connection, (each for each in named if isinstance(each, int)))


def job_pages(connection: Connection, job_ids: Iterable[int]) -> dict[int, str]:
    """Return the web pages of these jobs, as far as they are known."""
    ids = list(dict.fromkeys(job_ids))
    pages: dict[int, str] = {}
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        found = connection.execute(_URLS, {"ids": some})
        pages |= {job_id: url for job_id, url in found if web_page(url)}
    return pages
