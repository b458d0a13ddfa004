"""The steps of ``trading.db``."""
