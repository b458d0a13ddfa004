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
OrderType: TypeAlias = Literal["MARKET", "LIMIT"]
OrderStatus: TypeAlias = Literal["ACCEPTED", "PARTIALLY_FILLED", "FILLED", "CANCELED", "REJECTED"]

WORKING: frozenset[str] = frozenset({"ACCEPTED", "PARTIALLY_FILLED"})


class VenueOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the venue holds it; quantities in units, prices in USD, times in UNIX ns."""

    client_order_id: str
    venue_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    limit_price: Decimal | None = None
    filled: Decimal = Decimal(0)
    average_price: Decimal | None = None
    status: OrderStatus = "ACCEPTED"
    reason: str = ""
    ts_accepted: int
    ts_last: int


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
    order: VenueOrder
    fill: VenueFill | None = None


class VenuePosition(msgspec.Struct, frozen=True, kw_only=True):
    """A net position: signed units and their average cost."""

    symbol: str
    quantity: Decimal
    average_price: Decimal


class VenueAccount(msgspec.Struct, frozen=True, kw_only=True):
    """The account in USD: the cash it has, and what was ever paid in.

    Positions are not part of either.
    """

    account_id: str
    currency: str
    cash: Decimal
    deposited: Decimal


class VenueQuote(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A quote in USD; `source_ts` is the historical instant it stands for."""

    symbol: str
    bid: float
    ask: float
    size: float


class Tape(msgspec.Struct, frozen=True, kw_only=True):
    """The quotes of one instant of the replay."""

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


class NewOrder(_Ask, frozen=True, kw_only=True):
    """Submit an order; a `client_order_id` the venue has is answered with that order."""

    client_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    limit_price: Decimal | None = None


class CancelOrder(_Ask, frozen=True, kw_only=True):
    """Cancel a working order."""

    client_order_id: str


class ListOrders(_Ask, frozen=True, kw_only=True):
    """Ask for every order, or only the working ones."""

    working_only: bool = False


class ListFills(_Ask, frozen=True, kw_only=True):
    """Ask for every fill."""


class ListPositions(_Ask, frozen=True, kw_only=True):
    """Ask for the positions that are not flat."""


class GetAccount(_Ask, frozen=True, kw_only=True):
    """Ask for the account."""


class ListSymbols(_Ask, frozen=True, kw_only=True):
    """Ask what can be traded."""


Ask: TypeAlias = (
    Hello
    | NewOrder
    | CancelOrder
    | ListOrders
    | ListFills
    | ListPositions
    | GetAccount
    | ListSymbols
)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A question with the number its answer will carry."""

    id: int
    ask: Ask


# --- answers ------------------------------------------------------------------------------


class _Say(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower):
    pass


class Welcome(_Say, frozen=True, kw_only=True):
    """The venue's present: `session` changes when it restarts, `seq` is its last event."""

    session: str
    seq: int
    missed: list[VenueEvent] = []


class Orders(_Say, frozen=True, kw_only=True):
    orders: list[VenueOrder]


class Fills(_Say, frozen=True, kw_only=True):
    fills: list[VenueFill]


class Positions(_Say, frozen=True, kw_only=True):
    positions: list[VenuePosition]


class Account(_Say, frozen=True, kw_only=True):
    account: VenueAccount


class Symbols(_Say, frozen=True, kw_only=True):
    symbols: list[str]


class Refused(_Say, frozen=True, kw_only=True):
    """The venue could not read or do what was asked."""

    reason: str


Say: TypeAlias = Welcome | Orders | Fills | Positions | Account | Symbols | Refused


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
_tapes = msgspec.msgpack.Decoder(Tape)


def pack(message: msgspec.Struct) -> bytes:
    """Encode a message of the venue."""
    return _encoder.encode(message)


def unpack_request(data: bytes) -> Request:
    """Decode a request; raises `MessageError` when `data` is none."""
    return _unpack(_requests, data, "a request to the paper venue")


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
