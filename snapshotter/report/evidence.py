"""How likely noise alone is to look like a finding: pure functions of counts and values.

A report looks at every package, so that among many packages something unlikely always happens. A
finding is therefore shown only if its chance, times the number of packages, stays below `ALPHA`.
No chance assumes a distribution of run times; the one of long gaps extrapolates the gaps' tail.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist, median

# The chance that noise shows a finding of a kind, in an account of any size. Of 500 packages, one
# whose last five runs are all slower than the thirty before just passes.
ALPHA = 0.002

_RATE, _RUNS = 0.05, 20  # of failures, before any is known: as if 1 of 20 runs had failed
_NORMAL = NormalDist()
_DEVIATION = 1.4826  # standard deviations in a median absolute deviation of normal values
_WIDTH = 2.56  # standard deviations between the 10th and the 90th percentile of normal values
_LEAST_SPREAD = 2  # how far apart the 95th percentile and the median of run times are at least


def level(packages: int) -> float:
    """Return the chance below which a finding about one of this many packages is shown."""
    return ALPHA / max(1, packages)


def chance_higher(after: Sequence[float], before: Sequence[float]) -> float:
    """Return how likely the values after are that much among the highest, if all are alike.

    Looks at the highest values, as many as there are after, and counts those that are after.
    """
    both = sorted([*after, *before], reverse=True)
    cut = both[len(after)] if before and after else math.inf
    highest = sum(value > cut for value in both)
    own = sum(value > cut for value in after)
    return chance_of_share(own, len(after), highest, len(both))


def chance_of_share(own: int, of: int, marked: int, total: int) -> float:
    """Return how likely at least `own` of the marked ones are in a part of the total.

    `of` is the size of that part. Each marked one is equally likely to be any: a hypergeometric
    distribution.
    """
    if own * total <= of * marked:
        return 1.0
    rest = total - of
    likely = math.exp(_ways(of, own) + _ways(rest, marked - own) - _ways(total, marked))
    chance = 0.0
    for number in range(own, min(marked, of) + 1):
        chance += likely
        here, there = (of - number) / (number + 1), (marked - number) / (rest - marked + number + 1)
        likely *= here * there
    return min(1.0, chance)


def _ways(of: int, number: int) -> float:
    """Return the logarithm of the number of ways to choose that many."""
    return math.lgamma(of + 1) - math.lgamma(number + 1) - math.lgamma(of - number + 1)


def failure_rate(failed: int, runs: int) -> float:
    """Return the rate of failures to expect after these runs, which may be few or none."""
    return (failed + _RATE * _RUNS) / (runs + _RUNS)


def latest_gap(usual: float, p95: float, gaps: int, rate_and_chance: tuple[float, float]) -> float:
    """Return the seconds that a gap between completions exceeds with that chance.

    `usual` is the median gap and `p95` its 95th percentile. Beyond that, a gap gets ten times
    rarer for each as much again as lies between the two, and at least as slowly as runs that fail
    at this rate let completions be missed. A tail that is known from few gaps counts as longer.
    """
    rate, chance = rate_and_chance
    tenfold = max(p95 - usual, usual / -math.log10(min(rate, 0.5)))
    return p95 + tenfold * (1 + 2 / math.sqrt(max(1, gaps))) * max(0.0, math.log10(0.05 / chance))


def longest_run(p50: float | None, p95: float, chance: float) -> float:
    """Return the seconds that a run exceeds with that chance, if run times are log-normal."""
    spread = max(_LEAST_SPREAD, p95 / p50) if p50 else _LEAST_SPREAD
    of_p95 = _NORMAL.inv_cdf(0.95)
    beyond = max(0.0, -_NORMAL.inv_cdf(min(chance, 0.05)) - of_p95) / of_p95
    return float(p95 * spread**beyond)


def is_far(value: float, others: Sequence[float], chance: float) -> bool:
    """Return whether a positive value is further from the others than noise of that chance.

    Ratios count, in standard deviations that a few outliers do not widen; the fewer values, the
    more is asked for.
    """
    logs = sorted(math.log(other) for other in others if other > 0)
    if len(logs) < 10 or value <= 0:  # noqa: PLR2004 - fewer have no scatter
        return False
    middle, edge = median(logs), len(logs) // 10
    scatter = max(
        _DEVIATION * median(abs(each - middle) for each in logs),
        (logs[-1 - edge] - logs[edge]) / _WIDTH,
    )
    bound = -_NORMAL.inv_cdf(chance / 2) * (1 + 4 / math.sqrt(len(logs)))
    return abs(math.log(value) - middle) > bound * scatter
