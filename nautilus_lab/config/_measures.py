"""Settings of the measures that limits need."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from nautilus_lab.config._dates import IsoDate
from nautilus_lab.config._section import Section


class ProxySettings(Section):
    """Whose returns stand in for those that a symbol has not, and how much of them."""

    symbol: str = Field(min_length=1)
    beta: float = Field(default=1.0, allow_inf_nan=False)


def _as_proxy(given: object) -> object:
    return {"symbol": given} if isinstance(given, str) else given


class OptionTerms(Section):
    """What an option that may be held is: a European one, on a symbol of the catalog.

    Without `volatility` it is the one that its price implies.
    """

    symbol: str = Field(min_length=1)
    underlying: str = Field(min_length=1)
    kind: Literal["call", "put"]
    strike: float = Field(gt=0, allow_inf_nan=False)
    expiry: IsoDate
    volatility: float | None = Field(default=None, gt=0, le=10, allow_inf_nan=False)
    rate: float = Field(default=0.0, ge=-1, le=1, allow_inf_nan=False)
    dividend_yield: float = Field(default=0.0, ge=-1, le=1, allow_inf_nan=False)


class MeasureSettings(Section):
    """How the measures that limits need are computed, where a limit needs any and it is `enabled`.

    They are computed each `every_s`, and soon after fills, from at most `history_days` daily
    returns of the catalog and `min_history_days` at least; of stress, from all of them, in windows
    of `stress_days`. A history that ends more than `max_history_age_days` before the market's own
    day is none. `proxies` say what stands in for a symbol that has none: `NEWCO = "AMD"`, or
    `NEWCO = {symbol = "AMD", beta = 1.2}`; above a share of `max_uncovered` of the gross value
    without either there is no measure, and the limits that need it fail. Measures of positions
    that are no longer held count for `grace_s`. `decay` is of the exponentially weighted
    volatilities, `volume_days` are averaged over. `options` are the terms of options that may be
    held, a table each.
    """

    enabled: bool = True
    every_s: float = Field(default=60.0, ge=1, le=3_600, allow_inf_nan=False)
    history_days: int = Field(default=500, ge=100, le=20_000)
    min_history_days: int = Field(default=250, ge=100, le=20_000)
    max_history_age_days: float = Field(default=7.0, ge=1, le=36_500, allow_inf_nan=False)
    stress_days: int = Field(default=252, ge=100, le=2_000)
    volume_days: int = Field(default=20, ge=1, le=2_000)
    decay: float = Field(default=0.94, gt=0, lt=1, allow_inf_nan=False)
    max_uncovered: float = Field(default=0.05, ge=0, lt=1, allow_inf_nan=False)
    grace_s: float = Field(default=10.0, ge=1, le=3_600, allow_inf_nan=False)
    proxies: dict[str, Annotated[ProxySettings, BeforeValidator(_as_proxy)]] = Field(default={})
    options: tuple[OptionTerms, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> MeasureSettings:
        if self.min_history_days > self.history_days:
            raise ValueError("min_history_days must not be more than history_days")
        names = [option.symbol for option in self.options]
        if len(set(names)) < len(names):
            raise ValueError("options must name each symbol once")
        return self
