"""Factors on one scale, several as one, and which are worth having."""

from nautilus_lab.factors.combination._combine import Combination, combine
from nautilus_lab.factors.combination._scoring import CRITERIA, score_factors
from nautilus_lab.factors.combination._standard import neutralise, standardise, winsorise
from nautilus_lab.factors.combination._walk import WalkForward

__all__ = [
    "CRITERIA",
    "Combination",
    "WalkForward",
    "combine",
    "neutralise",
    "score_factors",
    "standardise",
    "winsorise",
]
