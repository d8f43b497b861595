"""What is removed for good is confirmed on a terminal, or by an option."""

import io

import pytest

from snapshotter.cli.confirm import require_consent
from snapshotter.errors import Stopped, UsageError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_the_option_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(UsageError, match="this would remove 2 jobs for good; add --yes"):
        require_consent("2 jobs")


@pytest.mark.parametrize("answer", ["n", "", "no"])
def test_anything_but_yes_removes_nothing(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))
    monkeypatch.setattr("sys.stderr", asked := Terminal())
    with pytest.raises(Stopped, match="nothing was removed"):
        require_consent("2 jobs")
    assert "Remove 2 jobs for good? [y/N]" in asked.getvalue()


def test_yes_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    monkeypatch.setattr("sys.stderr", Terminal())
    require_consent("2 jobs")
