"""Features of an instrument beside others, and of all instruments together."""

from nautilus_lab.features.cross_asset._breadth import BREADTH
from nautilus_lab.features.cross_asset._cointegration import COINTEGRATION
from nautilus_lab.features.cross_asset._comovement import COMOVEMENT
from nautilus_lab.features.cross_asset._factors import FACTORS
from nautilus_lab.features.cross_asset._fading import FADING
from nautilus_lab.features.cross_asset._lead_lag import LEAD_LAG
from nautilus_lab.features.cross_asset._principal import PRINCIPAL

__all__ = [
    "BREADTH",
    "COINTEGRATION",
    "COMOVEMENT",
    "FACTORS",
    "FADING",
    "LEAD_LAG",
    "PRINCIPAL",
]
