"""What becomes of alerts: taken on, told, climbing, acknowledged, over."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import sqlalchemy as sa

from nautilus_lab.exceptions import InputError, MessageError, StoreError
from nautilus_lab.platform.messages import AlertRaised, Envelope, Severity
from nautilus_lab.platform.store._aside import Damaged, noticing_damage, put_aside, read
from nautilus_lab.platform.store._database import intact
from nautilus_lab.platform.store._desk import DeskStore
from nautilus_lab.platform.store._rows import (
    AlertCursor,
    AlertRow,
    AlertStep,
    DeliveryEvent,
    DeliveryRow,
    check_choice,
)
from nautilus_lab.platform.store._schema import driver_of
from nautilus_lab.platform.store._statement import insert_new, merge
from nautilus_lab.platform.store._tables import alert_cursors, alert_steps, alerts, deliveries

_BY = "monitor"
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
# A storm is worked off in parts: others write to the same store, and wait some seconds at most.
_AT_ONCE = 250
_HIGHEST = 4
_MOST_ATTEMPTS = 2**31
# A repeat that comes after so long a silence is told as a new one.
_QUIET_NS = 3_600 * 1_000_000_000
_LONGEST_NOTE = 500


@dataclass(frozen=True, kw_only=True)
class AlertPlan:
    """What is to be done about an alert.

    Attributes
    ----------
    rank : int
        How high it stands, 0 to 4.
    channels : tuple of str
        Where it is told now.
    climbs_ns : int or None
        When it climbs unless somebody acknowledges it; None for never.
    tighten : str
        What its trader is tightened to; empty for nothing.
    """

    rank: int
    channels: tuple[str, ...]
    climbs_ns: int | None = None
    tighten: str = ""


class AlertLedger:
    """The alerts of a desk store, as their monitor works them off.

    Every method is one transaction, and what it decides it decides from what is stored: a monitor
    that was killed at any moment goes on where it was, and two that run at once do no harm. A row
    that does not read as what was written is set aside, told of by a critical alert, and stops
    none of the others.

    Parameters
    ----------
    desk : DeskStore
        Where they stand.
    """

    def __init__(self, desk: DeskStore) -> None:
        self._desk = desk

    def check(self) -> None:
        """Raise `StoreError` when the store cannot be written now."""
        with self._desk.writing("checking that it can be written"):
            pass

    # --- coming in ------------------------------------------------------------------------

    def cursors(self, trader: str) -> tuple[AlertCursor, ...]:
        """Return how far the alerts of a trader's store were entered."""
        wanted = sa.select(alert_cursors).where(alert_cursors.c.trader == trader)
        with self._desk.reading("reading how far alerts were read") as connection:
            rows = connection.execute(wanted).mappings().all()
        with intact(repr(self._desk)):
            return tuple(
                [AlertCursor(**{k: row[k] for k in AlertCursor.__slots__}) for row in rows]
            )

    def enter(
        self, trader: str, rows: Iterable[AlertRow], cursors: Iterable[AlertCursor] = ()
    ) -> None:
        """Enter what a trader's processes raised; what is here already stays as it is."""
        told = [asdict(row) for row in rows]
        moved = [asdict(cursor) | {"trader": trader} for cursor in cursors]
        with self._desk.writing("entering alerts") as connection:
            enter = insert_new(alerts, connection.dialect)
            for values in told:
                enter(driver_of(connection), values)
            if moved:
                connection.execute(merge(alert_cursors, connection.dialect), moved)

    def take(
        self, plan: Callable[[AlertRow], AlertPlan], *, now_ns: int | None = None
    ) -> tuple[AlertRow, ...]:
        """Take on what nobody has: count repeats, close what is over, say where the rest is told.

        Of one rule, component, trader and scope one alert is open at a time. The same level again
        is a repeat and only counted; another level takes its place, and climbs on where it was;
        "ok" closes it, and is told wherever it was. What comes after somebody acknowledged, or
        after an hour of silence, is new. Some hundreds are taken on at a time: what is critical
        first, with what came before it of the same, the rest as it came.

        Parameters
        ----------
        plan : callable
            Says what is to be done about a new one.
        now_ns : int, optional
            When, UNIX nanoseconds UTC; now when not given.

        Returns
        -------
        tuple of AlertRow
            What was taken on, as it stands then, the oldest first; the repeats, too.
        """
        now = time.time_ns() if now_ns is None else now_ns
        with self._desk.reading("looking for new alerts") as connection:
            if connection.scalar(sa.select(sa.true()).where(_UNTAKEN).limit(1)) is None:
                return ()
        with self._desk.writing("taking on alerts") as connection, intact(repr(self._desk)):
            rows = _untaken(connection, now)
            taking = _Taking(connection, now, plan)
            taken = tuple([taking.take(row) for row in rows])
            taking.finish()
            return taken

    # --- going out ------------------------------------------------------------------------

    def resume(self, channels: Iterable[str], *, now_ns: int | None = None) -> int:
        """Have what was being sent when a monitor ended sent again; drop what has no channel.

        Returns
        -------
        int
            How many deliveries were dropped.
        """
        now = time.time_ns() if now_ns is None else now_ns
        waiting = deliveries.c.state.in_(("pending", "sending"))
        gone = waiting & deliveries.c.channel.not_in(sorted(channels))
        with self._desk.writing("going on with deliveries") as connection:
            dropped = connection.execute(
                sa.update(deliveries)
                .where(gone)
                .values(state="dropped", ended_ns=now, error="its channel is not configured")
            )
            connection.execute(
                sa.update(deliveries)
                .where(deliveries.c.state == "sending")
                .values(state="pending", next_ns=now, error="nobody knows whether it arrived")
            )
            return int(dropped.rowcount)

    def begin(
        self, channel: str, *, now_ns: int | None = None
    ) -> tuple[DeliveryRow, AlertRow] | None:
        """Begin a delivery on `channel` that is due; None when none is.

        Of what is due the most severe is first, and of that what is due longest.
        """
        now = time.time_ns() if now_ns is None else now_ns
        with self._desk.reading("looking what is due") as connection:
            if _first_due(connection, channel, now) is None:
                return None
        with self._desk.writing("beginning a delivery") as connection, intact(repr(self._desk)):
            for _ in range(_AT_ONCE):
                number = _first_due(connection, channel, now)
                if number is None:
                    return None
                try:
                    begun, alert = _due(connection, number)
                except Damaged as error:
                    put_aside(connection, deliveries, [(number, str(error))], now)
                    continue
                connection.execute(_this(begun).values(state=begun.state, attempts=begun.attempts))
                return begun, alert
        return None

    def note(self, delivery: DeliveryRow) -> None:
        """Note what became of a delivery that was begun."""
        values = {
            name: getattr(delivery, name) for name in ("state", "next_ns", "ended_ns", "error")
        }
        with self._desk.writing("noting a delivery") as connection:
            connection.execute(_this(delivery).values(**values))

    def next_delivery_ns(self, channel: str) -> int | None:
        """Return when the next delivery on `channel` is due; None when none waits."""
        with self._desk.reading("looking what waits") as connection:
            found = [
                connection.scalar(
                    sa.select(sa.func.min(deliveries.c.next_ns)).where(*_waiting(channel, severity))
                )
                for severity in _SEVERITIES
            ]
        return min((one for one in found if one is not None), default=None)

    def deliveries(self, alert_ids: Sequence[str]) -> tuple[DeliveryRow, ...]:
        """Return the deliveries of alerts, the oldest first."""
        wanted = (
            sa.select(deliveries)
            .where(deliveries.c.alert_id.in_(alert_ids))
            .order_by(deliveries.c.created_ns, deliveries.c.rank, deliveries.c.channel)
        )
        with self._desk.reading("reading deliveries") as connection:
            rows = connection.execute(wanted).mappings().all()
        with intact(repr(self._desk)):
            return tuple([DeliveryRow(**row) for row in rows])

    def steps(self, alert_id: str) -> tuple[AlertStep, ...]:
        """Return what became of an alert, the oldest first."""
        columns = (alert_steps.c[name] for name in AlertStep.__slots__)
        wanted = sa.select(*columns).where(alert_steps.c.alert_id == alert_id)
        with self._desk.reading("reading what became of an alert") as connection:
            rows = connection.execute(wanted.order_by(alert_steps.c.id)).mappings().all()
        with intact(repr(self._desk)):
            return tuple([AlertStep(**row) for row in rows])

    # --- climbing -------------------------------------------------------------------------

    def climb(
        self, plan: Callable[[AlertRow], AlertPlan], *, now_ns: int | None = None
    ) -> tuple[AlertRow, ...]:
        """Let climb what nobody acknowledged in time, each one rank; returns it as it stands then.

        What is overdue longest climbs first, some hundreds at a time: call it until nothing does.

        Parameters
        ----------
        plan : callable
            Says what is to be done about one at its next rank.
        now_ns : int, optional
            When, UNIX nanoseconds UTC; now when not given.
        """
        now = time.time_ns() if now_ns is None else now_ns
        overdue = (
            sa.select(alerts)
            .where(alerts.c.climbs_ns <= now, *_OPEN)
            .order_by(alerts.c.climbs_ns, alerts.c.id)
            .limit(_AT_ONCE)
        )
        with self._desk.reading("looking what is overdue") as connection:
            if connection.scalar(overdue.with_only_columns(sa.true()).limit(1)) is None:
                return ()
        climbed = []
        with self._desk.writing("letting alerts climb") as connection, intact(repr(self._desk)):
            for before in read(connection, alerts, overdue, _alert, now):
                planned = plan(before)
                after = _planned(before, planned)
                _change(connection, after, "rank", "climbs_ns", "tighten")
                _tell(connection, after, "escalated", planned.channels, now)
                why = f"nobody acknowledged it at L{before.rank}"
                _step(connection, after.id, now, "escalated", _BY, f"to L{after.rank}: {why}")
                climbed.append(after)
        return tuple(climbed)

    def next_climb_ns(self) -> int | None:
        """Return when the next alert climbs; None when none does."""
        wanted = sa.select(sa.func.min(alerts.c.climbs_ns)).where(*_OPEN)
        with self._desk.reading("looking what climbs") as connection:
            found: int | None = connection.scalar(wanted)
        return found

    def set_back(self, by_ns: int) -> None:
        """Put what waits for a time forward: the machine's clock was set back by so much."""
        waiting = sa.update(deliveries).where(deliveries.c.state == "pending")
        climbing = sa.update(alerts).where(alerts.c.climbs_ns.is_not(None), *_OPEN)
        with self._desk.writing("following a clock that was set back") as connection:
            connection.execute(waiting.values(next_ns=deliveries.c.next_ns - by_ns))
            connection.execute(climbing.values(climbs_ns=alerts.c.climbs_ns - by_ns))

    def to_tighten(self) -> tuple[AlertRow, ...]:
        """Return the alerts because of which a trader is still to be tightened."""
        wanted = sa.select(alerts).where(alerts.c.tighten != "").order_by(alerts.c.ts_ns)
        return self._alerts("looking who is to be tightened", wanted)

    def standing(self, component: str) -> tuple[AlertRow, ...]:
        """Return what a component raised that is not over by itself, the oldest first."""
        wanted = sa.select(alerts).where(
            alerts.c.component == component,
            alerts.c.closed_ns.is_(None),
            alerts.c.repeat_of.is_(None),
            alerts.c.level != "ok",
        )
        return self._alerts("looking what stands", wanted.order_by(alerts.c.ts_ns))

    def _alerts(self, doing: str, wanted: sa.Select[Any]) -> tuple[AlertRow, ...]:
        try:
            with self._desk.reading(doing) as connection, noticing_damage():
                found = connection.execute(wanted).mappings().all()
                return tuple([_alert(row) for row in found])
        except Damaged:
            with self._desk.writing(doing) as connection:
                return tuple(read(connection, alerts, wanted, _alert, time.time_ns()))

    def tightened(self, alert_ids: Sequence[str], what: str) -> None:
        """Note that a trader was tightened because of these alerts."""
        done = {"ts_ns": time.time_ns(), "what": "tightened", "by": _BY, "text": what}
        for begin in range(0, len(alert_ids), _AT_ONCE):
            ids = alert_ids[begin : begin + _AT_ONCE]
            with self._desk.writing("noting who was tightened") as connection:
                undone = sa.update(alerts).where(alerts.c.id.in_(ids))
                connection.execute(undone.values(tighten=""))
                steps = [{"alert_id": one, **done} for one in ids]
                connection.execute(sa.insert(alert_steps), steps)

    # --- people ---------------------------------------------------------------------------

    def acknowledge(self, alert_id: str, *, by: str, note: str = "") -> AlertRow:
        """Say that `by` has seen to an alert, which ends its climb; who said so first stays.

        Parameters
        ----------
        alert_id : str
            Which; of a repeat the one that it repeats is meant.
        by : str
            Who.
        note : str, default=""
            What was found or done, on one line, 500 characters at most.

        Raises
        ------
        InputError
            When nobody is named, or the note is no such line.
        StoreError
            When there is no such alert.
        """
        _check_said(by, note)
        now = time.time_ns()
        with self._desk.writing("acknowledging an alert") as connection:
            first = _first(connection, alert_id)
            done = connection.execute(
                sa.update(alerts)
                .where(alerts.c.id == first, alerts.c.acknowledged_ns.is_(None))
                .values(
                    acknowledged_by=by,
                    acknowledged_ns=now,
                    note=note,
                    climbs_ns=None,
                    tighten="",
                )
            )
            if done.rowcount:
                _step(connection, first, now, "acknowledged", by, note)
            row = connection.execute(sa.select(alerts).where(alerts.c.id == first)).mappings()
            stored = row.one()
        with intact(repr(self._desk)):
            return AlertRow(**stored)

    def to_acknowledge(self, alert_id: str, *, by: str, note: str = "") -> AlertRow:
        """Return the alert that `acknowledge` would mean, as it stands; raises as that does."""
        _check_said(by, note)
        with self._desk.reading("looking what is acknowledged") as connection:
            first = _first(connection, alert_id)
            row = connection.execute(sa.select(alerts).where(alerts.c.id == first)).mappings()
            stored = row.one()
        with intact(repr(self._desk)):
            return AlertRow(**stored)


