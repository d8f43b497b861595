"""The job history of an Xplenty (Integrate.io ETL) account, kept in a database of one's own."""

__version__ = "0.1.0"
