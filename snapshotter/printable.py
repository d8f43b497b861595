"""Makes text safe to print: an API or a database may send anything.

This is the one rule for terminals, log lines, Markdown and the report; files of data keep their
text.
"""

import re
from urllib.parse import urlsplit

# C0 and C1 controls (a terminal obeys them), line and paragraph separators, the marks that change
# the direction of text, what has no width (it hides a part of a name), annotations and tags, and
# lone surrogates, which cannot be encoded.
_UNPRINTABLE = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\xad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f"
    "\\ufeff\\ufff9-\\ufffb\\ud800-\\udfff"
    "\\U00013430-\\U0001343f\\U0001bca0-\\U0001bca3\\U0001d173-\\U0001d17a"
    "\\U000e0001\\U000e0020-\\U000e007f]"
)
# Marks, but for an underscore within a word, and what makes a link of a bare URL.
_OF_MARKDOWN = re.compile(
    r"[\\`*{}\[\]()#+!|~@$]|(?<![^\W_])_|_(?![^\W_])|(?<=:)//|(?<=www)\.", re.IGNORECASE
)
# Not all programs take a backslash before these.
_OF_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def printable(text: str) -> str:
    r"""Return the text as one line, with every control character spelled out like `\x1b`."""
    return _UNPRINTABLE.sub(lambda found: _spelled(found[0]), text)


def markdown(text: str) -> str:
    """Return the text as one line of Markdown, also in a table: no markup, link or HTML."""
    line = _OF_MARKDOWN.sub(r"\\\g<0>", printable(" ".join(text.split())))
    return line.translate(_OF_HTML)


def web_page(url: str | None) -> str | None:
    """Return a URL that a reader may follow, http or https in plain ASCII; None for any other.

    The API may send anything: `javascript:` and the like would act on the reader's page, and an
    escape sequence or a quote would end the link.
    """
    if url is None or not re.fullmatch(r"https?://[!-~]+", url) or set(url) & set("<>\"'`\\|"):
        return None
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return None
    return url if host else None


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
