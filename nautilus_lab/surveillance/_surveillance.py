"""All searches over one day, and what they say together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nautilus_lab.display import Facts, HasTearSheet, Table, TearSheet, format_value
from nautilus_lab.provenance import Provenance, provenance
from nautilus_lab.surveillance._closing import ClosingTrades
from nautilus_lab.surveillance._frames import require_fills, require_orders
from nautilus_lab.surveillance._layering import LayeredOrders
from nautilus_lab.surveillance._pattern import NotAssessed, Pattern
from nautilus_lab.surveillance._wash import WashTrades

if TYPE_CHECKING:
    import pandas as pd

_NO_MARKET = "the market's trades were not given"


@dataclass(frozen=True, kw_only=True)
class SurveillanceReport(HasTearSheet):
    """What of a day's orders and fills should be reviewed.

    Attributes
    ----------
    patterns : tuple of Pattern
        What was found, the earliest first. None of it says that somebody did wrong, and that
        nothing was found does not say that nobody did.
    not_assessed : tuple of NotAssessed
        What could not be looked at.
    n_orders, n_fills : int
        How many there were.
    settings : tuple of str
        The searches, with their thresholds.
    provenance : Provenance
        Where orders and fills came from.
    """

    patterns: tuple[Pattern, ...]
    not_assessed: tuple[NotAssessed, ...]
    n_orders: int
    n_fills: int
    settings: tuple[str, ...]
    provenance: Provenance = field(default_factory=Provenance, repr=False)

    def __repr__(self) -> str:
        lost = f", {len(self.not_assessed)} not assessed" if self.not_assessed else ""
        return (
            f"SurveillanceReport({len(self.patterns)} patterns to review in {self.n_orders} "
            f"orders and {self.n_fills} fills{lost})"
        )

    @property
    def frame(self) -> pd.DataFrame:
        """The patterns, one a row."""
        import pandas as pd

        columns = ("kind", "owner", "instrument", "begin", "end", "orders", "fills", "measured")
        rows = [
            (
                *(one.kind, one.owner, one.instrument, one.begin, one.end),
                *(len(one.order_ids), len(one.trade_ids)),
                ", ".join(f"{each.name} {each.value:.6g} {each.unit}" for each in one.figures),
            )
            for one in self.patterns
        ]
        return pd.DataFrame(rows, columns=list(columns))

    def tear_sheet(self) -> TearSheet:
        """Return counts, patterns, and what was not assessed."""
        parts: list[Facts | Table] = [
            Facts(
                values={
                    "Patterns to review": format_value(len(self.patterns)),
                    "Orders": format_value(self.n_orders),
                    "Fills": format_value(self.n_fills),
                    "Not assessed": format_value(len(self.not_assessed)),
                }
            ),
            Table(title="Patterns to review", rows=self.frame, note=" ".join(self.settings)),
        ]
        if self.not_assessed:
            rows = [
                {"pattern": one.kind, "what": one.what, "reason": one.reason}
                for one in self.not_assessed
            ]
            parts.append(Table(title="Not assessed", rows=rows))
        return TearSheet(
            title="Surveillance",
            subtitle="Shapes, not findings of intent",
            parts=tuple(parts),
            provenance=self.provenance,
        )


@dataclass(frozen=True, kw_only=True)
class Surveillance:
    """Searches a day's orders and fills for patterns to review.

    Parameters
    ----------
    wash : WashTrades, default=WashTrades()
        How opposite fills are searched.
    layering : LayeredOrders, default=LayeredOrders()
        How cancelled orders are searched.
    closing : ClosingTrades, default=ClosingTrades()
        How the last minutes are searched.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame({"client_order_id": ["O-1", "O-2"], "owner": "ana",
    ...     "instrument": "AAPL", "side": ["BUY", "SELL"], "quantity": 100.0, "filled": 100.0,
    ...     "placed": pd.to_datetime(["2026-03-02T15:00:00Z", "2026-03-02T15:00:00.2Z"],
    ...     format="ISO8601"), "cancelled": False})
    >>> orders["ended"] = orders["placed"]
    >>> fills = orders[["client_order_id", "owner", "instrument", "side", "quantity"]].assign(
    ...     trade_id=["T-1", "T-2"], price=190.0, time=orders["placed"])
    >>> Surveillance().review(orders, fills)
    SurveillanceReport(1 patterns to review in 2 orders and 2 fills, 1 not assessed)
    """

    wash: WashTrades = field(default_factory=WashTrades)
    layering: LayeredOrders = field(default_factory=LayeredOrders)
    closing: ClosingTrades = field(default_factory=ClosingTrades)

    def review(
        self, orders: pd.DataFrame, fills: pd.DataFrame, market: pd.DataFrame | None = None
    ) -> SurveillanceReport:
        """Search everything.

        Parameters
        ----------
        orders : DataFrame
            As `LayeredOrders.find` takes them; may be empty.
        fills : DataFrame
            As `WashTrades.find` takes them; may be empty.
        market : DataFrame, optional
            As `ClosingTrades.find` takes it; without, the close is not assessed.

        Raises
        ------
        InputError
            When a column is missing or times are not tz-aware.
        BadData
            When a value is missing, not finite or out of bounds.
        """
        n_orders, n_fills = len(require_orders(orders)), len(require_fills(fills))
        found = [*self.wash.find(fills), *self.layering.find(orders, fills)]
        lost = list(self.layering.not_assessed(orders))
        if market is not None:
            closing, untold = self.closing.find(fills, market)
            found += closing
            lost += untold
        else:
            what = "all instruments"
            lost.append(NotAssessed(kind="marking the close", what=what, reason=_NO_MARKET))
        return SurveillanceReport(
            patterns=tuple(sorted(found, key=lambda one: (one.begin, one.kind, one.instrument))),
            not_assessed=tuple(lost),
            n_orders=n_orders,
            n_fills=n_fills,
            settings=tuple(map(repr, (self.wash, self.layering, self.closing))),
            provenance=provenance(orders, fills),
        )
