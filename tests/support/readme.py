"""The blocks of the README that tests run or compare with."""

import re
from pathlib import Path

README = (Path(__file__).parent.parent.parent / "README.md").read_text()


def block(marker: str) -> str:
    """Return the fenced block after `<!-- marker -->`."""
    found = re.search(rf"<!-- {marker} -->\n```\w+\n(.*?)```", README, re.DOTALL)
    assert found is not None, marker
    return found[1]
