"""An account at the API: its key, what the API answers, the clock, the credits."""

from collections.abc import Callable

from snapshotter import logs
from snapshotter.api import probe
from snapshotter.api.limits import Allowance, Limits, SystemClock
from snapshotter.api.probe import Answer
from snapshotter.doctor.report import Report
from snapshotter.errors import Stopped, UsageError
from snapshotter.settings import Service
from snapshotter.texts import counted
from snapshotter.times import CLOCKS_APART, duration, stamp


def key(report: Report, read: Callable[[], Service]) -> Service:
    """Check that the source of the key yields one; return the account with it."""
    service = read()
    logs.learn(service.key.secret)
    report.ok(f"read from {service.key.source}")
    return service


def api(report: Report, service: Service, seconds: float, *, is_reachable: bool) -> Answer | None:
    """Ask the API for the credits, which is free; return its answer, None if none came."""
    answer = probe.ask(service, seconds)
    if answer.error is None:
        report.ok(f"{service.api_url} answers, and accepts the key for this account")
    elif answer.came_at is None and not is_reachable:
        report.skip("no answer; see what failed above")
    else:
        report.fail(str(answer.error))
    return answer if answer.came_at is not None else None


def clock(report: Report, answer: Answer | None) -> None:
    """Compare this host's clock with the API's."""
    if answer is None or answer.came_at is None or answer.server_clock is None:
        report.skip("no answer of the API names its time")
        return
    ahead = answer.came_at - answer.server_clock
    words = "ahead of" if ahead.total_seconds() > 0 else "behind"
    apart = f"this host's clock is {duration(abs(ahead.total_seconds()))} {words} the API's"
    if abs(ahead) > CLOCKS_APART:
        report.fail(
            f"{apart} ({stamp(answer.server_clock)})",
            "set it by NTP, e.g. timedatectl set-ntp true; runs in the future do not count as "
            "fresh, and certificates seem not yet or no longer valid",
        )
    else:
        report.ok(apart if abs(ahead.total_seconds()) >= 1 else "as the API's")


def credits_left(report: Report, answer: Answer | None, reserve: int | None) -> None:
    """Compare the credits that are left with those to be kept."""
    if answer is None or answer.error is not None:
        report.skip("the API has not reported them")
        return
    if answer.remaining is None:
        report.ok("the API does not report them; runs go on until it refuses a request")
        return
    allowance = Allowance(Limits(reserve), SystemClock())
    try:
        allowance.set_budget(answer.limit, answer.remaining)
    except UsageError as error:
        report.fail(str(error))
        return
    budget = "" if answer.limit is None else f" of {answer.limit:,} an hour"
    found = f"{counted(answer.remaining, 'credit')} left{budget}, {allowance.reserve:,} to be kept"
    try:
        allowance.check(is_free=False)
    except Stopped:
        report.warn(
            found,
            "a run now stops with 75; wait for the next hour, or give the programs that spend them "
            "a key of another user",
        )
    else:
        report.ok(found)
