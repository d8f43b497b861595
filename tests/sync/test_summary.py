"""How a run ended, in words."""

import pytest

from snapshotter.store.ledger import Outcome
from snapshotter.sync.summary import incomplete, summary


def outcome(**values: object) -> Outcome:
    found = Outcome("full", 1)
    for name, value in values.items():
        setattr(found, name, value)
    return found


def test_the_last_line_has_the_counts() -> None:
    seen = outcome(inserted=2, changed=1, requests=5, credits_remaining=4873)
    assert summary(seen, 0.94) == (
        "0 jobs seen, 2 new, 1 changed, 5 requests, 4,873 credits left, 0.9 s"
    )
    some = outcome(gone=3, rejected=4, summaries=5)
    assert summary(some) == (
        "0 jobs seen, 0 new, 0 changed, 3 gone, 4 set aside, 5 log summaries, 0 requests, "
        "unknown credits left"
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, ""),
        ({"missing": [7, 8]}, "the API has no job 7, 8; the others are stored"),
        ({"rejected": 1}, "1 record was set aside into rejected_records"),
        ({"rejected": 2}, "later runs try them again"),
        ({"noted": ["x failed", "y failed"]}, "x failed, and 1 more; the rest is stored"),
    ],
)
def test_what_could_not_be_stored(values: dict[str, object], expected: str) -> None:
    found = incomplete(outcome(**values))
    assert expected in found
    assert bool(found) == bool(expected)
