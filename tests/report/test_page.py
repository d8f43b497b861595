"""The report's page: its policy, its head and its data, whatever the answers contain."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from snapshotter import __version__
from snapshotter.report import page as module
from snapshotter.report.answers import TRENDS, Answers
from snapshotter.report.findings import Finding
from snapshotter.report.page import SCRIPTS, page
from snapshotter.report.rendering import resource
from snapshotter.report.sections import SECTIONS

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOSTILE = "</script><!--<script> & {{ js }} {% if %} \u2028 \" '"
SPELLED = HOSTILE.replace("\u2028", r"\u2028")
OF_ACME = {"account_id": "acme"}


class Elements(HTMLParser):
    """The text in each element of a kind, and the attributes of all elements, as a browser reads.

    A repeated element's texts are in the order of the page.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: dict[str, list[str]] = {}
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))
        self.texts.setdefault(tag, []).append("")
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        for tag in self._open:
            self.texts[tag][-1] += data


def answers(**given: Any) -> Answers:
    """Return answers about January 2026; `trends` are those that have rows."""
    trends: dict[str, list[dict[str, Any]]] = {name: [] for name in TRENDS}
    trends |= given.pop("trends", {})
    values = {
        "accounts": [("acme", NOW)],
        "days": (date(2026, 1, 1), date(2026, 1, 31)),
        "package": None,
        **given,
    }
    return Answers(trends=trends, **values)


def html(of: Answers) -> str:
    return page(of, NOW)


def text_of(of: Answers, tag: str, at: int = 0) -> str:
    return Elements(html(of)).texts[tag][at]


def day_of(package_id: int | None, name: str | None, **values: Any) -> dict[str, Any]:
    columns = dict.fromkeys(
        ("runs", "p50_seconds", "p95_seconds", "max_seconds", "failed", "stopped", "failure_rate"),
        1,
    )
    package = {"package_id": package_id, "package_name": name}
    return {**OF_ACME, **package, "day": date(2026, 1, 7), **columns, **values}


def test_only_the_pages_own_scripts_may_run() -> None:
    found = Elements(html(answers()))
    (policy,) = (
        attributes["content"] or ""
        for tag, attributes in found.attributes
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )
    allowed = dict(each.strip().split(" ", 1) for each in policy.split(";"))
    _data, *scripts = found.texts["script"]
    assert set(allowed["script-src"].split()) == {
        f"'sha256-{base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()}'"
        for each in scripts
    }
    assert scripts[1] == Path(module.__file__).with_name("vendor").joinpath(
        "plotly-cartesian.min.js"
    ).read_text("utf-8")
    assert allowed["default-src"] == "'none'"
    assert (allowed["base-uri"], allowed["form-action"]) == ("'none'", "'none'")
    assert allowed["img-src"] == "data: blob:"


def test_nothing_is_fetched_from_anywhere() -> None:
    of = answers(trends={"runtime_by_day": [day_of(434, "orders")]})
    found = Elements(html(of)).attributes
    assert {attributes["href"] for _, attributes in found if "href" in attributes} == {
        "#findings",
        *(f"#{each.anchor}" for each in SECTIONS),
    }
    assert not [tag for tag, attributes in found if "src" in attributes or tag in ("link", "img")]
    styles = "".join(Elements(html(of)).texts["style"])
    assert "@import" not in styles
    assert not re.search(r"url\((?!data:)", styles)


def test_every_script_is_in_the_page() -> None:
    folder = Path(module.__file__).with_name("scripts")
    assert sorted(SCRIPTS) == sorted(path.stem for path in folder.glob("*.js"))
    own = text_of(answers(), "script", 1)
    places = [own.index((folder / f"{name}.js").read_text("utf-8")) for name in SCRIPTS]
    assert places == sorted(places)


def test_data_neither_ends_nor_changes_the_page() -> None:
    rows = [day_of(434, HOSTILE)]
    found = Elements(html(answers(trends={"runtime_by_day": rows}, package=HOSTILE)))
    assert len(found.texts["script"]) == 3
    assert json.loads(found.texts["script"][0])["packages"] == [
        {"id": 434, "name": SPELLED, "label": f"{SPELLED} (434)", "account": 0}
    ]
    assert found.texts["title"][0] == f"{SPELLED}: Xplenty jobs of acme, 31 January 2026"
    assert found.texts["h1"] == [f"{SPELLED} · acme"]
    plain = Elements(html(answers(trends={"runtime_by_day": [day_of(434, "orders")]}, package="x")))
    assert found.attributes == plain.attributes


