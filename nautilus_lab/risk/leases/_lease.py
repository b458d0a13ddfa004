"""What a node holds of a firm limit, what it asks for, and what it is given."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from nautilus_lab.exceptions import InputError

# Running; over its time, and held in doubt; what an older process of its node could still fill;
# given back by a node that stopped, up to what it holds; given up by a person.
LeaseState: TypeAlias = Literal["held", "doubt", "fenced", "rested", "released"]

# account currency; with it the hundredths of a hundred nodes fit 64 bits
MOST = 1e14


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """When something is, by two clocks: no step of the one that people set moves a lease.

    Attributes
    ----------
    wall_ns : int
        UNIX nanoseconds UTC, by which moments of different boots are compared.
    boot_ns : int
        Nanoseconds since the machine booted, suspended or not, the same for all its processes.
    boot : str
        Which boot that was.
    """

    wall_ns: int
    boot_ns: int
    boot: str

    def after(self, span_ns: int) -> Moment:
        """Return the moment so many nanoseconds later."""
        return Moment(
            wall_ns=self.wall_ns + span_ns, boot_ns=self.boot_ns + span_ns, boot=self.boot
        )

    def reached(self, now: Moment) -> bool:
        """Whether it is past `now`."""
        if now.boot == self.boot:
            return now.boot_ns >= self.boot_ns
        return now.wall_ns >= self.wall_ns


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """A node's part of a firm limit; money is in whole hundredths, so that sums are exact.

    Attributes
    ----------
    limit, node : str
        Of what, and whose: ``"max_gross_exposure"``, ``"PAPER-001"``.
    token : int
        Of the process that holds it. Later ones are larger, and an older one is refused.
    amount : int
        What the node may use.
    used : int
        What it used when it was heard last.
    needed : int
        What an order would have needed that was denied for want of it; 0 when none was.
    declared : int
        The limit as the node was told it. The smallest of all that count holds.
    expires : Moment
        When the node may do no more than reduce.
    state : {"held", "doubt", "fenced", "rested", "released"}
        How it stands.
    """

    limit: str
    node: str
    token: int
    amount: int
    used: int
    needed: int
    declared: int
    expires: Moment
    state: LeaseState = "held"

    def claim(self, now: Moment) -> int:
        """Return what nobody else may have; a lease that expired takes as much as before."""
        if self.state == "fenced":
            # Who could still fill it has known for a while that it is over.
            return 0 if self.expires.reached(now) else self.amount
        return max(self.amount, self.used)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """What a node tells of itself and asks for; hundredths, see `hundredths`.

    Attributes
    ----------
    limit, node : str
        Of what, and who asks.
    declared : int
        The limit as it was told.
    used : int
        What it uses, working orders included.
    wanted : int
        What it would like to have. It must not use more meanwhile.
    needed : int
        What an order needs that was denied; 0 when none was.
    """

    limit: str
    node: str
    declared: int
    used: int
    wanted: int
    needed: int = 0

    def __post_init__(self) -> None:
        if not self.limit or not self.node:
            raise InputError("a lease is of a limit and a node", value=repr(self))
        for name in ("declared", "used", "wanted", "needed"):
            value = getattr(self, name)
            if type(value) is not int or not 0 <= value <= MOST * 100:
                raise InputError(
                    f"{name} of a lease must be whole hundredths in [0, {MOST:.0e}] x 100",
                    value=value,
                    remedy="make it with hundredths(...)",
                )


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """What a node was given.

    Attributes
    ----------
    lease : Lease
        As it stands now.
    limit : int
        The firm's, the smallest that a node that counts was told.
    room : int
        What of it is not others'. Who holds more, since it was lowered, gives that back.
    others : int
        What others use, as they told it last.
    short : int
        What others need and have not got: who has some to spare gives it back.
    """

    lease: Lease
    limit: int
    room: int
    others: int
    short: int


def hundredths(money: float, *, up: bool) -> int:
    """Return an amount as whole hundredths; `up` for what is used, down for what is allowed.

    Raises
    ------
    InputError
        When it is not finite, below 0 or above `MOST`.

    Examples
    --------
    >>> hundredths(10.001, up=True), hundredths(10.009, up=False)
    (1001, 1000)
    """
    if not 0 <= money <= MOST:
        raise InputError(f"an amount of a lease must lie in [0, {MOST:.0e}]", value=money)
    # What a float adds beyond its digits is no hundredth of its own.
    exact = round(money * 100, 4)
    return math.ceil(exact) if up else math.floor(exact)
