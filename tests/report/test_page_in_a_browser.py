"""The report's page in a real browser, without network: it works, and shows what it should."""

import io
import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from browser import opened
from playwright.sync_api import Browser, Page
from pypdf import PdfReader
from report_files import DAYS, HOSTILE, NOW, Tables, history, only_sqlite, put, without_plotly
from samples import job
from sqlalchemy import Engine

from snapshotter.report import page as module
from snapshotter.report.answers import TRENDS, Answers, Scope
from snapshotter.report.page import page as html
from snapshotter.report.report import report
from snapshotter.report.sections import Kind
from snapshotter.report.tables import cell

pytest_plugins = ["report_fixtures"]
pytestmark = pytest.mark.xdist_group("report")  # one browser
SUGGESTED = "[...document.querySelectorAll('#packages option')].map(option => option.value)"


def draw(page: Page, *keys: str) -> None:
    """Scroll to each chart, or to all of them, and wait until it is drawn."""
    for key in keys or page.evaluate("plots.map(plot => plot.dataset.chart)"):
        page.locator(f"[data-figure={key}]").scroll_into_view_if_needed()
        page.locator(f"[data-chart={key}] .main-svg").first.wait_for()


def choose(page: Page, text: str) -> None:
    """Type a package's name, or a part of it, or its id."""
    page.fill("#package", text)
    page.press("#package", "Enter")


@only_sqlite
def test_an_empty_database_is_reported_as_such(
    engine: Engine, tmp_path: Path, browser: Browser
) -> None:
    target = tmp_path / "report.html"
    report(engine, target, Scope(DAYS), NOW)
    with opened(browser, target) as page:
        assert "The database has no jobs yet" in page.inner_text("main")


@pytest.mark.slow
@only_sqlite
def test_one_run_is_enough(engine: Engine, tmp_path: Path, browser: Browser) -> None:
    put(engine, job())
    target = tmp_path / "report.html"
    report(engine, target, Scope(DAYS), NOW)
    with opened(browser, target) as page:
        page.wait_for_selector(".main-svg")
        assert page.inner_text("[data-tile=runs] dd") == "1"


@only_sqlite
def test_what_the_api_left_out_does_no_harm(
    engine: Engine, tmp_path: Path, browser: Browser
) -> None:
    bare = {"id": 8, "status": "completed", "outputs": [{"id": 80}]}
    unknown = job(id=9, package_id=None, package=None, cluster=None, runtime_in_seconds=None)
    failed = job(id=10, status="failed", errors=None, package=None, outputs=[])
    idle = job(id=11, status="idle", started_at=None, completed_at=None, outputs=[])
    put(engine, bare, unknown, failed, idle)
    target = tmp_path / "report.html"
    report(engine, target, Scope(timedelta(days=10**6)), NOW)
    with opened(browser, target) as page:
        assert page.evaluate(SUGGESTED) == ["jobs without a package", "orders (434)"]
        for each in ("none", "434"):
            choose(page, each)
            draw(page)


@pytest.mark.slow
@only_sqlite
def test_nothing_of_the_api_is_taken_for_html(written: Path, browser: Browser) -> None:
    found = Tables(without_plotly(written))
    assert not [tag for tag, _ in found.tags if tag in ("img", "b")]
    assert not [
        attributes for _, attributes in found.tags if any(k.startswith("on") for k in attributes)
    ]
    assert [tag for tag, _ in found.tags].count("script") == 2
    with opened(browser, written) as page:
        choose(page, "435")
        draw(page)
        assert page.evaluate("document.querySelectorAll('main img, main b').length") == 0
        assert page.locator("[data-chart] a[href*=javascript]").count() == 0
        assert HOSTILE[0] in page.inner_text("#status-line")


