"""The options of `History`, and what the runs and trends make of them."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from numbers import Integral
from typing import Any, TypedDict

from snapshotter.api.client import ListFilters
from snapshotter.api.limits import Limits
from snapshotter.errors import UsageError
from snapshotter.redact import Redaction
from snapshotter.settings import (
    DEFAULT_API_URL,
    DEFAULT_OVERLAP,
    DEFAULT_TIMEOUT,
    MODES,
    Service,
    Variables,
    account_id,
    base_url,
    valid_key,
)
from snapshotter.sync.account_run import RunOptions
from snapshotter.sync.run import Run
from snapshotter.sync.sync import Plan
from snapshotter.texts import cleaned, nearest
from snapshotter.trends.filters import Window

_LARGEST = 2**63
_LONGEST_TIMEOUT = 3600  # seconds; as the command has it


class TrendFilters(TypedDict, total=False):
    """Which runs a trend covers.

    `since`: the first day, a date or text like `"2026-01-31"`; `until`: the day after the last one;
    `last`: a length of time up to the newest day stored, or before `until`, in place of `since`.
    `package`: its id, or its name. `account`: its id.
    """

    since: date | str | None
    until: date | str | None
    last: timedelta | None
    package: str | int | None
    account: str | None


class SyncOptions(TypedDict, total=False):
    """How a sync goes; each is the option of the command that has its name.

    `since` (an aware time), `status`, `package_id` and `ids` read only some jobs; `full` reads the
    whole list again. `reserve_credits`, `max_requests` and `max_time` bound the run, and `timeout`,
    in seconds, each request. `variables`, `secret_names` and `hash_key` decide how secrets are
    stored. `progress` is called, in this thread, with the number of jobs read so far. `upgrade`:
    upgrade an old schema first.
    """

    api_url: str
    timeout: float
    ids: Sequence[int] | None
    since: datetime | None
    status: str | None
    package_id: int | None
    full: bool
    overlap: timedelta
    log_summaries: bool
    upgrade: bool
    reserve_credits: int | None
    max_requests: int | None
    max_time: timedelta | None
    variables: Variables
    secret_names: Sequence[str]
    hash_key: str | None
    progress: Callable[[int], None] | None


def window(given: TrendFilters) -> Window:
    """Return the filters as the commands have them. Raises `UsageError`."""
    _refuse_unknown(given, TrendFilters.__annotations__)
    last, package, account = given.get("last"), given.get("package"), given.get("account")
    _require(last, timedelta, "last", "timedelta(days=30)")
    _require(account, str, "account", "'acme'")
    if last is not None and last <= timedelta(0):
        raise _wrong(last, "last", "timedelta(days=30)")
    package_id = _whole(package)
    if package_id is not None and abs(package_id) >= _LARGEST:
        raise _wrong(package, "package", "434 or 'orders'")
    if package_id is None:
        _require(package, str, "package", "434 or 'orders'")
    return Window(
        _day(given.get("since"), "since"),
        _day(given.get("until"), "until"),
        last,
        package if isinstance(package, str) else None,
        package_id,
        account,
    )


def _whole(given: object) -> int | None:
    """Return a whole number, which may be one of numpy's, as DataFrames have them; else None."""
    return int(given) if isinstance(given, Integral) and not isinstance(given, bool) else None


def _day(given: date | str | None, name: str) -> date | None:
    if isinstance(given, datetime):
        return (given if given.tzinfo is None else given.astimezone(UTC)).date()
    if given is None or isinstance(given, date):
        return given
    try:
        return date.fromisoformat(given)
    except (TypeError, ValueError):
        raise _wrong(given, name, "date(2026, 1, 31) or '2026-01-31'") from None


def _require(given: object, kind: type, name: str, expected: str) -> None:
    if given is not None and not isinstance(given, kind):
        raise _wrong(given, name, expected)


def _wrong(given: object, name: str, expected: str) -> UsageError:
    return UsageError(f"{name}: expected something like {expected}, got {given!r:.60}")


def _refuse_unknown(given: Mapping[str, Any], known: Collection[str]) -> None:
    for name in given:
        if name not in known:
            hint = nearest(name, known) or f"; there are {', '.join(known)}"
            raise UsageError(f"no option {name!r}{hint}")