class _Taking:
    """Taking on alerts within a transaction; a storm of repeats costs little more than one."""

    def __init__(
        self, connection: sa.Connection, now_ns: int, plan: Callable[[AlertRow], AlertPlan]
    ) -> None:
        self._connection = connection
        self._now_ns = now_ns
        self._plan = plan
        # trader, component, rule, scope -> what is not over of it, the oldest first
        self._standing: dict[tuple[object, ...], list[AlertRow]] = {}
        self._counted: dict[str, AlertRow] = {}  # id -> a first one that was repeated
        self._repeats: list[dict[str, str]] = []

    def take(self, row: AlertRow) -> AlertRow:
        standing = self._of(row)
        if row.level == "ok":
            return self._recover(row, standing)
        open_ = [one for one in standing if one.acknowledged_ns is None]
        for one in open_:
            if one.level == row.level and row.ts_ns - (one.last_ns or one.ts_ns) <= _QUIET_NS:
                return self._repeat(row, one, standing)
        planned = self._plan(row)
        taken = _planned(replace(row, taken_ns=self._now_ns), planned)
        for one in standing:
            self._close(one, "superseded", f"by {row.id}")
        if higher := [one for one in open_ if one.rank > taken.rank]:
            taken = replace(taken, rank=max(one.rank for one in higher))
        if deadlines := [one.climbs_ns for one in open_ if one.climbs_ns is not None]:
            # One that goes back and forth between two must not begin its climb anew each time.
            taken = replace(taken, climbs_ns=min([taken.climbs_ns or deadlines[0], *deadlines]))
        if undone := [one.tighten for one in open_ if one.tighten]:
            taken = replace(taken, tighten=undone[-1])
        _change(self._connection, taken, "taken_ns", "rank", "climbs_ns", "tighten")
        _tell(self._connection, taken, "raised", planned.channels, self._now_ns)
        told = ", ".join(planned.channels) or "nobody"
        self._note(taken, "taken", f"at L{taken.rank}, told to {told}")
        standing[:] = [taken]
        return taken

    def finish(self) -> None:
        """Write what was gathered."""
        if not self._repeats:
            return
        for first in self._counted.values():
            _change(self._connection, first, "count", "last_ns")
        self._connection.execute(
            sa.update(alerts)
            .where(alerts.c.id == sa.bindparam("of_id"))
            .values(repeat_of=sa.bindparam("of"), taken_ns=self._now_ns),
            self._repeats,
        )

    def _of(self, row: AlertRow) -> list[AlertRow]:
        """Return what is known of the same rule and scope, and is not over."""
        key = tuple([getattr(row, name) for name in _KEY])
        if (known := self._standing.get(key)) is not None:
            return known
        wanted = sa.select(alerts).where(
            *(alerts.c[name] == value for name, value in zip(_KEY, key, strict=True)),
            alerts.c.taken_ns.is_not(None),
            alerts.c.closed_ns.is_(None),
            alerts.c.repeat_of.is_(None),
            # What has no levels is over when somebody acknowledged it.
            (alerts.c.level != "") | alerts.c.acknowledged_ns.is_(None),
        )
        found = read(
            self._connection, alerts, wanted.order_by(alerts.c.ts_ns), _alert, self._now_ns
        )
        self._standing[key] = found
        return found

    def _repeat(self, row: AlertRow, first: AlertRow, standing: list[AlertRow]) -> AlertRow:
        counted = replace(first, count=first.count + 1, last_ns=row.ts_ns)
        self._counted[first.id] = standing[standing.index(first)] = counted
        self._repeats.append({"of_id": row.id, "of": first.id})
        return replace(row, repeat_of=first.id, taken_ns=self._now_ns)

    def _recover(self, row: AlertRow, standing: list[AlertRow]) -> AlertRow:
        told = sa.select(deliveries.c.channel).where(
            deliveries.c.alert_id.in_([one.id for one in standing])
        )
        channels = tuple(sorted(set(self._connection.scalars(told).all())))
        for one in standing:
            self._close(one, "recovered", f"as {row.id} says")
        standing.clear()
        over = replace(row, taken_ns=self._now_ns, closed_ns=self._now_ns)
        _change(self._connection, over, "taken_ns", "closed_ns")
        # Of what nobody was told nobody need hear that it is over, but for the log.
        channels = channels or self._plan(row).channels
        _tell(self._connection, over, "recovered", channels, self._now_ns)
        self._note(over, "taken", f"told to {', '.join(channels) or 'nobody'}")
        return over

    def _close(self, row: AlertRow, what: str, text: str) -> None:
        closed = replace(row, closed_ns=self._now_ns, climbs_ns=None, tighten="")
        _change(self._connection, closed, "closed_ns", "climbs_ns", "tighten")
        self._note(row, what, text)

    def _note(self, row: AlertRow, what: str, text: str) -> None:
        _step(self._connection, row.id, self._now_ns, what, _BY, text)