@pytest.mark.slow
@only_sqlite
def test_the_filter_works_by_keyboard(written: Path, browser: Browser) -> None:
    with opened(browser, written) as page:
        chart = page.locator("[data-chart=runtime]")
        draw(page, "runtime")
        names = "[...document.querySelector('[data-chart=runtime]').data].map(t => t.name)"
        assert page.evaluate(names) == ["&lt;script&gt;alert(1)&lt;/script&gt;", "orders", "no run"]
        # The tenth is the only day on which nothing ran, beside those after the last.
        assert page.evaluate("document.querySelector('[data-chart=runtime]').data.at(-1).x") == [
            "2026-01-10"
        ]
        page.focus("#package")
        page.keyboard.type("ORD")
        assert page.inner_text("#status-line") == ""
        page.keyboard.press("Enter")
        page.wait_for_function("document.getElementById('status-line').textContent !== ''")
        assert page.input_value("#package") == "orders (434)"
        assert page.inner_text("#status-line").startswith("Showing orders: ")
        assert page.evaluate(names) == ["median", "p95", "no run"]
        assert "orders" in (chart.get_attribute("aria-label") or "")
        shown = page.evaluate(
            "[...document.querySelectorAll('tr[data-package]')]"
            ".filter(r => !r.hidden && !r.parentElement.hidden).map(r => r.dataset.package)"
        )
        assert set(shown) == {"434"}
        own = page.evaluate(
            "[...document.querySelectorAll('[data-series=runtime] tbody[data-own] tr')]"
            ".map(r => [...r.cells].slice(0, 4).map(c => c.textContent))"
        )
        assert len(own) == 19
        assert own[0] == ["orders", "2026-01-20", "1", "10 min"]
        written_rows = page.evaluate(
            "[...document.querySelectorAll('[data-series=records] tbody[data-own] tr')]"
            ".map(r => [0, 1, 2, 4].map(i => r.cells[i].textContent))"
        )
        assert len(written_rows) == 19
        assert written_rows[0] == ["orders", HOSTILE[3], "2026-01-20", "2,000"]


@only_sqlite
def test_a_package_is_found_by_a_part_of_its_name(written: Path, browser: Browser) -> None:
    with opened(browser, written) as page:
        everything = page.inner_text("[data-tile=runs] dd")
        choose(page, "nothing like it")
        assert page.inner_text("#status-line") == (
            "No package has “nothing like it” in the name or id. Showing all packages."
        )
        choose(page, "43")
        assert page.inner_text("#status-line").startswith("2 packages have “43” in the name or id.")
        assert page.inner_text("[data-tile=runs] dd") == everything
        page.fill("#package", "orders (434)")  # as a browser does if it is picked from the list
        assert page.inner_text("#status-line").startswith("Showing orders: ")
        assert page.inner_text("[data-tile=runs] dd") != everything
        page.fill("#package", "")
        assert page.inner_text("#status-line").startswith("Showing all packages: ")
        assert page.inner_text("[data-tile=runs] dd") == everything


@only_sqlite
def test_an_account_can_be_chosen(engine: Engine, tmp_path: Path, browser: Browser) -> None:
    put(engine, *history())
    at = dict.fromkeys(("created_at", "started_at", "updated_at"), "2026-01-20T03:00:00Z")
    ends = {7: "completed", 8: "failed"}
    jobs = (job(id=number, status=end, **at, outputs=[]) for number, end in ends.items())
    put(engine, *jobs, account_id="beta")
    target = tmp_path / "report.html"
    report(engine, target, Scope(DAYS), NOW)
    accounts = (
        "[...document.querySelectorAll('tr[data-account]')]"
        ".filter(row => !row.hidden && !row.parentElement.hidden).map(row => row.dataset.account)"
    )
    with opened(browser, target) as page:
        assert page.inner_text(".scope") == "Sums of all 2 accounts"
        assert page.inner_text("[data-tile=runs] dd") == "40"
        assert set(page.evaluate(accounts)) == {"acme", "beta"}
        choose(page, "orders")
        assert page.inner_text("#status-line").startswith("2 packages have “orders”")
        page.select_option("#account", "beta")
        assert page.inner_text("#status-line").startswith("Showing beta: ")
        assert page.inner_text(".scope") == "Sums of beta"
        assert page.inner_text("[data-tile=runs] dd") == "2"
        assert set(page.evaluate(accounts)) == {"beta"}
        assert page.evaluate(SUGGESTED) == ["orders (434), beta"]
        draw(page)
        shows = page.evaluate(
            "Object.fromEntries(plots.map(p => [p.dataset.chart, p.dataset.shows]))"
        )
        assert set(shows.values()) == {"beta"}
        choose(page, "orders")
        assert page.inner_text(".scope") == "Sums of orders (beta)"
        own = "[...document.querySelectorAll('[data-series=failures] [data-own] tr')]"
        cells = f"{own}.map(row => [...row.cells].map(cell => cell.textContent))"
        assert page.evaluate(cells) == [
            ["orders (beta)", "beta", "2026-01-20", "2", "1", "0", "50 %"]
        ]
        page.select_option("#account", "")
        assert page.inner_text("[data-tile=runs] dd") == "40"


