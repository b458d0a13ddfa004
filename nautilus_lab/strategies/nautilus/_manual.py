"""The strategy through which people's orders go."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from nautilus_trader.config import StrategyConfig
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.enums import (
    ContingencyType,
    TriggerType,
    order_side_from_str,
    order_type_from_str,
    time_in_force_from_str,
)
from nautilus_trader.model.events import OrderInitialized
from nautilus_trader.model.identifiers import (
    ClientOrderId,
    ExecAlgorithmId,
    InstrumentId,
    OrderListId,
)
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.model.orders import Order, OrderList
from nautilus_trader.model.orders.unpacker import OrderUnpacker
from nautilus_trader.trading.strategy import Strategy

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.commands import SubmitBracket, SubmitOco, SubmitOrder

_SHOWN = 8


class ManualOrders(Strategy):  # type: ignore[misc]
    """Makes and sends what people ask for; of itself it does nothing.

    Its orders are like any strategy's: they pass the gate, their fills make positions of
    ``Manual-000``. It hears the quotes of every instrument, so that an order can be valued and
    its arrival price be known where no strategy trades.
    """

    def __init__(self) -> None:
        super().__init__(StrategyConfig(strategy_id="Manual", order_id_tag="000"))

    def on_start(self) -> None:
        """Subscribe to every instrument."""
        for instrument in self.cache.instruments():
            self.subscribe_quote_ticks(instrument.id)

    def order(self, asked: SubmitOrder, name: str, tags: Sequence[str]) -> Order:
        """Return the order that `asked` describes, with the client order id `name`.

        Raises
        ------
        InputError
            When the instrument is unknown, a number is finer than the instrument allows, or the
            time to expire is over.
        """
        return self._made(asked, name, tags)

    def bracket(
        self, asked: SubmitBracket, names: Sequence[str], tags: Sequence[str], list_name: str
    ) -> OrderList:
        """Return an entry, a take-profit and a stop-loss, linked; `names` in this order."""
        entry, profit, loss = [ClientOrderId(name) for name in names]
        link = {"list_id": OrderListId(list_name)}
        out = {**link, "kind": ContingencyType.OUO, "parent": entry, "reduce_only": True}
        return OrderList(
            OrderListId(list_name),
            [
                self._made(
                    asked.entry,
                    names[0],
                    tags,
                    **link,
                    kind=ContingencyType.OTO,
                    linked=[profit, loss],
                ),
                self._made(asked.take_profit, names[1], tags, **out, linked=[loss]),
                self._made(asked.stop_loss, names[2], tags, **out, linked=[profit]),
            ],
        )

    def oco(
        self, asked: SubmitOco, names: Sequence[str], tags: Sequence[str], list_name: str
    ) -> OrderList:
        """Return two orders of which one cancels the other."""
        both = [ClientOrderId(name) for name in names]
        link = {"list_id": OrderListId(list_name), "kind": ContingencyType.OCO}
        return OrderList(
            OrderListId(list_name),
            [
                self._made(leg, name, tags, **link, linked=[other])
                for leg, name, other in zip(
                    (asked.first, asked.second), names, reversed(both), strict=True
                )
            ],
        )

    def listed(
        self,
        asked: Sequence[SubmitOrder],
        names: Sequence[str],
        tags: Sequence[str],
        list_name: str,
    ) -> OrderList:
        """Return several orders that are sent as one decision."""
        link = OrderListId(list_name)
        return OrderList(
            link,
            [self._made(o, n, tags, list_id=link) for o, n in zip(asked, names, strict=True)],
        )

    def change(
        self,
        order: Order,
        quantity: Decimal | None,
        limit_price: Decimal | None,
        trigger_price: Decimal | None,
    ) -> dict[str, Any]:
        """Return what `modify_order` is to be given; raises `InputError` when it cannot be."""
        instrument = self._instrument(order.instrument_id.value)
        for name, value, has in (
            ("limit_price", limit_price, order.has_price),
            ("trigger_price", trigger_price, order.has_trigger_price),
        ):
            if value is not None and not has:
                raise InputError(
                    f"a {order.type_string()} order has no {name} to change", value=value
                )
        if quantity is not None and not quantity > order.filled_qty.as_decimal():
            raise InputError(
                "the new quantity must be more than what is filled already",
                value=quantity,
                remedy=f"more than {order.filled_qty}, or cancel the order",
            )
        changes = {
            "quantity": None if quantity is None else _quantity(instrument, quantity),
            "price": _price(instrument, "limit_price", limit_price),
            "trigger_price": _price(instrument, "trigger_price", trigger_price),
        }
        now = {
            "quantity": order.quantity,
            "price": order.price if order.has_price else None,
            "trigger_price": order.trigger_price if order.has_trigger_price else None,
        }
        if all(value is None or value == now[name] for name, value in changes.items()):
            raise InputError(
                "a change must change something",
                value=", ".join(f"{name} {value}" for name, value in changes.items() if value),
                remedy="it is so already",
            )
        return changes

    def _made(
        self,
        asked: SubmitOrder,
        name: str,
        tags: Sequence[str],
        *,
        kind: ContingencyType = ContingencyType.NO_CONTINGENCY,
        list_id: OrderListId | None = None,
        linked: list[ClientOrderId] | None = None,
        parent: ClientOrderId | None = None,
        reduce_only: bool = False,
    ) -> Order:
        instrument = self._instrument(asked.instrument)
        now = self.clock.timestamp_ns()
        if asked.expires_ns is not None and not asked.expires_ns > now:
            raise InputError(
                "an order must expire in the future",
                value=f"{(now - asked.expires_ns) / 1e9:.3f} s ago",
                remedy="pass a later time",
            )
        own = ClientOrderId(name)
        try:
            return OrderUnpacker.from_init(
                OrderInitialized(
                    trader_id=self.trader_id,
                    strategy_id=self.id,
                    instrument_id=instrument.id,
                    client_order_id=own,
                    order_side=order_side_from_str(asked.side),
                    order_type=order_type_from_str(asked.order_type),
                    quantity=_quantity(instrument, asked.quantity),
                    time_in_force=time_in_force_from_str(asked.time_in_force),
                    post_only=asked.post_only,
                    reduce_only=asked.reduce_only or reduce_only,
                    quote_quantity=False,
                    options=_options(instrument, asked),
                    emulation_trigger=TriggerType.BID_ASK
                    if asked.emulate
                    else TriggerType.NO_TRIGGER,
                    trigger_instrument_id=None,
                    contingency_type=kind,
                    order_list_id=list_id,
                    linked_order_ids=linked,
                    parent_order_id=parent,
                    exec_algorithm_id=ExecAlgorithmId(asked.algorithm) if asked.algorithm else None,
                    exec_algorithm_params=dict(asked.parameters) if asked.algorithm else None,
                    exec_spawn_id=own if asked.algorithm else None,
                    tags=list(tags),
                    event_id=UUID4(),
                    ts_init=now,
                )
            )
        except (ValueError, TypeError) as error:
            raise InputError(
                f"Nautilus must be able to make the order: {error}",
                value=f"{asked.order_type} {asked.time_in_force}",
            ) from None

    def _instrument(self, name: str) -> Any:
        try:
            instrument = self.cache.instrument(InstrumentId.from_str(name))
        except ValueError:
            instrument = None
        if instrument is None:
            known = sorted(i.id.value for i in self.cache.instruments())
            more = ", …" if len(known) > _SHOWN else ""
            raise InputError(
                "an instrument must be one that can be traded here",
                value=name,
                remedy=f"one of {', '.join(known[:_SHOWN])}{more}",
            )
        return instrument


def _options(instrument: Any, asked: SubmitOrder) -> dict[str, Any]:
    prices = {
        name: None if price is None else str(price)
        for name, price in (
            ("price", _price(instrument, "limit_price", asked.limit_price)),
            ("trigger_price", _price(instrument, "trigger_price", asked.trigger_price)),
            ("activation_price", _price(instrument, "activation_price", asked.activation_price)),
        )
    }
    return prices | {
        "trigger_type": "DEFAULT",
        "trailing_offset": _offset(instrument, "trailing_offset", asked),
        "trailing_offset_type": asked.offset_type,
        "limit_offset": _offset(instrument, "limit_offset", asked),
        "expire_time_ns": asked.expires_ns or 0,
        "display_qty": None,
    }


def _quantity(instrument: Any, value: Decimal) -> Quantity:
    _require_multiple("quantity", value, instrument.size_increment.as_decimal())
    _require_within("quantity", value, instrument.min_quantity, instrument.max_quantity)
    return Quantity(value, instrument.size_precision)


def _price(instrument: Any, name: str, value: Decimal | None) -> Price | None:
    if value is None:
        return None
    _require_multiple(name, value, instrument.price_increment.as_decimal())
    _require_within(name, value, instrument.min_price, instrument.max_price)
    return Price(value, instrument.price_precision)


def _offset(instrument: Any, name: str, asked: SubmitOrder) -> str | None:
    value: Decimal | None = getattr(asked, name)
    if value is not None and asked.offset_type == "PRICE":
        _require_multiple(name, value, instrument.price_increment.as_decimal())
    return None if value is None else f"{value:f}"


def _require_within(name: str, value: Decimal, least: Any, most: Any) -> None:
    if least is not None and not value >= least.as_decimal():
        raise InputError(f"{name} must be at least {least}", value=value)
    if most is not None and not value <= most.as_decimal():
        raise InputError(f"{name} must be at most {most}", value=value)


def _require_multiple(name: str, value: Decimal, step: Decimal) -> None:
    # Never rounded: what is sent is what was asked for.
    if value % step:
        raise InputError(
            f"{name} must be a multiple of {step}",
            value=value,
            remedy=f"for instance {value - value % step or step}",
        )
