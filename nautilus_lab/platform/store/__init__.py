"""The stores: of a trader (`TradingStore`), of the desk (`DeskStore`), of all that happened.

`HistoryStore` is the last: the events that came over the bus, of every trader. `LeaseStore` has
what the nodes of a home may use of its firm limits.
"""

from nautilus_lab.platform.store._alerts import AlertLedger, AlertPlan, alert_of
from nautilus_lab.platform.store._audit_postgresql import postgresql_audit
from nautilus_lab.platform.store._audit_postgresql_guards import (
    postgresql_audit_check,
    postgresql_audit_guards,
)
from nautilus_lab.platform.store._canonical import canonical_json
from nautilus_lab.platform.store._desk import DeskStore
from nautilus_lab.platform.store._equity import EquityMoment, EquityRow
from nautilus_lab.platform.store._guards import BrokenGuard, GuardFault
from nautilus_lab.platform.store._history import HistoryStore
from nautilus_lab.platform.store._leases import (
    LeaseChange,
    LeaseEventRow,
    LeaseRow,
    LeaseStore,
)
from nautilus_lab.platform.store._open_alerts import open_alerts
from nautilus_lab.platform.store._rows import (
    AlertCursor,
    AlertRow,
    AlertStep,
    AuditArchived,
    AuditRow,
    AuditValues,
    CommandRow,
    DeliveryEvent,
    DeliveryRow,
    DeliveryState,
    GapRow,
    IntentState,
    JournalRow,
    OrderIntent,
    PrincipalRow,
    RunRow,
    RunStatus,
)
from nautilus_lab.platform.store._trading import TradingStore
from nautilus_lab.platform.store._watch import StoreWatch

__all__ = [
    "AlertCursor",
    "AlertLedger",
    "AlertPlan",
    "AlertRow",
    "AlertStep",
    "AuditArchived",
    "AuditRow",
    "AuditValues",
    "BrokenGuard",
    "CommandRow",
    "DeliveryEvent",
    "DeliveryRow",
    "DeliveryState",
    "DeskStore",
    "EquityMoment",
    "EquityRow",
    "GapRow",
    "GuardFault",
    "HistoryStore",
    "IntentState",
    "JournalRow",
    "LeaseChange",
    "LeaseEventRow",
    "LeaseRow",
    "LeaseStore",
    "OrderIntent",
    "PrincipalRow",
    "RunRow",
    "RunStatus",
    "StoreWatch",
    "TradingStore",
    "alert_of",
    "canonical_json",
    "open_alerts",
    "postgresql_audit",
    "postgresql_audit_check",
    "postgresql_audit_guards",
]