@only_sqlite
def test_a_rare_package_is_a_line_and_not_a_cloud_of_dots(
    engine: Engine, tmp_path: Path, browser: Browser
) -> None:
    for number, day in enumerate((1, 2, 8, 15, 22), 1):
        at = dict.fromkeys(
            ("created_at", "started_at", "updated_at"), f"2026-01-{day:02}T03:00:00Z"
        )
        put(engine, job(id=number, outputs=[], runtime_in_seconds=60 * number, **at))
    target = tmp_path / "report.html"
    report(engine, target, Scope(DAYS), NOW)
    trace = "document.querySelector('[data-chart=runtime]').data[0]"
    with opened(browser, target) as page:
        draw(page, "runtime")
        drawn = page.evaluate(f"{trace}.x.filter((_, day) => {trace}.y[day] !== null)")
        assert drawn == [f"2026-01-{day:02}" for day in (2, 8, 15, 22)]
        assert page.evaluate(f"{trace}.y.filter((each) => each !== null)") == [1.5, 3, 4, 5]
        assert page.evaluate(f"{trace}.connectgaps")
        choose(page, "orders")
        assert page.evaluate(f"{trace}.y.filter((each) => each !== null)") == [1, 2, 3, 4, 5]


# What a value's kind in a table is called among the scripts.
FUNCTIONS: dict[Kind, str] = {
    "seconds": "duration",
    "share": "share",
    "decimal": "decimal",
    "number": "count",
}
TIES = [n / 20 for n in range(1, 4_001)]  # Python rounds a tie to the even digit


def values_of(kind: Kind) -> list[float]:
    """Return values on both sides of whatever a text of this kind depends on, and any others."""
    chance = random.Random(7)  # noqa: S311 - the same numbers each time
    spread = [10 ** chance.uniform(-3, 12) for _ in range(2_000)]
    match kind:
        case "number":
            return [0, 999, 1_000, 999_999, 2**53, *map(int, spread)]
        case "share":
            return [0, 0.0995, 0.09999, 0.1, 0.125, 0.135, 1, *(n / 800 for n in range(801))]
        case "decimal":
            return [0, *TIES, *(-tie for tie in TIES), *spread]
        case _:
            edges = [n * size for n in (1, 2, 10) for size in (1, 10, 60, 3_600, 86_400)]
            beside = [edge + off for edge in edges for off in (-0.5, -0.05, 0, 0.04, 0.5, 1)]
            return [0, 60_480_000, *TIES, *beside, *spread]


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_scripts_and_tables_have_the_same_words(
    kind: Kind, tmp_path: Path, browser: Browser
) -> None:
    target = tmp_path / "words.html"
    words = Path(module.__file__).with_name("scripts") / "words.js"
    target.write_text(f"<meta charset=utf-8><script>{words.read_text(encoding='utf-8')}</script>")
    values = values_of(kind)
    with opened(browser, target) as page:
        found = page.evaluate(f"values => values.map((each) => {FUNCTIONS[kind]}(each))", values)
        assert page.evaluate("orNothing(duration, null)") == cell(kind, None).text
    expected = [cell(kind, value).text for value in values]
    assert list(zip(values, found, strict=True)) == list(zip(values, expected, strict=True))


@pytest.mark.slow
@only_sqlite
def test_tiles_are_the_same_with_and_without_scripts(written: Path, browser: Browser) -> None:
    tiles = "[...document.querySelectorAll('[data-tile]')].map(tile => tile.textContent)"
    with opened(browser, written) as page:
        plain = page.evaluate(tiles)
        choose(page, "434")
        assert page.evaluate(tiles) != plain
        choose(page, "")
        assert page.evaluate(tiles) == plain


@only_sqlite
def test_stopped_runs_are_not_counted_in_the_rate_of_a_package(
    engine: Engine, tmp_path: Path, browser: Browser
) -> None:
    at = "2026-01-05T03:00:00Z"
    times = dict.fromkeys(("created_at", "started_at", "updated_at", "completed_at"), at)
    ends = ("completed", "failed", "stopped", "stopped")
    put(engine, *(job(id=n, status=end, outputs=[], **times) for n, end in enumerate(ends, 1)))
    target = tmp_path / "report.html"
    report(engine, target, Scope(DAYS), NOW)
    with opened(browser, target) as page:
        tile = page.locator("[data-tile=failed] dd").first
        assert tile.inner_text() == "1 (50 %)"
        choose(page, "434")
        assert tile.inner_text() == "1 (50 %)"
        rate = page.locator("[data-series=failures] tbody[data-own] tr td").last
        assert rate.text_content() == "50 %"


