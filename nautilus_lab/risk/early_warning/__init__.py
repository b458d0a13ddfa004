"""What is about to go wrong: trends of utilisation, time to breach, unusual patterns."""

from nautilus_lab.risk.early_warning._detectors import (
    Cusum,
    EwmaChart,
    PatternDetector,
    PatternScore,
    RobustZScore,
    anscombe,
)
from nautilus_lab.risk.early_warning._forecast import BreachForecast, BreachForecaster
from nautilus_lab.risk.early_warning._trend import (
    Persistence,
    TimeToBreach,
    UtilisationTrend,
    first_passage_probability,
)
from nautilus_lab.risk.early_warning._warnings import BreachWarning, EarlyWarning

__all__ = [
    "BreachForecast",
    "BreachForecaster",
    "BreachWarning",
    "Cusum",
    "EarlyWarning",
    "EwmaChart",
    "PatternDetector",
    "PatternScore",
    "Persistence",
    "RobustZScore",
    "TimeToBreach",
    "UtilisationTrend",
    "anscombe",
    "first_passage_probability",
]
