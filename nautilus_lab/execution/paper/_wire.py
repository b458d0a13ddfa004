"""What the paper venue and its clients say to each other.

Requests travel DEALER -> ROUTER as `Request`, each answered by one `Reply`. Whatever happens to
orders is a numbered `VenueEvent`, written to the venue's ledger first and pushed to every client
that said `Hello`; a client that missed some names the last number it saw in its next `Hello`.
Quotes are broadcast as `Tape`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, TypeAlias

import msgspec

from nautilus_lab.exceptions import MessageError

Side: TypeAlias = Literal["BUY", "SELL"]
OrderType: TypeAlias = Literal[
    "MARKET",
    "LIMIT",
    "STOP_MARKET",
    "STOP_LIMIT",
    "MARKET_TO_LIMIT",
    "MARKET_IF_TOUCHED",
    "LIMIT_IF_TOUCHED",
    "TRAILING_STOP_MARKET",
    "TRAILING_STOP_LIMIT",
]
TimeInForce: TypeAlias = Literal["GTC", "IOC", "FOK", "GTD", "DAY", "AT_THE_OPEN", "AT_THE_CLOSE"]
Contingency: TypeAlias = Literal["", "OTO", "OCO", "OUO"]
OrderStatus: TypeAlias = Literal[
    "PENDING",
    "ACCEPTED",
    "TRIGGERED",
    "PARTIALLY_FILLED",
    "FILLED",
    "CANCELED",
    "EXPIRED",
    "REJECTED",
]
EventKind: TypeAlias = Literal[
    "PENDING",
    "ACCEPTED",
    "TRIGGERED",
    "UPDATED",
    "FILLED",
    "CANCELED",
    "EXPIRED",
    "REJECTED",
]

_VENUE_ORDER_ID = "V-"

# What may still fill; PENDING is on its way into the book, by the venue's latency.
WORKING: frozenset[str] = frozenset({"PENDING", "ACCEPTED", "TRIGGERED", "PARTIALLY_FILLED"})


def venue_order_id(number: int) -> str:
    """Return what the venue calls its order of that number, counted from 1."""
    return f"{_VENUE_ORDER_ID}{number}"


def number_of_order(venue_order_id: str) -> int:
    """Return the number of an order; 0 when no order can be called so."""
    number = venue_order_id.removeprefix(_VENUE_ORDER_ID)
    # A venue that is asked for an order has not made up its id.
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else 0


class OrderTerms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is asked of the venue; quantities in units, prices in USD, times in UNIX ns.

    Attributes
    ----------
    limit_price, trigger_price : Decimal, optional
        Whole cents. A trailing stop has its own from the market when none is given.
    activation_price : Decimal, optional
        A trailing stop trails once the market touched it; at once when not given.
    trailing_offset, limit_offset : Decimal, optional
        Distance of a trailing stop's trigger and limit from the market, in USD or basis points.
    expire_ns : int
        When a GTD order ends.
    contingency : str
        OTO: the orders in `linked` go live as this one fills. OCO: a fill of this one cancels
        them. OUO: a fill of this one reduces them.
    parent : str
        The order whose fills bring this one to life.
    """

    client_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    activation_price: Decimal | None = None
    trailing_offset: Decimal | None = None
    limit_offset: Decimal | None = None
    trailing_offset_type: Literal["PRICE", "BASIS_POINTS"] = "PRICE"
    time_in_force: TimeInForce = "GTC"
    expire_ns: int = 0
    post_only: bool = False
    reduce_only: bool = False
    contingency: Contingency = ""
    list_id: str = ""
    linked: tuple[str, ...] = ()
    parent: str = ""


class VenueOrder(OrderTerms, frozen=True, kw_only=True, omit_defaults=True):
    """An order as the venue holds it.

    Attributes
    ----------
    ts_triggered : int
        When its trigger was reached; 0 before that and for orders without one.
    activated : bool
        Whether a trailing stop trails.
    due_ns : int
        When a PENDING order reaches the book.
    session : str
        The replayed day it came on, for orders that are good for the day.
    digest : str
        Of what was asked, whatever became of it: another order under the same id has another.
    """

    venue_order_id: str
    filled: Decimal = Decimal(0)
    average_price: Decimal | None = None
    status: OrderStatus = "ACCEPTED"
    reason: str = ""
    ts_accepted: int
    ts_last: int
    ts_triggered: int = 0
    activated: bool = False
    due_ns: int = 0
    session: str = ""
    digest: str = ""

    @property
    def number(self) -> int:
        """How many orders had come with it."""
        return number_of_order(self.venue_order_id)

    @property
    def leaves(self) -> Decimal:
        """What may still fill."""
        return self.quantity - self.filled if self.status in WORKING else Decimal(0)


class VenueFill(msgspec.Struct, frozen=True, kw_only=True):
    """One execution; `liquidity` is TAKER for what crossed the spread."""

    trade_id: str
    client_order_id: str
    venue_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    price: Decimal
    commission: Decimal
    liquidity: Literal["MAKER", "TAKER"]
    ts: int


class VenueEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to an order: its new state, and the fill if it was one."""

    seq: int
    kind: EventKind = "UPDATED"
    order: VenueOrder
    fill: VenueFill | None = None


class VenuePosition(msgspec.Struct, frozen=True, kw_only=True):
    """A net position: signed units and their average cost."""

    symbol: str
    quantity: Decimal
    average_price: Decimal


class VenueMargin(msgspec.Struct, frozen=True, kw_only=True):
    """What the position in `symbol` ties up, in USD."""

    symbol: str
    initial: Decimal
    maintenance: Decimal


class VenueAccount(msgspec.Struct, frozen=True, kw_only=True):
    """The account in USD.

    Attributes
    ----------
    cash : Decimal
        Money in the account; positions are no part of it. Below zero is borrowed.
    deposited : Decimal
        What was ever paid in.
    balance : Decimal
        Paid in, plus what closed positions earned, less commissions: what a margin account
        has before its open positions are valued.
    equity : Decimal
        Cash and positions, each valued at the side of the quote that would close it.
    leverage : Decimal
        1 is a cash account.
    margins : list of VenueMargin
        One for each position of a margin account.
    """

    account_id: str
    currency: str
    cash: Decimal
    deposited: Decimal
    balance: Decimal = Decimal(0)
    equity: Decimal = Decimal(0)
    leverage: Decimal = Decimal(1)
    margins: list[VenueMargin] = []

    @property
    def initial_margin(self) -> Decimal:
        """What open positions tie up."""
        return sum((m.initial for m in self.margins), Decimal(0))

    @property
    def maintenance_margin(self) -> Decimal:
        """The equity below which the venue closes the positions."""
        return sum((m.maintenance for m in self.margins), Decimal(0))


class VenueInstrument(msgspec.Struct, frozen=True, kw_only=True):
    """What can be traded under `symbol`: fees and margins are fractions of the value.

    The value is units times price times `multiplier`, which is 1 for shares.
    """

    symbol: str
    price_increment: Decimal
    lot_size: int
    maker_fee: Decimal
    taker_fee: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    multiplier: Decimal = Decimal(1)


class VenueQuote(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A quote in USD with the units there at each side, and the units traded since the last."""

    symbol: str
    bid: float
    ask: float
    bid_size: float
    ask_size: float
    volume: float = 0.0


class Tape(msgspec.Struct, frozen=True, kw_only=True):
    """The quotes of one instant of the replay; `source_ts` is the historical one."""

    ts: int
    source_ts: int
    session: str
    ended: bool
    quotes: list[VenueQuote]


# --- requests -----------------------------------------------------------------------------


class _Ask(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower):
    pass


class Hello(_Ask, frozen=True, kw_only=True):
    """Ask for pushes, and for the events after `after_seq`; None asks for none."""

    after_seq: int | None = None


class NewOrder(
    OrderTerms,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="kind",
    tag="neworder",
):
    """Submit an order; one the venue has is answered with what became of it."""


class NewOrderList(_Ask, frozen=True, kw_only=True):
    """Submit orders that belong together: all of them are taken, or none."""

    orders: list[NewOrder]


class ModifyOrder(_Ask, frozen=True, kw_only=True):
    """Change a working order; what is None stays as it is."""

    client_order_id: str
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None


class CancelOrder(_Ask, frozen=True, kw_only=True):
    """Cancel a working order."""

    client_order_id: str


class CancelOrders(_Ask, frozen=True, kw_only=True):
    """Cancel several orders; the answer names those that could not be."""

    client_order_ids: list[str]


class CancelAll(_Ask, frozen=True, kw_only=True):
    """Cancel every working order, or those of one symbol or side."""

    symbol: str = ""
    side: Side | None = None


class ListOrders(_Ask, frozen=True, kw_only=True):
    """Ask for orders: every one, the working ones, one by its id, or those changed since."""

    working_only: bool = False
    client_order_id: str = ""
    venue_order_id: str = ""
    since_ns: int = 0


class ListFills(_Ask, frozen=True, kw_only=True):
    """Ask for fills: every one, those of one order, or those since."""

    client_order_id: str = ""
    venue_order_id: str = ""
    since_ns: int = 0


class ListPositions(_Ask, frozen=True, kw_only=True):
    """Ask for the positions that are not flat."""


class GetAccount(_Ask, frozen=True, kw_only=True):
    """Ask for the account."""


class ListSymbols(_Ask, frozen=True, kw_only=True):
    """Ask what can be traded."""


class ListInstruments(_Ask, frozen=True, kw_only=True):
    """Ask what can be traded, and on which terms."""


