"""The files that come with the code are found."""

import pytest

from snapshotter.resources import resource_folder


@pytest.mark.parametrize(
    ("name", "file"), [("sql", "runtime_by_day.sql"), ("migrations", "env.py")]
)
def test_a_folder_has_its_files(name: str, file: str) -> None:
    assert (resource_folder(name) / file).is_file()
