"""The report's page: its policy, its head and its data, whatever the answers contain."""

import base64
import hashlib
import json
import re
from datetime import UTC, date, datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from snapshotter import __version__
from snapshotter.report import page as module
from snapshotter.report.answers import TRENDS, Answers
from snapshotter.report.page import SCRIPTS, page
from snapshotter.report.sections import SECTIONS

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
PLOTLY = "/* <script> */ var Plotly = {};"
HOSTILE = "</script><!--<script> & {{js}} \u2028"
ORDERS = {"package_id": 434, "package_name": "orders"}


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
    return page(of, PLOTLY, NOW)


def text_of(of: Answers, tag: str, at: int = 0) -> str:
    return Elements(html(of)).texts[tag][at]


def day_of(package_id: int | None, name: str | None, **values: Any) -> dict[str, Any]:
    columns = dict.fromkeys(
        ("runs", "p50_seconds", "p95_seconds", "max_seconds", "failed", "stopped", "failure_rate"),
        1,
    )
    package = {"package_id": package_id, "package_name": name}
    return {**package, "day": date(2026, 1, 7), **columns, **values}


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
    assert scripts[1] == PLOTLY
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
    assert json.loads(found.texts["script"][0])["packages"] == [{"id": 434, "name": HOSTILE}]
    assert found.texts["title"] == [f"{HOSTILE} · acme"]
    assert found.texts["h1"] == [f"{HOSTILE} · acme"]
    assert f"{HOSTILE} (434)" in found.texts["option"]
    plain = Elements(html(answers(trends={"runtime_by_day": [day_of(434, "orders")]}, package="x")))
    assert found.attributes == plain.attributes


@pytest.mark.parametrize(
    ("accounts", "package", "title"),
    [
        ([], None, "No account yet"),
        (["acme"], None, "acme"),
        (["acme", "beta"], None, "acme, beta"),
        (["acme"], "orders", "orders · acme"),
    ],
)
def test_the_title_names_the_accounts_and_the_package(
    accounts: list[str], package: str | None, title: str
) -> None:
    of = answers(accounts=[(each, NOW) for each in accounts], package=package)
    assert (text_of(of, "title"), text_of(of, "h1")) == (title, title)


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
    ],
)
def test_facts_are_the_days_and_how_far_the_data_goes(given: dict[str, Any], facts: str) -> None:
    found = re.search(r'<p class="facts">(.*?)</p>', html(answers(**given)))
    assert found is not None
    assert Elements(f"<p>{found[1]}</p>").texts["p"] == [facts]


def test_packages_to_choose_are_in_the_order_of_their_names_with_their_ids() -> None:
    named = [(7, "lines"), (434, "Orders"), (9, None), (None, None), (8, "old 8")]
    of = answers(trends={"runtime_by_day": [day_of(*each) for each in named]})
    found = Elements(html(of))
    assert found.texts["option"] == [
        *("All packages", "jobs without a package", "lines (7)", "old 8", "Orders (434)"),
        "package 9",
    ]
    values = [attributes["value"] for tag, attributes in found.attributes if tag == "option"]
    assert values == ["", "none", "7", "8", "434", "9"]


def test_tiles_are_sums_of_the_trends() -> None:
    failed = [
        day_of(434, "orders", runs=1_500, failed=300, stopped=200),
        day_of(7, "lines", runs=500, failed=0, stopped=300),
    ]
    slow = {"runs": 1, "total_seconds": 5_400, "share": 1.0, "p50_seconds": 1, "p95_seconds": 1}
    found = html(
        answers(
            trends={
                "failures_by_day": failed,
                "slowest_packages": [{**ORDERS, **slow}, {**ORDERS, **slow, "total_seconds": None}],
                "records_by_day": [],
            }
        )
    )
    tiles = dict(re.findall(r'<dd data-tile="(\w+)">([^<]*)</dd>', found))
    assert tiles == {
        "runs": "2,000",
        "failed": "300 (20 %)",
        "hours": "2",
        "records": "0",
        "nodes": "0",
        "packages": "2",
    }
    assert 'data-tile="failed">0</dd>' in html(answers())
    stopped = [day_of(434, "orders", runs=5, failed=0, stopped=5)]
    assert 'data-tile="failed">0</dd>' in html(answers(trends={"failures_by_day": stopped}))


def sections(text: str) -> list[str]:
    found = Elements(text).attributes
    return [attributes["id"] or "" for tag, attributes in found if tag == "section"]


def test_every_section_is_there_and_linked() -> None:
    found = html(answers())
    anchors = [each.anchor for each in SECTIONS]
    assert sections(found) == ["findings", *anchors]
    links = [f"#{each}" for each in anchors]
    hrefs = [attributes.get("href") for tag, attributes in Elements(found).attributes if tag == "a"]
    assert hrefs == ["#findings", *links]


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
    empty = html(Answers([], None, None, {"snapshot_log": []}))
    assert "The database has no jobs yet; <code>snapshotter sync</code> fetches them." in empty
    assert "<dd data-tile" not in empty


def test_findings_link_to_their_sections() -> None:
    assert "Nothing stands out in these days." in html(answers())
    failing = day_of(434, "a<b", runs=10, failed=9)
    found = html(answers(trends={"failures_by_day": [failing]}))
    assert "Nothing stands out" not in found
    item = re.search(r'<ol class="findings">\n<li>(.*?)</li>', found)
    assert item is not None
    assert "a&lt;b failed 9 of 9 runs" in item[1]
    assert '<a href="#fails">Failures ' in item[1]


def test_the_footer_has_the_version_and_the_moment_in_utc() -> None:
    tokyo = timezone(timedelta(hours=9))
    found = page(answers(), PLOTLY, datetime(2026, 2, 1, 3, tzinfo=tokyo))
    made = f"Made by xplenty-snapshotter {__version__} on 31 January 2026, 18:00 UTC."
    assert made in Elements(found).texts["footer"][0]


def test_the_dark_palette_has_every_colour_of_the_light_one() -> None:
    light, dark = (
        set(re.findall(r"(--[\w-]+):", Path(module.__file__).with_name(name).read_text("utf-8")))
        for name in ("report.css", "dark.css")
    )
    assert dark == light
