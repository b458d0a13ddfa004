"""What the stores hand out, and the one thing they take that is not a message."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.messages import AlertLevel, Severity
from nautilus_lab.platform.store._canonical import canonical_json

IntentState: TypeAlias = Literal[
    "INTENDED", "SENT", "UNKNOWN", "DENIED", "ACKNOWLEDGED", "REJECTED"
]
RunStatus: TypeAlias = Literal["queued", "running", "succeeded", "failed", "interrupted"]
DeliveryEvent: TypeAlias = Literal["raised", "escalated", "recovered"]
DeliveryState: TypeAlias = Literal["pending", "sending", "sent", "refused", "dropped"]

# an intent in one of these has no known outcome: recovery must ask the venue
OPEN_INTENTS: frozenset[IntentState] = frozenset({"INTENDED", "SENT", "UNKNOWN"})
OPEN_RUNS: frozenset[RunStatus] = frozenset({"queued", "running"})


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderIntent:
    """What is about to be done to an order, before it is done.

    Parameters
    ----------
    client_order_id : str
        The order.
    command : str
        ``"submit"``, ``"modify"``, ``"cancel"``.
    body : dict
        The order's facts, for a restart to work from. Numbers are Decimals or integers.
    state : IntentState, default="INTENDED"
        ``"DENIED"`` for a command that was refused and is kept for the record.

    Attributes
    ----------
    text : str
        `body` as canonical JSON: journal and audit row both have it.

    Raises
    ------
    InputError
        When `body` has no canonical JSON: a float, a NaN.
    """

    client_order_id: str
    command: str
    body: dict[str, object]
    state: IntentState = "INTENDED"
    text: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_choice("the state of an intent", self.state, IntentState)
        object.__setattr__(self, "text", canonical_json(self.body))


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalRow:
    """An order intent as it stands in the journal.

    Attributes
    ----------
    id : int
        Its number, ascending, never used twice.
    client_order_id, command : str
        The order, and what was to be done to it.
    body : dict
        The order's facts; Decimals come back as the strings they were stored as.
    ts_ns : int
        When it was written, UNIX nanoseconds UTC.
    state : IntentState
        ``"INTENDED"``, ``"SENT"`` and ``"UNKNOWN"`` have no known outcome yet.
    """

    id: int
    client_order_id: str
    command: str
    body: dict[str, object]
    ts_ns: int
    state: IntentState


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditRow:
    """One link of an audit chain; `nautilus_lab.platform.audit` makes and verifies them.

    Attributes
    ----------
    chain : str
        The chain's id, the name of its writer.
    seq : int
        The row's number in the chain, from 1, without gaps.
    ts_ns : int
        When it happened, UNIX nanoseconds UTC.
    actor : str
        Who did it: a principal, or a process.
    kind : str
        What happened, dotted: ``"order.intent"``.
    body : str
        The facts, as canonical JSON.
    prev, hash : bytes
        SHA-256 of the row before (32 zero bytes for the first) and of this one.
    """

    chain: str
    seq: int
    ts_ns: int
    actor: str
    kind: str
    body: str
    prev: bytes
    hash: bytes


# An audit row as its columns, in the order of the fields of `AuditRow`. A tampered file may hold
# any type in them.
AuditValues: TypeAlias = tuple[str, int, int, str, str, str, bytes, bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditArchived:
    """The note that the beginning of a chain stands in an archive, and may be gone from the store.

    Attributes
    ----------
    chain : str
        The chain's id.
    seq : int
        The last row that is archived.
    hash : bytes
        Its hash.
    file : str
        The archive's name.
    sha256 : bytes
        Of the archive's bytes.
    ts_ns : int
        When it was noted, UNIX nanoseconds UTC.
    """

    chain: str
    seq: int
    hash: bytes
    file: str
    sha256: bytes
    ts_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandRow:
    """A command that was begun once, and how it ended.

    Attributes
    ----------
    id : str
        The command's id.
    fingerprint : str
        The hash of what it asked, and of who asked.
    name, principal : str
        What was asked, and who did.
    begun_ns : int
        When, UNIX nanoseconds UTC.
    ended_ns : int or None
        When it ended; None while that is not known.
    result : bytes or None
        The encoded `Result`; None while there is none.
    """

    id: str
    fingerprint: str
    name: str
    principal: str
    begun_ns: int
    ended_ns: int | None = None
    result: bytes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertRow:
    """Something that somebody should look at, whoever raised it.

    Attributes
    ----------
    id : str
        UUID version 7, so that ids sort by time; of a node's alert the id of its event.
    ts_ns : int
        When it was raised, UNIX nanoseconds UTC.
    severity : {"info", "warning", "critical"}
        How much it presses.
    component, trader : str
        Who raised it, and whose matter it is; empty for the lab's own.
    rule, detail, remedy : str
        What must hold, what was found instead, and what to do.
    acknowledged_by, acknowledged_ns : str or None, int or None
        Who has seen to it, and when; None while nobody has.
    scope, level : str
        Of what, within the rule, and how bad it is of it: ``"warn"``, ``"critical"``,
        ``"breach"``, or ``"ok"`` when it is over. Both empty where a rule has no levels.
    source : str
        The store it was raised in, within the home: ``"desk.db"`` or
        ``"traders/PAPER-001/trading.db"``.
    note : str
        What was said when it was acknowledged.
    repeat_of : str or None
        The alert that it repeats, which counts it; it is not told again.
    count : int
        How often it was raised while it was open.
    last_ns : int or None
        When it was raised last; None when that was once.
    taken_ns : int or None
        When the monitor took it on; None while it has not.
    closed_ns : int or None
        When it was over by itself: it recovered, or a later one took its place.
    rank : int
        How high it climbed, 0 to 4.
    climbs_ns : int or None
        When it climbs further unless somebody acknowledges it.
    tighten : str
        What its trader is still to be tightened to because of it.
    """

    id: str
    ts_ns: int
    severity: Severity
    component: str
    trader: str
    rule: str
    detail: str
    remedy: str
    acknowledged_by: str | None = None
    acknowledged_ns: int | None = None
    scope: str = ""
    level: AlertLevel = ""
    source: str = "desk.db"
    note: str = ""
    repeat_of: str | None = None
    count: int = 1
    last_ns: int | None = None
    taken_ns: int | None = None
    closed_ns: int | None = None
    rank: int = 0
    climbs_ns: int | None = None
    tighten: str = ""

    def __post_init__(self) -> None:
        check_choice("the severity of an alert", self.severity, Severity)
        check_choice("the level of an alert", self.level, AlertLevel)

    @property
    def is_open(self) -> bool:
        """Whether somebody should still look at it."""
        return (self.acknowledged_ns, self.closed_ns, self.repeat_of) == (None, None, None)


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertCursor:
    """How far the alerts of one writer of a trading store were read.

    Attributes
    ----------
    writer : str
        Which process of the trader.
    epoch, seq : int
        The last event that was looked at.
    event_id : str
        Its id: where it is another, the store is another.
    """

    writer: str
    epoch: int
    seq: int
    event_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryRow:
    """One alert on one channel.

    Attributes
    ----------
    alert_id, channel : str
        Which, and where to.
    rank : int
        How high the alert had climbed.
    severity : {"info", "warning", "critical"}
        How much the alert presses: of what is due, what presses most is delivered first.
    event : {"raised", "escalated", "recovered"}
        What is told.
    state : {"pending", "sending", "sent", "refused", "dropped"}
        ``"sending"`` found by a later process means that nobody knows; ``"refused"`` was answered
        for good, ``"dropped"`` was tried for too long, or its channel is gone.
    attempts : int
        How often it was begun.
    created_ns, next_ns : int
        Since when it is to be told, and when it is tried next, UNIX nanoseconds UTC.
    ended_ns : int or None
        When it was sent, refused or dropped.
    error : str
        What went wrong last.
    """

    alert_id: str
    rank: int
    channel: str
    severity: Severity
    event: DeliveryEvent
    state: DeliveryState = "pending"
    attempts: int = 0
    created_ns: int
    next_ns: int
    ended_ns: int | None = None
    error: str = ""

    @property
    def id(self) -> str:
        """What a receiver knows it by, however often it comes."""
        return f"{self.alert_id}.{self.rank}.{self.channel}"


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertStep:
    """One line of what became of an alert.

    Attributes
    ----------
    ts_ns : int
        When, UNIX nanoseconds UTC.
    what : str
        ``"taken"``, ``"escalated"``, ``"tightened"``, ``"acknowledged"``, ``"recovered"``, ...
    by : str
        Who did it.
    text : str
        More of it.
    """

    ts_ns: int
    what: str
    by: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class GapRow:
    """Events that a history lacks, because nobody could supply them.

    Attributes
    ----------
    trader, writer : str
        Whose events.
    epoch, seq : int
        The last one before them; (0, 0) when there is none.
    next_epoch, next_seq : int
        The first one after them.
    why : str
        Why they could not be had.
    ts_ns : int
        When that was found, UNIX nanoseconds UTC.
    """

    trader: str
    writer: str
    epoch: int
    seq: int
    next_epoch: int
    next_seq: int
    why: str
    ts_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PrincipalRow:
    """Somebody, or something, that may be given rights.

    Attributes
    ----------
    name : str
        Unique.
    roles : tuple of str
        What it may do, by role.
    created_ns : int
        When it was added, UNIX nanoseconds UTC.
    disabled : bool
        Whether it is shut out.
    """

    name: str
    roles: tuple[str, ...]
    created_ns: int
    disabled: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRow:
    """One run of a notebook.

    Attributes
    ----------
    run_id : str
        UUID version 7, so that ids sort by time.
    notebook : str
        The notebook, relative to the workspace.
    parameters : dict
        What was injected; JSON values.
    notebook_sha256, data_manifest_hash : str
        What ran, and on which data.
    git_revision, kernel : str
        The code's revision (empty outside a repository) and the kernelspec.
    output_path, html_path : str
        What the run left behind; empty while there is nothing.
    status : RunStatus
        ``"queued"`` and ``"running"`` are open; the others are ends.
    started_ns, ended_ns : int, int or None
        UNIX nanoseconds UTC.
    seconds : float or None
        How long it took, by a clock that nobody sets.
    error : str
        Why it failed; empty when it did not.
    attempt : int
        1 for the first.
    """

    run_id: str
    notebook: str
    parameters: dict[str, object]
    notebook_sha256: str
    git_revision: str
    kernel: str
    data_manifest_hash: str
    output_path: str = ""
    html_path: str = ""
    status: RunStatus = "running"
    started_ns: int
    ended_ns: int | None = None
    seconds: float | None = None
    error: str = ""
    attempt: int = 1

    def __post_init__(self) -> None:
        check_choice("the status of a run", self.status, RunStatus)


def check_choice(what: str, value: object, choices: object) -> None:
    """Raise `InputError` unless `value` is one of a Literal's."""
    allowed = get_args(choices)
    if value not in allowed:
        raise InputError(f"{what} must be one of {', '.join(allowed)}", value=value)
