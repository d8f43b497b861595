"""Each module has a file of tests at the same place, so that its tests are found at once."""

from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
PACKAGE = TESTS.parent / "snapshotter"
MODULES = [
    path.relative_to(PACKAGE)
    for path in sorted(PACKAGE.rglob("*.py"))
    if not path.name.startswith("__")
]


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_each_module_has_a_file_of_tests(module: Path) -> None:
    # The second is for a name that another folder's file has, the third for a command.
    names = [f"test_{module.stem}.py", f"test_{module.parent.name}_{module.stem}.py"]
    if module.parent.name == "cli":
        names.append(f"test_{module.stem}_command.py")
    assert any((TESTS / module.parent / name).exists() for name in names), names


def test_no_two_files_of_tests_have_one_name() -> None:
    """The tests are not a package: pytest imports their files by name alone."""
    names = Counter(path.name for path in TESTS.rglob("test_*.py"))
    assert set(names.values()) == {1}
