"""The trends: SQL by name, its parameters, its values, and its rows on a terminal."""