def service(account: str, key: str, given: SyncOptions) -> Service:
    """Return the account to read. Raises `UsageError`, which never quotes the key."""
    _refuse_unknown(given, SyncOptions.__annotations__)
    timeout = given.get("timeout", DEFAULT_TIMEOUT)
    is_number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
    if not (is_number and 0 < timeout <= _LONGEST_TIMEOUT):
        raise _wrong(timeout, "timeout", "60.0, in seconds")
    _require(given.get("api_url"), str, "api_url", repr(DEFAULT_API_URL))
    if not isinstance(account, str) or not isinstance(key, str):
        raise UsageError("account and key are texts: the account's id and its API key")
    if not (secret := cleaned(key)):
        raise UsageError("key is empty; it is the account's API key")
    return Service(
        account_id(cleaned(account), "account"),
        valid_key(secret, "key"),
        base_url(given.get("api_url", DEFAULT_API_URL), "api_url"),
        timeout,
    )


def plan(given: SyncOptions) -> Plan:
    """Return what to read. Raises `UsageError` if the options contradict each other."""
    ids, since, full = given.get("ids"), given.get("since"), given.get("full", False)
    if ids is not None and not isinstance(ids, Iterable):
        raise _wrong(ids, "ids", "[1234, 1235]")
    numbers = [_id(each, "ids", "[1234, 1235]") for each in (() if ids is None else ids)]
    package = given.get("package_id")
    package_id = None if package is None else _id(package, "package_id", "434")
    _require(given.get("status"), str, "status", "'failed'")
    overlap = given.get("overlap", DEFAULT_OVERLAP)
    # A listing that began after the watermark would miss jobs.
    if not (isinstance(overlap, timedelta) and timedelta(0) <= overlap <= timedelta(days=1)):
        raise _wrong(overlap, "overlap", "timedelta(minutes=10)")
    for name in ("full", "log_summaries", "upgrade"):
        _require(given.get(name, False), bool, name, "True")
    if since is not None and (not isinstance(since, datetime) or since.tzinfo is None):
        raise _wrong(since, "since", "datetime(2026, 1, 31, tzinfo=UTC)")
    filters = ListFilters(since, given.get("status"), package_id)
    if ids is not None and (full or filters != ListFilters()):
        raise UsageError("ids already select the jobs: leave full and the filters out")
    if full and filters != ListFilters():
        raise UsageError("full reads the whole list: leave since, status and package_id out")
    return Plan(
        None if ids is None else list(dict.fromkeys(numbers)),
        filters,
        full,
        overlap=overlap,
        log_summaries=given.get("log_summaries", False),
    )


def _id(given: object, name: str, expected: str) -> int:
    number = _whole(given)
    if number is None or not 0 < number < _LARGEST:
        raise _wrong(given, name, expected)
    return number


def run_options(given: SyncOptions) -> RunOptions:
    """Return how the run goes. Raises `UsageError`."""
    variables, max_time = given.get("variables", "mask"), given.get("max_time")
    reserve, requests = given.get("reserve_credits"), given.get("max_requests")
    for name, number in (("reserve_credits", reserve), ("max_requests", requests)):
        if number is not None and (_whole(number) is None or number < 0):
            raise _wrong(number, name, "500")
    if variables not in MODES:
        raise UsageError(f"variables: not one of {', '.join(MODES)}")
    if max_time is not None and not (isinstance(max_time, timedelta) and max_time > timedelta(0)):
        raise _wrong(max_time, "max_time", "timedelta(minutes=10)")
    names = given.get("secret_names", ())
    # Of a text each letter would be one.
    if isinstance(names, str) or not all(isinstance(each, str) for each in names):
        raise _wrong(names, "secret_names", "['pin', 'iban']")
    progress = given.get("progress") or _ignore
    if not callable(progress):
        raise _wrong(progress, "progress", "print")
    try:
        redact = Redaction(variables, names, given.get("hash_key"))
    except ValueError:
        raise UsageError("variables='hash' needs a hash_key, a long random text") from None
    limits = Limits(
        reserve,
        requests,
        None if max_time is None else max_time.total_seconds(),
    )
    return RunOptions(limits, redact, watcher=_Watcher(progress))


def _ignore(_jobs: int) -> None:
    pass


class _Watcher:
    def __init__(self, progress: Callable[[int], None]) -> None:
        self.progress = progress

    def begin(self, run: Run) -> None:
        pass
