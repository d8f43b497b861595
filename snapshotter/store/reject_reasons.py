"""Groups rejected records by their reason, leaving out ids and values. Pure."""

import re
from collections.abc import Iterable

SHOWN = 5  # ids of a group

_WHOSE = re.compile(r"^(?:job -?\d+|a record with no id): ")
_BYTES = re.compile(r"(?:\\+x[0-9A-Fa-f]{2})+|\b0x[0-9A-Fa-f]+(?: 0x[0-9A-Fa-f]+)*")
# The status of an answer stays, because it distinguishes reasons.
_NUMBER = re.compile(
    r"(?<![A-Za-z_.])(?<!answered )(?<!answered \d)(?<!answered \d\d)-?\d+(?:\.\d+)*(?![A-Za-z_])"
)
_BETWEEN = "…"


def group_of(reason: str) -> str:
    """Return the part of a reason that all of its kind share."""
    return _NUMBER.sub(_BETWEEN, _BYTES.sub(_BETWEEN, _WHOSE.sub("", reason)))


def lines(aside: Iterable[tuple[int | None, str]]) -> list[str]:
    """Return one line for each kind of reason, with the number of records and the first ids."""
    groups: dict[str, list[tuple[int | None, str]]] = {}
    for job_id, reason in aside:
        groups.setdefault(group_of(reason), []).append((job_id, reason))
    return [
        members[0][1] if len(members) == 1 else f"{len(members)} records: {kind}{_ids(members)}"
        for kind, members in groups.items()
    ]


def _ids(members: list[tuple[int | None, str]]) -> str:
    ids = [str(job_id) for job_id, _ in members if job_id is not None]
    if not ids:
        return ""
    more = ", …" if ids[SHOWN:] else ""
    return f" (jobs {', '.join(ids[:SHOWN])}{more})"
