"""Rules that say which part of a limit is allowed: by volatility, drawdown, regime, forecast."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.adjustment._signals import Signal, Signals

_DAY = 86_400.0
_MEASURED = "measured_regime"
_REGIMES: Mapping[str, float] = MappingProxyType({"calm": 1.0, "normal": 1.0, "stressed": 0.5})


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessment:
    """What a rule says at a time.

    Attributes
    ----------
    factor : float or None
        The part of the base that is allowed, 0 to 1; None when the rule has no say.
    failed : bool
        Whether an input was missing, too old, of the future, or no value: then it is 0.
    inputs : tuple of (str, float or str, int)
        Name, value and time (UNIX nanoseconds) of all that was read, as it was given.
    reason : str
        Why, for a person.
    """

    factor: float | None
    failed: bool = False
    inputs: tuple[tuple[str, float | str, int], ...] = ()
    reason: str = ""


class AdjustmentRule(Protocol):
    """Says which part of a limit's base is allowed; a frozen value, whose `repr` says all of it.

    The same signals at the same time lead to the same assessment. What cannot be read is
    `Assessment(factor=0.0, failed=True)`, never 1.
    """

    @property
    def may_loosen(self) -> bool:
        """Whether what it says may also end a tightening; for a learned model it may not."""

    def assess(self, signals: Signals, now_ns: int) -> Assessment:
        """Return the part that is allowed at `now_ns`, UNIX nanoseconds."""


@dataclass(frozen=True, kw_only=True)
class VolatilityRule:
    r"""Keeps the product of limit and volatility: :math:`\min(1, target / \sigma)`.

    Volatility targeting [1]_, which only ever tightens here.

    Parameters
    ----------
    target : float
        Up to which the base is allowed: a fraction, per the same period as the signal's.
    signal : str, default="volatility"
        Which to read; at least 0.
    max_age_s : float, default=86_400
        How old it may be, seconds.

    Examples
    --------
    >>> rule = VolatilityRule(target=0.15)
    >>> rule.assess(Signals.at(0, volatility=0.30), now_ns=0).factor
    0.5
    >>> rule.assess(Signals.at(0, volatility=float("nan")), now_ns=0).factor
    0.0

    References
    ----------
    .. [1] Harvey, C. R. et al. (2018). The impact of volatility targeting. Journal of Portfolio
       Management 45(1), 14-33.
    """

    target: float
    signal: str = "volatility"
    max_age_s: float = _DAY

    def __post_init__(self) -> None:
        _positive("target", self.target)
        _positive("max_age_s", self.max_age_s)

    @property
    def may_loosen(self) -> bool:
        """It may: it is a formula."""
        return True

    def assess(self, signals: Signals, now_ns: int) -> Assessment:
        """Return target / volatility, at most 1."""
        found, failure = _number(signals, self.signal, now_ns, self.max_age_s)
        if failure is not None:
            return failure
        assert found is not None
        volatility = float(found.value)
        factor = 1.0 if volatility <= self.target else self.target / volatility
        return Assessment(
            factor=factor,
            inputs=_inputs(self.signal, found),
            reason=f"{self.signal} is {volatility:.6g}, the target {self.target:g}",
        )


@dataclass(frozen=True, kw_only=True)
class DrawdownRule:
    r"""Tightens as money is lost: 1 up to `begin`, and from there in a line to 0 at `end`.

    With `begin` at 0 it is the exposure of Grossman and Zhou [1]_, proportional to the cushion
    over the floor of wealth, as a part of that at the highest.

    Parameters
    ----------
    end : float
        Drawdown at which nothing more than the floor is allowed, in (begin, 1].
    begin : float, default=0
        Drawdown up to which the base is, in [0, 1).
    signal : str, default="drawdown"
        Which to read: 1 - equity / highest equity, 0 to 1; above 1 when less than all is left.
    max_age_s : float, default=300
        How old it may be, seconds.

    Examples
    --------
    >>> DrawdownRule(begin=0.05, end=0.15).assess(Signals.at(0, drawdown=0.05), now_ns=0).factor
    1.0

    References
    ----------
    .. [1] Grossman, S. J. and Zhou, Z. (1993). Optimal investment strategies for controlling
       drawdowns. Mathematical Finance 3(3), 241-276.
    """

    end: float
    begin: float = 0.0
    signal: str = "drawdown"
    max_age_s: float = 300.0

    def __post_init__(self) -> None:
        if not 0 <= self.begin < self.end <= 1:
            raise InputError(
                "0 <= begin < end <= 1 must hold",
                value=f"begin={self.begin}, end={self.end}",
                remedy="pass fractions of the highest equity, begin=0.05, end=0.15",
            )
        _positive("max_age_s", self.max_age_s)

    @property
    def may_loosen(self) -> bool:
        """It may: it is a formula."""
        return True

    def assess(self, signals: Signals, now_ns: int) -> Assessment:
        """Return what is left of the way from `begin` to `end`."""
        found, failure = _number(signals, self.signal, now_ns, self.max_age_s)
        if failure is not None:
            return failure
        assert found is not None
        drawdown = float(found.value)
        left = (self.end - drawdown) / (self.end - self.begin)
        return Assessment(
            factor=min(1.0, max(0.0, left)),
            inputs=_inputs(self.signal, found),
            reason=f"{self.signal} is {drawdown:.6g}, from {self.begin:g} to {self.end:g}",
        )


@dataclass(frozen=True, kw_only=True)
class RegimeRule:
    """Allows a part by the regime that markets are in, as `volatility_regimes` names them.

    =========================  ===========================================================
    ``signal``                 who says so
    =========================  ===========================================================
    ``"regime"``               a person or a model of the desk, by ``tell_measures``
    ``"measured_regime"``      the process of measures, of what is held
    ``"measured_regime:SPY"``  the same, of one symbol of the catalog, held or not
    =========================  ===========================================================

    Parameters
    ----------
    factors : mapping of str to float
        The part that is allowed in each, 0 to 1; a regime that is not in it fails tight.
    signal : str, default="regime"
        Which to read: a word.
    max_age_s : float, default=86_400
        How old it may be, seconds.

    Examples
    --------
    >>> RegimeRule().assess(Signals.at(0, regime="stressed"), now_ns=0).factor
    0.5
    >>> RegimeRule().assess(Signals.at(0, regime="odd"), now_ns=0).failed
    True
    """

    factors: Mapping[str, float] = field(default_factory=lambda: _REGIMES)
    signal: str = "regime"
    max_age_s: float = _DAY

    def __post_init__(self) -> None:
        if not self.factors:
            raise InputError("factors must name a regime", value=self.factors)
        for name, factor in self.factors.items():
            if not 0 <= factor <= 1:
                raise InputError("a factor must lie in [0, 1]", value=f"{name}={factor}")
        _positive("max_age_s", self.max_age_s)
        object.__setattr__(self, "factors", MappingProxyType(dict(self.factors)))

    def __hash__(self) -> int:
        return hash((tuple(sorted(self.factors.items())), self.signal, self.max_age_s))

    @property
    def may_loosen(self) -> bool:
        """It may: it is a table."""
        return True

    def assess(self, signals: Signals, now_ns: int) -> Assessment:
        """Return the part of the regime."""
        found = signals.values.get(self.signal)
        if found is None or not found.is_fresh(now_ns, self.max_age_s):
            return _failed(self.signal, found, now_ns)
        factor = self.factors.get(found.value) if isinstance(found.value, str) else None
        if factor is None:
            return _failed(self.signal, found, now_ns, f"it is none of {', '.join(self.factors)}")
        inputs, reason = _inputs(self.signal, found), f"{self.signal} is {found.value}"
        kind, mark, of = self.signal.partition(":")
        if kind == _MEASURED and (by := signals.values.get(f"volatility_rank{mark}{of}")):
            inputs += _inputs(f"volatility_rank{mark}{of}", by)
            reason += f", its volatility at rank {by.value:.6g}"
        return Assessment(factor=factor, inputs=inputs, reason=reason)


@dataclass(frozen=True, kw_only=True)
class BreachProbabilityRule:
    """Tightens as a breach gets probable: 1 up to `begin`, in a line to 0 at `end`.

    It reads a `BreachForecast`, of a statistic or of a learned model. It never loosens: what it
    tightened stands until it expires, and goes back by schedule. A forecast that says itself that
    it is not in service has no say; one that is in service and late, missing or NaN fails tight.

    Parameters
    ----------
    forecast : str
        Which to read: the limit's name, or ``"limit:scope"``.
    begin, end : float
        Probabilities, 0 <= begin < end <= 1.
    max_age_s : float, default=60
        How old it may be, seconds.

    Examples
    --------
    >>> from nautilus_lab.risk.early_warning import BreachForecast
    >>> told = BreachForecast(probability=0.5, horizon_s=300, as_of_ns=0, model="any")
    >>> rule = BreachProbabilityRule(forecast="max_leverage", begin=0.2, end=0.8)
    >>> round(rule.assess(Signals(forecasts={"max_leverage": told}), now_ns=0).factor, 12)
    0.5
    """

    forecast: str
    begin: float = 0.2
    end: float = 0.8
    max_age_s: float = 60.0

    def __post_init__(self) -> None:
        if not 0 <= self.begin < self.end <= 1:
            raise InputError(
                "0 <= begin < end <= 1 must hold", value=f"begin={self.begin}, end={self.end}"
            )
        _positive("max_age_s", self.max_age_s)

    @property
    def may_loosen(self) -> bool:
        """It may not: models only tighten."""
        return False

    def assess(self, signals: Signals, now_ns: int) -> Assessment:
        """Return what is left of the way from `begin` to `end`."""
        name = f"breach:{self.forecast}"
        told = signals.forecasts.get(self.forecast)
        if told is None:
            return _failed(name, None, now_ns)
        inputs: tuple[tuple[str, float | str, int], ...] = (
            (name, told.probability, told.as_of_ns),
            ("model", told.model, told.as_of_ns),
            ("features", told.features, told.as_of_ns),
            ("horizon_s", told.horizon_s, told.as_of_ns),
        )
        if not told.in_service:
            return Assessment(factor=None, inputs=inputs, reason=f"{told.model} is not in service")
        read = Signal(told.probability, told.as_of_ns)
        if not read.is_fresh(now_ns, self.max_age_s) or not 0 <= told.probability <= 1:
            failure = _failed(name, read, now_ns)
            return Assessment(factor=0.0, failed=True, inputs=inputs, reason=failure.reason)
        left = (self.end - told.probability) / (self.end - self.begin)
        return Assessment(
            factor=min(1.0, max(0.0, left)),
            inputs=inputs,
            reason=f"a breach within {told.horizon_s:g} s has probability {told.probability:.6g}",
        )


@dataclass(frozen=True)
class Tightest:
    """Several rules at once: the tightest holds; one that fails fails all.

    Parameters
    ----------
    rules : tuple of AdjustmentRule
        At least one. Together they may loosen if each may.

    Examples
    --------
    >>> rule = Tightest((VolatilityRule(target=0.1), DrawdownRule(end=0.2)))
    >>> rule.assess(Signals.at(0, volatility=0.2, drawdown=0.05), now_ns=0).factor
    0.5
    """

    rules: tuple[AdjustmentRule, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "rules", tuple(self.rules))
        if not self.rules:
            raise InputError("the tightest of no rules is none", remedy="pass at least one rule")

    @property
    def may_loosen(self) -> bool:
        """Whether each may."""
        return all(rule.may_loosen for rule in self.rules)

    def assess(self, signals: Signals, now_ns: int) -> Assessment:
        """Return the least part; that of the first, of equals."""
        found = [rule.assess(signals, now_ns) for rule in self.rules]
        inputs = tuple(one for assessment in found for one in assessment.inputs)
        say = [one for one in found if one.factor is not None]
        if not say:
            return Assessment(
                factor=None, inputs=inputs, reason="; ".join(one.reason for one in found)
            )
        # A rule of somebody else may answer NaN, which min would lose.
        least = min(say, key=lambda one: 0.0 if _is_no_factor(one.factor) else one.factor or 0.0)
        failed = any(one.failed for one in say) or _is_no_factor(least.factor)
        reason = next((one.reason for one in say if one.failed), least.reason)
        return Assessment(
            factor=0.0 if failed else least.factor, failed=failed, inputs=inputs, reason=reason
        )


# What settings can name.
RULES: Mapping[str, type[Any]] = MappingProxyType(
    {
        "volatility": VolatilityRule,
        "drawdown": DrawdownRule,
        "regime": RegimeRule,
        "breach_probability": BreachProbabilityRule,
    }
)


def settings_of(rule: AdjustmentRule) -> dict[str, Any]:
    """Return a rule as plain values, which `rule_of` takes.

    Raises
    ------
    InputError
        When it is none of those that settings can name.

    Examples
    --------
    >>> settings_of(DrawdownRule(end=0.2))
    {'rule': 'drawdown', 'end': 0.2}
    """
    name = next((name for name, kind in RULES.items() if type(rule) is kind), None)
    if name is None:
        raise InputError(
            f"a rule in settings is one of {', '.join(RULES)}",
            value=rule,
            remedy="a rule of your own holds in this process: in a notebook, and in a backtest",
        )
    given: dict[str, Any] = {"rule": name}
    for item in dataclasses.fields(rule):  # type: ignore[arg-type]
        value = getattr(rule, item.name)
        if item.name == "factors":
            given |= {} if value == _REGIMES else {"factors": dict(value)}
        elif value != item.default:
            given[item.name] = value
    return given


def _is_no_factor(factor: float | None) -> bool:
    return factor is None or not 0 <= factor <= 1


def _number(
    signals: Signals, name: str, now_ns: int, max_age_s: float
) -> tuple[Signal | None, Assessment | None]:
    """Return a number that can be read, or what to say when it cannot."""
    found = signals.values.get(name)
    fresh = found is not None and found.is_fresh(now_ns, max_age_s)
    if found is not None and fresh and not isinstance(found.value, str):
        # A number below zero is no volatility, drawdown or rank. NaN is not above.
        if not isinstance(found.value, bool) and 0 <= found.value < math.inf:
            return found, None
        return None, _failed(name, found, now_ns, "it must be finite and at least 0")
    return None, _failed(name, found, now_ns)


def _failed(name: str, found: Signal | None, now_ns: int, why: str = "") -> Assessment:
    if found is None:
        return Assessment(factor=0.0, failed=True, reason=f"{name} is missing")
    if not why:
        age_s = (now_ns - found.as_of_ns) / 1e9
        why = f"it is {age_s:.1f} s old" if math.isfinite(age_s) else "its age is not known"
    return Assessment(
        factor=0.0,
        failed=True,
        inputs=_inputs(name, found),
        reason=f"{name} is {found.value!r}: {why}",
    )


def _inputs(name: str, found: Signal) -> tuple[tuple[str, float | str, int], ...]:
    return ((name, found.value, found.as_of_ns),)


def _positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise InputError(f"{name} must be positive and finite", value=value)
