"""Groups records by why they are set aside: the reason without its ids and values. Pure."""

import re
from collections.abc import Iterable

SHOWN = 5  # ids of a group

_WHOSE = re.compile(r"^(?:job -?\d+|a record with no id): ")
_BYTES = re.compile(r"(?:\\+x[0-9A-Fa-f]{2})+|\b0x[0-9A-Fa-f]+(?: 0x[0-9A-Fa-f]+)*")
# Not the status of an answer, which is what such reasons differ in.
_NUMBER = re.compile(
    r"(?<![A-Za-z_.])(?<!answered )(?<!answered \d)(?<!answered \d\d)-?\d+(?:\.\d+)*(?![A-Za-z_])"
)
_BETWEEN = "…"


def group_of(reason: str) -> str:
    """Return what the reasons of a kind have in common."""
    return _NUMBER.sub(_BETWEEN, _BYTES.sub(_BETWEEN, _WHOSE.sub("", reason)))


def lines(aside: Iterable[tuple[int | None, str]]) -> list[str]:
    """Return a line for each kind of reason, with how many there are and the first ids."""
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
