"""What a row is written because of: the command that is being done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class _Cause:
    facts: Mapping[str, object]
    over: bool = False  # timers and tasks that were begun meanwhile keep the context


_present: ContextVar[_Cause | None] = ContextVar("audit cause", default=None)


@contextmanager
def because(facts: Mapping[str, object]) -> Iterator[None]:
    """Have the rows that are appended meanwhile say under ``"asked"`` what they are because of.

    Parameters
    ----------
    facts : mapping
        Who asked for what: the command and its id, the roles, the token's id.

    Examples
    --------
    >>> from nautilus_lab.platform.audit import AuditTrail
    >>> from nautilus_lab.platform.store import TradingStore
    >>> with TradingStore.open(":memory:") as store, because({"command": "risk.halt"}):
    ...     AuditTrail(store).append("trading.state", {"state": "HALTED"}, actor="ana").body
    '{"asked":{"command":"risk.halt"},"state":"HALTED"}'
    """
    cause = _Cause(facts)
    token = _present.set(cause)
    try:
        yield
    finally:
        cause.over = True
        _present.reset(token)


def present_cause() -> Mapping[str, object] | None:
    """Return what is being done; None when nothing was asked for."""
    cause = _present.get()
    return None if cause is None or cause.over else cause.facts


def with_cause(body: Mapping[str, object]) -> dict[str, object]:
    """Return `body` and what it is because of."""
    facts = present_cause()
    return dict(body) if facts is None else {**body, "asked": dict(facts)}
