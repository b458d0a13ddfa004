"""Measures of what is held, from past returns: in a notebook, or beside a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.limits._measures import Measured, Measures

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from nautilus_lab._typing import Returns, ReturnSeries
    from nautilus_lab.risk._model import RiskModel


def regime_of(
    returns: ReturnSeries, *, of: str = "", decay: float = 0.94, as_of_ns: int | None = None
) -> Measures:
    """Measure which regime some returns are in, for the rules that adjust limits by it.

    Parameters
    ----------
    returns : Series, shape (time,)
        Simple returns, fractions: of what is held, or of a symbol.
    of : str, optional
        The symbol they are of; what is held when not given.
    decay : float, default=0.94
        Of the exponentially weighted volatility.
    as_of_ns : int, optional
        What time the measures are of; the last of `returns` when not given.

    Returns
    -------
    Measures
        ``measured_regime``, as `volatility_regimes` names the last period's, and
        ``volatility_rank``, by which it did.

    Raises
    ------
    LabError
        When returns are too few or unusable.
    """
    import pandas as pd

    from nautilus_lab.risk._regime import volatility_regimes

    found = volatility_regimes(returns, decay=decay)
    at = as_of_ns
    if at is None:
        at = pd.Timestamp(returns.index[-1]).as_unit("ns").value
    rank = float(found.rank.iloc[-1])
    if of:
        word = Measures({f"measured_regime:{of}": Measured(found.current, at)})
        return word | Measures.at(at, volatility_rank={of: rank})
    return Measures.at(at, measured_regime=found.current, volatility_rank=rank)


def measures_of(
    values: Mapping[str, float] | pd.Series[float],
    returns: Returns,
    *,
    periods_per_year: float,
    model: RiskModel | None = None,
    shortfall: RiskModel | None = None,
    decay: float = 0.94,
    as_of_ns: int | None = None,
) -> Measures:
    """Measure what is held by past returns, for the limits that need it.

    Parameters
    ----------
    values : mapping or Series, symbol -> money
        What each position is worth, signed, account currency.
    returns : DataFrame, shape (time, symbol)
        Simple returns, fractions; every symbol held must be there.
    periods_per_year : float
        Of `returns`: 252 for days.
    model, shortfall : RiskModel, optional
        How value at risk and expected shortfall are measured; historical simulation at 99 % and
        at 97.5 % when not given.
    decay : float, default=0.94
        Of the exponentially weighted volatilities.
    as_of_ns : int, optional
        What time the measures are of; the last of `returns` when not given.

    Returns
    -------
    Measures
        ``value_at_risk``, ``expected_shortfall`` for one period, ``volatility`` of what is held
        (the fraction of its gross value) and of each symbol, and the
        average ``correlation``; of one symbol alone, which has no pair, it is 0.

    Raises
    ------
    LabError
        When returns are missing, too few or unusable: nothing is made up for what has no history.
    """
    import numpy as np
    import pandas as pd

    from nautilus_lab.risk._historical import HistoricalRisk
    from nautilus_lab.risk._volatility import volatility_now

    if not 0 < periods_per_year < float("inf"):
        raise InputError("periods_per_year must be finite and positive", value=periods_per_year)
    held = pd.Series(values, dtype=float)
    held = held[held != 0]
    stamp = pd.Timestamp(returns.index[-1])
    at = as_of_ns if as_of_ns is not None else stamp.as_unit("ns").value
    if held.empty:
        return Measures.at(at, value_at_risk=0.0, expected_shortfall=0.0, volatility=0.0)
    risk = (model or HistoricalRisk(confidence=0.99)).measure(returns, held)
    tail = (shortfall or HistoricalRisk(confidence=0.975)).measure(returns, held)
    year = float(np.sqrt(periods_per_year))
    mine = returns[list(held.index)]
    whole = mine @ (held / held.abs().sum())
    moved = {symbol: year * volatility_now(mine[symbol], decay=decay) for symbol in held.index}
    volatility = year * volatility_now(whole, decay=decay)
    pairs = mine.corr().to_numpy()[np.triu_indices(len(held), k=1)]
    return Measures.at(
        at,
        value_at_risk=risk.value_at_risk,
        expected_shortfall=tail.expected_shortfall,
        volatility=volatility if len(moved) > 1 else next(iter(moved.values())),
        correlation=float(pairs.mean()) if len(pairs) else 0.0,
    ) | Measures.at(at, volatility=moved)
