"""Exposures made comparable: outliers drawn in, mean 0 by capitalisation, deviation 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.factors.risk_models._aligned import listed, require_like
from nautilus_lab.frames import require_scores
from nautilus_lab.provenance import mark, provenance

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray, Scores


def standardised(
    exposure: Scores, caps: pd.DataFrame | None = None, *, winsorise: float | None = 3.0
) -> Scores:
    r"""Standardise each date: cap-weighted mean 0, equal-weighted deviation 1 [1]_.

    So a portfolio of all names by capitalisation has no exposure to a style. What lies beyond
    `winsorise` deviations is drawn in to there, and the rest standardised again.

    Parameters
    ----------
    exposure : DataFrame, shape (time, symbol)
        Raw exposures; NaN where not known, which stays NaN.
    caps : DataFrame, shape (time, symbol), optional
        Capitalisations of the same times and symbols, positive or NaN; without them the mean is
        equal-weighted. A name without one is left out: its exposure is not known then.
    winsorise : float or None, default=3.0
        Deviations; None leaves outliers as they are.

    Returns
    -------
    DataFrame, shape (time, symbol)
        NaN on dates that know fewer than 3 names. A row depends on its own time only.

    Raises
    ------
    InputError
        When symbols or times differ, or `winsorise` is not positive.
    BadData
        When a value is infinite, a capitalisation not positive, or known exposures of a date are
        all equal: the date is named.

    References
    ----------
    .. [1] Menchero, J., Orr, D. J. and Wang, J. (2011). The Barra US Equity Model (USE4), section
       2. MSCI.

    Examples
    --------
    >>> import pandas as pd
    >>> day = pd.date_range("2024-01-01", periods=1, tz="UTC")
    >>> raw = pd.DataFrame([[1.0, 2.0, 3.0]], day, ["A", "B", "C"])
    >>> caps = pd.DataFrame([[1.0, 1.0, 2.0]], day, ["A", "B", "C"])
    >>> standardised(raw, caps).iloc[0].round(2).tolist()
    [-1.25, -0.25, 0.75]
    """
    import numpy as np
    import pandas as pd

    frame = require_scores(exposure, name="exposure")
    values = np.array(frame.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    if winsorise is not None and not winsorise > 0:
        raise InputError("winsorise must be positive", value=winsorise, remedy="pass winsorise=3.0")
    weights = np.ones(values.shape)
    if caps is not None:
        weights = require_caps(caps, frame)
        values[np.isnan(weights)] = np.nan
    weights = np.where(np.isnan(values), 0.0, weights)
    found = _once(values, weights, frame)
    if winsorise is not None:
        found = _once(np.clip(found, -winsorise, winsorise), weights, frame)
    return mark(pd.DataFrame(found, frame.index, frame.columns), provenance(exposure))


def require_caps(caps: pd.DataFrame, like: pd.DataFrame) -> FloatArray:
    """Return capitalisations of the same times and symbols, positive or NaN.

    Raises
    ------
    InputError
        When symbols or times differ.
    BadData
        When one is not positive, or a symbol has none at any time: it is named.
    """
    import numpy as np

    values = require_like(caps, like, "caps", "the others")
    wrong = values <= 0
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise BadData(
            "caps must be positive",
            value=f"{values[row, column]:g} of {like.columns[column]} at {like.index[row].date()}",
            remedy="leave unknown capitalisations NaN",
        )
    none = np.isnan(values).all(axis=0)
    if none.any():
        raise BadData(
            "every symbol must have a capitalisation at some time",
            value=f"none for {listed(like.columns[none])}",
            remedy="drop the symbol, or find its number of shares",
        )
    return values


def _once(values: FloatArray, weights: FloatArray, frame: pd.DataFrame) -> FloatArray:
    import numpy as np

    known = ~np.isnan(values)
    count = known.sum(axis=1)
    # In units of the greatest of the date: squares of any number stay finite.
    unit = np.where(known, np.abs(values), 0.0).max(axis=1, keepdims=True)
    values = values / np.where(unit > 0, unit, 1.0)
    filled = np.where(known, values, 0.0)
    heaviest = weights.max(axis=1, keepdims=True)
    weights = weights / np.where(heaviest > 0, heaviest, 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = (weights * filled).sum(axis=1) / weights.sum(axis=1)
        mean = filled.sum(axis=1) / count
        off = np.where(known, values - mean[:, None], 0.0)
        spread = np.sqrt((off**2).sum(axis=1) / (count - 1))
        enough = count >= 3
        level = np.abs(filled).max(axis=1)
        still = enough & (spread <= 1e-14 * level)
        if still.any():
            raise BadData(
                "exposures of a date must not all be equal",
                value=f"{int(count[still][0])} names at {frame.index[still][0].date()}",
                remedy="drop the exposure, or the date",
            )
        found = (values - centre[:, None]) / spread[:, None]
    found[~enough] = np.nan
    return np.asarray(found, dtype=np.float64)
