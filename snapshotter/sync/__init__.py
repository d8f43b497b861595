"""The runs: a sync, a verification, and what they left on record."""
