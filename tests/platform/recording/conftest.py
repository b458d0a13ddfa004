"""What the tests of the recording share: messages as a node tells them."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from nautilus_lab.platform import messages
from nautilus_lab.platform.messages import (
    LimitBreach,
    OrderFilled,
    OrderUpdated,
    PositionUpdated,
    StrategyUpdated,
    TradingStateUpdated,
)


class Teller:
    """Makes envelopes at times of the test's choosing, numbered as a node numbers them."""

    def __init__(self, epoch: int = 1) -> None:
        self.epoch = epoch
        self.seq = 0

    def event(self, body, topic, ts):
        self.seq += 1
        return self._told(body, topic, ts, self.seq)

    def state(self, body, topic, ts):
        return self._told(body, topic, ts, None)

    def order(self, name, status, ts, *, filled=0):
        body = OrderUpdated(
            client_order_id=name,
            strategy="HoldTargets-001",
            instrument="AAPL.PAPER",
            side="BUY",
            order_type="MARKET",
            quantity=Decimal(10),
            filled=Decimal(filled),
            status=status,
        )
        return self.event(body, "trading.order.T-1.HoldTargets-001", ts)

    def fill(self, name, trade, ts):
        body = OrderFilled(
            trade_id=trade,
            client_order_id=name,
            strategy="HoldTargets-001",
            instrument="AAPL.PAPER",
            side="BUY",
            quantity=Decimal(10),
            price=Decimal("101.1"),
        )
        return self.event(body, "trading.fill.T-1.HoldTargets-001", ts)

    def breach(self, ts):
        body = LimitBreach(
            limit="max_order_notional",
            scope="order",
            value=2.0,
            limit_value=1.0,
            action="deny",
        )
        return self.event(body, "risk.breach.T-1.max_order_notional", ts)

    def position(self, quantity, ts):
        body = PositionUpdated(
            instrument="AAPL.PAPER",
            quantity=quantity,
            average_price=101.1,
            market_price=101.0,
            market_value=quantity * 101.0,
            unrealised=0.0,
            realised=0.0,
        )
        return self.state(body, "trading.position.T-1.all.AAPL.PAPER", ts)

    def standing(self, state, ts):
        return self.state(TradingStateUpdated(state=state), "risk.state.T-1", ts)

    def strategy(self, state, ts):
        body = StrategyUpdated(strategy="tilt-002", name="tilt", version="1", state=state)
        return self.state(body, "strategy.state.T-1.tilt-002", ts)

    def _told(self, body, topic, ts, seq):
        made = messages.envelope(
            body, topic, trader="T-1", writer="node", epoch=self.epoch, seq=seq
        )
        return msgspec.structs.replace(made, ts=ts)


@pytest.fixture
def teller():
    return Teller()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "recording"
