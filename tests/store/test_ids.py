import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from snapshotter.store import ids
from snapshotter.store.ids import Ids

NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 40)


@given(batches=st.lists(st.lists(NUMBERS, max_size=12), max_size=12))
def test_it_is_a_set(batches: list[list[int]]) -> None:
    plain, found = set[int](), Ids()
    kept, ids.FRESH = ids.FRESH, 5
    try:
        for batch in batches:
            plain |= set(batch)
            found.update(batch)
            assert len(found) == len(plain)
    finally:
        ids.FRESH = kept
    assert sorted(found) == sorted(plain)
    assert all(each in found for each in plain)


def test_it_takes_little() -> None:
    tracemalloc.start()
    found = Ids()
    for first in range(0, 300_000, 100):
        found.update(range(first, first + 110))
    taken, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == 300_010
    assert taken < 300_010 * 6