@pytest.mark.parametrize(
    ("accounts", "package", "title", "heading"),
    [
        ([], None, "Xplenty jobs, 31 January 2026", "No account yet"),
        (["acme"], None, "Xplenty jobs of acme, 31 January 2026", "acme"),
        (["acme", "beta"], None, "Xplenty jobs of acme, beta, 31 January 2026", "acme, beta"),
        (["acme"], "orders", "orders: Xplenty jobs of acme, 31 January 2026", "orders · acme"),
    ],
)
def test_the_title_names_the_accounts_the_newest_day_and_the_package(
    accounts: list[str], package: str | None, title: str, heading: str
) -> None:
    of = answers(accounts=[(each, NOW) for each in accounts], package=package)
    assert (text_of(of, "title"), text_of(of, "h1")) == (title, heading)


def test_without_jobs_the_title_has_the_day_on_which_it_was_made() -> None:
    assert text_of(answers(days=None), "title") == "Xplenty jobs of acme, 31 January 2026"
    assert text_of(answers(days=None, accounts=[]), "title") == "Xplenty jobs: no account yet"


JANUARY = "1 January 2026 to 31 January 2026 (31 days, UTC)"
AS_OF = "31 January 2026, 12:00 UTC"
LATER = "1,234 jobs dated after 31 January 2026 are left out"
ONE_LATER = "1 job dated after 31 January 2026 is left out"
TWO = [("a&b", NOW), ("beta", None)]
OF_TWO = f"data of a&b as of {AS_OF} · data of beta not complete yet"


@pytest.mark.parametrize(
    ("given", "facts"),
    [
        ({}, f"{JANUARY} · data as of {AS_OF}"),
        ({"accounts": TWO}, f"{JANUARY} · {OF_TWO}"),
        ({"later": 1_234}, f"{JANUARY} · data as of {AS_OF} · {LATER}"),
        ({"later": 1}, f"{JANUARY} · data as of {AS_OF} · {ONE_LATER}"),
        ({"days": None}, "The database has no jobs yet."),
        (
            {"days": (date(2026, 1, 31), date(2026, 1, 31))},
            f"31 January 2026 (1 day, UTC) · data as of {AS_OF}",
        ),
    ],
)
def test_facts_are_the_days_and_how_far_the_data_goes(given: dict[str, Any], facts: str) -> None:
    found = re.search(r'<p class="facts">(.*?)</p>', html(answers(**given)))
    assert found is not None
    assert Elements(f"<p>{found[1]}</p>").texts["p"] == [facts]


def sections(text: str) -> list[str]:
    found = Elements(text).attributes
    return [attributes["id"] or "" for tag, attributes in found if tag == "section"]


def links(text: str) -> list[str]:
    found = Elements(text).attributes
    return [attributes["href"] or "" for tag, attributes in found if tag == "a"]


def test_every_section_is_there_and_linked() -> None:
    found = html(answers())
    anchors = [each.anchor for each in SECTIONS]
    assert sections(found) == ["findings", *anchors]
    assert links(found) == ["#findings", *(f"#{each}" for each in anchors)]


def test_without_jobs_the_page_names_the_command_that_fetches_them() -> None:
    numbers = (
        *("snapshot_id", "seconds", "lag_seconds", "jobs_seen", "jobs_inserted", "jobs_changed"),
        *("jobs_rejected", "credits_spent", "credits_remaining"),
    )
    words = {"account_id": "acme", "kind": "full", "status": "failed", "error": "no room"}
    log = {**dict.fromkeys(numbers, 1), **words, "started_at": NOW}
    found = html(Answers([], None, None, {"snapshot_log": [log]}))
    assert sections(found) == ["findings", "snapshot"]
    assert "<code>snapshotter sync</code> fetches them" not in found  # a failed run is a finding
    assert "no room" in found
    assert Elements(found).texts["script"][0] == "{}"
    assert [link for link in links(found) if link.startswith("#")] == [
        *("#findings", "#snapshot", "#snapshot")
    ]
    empty = html(Answers([], None, None, {"snapshot_log": [], "complete_runs": []}))
    assert "No snapshot is complete yet." in empty
    assert "The database has no jobs yet; <code>snapshotter sync</code> fetches them." in empty
    assert '<dl class="tiles">' not in empty
    assert links(empty) == ["#findings", "#snapshot", "#snapshot"]
    assert len(empty.encode()) < 100_000
    assert "Plotly.react" in empty
    assert "plotly.js (" not in empty


