"""Daily returns and volumes of the catalog, as far as the market has got."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import CatalogMissing, UnknownSymbol
from nautilus_lab.marketdata import MarketDataEngine

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Returns


@dataclass(frozen=True, kw_only=True, eq=False)
class Past:
    """What some symbols returned, and which of them have no past.

    Attributes
    ----------
    returns : DataFrame, shape (time, symbol)
        Simple returns, fractions; NaN before a symbol's first.
    absent : mapping of str to str
        Symbol -> why it is not among them.
    """

    returns: Returns = field(repr=False)
    absent: Mapping[str, str]


class PriceHistory:
    """Reads a catalog's closes and bars, each once per build of the catalog.

    A day counts once it is over: what is known on a day ends with the one before.

    Parameters
    ----------
    directory : Path
        The catalog's.
    """

    def __init__(self, directory: Path) -> None:
        self._engine = MarketDataEngine(directory)
        self._built = 0
        # symbol -> its closes, its volumes, or why it has none
        self._closes: dict[str, pd.Series[float] | str] = {}
        self._volumes: dict[str, pd.Series[float] | str] = {}

    def returns(
        self, symbols: Collection[str], *, market_ns: int, days: int | None, max_age_days: float
    ) -> Past:
        """Return daily returns, of the last `days` or of all, on days that all of them have.

        Parameters
        ----------
        symbols : collection of str
            Whose.
        market_ns : int
            The market's time, UNIX nanoseconds; what comes later is not known yet.
        days : int, optional
            How many returns at most.
        max_age_days : float
            A history that ends longer before the market's day is none.

        Raises
        ------
        CatalogMissing
            When there is no catalog.
        BadData
            When a file of it is damaged.
        """
        import pandas as pd

        self._look_for_a_new_build()
        absent, found = {}, {}
        for symbol in sorted(symbols):
            series = self._read(self._closes, symbol, volumes=False)
            known = _known(series, market_ns, max_age_days)
            if isinstance(known, str):
                absent[symbol] = known
            else:
                found[symbol] = known
        if not found:
            return Past(returns=pd.DataFrame(dtype=float), absent=absent)
        joined = pd.concat(found, axis=1, sort=True).loc[: min(s.index[-1] for s in found.values())]
        # A day that one of them has not is left out for all: its return is in that of the next.
        begun = joined.ffill().notna()
        joined = joined[(joined.notna() | ~begun).all(axis=1)]
        returns = joined.pct_change(fill_method=None).iloc[1:]
        return Past(returns=returns if days is None else returns.iloc[-days:], absent=absent)

    def volumes(
        self, symbols: Collection[str], *, market_ns: int, days: int, max_age_days: float
    ) -> tuple[dict[str, float], dict[str, str]]:
        """Return the mean volume of the last `days`, by symbol, and why others have none.

        Raises
        ------
        LabError
            As `returns` does.
        """
        self._look_for_a_new_build()
        found, absent = {}, {}
        for symbol in sorted(symbols):
            series = self._read(self._volumes, symbol, volumes=True)
            known = _known(series, market_ns, max_age_days)
            if isinstance(known, str):
                absent[symbol] = known
            elif len(known) < days:
                absent[symbol] = f"its volumes are of {len(known)} days, {days} are averaged"
            else:
                found[symbol] = float(known.iloc[-days:].mean())
        return found, absent

    def _look_for_a_new_build(self) -> None:
        path = self._engine.directory / "manifest.json"
        try:
            built = path.stat().st_mtime_ns
        except OSError:
            raise CatalogMissing(
                "the data catalog must be built before it is read",
                value=str(self._engine.directory),
                remedy="build it: nautilus-lab data build",
            ) from None
        if built != self._built:
            self._closes.clear()
            self._volumes.clear()
            self._built = built

    def _read(
        self, kept: dict[str, pd.Series[float] | str], symbol: str, *, volumes: bool
    ) -> pd.Series[float] | str:
        if symbol not in kept:
            try:
                if volumes:
                    bars = self._engine.bars([symbol])
                    kept[symbol] = bars["volume"].xs(symbol, level="symbol").astype(float)
                else:
                    kept[symbol] = self._engine.prices([symbol])[symbol]
            except UnknownSymbol:
                what = "volumes" if volumes else "prices"
                kept[symbol] = f"the catalog has no {what} of it"
        return kept[symbol]


def _known(
    series: pd.Series[float] | str, market_ns: int, max_age_days: float
) -> pd.Series[float] | str:
    """Return what of a series is known at a time, or why that is nothing."""
    import pandas as pd

    if isinstance(series, str):
        return series
    today = pd.Timestamp(market_ns, unit="ns", tz="UTC").normalize()
    known = series[series.index < today]
    if known.empty:
        return f"its history begins on {series.index[0].date()}, and it is {today.date()}"
    age = (today - known.index[-1]).days
    if age > max_age_days:
        return f"its history ends on {known.index[-1].date()}, {age:,} days ago"
    return known
