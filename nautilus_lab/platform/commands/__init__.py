"""Commands: one table says what may be asked and by whom; a server answers, a client asks."""

from nautilus_lab.platform.commands._client import CommandClient
from nautilus_lab.platform.commands._errors import error_of
from nautilus_lab.platform.commands._log import CommandLog, MemoryCommandLog, StoreCommandLog
from nautilus_lab.platform.commands._orders import (
    CancelAll,
    Cancelled,
    CancelOrder,
    FindOrder,
    Found,
    ModifyOrder,
    OffsetType,
    OrderType,
    Placed,
    Side,
    SubmitBracket,
    SubmitList,
    SubmitOco,
    SubmitOrder,
    TimeInForce,
    order_ids,
)
from nautilus_lab.platform.commands._risk import (
    HaltTrading,
    ReduceOnly,
    ResumeTrading,
    StateOfTrading,
)
from nautilus_lab.platform.commands._server import CommandServer, Handler, Request, Verify
from nautilus_lab.platform.commands._strategies import (
    DeployStrategy,
    OneStrategy,
    QuietStrategy,
    ReplaceStrategy,
    StrategyView,
)
from nautilus_lab.platform.commands._table import (
    CommandBody,
    CommandSpec,
    CommandTable,
    ListedCommand,
)

__all__ = [
    "CancelAll",
    "CancelOrder",
    "Cancelled",
    "CommandBody",
    "CommandClient",
    "CommandLog",
    "CommandServer",
    "CommandSpec",
    "CommandTable",
    "DeployStrategy",
    "FindOrder",
    "Found",
    "HaltTrading",
    "Handler",
    "ListedCommand",
    "MemoryCommandLog",
    "ModifyOrder",
    "OffsetType",
    "OneStrategy",
    "OrderType",
    "Placed",
    "QuietStrategy",
    "ReduceOnly",
    "ReplaceStrategy",
    "Request",
    "ResumeTrading",
    "Side",
    "StateOfTrading",
    "StoreCommandLog",
    "StrategyView",
    "SubmitBracket",
    "SubmitList",
    "SubmitOco",
    "SubmitOrder",
    "TimeInForce",
    "Verify",
    "error_of",
    "order_ids",
]
