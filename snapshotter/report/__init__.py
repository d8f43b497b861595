"""The report: one HTML page about the history, with its findings and charts."""
