"""Firm limits over several nodes: leases of one limit, that never add up to more than it."""

from nautilus_lab.risk.leases._appetite import Appetite
from nautilus_lab.risk.leases._budget import Budget
from nautilus_lab.risk.leases._decisions import (
    Decision,
    Happening,
    LeaseEvent,
    released,
    renewed,
    rested,
    taken,
)
from nautilus_lab.risk.leases._lease import (
    MOST,
    Ask,
    Grant,
    Lease,
    LeaseState,
    Moment,
    hundredths,
)
from nautilus_lab.risk.leases._leased import Leased, OffLease
from nautilus_lab.risk.leases._ledger import Ledger, LocalLedger
from nautilus_lab.risk.leases._use import leased_amount, leased_limits, use_held

__all__ = [
    "MOST",
    "Appetite",
    "Ask",
    "Budget",
    "Decision",
    "Grant",
    "Happening",
    "Lease",
    "LeaseEvent",
    "LeaseState",
    "Leased",
    "Ledger",
    "LocalLedger",
    "Moment",
    "OffLease",
    "hundredths",
    "leased_amount",
    "leased_limits",
    "released",
    "renewed",
    "rested",
    "taken",
    "use_held",
]