@only_sqlite
def test_an_output_without_a_name_has_a_dash_in_the_tables_of_all_and_of_one(
    engine: Engine, tmp_path: Path, browser: Browser
) -> None:
    put(engine, job(outputs=[{"id": 80, "name": None, "records_count": 5}]))
    target = tmp_path / "report.html"
    report(engine, target, Scope(timedelta(days=10**6)), NOW)
    with opened(browser, target) as page:
        table = page.locator("[data-series=records]")
        assert table.locator("tbody tr td").first.text_content() == "\N{EN DASH}"
        choose(page, "434")
        assert table.locator("tbody[data-own] tr td").first.text_content() == "\N{EN DASH}"


@pytest.mark.slow
@only_sqlite
def test_rows_of_one_package_are_worded_as_in_the_table_of_all(
    engine: Engine, tmp_path: Path, browser: Browser
) -> None:
    """Seconds, shares and numbers of any size; a dash is what the charts have no data for."""
    put(engine, *history())
    for number, seconds in enumerate((1, 9, 59, 61, 119, 3_599, 7_325, 90_061, 400_000)):
        at = f"2026-01-{12 + number // 3:02}T0{number % 3}:00:00Z"
        outputs = [{"id": 7_000 + number, "name": "rows", "records_count": 10 ** (number + 1)}]
        status = "completed" if number % 3 else "failed"
        times = {"created_at": at, "started_at": at, "completed_at": at, "updated_at": at}
        own = {"status": status, "runtime_in_seconds": seconds, "outputs": outputs, **times}
        put(engine, job(id=7_000 + number, **own))
    target = tmp_path / "report.html"
    report(engine, target, Scope(DAYS), NOW)
    rows = (
        "selector => [...document.querySelectorAll(selector)]"
        ".map(row => [...row.cells].map(each => each.textContent))"
    )
    with opened(browser, target) as page:
        choose(page, "434")
        for series in ("runtime", "failures", "records"):
            table = f"[data-series={series}]"
            own = page.evaluate(rows, f"{table} [data-own] tr")
            tabled = page.evaluate(rows, f"{table} tbody:not([data-own]) tr[data-package='434']")
            assert len(own) == len(tabled) > 18
            for row in own:
                assert any(
                    all(one in ("\N{EN DASH}", other) for one, other in zip(row, each, strict=True))
                    for each in tabled
                ), row


@pytest.mark.slow
@only_sqlite
def test_light_and_dark(written: Path, browser: Browser) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    with opened(browser, written, color_scheme="dark") as page:
        dark = page.evaluate(colour)
        assert page.inner_text("#theme") == "Light colours"
        page.click("#theme")
        light = page.evaluate(colour)
        assert page.inner_text("#theme") == "Dark colours"
        page.emulate_media(media="print")
        assert page.evaluate(colour) == "rgb(255, 255, 255)"
    with opened(browser, written, color_scheme="light") as page:
        assert page.evaluate(colour) == light != dark


@only_sqlite
def test_paper_is_white_without_scripts_too(written: Path, browser: Browser) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    with opened(browser, written, color_scheme="dark", java_script_enabled=False) as page:
        assert page.evaluate(colour) == "rgb(15, 21, 28)"
        fill = "getComputedStyle(document.querySelector('.still text')).fill"
        assert page.evaluate(fill) == "rgb(165, 178, 191)"
        page.emulate_media(media="print", color_scheme="dark")
        assert page.evaluate(colour) == "rgb(255, 255, 255)"
        assert page.evaluate(fill) == "rgb(82, 96, 112)"


@only_sqlite
def test_without_scripts_the_tables_show_it(written: Path, browser: Browser) -> None:
    with opened(browser, written, java_script_enabled=False) as page:
        assert page.locator("[data-series=runtime]").is_hidden()  # folded: it is long
        page.click("summary:text-is('Run time by day')")
        assert page.locator("[data-series=runtime]").is_visible()
        assert page.locator("table").count() > 8
        assert all(each.is_visible() for each in page.locator("figure svg").all())
        assert not page.locator("#package").is_visible()


def printed(page: Page) -> list[str]:
    """Return the text of each printed page, on A4 as a browser prints it."""
    reader = PdfReader(io.BytesIO(page.pdf(format="A4")))
    return [sheet.extract_text() for sheet in reader.pages]


