"""Text from elsewhere never reaches a terminal as a command to it."""

import pytest

from snapshotter.printable import printable


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
