"""What a study is read off: observations, books, tests, and the tear sheet made of them."""

from nautilus_lab.factors.evaluation._observations import Observations
from nautilus_lab.factors.evaluation._portfolio import FactorPortfolio

__all__ = ["FactorPortfolio", "Observations"]
