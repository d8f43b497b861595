"""Errors of one cause are alike; lists of fields are alike only when they are the same."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshotter.fingerprint import of_error, of_fields


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            "Job 1234 failed at 2026-01-05T10:00:00.123Z reading s3://bucket/b-2026.csv: 17 rows.",
            "Job # failed at <date> reading <path>: # rows.",
        ),
        (
            "Connection to 10.0.0.12:5432 was refused (attempt -3 of 5)",
            "Connection to # was refused (attempt # of #)",
        ),
        ("I/O error: read/write, n/a", "I/O error: read/write, n/a"),
        ("File not found: /data/2026/01/05/x.csv, again", "File not found: <path>, again"),
        (r"C:\\Users\\x\\a.txt is gone", "<path> is gone"),
        ("output orders/lines.csv failed; data/a/b too", "output <path> failed; <path> too"),
        (
            "id 6f1b9c3e-12ab-4c5d-8e9f-001122334455 deadbeef1 0xFF DECADE",
            "id <id> <id> <id> DECADE",
        ),
        (
            "on Jan 5, 2026 10:00:01 PM UTC and 05/01/2026 at 11:22",
            "on <date> and <date> at <date>",
        ),
        (
            "took 1,234.5e6 ms\n\n  at com.foo.Bar(Bar.java:123)",
            "took # ms at com.foo.Bar(Bar.java:#)",
        ),
        ("job_201303040802_0001 of i-0abc123def4567890", "job_#_# of i-<id>"),
        ("Package failed to execute.", "Package failed to execute."),
        (" \n", None),
        ("", None),
        (None, None),
    ],
)
def test_what_varies_is_taken_out(error: str | None, reason: str | None) -> None:
    assert of_error(error) == reason


def test_a_long_error_is_cut_to_what_a_key_holds() -> None:
    reason = of_error("word " * 1000)
    assert reason is not None
    assert (len(reason), reason[-6:]) == (255, " word…")


@pytest.mark.parametrize(
    "part", ["/", "a/", "1.", "a", "0", "a1", "-", "1:1", "x://(", "\\", "Jan "]
)
def test_no_text_takes_long(part: str) -> None:
    """Seconds apart: a pattern that goes back and forth takes minutes for the worst of these."""
    began = time.process_time()
    of_error(part * 4000)
    assert time.process_time() - began < 5


@given(st.text(max_size=300))
def test_any_text_has_a_reason_that_fits_and_is_its_own(error: str) -> None:
    reason = of_error(error)
    assert reason is None or 0 < len(reason) <= 255
    assert (reason is None) == (not error.strip())


_OUTPUTS = st.tuples(
    st.none() | st.integers(1, 9),
    st.none() | st.text(max_size=2),
    st.none() | st.text(max_size=2),
    st.lists(st.text(max_size=3), max_size=4),
)


@given(_OUTPUTS, _OUTPUTS)
def test_digests_are_equal_where_all_is(one: Any, other: Any) -> None:
    assert (of_fields(*one) == of_fields(*other)) == (one == other)
