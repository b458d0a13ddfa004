"""The limits that settings ask for."""

from __future__ import annotations

from collections.abc import Iterator

from nautilus_lab.config import TradingSettings
from nautilus_lab.risk.adjustment import book_of
from nautilus_lab.risk.limits import (
    DailyLoss,
    EnoughMargin,
    FreshQuote,
    Limit,
    LimitBook,
    MaxGrossExposure,
    MaxMessageRate,
    MaxOrderNotional,
    MaxPositionNotional,
    MaxPositionUnits,
    NoDuplicate,
    NoSelfTrade,
    PriceCollar,
    levels_of,
)


def build_limits(settings: TradingSettings) -> LimitBook:
    """Return the limits of a node, cheap ones first; a setting that is None leaves its limit out.

    Those of `trading.limits` come after the ones that have a setting of their own.

    Raises
    ------
    ConfigError
        When one of `trading.limits` is none; names it, and what it lacks.

    Examples
    --------
    >>> book = build_limits(TradingSettings(
    ...     max_position_notional=400_000, check_margin=False, self_trade="off",
    ...     limits=[{"limit": "max_leverage", "max_times": 2}],
    ... ))
    >>> [limit.name for limit in book]
    ['max_message_rate', 'max_order_notional', 'max_position_notional', 'max_leverage']
    """
    levels = {"confirmations": settings.stop_loss_confirmations, **settings.limit_levels}
    own = LimitBook((*_of_orders(settings), *_of_exposures(settings)), levels=levels_of(levels))
    return own + book_of(settings.limits)


def _of_orders(s: TradingSettings) -> Iterator[Limit]:
    if s.max_orders_per_second is not None:
        yield MaxMessageRate(per_second=s.max_orders_per_second)
    if s.duplicate_window_s is not None:
        yield NoDuplicate(window_s=s.duplicate_window_s)
    if s.max_quote_age_s is not None:
        yield FreshQuote(max_age_s=s.max_quote_age_s)
    if s.price_band_bps is not None:
        yield PriceCollar(bps=s.price_band_bps)
    yield MaxOrderNotional(max_notional=s.max_order_notional)
    if s.self_trade != "off":
        yield NoSelfTrade(policy=s.self_trade)


def _of_exposures(s: TradingSettings) -> Iterator[Limit]:
    if s.max_position_units is not None:
        yield MaxPositionUnits(max_units=s.max_position_units)
    if s.max_position_notional is not None:
        yield MaxPositionNotional(max_notional=s.max_position_notional)
    if s.max_symbol_notional is not None:
        yield MaxPositionNotional(max_notional=s.max_symbol_notional, per="symbol")
    if s.max_strategy_notional is not None:
        yield MaxPositionNotional(max_notional=s.max_strategy_notional, per="strategy")
    if s.max_gross_exposure is not None:
        yield MaxGrossExposure(max_notional=s.max_gross_exposure)
    if s.check_margin:
        # Who is fully invested uses all of it: that is nothing to warn of.
        leverage = {venue.name: venue.leverage for venue in s.venues}
        yield EnoughMargin(leverage=leverage, mode="block")
    if s.max_daily_loss is not None or s.max_daily_loss_fraction is not None:
        yield DailyLoss(max_loss=s.max_daily_loss, max_fraction=s.max_daily_loss_fraction)
