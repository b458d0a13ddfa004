"""Returns attributed by what was held: exposures of holdings times factor returns."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.factors.attribution._factor import FactorAttribution
from nautilus_lab.factors.attribution._linking import Linking
from nautilus_lab.factors.risk_models import CrossSectionalFit
from nautilus_lab.factors.risk_models._aligned import listed
from nautilus_lab.frames import require_returns, require_scores
from nautilus_lab.provenance import Provenance, provenance

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray, TargetWeights

# A return that the model was not fitted to differs from its parts by more than this.
_TOLERANCE = 1e-9


def attribute_holdings(
    weights: TargetWeights,
    returns: pd.DataFrame,
    fit: CrossSectionalFit,
    *,
    benchmark: TargetWeights | None = None,
    method: Linking = "carino",
) -> FactorAttribution:
    r"""Split a portfolio's returns by :math:`r_i = \sum_k X_{ik} f_k + u_i` of what it held.

    Weights in the row of one time are held from its close and earn the returns of the next, as
    exposures explain them. A holding that the model did not know in a period is an effect of its
    own, ``"no exposures"``, and named in `FactorAttribution.missing`: nothing is spread over the
    others.

    Parameters
    ----------
    weights : DataFrame, shape (time, symbol)
        Fractions of capital, finite, shorts negative; what is not invested earns nothing. Symbols
        that the model has not may be among them. Times are a stretch of those of `returns`.
    returns : DataFrame, shape (time, symbol)
        Those that the model was fitted to, and of the other symbols; NaN only where not held.
    fit : CrossSectionalFit
        Of `CrossSectionalModel.fit`.
    benchmark : DataFrame, shape (time, symbol), optional
        Weights of what it is measured against, at the times of `weights`.
    method : {"carino", "menchero"}, default="carino"
        How effects are linked; see `linked`.

    Returns
    -------
    FactorAttribution
        Each row of effects sums to the return. Periods outside of the dates of the fit are left
        out, and counted among the notices of its provenance.

    Raises
    ------
    InputError
        When symbols or times differ, or `returns` are not those of the fit.
    BadData
        When a holding has no return, a value is infinite or times are unsorted.
    """
    import numpy as np
    import pandas as pd

    held = require_returns(weights, at_least=2, name="weights")
    earned = require_scores(returns, name="returns")
    unknown = held.columns.difference(earned.columns, sort=False)
    if len(unknown):
        raise InputError(
            "every symbol held must have returns", value=listed(unknown), remedy="add their returns"
        )
    places = earned.index.get_indexer(held.index)
    if (places < 0).any() or (np.diff(places) != 1).any():
        raise InputError(
            "weights must be at a stretch of the times of returns, without a gap",
            value=f"{held.index[0].date()} to {held.index[-1].date()}, {len(held)} rows",
            remedy="carry them forward: weights.reindex(returns.index).ffill()",
        )
    times = held.index[1:].intersection(fit.factor_returns.index)
    if not len(times):
        raise InputError(
            "weights and factor returns must share times",
            value=f"weights to {held.index[-1].date()}, factor returns from "
            f"{fit.factor_returns.index[0].date()}",
            remedy="hold within the dates of the fit",
        )
    first = int(held.index.get_indexer(times[:1])[0]) - 1
    part = slice(first, first + len(times))
    own, bench = held, None
    if benchmark is not None:
        against = require_returns(benchmark, name="benchmark")
        if not against.index.equals(held.index) or len(against.columns.difference(earned.columns)):
            raise InputError(
                "benchmark must have the times of weights, and symbols that have returns",
                value=listed(against.columns.difference(earned.columns)) or "other times",
                remedy="align it: benchmark.reindex(weights.index)",
            )
        symbols = held.columns.union(against.columns, sort=False)
        own = held.reindex(columns=symbols, fill_value=0.0)
        bench = against.reindex(columns=symbols, fill_value=0.0)
    amounts = np.asarray(own, dtype=np.float64)[part]
    gains = np.asarray(earned[own.columns].loc[times], dtype=np.float64)
    compared = np.zeros(amounts.shape)
    if bench is not None:
        compared = np.asarray(bench, dtype=np.float64)[part]
    unheard = ~np.isfinite(gains) & ((amounts != 0) | (compared != 0))
    if unheard.any():
        row, column = np.argwhere(unheard)[0]
        raise BadData(
            "every holding must have a return",
            value=f"none of {own.columns[column]} at {times[row].date()}",
            remedy="sell it before, or mend its return",
        )
    gains = np.where(np.isfinite(gains), gains, 0.0)
    active = amounts - compared
    contributions = active * gains
    exposures, effects, missing = _split(active, gains, contributions, own.columns, times, fit)
    return FactorAttribution(
        basis="holdings",
        effects=effects,
        exposures=exposures,
        portfolio=pd.Series((amounts * gains).sum(axis=1), times, name="portfolio"),
        benchmark=None
        if bench is None
        else pd.Series((compared * gains).sum(axis=1), times, name="benchmark"),
        by_symbol=pd.DataFrame(contributions, times, own.columns),
        missing=missing,
        method=method,
        provenance=_marks(returns, weights, outside=len(held) - 1 - len(times)),
    )


def _marks(returns: pd.DataFrame, weights: TargetWeights, *, outside: int) -> Provenance:
    marks = provenance(returns, weights)
    if not outside:
        return marks
    told = f"{outside} periods outside of the dates of the model are left out."
    return dataclasses.replace(marks, notices=(*marks.notices, told))


def _split(
    active: FloatArray,
    gains: FloatArray,
    contributions: FloatArray,
    symbols: pd.Index[Any],
    times: pd.Index[pd.Timestamp],
    fit: CrossSectionalFit,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return exposures, effects and what the model did not know."""
    import numpy as np
    import pandas as pd

    of_fit = fit.symbols.get_indexer(symbols)
    rows = fit.factor_returns.index.get_indexer(times)
    specific = np.asarray(fit.specific_returns, dtype=np.float64)[rows]
    own = np.where(of_fit >= 0, specific[:, of_fit], np.nan)
    known = np.isfinite(own)
    paid = np.nan_to_num(np.asarray(fit.factor_returns, dtype=np.float64)[rows])
    before = fit.times.get_indexer(times) - 1
    held = np.where(known, active, 0.0)
    exposure = np.empty((len(times), paid.shape[1]))
    for place, row in enumerate(before):
        loads = np.nan_to_num(fit.loads(int(row))[of_fit])
        exposure[place] = held[place] @ loads
        off = np.abs(gains[place] - loads @ paid[place] - own[place])[known[place]]
        if off.max(initial=0.0) > _TOLERANCE:
            worst = symbols[known[place]][int(off.argmax())]
            raise InputError(
                "returns must be those that the model was fitted to",
                value=f"{worst} at {times[place].date()} differs by {off.max():.2g}",
                remedy="pass the same frame; excess returns for a model of excess returns",
            )
    factors = fit.factor_returns.columns
    effects = pd.DataFrame(exposure * paid, times, factors)
    effects["specific"] = np.where(known, active * np.nan_to_num(own), 0.0).sum(axis=1)
    apart = ~known & (active != 0)
    if apart.any():
        effects["no exposures"] = np.where(apart, contributions, 0.0).sum(axis=1)
    who = apart.any(axis=0)
    missing = pd.DataFrame(
        {
            "periods": apart.sum(axis=0)[who],
            "return": np.where(apart, contributions, 0.0).sum(axis=0)[who],
        },
        index=symbols[who].rename("symbol"),
    )
    return pd.DataFrame(exposure, times, factors), effects, missing
