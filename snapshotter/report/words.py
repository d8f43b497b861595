"""Values as text, in the same words as in scripts/words.js."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

_MAX_LENGTH = 60


def day(at: date | None) -> str:
    return "an unknown day" if at is None else f"{at.day} {at:%B %Y}"


def minute(at: datetime) -> str:
    utc = at.astimezone(UTC)
    return f"{day(utc)}, {utc:%H:%M} UTC"


def share(value: float) -> str:
    """Return a share of 0 to 1 in percent, with a decimal below 10 %."""
    return f"{100 * value:.0f} %" if value >= 0.1 or not value else f"{100 * value:.1f} %"  # noqa: PLR2004 - 10 %


def large(value: float) -> str:
    """Return a number as a tile shows it: in millions from ten millions on."""
    return f"{value:,}" if value < 10**7 else f"{value / 10**6:,.0f} M"


def shortened(text: str | None) -> str:
    """Return a text on one line, and its beginning if it is long."""
    line = " ".join((text or "").split())
    return line if len(line) <= _MAX_LENGTH else line[: _MAX_LENGTH - 1].rstrip() + "…"


def cause(reason: str | None, summary: str | None) -> str:
    """Return why a run failed: its reason and, in brackets, the summary of its log; or either."""
    first, more = (shortened(text).rstrip(".") for text in (reason, summary))
    return f"{first} ({more})" if first and more and more != first else first or more


def listed(names: Sequence[str | None]) -> str:
    """Return up to three names as a list in a sentence, and how many more there are."""
    shown = [shortened(name) or "one without a name" for name in names[:3]]
    if len(names) > len(shown):
        return f"{', '.join(shown)} and {len(names) - len(shown)} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]


def sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."
