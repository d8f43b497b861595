"""Checks of everything that a run depends on, each with what to do."""
