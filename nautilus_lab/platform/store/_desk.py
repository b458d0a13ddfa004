"""The store that the processes of a lab share: principals, the ledger of runs, alerts."""

from __future__ import annotations

import json
import math
import time
import uuid
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.messages import AlertLevel, Severity, new_id
from nautilus_lab.platform.store._database import intact
from nautilus_lab.platform.store._file import StoreFile
from nautilus_lab.platform.store._rows import (
    OPEN_RUNS,
    AlertRow,
    PrincipalRow,
    RunRow,
    RunStatus,
    check_choice,
)
from nautilus_lab.platform.store._schema import DESK
from nautilus_lab.platform.store._statement import merge
from nautilus_lab.platform.store._tables import alerts, principals, runs


class DeskStore(StoreFile):
    """What the processes of a lab share, in one file.

    Any process and any thread may use it: every method is one short transaction, and a write
    waits for another's up to the busy time-out. Open one per process, after a fork.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, DeskStore.open(f"{folder}/desk.db") as desk:
    ...     desk.put_principal(PrincipalRow(name="ana", roles=("trader",), created_ns=1))
    ...     desk.principal("ana").roles
    ('trader',)
    """

    _schema = DESK

    # --- runs -----------------------------------------------------------------------------

    def add_run(self, run: RunRow) -> None:
        """Enter a run into the ledger.

        Raises
        ------
        InputError
            When its id is no UUID of version 7, or its parameters are no JSON.
        StoreError
            When the id is taken, or the store cannot write.
        """
        _check_run_id(run.run_id)
        row = asdict(run) | {"parameters": _json("the parameters of a run", run.parameters)}
        with self.writing("adding a run") as connection:
            if connection.scalar(sa.select(runs.c.run_id).where(runs.c.run_id == run.run_id)):
                raise StoreError(
                    "a run must have an id of its own",
                    value=run.run_id,
                    remedy="make one with messages.new_id()",
                )
            connection.execute(sa.insert(runs), row)

    def finish_run(
        self,
        run_id: str,
        *,
        status: RunStatus,
        seconds: float,
        output_path: str = "",
        html_path: str = "",
        error: str = "",
        ended_ns: int | None = None,
    ) -> RunRow:
        """Enter how a run ended, and return its row.

        Parameters
        ----------
        run_id : str
            The run.
        status : {"succeeded", "failed", "interrupted"}
            How it ended.
        seconds : float
            How long it took, measured by a monotonic clock.
        output_path, html_path : str
            What it left behind.
        error : str
            Why it failed.
        ended_ns : int, optional
            When, UNIX nanoseconds UTC; now when not given.

        Raises
        ------
        InputError
            When `status` is no end, or `seconds` no length of time.
        StoreError
            When there is no such run, or it has ended already.
        """
        check_choice("the status of a run", status, RunStatus)
        if status in OPEN_RUNS or not 0 <= seconds < math.inf:
            raise InputError(
                "a run must end with an end and a length of time", value=f"{status}, {seconds} s"
            )
        change = (
            sa.update(runs)
            .where(runs.c.run_id == run_id, runs.c.status.in_(sorted(OPEN_RUNS)))
            .values(
                status=status,
                seconds=seconds,
                output_path=output_path,
                html_path=html_path,
                error=error,
                ended_ns=time.time_ns() if ended_ns is None else ended_ns,
            )
            .returning(runs)
        )
        with self.writing("finishing a run") as connection:
            row = connection.execute(change).mappings().one_or_none()
            if row is None:
                raise StoreError(
                    "a run must be there and not have ended",
                    value=run_id,
                    remedy="add it first; it ends once",
                )
        with intact(self._where):
            return _run(row)

    def run(self, run_id: str) -> RunRow | None:
        """Return a run; None when there is none of that id."""
        with self.reading("reading a run") as connection:
            wanted = sa.select(runs).where(runs.c.run_id == run_id)
            row = connection.execute(wanted).mappings().one_or_none()
        with intact(self._where):
            return None if row is None else _run(row)

    def runs(
        self,
        *,
        notebook: str | None = None,
        status: RunStatus | None = None,
        limit: int | None = None,
    ) -> tuple[RunRow, ...]:
        """Return the runs, the latest first.

        Parameters
        ----------
        notebook, status : str, optional
            Only these.
        limit : int, optional
            At most so many.
        """
        if limit is not None and not limit > 0:
            raise InputError("limit must be positive", value=limit)
        wanted = sa.select(runs).order_by(runs.c.started_ns.desc(), runs.c.run_id.desc())
        if notebook is not None:
            wanted = wanted.where(runs.c.notebook == notebook)
        if status is not None:
            check_choice("the status of a run", status, RunStatus)
            wanted = wanted.where(runs.c.status == status)
        with self.reading("reading the runs") as connection:
            rows = connection.execute(wanted.limit(limit)).mappings().all()
        with intact(self._where):
            return tuple([_run(row) for row in rows])

    # --- principals -----------------------------------------------------------------------

    def put_principal(self, principal: PrincipalRow) -> None:
        """Add a principal, or change the one of that name; when it was added stays."""
        if not principal.name:
            raise InputError("a principal must have a name", value=principal)
        row = asdict(principal) | {
            "roles": _json("the roles of a principal", list(principal.roles))
        }
        with self.writing("putting a principal") as connection:
            connection.execute(merge(principals, connection.dialect, keep=("created_ns",)), row)

    def principal(self, name: str) -> PrincipalRow | None:
        """Return a principal; None when there is none of that name."""
        with self.reading("reading a principal") as connection:
            wanted = sa.select(principals).where(principals.c.name == name)
            row = connection.execute(wanted).mappings().one_or_none()
        with intact(self._where):
            return None if row is None else _principal(row)

    def principals(self) -> tuple[PrincipalRow, ...]:
        """Return every principal by name, the disabled ones too."""
        with self.reading("reading the principals") as connection:
            wanted = sa.select(principals).order_by(principals.c.name)
            rows = connection.execute(wanted).mappings().all()
        with intact(self._where):
            return tuple([_principal(row) for row in rows])

    # --- alerts ---------------------------------------------------------------------------

    def raise_alert(
        self,
        severity: Severity,
        component: str,
        rule: str,
        *,
        detail: str = "",
        remedy: str = "",
        trader: str = "",
        scope: str = "",
        level: AlertLevel = "",
        ts_ns: int | None = None,
    ) -> AlertRow:
        """Tell whoever watches that something is to be looked at; return it as stored.

        Parameters
        ----------
        severity : {"info", "warning", "critical"}
            How much it presses.
        component : str
            Who says so: ``"supervisor"``.
        rule, detail, remedy : str
            What must hold, what was found instead, and what to do.
        trader : str, default=""
            Whose matter it is; empty for the lab's own.
        scope, level : str, default=""
            Of what within the rule, and how bad it is of it; "ok" when it is over.
        ts_ns : int, optional
            When, UNIX nanoseconds UTC; now when not given.

        Raises
        ------
        InputError
            When `severity` is none, or it is not said who raises it and why.
        StoreError
            When the store cannot write.
        """
        if not component or not rule:
            raise InputError(
                "an alert must say who raises it and what must hold",
                value=f"{component!r}, {rule!r}",
            )
        alert = AlertRow(
            id=new_id(),
            ts_ns=time.time_ns() if ts_ns is None else ts_ns,
            severity=severity,
            component=component,
            trader=trader,
            rule=rule,
            detail=detail,
            remedy=remedy,
            scope=scope,
            level=level,
        )
        with self.writing("raising an alert") as connection:
            connection.execute(sa.insert(alerts), asdict(alert))
        return alert

    def alerts(
        self,
        *,
        trader: str | None = None,
        severity: Severity | None = None,
        component: str | None = None,
        open_only: bool = False,
        standing: bool = False,
        since_ns: int | None = None,
        limit: int | None = None,
    ) -> tuple[AlertRow, ...]:
        """Return the alerts, the latest first.

        Parameters
        ----------
        trader, severity, component : str, optional
            Only these.
        standing : bool, default=False
            Only those that are not over by themselves, acknowledged or not.
        open_only : bool, default=False
            Only those that nobody has acknowledged, that are not over and repeat no other.
        since_ns : int, optional
            Only those raised then or later, UNIX nanoseconds UTC.
        limit : int, optional
            At most so many.
        """
        if limit is not None and not limit > 0:
            raise InputError("limit must be positive", value=limit)
        wanted = sa.select(alerts).order_by(alerts.c.ts_ns.desc(), alerts.c.id.desc())
        if trader is not None:
            wanted = wanted.where(alerts.c.trader == trader)
        if severity is not None:
            check_choice("the severity of an alert", severity, Severity)
            wanted = wanted.where(alerts.c.severity == severity)
        if component is not None:
            wanted = wanted.where(alerts.c.component == component)
        if standing:
            wanted = wanted.where(
                alerts.c.closed_ns.is_(None), alerts.c.repeat_of.is_(None), alerts.c.level != "ok"
            )
        if open_only:
            wanted = wanted.where(
                alerts.c.acknowledged_ns.is_(None),
                alerts.c.closed_ns.is_(None),
                alerts.c.repeat_of.is_(None),
                alerts.c.level != "ok",
            )
        if since_ns is not None:
            wanted = wanted.where(alerts.c.ts_ns >= since_ns)
        with self.reading("reading the alerts") as connection:
            rows = connection.execute(wanted.limit(limit)).mappings().all()
        with intact(self._where):
            return tuple([AlertRow(**row) for row in rows])

    def alert_ids(self, *, trader: str | None, only: str | None = None) -> set[str]:
        """Return the ids of all alerts, of one trader, or the one that is asked for."""
        wanted = sa.select(alerts.c.id)
        if trader is not None:
            wanted = wanted.where(alerts.c.trader == trader)
        if only is not None:
            wanted = wanted.where(alerts.c.id == only)
        with self.reading("reading the ids of alerts") as connection:
            return set(connection.scalars(wanted).all())


def _check_run_id(run_id: str) -> None:
    try:
        version = uuid.UUID(run_id).version
    except ValueError:
        version = None
    if version != 7:
        raise InputError(
            "the id of a run must be a UUID of version 7",
            value=run_id,
            remedy="make one with messages.new_id()",
        )


def _json(what: str, value: object) -> str:
    try:
        return json.dumps(value, allow_nan=False, sort_keys=True, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{what} must be JSON: {error}", value=value) from None


def _run(row: sa.RowMapping) -> RunRow:
    fields: dict[str, Any] = dict(row)
    return RunRow(**fields | {"parameters": json.loads(row["parameters"])})


def _principal(row: sa.RowMapping) -> PrincipalRow:
    fields: dict[str, Any] = dict(row)
    return PrincipalRow(
        **fields | {"roles": tuple(json.loads(row["roles"])), "disabled": bool(row["disabled"])}
    )
