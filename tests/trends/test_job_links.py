"""The addresses of the jobs of a trend's rows."""

from datetime import UTC, datetime

from samples import store
from sqlalchemy import Engine, event
from trend_jobs import ran

from snapshotter.trends.job_links import job_links
from snapshotter.trends.values import Result

URL = "https://dashboard.xplenty.com/acme/jobs/{}"


def test_the_pages_of_the_jobs_of_the_rows(engine: Engine) -> None:
    odd = {3: "javascript:alert(1)", 4: "https://x/\x1b\\", 5: None}
    jobs = [ran(n, 1, html_url=odd.get(n, URL.format(n))) for n in range(1, 7)]
    store(engine, *jobs, at=datetime(2026, 1, 5, tzinfo=UTC))
    rows = [(n, n + 1, 1) for n in (1, 3)] + [(5, None, 6), (99, 99, 6)]
    result = Result(["job_id", "last_job_id", "runs"], rows)
    with engine.connect() as connection:
        found = job_links(connection, result)
        assert found == {1: URL.format(1), 2: URL.format(2)}
        assert job_links(connection, Result(["runs"], [(1,)])) == {}


def test_many_ids_are_looked_up_together(engine: Engine) -> None:
    store(engine, ran(1, 1, html_url=URL.format(1)), at=datetime(2026, 1, 5, tzinfo=UTC))
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: statements.append(str(given[2])))
    with engine.connect() as connection:
        found = job_links(connection, Result(["job_id"], [(n,) for n in range(2000, 0, -1)]))
    assert found == {1: URL.format(1)}
    assert sum("html_url" in each for each in statements) == 3
