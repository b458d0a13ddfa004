"""Whether forecasts of volatility were right: the bias statistic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nautilus_lab.display import Facts, HasTearSheet, Table, TearSheet, format_value
from nautilus_lab.exceptions import BadData, NotEnoughData
from nautilus_lab.factors.risk_models._aligned import listed, require_like
from nautilus_lab.frames import require_scores
from nautilus_lab.provenance import Provenance, provenance

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False)
class BiasStatistics(HasTearSheet):
    """The deviation of returns over what was forecast of it; 1 is right, above 1 too low a risk.

    Attributes
    ----------
    table : DataFrame, shape (portfolio, 5)
        ``bias``; ``low`` and ``high``, between which it lies with 95 % when forecasts are right
        and returns normal; ``inside``; ``n``, how many returns were judged.
    provenance : Provenance
        Where returns and forecasts came from.
    """

    table: pd.DataFrame
    provenance: Provenance = field(default_factory=Provenance)

    def __repr__(self) -> str:
        return (
            f"BiasStatistics({len(self.table)} portfolios, mean={self.mean:.3f}, "
            f"{int(self.table['inside'].sum())} inside)"
        )

    @property
    def mean(self) -> float:
        """The mean bias of the portfolios."""
        return float(self.table["bias"].mean())

    def tear_sheet(self) -> TearSheet:
        """Return the mean bias and that of each portfolio."""
        inside = float(self.table["inside"].mean())
        return TearSheet(
            title="Bias of volatility forecasts",
            subtitle=f"{len(self.table)} portfolios · deviation of returns over forecasts",
            provenance=self.provenance,
            parts=(
                Facts(
                    values={
                        "Mean bias": format_value(self.mean, ".2f"),
                        "Inside the interval": format_value(inside, ".0%"),
                    }
                ),
                Table(
                    title="Bias by portfolio",
                    rows=self.table,
                    formats=dict.fromkeys(("bias", "low", "high"), ".2f"),
                    note="1 is right, above 1 the risk was forecast too low; interval of 95 %.",
                ),
            ),
        )


def bias_statistics(returns: pd.DataFrame, forecasts: pd.DataFrame) -> BiasStatistics:
    r"""Judge forecasts of volatility by the returns that followed [1]_.

    The sample deviation of :math:`r_t / \sigma_t`; the interval is
    :math:`1 \pm 1.96 \sqrt{1 / (2 n)}`.

    Parameters
    ----------
    returns : DataFrame, shape (time, portfolio)
        What followed each forecast, in the row of the forecast; NaN where not known yet.
    forecasts : DataFrame, shape (time, portfolio)
        Volatilities of the same periods, positive.

    Returns
    -------
    BiasStatistics

    Raises
    ------
    InputError
        When names or times differ.
    NotEnoughData
        When a portfolio has fewer than 12 returns with a forecast.
    BadData
        When a forecast is not positive, a value infinite, or times are unsorted.

    References
    ----------
    .. [1] Menchero, J., Orr, D. J. and Wang, J. (2011). The Barra US Equity Model (USE4), appendix
       C. MSCI.
    """
    import numpy as np
    import pandas as pd

    frame = require_scores(forecasts, name="forecasts")
    earned = require_like(returns, frame, "returns", "forecasts")
    sigma = np.asarray(frame.to_numpy(dtype=np.float64), dtype=np.float64)
    if (sigma <= 0).any():
        row, column = np.argwhere(sigma <= 0)[0]
        raise BadData(
            "a forecast of volatility must be positive",
            value=f"{sigma[row, column]:g} of {frame.columns[column]} at {frame.index[row].date()}",
            remedy="drop portfolios without holdings",
        )
    ratios = pd.DataFrame(earned / sigma, frame.index, frame.columns)
    n = ratios.notna().sum()
    if (n < 12).any():
        raise NotEnoughData(
            "a bias statistic takes at least 12 returns with a forecast",
            value=f"{int(n.min())} of {listed(n.index[n < 12])}",
            remedy="forecast at more dates",
        )
    bias = ratios.std()
    width = 1.96 / np.sqrt(2 * n)
    table = pd.DataFrame({"bias": bias, "low": 1 - width, "high": 1 + width})
    table["inside"] = (table["bias"] >= table["low"]) & (table["bias"] <= table["high"])
    return BiasStatistics(
        table=table.assign(n=n).rename_axis("portfolio"),
        provenance=provenance(returns, forecasts),
    )
