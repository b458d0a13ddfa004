"""The steps of ``history.db``."""
