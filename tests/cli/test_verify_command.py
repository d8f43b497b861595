"""`snapshotter verify` as a user runs it."""

from command_line import Run

from snapshotter.simulator.account import SimulatedAccount


def test_verify_reports_what_moved(
    run: Run, acme: dict[str, str], account: SimulatedAccount
) -> None:
    account.add_job()
    assert run("sync", **acme).returncode == 0
    account.advance(3600)
    account.add_job()
    done = run("verify", **acme)
    assert (done.returncode, done.stderr) == (0, "")
    assert "differs" not in done.stdout
    assert "2           1  moved since the last sync" in done.stdout
    assert "1 job moved since the last sync; not a difference" in done.stdout
