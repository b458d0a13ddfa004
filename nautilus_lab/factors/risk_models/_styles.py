"""Style exposures made from prices, capitalisations and volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors.risk_models._aligned import require_like
from nautilus_lab.factors.risk_models._standardise import require_caps, standardised
from nautilus_lab.frames import require_scores

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray, Scores


def style_exposures(
    prices: pd.DataFrame,
    caps: pd.DataFrame,
    *,
    volume: pd.DataFrame | None = None,
    window: int = 252,
    skip: int = 21,
    raw: bool = False,
) -> dict[str, Scores]:
    r"""Return the exposures to styles that prices, capitalisations and volumes tell.

    ======================  ============================================================
    ``size``                logarithm of the capitalisation
    ``beta``                of `window` returns on the cap-weighted return of all names
    ``momentum``            log return from `window` to `skip` periods ago
    ``reversal``            minus the log return of the last `skip` periods
    ``residual_volatility``  deviation of what beta leaves of the same returns
    ``liquidity``           logarithm of the mean of volume times price over `skip` periods, per
                            unit of capitalisation; with `volume` only
    ======================  ============================================================

    Residual volatility is what is left of it when size and beta are regressed out, date by date
    (weights: roots of capitalisations), since it goes with both.

    Parameters
    ----------
    prices : DataFrame, shape (time, symbol)
        Closes, adjusted; NaN where not traded.
    caps : DataFrame, shape (time, symbol)
        Capitalisations of the same times and symbols, positive or NaN.
    volume : DataFrame, shape (time, symbol), optional
        Units traded.
    window : int, default=252
        Periods of beta, residual volatility and momentum; more than `skip` and at least 20.
    skip : int, default=21
        Periods of reversal and liquidity, left out of momentum.
    raw : bool, default=False
        Leave out `standardised`, and regress nothing out.

    Returns
    -------
    dict of str to DataFrame, shape (time, symbol)
        Name -> exposures, NaN in the warm-up and where a window has a gap. A row depends on its
        own and earlier times only.

    Raises
    ------
    InputError
        When symbols or times differ, or not 1 <= `skip` < `window`.
    NotEnoughData
        When there are not more than `window` rows.
    BadData
        When a price or capitalisation is not positive, or a volume negative or infinite.

    References
    ----------
    .. [1] Menchero, J., Orr, D. J. and Wang, J. (2011). The Barra US Equity Model (USE4), appendix
       A. MSCI.
    """
    import numpy as np
    import pandas as pd

    if not (1 <= skip < window and window >= 20):
        raise InputError(
            "styles need 1 <= skip < window and a window of at least 20",
            value=f"window={window}, skip={skip}",
            remedy="pass window=252, skip=21",
        )
    frame = require_scores(prices, name="prices")
    if len(frame) <= window:
        raise NotEnoughData(
            f"styles over {window} periods take more of them",
            value=len(frame),
            remedy="pass a longer history, or a shorter window",
        )
    closes = frame.astype(float)
    if (closes <= 0).to_numpy().any():
        row, column = np.argwhere((closes <= 0).to_numpy())[0]
        raise BadData(
            "prices must be positive",
            value=f"{frame.columns[column]} at {frame.index[row].date()}",
            remedy="leave what was not traded NaN",
        )
    sizes = pd.DataFrame(require_caps(caps, frame), frame.index, frame.columns)
    logs = _log(closes)
    returns = closes / closes.shift(1) - 1
    # Yesterday's capitalisations: today's hold today's return.
    before = sizes.shift(1).where(returns.notna())
    market = (returns * before).sum(axis=1, min_count=1) / before.sum(axis=1, min_count=1)
    beta, residual = _beta(returns, market, window)
    found: dict[str, pd.DataFrame] = {
        "size": _log(sizes),
        "beta": beta,
        "momentum": logs.shift(skip) - logs.shift(window),
        "reversal": logs.shift(skip) - logs,
        "residual_volatility": residual,
    }
    if volume is not None:
        traded = pd.DataFrame(
            require_like(volume, frame, "volume", "prices"), frame.index, frame.columns
        )
        if (traded < 0).to_numpy().any():
            row, column = np.argwhere((traded < 0).to_numpy())[0].tolist()
            raise BadData(
                "volume must not be negative",
                value=f"{frame.columns[column]} at {frame.index[row].date()}",
                remedy="mend the source",
            )
        turnover = (traded * closes / sizes).rolling(skip).mean()
        found["liquidity"] = _log(turnover.where(turnover > 0))
    if raw:
        return found
    ready = {name: _or_unknown(one, sizes) for name, one in found.items()}
    apart = without(ready["residual_volatility"], [ready["size"], ready["beta"]], sizes)
    ready["residual_volatility"] = _or_unknown(apart, sizes)
    return ready


def without(exposure: Scores, others: list[Scores], caps: pd.DataFrame) -> Scores:
    """Return what `others` leave of an exposure, date by date, weighted by roots of `caps`.

    Parameters
    ----------
    exposure, others : DataFrame, shape (time, symbol)
        NaN where not known.
    caps : DataFrame, shape (time, symbol)
        Capitalisations.

    Returns
    -------
    DataFrame, shape (time, symbol)
        NaN where any of them is not known, and on dates with fewer names than it takes.
    """
    import numpy as np
    import pandas as pd

    values = np.asarray(exposure, dtype=np.float64)
    columns = [np.asarray(one, dtype=np.float64) for one in others]
    weights = np.sqrt(np.asarray(caps, dtype=np.float64))
    known = np.isfinite(values) & np.isfinite(weights)
    for one in columns:
        known &= np.isfinite(one)
    design = np.stack([np.ones(values.shape), *columns], axis=2)
    design[~known] = 0.0
    weighted = np.where(known, weights, 0.0)[:, None, :] * design.transpose(0, 2, 1)
    products = weighted @ design
    enough = known.sum(axis=1) > 2 * design.shape[2]
    found = np.full(values.shape, np.nan)
    if enough.any():
        target = np.where(known, values, 0.0)[enough]
        slopes = np.linalg.solve(products[enough], weighted[enough] @ target[:, :, None])
        found[enough] = target - (design[enough] @ slopes)[:, :, 0]
    found[~known] = np.nan
    return pd.DataFrame(found, exposure.index, exposure.columns)


def _log(frame: pd.DataFrame) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    return pd.DataFrame(np.log(np.asarray(frame, dtype=np.float64)), frame.index, frame.columns)


def _or_unknown(exposure: pd.DataFrame, caps: pd.DataFrame) -> Scores:
    """Standardise; what is not known anywhere stays so: its warm-up is longer than the history."""
    if exposure.notna().to_numpy().any():
        return standardised(exposure, caps)
    return exposure


def _beta(
    returns: pd.DataFrame, market: pd.Series[float], window: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return beta and the deviation of what it leaves, over whole windows."""
    import numpy as np
    import pandas as pd

    y = np.asarray(returns, dtype=np.float64)
    x = np.asarray(market, dtype=np.float64)
    slopes, deviations = np.full(y.shape, np.nan), np.full(y.shape, np.nan)
    for end in range(window, len(y) + 1):
        part: FloatArray = x[end - window : end]
        off = part - part.mean()
        spread = float(off @ off)
        if not spread > 0:
            continue
        of = y[end - window : end]
        slope = off @ of / spread
        around = of - of.mean(axis=0)
        left = np.einsum("tm,tm->m", around, around) - slope**2 * spread
        slopes[end - 1] = slope
        deviations[end - 1] = np.sqrt(left.clip(min=0.0) / (window - 2))
    return (
        pd.DataFrame(slopes, returns.index, returns.columns),
        pd.DataFrame(deviations, returns.index, returns.columns),
    )
