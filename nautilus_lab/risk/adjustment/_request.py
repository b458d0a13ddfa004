"""A loosening: asked for by one person, granted by another, over by itself."""

from __future__ import annotations

import dataclasses
import math
import unicodedata
from dataclasses import dataclass
from typing import Literal, TypeAlias

from nautilus_lab.exceptions import AccessDenied, InputError, LifecycleError

# proposed -> approved | rejected | expired;  approved -> revoked | expired
LooseningState: TypeAlias = Literal["proposed", "approved", "rejected", "revoked", "expired"]

_NS = 1_000_000_000
_NEXT: dict[LooseningState, tuple[LooseningState, ...]] = {
    "proposed": ("approved", "rejected", "expired"),
    "approved": ("revoked", "expired"),
    "rejected": (),
    "revoked": (),
    "expired": (),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Loosening:
    """A request that a limit be looser than it stands, and what became of it.

    `DynamicLimit.propose` makes it, and `approve`, `reject`, `revoke` and `expire` move it; each
    returns another.

    Attributes
    ----------
    request_id : str
        What tells it from others; chosen by the caller.
    limit : str
        The limit that it is of, as `DynamicLimit.key` has it.
    to : float
        The part of the base that is asked for: 1.2 is a fifth beyond it.
    standing : float
        The part that the rule allowed when it was asked for; less than `to`. When the rule
        tightens further, what was granted tightens in proportion.
    requester : str
        Who asked.
    reason : str
        Why.
    proposed_ns, expires_ns : int
        UNIX nanoseconds. It is over then, approved or not.
    state : {"proposed", "approved", "rejected", "revoked", "expired"}
        Where it is.
    decided_by : str
        Who approved or rejected it, and is not who asked; empty before.
    decided_ns : int
        UNIX nanoseconds; 0 before.
    ended_by : str
        Who revoked it; empty otherwise.
    """

    request_id: str
    limit: str
    to: float
    standing: float
    requester: str
    reason: str
    proposed_ns: int
    expires_ns: int
    state: LooseningState = "proposed"
    decided_by: str = ""
    decided_ns: int = 0
    ended_by: str = ""

    def __post_init__(self) -> None:
        for name in ("request_id", "limit", "requester", "reason"):
            if not getattr(self, name).strip():
                raise InputError(f"{name} must be given", value=getattr(self, name))
        if not 0 <= self.standing < self.to < math.inf:
            raise InputError(
                "a loosening must be looser than what stands",
                value=f"{self.standing} to {self.to}",
                remedy="to tighten, change the limit",
            )
        if not self.expires_ns > self.proposed_ns:
            raise InputError("a loosening must expire later than it is asked for")
        if self.state == "approved" and not self.decided_by.strip():
            raise InputError("what is approved was approved by somebody")
        # However it was made: also read back from a file.
        if self.decided_by and self.state in ("approved", "revoked"):
            _another(self.requester, self.decided_by)

    def holds(self, now_ns: int) -> bool:
        """Whether it is approved, and not over."""
        return self.state == "approved" and self.decided_ns <= now_ns < self.expires_ns


def approve(request: Loosening, *, by: str, now_ns: int) -> Loosening:
    """Grant a loosening.

    Parameters
    ----------
    request : Loosening
        That is proposed.
    by : str
        Who grants it: another person than who asked, whatever the case of the letters.
    now_ns : int
        UNIX nanoseconds, before it expires.

    Raises
    ------
    AccessDenied
        When the requester approves.
    LifecycleError
        When it is not proposed any more, or over.
    InputError
        When nobody is named.

    Examples
    --------
    >>> asked = Loosening(request_id="1", limit="max_leverage", to=1.2, standing=1.0,
    ...                   requester="ann", reason="index rebalance", proposed_ns=0, expires_ns=9)
    >>> approve(asked, by="bob", now_ns=5).state
    'approved'
    >>> approve(asked, by="Ann ", now_ns=5)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    nautilus_lab.exceptions.AccessDenied: who asks does not approve; got ...
    """
    _named(by)
    _reach(request, "approved")
    _another(request.requester, by)
    if not request.proposed_ns <= now_ns < request.expires_ns:
        raise LifecycleError("a loosening is approved before it expires", value=now_ns)
    return dataclasses.replace(request, state="approved", decided_by=by, decided_ns=now_ns)


def reject(request: Loosening, *, by: str, now_ns: int) -> Loosening:
    """Refuse a loosening; who asked may take it back so.

    Raises
    ------
    LifecycleError
        When it is not proposed any more.
    InputError
        When nobody is named.
    """
    _named(by)
    _reach(request, "rejected")
    return dataclasses.replace(request, state="rejected", decided_by=by, decided_ns=now_ns)


def revoke(request: Loosening, *, by: str) -> Loosening:
    """End a loosening that was granted; anybody may, for it tightens.

    Raises
    ------
    LifecycleError
        When it is not approved.
    InputError
        When nobody is named.
    """
    _named(by)
    _reach(request, "revoked")
    return dataclasses.replace(request, state="revoked", ended_by=by)


def expire(request: Loosening, *, now_ns: int) -> Loosening:
    """Return it expired when its time is over, if it was proposed or approved; else as it is."""
    if now_ns < request.expires_ns or "expired" not in _NEXT[request.state]:
        return request
    return dataclasses.replace(request, state="expired")


def _reach(request: Loosening, state: LooseningState) -> None:
    if state not in _NEXT[request.state]:
        raise LifecycleError(
            f"what is {request.state} cannot become {state}", value=request.request_id
        )


def _named(by: str) -> None:
    if not by.strip():
        raise InputError("who decides must be named", value=by)


def _another(requester: str, approver: str) -> None:
    if _as_read(requester) == _as_read(approver):
        raise AccessDenied(
            "who asks does not approve",
            value=f"{requester!r} and {approver!r}",
            remedy="ask another person",
        )


def _as_read(name: str) -> str:
    # Letters of another width are no other person.
    return unicodedata.normalize("NFKC", name).strip().casefold()
