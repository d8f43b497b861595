"""How a digest is written; names, reasons and links may contain anything."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from snapshotter.report.digest import Digest, Item
from snapshotter.report.digest_formats import FORMATS, MAX_LINES, written

SINCE, UNTIL = datetime(2026, 1, 30, 6, tzinfo=UTC), datetime(2026, 1, 31, 6, tzinfo=UTC)
URL = "https://xplenty.com/acme/jobs/7"
HOSTILE = "<!channel> & \x1b[31m*b* _i_ `c` [x](https://evil.example) <script>\n# head @all | x"


def item(text: str = "orders is overdue.", **fields: Any) -> Item:
    known = {"account_id": "acme", "package_id": 1, "job_id": None, "url": None, "since": None}
    return Item(**{"kind": "overdue", "text": text, "new": True, **known, **fields})


def digest(*items: Item) -> Digest:
    return Digest(["acme"], SINCE, UNTIL, items)


def test_text() -> None:
    found = digest(
        item("orders failed each of its last 4 runs.", kind="failing", job_id=7, url=URL),
        item("lines is overdue.", new=False),
        item("other failed its only run.", kind="failed", url=URL),
    )
    assert written(found, "text") == (
        "acme: 30 January 2026, 06:00 UTC to 31 January 2026, 06:00 UTC\n"
        "\n"
        "New\n"
        "- orders failed each of its last 4 runs.\n"
        f"  {URL}\n"
        "\n"
        "Failed runs\n"
        "- other failed its only run.\n"
        f"  {URL}\n"
        "\n"
        "Still\n"
        "- lines is overdue.\n"
    )


def test_a_quiet_digest() -> None:
    assert written(digest(), "text").endswith("UTC\n\nNothing stands out.\n")


def test_the_title_without_an_account_or_an_end() -> None:
    assert written(Digest([], SINCE, None, []), "text").startswith("No account yet\n\n")
    never_complete = written(Digest(["acme"], SINCE, None, []), "text")
    assert never_complete.startswith("acme: since 30 January 2026, 06:00 UTC\n\n")


@pytest.mark.parametrize("how", ["text", "markdown", "slack"])
def test_long_parts_are_cut(how: str) -> None:
    many = [item(f"package {number} is overdue.") for number in range(MAX_LINES + 12)]
    text = written(digest(*many), how)
    assert text.count("is overdue") == MAX_LINES
    assert "and 12 more" in text
    assert written(digest(*many[: MAX_LINES + 1]), how).count("is overdue") == MAX_LINES + 1
    assert len(json.loads(written(digest(*many), "json"))["findings"]) == MAX_LINES + 12


def test_json() -> None:
    found = digest(item(since=date(2026, 1, 5)), item("x", since=SINCE, job_id=7, url=URL))
    assert json.loads(written(found, "json")) == {
        "accounts": ["acme"],
        "since": "2026-01-30T06:00:00Z",
        "until": "2026-01-31T06:00:00Z",
        "findings": [
            {
                "kind": "overdue",
                "text": "orders is overdue.",
                "account_id": "acme",
                "package_id": 1,
                "job_id": None,
                "url": None,
                "since": "2026-01-05",
                "new": True,
            },
            {
                "kind": "overdue",
                "text": "x",
                "account_id": "acme",
                "package_id": 1,
                "job_id": 7,
                "url": URL,
                "since": "2026-01-30T06:00:00Z",
                "new": True,
            },
        ],
    }
    assert json.loads(written(Digest([], SINCE, None, []), "json"))["until"] is None


@pytest.mark.parametrize("how", FORMATS)
def test_no_control_character_is_written(how: str) -> None:
    text = written(digest(item(f"{HOSTILE}\u202e\x9b is overdue.", url=URL)), how)
    assert not {each for each in text if each != "\n" and not each.isprintable()}
    assert "\n# head" not in text


def test_slack_gets_its_own_links_and_no_other_markup() -> None:
    payload = json.loads(written(digest(item(HOSTILE, url=f"{URL}?a=1&b=2")), "slack"))
    assert [*payload] == ["text"]
    line = payload["text"].splitlines()[3]
    assert line.startswith("• &lt;!channel&gt; &amp; ")
    assert line.count("<") == 1
    assert line.endswith(f" <{URL}?a=1&amp;b=2|job>")
    assert payload["text"].startswith("*acme: 30 January 2026")


def test_markdown_shows_names_as_they_are() -> None:
    text = written(digest(item(HOSTILE, url=URL)), "markdown")
    line = next(each for each in text.splitlines() if "channel" in each)
    assert line.startswith(r"- &lt;\!channel&gt; &amp; \\x1b\[31m\*b\* \_i\_ \`c\` \[x\]\(https:")
    assert "https://evil" not in line
    assert r"\# head \@all \| x" in line
    assert line.endswith(f" [job](<{URL}>)")
    assert "<script>" not in text


def test_in_markdown_a_blank_line_ends_each_part() -> None:
    assert written(digest(item(), item("lines is overdue.", new=False)), "markdown") == (
        "**acme: 30 January 2026, 06:00 UTC to 31 January 2026, 06:00 UTC**\n"
        "\n"
        "**New**\n"
        "\n"
        "- orders is overdue.\n"
        "\n"
        "**Still**\n"
        "\n"
        "- lines is overdue.\n"
    )
