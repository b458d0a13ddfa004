"""What it costs to trade."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a trade costs, in hundredths of a percent of its value; the same in every runner.

    A buy fills half a spread above the price of the data, a sale half a spread below; the
    commission is charged on the value at which it filled.

    =================================================  ==========================
    ``Costs()``                                        1 bp commission, 2 bp half spread
    ``Costs(commission_bps=0, half_spread_bps=0)``     free trading
    ``Costs(commission_bps=0, half_spread_bps=10)``    no commission, a wide spread
    =================================================  ==========================

    Parameters
    ----------
    commission_bps : float, default=1.0
        Of the traded value, 0 to 1,000.
    half_spread_bps : float, default=2.0
        Distance of bid and ask from the price, 0 to 1,000.

    Raises
    ------
    InputError
        When a cost is negative, NaN or above 1,000.

    Examples
    --------
    >>> costs = Costs(commission_bps=1, half_spread_bps=2)
    >>> f"{costs.buy_rate:.8f} {costs.sell_rate:.8f}"
    '0.00030002 0.00029998'
    """

    commission_bps: float = 1.0
    half_spread_bps: float = 2.0

    def __post_init__(self) -> None:
        for name in ("commission_bps", "half_spread_bps"):
            value = getattr(self, name)
            if not 0 <= value <= 1_000:
                raise InputError(
                    f"{name} must lie in [0, 1000]", value=value, remedy=f"pass {name}=1"
                )

    @property
    def commission(self) -> float:
        """The commission as a fraction of the value at which a trade filled."""
        return self.commission_bps / 10_000

    @property
    def half_spread(self) -> float:
        """The half spread as a fraction of the price."""
        return self.half_spread_bps / 10_000

    @property
    def buy_rate(self) -> float:
        """What buying one currency unit's worth costs on top, as a fraction."""
        return (1 + self.half_spread) * (1 + self.commission) - 1

    @property
    def sell_rate(self) -> float:
        """What selling one currency unit's worth costs, as a fraction."""
        return 1 - (1 - self.half_spread) * (1 - self.commission)

    def equity_after(self, equity: float, weights: FloatArray, values: FloatArray) -> float:
        """Return the equity that is left once `values` have been traded into `weights` of it.

        Costs are paid first and the weights hold of what is left, so that weights that add up to
        one never need a loan to pay for their own trading.

        Parameters
        ----------
        equity : float
            Before trading, in currency.
        weights : array, shape (symbol,)
            Wanted fractions of the equity after trading.
        values : array, shape (symbol,)
            What is held now, in currency; negative for short positions.

        Returns
        -------
        float
            The solution E of ``E = equity - cost of trading values into weights * E``.

        Raises
        ------
        InputError
            When trading would cost all there is.
        """
        import numpy as np

        left = equity
        # Each round shrinks the error by cost times leverage, some hundredths of a percent.
        for _ in range(200):
            trades = weights * left - values
            cost = np.where(trades > 0, self.buy_rate * trades, -self.sell_rate * trades).sum()
            before, left = left, equity - float(cost)
            if abs(left - before) <= 1e-15 * abs(equity):
                break
        if not 0 < left < math.inf:
            raise InputError(
                "equity must stay positive after the costs of trading",
                value=left,
                remedy="lower the weights: they add up to more than equity and costs can bear",
            )
        return left
