"""What a node may use of a firm limit now, in memory, where the gate reads it."""

from __future__ import annotations

import math
from collections.abc import Callable

from nautilus_lab.risk.leases._lease import Grant


class Budget:
    """One lease as its node believes it to be: never larger, and over sooner, than in the ledger.

    Attributes
    ----------
    limit : str
        Of what.
    amount : float
        What may be used, account currency.
    until_ns : int
        When no more than reducing passes, by the node's clock; 0 before there was a lease.
    token : int
        Of this process; 0 before there was a lease.
    firm, others : float
        The firm's limit, and what others use of it, as the ledger said last; NaN before it did.
    needed : float
        The most that an order would have needed that was denied for want of it, since `needed`
        was 0; the lease is asked to be as large.
    refused : str
        Why there will be no lease any more; nothing while there may be.
    on_need : callable
        Called as soon as an order was denied that a larger lease had let pass.
    """

    __slots__ = (
        *("amount", "firm", "limit", "needed", "on_need", "others", "refused", "token"),
        "until_ns",
    )

    def __init__(self, limit: str, *, on_need: Callable[[], object] = lambda: None) -> None:
        self.limit = limit
        self.amount = 0.0
        self.until_ns = 0
        self.token = 0
        self.firm = math.nan
        self.others = math.nan
        self.needed = 0.0
        self.refused = ""
        self.on_need = on_need

    def __repr__(self) -> str:
        return f"Budget({self.limit}, {self.amount:,.2f} of {self.firm:,.2f}, token {self.token})"

    def take_over(self, grant: Grant, until_ns: int) -> None:
        """Go by what the ledger gave, until then."""
        self.amount = grant.lease.amount / 100
        self.token = grant.lease.token
        self.firm = grant.limit / 100
        self.others = grant.others / 100
        self.until_ns = until_ns

    def lower(self, amount: float) -> None:
        """Use no more than so much from now on; before the ledger is told that it is less."""
        self.amount = min(self.amount, amount)

    def need(self, value: float) -> None:
        """Note what an order would have needed, and have more asked for."""
        if value > self.needed:
            self.needed = value
        self.on_need()

    def end(self, why: str) -> None:
        """Let nothing more than reducing pass, whatever the time is."""
        self.until_ns = 0
        self.refused = why
