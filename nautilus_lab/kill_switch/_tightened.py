"""What became of a trader that was to do less."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from nautilus_lab.platform.rundir import Standing

Tighter: TypeAlias = Literal["REDUCE_ONLY", "HALTED", "KILLED"]


@dataclass(frozen=True, kw_only=True)
class Tightened:
    """What a trader may do after it was tightened.

    Attributes
    ----------
    trader : str
        The trader id.
    state : {"REDUCE_ONLY", "HALTED", "KILLED"}
        What holds: as tight as was asked for, or tighter where it was so before.
    reason, by : str
        Why, and who said so.
    latched : bool
        Whether it is on the disk, and holds for every later start too.
    node : str
        ``"told"``, ``"does not run"``, or why its node could not be told; it reads the latch.
    cancelling : int
        How many orders the node was made to cancel.
    pulled : int
        How many orders the venues cancelled on being asked directly, since no node answered.
    unanswered : tuple of str
        Which venues were asked directly and did not answer, or do not run. What works at one that
        does not answer works on until somebody reaches it; one that does not run fills nothing.
    moved : bool
        Whether this is what made it so; False when it was as tight before, for that `reason`.
    """

    trader: str
    state: Standing
    reason: str
    by: str
    latched: bool
    node: str
    cancelling: int = 0
    pulled: int = 0
    unanswered: tuple[str, ...] = ()
    moved: bool = True

    def __str__(self) -> str:
        held = f"{self.state} ({self.reason})"
        held = f"is {held}" if self.moved else f"was {held} before and stays so"
        node = f"; node {self.node}"
        if self.cancelling:
            node += f", {_orders(self.cancelling)} cancelled"
        pulled = f"; {_orders(self.pulled)} cancelled at the venue" if self.pulled else ""
        away = f"; {', '.join(self.unanswered)}" if self.unanswered else ""
        latch = "" if self.latched else "; NOT in its latch: a restart forgets it"
        return f"{self.trader} {held}{node}{pulled}{away}{latch}"


def _orders(count: int) -> str:
    return "1 order is" if count == 1 else f"{count} orders are"
