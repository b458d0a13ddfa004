"""The tables that tests, documentation and servers are made from."""

from nautilus_lab.platform.commands import CommandTable
from nautilus_lab.trading.commands._node import NODE_SPECS
from nautilus_lab.trading.commands._orders import ORDER_SPECS
from nautilus_lab.trading.commands._risk import RISK_SPECS
from nautilus_lab.trading.commands._strategies import STRATEGY_SPECS
from nautilus_lab.trading.commands._supervisor import SUPERVISOR_SPECS

NODE_COMMANDS = CommandTable(*NODE_SPECS, *ORDER_SPECS, *STRATEGY_SPECS, *RISK_SPECS)
SUPERVISOR_COMMANDS = CommandTable(*SUPERVISOR_SPECS)
