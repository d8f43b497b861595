"""Text that a spreadsheet would run as a formula, as OWASP lists it."""

import re
from collections.abc import Iterable
from typing import Any

# A spreadsheet drops spaces before a sign; the full-width signs count as well.
_FORMULA = re.compile("[\t\r\n]|[\\s\u200b\u2060\ufeff]*[=+\\-@\uff1d\uff0b\uff0d\uff20]")


def disarmed(values: Iterable[Any]) -> list[Any]:
    """Put an apostrophe before text that a spreadsheet would run as a formula."""
    return ["'" + v if type(v) is str and _FORMULA.match(v) else v for v in values]


def has_formula(texts: Iterable[str]) -> bool:
    """Return whether `disarmed` would change one of these texts."""
    return any(map(_FORMULA.match, texts))
