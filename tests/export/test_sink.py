"""A file whose library writes after a failure."""

import errno
import gc
import io
import os
from pathlib import Path
from typing import Any

import pytest

from snapshotter.export.formats import write
from snapshotter.export.style import Column, style


class Full(io.FileIO):
    """A file on a disk that has no room past a size."""

    room = 0

    def write(self, data: Any, /) -> int:
        if self.tell() + len(data) > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


@pytest.mark.parametrize("ending", ["csv.gz", "parquet", "xlsx"])
def test_a_library_prints_nothing_of_its_own_about_a_full_disk(ending: str, tmp_path: Path) -> None:
    """What it does when it is garbage-collected would print a traceback; here that is an error."""
    columns, rows = [Column("x", "text")], [(f"a{number * 7919}",) for number in range(600)]
    whole = tmp_path / "whole"
    with whole.open("wb") as file:
        write(file, style(None, f"x.{ending}"), columns, iter([rows]))
    for room in range(0, whole.stat().st_size, whole.stat().st_size // 15):
        with Full(tmp_path / "full", "wb") as full:
            full.room = room
            with pytest.raises(OSError, match="No space"):
                write(full, style(None, f"x.{ending}"), columns, iter([rows]))
        gc.collect()
