"""The chances of noise, held to numbers computed by hand and by drawing lots."""

import random
from math import comb

import pytest

from snapshotter.report.evidence import (
    chance_higher,
    chance_of_share,
    failure_rate,
    is_far,
    latest_gap,
    level,
    longest_run,
)


def test_the_chance_that_is_allowed_shrinks_with_the_packages() -> None:
    assert [level(number) for number in (0, 1, 10)] == [0.002, 0.002, 0.0002]


def test_higher_values_after() -> None:
    assert chance_higher([9, 8], [1, 2, 3]) == pytest.approx(1 / comb(5, 2))
    assert chance_higher([9, 2], [1, 8, 3]) == pytest.approx((2 * 3 + 1) / comb(5, 2))
    assert chance_higher([1, 2], [3, 8, 9]) == 1
    assert chance_higher([5, 5], [5, 5, 5]) == 1
    assert chance_higher([], [1]) == chance_higher([1], []) == 1


def test_chances_are_those_of_drawing_lots() -> None:
    assert chance_of_share(2, 2, 3, 10) == pytest.approx(comb(2, 2) * 8 / comb(10, 3))
    assert chance_of_share(0, 5, 3, 10) == 1
    lots = random.Random(1)  # noqa: S311 - no secret
    drawn = sum(len({n for n in lots.sample(range(20), 6) if n < 5}) >= 3 for _ in range(4000))
    assert chance_of_share(3, 5, 6, 20) == pytest.approx(drawn / 4000, abs=0.03)


@pytest.mark.parametrize("spread", [0.2, 1.0, 3.0])
def test_noise_of_any_scatter_looks_higher_as_rarely_as_stated(spread: float) -> None:
    lots = random.Random(2)  # noqa: S311 - no secret
    chances = [
        chance_higher(values[:5], values[5:])
        for values in ([lots.lognormvariate(0, spread) for _ in range(35)] for _ in range(2000))
    ]
    for bound in (0.1, 0.01):
        assert sum(chance <= bound for chance in chances) <= 1.4 * bound * 2000 + 5


def test_rates_are_known_before_any_run() -> None:
    assert failure_rate(0, 0) == 0.05
    assert failure_rate(19, 180) == 0.1


def test_late_gaps() -> None:
    """A tenth as likely for each difference of median and p95, beyond the p95 at 5 %."""
    assert latest_gap(10, 30, 10**8, (0.05, 0.05)) == 30
    assert latest_gap(10, 30, 10**8, (0.05, 0.005)) == pytest.approx(50, rel=1e-3)
    assert latest_gap(10, 10, 10**8, (0.01, 0.005)) == pytest.approx(15, rel=1e-3)
    assert latest_gap(10, 30, 4, (0.05, 0.005)) == 30 + 2 * 20


def test_long_runs() -> None:
    assert longest_run(10, 40, 0.05) == pytest.approx(40)
    assert longest_run(10, 40, 0.0005) == pytest.approx(160, rel=1e-3)  # twice 1.645 deviations
    assert longest_run(None, 40, 0.0005) == longest_run(39, 40, 0.0005) == pytest.approx(80, 1e-3)


def test_far_values() -> None:
    usual = [100.0 * 1.1 ** (place % 5) for place in range(50)]
    assert is_far(1000, usual, 1e-6)
    assert is_far(10, usual, 1e-6)
    assert not is_far(150, usual, 1e-6)
    assert not is_far(10, usual[:9], 1e-6)
    assert not is_far(0, usual, 1e-6)
