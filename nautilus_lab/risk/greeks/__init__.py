"""How options and bonds move with what they are worth by: Greeks, implied volatility, DV01."""

from nautilus_lab.risk.greeks._bond import BondValue, CashFlow, bond_value, level_coupons
from nautilus_lab.risk.greeks._implied import implied_volatility, implied_volatility_76
from nautilus_lab.risk.greeks._option import OptionKind, OptionValue, black_76, black_scholes

__all__ = [
    "BondValue",
    "CashFlow",
    "OptionKind",
    "OptionValue",
    "black_76",
    "black_scholes",
    "bond_value",
    "implied_volatility",
    "implied_volatility_76",
    "level_coupons",
]
