"""From rows to tables: the database, what is decided, compared and written there."""
