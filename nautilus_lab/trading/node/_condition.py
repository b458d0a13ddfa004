"""How a node is: its life cycle, and what is amiss at the moment."""

from __future__ import annotations

from collections.abc import Callable

from nautilus_lab.engine import Lifecycle, State


class NodeCondition:
    """The life cycle of a node that is DEGRADED exactly as long as something is amiss.

    Parameters
    ----------
    owner : str
        Whose life it is, for errors and logs.
    tell : callable, optional
        Called with state and reason whenever either changed.
    """

    def __init__(self, owner: str, tell: Callable[[str, str], None] = lambda *_: None) -> None:
        self.life = Lifecycle(owner=owner)
        self.tell = tell
        self.note = ""  # what is worth saying while all is well
        self._amiss: dict[str, str] = {}  # what -> why, the oldest first

    def __repr__(self) -> str:
        return f"NodeCondition({self.state.value}, {self.detail!r})"

    @property
    def state(self) -> State:
        """Where the node is in its life."""
        return self.life.state

    @property
    def detail(self) -> str:
        """One line for a person: all that is amiss, or why the node ends, or the note."""
        return "; ".join(self._amiss.values()) or self.life.detail or self.note

    def move(self, state: State, detail: str = "") -> None:
        """Enter another state of the life cycle, and tell it."""
        self.life.move(state, detail)
        self.tell(state.value, detail)
        if state is State.RUNNING and self._amiss:
            self._settle()

    def amiss(self, what: str, why: str) -> None:
        """Note that something is not as it should be; kept before the node runs as well."""
        if self._amiss.get(what) != why:
            self._amiss[what] = why
            self._settle()

    def mended(self, what: str) -> None:
        """Note that it is as it should be again."""
        if self._amiss.pop(what, None) is not None:
            self._settle()

    def remark(self, note: str) -> None:
        """Tell what is worth knowing though nothing is amiss."""
        if note != self.note:
            self.note = note
            if self.state in (State.RUNNING, State.DEGRADED):
                self.tell(self.state.value, self.detail)

    def _settle(self) -> None:
        if self.state not in (State.RUNNING, State.DEGRADED):
            return
        wanted = State.DEGRADED if self._amiss else State.RUNNING
        if wanted is not self.state:
            self.life.move(wanted)
        self.tell(wanted.value, self.detail or "recovered")
