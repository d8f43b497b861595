"""Changes that the API shows late."""

import random
from collections.abc import Iterable
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any


class Lag:
    """The jobs as shown while each version of a job appears late, in the order of the versions.

    `jobs` are those shown at once.
    """

    def __init__(self, jobs: dict[int, dict[str, Any]], seed: int) -> None:
        self.shown = deepcopy(jobs)
        self._coming: dict[int, list[tuple[datetime, dict[str, Any]]]] = {}
        self._chance = random.Random(f"{seed}/lag")  # noqa: S311 - no secret

    def note(self, job_id: int, job: dict[str, Any], now: datetime, longest: float) -> None:
        """Record a job as it is now if that differs from its last version.

        The new version is shown after a random time of at most `longest` seconds.
        """
        coming = self._coming.get(job_id)
        if job != (coming[-1][1] if coming else self.shown.get(job_id)):
            shows_at = now + timedelta(seconds=self._chance.uniform(0, longest))
            self._coming.setdefault(job_id, []).append((shows_at, deepcopy(job)))

    def keep_only(self, job_ids: Iterable[int]) -> None:
        """Forget every other job, with the versions not shown yet."""
        kept = set(job_ids)
        self.shown = {job_id: job for job_id, job in self.shown.items() if job_id in kept}
        self._coming = {job_id: job for job_id, job in self._coming.items() if job_id in kept}

    def catch_up(self, now: datetime) -> bool:
        """Show the versions that are due; return whether there were any."""
        caught = False
        for job_id, versions in list(self._coming.items()):
            while versions and versions[0][0] <= now:
                self.shown[job_id] = versions.pop(0)[1]
                caught = True
            if not versions:
                del self._coming[job_id]
        return caught
