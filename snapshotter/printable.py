"""Makes text safe to print: an API or a database may send anything.

This is the one rule for terminals, log lines and Markdown; files of data keep their text.
"""

import re

# C0 and C1 controls (a terminal obeys them), line and paragraph separators, the marks that change
# the direction of text, what has no width (it hides a part of a name), annotations and tags, and
# lone surrogates, which cannot be encoded.
_UNPRINTABLE = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\xad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f"
    "\\ufeff\\ufff9-\\ufffb\\ud800-\\udfff"
    "\\U00013430-\\U0001343f\\U0001bca0-\\U0001bca3\\U0001d173-\\U0001d17a"
    "\\U000e0001\\U000e0020-\\U000e007f]"
)
_OF_MARKDOWN = re.compile(r"[\\|`*<>\[\]~&$]|(?<![^\W_])_|_(?![^\W_])")


def printable(text: str) -> str:
    r"""Return the text as one line, with every control character spelled out like `\x1b`."""
    return _UNPRINTABLE.sub(lambda found: _spelled(found[0]), text)


def markdown(text: str) -> str:
    """Return the text as the content of a cell of a Markdown table: no markup, link or HTML."""
    return _OF_MARKDOWN.sub(r"\\\g<0>", printable(" ".join(text.split())))


def is_link(url: str) -> bool:
    """Whether a URL can be the target of a terminal's link: http or https, in plain ASCII."""
    return re.fullmatch(r"https?://[!-~]+", url) is not None


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
