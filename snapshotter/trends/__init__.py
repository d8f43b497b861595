"""Questions about the history: SQL by name, its parameters, and its answers on a terminal."""
