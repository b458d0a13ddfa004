"""What was known when: any dataset on the rows of a price frame, and nothing from their future."""

from nautilus_lab.factors.point_in_time._fiscal import FiscalMeasure, fiscal_values
from nautilus_lab.factors.point_in_time._leaks import Leak, find_leaks, known_by
from nautilus_lab.factors.point_in_time._reindexed import reindexed_like
from nautilus_lab.factors.point_in_time._release import Release
from nautilus_lab.factors.point_in_time._session import Session

__all__ = [
    "FiscalMeasure",
    "Leak",
    "Release",
    "Session",
    "find_leaks",
    "fiscal_values",
    "known_by",
    "reindexed_like",
]
