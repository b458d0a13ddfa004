"""Limits of risk measures: what is missing, stale or NaN is over them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.limits._finding import Finding
from nautilus_lab.risk.limits._holdings import Holdings
from nautilus_lab.risk.limits._limit import Action, Limit, Mode, bounded, chosen, smaller

_DAY = 86_400.0
_GREEKS = ("delta", "gamma", "vega", "dv01")


@dataclass(frozen=True, kw_only=True, repr=False)
class OfMeasure(Limit):
    """A limit of something that is measured elsewhere, and told to the book with its time.

    Parameters
    ----------
    max_age_s : float, default=86_400
        How old the measure may be, seconds.
    """

    modes: ClassVar[tuple[Mode, ...]] = ("monitor",)

    mode: Mode = "monitor"
    action: Action = "no_increase"
    max_age_s: float = _DAY

    def _check(self) -> None:
        bounded("max_age_s", self.max_age_s)

    def _measure(self, holdings: Holdings, kind: str, of: str = "") -> tuple[float, str]:
        """Return a measure, and why there is none."""
        asked: dict[str, Any] = {"of": of, "now_ns": holdings.now_ns, "max_age_s": self.max_age_s}
        value = holdings.measures.get(kind, **asked)
        return value, "" if value == value else holdings.measures.why_not(kind, **asked)


@dataclass(frozen=True, kw_only=True, repr=False)
class OfTail(OfMeasure):
    """A limit of a loss that is feared.

    Parameters
    ----------
    max_loss : float, optional
        Account currency.
    max_fraction : float, optional
        Of net asset value; of both the smaller holds.
    """

    max_loss: float | None = None
    max_fraction: float | None = None

    def _check(self) -> None:
        super()._check()
        if self.max_loss is None and self.max_fraction is None:
            raise InputError(
                f"{self.name} needs a bound", remedy="pass max_loss=20_000 or max_fraction=0.02"
            )
        for name in ("max_loss", "max_fraction"):
            if getattr(self, name) is not None:
                bounded(name, getattr(self, name))

    def _compare(self, holdings: Holdings, kind: str) -> Finding:
        value, reason = self._measure(holdings, kind)
        bound = smaller(self.max_loss, self.max_fraction, holdings.net_asset_value)
        return self._found("account", value, bound, holdings.currency, reason=reason)


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxValueAtRisk(OfTail):
    """The value at risk is at most so much: the measure ``value_at_risk``."""

    name: ClassVar[str] = "max_value_at_risk"
    number: ClassVar[int] = 15
    scopes: ClassVar[str] = "account"
    formula: ClassVar[str] = "value at risk <= max_loss, <= max_fraction x NAV"

    @property
    def needs(self) -> frozenset[str]:
        """The measure it reads."""
        return frozenset({"value_at_risk"})

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Compare what was measured."""
        yield self._compare(holdings, "value_at_risk")


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxExpectedShortfall(OfTail):
    """The expected shortfall is at most so much: the measure ``expected_shortfall``.

    Parameters
    ----------
    stressed : bool, default=False
        Whether it is that of the worst window: the measure ``stressed_expected_shortfall``.
    """

    name: ClassVar[str] = "max_expected_shortfall"
    number: ClassVar[int] = 16
    scopes: ClassVar[str] = "account"
    formula: ClassVar[str] = "(stressed) expected shortfall <= max_loss, <= max_fraction x NAV"

    stressed: bool = False

    @property
    def needs(self) -> frozenset[str]:
        """The measure it reads."""
        return frozenset({self._kind})

    @property
    def _kind(self) -> str:
        return "stressed_expected_shortfall" if self.stressed else "expected_shortfall"

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Compare what was measured."""
        yield self._compare(holdings, self._kind)


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxVolatility(OfMeasure):
    """The volatility is at most so much: the measure ``volatility``, or ``volatility:SYMBOL``.

    Parameters
    ----------
    max_annual : float
        A fraction for a year.
    per : {"account", "symbol"}, default="account"
        That of the account, or that of each symbol held.
    """

    name: ClassVar[str] = "max_volatility"
    number: ClassVar[int] = 17
    scopes: ClassVar[str] = "instrument, account"
    formula: ClassVar[str] = "annual volatility <= max_annual"

    max_annual: float
    per: Literal["account", "symbol"] = "account"

    def _check(self) -> None:
        super()._check()
        bounded("max_annual", self.max_annual)
        chosen("per", self.per, ("account", "symbol"))

    @property
    def needs(self) -> frozenset[str]:
        """The measure it reads."""
        return frozenset({"volatility" if self.per == "account" else "volatility:*"})

    @property
    def particular(self) -> bool:
        """Whether its scopes are symbols."""
        return self.per == "symbol"

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Compare what was measured."""
        if self.per == "account":
            value, reason = self._measure(holdings, "volatility")
            yield self._found("account", value, self.max_annual, "a year", reason=reason)
            return
        none = True
        symbols = {one.symbol for one in holdings.positions if one.furthest}
        for symbol in sorted(symbols):
            if self.concerns(symbol, symbol, ""):
                none = False
                value, reason = self._measure(holdings, "volatility", symbol)
                yield self._found(symbol, value, self.max_annual, "a year", reason=reason)
        if none:
            yield self._found("positions", 0.0, self.max_annual, "a year")


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxGreek(OfMeasure):
    """A sensitivity of the account is at most so much, without its sign.

    Parameters
    ----------
    greek : {"delta", "gamma", "vega", "dv01"}
        The measure.
    most : float
        In its unit.
    """

    name: ClassVar[str] = "max_greek"
    number: ClassVar[int] = 19
    scopes: ClassVar[str] = "account"
    formula: ClassVar[str] = "|delta|, |gamma|, |vega| or |DV01| <= most"

    greek: Literal["delta", "gamma", "vega", "dv01"]
    most: float

    def _check(self) -> None:
        super()._check()
        chosen("greek", self.greek, _GREEKS)
        bounded("most", self.most)

    @property
    def needs(self) -> frozenset[str]:
        """The measure it reads."""
        return frozenset({self.greek})

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Compare what was measured."""
        value, reason = self._measure(holdings, self.greek)
        scope = f"account:{self.greek}"
        yield self._found(scope, abs(value), self.most, self.greek, reason=reason)


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxCorrelation(OfMeasure):
    """What is held does not all move as one: the measure ``correlation``.

    Parameters
    ----------
    max_average : float
        Of all pairs held, in [0, 1].
    """

    name: ClassVar[str] = "max_correlation"
    number: ClassVar[int] = 19
    scopes: ClassVar[str] = "account"
    formula: ClassVar[str] = "average pairwise correlation <= max_average"

    max_average: float

    def _check(self) -> None:
        super()._check()
        bounded("max_average", self.max_average, most=1.0)

    @property
    def needs(self) -> frozenset[str]:
        """The measure it reads."""
        return frozenset({"correlation"})

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Compare what was measured."""
        value, reason = self._measure(holdings, "correlation")
        yield self._found("account", value, self.max_average, "correlation", reason=reason)
