"""What a command's spec says of its answer, which the documentation shows, and what answers it."""

from typing import get_type_hints

import pytest

from nautilus_lab.streaming._status import GATEWAY_COMMANDS
from nautilus_lab.trading.commands import NODE_COMMANDS, SUPERVISOR_COMMANDS
from nautilus_lab.trading.node._deployments import Deployments
from nautilus_lab.trading.node._high_water import HighWaterDesk
from nautilus_lab.trading.node._host import NodeHost
from nautilus_lab.trading.node._limits import LimitDesk
from nautilus_lab.trading.node._loosening import LooseningDesk
from nautilus_lab.trading.node._node_commands import NodeCommands
from nautilus_lab.trading.node._orders import OrderDesk
from nautilus_lab.trading.node._resuming import Resuming
from nautilus_lab.trading.node._states import TradingStates
from nautilus_lab.trading.node._strategy_commands import StrategyCommands
from nautilus_lab.trading.supervisor._supervisor import Supervisor


def handlers():
    """Name of a command -> what answers it, of objects that were never made."""
    host = NodeHost.__new__(NodeHost)
    host._commands = NodeCommands.__new__(NodeCommands)
    host._states = TradingStates.__new__(TradingStates)
    host._resuming = Resuming.__new__(Resuming)
    host._limits = LimitDesk.__new__(LimitDesk)
    host._limits._loosening = LooseningDesk.__new__(LooseningDesk)
    host._limits._high = HighWaterDesk.__new__(HighWaterDesk)
    host._deployments = Deployments.__new__(Deployments)
    host._deployments._commands = StrategyCommands.__new__(StrategyCommands)
    host._order_desk = OrderDesk.__new__(OrderDesk)
    return host._handlers() | Supervisor.__new__(Supervisor)._handlers()


@pytest.mark.parametrize("spec", [*NODE_COMMANDS, *SUPERVISOR_COMMANDS], ids=lambda s: s.name)
def test_a_command_is_answered_with_what_its_spec_says(spec):
    answers = get_type_hints(handlers()[spec.name])["return"]
    if spec.name == "strategy.versions":  # whose type is of a room that clients do not import
        assert (spec.answer, answers.__origin__) == (list[dict[str, object]], list)
    else:
        assert answers == spec.answer


def test_every_command_says_what_it_answers():
    tables = (NODE_COMMANDS, SUPERVISOR_COMMANDS, GATEWAY_COMMANDS)
    assert [s.name for table in tables for s in table if s.answer is None] == []
