"""A job history as Python programs use it: notebooks, orchestrators."""
