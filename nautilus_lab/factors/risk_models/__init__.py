"""What returns have in common: exposures, factor returns, their covariance, and the rest."""

from nautilus_lab.factors.risk_models._bias import BiasStatistics, bias_statistics
from nautilus_lab.factors.risk_models._covariance import FactorCovariance, ledoit_wolf
from nautilus_lab.factors.risk_models._cross_sectional import CrossSectionalModel, Currencies
from nautilus_lab.factors.risk_models._fit import CrossSectionalFit
from nautilus_lab.factors.risk_models._model import FactorRiskModel
from nautilus_lab.factors.risk_models._pricing import (
    JointAlphaTest,
    RiskPremiums,
    joint_alpha_test,
    risk_premiums,
)
from nautilus_lab.factors.risk_models._regression_model import TimeSeriesModel
from nautilus_lab.factors.risk_models._risk import PortfolioRisk
from nautilus_lab.factors.risk_models._rolling import RollingRegression, rolling_regression
from nautilus_lab.factors.risk_models._sorts import SortedFactors, sorted_factors
from nautilus_lab.factors.risk_models._specific import SpecificRisk
from nautilus_lab.factors.risk_models._standardise import standardised
from nautilus_lab.factors.risk_models._statistical import StatisticalModel
from nautilus_lab.factors.risk_models._styles import style_exposures
from nautilus_lab.factors.risk_models._time_series import FactorRegression, factor_regression

__all__ = [
    "BiasStatistics",
    "CrossSectionalFit",
    "CrossSectionalModel",
    "Currencies",
    "FactorCovariance",
    "FactorRegression",
    "FactorRiskModel",
    "JointAlphaTest",
    "PortfolioRisk",
    "RiskPremiums",
    "RollingRegression",
    "SortedFactors",
    "SpecificRisk",
    "StatisticalModel",
    "TimeSeriesModel",
    "bias_statistics",
    "factor_regression",
    "joint_alpha_test",
    "ledoit_wolf",
    "risk_premiums",
    "rolling_regression",
    "sorted_factors",
    "standardised",
    "style_exposures",
]
