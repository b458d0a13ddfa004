"""A large part of the last minutes' volume, in the direction that the price went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.surveillance._frames import (
    require_fills,
    require_market,
    require_setting,
    span_ns,
    utc,
)
from nautilus_lab.surveillance._pattern import Measured, NotAssessed, Pattern

if TYPE_CHECKING:
    import pandas as pd

_NS = 10**9


@dataclass(frozen=True, kw_only=True)
class ClosingTrades:
    """Looks for owners that are much of a close which went the way they traded.

    Without the market's own trades a share cannot be told, and the day is `NotAssessed`. Somebody
    who must trade at the close, a tracker of an index, has this shape, too.

    Parameters
    ----------
    close : time, default=16:00
        When the session ends, in `zone`.
    zone : str, default="America/New_York"
        The exchange's time zone.
    early : mapping of date to time, optional
        Days that end at another time.
    minutes : float, default=10.0
        How long before the close it is looked at, the close included; above 0.
    min_share : float, default=0.2
        Own part of what traded then, a fraction.
    min_move_bp : float, default=10.0
        How far the price went from the last trade before these minutes to the last of them, in
        the direction of the own net trading; hundredths of a percent.

    Raises
    ------
    InputError
        When a threshold is out of bounds or the zone is not known.
    """

    close: time = time(16)
    zone: str = "America/New_York"
    early: Mapping[date, time] = field(default_factory=dict)
    minutes: float = 10.0
    min_share: float = 0.2
    min_move_bp: float = 10.0

    def __post_init__(self) -> None:
        require_setting("minutes", self.minutes, least=1 / 60, most=24 * 60)
        require_setting("min_share", self.min_share, most=1.0)
        require_setting("min_move_bp", self.min_move_bp)
        if self.close.tzinfo is not None or any(one.tzinfo for one in self.early.values()):
            raise InputError("close must be a plain time, of `zone`", value=self.close)
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise InputError(
                "zone must be the name of a time zone", value=self.zone, remedy="Europe/London"
            ) from None

    def find(
        self, fills: pd.DataFrame, market: pd.DataFrame
    ) -> tuple[tuple[Pattern, ...], tuple[NotAssessed, ...]]:
        """Return the patterns in `fills`, and the days of an instrument that cannot be told.

        Parameters
        ----------
        fills : DataFrame
            As `WashTrades.find` takes them.
        market : DataFrame
            All trades of the market, the own ones among them, or bars of a minute or less:
            columns `instrument`, `time` (tz-aware; a bar's end), `price`, `quantity` (units).

        Raises
        ------
        InputError
            When a column is missing or times are not tz-aware.
        BadData
            When a value is missing, not finite or out of bounds, or the market traded less than
            the owner alone.
        """
        import pandas as pd

        checked = require_fills(fills)
        tape = {str(name): of for name, of in require_market(market).groupby("instrument")}
        zone = ZoneInfo(self.zone)
        found: list[Pattern] = []
        lost: dict[NotAssessed, None] = {}
        for _, own in checked.groupby(["owner", "instrument"], sort=True):
            instrument = str(own["instrument"].iloc[0])
            local = pd.DatetimeIndex(own["time"]).tz_convert(zone).date
            for day in sorted(set(local)):
                begin, end = self._window(day, zone)
                late = own[(own["ns"] > begin) & (own["ns"] <= end)]
                if late.empty:
                    continue
                told = _last_minutes(tape.get(instrument), begin, end, day, zone)
                if told is None:
                    lost[_untold(instrument, day)] = None
                else:
                    found += self._pattern(late, *told)
        ordered = sorted(found, key=lambda one: (one.begin, one.instrument, one.owner))
        return tuple(ordered), tuple(sorted(lost, key=lambda one: one.what))

    def _window(self, day: date, zone: ZoneInfo) -> tuple[int, int]:
        close = datetime.combine(day, self.early.get(day, self.close), tzinfo=zone)
        end = round(close.timestamp() * 1e6) * 1_000
        return end - span_ns("minutes", self.minutes, 60), end

    def _pattern(
        self,
        own: pd.DataFrame,
        volume: float,
        before: float,
        last: float,
    ) -> list[Pattern]:
        owner, instrument = str(own["owner"].iloc[0]), str(own["instrument"].iloc[0])
        traded = float(own["quantity"].sum())
        if traded > volume * (1 + 1e-9):
            raise BadData(
                "the market must have traded at least what one owner did",
                value=f"{instrument}: {volume:g} against {traded:g} at {utc(own['ns'].iloc[0])}",
                remedy="pass all trades of the market, the own ones among them",
            )
        net = float((own["sign"] * own["quantity"]).sum())
        share, move = traded / volume, (last / before - 1) * 1e4 * (1 if net > 0 else -1)
        if not (net != 0 and share >= self.min_share and move >= self.min_move_bp):
            return []
        return [
            Pattern(
                kind="marking the close",
                owner=owner,
                instrument=instrument,
                begin=utc(int(own["ns"].min())),
                end=utc(int(own["ns"].max())),
                order_ids=tuple(dict.fromkeys(own["client_order_id"])),
                trade_ids=tuple(dict.fromkeys(own["trade_id"])),
                figures=(
                    Measured(
                        name="share of volume",
                        value=share,
                        threshold=self.min_share,
                        unit="fraction",
                    ),
                    Measured(name="price moved", value=move, threshold=self.min_move_bp, unit="bp"),
                    Measured(
                        name="net part", value=abs(net) / traded, threshold=0.0, unit="fraction"
                    ),
                ),
                note="Pattern to review: much of the last minutes' volume, the way the price went.",
            )
        ]


def _untold(instrument: str, day: date) -> NotAssessed:
    return NotAssessed(
        kind="marking the close",
        what=f"{instrument} on {day}",
        reason="the market's trades of the last minutes, or of the day before them, are missing",
    )


def _last_minutes(
    trades: pd.DataFrame | None, begin: int, end: int, day: date, zone: ZoneInfo
) -> tuple[float, float, float] | None:
    """Return volume, last price before and last price; None when the day cannot tell them."""
    if trades is None:
        return None
    midnight = round(datetime.combine(day, time(0), tzinfo=zone).timestamp()) * _NS
    ns = trades["ns"].to_numpy()
    low, first, after = (int(ns.searchsorted(at, "right")) for at in (midnight - 1, begin, end))
    if not low < first < after:
        return None
    prices = trades["price"].to_numpy()
    volume, before = float(trades["quantity"].iloc[first:after].sum()), float(prices[first - 1])
    if not (volume > 0 and before > 0):
        return None
    return volume, before, float(prices[after - 1])
