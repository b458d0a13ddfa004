"""What a node can be asked about orders: the commands' bodies and answers.

Client and node share them: what breaks a rule here is refused where it is written, before it is
sent, and refused again where it is read.
"""

from __future__ import annotations

import hashlib
import math
from decimal import Decimal
from typing import Literal, TypeAlias

import msgspec

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.commands._table import CommandBody
from nautilus_lab.platform.messages import Envelope

Side: TypeAlias = Literal["BUY", "SELL"]
OrderType: TypeAlias = Literal[
    "MARKET",
    "LIMIT",
    "STOP_MARKET",
    "STOP_LIMIT",
    "TRAILING_STOP_MARKET",
    "TRAILING_STOP_LIMIT",
    "MARKET_IF_TOUCHED",
    "LIMIT_IF_TOUCHED",
    "MARKET_TO_LIMIT",
]
TimeInForce: TypeAlias = Literal["GTC", "IOC", "FOK", "GTD", "DAY", "AT_THE_OPEN", "AT_THE_CLOSE"]
OffsetType: TypeAlias = Literal["PRICE", "BASIS_POINTS", "TICKS"]

# order type -> the fields it must have, and those it may have besides
_PRICES: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "MARKET": (frozenset(), frozenset()),
    "LIMIT": (frozenset({"limit_price"}), frozenset()),
    "STOP_MARKET": (frozenset({"trigger_price"}), frozenset()),
    "STOP_LIMIT": (frozenset({"limit_price", "trigger_price"}), frozenset()),
    "MARKET_IF_TOUCHED": (frozenset({"trigger_price"}), frozenset()),
    "LIMIT_IF_TOUCHED": (frozenset({"limit_price", "trigger_price"}), frozenset()),
    "MARKET_TO_LIMIT": (frozenset(), frozenset()),
    "TRAILING_STOP_MARKET": (
        frozenset({"trailing_offset"}),
        frozenset({"trigger_price", "activation_price"}),
    ),
    "TRAILING_STOP_LIMIT": (
        frozenset({"trailing_offset", "limit_offset"}),
        frozenset({"limit_price", "trigger_price", "activation_price"}),
    ),
}
_PRICE_FIELDS = (
    "limit_price",
    "trigger_price",
    "activation_price",
    "trailing_offset",
    "limit_offset",
)
_RESTING = frozenset({"LIMIT", "STOP_LIMIT", "LIMIT_IF_TOUCHED", "TRAILING_STOP_LIMIT"})
_IMMEDIATE = frozenset({"MARKET", "MARKET_TO_LIMIT"})
_AUCTIONS = frozenset({"AT_THE_OPEN", "AT_THE_CLOSE"})
_PROFITS = frozenset({"LIMIT", "LIMIT_IF_TOUCHED", "MARKET_IF_TOUCHED"})
_STOPS = frozenset({"STOP_MARKET", "STOP_LIMIT", "TRAILING_STOP_MARKET", "TRAILING_STOP_LIMIT"})

_LARGEST = Decimal(10) ** 10
_MOST_DECIMALS = 16
_MOST_IN_LIST = 100
_LONGEST_NAME = 128


