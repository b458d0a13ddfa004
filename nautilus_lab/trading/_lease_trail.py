"""What the audit trails of a home's nodes have of its ledger of leases."""

from __future__ import annotations

import logging

import msgspec

from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import TradingStore

log = logging.getLogger(__name__)


def ledger_facts(begun: str, latest: int) -> dict[str, str]:
    """Return what a row about a lease has of its ledger: which, and the last change in it."""
    return {"ledger": begun, "change": str(latest)}


def audited_change(home: Home, begun: str) -> int:
    """Return the latest change of a ledger that any trail of the home has; 0 when none has.

    A trail that cannot be read is passed by: its own node does not start, and the others go on.

    Parameters
    ----------
    home : Home
        Whose nodes.
    begun : str
        Which ledger: `HomeLedger.begun`. What was given out of another one does not count.
    """
    return max((_last(home, trader, begun) for trader in home.trader_ids), default=0)


def _last(home: Home, trader: str, begun: str) -> int:
    path = home.trader(trader).store
    if not path.exists():
        return 0
    try:
        with TradingStore.open(path, read_only=True) as store:
            rows = store.audit_tail(1, kind="lease.")
    except StoreError as error:
        log.error("what %s was leased is not known: %s", trader, error)
        return 0
    for row in rows:
        facts = msgspec.json.decode(row.body)
        if facts.get("ledger") == begun:
            return int(facts["change"])
    return 0
