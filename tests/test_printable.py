"""Text from elsewhere never reaches a terminal as a command to it."""

import sys
import unicodedata

import pytest

from snapshotter.printable import is_link, markdown, printable


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
        ("<img src=x> &lt;", r"\<img src=x\> \&lt;"),
        ("[x](y) *b* ~s~ $m$", r"\[x\](y) \*b\* \~s\~ \$m\$"),
        ("package_name _x_ \\|", r"package_name \_x\_ \\\|"),
        ("Größe 📦, 50 %", "Größe 📦, 50 %"),
    ],
)
def test_text_is_no_markup_in_markdown(text: str, cell: str) -> None:
    assert markdown(text) == cell


def test_a_link_is_a_plain_address_of_the_web() -> None:
    assert is_link("https://dashboard.xplenty.com/acme/jobs/1?a=b#c")
    for url in (
        *("javascript:alert(1)", "file:///etc/passwd", "", "https://", "https://a b"),
        *("https://x\x1b\\", "https://x\x07", "https://x\u202e", "https://x/\n", " https://x"),
    ):
        assert not is_link(url), url
