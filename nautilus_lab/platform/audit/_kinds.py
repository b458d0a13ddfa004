"""What has a row in an audit trail: each kind, who writes it, and what makes it happen."""

from __future__ import annotations

from dataclasses import dataclass

NODE, OPERATORS, GATEWAY = "node", "operators", "gateway"


@dataclass(frozen=True)
class AuditKind:
    """A kind of rows.

    Attributes
    ----------
    event : str
        What happens, as people speak of it.
    kind : str
        What its rows are called; one that ends in ``"*"`` stands for all that begin so.
    chains : tuple of str
        Whose chains have it.
    when : str
        When it is written, and what is particular to it.
    """

    event: str
    kind: str
    chains: tuple[str, ...]
    when: str


# In the order of the page; its table is made of this, and a test has each of them happen.
KINDS: tuple[AuditKind, ...] = (
    AuditKind("a node begins", "trading.begun", (NODE,), "version, code, host, pid, epoch, book"),
    AuditKind("settings", "node.settings", (NODE,), "as a node begins: hash, changed keys"),
    AuditKind("limits", "limits.book", (NODE,), "as a node begins: all, and what changed since"),
    AuditKind("a node ends", "node.stop", (NODE,), "somebody asked for it"),
    AuditKind("a node ends", "node.ended", (NODE,), "it did, in order"),
    AuditKind("order command", "order.intent", (NODE,), "with the intent, before it leaves"),
    AuditKind("order denial", "order.denied", (NODE,), "by the gate, or its strategy is closed"),
    AuditKind("order command", "order.cancel", (NODE,), "after it left; no cancel waits for a row"),
    AuditKind("fill", "order.filled", (NODE,), "with the fill, in its transaction"),
    AuditKind("refused command", "command.refused", (NODE, GATEWAY), "no right to it, or no token"),
    AuditKind("breaker, halt, kill", "trading.state", (NODE,), "each move of what may be traded"),
    AuditKind("resume", "trading.resume_asked", (NODE,), "by the first of two, of a killed trader"),
    AuditKind("resume", "trading.resume", (NODE,), "before it holds, over books that agree"),
    AuditKind("resume", "trading.resume_refused", (NODE,), "and which amounts differ"),
    AuditKind("limit adjustment", "limit.adjusted", (NODE,), "each change, with its inputs"),
    AuditKind("limit adjustment", "limit.proposed", (NODE,), "somebody asked for a looser one"),
    AuditKind("limit adjustment", "limit.withdrawn", (NODE,), "and took it back"),
    AuditKind("lease", "lease.granted", (NODE,), "of a firm limit, with its token"),
    AuditKind("lease", "lease.shrunk", (NODE,), "it is smaller than it was"),
    AuditKind("lease", "lease.expired", (NODE,), "nothing increases any more, and why"),
    AuditKind("lease", "lease.rested", (NODE,), "a node ends, and gave back what it did not use"),
    AuditKind("lease", "lease.released", (OPERATORS,), "somebody gave up what a dead node held"),
    AuditKind("drawdown", "equity.high_water", (NODE,), "the highest, as it rises or is accepted"),
    AuditKind("breach", "limit.breach", (NODE,), "a monitored limit is exceeded"),
    AuditKind("acknowledgement", "alert.acknowledged", (OPERATORS,), "before it holds: who, what"),
    AuditKind("strategy", "strategy.disabled", (NODE,), "by a limit, and again as a node begins"),
    AuditKind("strategy", "strategy.enabled", (NODE,), "by a person, before it holds, and why"),
    AuditKind("strategy", "strategy.*", (NODE,), "each stage, with the hash of its source"),
    AuditKind("targets", "targets.*", (NODE,), "a table of targets is taken, before it is traded"),
    AuditKind("operator console", "operator.cell", (NODE,), "before the cell is run"),
    AuditKind("reconciliation", "book.differs", (NODE,), "a venue has another amount than we do"),
    AuditKind("reconciliation", "book.agrees", (NODE,), "and no more"),
    AuditKind("secret access", "key.read", (NODE, GATEWAY), "a key was read; never its value"),
    AuditKind("login", "session.opened", (GATEWAY,), "roles, token id, address"),
    AuditKind("failed login", "session.refused", (GATEWAY,), "why, and from where"),
    AuditKind("failed login", "connection.refused", (GATEWAY,), "foreign page or host, too many"),
    AuditKind("session", "session.ended", (GATEWAY,), "for cause: taken back, expired, too slow"),
    AuditKind("a gateway begins", "gateway.begun", (GATEWAY,), "version, code, host, settings"),
    AuditKind("a gateway ends", "gateway.ended", (GATEWAY,), "in order"),
    AuditKind("checkpoints", "audit.begun", (NODE, GATEWAY), "the first one that a process saw"),
    AuditKind("audit gap", "audit.gap", (NODE, GATEWAY), "the first row after nothing could be"),
    AuditKind("triggers", "audit.guards", (NODE, GATEWAY), "not as made; what was put back"),
    AuditKind("verification", "audit.verified", (OPERATORS,), "it holds; if not: findings.jsonl"),
    AuditKind("export", "audit.exported", (OPERATORS,), "before the file is written"),
    AuditKind("archive", "audit.archived", (OPERATORS,), "with the rows that go"),
    AuditKind("archive", "audit.discarded", (OPERATORS,), "before the file is deleted"),
    AuditKind("legal hold", "audit.hold", (OPERATORS,), "from when to when, and why"),
    AuditKind("legal hold", "audit.release", (OPERATORS,), "and why"),
)

# What a desk would look for and not find: there is no such thing here to tell of yet.
NOT_YET: tuple[tuple[str, str], ...] = (
    ("data-source failover", "one feed per venue so far; its loss degrades the node"),
    ("hash of a model", "no learned model decides anything yet"),
)


def kinds_table() -> str:
    """Return the kinds as a table in Markdown."""
    lines = ["| What happens | Row | Chain | When, and with what |", "|---|---|---|---|"]
    for one in KINDS:
        chains = ", ".join(one.chains)
        lines.append(f"| {one.event} | `{one.kind}` | {chains} | {one.when} |")
    lines += [f"| {event} | none yet | | {why} |" for event, why in NOT_YET]
    return "\n".join(lines) + "\n"


def is_known(kind: str, chain: str) -> bool:
    """Whether rows of `kind` are among those that `chain` has."""
    return any(
        chain in one.chains
        and (kind == one.kind or (one.kind.endswith("*") and kind.startswith(one.kind[:-1])))
        for one in KINDS
    )
