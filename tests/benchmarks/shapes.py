"""What an account is like: how many packages and outputs it has, and how their fields change."""

import random
from typing import NamedTuple

_MOST_ATTEMPTS = 3


class Shape(NamedTuple):
    """`outputs` are the fewest and the most of a package.

    A change of fields comes after `runs_between_changes` runs of a package on average; None: never.
    A failed job of an account that `retries` is followed by one with an attempt more.
    """

    packages: int = 100
    outputs: tuple[int, int] = (2, 2)
    fields: int = 10  # of an output, at first
    seconds_between_jobs: int = 60
    runs_between_changes: int | None = None
    retries: bool = False


STEADY = Shape()
CHANGING = Shape(
    packages=200,
    outputs=(2, 4),
    seconds_between_jobs=210,  # 300,000 jobs in two years
    runs_between_changes=20,
    retries=True,
)
WIDE = Shape(packages=1, fields=5_000, runs_between_changes=1)


class Packages:
    """The packages of an account, as far as they have run: their fields, and what comes next."""

    def __init__(self, shape: Shape, chance: random.Random) -> None:
        self._shape, self._chance = shape, chance
        self._fields: dict[tuple[int, int], list[str]] = {}
        self._attempts: dict[int, int] = {}
        self._added = 0

    def outputs(self, package: int) -> int:
        """Return the number of outputs of a package."""
        fewest, most = self._shape.outputs
        return fewest + package % (most - fewest + 1)

    def change(self, package: int) -> None:
        """Change the fields of one of a package's outputs, if it is time."""
        between = self._shape.runs_between_changes
        if between is None or self._chance.random() >= 1 / between:
            return
        place = self._chance.randint(1, self.outputs(package))
        fields = self._fields[package, place] = self.fields(package, place).copy()
        kind = self._chance.choice(("add", "remove", "move") if len(fields) > 2 else ("add",))
        at = self._chance.randrange(len(fields))
        if kind == "add":
            self._added += 1
            fields.insert(at, f"added_{package}_{place}_{self._added}")
        else:
            field = fields.pop(at)
            if kind == "move":
                fields.insert(self._chance.randrange(len(fields) + 1), field)

    def fields(self, package: int, place: int) -> list[str]:
        """Return the names of an output's fields, as they are now."""
        if (package, place) not in self._fields:
            self._fields[package, place] = [
                f"column_{package}_{place}_{field}" for field in range(self._shape.fields)
            ]
        return self._fields[package, place]

    def attempts(self, package: int, *, has_failed: bool) -> int:
        """Return the attempts before this run of a package, and note how it ended."""
        before = self._attempts.get(package, 0)
        again = self._shape.retries and has_failed and before < _MOST_ATTEMPTS
        self._attempts[package] = before + 1 if again else 0
        return before
