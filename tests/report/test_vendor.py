"""The libraries in the repository are what their publishers distribute."""

import hashlib
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from snapshotter.report import page as module

ROOT = Path(__file__).parent.parent.parent
VENDOR = Path(module.__file__).with_name("vendor")

# Of `package/plotly-cartesian.min.js` in plotly.js-cartesian-dist-min 4.1.1, which npm publishes
# with the integrity
# sha512-o8GrFeusncwBIxbBynRJpY4pkgVB6caM+JLpwrLYbbsO7dZ8FJ+SVN2Fr+L7kiG/Z6w4P5O0Jus/Qr5EefHVeg==
DIGESTS = {
    "plotly-cartesian.min.js": "79542150855a52c567260e3137095dbe2b744e6d702a5cabe67da246942fba7a",
    "plotly-cartesian.LICENSE": "8c45d9eaf50c2f72dd9c7ab9ef440788ba58a3538484b5c51c1f17d5128752e7",
}


def test_the_files_are_those_of_the_published_package() -> None:
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.iterdir()}
    assert found == DIGESTS


def test_plotly_can_be_in_a_page() -> None:
    source = (VENDOR / "plotly-cartesian.min.js").read_text("utf-8")
    assert re.search(r"plotly\.js \(cartesian - minified\) v4\.1\.1\n", source)
    assert not re.search(r"</script|<!--", source, re.IGNORECASE)


@pytest.mark.slow
def test_the_wheel_has_what_the_page_is_made_of(tmp_path: Path) -> None:
    folder = Path(module.__file__).parent
    needed = {
        f"snapshotter/report/{path.relative_to(folder).as_posix()}"
        for path in folder.rglob("*")
        if path.suffix in (".j2", ".js", ".css", ".LICENSE")
    }
    assert len(needed) > 15
    builder = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--outdir",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(builder, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert needed <= set(zipfile.ZipFile(wheel).namelist())
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert needed <= names
