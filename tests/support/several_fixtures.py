"""A plugin: several simulated accounts that a configuration file names."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from several import Accounts


@pytest.fixture
def several(tmp_path: Path) -> Iterator[Accounts]:
    with ExitStack() as stack:
        yield Accounts(tmp_path, stack)
