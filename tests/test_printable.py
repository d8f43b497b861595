"""Text from elsewhere never reaches a terminal as a command to it."""

import sys
import unicodedata

import pytest

from snapshotter.printable import markdown, printable, web_page


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Größe 📦, 50 %", "Größe 📦, 50 %"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x9b31m", r"\x9b31m"),
        ("a\u202eb\u2028c", r"a\u202eb\u2028c"),
        ("\ud800", r"\ud800"),
    ],
)
def test_control_characters_are_spelled_out(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown


_VISIBLE = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"


def test_nothing_invisible_is_printed() -> None:
    """All controls and marks of Unicode are spelled out, but for the Arabic and Kaithi signs."""
    unseen = ("Cc", "Cf", "Cs", "Zl", "Zp")
    every = [c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) in unseen]
    assert "".join(c for c in every if printable(c) == c) == _VISIBLE


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("a|b\n`c`", r"a\|b \`c\`"),
        ("\x1b[2J\u2028x", r"\\x1b\[2J x"),
        ("<img src=x> &lt;", "&lt;img src=x&gt; &amp;lt;"),
        ("[x](y) *b* ~s~ $m$", r"\[x\]\(y\) \*b\* \~s\~ \$m\$"),
        ("package_name _x_ \\|", r"package_name \_x\_ \\\|"),
        ("see https://x.example WWW.x.example", r"see https:\//x.example WWW\.x.example"),
        ("Größe 📦, 50 %", "Größe 📦, 50 %"),
    ],
)
def test_text_is_no_markup_in_markdown(text: str, cell: str) -> None:
    assert markdown(text) == cell


@pytest.mark.parametrize(
    "url",
    [
        "https://dashboard.xplenty.com/acme/jobs/1?a=b#c",
        "http://127.0.0.1:8080/jobs/7?a=1&b=2#c",
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
        *("https://example.org/\nx", "https://example.org/\u202e", "http://[::1", "https:///x"),
        *("https://x\x1b\\", "https://x\x07", "https://a b", 'https://x/"><b>', "https://x|y"),
    ],
)
def test_other_urls_are_no_links(url: str | None) -> None:
    assert web_page(url) is None
