"""A file whose library writes after a failure."""

import errno
import gc
import io
import os
from pathlib import Path
from typing import Any

import pytest

from snapshotter.export.formats import write
from snapshotter.export.sink import Sink
from snapshotter.export.style import Asked, Column


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
        write(file, Asked().style(f"x.{ending}", {}), columns, iter([rows]))
    for room in range(0, whole.stat().st_size, whole.stat().st_size // 15):
        with Full(tmp_path / "full", "wb") as full:
            full.room = room
            with pytest.raises(OSError, match="No space"):
                write(full, Asked().style(f"x.{ending}", {}), columns, iter([rows]))
        gc.collect()


def test_writes_are_passed_on(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        sink = Sink(file)
        assert sink.write(b"abc") == 3
        assert (sink.tell(), sink.seekable()) == (3, True)
        sink.seek(1)
        sink.write(b"x")
        sink.close()
        assert not sink.closed
    assert (tmp_path / "x").read_bytes() == b"axc"


def test_after_a_failure_writes_are_ignored(tmp_path: Path) -> None:
    with Full(tmp_path / "x", "wb") as file:
        file.room = 3
        sink = Sink(file)
        sink.write(b"abc")
        with pytest.raises(OSError, match="No space"):
            sink.write(b"d")
        assert sink.write(b"ef") == 2
        assert sink.tell() == 5  # never before an earlier position
    assert (tmp_path / "x").read_bytes() == b"abc"


def test_an_abandoned_file_is_not_written(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        sink = Sink(file)
        sink.abandon()
        assert sink.write(b"abc") == 3
        sink.flush()
    assert (tmp_path / "x").read_bytes() == b""


def test_a_file_that_others_write_too_is_not_sought_in(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"before ")
    with (tmp_path / "x").open("ab") as file:
        sink = Sink(file)
        assert not sink.seekable()
        sink.write(b"abc")
        assert sink.tell() == 3
        with pytest.raises(io.UnsupportedOperation):
            sink.seek(0)
    assert (tmp_path / "x").read_bytes() == b"before abc"
