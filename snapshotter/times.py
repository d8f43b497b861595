"""Times and durations as text, and as the whole seconds in the tables."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CLOCKS_APART = timedelta(minutes=5)  # how far hosts' clocks may differ
_TENTHS_BELOW = 10  # seconds; of a longer time, a tenth does not matter
_UNITS = (
    (86_400, "day", 3600, "h"),
    (3600, "h", 60, "min"),
    (60, "min", 1, "s"),
)


def now() -> datetime:
    """Return this host's time, in whole milliseconds: what SQLite's clients read alike."""
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def stamp(at: datetime) -> str:
    """Return a time as the API writes it, like `2026-01-31T23:59:59Z`: UTC, whole seconds."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def epoch(at: datetime | None) -> int | None:
    """Return a time in whole seconds since 1970; None for None."""
    if at is None:
        return None
    since = at - EPOCH
    return since.days * 86_400 + since.seconds


def duration(seconds: float) -> str:
    """Return a length of time in its two largest units, like 20 min 31 s or 3 days 4 h."""
    if 0 < seconds < _TENTHS_BELOW:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    left = round(seconds)
    for size, word, lesser, less in _UNITS:
        if left >= size:
            whole, rest = divmod(left, size)
            plural = "s" if word == "day" and whole > 1 else ""
            small = f" {rest // lesser} {less}" if rest // lesser else ""
            return f"{whole:,} {word}{plural}{small}"
    return f"{left} s"
