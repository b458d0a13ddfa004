"""The steps of ``desk.db``."""
