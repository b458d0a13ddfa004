"""How a firm's limit is shared out: what each request makes of the leases there are.

All of it is arithmetic over the leases of one moment; a `Ledger` reads them, decides and writes
within one transaction. Two rules keep the sum within the limit whatever the order of requests,
who crashes and what a clock says:

* A lease counts in full until its node, or a person, says otherwise. Time alone frees nothing.
* A lease gets larger only by what nobody else's takes, and never smaller than its node knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from nautilus_lab.exceptions import InputError, LeaseRefused
from nautilus_lab.risk.leases._lease import Ask, Grant, Lease, Moment

Happening: TypeAlias = Literal["granted", "shrunk", "taken over", "expired", "rested", "released"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LeaseEvent:
    """What became of a lease.

    Attributes
    ----------
    happening : str
        ``"granted"``, ``"shrunk"``, ``"taken over"``, ``"expired"``, ``"rested"``, ``"released"``.
    lease : Lease
        As it was after that; of one that was taken over, what the older process could still fill.
    by, reason : str
        Who did it, and why if a person did.
    """

    happening: Happening
    lease: Lease
    by: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What a request makes of the leases.

    Attributes
    ----------
    put, drop : tuple of Lease
        To be written, by limit and token; to be taken out.
    events : tuple of LeaseEvent
        What became of which.
    grants : tuple of Grant
        The answer, one for each ask.
    """

    put: tuple[Lease, ...] = ()
    drop: tuple[Lease, ...] = ()
    events: tuple[LeaseEvent, ...] = ()
    grants: tuple[Grant, ...] = ()


def taken(
    leases: Sequence[Lease], asks: Iterable[Ask], *, token: int, now: Moment, span_ns: int
) -> Decision:
    """Begin leases for a process of a node; what an older one holds is refused from now on.

    Until the older one's time is over it may not have heard of that: what it could still fill is
    kept from everybody, the new one included.

    Raises
    ------
    LeaseRefused
        When `token` is not larger than all before it.
    """
    put: list[Lease] = []
    drop: list[Lease] = []
    events: list[LeaseEvent] = []
    grants = []
    for ask in asks:
        among = [one for one in leases if one.limit == ask.limit]
        for one in among:
            if one.token >= token:
                raise LeaseRefused("a token must be larger than those before it", value=token)
        others = []
        for one in among:
            if one.node != ask.node:
                others.append(one)
            elif one.state == "fenced":
                (drop if one.expires.reached(now) else others).append(one)
            else:
                drop.append(one)
                room = replace(one, amount=max(0, one.amount - ask.used), used=0, needed=0)
                if one.state == "held" and room.amount and not one.expires.reached(now):
                    others.append(replace(room, state="fenced"))
                    put.append(others[-1])
                events.append(LeaseEvent(happening="taken over", lease=room, by=ask.node))
        nothing = Lease(
            limit=ask.limit,
            node=ask.node,
            token=token,
            amount=0,
            used=ask.used,
            needed=ask.needed,
            declared=ask.declared,
            expires=now.after(span_ns),
        )
        grant = _granted(nothing, ask, others, now)
        events += _changes(nothing, grant.lease)
        put.append(grant.lease)
        grants.append(grant)
    kept = [one for one in drop if (one.limit, one.token) not in {(p.limit, p.token) for p in put}]
    return Decision(put=tuple(put), drop=tuple(kept), events=tuple(events), grants=tuple(grants))


def renewed(
    leases: Sequence[Lease], asks: Iterable[Ask], *, token: int, now: Moment, span_ns: int
) -> Decision:
    """Prolong the leases of a process, and make them as large as asked for, if there is room.

    A lease that another node let expire is noted as one in doubt; it counts as before.

    Raises
    ------
    LeaseRefused
        When another process of the node has them, or a person released them.
    """
    put, drop, events, grants = [], [], [], []
    for ask in asks:
        among = [one for one in leases if one.limit == ask.limit]
        mine = _mine(among, ask, token)
        others = []
        for one in among:
            over = one.expires.reached(now)
            if one is mine:
                continue
            if over and one.state == "fenced":
                drop.append(one)
                continue
            if over and one.state == "held":
                one = replace(one, state="doubt")
                put.append(one)
                events.append(LeaseEvent(happening="expired", lease=one, by=ask.node))
            others.append(one)
        before = replace(mine, expires=now.after(span_ns), state="held")
        grant = _granted(before, ask, others, now)
        events += _changes(before, grant.lease)
        put.append(grant.lease)
        grants.append(grant)
    return Decision(put=tuple(put), drop=tuple(drop), events=tuple(events), grants=tuple(grants))


