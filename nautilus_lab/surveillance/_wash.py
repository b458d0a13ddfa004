"""Opposite fills of one owner that leave the position where it was."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nautilus_lab.surveillance._frames import (
    require_fills,
    require_setting,
    seconds,
    span_ns,
    utc,
)
from nautilus_lab.surveillance._pattern import Measured, Pattern

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class WashTrades:
    """Looks for buys and sells of one owner at nearly one price and time, with no net change.

    Fills are matched with earlier ones of the other side, the nearest price first; fills that are
    matched, directly or through others, are one candidate. A market maker who earns a spread
    narrower than `max_price_apart_bp` has this shape, too.

    Parameters
    ----------
    max_seconds_apart : float, default=1.0
        How far apart two matched fills may be, seconds; from 0.
    max_price_apart_bp : float, default=1.0
        How far apart their prices may be, hundredths of a percent of the earlier; from 0.
    max_net_change : float, default=0.1
        How much of what a candidate traded may be left as a change of position, a fraction.
    min_quantity : float, default=0.0
        Leave out candidates that matched less, units.

    Raises
    ------
    InputError
        When a threshold is out of bounds.
    """

    max_seconds_apart: float = 1.0
    max_price_apart_bp: float = 1.0
    max_net_change: float = 0.1
    min_quantity: float = 0.0

    def __post_init__(self) -> None:
        span_ns("max_seconds_apart", self.max_seconds_apart)
        require_setting("max_price_apart_bp", self.max_price_apart_bp)
        require_setting("max_net_change", self.max_net_change, most=1.0)
        require_setting("min_quantity", self.min_quantity)

    def find(self, fills: pd.DataFrame) -> tuple[Pattern, ...]:
        """Return the patterns in `fills`, the earliest first.

        Parameters
        ----------
        fills : DataFrame
            Columns `trade_id`, `client_order_id`, `owner` (the beneficial one), `instrument`,
            `side` (BUY, SELL), `quantity` (units, above 0), `price`, `time` (tz-aware).

        Raises
        ------
        InputError
            When a column is missing or times are not tz-aware.
        BadData
            When a value is missing, not finite or out of bounds, or a fill is there twice.
        """
        checked = require_fills(fills)
        found = [
            pattern
            for _, group in checked.groupby(["owner", "instrument"], sort=True)
            for pattern in self._of(group)
        ]
        return tuple(sorted(found, key=lambda one: (one.begin, one.instrument, one.trade_ids)))

    def _of(self, group: pd.DataFrame) -> list[Pattern]:
        window = span_ns("max_seconds_apart", self.max_seconds_apart)
        fills = [
            _Fill(*row)
            for row in zip(
                *(group["ns"].tolist(), group["sign"].tolist(), group["quantity"].tolist()),
                *(group["price"].tolist(), group["trade_id"], group["client_order_id"]),
                strict=True,
            )
        ]
        owner, instrument = str(group["owner"].iloc[0]), str(group["instrument"].iloc[0])
        waiting: deque[_Fill] = deque()
        for fill in fills:
            while waiting and (waiting[0].left <= 0 or fill.ns - waiting[0].ns > window):
                waiting.popleft()
            near = [
                (gap, -earlier.ns, place)
                for place, earlier in enumerate(waiting)
                if earlier.left > 0
                and earlier.sign != fill.sign
                and (gap := _apart_bp(earlier.price, fill.price)) <= self.max_price_apart_bp
            ]
            for _, _, place in sorted(near):
                if fill.left <= 0:
                    break
                earlier = waiting[place]
                matched = min(fill.left, earlier.left)
                fill.left -= matched
                earlier.left -= matched
                lead = _joined(earlier, fill)
                lead.matched += matched
                lead.seconds = max(lead.seconds, seconds(fill.ns - earlier.ns))
                lead.price_bp = max(lead.price_bp, _apart_bp(earlier.price, fill.price))
            if fill.left > 0:
                waiting.append(fill)
        leads = [fill for fill in fills if fill.lead is None and len(fill.members) > 1]
        patterns = (self._pattern(lead, owner, instrument) for lead in leads)
        return [one for one in patterns if one is not None]

    def _pattern(self, lead: _Fill, owner: str, instrument: str) -> Pattern | None:
        members = sorted(lead.members, key=lambda one: (one.ns, one.trade, one.order))
        gross = sum(one.quantity for one in members)
        net = abs(sum(one.sign * one.quantity for one in members)) / gross
        if not (net <= self.max_net_change and lead.matched >= self.min_quantity):
            return None
        ids = [one.trade for one in members]
        own = " Two sides carry one trade id." if len(set(ids)) < len(ids) else ""
        return Pattern(
            kind="wash",
            owner=owner,
            instrument=instrument,
            begin=utc(members[0].ns),
            end=utc(members[-1].ns),
            order_ids=tuple(dict.fromkeys(one.order for one in members)),
            trade_ids=tuple(dict.fromkeys(ids)),
            figures=(
                Measured(
                    name="time apart",
                    value=lead.seconds,
                    threshold=self.max_seconds_apart,
                    unit="s",
                ),
                Measured(
                    name="price apart",
                    value=lead.price_bp,
                    threshold=self.max_price_apart_bp,
                    unit="bp",
                ),
                Measured(
                    name="net change", value=net, threshold=self.max_net_change, unit="fraction"
                ),
                Measured(
                    name="matched", value=lead.matched, threshold=self.min_quantity, unit="units"
                ),
            ),
            note="Pattern to review: opposite fills of one owner nearly cancel out." + own,
        )


@dataclass(eq=False, slots=True)
class _Fill:
    """A fill, what of it is not matched yet, and the candidate that it leads or belongs to."""

    ns: int
    sign: float
    quantity: float
    price: float
    trade: str
    order: str
    left: float = 0.0
    lead: _Fill | None = None
    members: list[_Fill] = field(default_factory=list)
    matched: float = 0.0
    seconds: float = 0.0
    price_bp: float = 0.0

    def __post_init__(self) -> None:
        self.left = self.quantity
        self.members = [self]

    def first(self) -> _Fill:
        one = self
        while one.lead is not None:
            one = one.lead
        return one


def _joined(one: _Fill, other: _Fill) -> _Fill:
    """Make one candidate of two, the larger one taking in the smaller; return its lead."""
    lead, follower = one.first(), other.first()
    if lead is follower:
        return lead
    if len(lead.members) < len(follower.members):
        lead, follower = follower, lead
    follower.lead = lead
    lead.members += follower.members
    lead.matched += follower.matched
    lead.seconds = max(lead.seconds, follower.seconds)
    lead.price_bp = max(lead.price_bp, follower.price_bp)
    return lead


def _apart_bp(earlier: float, later: float) -> float:
    # Prices may be zero or negative, of spreads and of futures that have been.
    if earlier == later:
        return 0.0
    return abs(later - earlier) / abs(earlier) * 1e4 if earlier else float("inf")
