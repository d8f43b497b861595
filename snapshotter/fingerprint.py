"""Fingerprints: of errors, equal if the cause is; of outputs, equal if the fields are. Pure."""

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache

_READ, _KEPT = 4_000, 255  # characters: of an error, and of what is stored of it
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]{0,6}"
_DAY = (
    r"\d{4}-\d\d?-\d\d?|\d{4}/\d\d?/\d\d?|\d\d?[/.]\d\d?[/.]\d{2,4}"
    rf"|\d\d? {_MONTH},? \d{{4}}|{_MONTH} \d\d?,? \d{{4}}|{_MONTH} \d\d?(?= \d\d:\d\d)"
)
_TIME = r"\d\d?:\d\d(?::\d\d)?(?:[.,]\d{1,9})?(?: ?[AP]M)?(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?\b"
# In this order: a path may have a date in it, a date slashes as a path has, and numbers.
_VARYING = tuple(
    (re.compile(pattern), instead)
    for pattern, instead in (
        (r"\b[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s\"'<>()\[\]]+(?<![.,;:])", "<path>"),
        (r"(?<![\w\\])(?:[A-Za-z]:|\\)\\[^\s\"'<>|]+(?<![.,;:])", "<path>"),
        (r"(?<![\w/<])(?:~|\.{1,2})?(?:/[\w.@%+=~-]+)+/?(?<![.,;:])", "<path>"),
        (r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b", "#"),
        (rf"\b(?:{_DAY})(?:(?:T|,? ){_TIME})?(?!\w)", "<date>"),
        (rf"\b{_TIME}", "<date>"),
        (r"(?<![\w/.<-])[\w.@%+=~-]+(?:/[\w.@%+=~-]+){2,}/?(?<![.,;:])", "<path>"),
        (r"(?<![\w/.<-])[\w@%+=~-]+/[\w@%+=~-]+\.\w{1,8}\b", "<path>"),
        (r"\b[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\b", "<id>"),
        (r"\b0x[0-9A-Fa-f]+\b", "<id>"),
        (r"\b(?=[0-9a-f]{0,64}\d)(?=\d{0,64}[a-f])[0-9a-f]{8,}\b", "<id>"),
        (r"\b(?=[0-9A-F]{0,64}\d)(?=\d{0,64}[A-F])[0-9A-F]{8,}\b", "<id>"),
        (r"(?:(?<![\w.<>-])[-+])?\d+(?:[.,]\d+)*(?:[eE][-+]?\d+\b)?", "#"),
        (r"\s+", " "),
    )
)


def of_error(errors: str | None) -> str | None:
    """Return an error without ids, numbers, dates and paths: equal if the cause is.

    Only the beginning of a long text counts. None if nothing is left.
    """
    return _of_beginning(errors[:_READ]) if errors else None


@lru_cache(1024)
def _of_beginning(reason: str) -> str | None:
    for pattern, instead in _VARYING:
        reason = pattern.sub(instead, reason)
    reason = reason.strip()
    return (reason if len(reason) <= _KEPT else reason[: _KEPT - 1].rstrip() + "…") or None


def of_fields(
    package_id: int | None, component: str | None, output: str | None, names: Iterable[str | None]
) -> str:
    """Return 16 hex digits: equal for an output of a package while its fields stay, in their order.

    Another output with the same fields has another one: so a few digests show which ones changed.
    """
    digest = hashlib.blake2b(digest_size=8)
    for name in (str(package_id), component, output, *names):
        if name is None:
            digest.update(b"-")
            continue
        # The length before each name keeps two lists apart that join to one text.
        encoded = name.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(encoded))
        digest.update(encoded)
    return digest.hexdigest()
