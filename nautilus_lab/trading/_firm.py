"""What the nodes of a home hold of its firm limits, as a person sees it; asks no process."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from nautilus_lab.config import Settings
from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.access import Principal
from nautilus_lab.platform.rundir import Home

if TYPE_CHECKING:
    from nautilus_lab.platform.store import LeaseEventRow
    from nautilus_lab.risk.leases import Lease, Moment


@dataclass(frozen=True, kw_only=True)
class FirmLease:
    """A node's part of a firm limit.

    Attributes
    ----------
    limit, node : str
        Of what, and whose.
    amount, used : float
        What the node may use, and what it used when it was heard last; account currency.
    declared : float
        The firm's limit as the node was told it; the smallest of all holds.
    token : int
        Of the process that holds it.
    expires_ns : int
        When it ends unless it is renewed, UNIX nanoseconds.
    state : str
        ``"held"`` by a node that runs; ``"doubt"``: expired, and counted in full until its node
        or a person says otherwise; ``"fenced"``: what an older process of the node could still
        fill; ``"rested"``: of a node that stopped; ``"released"`` by a person.
    """

    limit: str
    node: str
    amount: float
    used: float
    declared: float
    token: int
    expires_ns: int
    state: str


def firm_leases(settings: Settings) -> tuple[FirmLease, ...]:
    """Return the leases of a workspace, by limit and node; none where none was ever taken.

    Raises
    ------
    StoreError
        When the ledger cannot be read, or was lost.
    """
    from nautilus_lab.trading._leases import HomeLedger, require_ledger

    home = Home(settings.home_path)
    require_ledger(home.leases)
    if not home.leases.exists():
        return ()
    with closing(HomeLedger.open(home.leases, read_only=True)) as ledger:
        now = ledger.now
        return tuple(_as_seen(one, now) for one in ledger.leases())


def firm_lease_log(
    settings: Settings, *, node: str | None = None, most: int | None = 20
) -> tuple[LeaseEventRow, ...]:
    """Return what became of the leases of a workspace, the latest first.

    Raises
    ------
    InputError
        When `most` is not positive.
    StoreError
        When the ledger cannot be read.
    """
    from nautilus_lab.platform.store import LeaseStore
    from nautilus_lab.trading._leases import require_ledger

    home = Home(settings.home_path)
    require_ledger(home.leases)
    if not home.leases.exists():
        return ()
    with LeaseStore.open(home.leases, read_only=True) as store:
        return store.events(node=node, most=most)


def release_leases(settings: Settings, node: str, reason: str) -> tuple[FirmLease, ...]:
    """Give up what a node holds that will not come back; who did it, and why, is kept.

    Its positions and orders are still where they were: see to them first. What the node uses is
    counted again when it does come back. Its orders keep those of other nodes from trading with
    them no more.

    Parameters
    ----------
    settings : Settings
        The workspace's.
    node : str
        The trader's id.
    reason : str
        Why, and what was done about its positions.

    Returns
    -------
    tuple of FirmLease
        What was given up; none of a node that only rested orders.

    Raises
    ------
    InputError
        When it holds and rests nothing, its lease still runs, or there is no reason.
    NodeAlreadyRunning
        When it runs.
    StoreError
        When the ledger cannot be written; or the node's audit trail: it is released then, and
        stands in the ledger's own log alone.
    """
    from nautilus_lab.platform.audit import AuditFiles, AuditKeeper
    from nautilus_lab.trading._lease_trail import audited_change
    from nautilus_lab.trading._leases import HomeLedger

    home = Home(settings.home_path)
    if not reason.strip():
        raise InputError("the release of a lease needs a reason", value=reason, remedy="say why")
    rundir = home.trader(node)
    timeout, by = settings.store.busy_timeout_ms, Principal.owner().name
    held = any(one.node == node and one.state != "released" for one in firm_leases(settings))
    given_up: tuple[FirmLease, ...] = ()
    if held:
        audited = partial(audited_change, home)
        opened = HomeLedger.open(home.leases, busy_timeout_ms=timeout, audited=audited)
        with closing(opened) as ledger:
            events = ledger.release(node, by=by, reason=reason)
            given_up = tuple(_as_seen(event.lease, ledger.now) for event in events)
        rundir.interest.unlink(missing_ok=True)
    elif rundir.interest.exists():
        with rundir.node_lock:  # nobody else says that it does not run
            rundir.interest.unlink(missing_ok=True)
    else:
        raise InputError(
            "a node must hold a lease, or rest an order, to be released of it",
            value=node,
            remedy="see who holds which: nautilus-lab leases",
        )
    if rundir.store.exists():
        keeper = AuditKeeper(AuditFiles.of(settings, node), by=by, busy_timeout_ms=timeout)
        for one in given_up:
            facts = {"limit": one.limit, "token": str(one.token), "reason": reason}
            amounts = {"amount": f"{one.amount:.2f}", "used": f"{one.used:.2f}"}
            keeper.note("lease.released", facts | amounts)
        if not given_up:
            keeper.note("interest.released", {"reason": reason})
    return given_up


def _as_seen(one: Lease, now: Moment) -> FirmLease:
    over = one.state == "held" and one.expires.reached(now)
    return FirmLease(
        limit=one.limit,
        node=one.node,
        amount=one.amount / 100,
        used=one.used / 100,
        declared=one.declared / 100,
        token=one.token,
        expires_ns=one.expires.wall_ns,
        state="doubt" if over else one.state,
    )
