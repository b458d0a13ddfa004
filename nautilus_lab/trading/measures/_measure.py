"""Exactly the measures that a trader's limits need, of what it holds now."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING

from nautilus_lab.config import MeasureSettings, OptionTerms
from nautilus_lab.exceptions import BadData, LabError, NotEnoughData
from nautilus_lab.risk import (
    Coverage,
    HistoricalRisk,
    OptionPosition,
    OptionValue,
    Proxy,
    black_scholes,
    cover,
    implied_volatility,
    revalued_pnl,
    stressed_risk,
    volatility_now,
)
from nautilus_lab.risk.limits import measures_of, regime_of
from nautilus_lab.trading._measurement import Measurement
from nautilus_lab.trading.measures._history import Past, PriceHistory
from nautilus_lab.trading.measures._seen import Seen, symbol_of

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Returns

_DAYS_A_YEAR = 252
_NS_A_YEAR = 365.25 * 86_400e9
_LONGEST = 500  # of a reason: it stands in denials, alerts and the audit trail
_GREEKS = ("delta", "gamma", "vega", "dv01")


def measure(
    seen: Seen, needs: Collection[str], history: PriceHistory, settings: MeasureSettings
) -> Measurement:
    """Measure what a trader holds.

    Value at risk is by historical simulation at 99 %, expected shortfall at 97.5 %, the stressed
    one of the worst window there was for what is held; all for one day, in account currency.
    Volatilities are exponentially weighted, a year's. Options are priced again at each past move
    of their underlying.

    Parameters
    ----------
    seen : Seen
        What is held.
    needs : collection of str
        Which measures, as `needs_of` names them.
    history : PriceHistory
        The past.
    settings : MeasureSettings
        `trading.measures`.

    Returns
    -------
    Measurement
        What cannot be measured is among its `missing`, with the reason; nothing is raised for it.
    """
    began = time.perf_counter()
    work = _Work(seen, history, settings)
    for need in sorted(needs):
        work.do(need)
    covered, past = work.seen_covered, work.seen_past
    read = list(past.returns.index) if past is not None else []
    return Measurement(
        as_of_ns=seen.ts_ns,
        market_ns=seen.market_ns,
        took_s=round(time.perf_counter() - began, 6),
        held=seen.held,
        values=work.values,
        missing=work.missing,
        uncovered=work.uncovered,
        uncovered_share=work.uncovered_share,
        proxied=covered.proxied if covered is not None else (),
        first=_day(read[0]) if read else "",
        last=_day(read[-1]) if read else "",
        observations=len(read),
        notices=tuple(work.notices),
    )


class _Work:
    """One measurement: what several measures are made from is made once."""

    def __init__(self, seen: Seen, history: PriceHistory, settings: MeasureSettings) -> None:
        self.values: dict[str, float | str] = {}
        self.missing: dict[str, str] = {}
        self.uncovered: dict[str, str] = {}
        self.uncovered_share = 0.0
        self.notices: list[str] = []
        self.seen_covered: Coverage | None = None
        self.seen_past: Past | None = None
        self._seen = seen
        self._history = history
        self._settings = settings
        self._terms = {one.symbol: one for one in settings.options}
        self._proxies = {
            symbol: Proxy(symbol=one.symbol, beta=one.beta)
            for symbol, one in settings.proxies.items()
        }

    def do(self, need: str) -> None:
        """Measure one thing, or note why it cannot be."""
        kind, _, of = need.partition(":")
        by_kind: dict[str, Callable[[], Mapping[str, float | str]]] = {
            "measured_regime": partial(self._regime, of),
            "value_at_risk": self._value_at_risk,
            "expected_shortfall": self._expected_shortfall,
            "stressed_expected_shortfall": self._stressed_shortfall,
            "correlation": self._correlation,
            "volume": self._volumes,
            "volatility": self._volatilities if of else self._volatility,
        }
        if kind in _GREEKS:
            self._note(need, lambda: {kind: self._greeks[kind]})
        elif kind in by_kind:
            self._note(need, by_kind[kind])

    def _note(self, need: str, make: Callable[[], Mapping[str, float | str]]) -> None:
        try:
            made = make()
        except LabError as error:
            self._lacks(need, str(error))
            return
        for name, value in made.items():
            if isinstance(value, str) or math.isfinite(value):
                self.values[name] = value if isinstance(value, str) else float(value)
            else:
                self.missing[name] = f"it came out as {value}"

    def _lacks(self, need: str, why: str) -> None:
        kind, _, of = need.partition(":")
        every = of and kind != "measured_regime"  # that is of the symbol it names
        names = [f"{kind}:{symbol}" for symbol in self._quoted] if every else [need]
        self.missing |= dict.fromkeys(names, why[:_LONGEST])

    # --- what is held ---------------------------------------------------------------------

    @property
    def _quoted(self) -> list[str]:
        """Every symbol that could be asked about: held, or quoted."""
        return sorted({symbol_of(name) for name in (*self._seen.positions, *self._seen.quotes)})

    @cached_property
    def _worth(self) -> dict[str, float]:
        """Symbol -> what is held of it is worth, signed, over all venues."""
        found: dict[str, float] = {}
        for name, one in self._seen.positions.items():
            if not 0 < one.market_price < math.inf or not math.isfinite(one.market_value):
                raise BadData("every position needs a price", value=name)
            symbol = symbol_of(name)
            found[symbol] = found.get(symbol, 0.0) + one.market_value
        return {symbol: worth for symbol, worth in found.items() if worth}

    @cached_property
    def _shares(self) -> dict[str, float]:
        return {symbol: worth for symbol, worth in self._worth.items() if symbol not in self._terms}

    @cached_property
    def _options(self) -> list[OptionPosition]:
        """The options that are held, on their terms."""
        return [
            self._option(self._terms[symbol]) for symbol in self._worth if symbol in self._terms
        ]

    def _option(self, terms: OptionTerms) -> OptionPosition:
        import pandas as pd

        held = [one for n, one in self._seen.positions.items() if symbol_of(n) == terms.symbol]
        price = held[0].market_price
        if not price > 0:
            raise BadData("every option needs a price", value=f"{terms.symbol}: {price}")
        expiry = pd.Timestamp(terms.expiry, tz="UTC") + pd.Timedelta(days=1)
        years = (expiry.as_unit("ns").value - self._seen.market_ns) / _NS_A_YEAR
        volatility = terms.volatility
        if volatility is None:
            volatility = implied_volatility(
                terms.kind,
                price=price,
                spot=self._spot(terms.underlying),
                strike=terms.strike,
                years=years,
                rate=terms.rate,
                dividend_yield=terms.dividend_yield,
            )
        return OptionPosition(
            name=terms.symbol,
            underlying=terms.underlying,
            kind=terms.kind,
            units=self._worth[terms.symbol] / price,  # the contract's size is in its worth
            strike=terms.strike,
            years=years,
            volatility=volatility,
            rate=terms.rate,
            dividend_yield=terms.dividend_yield,
        )

    def _spot(self, symbol: str) -> float:
        spot = self._seen.price(symbol)
        if not 0 < spot < math.inf:
            raise BadData("the underlying of an option must be quoted", value=symbol)
        return spot

    # --- the past -------------------------------------------------------------------------

    def _read(self, symbols: Collection[str], days: int | None) -> Past:
        return self._history.returns(
            symbols,
            market_ns=self._seen.market_ns,
            days=days,
            max_age_days=self._settings.max_history_age_days,
        )

    @cached_property
    def _exposed(self) -> dict[str, float]:
        """Symbol -> what its moves move; with options without a sign, each at its underlying's."""
        if not self._options:
            return self._shares
        found = {symbol: abs(worth) for symbol, worth in self._shares.items()}
        for option in self._options:
            most = abs(option.units) * self._spot(option.underlying)  # as if its delta were 1
            found[option.underlying] = found.get(option.underlying, 0.0) + most
        return found

    def _valued(self, option: OptionPosition) -> OptionValue:
        return black_scholes(
            option.kind,
            spot=self._spot(option.underlying),
            strike=option.strike,
            years=option.years,
            volatility=option.volatility,
            rate=option.rate,
            dividend_yield=option.dividend_yield,
        )

    def _covered(self, days: int | None) -> Coverage:
        """Return what is held cut to what has a past; raises when that is too little."""
        wanted = {
            *self._exposed,
            *(p.symbol for s, p in self._proxies.items() if s in self._exposed),
        }
        past = self._read(wanted, days)
        if days is None:
            # The search for stress goes back as far as all of what is held does.
            past = Past(returns=past.returns.dropna(), absent=past.absent)
        else:
            self.seen_past = past
        self._look_for_uncovered(past)
        if len(past.returns) < self._settings.min_history_days:
            raise NotEnoughData(
                f"{self._settings.min_history_days} days of history are needed",
                value=f"{len(past.returns)} of {', '.join(sorted(self._exposed))}",
            )
        covered = cover(
            past.returns,
            self._exposed,
            proxies=self._proxies,
            max_uncovered=self._settings.max_uncovered,
        )
        if covered.uncovered and any(o.underlying in covered.uncovered for o in self._options):
            raise NotEnoughData(
                "the underlying of an option needs a history",
                value=", ".join(covered.uncovered),
            )
        return covered

    def _look_for_uncovered(self, past: Past) -> None:
        """Note which positions have neither a past nor a proxy, and refuse when they are many."""
        missing = {}
        for symbol in self._exposed:
            if symbol in self._proxies:
                continue
            if symbol in past.absent:
                missing[symbol] = past.absent[symbol]
            elif past.returns[symbol].isna().any():
                own = past.returns.index[past.returns[symbol].notna()]
                since = _day(own[0]) if len(own) else _day(past.returns.index[-1])
                missing[symbol] = f"its history begins on {since} only"
        gross = math.fsum(map(abs, self._exposed.values()))
        share = math.fsum(abs(self._exposed[s]) for s in missing) / gross if gross else 0.0
        self.uncovered, self.uncovered_share = missing, share
        if not share <= self._settings.max_uncovered:
            named = self._seen.symbols
            positions = ", ".join(
                f"{' and '.join(named.get(symbol, [symbol]))} ({why})"
                for symbol, why in sorted(missing.items())
            )
            raise NotEnoughData(
                f"{share:.1%} of the gross value has no history, and "
                f"{self._settings.max_uncovered:.1%} may: {positions}",
                remedy="declare a proxy in trading.measures.proxies",
            )

    @cached_property
    def _lately(self) -> Coverage:
        made = self._covered(self._settings.history_days)
        self.seen_covered = made
        return made

    def _pnl(self, covered: Coverage) -> tuple[Returns, Mapping[str, float] | pd.Series[float]]:
        """Return what a model measures: returns and weights, or P&L of options priced anew."""
        if not self._options:
            return covered.returns, covered.weights
        spots = {symbol: self._spot_or_one(symbol) for symbol in covered.returns.columns}
        shares = {
            symbol: self._shares[symbol] / spots[symbol]
            for symbol in covered.returns.columns
            if symbol in self._shares
        }
        pnl = revalued_pnl(covered.returns, spots, shares=shares, options=self._options)
        return pnl, {str(name): 1.0 for name in pnl.columns}

    def _spot_or_one(self, symbol: str) -> float:
        # Shares count by their worth, whatever they are quoted at.
        spot = self._seen.price(symbol)
        return spot if 0 < spot < math.inf else 1.0

    # --- the measures ---------------------------------------------------------------------

    def _model(self, confidence: float) -> HistoricalRisk:
        least = self._settings.min_history_days
        return HistoricalRisk(confidence=confidence, min_observations=least)

    def _value_at_risk(self) -> Mapping[str, float]:
        if not self._worth:
            return {"value_at_risk": 0.0}
        report = self._model(0.99).measure(*self._pnl(self._lately))
        return {"value_at_risk": report.value_at_risk}

    def _expected_shortfall(self) -> Mapping[str, float]:
        if not self._worth:
            return {"expected_shortfall": 0.0}
        report = self._model(0.975).measure(*self._pnl(self._lately))
        return {"expected_shortfall": report.expected_shortfall}

    def _stressed_shortfall(self) -> Mapping[str, float]:
        name = "stressed_expected_shortfall"
        if not self._worth:
            return {name: 0.0}
        window = self._settings.stress_days
        model = HistoricalRisk(confidence=0.975, min_observations=min(100, window))
        returns, weights = self._pnl(self._covered(None))
        found = stressed_risk(returns, weights, model=model, window=window)
        self.notices.append(
            f"stress: {found.begin.date()} to {found.end.date()}, the worst of "
            f"{found.n_windows:,} windows since {returns.index[0].date()}"
        )
        return {name: found.stressed.expected_shortfall}

    @cached_property
    def _moved(self) -> Mapping[str, float]:
        self._refuse_options()
        made = measures_of(
            self._lately.weights,
            self._lately.returns,
            periods_per_year=_DAYS_A_YEAR,
            decay=self._settings.decay,
        )
        return {name: float(one.value) for name, one in made.values.items()}

    def _regime(self, of: str) -> Mapping[str, float | str]:
        """Return the regime of what is held, or of a symbol; who holds nothing is calm."""
        if of:
            past = self._read({of}, self._settings.history_days)
            if of not in past.returns:
                raise NotEnoughData("a regime needs a history", value=f"{of}: {past.absent[of]}")
            returns = past.returns[of]
        elif not self._worth:
            return {"measured_regime": "calm", "volatility_rank": 0.0}
        else:
            self._refuse_options()
            weights = self._lately.weights / self._lately.weights.abs().sum()
            returns = self._lately.returns[list(weights.index)] @ weights
        found = regime_of(returns, of=of, decay=self._settings.decay)
        return {name: one.value for name, one in found.values.items()}

    def _refuse_options(self) -> None:
        if self._options:
            raise BadData(
                "options have no volatility of their own here",
                value=", ".join(option.name for option in self._options),
                remedy="limit their greeks, value at risk or expected shortfall",
            )

    def _volatility(self) -> Mapping[str, float]:
        return {"volatility": self._moved["volatility"] if self._worth else 0.0}

    def _correlation(self) -> Mapping[str, float]:
        # What has no pair is correlated with nothing: else nobody could begin to diversify.
        alone = len(self._worth) < 2
        return {"correlation": 0.0 if alone else self._moved["correlation"]}

    def _volatilities(self) -> Mapping[str, float]:
        stand_in = {p.symbol for symbol, p in self._proxies.items() if symbol in self._quoted}
        past = self._read({*self._quoted, *stand_in}, self._settings.history_days)
        found = {}
        for symbol in self._quoted:
            own, proxy = self._recent(past, symbol), self._proxies.get(symbol)
            if isinstance(own, str) and proxy is not None:
                own = self._recent(past, proxy.symbol, abs(proxy.beta))
            if isinstance(own, str):
                self.missing[f"volatility:{symbol}"] = own
                continue
            now = volatility_now(own, decay=self._settings.decay)
            found[f"volatility:{symbol}"] = now * math.sqrt(_DAYS_A_YEAR)
        return found

    def _recent(self, past: Past, symbol: str, scale: float = 1.0) -> pd.Series[float] | str:
        """Return the latest returns of a symbol, or why they are too few."""
        if symbol not in past.returns:
            return past.absent[symbol]
        own = scale * past.returns[symbol].dropna()
        enough = len(own) >= self._settings.min_history_days
        return own if enough else f"its history is of {len(own)} days"

    def _volumes(self) -> Mapping[str, float]:
        found, absent = self._history.volumes(
            self._quoted,
            market_ns=self._seen.market_ns,
            days=self._settings.volume_days,
            max_age_days=self._settings.max_history_age_days,
        )
        self.missing |= {f"volume:{symbol}": why for symbol, why in absent.items()}
        return {f"volume:{symbol}": volume for symbol, volume in found.items()}

    @cached_property
    def _greeks(self) -> Mapping[str, float]:
        """The account's, of shares and options; what is neither is not known."""
        named = self._seen.symbols
        past = self._read(self._shares, 1)
        strange = [s for s in self._shares if s in past.absent and s not in self._proxies]
        if strange:
            raise BadData(
                "greeks need to know what a position is",
                value=", ".join(name for symbol in strange for name in named[symbol]),
                remedy="declare an option's terms in trading.measures.options, or a share's proxy",
            )
        total = dict.fromkeys(_GREEKS, 0.0)
        for name, one in self._seen.positions.items():
            if symbol_of(name) in self._shares:
                total["delta"] += one.market_value / one.market_price
        for option in self._options:
            valued = self._valued(option)
            total["delta"] += option.units * valued.delta
            total["gamma"] += option.units * valued.gamma
            total["vega"] += option.units * valued.vega_per_point
        return total


def _day(time: object) -> str:
    return str(time)[:10]
