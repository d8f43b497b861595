"""From the tables and trends to files: CSV, JSON, Parquet, Excel."""
