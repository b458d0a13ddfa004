"""What every engine promises: a name, a health, and one life cycle."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, runtime_checkable

from nautilus_lab.exceptions import LifecycleError

__all__ = ["Engine", "Health", "Lifecycle", "LiveEngine", "State"]


class State(Enum):
    """Where an engine is in its life."""

    READY = "ready"
    STARTING = "starting"
    RUNNING = "running"
    DEGRADED = "degraded"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAULTED = "faulted"


# state -> the states it may move to
_MOVES: dict[State, frozenset[State]] = {
    State.READY: frozenset({State.STARTING, State.STOPPED}),
    State.STARTING: frozenset({State.RUNNING, State.DEGRADED, State.STOPPING, State.FAULTED}),
    State.RUNNING: frozenset({State.DEGRADED, State.STOPPING, State.FAULTED}),
    State.DEGRADED: frozenset({State.RUNNING, State.STOPPING, State.FAULTED}),
    State.STOPPING: frozenset({State.STOPPED, State.FAULTED}),
    State.STOPPED: frozenset({State.STARTING}),
    State.FAULTED: frozenset({State.STOPPING, State.STARTING}),
}


@dataclass(frozen=True, kw_only=True)
class Health:
    """How an engine is.

    Attributes
    ----------
    state : State
        Where it is in its life.
    detail : str
        One line for a person; empty when all is well.
    since_ns : int
        When it entered `state`, UNIX nanoseconds UTC.
    """

    state: State
    detail: str = ""
    since_ns: int = 0

    @property
    def ok(self) -> bool:
        """Whether the engine does its work now."""
        return self.state in (State.READY, State.RUNNING)


@runtime_checkable
class Engine(Protocol):
    """An engine that answers calls: no background work, always READY."""

    @property
    def name(self) -> str:
        """The name the engine goes by in tables, topics and logs."""
        ...

    def health(self) -> Health:
        """Report how the engine is; cheap, never raises, never blocks."""
        ...


@runtime_checkable
class LiveEngine(Engine, Protocol):
    """An engine with work of its own that starts and stops."""

    async def start(self) -> object:
        """Begin; return when RUNNING or raise with the engine FAULTED."""
        ...

    async def stop(self) -> None:
        """End within a deadline; calling it twice is harmless."""
        ...


@dataclass(kw_only=True)
class Lifecycle:
    """The state of one live engine; refuses moves that the life cycle does not have.

    Examples
    --------
    >>> life = Lifecycle(owner="streaming")
    >>> life.move(State.STARTING)
    >>> life.move(State.RUNNING)
    >>> life.state.value
    'running'
    """

    owner: str
    state: State = State.READY
    detail: str = ""
    since_ns: int = field(default_factory=time.time_ns)

    def move(self, state: State, detail: str = "") -> None:
        """Enter `state`.

        Raises
        ------
        LifecycleError
            When the life cycle has no such move.
        """
        if state not in _MOVES[self.state]:
            allowed = ", ".join(sorted(s.value for s in _MOVES[self.state]))
            raise LifecycleError(
                f"{self.owner} can go from {self.state.value} to {allowed}",
                value=state.value,
                remedy="check health() before asking",
            )
        self.state, self.detail, self.since_ns = state, detail, time.time_ns()

    def health(self) -> Health:
        """Return the state as a `Health`."""
        return Health(state=self.state, detail=self.detail, since_ns=self.since_ns)
