"""The stores: what a trader did (`TradingStore`), and what the desk shares (`DeskStore`)."""

from nautilus_lab.platform.store._canonical import canonical_json
from nautilus_lab.platform.store._desk import DeskStore
from nautilus_lab.platform.store._rows import (
    AlertRow,
    AuditRow,
    CommandRow,
    IntentState,
    JournalRow,
    OrderIntent,
    PrincipalRow,
    RunRow,
    RunStatus,
)
from nautilus_lab.platform.store._trading import TradingStore

__all__ = [
    "AlertRow",
    "AuditRow",
    "CommandRow",
    "DeskStore",
    "IntentState",
    "JournalRow",
    "OrderIntent",
    "PrincipalRow",
    "RunRow",
    "RunStatus",
    "TradingStore",
    "canonical_json",
]
