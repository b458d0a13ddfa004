"""From frames of sources to factors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from nautilus_lab.exceptions import BadData, InputError, LabError, NotEnoughData
from nautilus_lab.factors.expressions import evaluate
from nautilus_lab.factors.point_in_time import Session
from nautilus_lab.factors.sources._catalogue import factors_named
from nautilus_lab.factors.sources._definition import SourceFactor
from nautilus_lab.factors.sources._panel import SourcePanel
from nautilus_lab.factors.sources._tables import Rows, place
from nautilus_lab.frames import require_returns
from nautilus_lab.provenance import provenance

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Prices


def synthesise(
    names: str | Iterable[str],
    frames: Mapping[str, pd.DataFrame],
    *,
    like: Prices,
    symbols: Mapping[str, Mapping[Any, str]] | None = None,
    universe: pd.DataFrame | None = None,
    market: Literal["broadcast", "exposure"] = "broadcast",
    window: int = 252,
    missing: Literal["raise", "leave out"] = "raise",
    session: Session | None = None,
) -> SourcePanel:
    """Compute factors of sources on the rows of a price frame, as they were known then.

    Parameters
    ----------
    names : str or iterable of str
        Sources, ``"fred"``, and factors, ``"edgar.gross_profitability"``.
    frames : mapping of str to DataFrame
        What the sources delivered, by the names of their tables; see ``source_family(name)``.
        Unsorted and revised as it is.
    like : DataFrame, shape (time, symbol)
        Prices; their rows and columns, and the price of factors that read one. The windows of an
        expression are rows of these: begin as much earlier.
    symbols : mapping of str to mapping, optional
        Table -> name in its frame -> symbol of the prices: ``{"edgar": {320193: "AAPL"}}``.
    universe : DataFrame of bool, shape (time, symbol), optional
        Who is compared by ranks and scores.
    market : {"broadcast", "exposure"}, default="broadcast"
        What a factor gives that is the same for all: itself for every symbol, or each symbol's
        exposure, the slope of its returns on the changes of the factor over the last `window` rows,
        each change on the row that first knew it.
    window : int, default=252
        Of exposures.
    missing : {"raise", "leave out"}, default="raise"
        What to do about a factor whose data are not there.
    session : Session, optional
        When rows are decided; without, days at 16:00 in New York.

    Returns
    -------
    SourcePanel
        Name -> frame (time, symbol), NaN where not known.

    Raises
    ------
    InputError
        When a factor, a frame, a series or a column is not known; names source, factor and column.
    NotEnoughData
        When nothing of an input is known on these rows, or there are fewer than a window's.
    BadData
        When a frame is not in order.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-05-06", periods=4, tz="UTC")
    >>> prices = pd.DataFrame({"A": 10.0, "B": 20.0}, days)
    >>> yields = pd.DataFrame(
    ...     {"DGS10": [4.50, 4.49], "DGS2": [4.81, 4.82]},
    ...     pd.to_datetime(["2024-05-03", "2024-05-06"]),
    ... )
    >>> found = synthesise("fred.term_spread", {"fred": yields}, like=prices)
    >>> found
    SourcePanel(1 factors x 2 symbols)
    >>> found["fred.term_spread"]["A"].round(2).to_list()
    [nan, -0.31, -0.33, -0.33]
    """
    asked = factors_named(names)
    _require_choices(market, missing, window)
    prices = require_returns(like, name="like", values=False)
    _require_members(universe, prices)
    moments = (session or Session()).moments(cast("pd.DatetimeIndex", like.index))
    rows = Rows(frames=frames, like=prices, moments=moments, symbols=symbols or {})
    values: dict[str, pd.DataFrame | pd.Series[float]] = {}
    left_out: dict[str, str] = {}
    for factor in asked:
        try:
            values[factor.name] = _computed(factor, rows, universe)
            if market == "exposure" and factor.universe == "market":
                values[factor.name] = _exposure(factor, values[factor.name], prices, window)
        except LabError as error:
            if missing == "raise" or not isinstance(error, InputError | NotEnoughData):
                raise
            values.pop(factor.name, None)
            left_out[factor.name] = str(error)
    return SourcePanel(
        factors={one.name: one for one in asked},
        kept=values,
        left_out=left_out,
        symbols=prices.columns,
        made_by=provenance(like, *frames.values()),
    )


def _computed(
    factor: SourceFactor, rows: Rows, universe: pd.DataFrame | None
) -> pd.DataFrame | pd.Series[float]:
    import numpy as np
    import pandas as pd

    like = rows.like
    wide = factor.universe == "each"
    columns = like.columns if wide else like.columns[:1]
    fields: dict[str, pd.DataFrame] = {}
    for one in factor.inputs:
        try:
            found = rows.of(one)
        except LabError as error:
            raise place(error, factor.name, one) from error
        if found.isna().all(axis=None):
            raise NotEnoughData(
                f"{factor.name}, {one.name} = {one.of} of {one.table.name}: something of it must "
                "be known on these rows",
                value=f"{like.index[0].date()} to {like.index[-1].date()}",
                remedy="pass data that were released before, or later prices; where all tell one "
                "release, it is the day they were asked for: drop that column",
            )
        if found.shape[1] == 1 and one.everybodys:
            repeated = np.repeat(found.to_numpy(dtype=float), len(columns), axis=1)
            found = pd.DataFrame(repeated, like.index, columns)
        fields[one.name] = found
    # Whoever is never known has no value; expressions refuse columns of nothing.
    known = np.logical_and.reduce([one.notna().any(axis=0).to_numpy() for one in fields.values()])
    if not known.any():
        raise NotEnoughData(
            f"{factor.name}: a symbol must be known to all of its inputs",
            value=", ".join(one.text for one in factor.inputs),
        )
    chosen = {name: found[columns[known]] for name, found in fields.items()}
    members = None if universe is None or not wide else universe[columns[known]]
    try:
        scores = evaluate(factor.expression, chosen, universe=members)
    except LabError as error:
        raise place(error, factor.name, None) from error
    if not wide:
        return cast("pd.Series[float]", scores.iloc[:, 0].rename(factor.name))
    return scores.reindex(columns=columns)


def _exposure(
    factor: SourceFactor, level: pd.DataFrame | pd.Series[float], prices: Prices, window: int
) -> pd.DataFrame:
    """Return the slope of each symbol's returns on the changes of a factor."""
    import pandas as pd

    held = prices.loc[:, prices.notna().any(axis=0)]
    if not held.shape[1]:
        raise NotEnoughData(f"{factor.name}: an exposure needs prices", value="NaN throughout")
    repeated = pd.concat([cast("pd.Series[float]", level)] * held.shape[1], axis=1)
    fields = {"close": held, "level": repeated.set_axis(held.columns, axis=1)}
    change = "delta(level, 1)"
    slope = f"ts_cov(pct_change(close), {change}, {window}) / ts_cov({change}, {change}, {window})"
    try:
        return evaluate(slope, fields).reindex(columns=prices.columns)
    except LabError as error:
        raise place(error, factor.name, None) from error


def _require_members(universe: pd.DataFrame | None, prices: Prices) -> None:
    if universe is not None and not (
        universe.columns.equals(prices.columns) and universe.index.equals(prices.index)
    ):
        raise BadData(
            "the universe must have the rows and columns of the prices",
            value=f"{universe.shape} for {prices.shape}",
            remedy="align it: universe.reindex_like(prices).fillna(False)",
        )


def _require_choices(market: str, missing: str, window: int) -> None:
    if market not in ("broadcast", "exposure"):
        raise InputError("market must be broadcast or exposure", value=market)
    if missing not in ("raise", "leave out"):
        raise InputError("missing must be raise or leave out", value=missing)
    if isinstance(window, bool) or not window >= 3:
        raise InputError("window must be a number of rows from 3", value=window)
