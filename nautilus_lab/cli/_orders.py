"""`nautilus-lab order ...`: orders of a trader, asked of its node."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from contextlib import suppress
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import msgspec

from nautilus_lab.cli._engine import add_trader, engine_of
from nautilus_lab.cli._options import naming_options
from nautilus_lab.cli._shown import add_json, at, show_json, show_table
from nautilus_lab.cli._verbs import Verbs, add_verb
from nautilus_lab.exceptions import (
    DeadlineExceeded,
    InputError,
    LabError,
    NodeError,
    NodeNotRunning,
    NotReachable,
    OrderDenied,
    OutcomeUnknown,
)

if TYPE_CHECKING:
    from nautilus_lab.platform.commands import CancelAll, OrderType, Placed, SubmitOrder
    from nautilus_lab.platform.messages import Envelope, OrderUpdated
    from nautilus_lab.trading import TradingEngine

_TYPES = (
    "MARKET",
    "LIMIT",
    "STOP_MARKET",
    "STOP_LIMIT",
    "TRAILING_STOP_MARKET",
    "TRAILING_STOP_LIMIT",
    "MARKET_IF_TOUCHED",
    "LIMIT_IF_TOUCHED",
    "MARKET_TO_LIMIT",
)
_LASTS = ("GTC", "IOC", "FOK", "GTD", "DAY", "AT_THE_OPEN", "AT_THE_CLOSE")
_BY_HAND = "Manual-000"  # the strategy of what people ask for, also before they ask
_SENT = "SUBMITTED"  # to the venue, which has not answered
# status -> who refused, and what is raised for it
_REFUSED: dict[str, tuple[str, type[LabError]]] = {
    "REJECTED": ("venue", NodeError),
    "DENIED": ("gate", OrderDenied),
}
_WAIT_S = 2.0
_LONGEST_WAIT_S = 60.0
_LOOK_EVERY_S = 0.05
_FIND_S = 10.0
_CLOSED = frozenset({"DENIED", "REJECTED", "CANCELED", "EXPIRED", "FILLED"})
_COLUMNS = (
    *("order", "instrument", "side", "type", "quantity", "filled", "limit", "trigger", "average"),
    *("status", "strategy", "by", "at", "reason"),
)


def add_orders(verbs: Verbs) -> None:
    """Add the commands of this file."""
    order = verbs.add_parser("order", help="orders of a trader").add_subparsers(
        required=True, metavar="COMMAND"
    )
    submit = add_verb(order, "submit", _submit, "submit an order; says what gate and venue say")
    _add_order(submit)
    bracket = add_verb(
        order, "bracket", _bracket, "submit an entry with a take-profit and a stop-loss"
    )
    _add_order(bracket)
    bracket.add_argument("--take-profit", required=True, help="the price of the LIMIT exit")
    bracket.add_argument("--stop-loss", required=True, help="the trigger of the STOP_MARKET exit")
    listed = add_verb(order, "list", _list, "the working orders")
    listed.add_argument("--all", action="store_true", help="the recent closed ones, too")
    modify = add_verb(order, "modify", _modify, "change a working order; says what was decided")
    modify.add_argument("order", help="its client order id")
    for name in ("quantity", "limit", "trigger"):
        modify.add_argument(f"--{name}", help=f"the new {name}")
    cancel = add_verb(order, "cancel", _cancel, "cancel working orders")
    cancel.add_argument("orders", nargs="+", metavar="ORDER", help="client order ids")
    cancel_all = add_verb(order, "cancel-all", _cancel_all, "cancel every working order")
    cancel_all.add_argument("--instrument", help="only of this one: AAPL.PAPER")
    cancel_all.add_argument("--strategy", help="only of this one")
    cancel_all.add_argument("--side", choices=("BUY", "SELL"), help="only of this side")
    find = add_verb(order, "find", _find, "what the node knows of an order, open or closed")
    find.add_argument("order", nargs="?", help="its client order id")
    find.add_argument("--command", help="the id of the command that made it")
    for parser in (submit, bracket):
        parser.add_argument(
            "--wait",
            type=float,
            default=_WAIT_S,
            metavar="SECONDS",
            help="how long to wait for the venue's first word (2)",
        )
    for parser in (submit, bracket, listed, modify, cancel, cancel_all, find):
        add_json(parser)
    add_trader(submit, bracket, listed, modify, cancel, cancel_all, find)


def _add_order(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("instrument", help="AAPL.PAPER")
    parser.add_argument("side", type=str.upper, choices=("BUY", "SELL"))
    parser.add_argument("quantity", help="units")
    parser.add_argument(
        "--type",
        type=str.upper,
        choices=_TYPES,
        metavar="TYPE",
        help=f"MARKET, LIMIT where a limit is given, or {', '.join(_TYPES[2:])}",
    )
    for name, what in (
        ("limit", "the limit price"),
        ("trigger", "the price that triggers it"),
        ("activation", "the price from which a trailing stop follows"),
        ("trailing-offset", "how far from the market a trailing stop follows"),
        ("limit-offset", "how far from the market its limit follows: --trailing-offset or more"),
    ):
        parser.add_argument(f"--{name}", help=what)
    parser.add_argument(
        "--offset-type", type=str.upper, choices=("PRICE", "BASIS_POINTS", "TICKS"), default="PRICE"
    )
    parser.add_argument(
        "--lasts",
        type=str.upper,
        choices=_LASTS,
        default="GTC",
        metavar="HOW",
        help=", ".join(_LASTS),
    )
    parser.add_argument("--expires", help="of --lasts GTD: 2026-03-02T21:00:00+00:00")
    parser.add_argument("--post-only", action="store_true", help="rest in the book or be rejected")
    parser.add_argument("--reduce-only", action="store_true", help="only make a position smaller")
    parser.add_argument("--emulate", action="store_true", help="hold it in the node until then")
    parser.add_argument("--algorithm", help="the execution algorithm that works it: TWAP")
    parser.add_argument(
        *("-p", "--parameter"),
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="what the algorithm is told: -p horizon_secs 600",
    )


@naming_options
def _submit(chosen: argparse.Namespace) -> None:
    _show_answered(chosen, "orders.submit", _written(chosen))


@naming_options
def _bracket(chosen: argparse.Namespace) -> None:
    from nautilus_lab.client import order
    from nautilus_lab.platform.commands import Side, SubmitBracket

    entry = _written(chosen)
    back: Side = "SELL" if entry.side == "BUY" else "BUY"
    body = SubmitBracket(
        entry=entry,
        take_profit=order(
            entry.instrument,
            back,
            entry.quantity,
            order_type="LIMIT",
            limit_price=chosen.take_profit,
            emulate=entry.emulate,
        ),
        stop_loss=order(
            entry.instrument,
            back,
            entry.quantity,
            order_type="STOP_MARKET",
            trigger_price=chosen.stop_loss,
            emulate=entry.emulate,
        ),
    )
    _show_answered(chosen, "orders.bracket", body)


def _written(chosen: argparse.Namespace) -> SubmitOrder:
    from nautilus_lab.client import order

    kind: OrderType = chosen.type or ("MARKET" if chosen.limit is None else "LIMIT")
    return order(
        chosen.instrument,
        chosen.side,
        chosen.quantity,
        order_type=kind,
        limit_price=chosen.limit,
        trigger_price=chosen.trigger,
        activation_price=chosen.activation,
        trailing_offset=chosen.trailing_offset,
        limit_offset=chosen.limit_offset,
        offset_type=chosen.offset_type,
        time_in_force=chosen.lasts,
        expires=None if chosen.expires is None else _instant(chosen.expires),
        post_only=chosen.post_only,
        reduce_only=chosen.reduce_only,
        algorithm=chosen.algorithm,
        parameters={name: _value(text) for name, text in chosen.parameter},
        emulate=chosen.emulate,
    )


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            "expires must be an ISO time", value=text, remedy="write 2026-03-02T21:00:00+00:00"
        ) from None


def _value(text: str) -> str | int | float | bool:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, int | float | bool) else text


def _show_answered(chosen: argparse.Namespace, name: str, body: msgspec.Struct) -> None:
    """Place orders, show what the venue says first, and raise what it refuses."""
    if not 0 <= chosen.wait <= _LONGEST_WAIT_S:
        raise InputError(
            f"--wait must lie between 0 and {_LONGEST_WAIT_S:g} seconds",
            value=chosen.wait,
            remedy="nautilus-lab order find ORDER looks again later",
        )
    placed, reasons = asyncio.run(_placed(engine_of(chosen), name, body, chosen.wait))
    _show_placed(chosen, placed)
    for order, status in zip(placed.client_order_ids, placed.statuses, strict=True):
        if status in _REFUSED:
            whose, kind = _REFUSED[status]
            raise kind(
                f"the {whose} must let an order through: {reasons.get(order) or 'not known why'}",
                value=f"{order} is {status}",
                remedy="nothing works of it; change the order, or what stands against it",
            )


async def _placed(
    engine: TradingEngine, name: str, body: msgspec.Struct, wait_s: float
) -> tuple[Placed, dict[str, str]]:
    """Send a command that makes orders, once; return them as they stand `wait_s` later at most.

    It waits for as long as one of them is on its way to the venue. With them come the reasons
    that gate and venue gave, by order.
    """
    from nautilus_lab.platform.messages import new_id

    own = new_id()
    placed = await _place(engine, name, body, own)
    reasons: dict[str, str] = {}
    deadline = time.monotonic() + wait_s
    # They are placed: that nobody can look again is no word against them.
    with suppress(LabError):
        while _SENT in placed.statuses and (left_s := deadline - time.monotonic()) > 0:
            placed, reasons = await _as_they_stand(engine, own, placed, timeout_s=left_s)
            if _SENT in placed.statuses:
                await asyncio.sleep(min(_LOOK_EVERY_S, left_s))
        if not reasons and _REFUSED.keys() & set(placed.statuses):
            placed, reasons = await _as_they_stand(engine, own, placed, timeout_s=_FIND_S)
    return placed, reasons


async def _as_they_stand(
    engine: TradingEngine, command_id: str, placed: Placed, *, timeout_s: float
) -> tuple[Placed, dict[str, str]]:
    found = await _made_by(engine, command_id, timeout_s=timeout_s)
    known = {one.client_order_id: one.status for one in found}
    reasons = {one.client_order_id: one.reason for one in found if one.status in _REFUSED}
    pairs = zip(placed.client_order_ids, placed.statuses, strict=True)
    statuses = tuple([known.get(name, status) for name, status in pairs])
    return msgspec.structs.replace(placed, statuses=statuses), reasons


async def _made_by(
    engine: TradingEngine, command_id: str, *, timeout_s: float
) -> tuple[OrderUpdated, ...]:
    from nautilus_lab.platform.commands import FindOrder, Found
    from nautilus_lab.platform.messages import OrderUpdated

    found: Found = await engine.command(
        "orders.find", FindOrder(command_id=command_id), timeout_s=timeout_s, answer=Found
    )
    return tuple([one.body for one in found.orders if isinstance(one.body, OrderUpdated)])


async def _place(engine: TradingEngine, name: str, body: msgspec.Struct, own: str) -> Placed:
    """Send a command that makes orders, once; look what became of them when no answer comes."""
    from nautilus_lab.platform.commands import Placed

    try:
        placed: Placed = await engine.command(name, body, command_id=own, answer=Placed)
        return placed
    except NodeNotRunning:
        raise
    except (DeadlineExceeded, NotReachable, OutcomeUnknown) as error:
        try:
            orders = await _made_by(engine, own, timeout_s=_FIND_S)
        except LabError:
            orders = ()
        if not orders:
            raise OutcomeUnknown(
                f"the node must answer: {error.rule}",
                value=own,
                remedy=f"it was sent once; look before you send it again: "
                f"nautilus-lab order find --command {own}",
            ) from None
        return Placed(
            client_order_ids=tuple([one.client_order_id for one in orders]),
            statuses=tuple([one.status for one in orders]),
        )


def _show_placed(chosen: argparse.Namespace, placed: Placed) -> None:
    if chosen.json:
        return show_json(placed)
    for name, status in zip(placed.client_order_ids, placed.statuses, strict=True):
        print(f"{name}  {status}")


def _list(chosen: argparse.Namespace) -> None:
    from nautilus_lab.platform.messages import Snapshot

    snapshot: Snapshot = asyncio.run(engine_of(chosen).command("node.snapshot", answer=Snapshot))
    wanted = [one for one in snapshot.orders if chosen.all or _status(one) not in _CLOSED]
    _show_orders(chosen, wanted, none="orders" if chosen.all else "working orders")


def _status(told: Envelope) -> str:
    return str(getattr(told.body, "status", ""))


@naming_options
def _modify(chosen: argparse.Namespace) -> None:
    from nautilus_lab.platform.commands import ModifyOrder, Placed

    body = ModifyOrder(
        client_order_id=chosen.order,
        quantity=_number("quantity", chosen.quantity),
        limit_price=_number("limit", chosen.limit),
        trigger_price=_number("trigger", chosen.trigger),
    )
    _show_placed(
        chosen, asyncio.run(engine_of(chosen).command("orders.modify", body, answer=Placed))
    )


def _number(what: str, text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        raise InputError(f"{what} must be a number", value=text, remedy="write 190.15") from None


@naming_options
def _cancel(chosen: argparse.Namespace) -> int:
    from nautilus_lab.platform.commands import Cancelled, CancelOrder

    engine = engine_of(chosen)

    async def cancel() -> list[Any]:
        return await asyncio.gather(
            *(
                engine.command("orders.cancel", CancelOrder(client_order_id=name), answer=Cancelled)
                for name in dict.fromkeys(chosen.orders)
            ),
            return_exceptions=True,
        )

    done = asyncio.run(cancel())
    told = [one for one in done if isinstance(one, Cancelled)]
    _show_cancelled(
        chosen,
        Cancelled(
            ended=tuple([name for one in told for name in one.ended]),
            pending=tuple([name for one in told for name in one.pending]),
        ),
    )
    # The others are cancelled all the same; one error is as much as a caller can be given.
    for error in done:
        if isinstance(error, BaseException):
            raise error
    return 0


@naming_options
def _cancel_all(chosen: argparse.Namespace) -> None:
    from nautilus_lab.platform.commands import CancelAll, Cancelled

    engine = engine_of(chosen)
    body = CancelAll(instrument=chosen.instrument, strategy=chosen.strategy, side=chosen.side)

    async def cancel() -> Cancelled:
        told: Cancelled = await engine.command("orders.cancel_all", body, answer=Cancelled)
        # Afterwards: nothing stands in the way of a cancel.
        if not (told.ended or told.pending):
            await _require_known(engine, body)
        return told

    _show_cancelled(chosen, asyncio.run(cancel()))


async def _require_known(engine: TradingEngine, body: CancelAll) -> None:
    """Refuse the name of an instrument or a strategy that the node has not heard of."""
    from nautilus_lab.platform.commands import StrategyView
    from nautilus_lab.platform.messages import Snapshot

    if body.instrument is None and body.strategy is None:
        return
    try:
        snapshot: Snapshot = await engine.command("node.snapshot", answer=Snapshot)
        strategies = await engine.command("strategy.list", answer=tuple[StrategyView, ...])
    except LabError as error:
        print(f"whether there is such a name could not be asked: {error}", file=sys.stderr)
        return
    told = [one.body for one in (*snapshot.orders, *snapshot.fills, *snapshot.states)]
    for what, name, more in (
        ("instrument", body.instrument, ()),
        ("strategy", body.strategy, [_BY_HAND, *(one.strategy for one in strategies)]),
    ):
        known = {str(getattr(one, what)) for one in told if getattr(one, what, "")} | {*more}
        if name is not None and name not in known:
            raise InputError(
                f"--{what} must name one that the node trades; nothing was cancelled",
                value=name,
                remedy=f"one of {', '.join(sorted(known)) or 'none'}",
            )


def _show_cancelled(chosen: argparse.Namespace, told: Any) -> None:
    if chosen.json:
        return show_json(told)
    for what, names in (("cancelled", told.ended), ("asked for", told.pending)):
        for name in names:
            print(f"{name}  {what}")
    if not (told.ended or told.pending):
        print("nothing works")


@naming_options
def _find(chosen: argparse.Namespace) -> None:
    from nautilus_lab.platform.commands import FindOrder, Found

    body = FindOrder(client_order_id=chosen.order, command_id=chosen.command)
    found: Found = asyncio.run(engine_of(chosen).command("orders.find", body, answer=Found))
    if not found.orders:
        raise InputError(
            "an order must be one that the node has had",
            value=chosen.order or chosen.command,
            remedy="it was never placed there; nautilus-lab order list --all",
        )
    _show_orders(chosen, found.orders, none="orders")


def _show_orders(chosen: argparse.Namespace, told: Any, *, none: str) -> None:
    if chosen.json:
        return show_json([one.body for one in told])
    rows = [
        (
            *(o.client_order_id, o.instrument, o.side, o.order_type, o.quantity, o.filled),
            *(o.limit_price, o.trigger_price, o.average_price, o.status, o.strategy, o.by),
            *(at(one.ts), o.reason),
        )
        for one in told
        for o in (one.body,)
    ]
    show_table(_COLUMNS, rows, none=none)
