"""What a check reports, and how a check is run: in bounded time, and so that no other one fails."""

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal, TypeVar

from snapshotter import logs
from snapshotter.errors import SnapshotterError

Status = Literal["ok", "warning", "FAILED", "skipped"]
T = TypeVar("T")


@dataclass(frozen=True)
class Check:
    """What a check has found, and what to do about it. `account`: None if it is about all."""

    name: str
    account: str | None
    status: Status
    found: str
    advice: str = ""

    def document(self) -> dict[str, str | None]:
        """Return the values for JSON, without secrets."""
        return {
            name: None if value is None else logs.masked(value)
            for name, value in asdict(self).items()
        }

    def line(self) -> str:
        about = f"{self.name} {self.account}" if self.account else self.name
        advice = f"; {self.advice}" if self.advice else ""
        return f"{self.status:<8} {about}: {self.found}{advice}"


class Report:
    """Takes what one check finds: one line or several, none if all else has reported it."""

    def __init__(self, name: str, account: str | None = None) -> None:
        self._name, self._account = name, account
        self.checks: list[Check] = []

    def ok(self, found: str) -> None:
        self._add("ok", found)

    def warn(self, found: str, advice: str) -> None:
        self._add("warning", found, advice)

    def fail(self, found: str, advice: str = "") -> None:
        """Note what is wrong; an error's text contains its advice."""
        self._add("FAILED", found, advice)

    def skip(self, why: str) -> None:
        self._add("skipped", why)

    def _add(self, status: Status, found: str, advice: str = "") -> None:
        self.checks.append(Check(self._name, self._account, status, found, advice))


class Runner:
    """Runs checks one after another, each in a thread of its own, and passes on what they find.

    The thread of one that does not end in time goes on, and ends with the process.
    """

    def __init__(self, emit: Callable[[Check], None], seconds: float) -> None:
        self._emit, self._seconds = emit, seconds

    def run(self, report: Report, check: Callable[[Report], T]) -> T | None:
        """Return what the check returns; None if it failed. Whatever it raises is reported."""
        found: list[T] = []

        def work() -> None:
            try:
                found.append(check(report))
            except SnapshotterError as error:
                report.fail(str(error))
            except Exception as error:  # noqa: BLE001 - the others are to run, too
                report.fail(*_unforeseen(error))

        if not _in_time(work, self._seconds):
            report.fail(
                f"no result within {self._seconds:g} s",
                "find out what hangs: the network, a proxy, the database or a file system",
            )
        for each in [*report.checks]:
            self._emit(each)
        return found[0] if found else None


def _in_time(work: Callable[[], None], seconds: float) -> bool:
    """Do the work; return False if it has not ended after `seconds`."""
    thread = threading.Thread(target=work, name="check", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # no further thread may be started
        work()
        return True
    thread.join(seconds)
    return not thread.is_alive()


def _unforeseen(error: Exception) -> tuple[str, str]:
    if isinstance(error, OSError):
        about = f"{str(error.filename)!r}: " if error.filename else ""
        return f"{about}{error.strerror or error}", "check the file, its folder and their rights"
    if isinstance(error, ImportError):
        return f"a package is missing or broken ({error})", "install xplenty-snapshotter again"
    return f"a bug in snapshotter: {type(error).__name__}: {error}", "please report it"