_alert_number = sa.literal_column("alerts.rowid", sa.Integer)
_delivery_number = sa.literal_column("deliveries.rowid", sa.Integer)
_KEY = ("trader", "component", "rule", "scope")
_UNTAKEN = alerts.c.taken_ns.is_(None)
# Literally: an index of some rows is used where the statement says which.
_URGENT = alerts.c.severity == sa.literal_column("'critical'")
_SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")
_OPEN = (
    alerts.c.acknowledged_ns.is_(None),
    alerts.c.closed_ns.is_(None),
    alerts.c.repeat_of.is_(None),
)


def alert_of(event: Envelope, source: str, trader: str) -> AlertRow:
    """Return the row of an alert that a node raised.

    It is the matter of `trader`, in whose store it stands, whatever the event says: what follows
    from it must not meet another.

    Raises
    ------
    MessageError
        When it carries no alert.
    """
    body = event.body
    if not isinstance(body, AlertRaised):
        raise MessageError("an alert's topic must carry an alert", value=event.topic)
    if not _ID.fullmatch(event.id):
        # It stands in headers and addresses from here on.
        raise MessageError("the id of an alert must be plain", value=event.id[:80])
    return AlertRow(
        id=event.id,
        ts_ns=event.ts,
        severity=body.severity,
        component=body.component,
        trader=trader,
        rule=body.rule,
        detail=body.detail,
        remedy=body.remedy,
        scope=body.scope,
        level=body.level,
        source=source,
    )


