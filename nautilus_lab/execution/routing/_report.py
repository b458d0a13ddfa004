"""What an execution was worth: against its arrival, the market meanwhile, and its plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.platform.messages import OrderFilled, OrderRouted, OrderUpdated

_BPS = 10_000
_ZERO = Decimal(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class VenueExecution:
    """What one venue did for an order.

    Attributes
    ----------
    venue : str
        Its name.
    planned, filled : Decimal
        Units that a router sent there, and that traded.
    average_price : Decimal or None
        Quote currency; None when nothing traded.
    fees : Decimal
        Paid there, account currency.
    slippage_bps : float or None
        As of the whole order.
    """

    venue: str
    planned: Decimal
    filled: Decimal
    average_price: Decimal | None
    fees: Decimal
    slippage_bps: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutionReport:
    """An execution in figures. Basis points are of the price compared with; positive is a cost.

    Attributes
    ----------
    client_order_id, instrument, side : str
        The order's.
    quantity, filled : Decimal
        Units asked for, and traded by it and its children.
    average_price : Decimal or None
        Of all fills, without fees; None when there are none.
    fees : Decimal
        Paid, account currency.
    fees_bps : float or None
        Of the traded value.
    arrival_price : Decimal or None
        The middle of the quote when the order was asked for.
    slippage_bps : float or None
        Average price against arrival.
    shortfall : Decimal or None
        Slippage and fees in money: what the decision cost until here.
    interval_vwap : Decimal or None
        The market's average price while it was worked.
    vwap_slippage_bps : float or None
        Average price against that.
    plan_slippage_bps : float or None
        What routed legs cost, fees included, against what was expected of the units that filled.
    venues : tuple of VenueExecution
        By name.
    """

    client_order_id: str
    instrument: str
    side: str
    quantity: Decimal
    filled: Decimal
    average_price: Decimal | None
    fees: Decimal
    fees_bps: float | None
    arrival_price: Decimal | None
    slippage_bps: float | None
    shortfall: Decimal | None
    interval_vwap: Decimal | None
    vwap_slippage_bps: float | None
    plan_slippage_bps: float | None
    venues: tuple[VenueExecution, ...]


def execution_report(
    order: OrderUpdated,
    fills: Iterable[OrderFilled],
    routes: Sequence[OrderRouted] = (),
    *,
    market: Sequence[tuple[Decimal, Decimal]] = (),
) -> ExecutionReport:
    """Measure an execution as Perold does: by what it cost beyond its paper price [1]_.

    Parameters
    ----------
    order : OrderUpdated
        The order that was asked for; of a worked one the parent.
    fills : iterable of OrderFilled
        Its own and those of its children; one told twice counts once.
    routes : sequence of OrderRouted, optional
        The decisions about it.
    market : sequence of (price, volume), optional
        All that traded while it was worked; without it nothing is compared with the market.

    Raises
    ------
    InputError
        When a fill or a route is of another order: of another side or symbol.
    BadData
        When a price or a volume of the market is no positive number.

    References
    ----------
    .. [1] Perold, A. (1988). The implementation shortfall. Journal of Portfolio Management 14 (3).

    Examples
    --------
    >>> order = OrderUpdated(
    ...     client_order_id="O-1", strategy="Tilt-001", instrument="AAPL.XNAS", side="BUY",
    ...     order_type="MARKET", quantity=Decimal(100), status="FILLED",
    ...     arrival_price=Decimal("100.00"),
    ... )
    >>> fill = OrderFilled(
    ...     trade_id="1", client_order_id="O-1-E1", strategy="Tilt-001", instrument="AAPL.XNAS",
    ...     side="BUY", quantity=Decimal(100), price=Decimal("100.05"), commission=Decimal("1.00"),
    ... )
    >>> report = execution_report(order, [fill])
    >>> report.slippage_bps, report.shortfall
    (5.0, Decimal('6.00'))
    """
    own = list(_once(fills))
    _require_alike(order, [*own, *routes])
    sign = 1 if order.side == "BUY" else -1
    filled, value, fees = _sums(own)
    average = _average(own)
    vwap = _vwap(market)
    arrival = order.arrival_price
    shortfall = None
    if arrival is not None and filled:
        shortfall = sign * (value - sum((arrival * _size(fill) for fill in own), _ZERO)) + fees
    return ExecutionReport(
        client_order_id=order.client_order_id,
        instrument=order.instrument,
        side=order.side,
        quantity=order.quantity,
        filled=filled,
        average_price=average,
        fees=fees,
        fees_bps=float(fees / value * _BPS) if value else None,
        arrival_price=arrival,
        slippage_bps=_slippage(sign, average, arrival),
        shortfall=shortfall,
        interval_vwap=vwap,
        vwap_slippage_bps=_slippage(sign, average, vwap),
        plan_slippage_bps=_against_plan(sign, own, routes),
        venues=_by_venue(sign, own, routes, arrival),
    )


def _once(fills: Iterable[OrderFilled]) -> Iterable[OrderFilled]:
    seen = set()
    for fill in fills:
        key = (fill.instrument, fill.client_order_id, fill.trade_id)
        if key not in seen:
            seen.add(key)
            yield fill


def _require_alike(order: OrderUpdated, others: Sequence[OrderFilled | OrderRouted]) -> None:
    symbol = order.instrument.rpartition(".")[0]
    for other in others:
        if other.side != order.side or other.instrument.rpartition(".")[0] != symbol:
            raise InputError(
                f"what is measured must belong to {order.side} {order.instrument}",
                value=f"{other.side} {other.instrument} ({other.client_order_id})",
            )
        if isinstance(other, OrderRouted) and other.client_order_id != order.client_order_id:
            raise InputError("a route must be of the order", value=other.client_order_id)


def _sums(fills: Sequence[OrderFilled]) -> tuple[Decimal, Decimal, Decimal]:
    """Return units, their value without fees, and the fees."""
    return (
        sum((fill.quantity for fill in fills), _ZERO),
        sum((_size(fill) * fill.price for fill in fills), _ZERO),
        sum((fill.commission for fill in fills), _ZERO),
    )


def _size(fill: OrderFilled) -> Decimal:
    """Return what a fill gains when its price rises by 1."""
    return fill.quantity * fill.multiplier


def _average(fills: Sequence[OrderFilled]) -> Decimal | None:
    """Return the mean price, as it is quoted; None without fills."""
    size = sum(map(_size, fills), _ZERO)
    return sum((_size(fill) * fill.price for fill in fills), _ZERO) / size if size else None


def _vwap(market: Sequence[tuple[Decimal, Decimal]]) -> Decimal | None:
    for price, volume in market:
        if not (price.is_finite() and price > 0 and volume.is_finite() and volume >= 0):
            raise BadData(
                "what traded must have a positive price and a volume",
                value=f"{volume} at {price}",
            )
    total = sum((volume for _, volume in market), _ZERO)
    return sum((p * v for p, v in market), _ZERO) / total if total else None


def _slippage(sign: int, paid: Decimal | None, fair: Decimal | None) -> float | None:
    if paid is None or fair is None or not fair:
        return None
    return float(sign * (paid / fair - 1) * _BPS)


def _against_plan(
    sign: int, fills: Sequence[OrderFilled], routes: Sequence[OrderRouted]
) -> float | None:
    paid = expected = _ZERO
    for route in routes:
        names = {leg.client_order_id for leg in route.legs}
        units = sum((leg.quantity for leg in route.legs), _ZERO)
        filled, value, fees = _sums([fill for fill in fills if fill.client_order_id in names])
        if filled and units:
            paid += value + sign * fees
            expected += route.expected_cost * filled / units
    return _slippage(sign, paid, expected) if expected else None


def _by_venue(
    sign: int,
    fills: Sequence[OrderFilled],
    routes: Sequence[OrderRouted],
    arrival: Decimal | None,
) -> tuple[VenueExecution, ...]:
    planned: defaultdict[str, Decimal] = defaultdict(Decimal)
    at: defaultdict[str, list[OrderFilled]] = defaultdict(list)
    for route in routes:
        for leg in route.legs:
            planned[leg.venue] += leg.quantity
    for fill in fills:
        at[fill.instrument.rpartition(".")[2]].append(fill)
    found = []
    for venue in sorted(planned.keys() | at):
        filled, _, fees = _sums(at[venue])
        average = _average(at[venue])
        found.append(
            VenueExecution(
                venue=venue,
                planned=planned[venue],
                filled=filled,
                average_price=average,
                fees=fees,
                slippage_bps=_slippage(sign, average, arrival),
            )
        )
    return tuple(found)
