"""How a run ended, in words: its last line, and what it could not store."""

from snapshotter.store.ledger import Outcome


def summary(outcome: Outcome, seconds: float | None = None) -> str:
    """Return a run's last line."""
    left = "unknown" if outcome.credits_remaining is None else f"{outcome.credits_remaining:,}"
    parts = [
        f"{len(outcome.seen):,} jobs seen",
        f"{outcome.inserted:,} new",
        f"{outcome.changed:,} changed",
        *([f"{outcome.gone:,} gone"] if outcome.gone else []),
        *([f"{outcome.rejected:,} set aside"] if outcome.rejected else []),
        *([f"{outcome.summaries:,} log summaries"] if outcome.summaries else []),
        f"{outcome.requests:,} requests",
        f"{left} credits left",
        *([] if seconds is None else [f"{seconds:.1f} s"]),
    ]
    return ", ".join(parts)


def incomplete(outcome: Outcome) -> str:
    """Return what a finished run could not store, in words; empty if it stored everything."""
    if outcome.missing:
        listed = ", ".join(map(str, outcome.missing[:10])) + ("…" if outcome.missing[10:] else "")
        return f"the API has no job {listed}; the others are stored"
    if outcome.rejected:
        is_one = outcome.rejected == 1
        were, them = ("record was", "it") if is_one else ("records were", "them")
        return (
            f"{outcome.rejected:,} {were} set aside into rejected_records, with the reason; the "
            f"rest is stored, and later runs try {them} again; 'snapshotter rejects' lists {them}"
        )
    if outcome.noted:
        more = f", and {len(outcome.noted) - 1} more" if outcome.noted[1:] else ""
        return f"{outcome.noted[0]}{more}; the rest is stored"
    return ""
