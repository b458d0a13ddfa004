"""Settings of a trading node and its gate."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from nautilus_lab.config._dates import IsoDate
from nautilus_lab.config._early_warning import EarlyWarningSettings
from nautilus_lab.config._measures import MeasureSettings
from nautilus_lab.config._section import Section
from nautilus_lab.config._venues import Venues, VenueSettings
from nautilus_lab.exceptions import ConfigError

TraderId = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]{0,15}-[A-Z0-9]{1,8}$")]


class TradingSettings(Section):
    """The trading node and its paper venues.

    The replay takes the real closes of `replay_symbols` from `replay_start` on and lets
    `seconds_per_day` real seconds pass for each trading day; the path between two closes is
    simulated.

    The limits of the gate that are None are off. Money is in account currency. A position is that
    of the account in one instrument; `max_symbol_notional` adds its venues up, and
    `max_strategy_notional` is of each strategy in one instrument. `check_margin`
    has each venue's account cover all that works, `max_daily_loss` and `max_daily_loss_fraction`
    (of the equity the UTC day began with) are the stop-loss: exceeded at `stop_loss_confirmations`
    looks in a row, four a second, they move the trader to `stop_loss_state`. `limits` are more of
    them, each a table with its name as `limit`, its parameters, and `adjust` for a rule that
    tightens it; `limit_levels` says where warning begins and how long it lasts; see
    docs/concepts/limits.md and docs/concepts/adjusting_limits.md. `measures` says how what
    they need is measured; see docs/concepts/measures.md. `self_trade` says which goes of two orders
    of the account that would trade with each other; what only reduces always goes before what it
    crosses.

    A killed trader is resumed by two persons, within `resume_within_s` of each other, and whose
    strategies run resumes nothing. `single_person` declares that the desk has one person only, who
    then counts for both; it is audited at each start. See docs/concepts/kill_switch.md.
    """

    trader_id: TraderId = "PAPER-001"
    starting_cash: float = Field(default=1_000_000.0, ge=1, le=1e9, allow_inf_nan=False)
    max_order_notional: float = Field(default=250_000.0, gt=0, allow_inf_nan=False)
    max_position_notional: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    max_position_units: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    max_symbol_notional: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    max_strategy_notional: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    max_gross_exposure: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    check_margin: bool = True
    max_daily_loss: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    max_daily_loss_fraction: float | None = Field(default=None, gt=0, le=1, allow_inf_nan=False)
    stop_loss_state: Literal["REDUCE_ONLY", "HALTED"] = "REDUCE_ONLY"
    stop_loss_confirmations: int = Field(default=3, ge=1, le=1_000)
    limits: tuple[dict[str, Any], ...] = ()
    limit_levels: dict[str, float] = Field(default={})
    early_warning: EarlyWarningSettings = EarlyWarningSettings()
    measures: MeasureSettings = MeasureSettings()
    max_orders_per_second: int | None = Field(default=50, ge=1, le=9_999)
    price_band_bps: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    max_quote_age_s: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    duplicate_window_s: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    self_trade: Literal["off", "cancel_newest", "cancel_oldest"] = "cancel_newest"
    commission_bps: float = Field(default=1.0, ge=0, le=100, allow_inf_nan=False)
    half_spread_bps: float = Field(default=2.0, ge=0, le=500, allow_inf_nan=False)
    replay_symbols: tuple[str, ...] = ()  # empty: all of the shipped stocks
    replay_start: IsoDate = "2020-01-02"
    seconds_per_day: float = Field(default=20.0, ge=0.1, le=86_400, allow_inf_nan=False)
    quotes_per_second: float = Field(default=4.0, gt=0, le=200, allow_inf_nan=False)
    seed: int = Field(default=20200102, ge=0)
    venues: Venues = (VenueSettings(),)
    start_timeout_s: float = Field(default=60.0, gt=0, le=600)
    stop_timeout_s: float = Field(default=15.0, gt=0, le=600)
    heartbeat_s: float = Field(default=1.0, gt=0, le=30)
    targets_max_age_days: float = Field(default=7.0, gt=0, le=3_650, allow_inf_nan=False)
    single_person: bool = False
    resume_within_s: float = Field(default=900.0, ge=1, le=86_400, allow_inf_nan=False)
    operator_console: bool = False  # whether the node's kernel takes an operator's cells

    def venue(self, name: str) -> VenueSettings:
        """Return the settings of the venue `name`.

        Raises
        ------
        ConfigError
            When `venues` has none of that name.
        """
        for venue in self.venues:
            if venue.name == name:
                return venue
        raise ConfigError(
            "a venue must be one of trading.venues",
            value=name,
            remedy=f"choose among {', '.join(venue.name for venue in self.venues)}",
        )
