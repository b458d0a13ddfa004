"""The steps of ``leases.db``."""