def test_findings_link_to_their_sections() -> None:
    assert "Nothing stands out in these days." in html(answers())
    failing = day_of(434, "a<b", runs=10, failed=9)
    found = html(answers(trends={"failures_by_day": [failing]}))
    assert "Nothing stands out" not in found
    item = re.search(r'<ol class="findings">\n<li>(.*?)</li>', found, re.DOTALL)
    assert item is not None
    assert "a&lt;b failed 9 of 9 runs" in item[1]
    assert 'href="#fails">Failures ' in item[1]


FINDING = Finding(9, "Stuck", "waits", "Job 7 is <stuck>.", job_id=7)


@pytest.mark.parametrize(
    ("finding", "urls", "link"),
    [
        (FINDING, {}, None),
        (FINDING, {7: "https://example.org/jobs/7"}, ("https://example.org/jobs/7", "job 7")),
        (FINDING, {7: "javascript:alert(1)"}, None),
        (replace(FINDING, url="https://example.org/x"), {}, ("https://example.org/x", "job 7")),
        (replace(FINDING, url="data:text/html,x"), {}, None),
        (
            replace(FINDING, url="https://example.org/x", job_id=None),
            {},
            ("https://example.org/x", "its page"),
        ),
        (
            replace(FINDING, job_id=None, account_id="acme", package_id=434),
            {},
            ("https://example.org/packages/434", "its page"),
        ),
        (replace(FINDING, job_id=None, account_id="acme", package_id=None), {}, None),
    ],
)
def test_a_finding_links_to_its_job_or_its_package(
    finding: Finding,
    urls: dict[int, str],
    link: tuple[str, str] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "findings", lambda *_: [finding])
    package_urls = {("acme", 434): "https://example.org/packages/434"}
    found = html(answers(urls=urls, package_urls=package_urls))
    item = re.search(r'<ol class="findings">\n<li>(.*?)</li>', found, re.DOTALL)
    assert item is not None
    assert "Job 7 is &lt;stuck&gt;." in item[1]
    shown = re.findall(r'<a href="([^"]*)" rel="noopener noreferrer">([^<]*)</a>', item[1])
    assert shown == ([] if link is None else [link])


def test_accounts_can_be_chosen_if_there_are_several() -> None:
    rows = [{**day_of(434, "orders"), "account_id": account} for account in ("beta", "a<b")]
    one = html(answers(trends={"runtime_by_day": rows[:1]}))
    assert 'id="account"' not in one
    assert 'id="scope"' not in one
    both = Elements(html(answers(trends={"runtime_by_day": rows})))
    assert both.texts["option"] == ["All 2 accounts", "a<b", "beta"]
    (scope,) = (text for text in both.texts["p"] if text.startswith("Sums"))
    assert scope == "Sums of all 2 accounts"
    assert "all 2 accounts" in both.texts["figcaption"][1]


def test_a_chart_of_the_first_packages_names_how_many() -> None:
    slow = {"runs": 1, "total_seconds": 5_400, "share": 1.0, "p50_seconds": 1, "p95_seconds": 1}
    days = [day_of(number, f"package {number}") for number in range(9)]
    slowest = [{**day, **slow} for day in days]
    found = html(answers(trends={"runtime_by_day": days, "slowest_packages": slowest}))
    assert ">the 8 packages that became slower or take most<" in found


def test_the_footer_has_the_version_and_the_moment_in_utc() -> None:
    tokyo = timezone(timedelta(hours=9))
    found = page(answers(), datetime(2026, 2, 1, 3, tzinfo=tokyo))
    made = f"Made by xplenty-snapshotter {__version__} on 31 January 2026, 18:00 UTC."
    assert made in Elements(found).texts["footer"][0]


def test_the_dark_palette_has_every_colour_of_the_light_one() -> None:
    light, dark = (
        set(re.findall(r"(--[\w-]+):", text[text.index(":root {") : text.index("}")]))
        for text in (resource("report.css"), resource("dark.css"))
    )
    assert dark == light