class SubmitOrder(CommandBody, frozen=True, kw_only=True):
    """One order.

    Attributes
    ----------
    instrument : str
        ``"AAPL.PAPER"``.
    side : {"BUY", "SELL"}
        What is done.
    quantity : Decimal
        Units of the instrument.
    order_type : str, default="MARKET"
        Nautilus' name. Which prices each type needs:

        =====================  ==============================  ===================================
        type                   needs                           may have
        =====================  ==============================  ===================================
        MARKET                 -                               -
        MARKET_TO_LIMIT        -                               -
        LIMIT                  limit_price                     -
        STOP_MARKET            trigger_price                   -
        STOP_LIMIT             limit_price, trigger_price      -
        MARKET_IF_TOUCHED      trigger_price                   -
        LIMIT_IF_TOUCHED       limit_price, trigger_price      -
        TRAILING_STOP_MARKET   trailing_offset                 trigger_price, activation_price
        TRAILING_STOP_LIMIT    trailing_offset, limit_offset   limit_price, trigger_price,
                                                               activation_price
        =====================  ==============================  ===================================

    limit_price, trigger_price, activation_price : Decimal, optional
        In the instrument's quote currency.
    trailing_offset, limit_offset : Decimal, optional
        How far behind the market the trigger stays, and how far the limit: both are counted from
        the market, so that with offsets of 3.00 and 3.20 the limit lies 0.20 beyond the trigger.
    offset_type : {"PRICE", "BASIS_POINTS", "TICKS"}, default="PRICE"
        What the offsets are counted in.
    time_in_force : str, default="GTC"
        Nautilus' name; ``"GTD"`` needs `expires_ns`, UNIX ns, and no other may have it.
    post_only : bool, default=False
        Rest in the book or be rejected; for types that have a limit.
    reduce_only : bool, default=False
        Only make the position smaller.
    algorithm : str, optional
        The execution algorithm that works the order: ``"TWAP"``.
    parameters : dict, optional
        What the algorithm is told.
    emulate : bool, default=False
        Hold the order in the node until it triggers; the venue sees it only then, and with the
        node it ends: a stop that must survive is one that the venue holds.

    Raises
    ------
    InputError
        When a number is not finite, not positive or out of all proportion; when a price that the
        type needs is missing, or one is given that it has no use for; when the limit of a trailing
        stop would lie before its trigger.

    Examples
    --------
    >>> SubmitOrder(instrument="AAPL.PAPER", side="BUY", quantity=Decimal(100)).order_type
    'MARKET'
    >>> SubmitOrder(
    ...     instrument="AAPL.PAPER", side="SELL", quantity=Decimal(100), order_type="STOP_MARKET"
    ... )
    Traceback (most recent call last):
    ...
    nautilus_lab.exceptions.InputError: a STOP_MARKET order needs trigger_price; pass trigger_price
    """

    instrument: str
    side: Side
    quantity: Decimal
    order_type: OrderType = "MARKET"
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    activation_price: Decimal | None = None
    trailing_offset: Decimal | None = None
    limit_offset: Decimal | None = None
    offset_type: OffsetType = "PRICE"
    time_in_force: TimeInForce = "GTC"
    expires_ns: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    algorithm: str | None = None
    parameters: dict[str, str | int | float | bool] = msgspec.field(default_factory=dict)
    emulate: bool = False

    def __post_init__(self) -> None:
        _require_name("instrument", self.instrument)
        _require_one_of("side", self.side, Side)
        _require_one_of("order_type", self.order_type, OrderType)
        _require_one_of("time_in_force", self.time_in_force, TimeInForce)
        _require_one_of("offset_type", self.offset_type, OffsetType)
        _require_positive("quantity", self.quantity)
        self._require_prices()
        self._require_limit_behind_trigger()
        self._require_time()
        kind = self.order_type
        if self.post_only and kind not in _RESTING:
            raise InputError(
                f"post_only is for orders with a limit, not for {kind}",
                value=True,
                remedy="leave post_only out",
            )
        if self.emulate and kind in _IMMEDIATE:
            raise InputError(
                f"a {kind} order cannot be emulated: there is nothing to wait for",
                value=True,
                remedy="leave emulate out",
            )
        self._require_parameters()

    def _require_prices(self) -> None:
        kind = self.order_type
        needed, possible = _PRICES[kind]
        for name in _PRICE_FIELDS:
            value = getattr(self, name)
            if value is None:
                if name in needed:
                    raise InputError(f"a {kind} order needs {name}", remedy=f"pass {name}")
                continue
            if name not in needed | possible:
                raise InputError(
                    f"a {kind} order has no {name}",
                    value=value,
                    remedy="leave it out, or choose another order_type",
                )
            _require_positive(name, value)

    def _require_limit_behind_trigger(self) -> None:
        trigger, limit = self.trailing_offset, self.limit_offset
        # A limit nearer to the market than the trigger is one that the market has left by then.
        if trigger is not None and limit is not None and limit < trigger:
            raise InputError(
                "limit_offset is counted from the market, as trailing_offset is, and must not be "
                f"smaller than that, {trigger:f}: the stop would trigger and not trade",
                value=f"{limit:f}",
                remedy="add to trailing_offset how far beyond the trigger it may trade: "
                f"{trigger + limit:f}",
            )

    def _require_time(self) -> None:
        kind, lasts = self.order_type, self.time_in_force
        if lasts == "GTD" and (kind == "MARKET" or not (self.expires_ns or 0) > 0):
            raise InputError(
                "an order good till date needs expires_ns and must not be MARKET",
                value=(kind, self.expires_ns),
                remedy="pass expires=...",
            )
        if lasts != "GTD" and self.expires_ns is not None:
            raise InputError(
                "only an order with time_in_force GTD expires at a time",
                value=lasts,
                remedy="pass time_in_force='GTD'",
            )
        if lasts in _AUCTIONS and kind not in ("MARKET", "LIMIT"):
            raise InputError(
                f"{lasts} is for MARKET and LIMIT orders",
                value=kind,
                remedy="choose another time_in_force",
            )
        if self.post_only and lasts in ("IOC", "FOK"):
            raise InputError(
                "an order that must rest cannot end at once",
                value=f"post_only with {lasts}",
                remedy="leave one of them out",
            )

    def _require_parameters(self) -> None:
        if self.algorithm is None:
            if self.parameters:
                raise InputError(
                    "parameters are for an execution algorithm",
                    value=self.parameters,
                    remedy="pass algorithm='TWAP'",
                )
            return
        _require_name("algorithm", self.algorithm)
        for name, value in self.parameters.items():
            _require_name("a parameter's name", name)
            if isinstance(value, float) and not math.isfinite(value):
                raise InputError(f"{name} must be finite", value=value, remedy="pass a number")


