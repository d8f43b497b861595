"""The values of options: what is read, and what is refused in which words."""

from command_line import Run, assert_one_line


def test_a_variable_with_a_key_in_it_is_not_quoted(run: Run, acme: dict[str, str]) -> None:
    done = run("sync", **{**acme, "SNAPSHOTTER_VARIABLES": "hunter2"})
    assert_one_line(done, 2, "'--variables': it is not one of mask, hash, keep, drop")
    assert "hunter2" not in done.stderr
