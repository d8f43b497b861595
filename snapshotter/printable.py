"""Makes text safe to print: an API or a database may send anything."""

import re

# C0 and C1 controls (a terminal obeys them), line and paragraph separators, the marks that change
# the direction of text, and lone surrogates, which cannot be encoded.
_UNPRINTABLE = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff]"
)


def printable(text: str) -> str:
    r"""Return the text as one line, with every control character spelled out like `\x1b`."""
    return _UNPRINTABLE.sub(lambda found: _spelled(found[0]), text)


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