@pytest.mark.slow
@only_sqlite
def test_paper_is_the_same_from_a_window_of_any_width(written: Path, browser: Browser) -> None:
    """Every chart is whole: the newest day stands at its axis. What is folded stays folded."""
    found = []
    for width in (800, 1280, 1920):
        with opened(browser, written, viewport={"width": width, "height": 900}) as page:
            draw(page, "runtime")
            found.append(printed(page))
            assert page.locator("[data-series=runtime]").is_hidden()
    assert found[0] == found[1] == found[2]
    assert len(found[0]) <= 4
    text = "\n".join(found[0])
    by_day = ("Run time by day", "How runs ended, by day", "Records written, by day")
    assert all(title in text for title in by_day)
    assert text.count("20 Jan") >= len(by_day)
    assert text.count("Run time by day") == 1  # of the chart, for its table is folded
    assert "2026-01-18" not in text  # of folded tables
    assert "Dark colours" not in text


@pytest.mark.slow
@only_sqlite
def test_no_heading_is_left_alone_at_the_foot_of_a_page(written: Path, browser: Browser) -> None:
    with opened(browser, written) as page:
        titles = page.evaluate(
            "[...document.querySelectorAll('h2, .lead, figcaption')]"
            ".map(each => each.textContent.trim().split('  ')[0])"
        )
        for sheet in printed(page):
            last = sheet.strip().splitlines()[-1]
            assert not [title for title in titles if last and last in title], last


@pytest.mark.slow
@only_sqlite
def test_paper_shows_the_package_that_is_chosen(written: Path, browser: Browser) -> None:
    with opened(browser, written, viewport={"width": 1920, "height": 900}) as page:
        choose(page, "orders")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.emulate_media(media="print")
        widths = page.evaluate("plots.map(p => p.querySelector('.main-svg').clientWidth)")
        assert widths == [660] * 7
        fits = "plots.every(p => p.querySelector('.main-svg').clientHeight <= p.clientHeight)"
        assert page.evaluate(fits)
        assert page.locator(".still:visible").count() == 0
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        page.emulate_media(media="screen")
        page.wait_for_function("plots[0].querySelector('.main-svg').clientWidth > 900")
        assert "p95" in "\n".join(printed(page))


@pytest.mark.slow
@only_sqlite
def test_it_can_be_walked_by_its_landmarks(written: Path, browser: Browser) -> None:
    with opened(browser, written, viewport={"width": 400, "height": 800}) as page:
        assert page.get_attribute("html", "lang") == "en"
        levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
        assert levels == [1, *[2] * 9]
        assert page.locator("main, header, nav, footer").count() == 4
        assert page.evaluate("[...document.querySelectorAll('thead th')].every(h => h.scope)")
        assert page.evaluate("[...document.querySelectorAll('table')].every(t => t.caption)")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        targets = page.evaluate(
            "[...document.querySelectorAll('a[href^=\"#\"]')]"
            ".every(a => document.querySelector(a.getAttribute('href')))"
        )
        assert targets


def year_of(packages: int) -> Answers:
    first = date(2025, 2, 1)
    days = [first + timedelta(days=index) for index in range(365)]
    of = [
        {"account_id": "acme", "package_id": p, "package_name": f"package_number_{p}"}
        for p in range(packages)
    ]
    log: dict[str, list[dict[str, Any]]] = {name: [] for name in TRENDS}
    for index, package in enumerate(of):
        for number, at in enumerate(days):
            seconds = 60 + (index * 37 + number * 101) % 9000
            log["runtime_by_day"].append(
                {
                    **package,
                    "day": at,
                    "runs": 3,
                    "p50_seconds": seconds + 0.5,
                    "p95_seconds": seconds * 1.37,
                    "max_seconds": seconds * 2,
                }
            )
            log["failures_by_day"].append(
                {
                    **package,
                    "day": at,
                    "runs": 3,
                    "failed": seconds % 2,
                    "stopped": 0,
                    "failure_rate": (seconds % 2) / 3,
                }
            )
            log["records_by_day"].append(
                {
                    "account_id": "acme",
                    "package_id": index,
                    "output_name": "to_the_warehouse",
                    "day": at,
                    "runs": 3,
                    "records": seconds * 1013,
                    "zero_runs": 0,
                    "usual_records": 5e6,
                    "z_score": 0.25,
                }
            )
    return Answers([("acme", NOW)], (days[0], days[-1]), None, log)


@pytest.mark.slow
def test_five_hundred_packages_and_a_year_fit_a_mail(tmp_path: Path, browser: Browser) -> None:
    target = tmp_path / "report.html"
    target.write_text(html(year_of(500), NOW), encoding="utf-8")
    assert target.stat().st_size < 12_000_000
    with opened(browser, target) as page:
        draw(page, "runtime")
        assert "the newest 200 of 182,500 rows" in page.inner_html("#t-runtime_by_day")
        assert page.locator("#packages option").count() == 500
