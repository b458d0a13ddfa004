"""Writing down an order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from nautilus_lab.client._numbers import Number, exact
from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.commands import OffsetType, OrderType, Side, SubmitOrder, TimeInForce

_NS = 1_000_000_000


def order(
    instrument: str,
    side: Side,
    quantity: Number,
    *,
    order_type: OrderType = "MARKET",
    limit_price: Number | None = None,
    trigger_price: Number | None = None,
    activation_price: Number | None = None,
    trailing_offset: Number | None = None,
    limit_offset: Number | None = None,
    offset_type: OffsetType = "PRICE",
    time_in_force: TimeInForce = "GTC",
    expires: datetime | None = None,
    post_only: bool = False,
    reduce_only: bool = False,
    algorithm: str | None = None,
    parameters: Mapping[str, str | int | float | bool] | None = None,
    emulate: bool = False,
) -> SubmitOrder:
    """Return an order as it is sent, checked; nothing is sent yet.

    Parameters
    ----------
    instrument : str
        ``"AAPL.PAPER"``.
    side : {"BUY", "SELL"}
        What is done.
    quantity : number
        Units of the instrument.
    order_type : str, default="MARKET"
        Nautilus' name; `SubmitOrder` tabulates which prices each type needs.
    limit_price, trigger_price, activation_price : number, optional
        In the instrument's quote currency.
    trailing_offset, limit_offset : number, optional
        How far behind the market the trigger stays, and how far the limit: not less.
    offset_type : {"PRICE", "BASIS_POINTS", "TICKS"}, default="PRICE"
        What the offsets are counted in.
    time_in_force : str, default="GTC"
        Nautilus' name.
    expires : datetime, optional
        When an order with ``time_in_force="GTD"`` ends; with a time zone.
    post_only, reduce_only : bool, default=False
        Rest in the book or be rejected; only make the position smaller.
    algorithm : str, optional
        The execution algorithm that works it: ``"TWAP"``.
    parameters : mapping, optional
        What the algorithm is told: ``{"horizon_secs": 600, "interval_secs": 30}``.
    emulate : bool, default=False
        Hold the order in the node until it triggers; it ends with the node.

    Raises
    ------
    InputError
        When a number is none, not finite, or a float that is not exact; when a rule of
        `SubmitOrder` is broken.

    Examples
    --------
    >>> order("AAPL.PAPER", "BUY", 100, order_type="LIMIT", limit_price=190.15).limit_price
    Decimal('190.15')
    """

    def price(name: str, value: Number | None) -> Decimal | None:
        return None if value is None else exact(name, value)

    return SubmitOrder(
        instrument=_text("instrument", instrument),
        side=side,
        quantity=exact("quantity", quantity),
        order_type=order_type,
        limit_price=price("limit_price", limit_price),
        trigger_price=price("trigger_price", trigger_price),
        activation_price=price("activation_price", activation_price),
        trailing_offset=price("trailing_offset", trailing_offset),
        limit_offset=price("limit_offset", limit_offset),
        offset_type=offset_type,
        time_in_force=time_in_force,
        expires_ns=None if expires is None else _instant(expires),
        post_only=post_only,
        reduce_only=reduce_only,
        algorithm=None if algorithm is None else _text("algorithm", algorithm),
        parameters=_plain(parameters),
        emulate=emulate,
    )


def _text(what: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InputError(f"{what} must be text", value=value)
    return value


def _instant(moment: Any) -> int:
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise InputError(
            "expires must be a time with a time zone",
            value=moment,
            remedy="pass datetime(..., tzinfo=UTC)",
        )
    # In whole microseconds: a float of seconds has no room for the last digits.
    return int(moment.timestamp()) * _NS + moment.microsecond * 1_000


def _plain(
    parameters: Mapping[str, str | int | float | bool] | None,
) -> dict[str, str | int | float | bool]:
    plain: dict[Any, Any] = dict(parameters or {})
    for name, value in plain.items():
        if not isinstance(name, str) or not isinstance(value, str | int | float | bool):
            raise InputError(
                "an algorithm's parameters must be names with text or numbers",
                value=f"{name!r}: {value!r}",
                remedy="pass 600, 0.1, True or text",
            )
    return plain
