import pytest

from snapshotter.report.answers import Answers
from snapshotter.report.links import job_page, package_page, web_page


@pytest.mark.parametrize(
    "url",
    [
        "https://xplenty.com/acme/jobs/7",
        "http://127.0.0.1:8080/jobs/7?a=1&b=2#c",
        'https://example.org/"><b>',  # an attribute escapes it
    ],
)
def test_pages_that_a_reader_may_follow(url: str) -> None:
    assert web_page(url) == url


@pytest.mark.parametrize(
    "url",
    [
        *(None, "", "jobs/7", "//example.org/7", "/etc/passwd", "#here", "https://", "https:7"),
        *("javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\nscript:x"),
        *("data:text/html,<script>", "file:///etc/passwd", "ftp://example.org/", "blob:x"),
        *("https://example.org/\nx", "https://example.org/\u202e", "http://[::1"),
    ],
)
def test_other_urls_are_no_links(url: str | None) -> None:
    assert web_page(url) is None


def test_pages_of_jobs_and_packages() -> None:
    urls = {7: "https://example.org/7", 8: "javascript:alert(1)"}
    package_urls = {("acme", 434): "https://example.org/434"}
    of = Answers([], None, None, {}, urls=urls, package_urls=package_urls)
    assert [job_page(of, job) for job in (7, 8, 9, None)] == [urls[7], None, None, None]
    keys = [("acme", 434), ("beta", 434), ("acme", None), (None, 434)]
    assert [package_page(of, key) for key in keys] == [
        *("https://example.org/434", None, None, None)
    ]