class SubmitBracket(CommandBody, frozen=True, kw_only=True):
    """An entry and the two exits that wait for it: a fill of one exit ends the other.

    Both exits are of the entry's instrument and quantity and of the other side, and only reduce.
    """

    entry: SubmitOrder
    take_profit: SubmitOrder
    stop_loss: SubmitOrder

    def __post_init__(self) -> None:
        entry = self.entry
        for name, leg, kinds in (
            ("take_profit", self.take_profit, _PROFITS),
            ("stop_loss", self.stop_loss, _STOPS),
        ):
            if leg.order_type not in kinds:
                raise InputError(
                    f"{name} must be one of {', '.join(sorted(kinds))}", value=leg.order_type
                )
            if leg.instrument != entry.instrument or leg.quantity != entry.quantity:
                raise InputError(
                    f"{name} must be of the entry's instrument and quantity",
                    value=f"{leg.quantity} {leg.instrument}",
                    remedy=f"make it {entry.quantity} {entry.instrument}",
                )
            if leg.side == entry.side:
                raise InputError(f"{name} must be of the other side than the entry", value=leg.side)
            if leg.algorithm is not None or leg.emulate != entry.emulate:
                raise InputError(
                    f"{name} must be held where the entry is, and not by an algorithm",
                    value=leg.algorithm or f"emulate={leg.emulate}",
                )
        if entry.order_type in ("TRAILING_STOP_MARKET", "TRAILING_STOP_LIMIT"):
            raise InputError(
                "a bracket's entry must not trail",
                value=entry.order_type,
                remedy="choose an entry with a price of its own, or MARKET",
            )
        self._require_order()

    def _require_order(self) -> None:
        """Require profit above and loss below the entry, or the other way round for a sale."""
        profit = self.take_profit.limit_price or self.take_profit.trigger_price
        loss = self.stop_loss.trigger_price or self.stop_loss.activation_price
        middle = self.entry.limit_price or self.entry.trigger_price
        prices = [price for price in (loss, middle, profit) if price is not None]
        rising = sorted(set(prices)) == prices
        falling = sorted(set(prices), reverse=True) == prices
        if not (rising if self.entry.side == "BUY" else falling):
            raise InputError(
                "a bracket's take-profit must lie beyond its entry, and its stop-loss before it",
                value=f"{self.entry.side}: stop {loss}, entry {middle}, profit {profit}",
                remedy="exchange the two exits",
            )


class SubmitOco(CommandBody, frozen=True, kw_only=True):
    """Two orders of one instrument, of which one cancels the other."""

    first: SubmitOrder
    second: SubmitOrder

    def __post_init__(self) -> None:
        if self.first.instrument != self.second.instrument:
            raise InputError(
                "the two must be of one instrument",
                value=f"{self.first.instrument}, {self.second.instrument}",
            )
        for leg in (self.first, self.second):
            if leg.order_type in _IMMEDIATE or leg.algorithm is not None:
                raise InputError(
                    "each of the two must be an order that can wait",
                    value=leg.algorithm or leg.order_type,
                    remedy="choose LIMIT, a stop, or an if-touched order",
                )
        if self.first.emulate != self.second.emulate:
            raise InputError("both must be emulated, or neither", value=self.first.emulate)