class Disturb(_Ask, frozen=True, kw_only=True):
    """Have the venue fail on purpose; refused unless it was started with `faults`.

    Attributes
    ----------
    reject_orders : int
        How many of the next orders to reject.
    reason : str
        What it says then.
    lose_requests, lose_answers, lose_pushes : int
        How many of the next to drop. A lost request is never looked at; a lost answer was done.
    silent_s : float
        Seconds during which it reads and says nothing.
    wrong_ticks : int
        How many of the next instants of the tape have wrong prices; the book keeps the right ones.
    wrong_by : float
        What those prices are multiplied by.
    storm_per_s, storm_s : float
        Quotes a second by which the tape repeats itself, and for how long.
    """

    reject_orders: int = 0
    reason: str = "rejected on command"
    lose_requests: int = 0
    lose_answers: int = 0
    lose_pushes: int = 0
    silent_s: float = 0.0
    wrong_ticks: int = 0
    wrong_by: float = 10.0
    storm_per_s: float = 0.0
    storm_s: float = 0.0


Ask: TypeAlias = (
    Hello
    | NewOrder
    | NewOrderList
    | ModifyOrder
    | CancelOrder
    | CancelOrders
    | CancelAll
    | ListOrders
    | ListFills
    | ListPositions
    | GetAccount
    | ListSymbols
    | ListInstruments
    | Disturb
)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A question with the number its answer will carry.

    An order that waits in a socket while the venue is away must not be taken hours later: past
    `deadline_ns` the venue refuses whatever changes its book. 0 is no deadline.
    """

    id: int
    ask: Ask
    deadline_ns: int = 0


class _Numbered(msgspec.Struct, frozen=True):
    id: int


# --- answers ------------------------------------------------------------------------------


class _Say(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower):
    pass


class Welcome(_Say, frozen=True, kw_only=True):
    """The venue's present.

    Attributes
    ----------
    session : str
        Another one after each restart of the venue.
    seq : int
        Its last event.
    missed : list of VenueEvent
        What came after the number that was asked for: the first thousand of it. Whoever got less
        than `seq` says hello again.
    book : str
        Which book its events are of; the same for ever.
    """

    session: str
    seq: int
    missed: list[VenueEvent] = []
    book: str = ""


class Orders(_Say, frozen=True, kw_only=True):
    """Orders as they are now; `refused` says why others of the request were left as they are."""

    orders: list[VenueOrder]
    refused: dict[str, str] = {}  # client order id -> reason


class Fills(_Say, frozen=True, kw_only=True):
    fills: list[VenueFill]


class Positions(_Say, frozen=True, kw_only=True):
    positions: list[VenuePosition]


class Account(_Say, frozen=True, kw_only=True):
    account: VenueAccount


class Symbols(_Say, frozen=True, kw_only=True):
    symbols: list[str]


class Instruments(_Say, frozen=True, kw_only=True):
    instruments: list[VenueInstrument]


class Done(_Say, frozen=True, kw_only=True):
    """It was done, and there is nothing else to say."""


class Refused(_Say, frozen=True, kw_only=True):
    """The venue could not read or do what was asked."""

    reason: str


Say: TypeAlias = (
    Welcome | Orders | Fills | Positions | Account | Symbols | Instruments | Done | Refused
)


class Reply(_Say, frozen=True, kw_only=True):
    """The answer to the request of the same number."""

    id: int
    say: Say


class Push(_Say, frozen=True, kw_only=True):
    """An event nobody asked for."""

    event: VenueEvent


_encoder = msgspec.msgpack.Encoder(decimal_format="string")
_requests = msgspec.msgpack.Decoder(Request)
_answers: msgspec.msgpack.Decoder[Reply | Push] = msgspec.msgpack.Decoder(Reply | Push)
_numbers = msgspec.msgpack.Decoder(_Numbered)
_tapes = msgspec.msgpack.Decoder(Tape)


def pack(message: msgspec.Struct) -> bytes:
    """Encode a message of the venue."""
    return _encoder.encode(message)


def unpack_request(data: bytes) -> Request:
    """Decode a request; raises `MessageError` when `data` is none."""
    return _unpack(_requests, data, "a request to the paper venue")


def number_of(data: bytes) -> int | None:
    """Return the number of a request that is none otherwise; None when it has none either."""
    try:
        return _numbers.decode(data).id
    except msgspec.DecodeError:
        return None


def unpack_answer(data: bytes) -> Reply | Push:
    """Decode an answer; raises `MessageError` when `data` is none."""
    return _unpack(_answers, data, "an answer of the paper venue")


def unpack_tape(data: bytes) -> Tape:
    """Decode quotes; raises `MessageError` when `data` is none."""
    return _unpack(_tapes, data, "the paper venue's tape")


def _unpack[T](decoder: msgspec.msgpack.Decoder[T], data: bytes, what: str) -> T:
    try:
        return decoder.decode(data)
    except msgspec.DecodeError as error:
        raise MessageError(
            f"bytes must be {what}: {error}",
            value=data[:60],
            remedy="check that both sides run the same nautilus_lab",
        ) from None