def rested(leases: Sequence[Lease], asks: Iterable[Ask], *, token: int, now: Moment) -> Decision:
    """Give back all but what is used, as a node does that stops; nobody uses more of it then.

    Raises
    ------
    LeaseRefused
        As `renewed`.
    """
    put, events = [], []
    for ask in asks:
        mine = _mine([one for one in leases if one.limit == ask.limit], ask, token)
        rest = replace(
            mine, amount=min(mine.amount, ask.used), used=ask.used, needed=0, expires=now
        )
        put.append(replace(rest, state="rested"))
        events.append(LeaseEvent(happening="rested", lease=put[-1], by=ask.node))
    return Decision(put=tuple(put), events=tuple(events))


def released(
    leases: Sequence[Lease], node: str, *, token: int, now: Moment, by: str, reason: str
) -> Decision:
    """Give up what a node holds that does not run; its token is refused from now on.

    Raises
    ------
    InputError
        When it holds nothing, its time is not over, or nobody says who does it and why.
    """
    if not by or not reason:
        raise InputError(
            "a lease is released by somebody, with a reason", value=f"{by!r}, {reason!r}"
        )
    its = [one for one in leases if one.node == node and one.state != "released"]
    if not its:
        raise InputError(
            "a node must hold a lease to be released of it",
            value=node,
            remedy="see who holds which: nautilus-lab leases",
        )
    running = [one for one in its if one.state != "rested" and not one.expires.reached(now)]
    if running:
        raise InputError(
            "a lease is released once it has expired",
            value=f"{node} holds {running[0].limit}, token {running[0].token}",
            remedy="stop the node, or wait until its lease is over",
        )
    put, events = [], []
    for one in its:
        if one.state != "fenced":
            events.append(LeaseEvent(happening="released", lease=one, by=by, reason=reason))
            put.append(
                replace(one, token=token, amount=0, used=0, needed=0, state="released", expires=now)
            )
    return Decision(put=tuple(put), drop=tuple(its), events=tuple(events))


def _mine(among: Iterable[Lease], ask: Ask, token: int) -> Lease:
    for one in among:
        if one.node == ask.node and one.token == token and one.state not in ("fenced", "released"):
            return one
    raise LeaseRefused(
        "a lease is renewed by the process that took it last",
        value=f"{ask.limit} of {ask.node}, token {token}",
        remedy="see who holds it now: nautilus-lab leases",
    )


def _granted(mine: Lease, ask: Ask, others: Sequence[Lease], now: Moment) -> Grant:
    counting = [o for o in others if o.claim(now) or not o.expires.reached(now)]
    limit = min([ask.declared, *[o.declared for o in counting if o.state != "fenced"]])
    room = max(0, limit - sum(o.claim(now) for o in others))
    # Until it hears of this answer, its node goes by the smaller of what it has and what it wants.
    amount = max(min(mine.amount, ask.wanted), min(ask.wanted, room))
    lease = replace(mine, amount=amount, used=ask.used, needed=ask.needed, declared=ask.declared)
    return Grant(
        lease=lease,
        limit=limit,
        room=room,
        others=sum(o.used for o in others),
        short=sum(max(0, min(o.needed, limit) - o.amount) for o in counting if o.state == "held"),
    )


def _changes(before: Lease, after: Lease) -> Iterable[LeaseEvent]:
    if after.amount != before.amount:
        happening: Happening = "granted" if after.amount > before.amount else "shrunk"
        yield LeaseEvent(happening=happening, lease=after, by=after.node)
