"""The documents beside the README: what they name exists."""

import re
from pathlib import Path

import pytest

from snapshotter import __version__

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]


def anchors(text: str) -> set[str]:
    """Return the names that a document's headings have in links."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document: str) -> None:
    text = (ROOT / document).read_text()
    for target in re.findall(r"\]\((?!https://)([^)]*)\)", text):
        path, _, section = target.partition("#")
        linked = ROOT / (path or document)
        assert linked.exists(), target
        assert not section or section in anchors(linked.read_text()), target


def test_every_path_in_contributing_exists() -> None:
    """A path is from the repository's root, or from the package's folder."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    paths = re.findall(r"`([\w./]+(?:/|\.(?:py|md|sql|toml)))`", text)
    assert len(paths) > 50
    for path in paths:
        assert (ROOT / path).exists() or (ROOT / "snapshotter" / path).exists(), path


def test_every_folder_of_the_package_is_on_the_map() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    folders = {path.parent.name for path in (ROOT / "snapshotter").glob("*/__init__.py")}
    for folder in folders:
        assert f"| `snapshotter/{folder}/` |" in text, folder


def test_the_version_has_a_dated_entry() -> None:
    titles = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert titles[0] == "Unreleased"
    assert re.fullmatch(rf"{re.escape(__version__)} - \d{{4}}-\d\d-\d\d", titles[1])
