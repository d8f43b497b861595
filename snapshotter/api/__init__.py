"""From bytes to records: what can be asked of the API, and what its answers mean."""
