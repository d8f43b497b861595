from snapshotter.report.answers import Answers
from snapshotter.report.links import job_page, package_page


def test_pages_of_jobs_and_packages() -> None:
    urls = {7: "https://example.org/7", 8: "javascript:alert(1)"}
    package_urls = {("acme", 434): "https://example.org/434"}
    of = Answers([], None, None, {}, urls=urls, package_urls=package_urls)
    assert [job_page(of, job) for job in (7, 8, 9, None)] == [urls[7], None, None, None]
    keys = [("acme", 434), ("beta", 434), ("acme", None), (None, 434)]
    assert [package_page(of, key) for key in keys] == [
        *("https://example.org/434", None, None, None)
    ]
