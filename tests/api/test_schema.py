"""Parts of a job as types: how deep they nest, which times they have, what is kept of them."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from snapshotter.api.schema import (
    LARGEST_KEPT,
    MAX_DEPTH,
    Package,
    check_times,
    is_too_deep,
    kept,
    read_anything,
    read_object,
    read_package,
)


@pytest.mark.parametrize("levels", [1, MAX_DEPTH, MAX_DEPTH + 1, 1_000])
def test_depth_is_counted_by_brackets(levels: int) -> None:
    assert is_too_deep(b"[" * levels + b"]" * levels) is (levels > MAX_DEPTH)
    assert is_too_deep(b'{"a":' * levels + b"1" + b"}" * levels) is (levels > MAX_DEPTH)


def test_brackets_side_by_side_or_in_text_are_not_depth() -> None:
    assert not is_too_deep(b"[" + b",".join([b"[]"] * 100) + b"]")
    assert not is_too_deep(b'"' + b"[" * 100 + b'"')
    assert not is_too_deep(b'"\\"' + b"[" * 100 + b'"')


def test_a_part_is_read_by_its_type() -> None:
    found = read_package.of_any(b'{"id": 434, "name": "orders", "new": 1}')
    assert found == Package(id=434, name="orders")
    assert read_package.of_any(b"null") is None
    assert read_object.of_any(b'{"a": [1]}') == {"a": [1]}


@pytest.mark.parametrize(
    "raw",
    [
        b"5",
        b'{"id": "434"}',
        b'{"id": 1.5}',
        b'{"id": %d}' % 2**63,
        b'{"updated_at": "2026-01-02T03:04:05"}',
        b'{"new": nonsense}',
        b'{"new": ' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}",
    ],
)
def test_a_part_that_does_not_fit_its_type_is_refused(raw: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        read_package.of_any(raw)


def test_a_time_past_the_calendar_is_refused() -> None:
    west = timezone(-timedelta(hours=10))
    check_times(Package(updated_at=datetime(9999, 12, 31, 23, tzinfo=UTC)))
    with pytest.raises(OverflowError):
        check_times(Package(updated_at=datetime(9999, 12, 31, 23, tzinfo=west)))
    with pytest.raises(OverflowError):
        read_package.of_any(b'{"updated_at": "9999-12-31T23:59:59-10:00"}')


def test_only_a_small_part_is_kept() -> None:
    calls: list[int] = []

    def length(raw: bytes) -> int:
        calls.append(len(raw))
        return len(raw)

    reader = kept(length)
    for size in (LARGEST_KEPT, LARGEST_KEPT + 1):
        assert [reader.of_any(b"x" * size) for _ in range(3)] == [size] * 3
    assert calls == [LARGEST_KEPT, *([LARGEST_KEPT + 1] * 3)]


def test_equal_parts_are_one_object() -> None:
    assert read_anything.of_any(b'{"a": 1}') is read_anything.of_small(b'{"a": 1}')