class SubmitList(CommandBody, frozen=True, kw_only=True):
    """Orders of one venue that are sent, and if need be denied, together; 1 to 100."""

    orders: tuple[SubmitOrder, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.orders) <= _MOST_IN_LIST:
            raise InputError(
                f"a list must have 1 to {_MOST_IN_LIST} orders", value=len(self.orders)
            )
        if len(venues := {order.instrument.rpartition(".")[2] for order in self.orders}) > 1:
            raise InputError("a list's orders must be of one venue", value=sorted(venues))
        for order in self.orders:
            if order.algorithm is not None or order.emulate:
                raise InputError(
                    "a list's orders must go to the venue as they are",
                    value=order.algorithm or "emulate",
                    remedy="submit it by itself",
                )


class ModifyOrder(CommandBody, frozen=True, kw_only=True):
    """A working order, and what is to be different about it."""

    client_order_id: str
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None

    def __post_init__(self) -> None:
        _require_name("client_order_id", self.client_order_id)
        asked = 0
        for name in ("quantity", "limit_price", "trigger_price"):
            if (value := getattr(self, name)) is not None:
                _require_positive(name, value)
                asked += 1
        if not asked:
            raise InputError(
                "a change must change something",
                remedy="pass quantity, limit_price or trigger_price",
            )


class CancelOrder(CommandBody, frozen=True, kw_only=True):
    """A working order; with a parent go its slices, with an entry its exits."""

    client_order_id: str

    def __post_init__(self) -> None:
        _require_name("client_order_id", self.client_order_id)


class CancelAll(CommandBody, frozen=True, kw_only=True):
    """Which working orders: all, or those of an instrument, a strategy, a side."""

    instrument: str | None = None
    strategy: str | None = None
    side: Side | None = None


class FindOrder(CommandBody, frozen=True, kw_only=True):
    """An order by its id, or all orders of the command that asked for them; one of the two."""

    client_order_id: str | None = None
    command_id: str | None = None

    def __post_init__(self) -> None:
        if (self.client_order_id is None) == (self.command_id is None):
            raise InputError(
                "an order is found by its client_order_id or by its command_id",
                remedy="pass one of the two",
            )
        _require_name("an id", self.client_order_id or self.command_id or "")


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """The orders a command made, in the order of its body, and how they stand.

    `statuses` are Nautilus' names: SUBMITTED when it left for the venue, EMULATED or INITIALIZED
    when the node holds it back.
    """

    client_order_ids: tuple[str, ...]
    statuses: tuple[str, ...]
    list_id: str | None = None


class Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    """What a cancel did: the orders it ended, and those whose end has not come yet."""

    ended: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The orders that were found, as they stand; none when the node never had them."""

    orders: tuple[Envelope, ...] = ()


def order_ids(command_id: str, count: int = 1) -> tuple[str, ...]:
    """Return the client order ids of the `count` orders that a command makes.

    They follow from the command's id alone, so that the command, if it came again, could only
    make the same orders: whoever knows the id can look what became of them.

    Examples
    --------
    >>> order_ids("0190a1b2-0000-7000-8000-000000000000")
    ('M-a4fdc69fd9270243aef8',)
    """
    stem = "M-" + hashlib.sha256(command_id.encode()).hexdigest()[:20]
    return (stem,) if count == 1 else tuple([f"{stem}-{n}" for n in range(1, count + 1)])


def _require_name(what: str, value: str) -> None:
    known = 0 < len(value) <= _LONGEST_NAME and value.isascii() and value.isprintable()
    if not known or value.isspace():
        raise InputError(
            f"{what} must have 1 to {_LONGEST_NAME} printable ASCII characters",
            value=value[:200],
            remedy="write it like AAPL.PAPER",
        )


def _require_one_of(what: str, value: object, choices: object) -> None:
    known: tuple[str, ...] = choices.__args__  # type: ignore[attr-defined]
    if value not in known:
        raise InputError(
            f"{what} must be one of those known", value=value, remedy=f"one of {', '.join(known)}"
        )


def _require_positive(what: str, value: object) -> None:
    # Before any arithmetic: 1e999999999 is a finite Decimal, and printing it in full is not.
    if not isinstance(value, Decimal) or not value.is_finite():
        raise InputError(f"{what} must be a finite Decimal", value=value, remedy="pass a number")
    if not 0 < value <= _LARGEST:
        raise InputError(
            f"{what} must be positive and at most 1e10", value=value, remedy="pass a number above 0"
        )
    if not int(value.as_tuple().exponent) >= -_MOST_DECIMALS:
        raise InputError(
            f"{what} must have at most {_MOST_DECIMALS} decimals", value=value, remedy="round it"
        )