def _alert(row: sa.RowMapping) -> AlertRow:
    made = AlertRow(**row)
    if not _ID.fullmatch(made.id):
        raise InputError("the id of an alert must be plain", value=made.id[:80])
    if not 0 <= made.rank <= _HIGHEST:
        raise InputError(f"the rank of an alert must lie in [0, {_HIGHEST}]", value=made.rank)
    return made


def _untaken(connection: sa.Connection, now_ns: int) -> list[AlertRow]:
    """Return what is taken on next; of one matter never a later one before an earlier one."""
    # By the numbers of their rows: what stands in them may be no text.
    urgent = (
        sa.select(_alert_number, sa.func.min(alerts.c.ts_ns))
        .where(_UNTAKEN, _URGENT)
        .group_by(*(alerts.c[name] for name in _KEY))
        .order_by(sa.func.min(alerts.c.ts_ns))
        .limit(_AT_ONCE)
    )
    oldest = sa.select(_alert_number).select_from(alerts).where(_UNTAKEN)
    oldest = oldest.order_by(alerts.c.ts_ns, alerts.c.id)
    one = alerts.alias("one")
    numbers: list[int] = []
    found = connection.scalars(urgent).all()
    for number in found:
        this = sa.literal_column("one.rowid", sa.Integer) == number
        same = (
            alerts.c[name] == sa.select(one.c[name]).where(this).scalar_subquery() for name in _KEY
        )
        # Each its share: a storm of one holds up no other.
        numbers += connection.scalars(oldest.where(*same).limit(_AT_ONCE // len(found)))
    others = oldest.where(_alert_number.not_in(numbers)).limit(_AT_ONCE - len(numbers))
    numbers += connection.scalars(others)
    wanted = sa.select(alerts).where(_alert_number.in_(numbers))
    return read(connection, alerts, wanted.order_by(alerts.c.ts_ns, alerts.c.id), _alert, now_ns)


def _waiting(channel: str, severity: Severity) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        deliveries.c.channel == channel,
        deliveries.c.state == "pending",
        deliveries.c.severity == severity,
    )


def _first_due(connection: sa.Connection, channel: str, now_ns: int) -> int | None:
    """Return the number of the delivery that is due first."""
    for severity in _SEVERITIES:
        wanted = (
            sa.select(_delivery_number)
            .select_from(deliveries)
            .where(*_waiting(channel, severity), deliveries.c.next_ns <= now_ns)
            .order_by(deliveries.c.next_ns, deliveries.c.alert_id, deliveries.c.rank)
            .limit(1)
        )
        number: int | None = connection.scalar(wanted)
        if number is not None:
            return number
    return None


def _due(connection: sa.Connection, number: int) -> tuple[DeliveryRow, AlertRow]:
    """Return a delivery as it begins, and its alert; raises `Damaged`."""
    with noticing_damage():
        this = sa.select(deliveries).where(_delivery_number == number)
        row = DeliveryRow(**connection.execute(this).mappings().one())
        check_choice("the event of a delivery", row.event, DeliveryEvent)
        if not (0 <= row.rank <= _HIGHEST and 0 <= row.attempts < _MOST_ATTEMPTS):
            raise Damaged(f"rank {row.rank}, {row.attempts} attempts")
        wanted = sa.select(alerts).where(alerts.c.id == row.alert_id)
        alert = connection.execute(wanted).mappings().one_or_none()
        if alert is None:
            raise Damaged("its alert is gone")
        return replace(row, state="sending", attempts=row.attempts + 1), _alert(alert)


def _planned(row: AlertRow, plan: AlertPlan) -> AlertRow:
    return replace(row, rank=plan.rank, climbs_ns=plan.climbs_ns, tighten=plan.tighten)


def _change(connection: sa.Connection, row: AlertRow, *names: str) -> None:
    values = {name: getattr(row, name) for name in names}
    connection.execute(sa.update(alerts).where(alerts.c.id == row.id).values(**values))


def _tell(
    connection: sa.Connection,
    row: AlertRow,
    event: DeliveryEvent,
    channels: Sequence[str],
    now_ns: int,
) -> None:
    for channel in channels:
        made = DeliveryRow(
            alert_id=row.id,
            rank=row.rank,
            channel=channel,
            severity=row.severity,
            event=event,
            created_ns=now_ns,
            next_ns=now_ns,
        )
        connection.execute(sa.insert(deliveries), asdict(made))


def _step(
    connection: sa.Connection, alert_id: str, ts_ns: int, what: str, by: str, text: str
) -> None:
    connection.execute(
        sa.insert(alert_steps),
        {"alert_id": alert_id, "ts_ns": ts_ns, "what": what, "by": by, "text": text},
    )


def _check_said(by: str, note: str) -> None:
    if not by:
        raise InputError("an alert must be acknowledged by somebody", value=repr(by))
    if len(note) > _LONGEST_NOTE or not note.isprintable():
        raise InputError(
            f"a note must have up to {_LONGEST_NOTE} printable characters, on one line",
            value=note[:60],
        )


def _first(connection: sa.Connection, alert_id: str) -> str:
    """Return the alert that is meant: of a repeat the one that it repeats."""
    found = sa.func.coalesce(alerts.c.repeat_of, alerts.c.id)
    first: str | None = connection.scalar(sa.select(found).where(alerts.c.id == alert_id))
    if first is None:
        raise StoreError(
            "an alert must be there to be acknowledged",
            value=alert_id,
            remedy="see which there are: nautilus-lab alerts",
        )
    return first


def _this(delivery: DeliveryRow) -> sa.Update:
    return sa.update(deliveries).where(
        deliveries.c.alert_id == delivery.alert_id,
        deliveries.c.rank == delivery.rank,
        deliveries.c.channel == delivery.channel,
    )
