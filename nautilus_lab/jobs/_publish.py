"""From research to orders: a run publishes the target weights that a node trades."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nautilus_lab.config import Settings, load_settings
from nautilus_lab.exceptions import InputError
from nautilus_lab.jobs._run import git_revision
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import DeskStore, RunRow
from nautilus_lab.trading import TargetTable, TradingEngine, target_table

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def publish_targets(
    weights: Mapping[str, float],
    *,
    universe: Iterable[str],
    as_of: datetime,
    valid_until: datetime,
    name: str = "targets",
    strategy: str = "",
    trader: str | None = None,
    root: Path | str | None = None,
) -> TargetTable:
    """Have a running node trade a table of target weights; called from a notebook.

    The table is dated, covers its universe, and is hashed; it carries the run that made it, where
    a scheduled run or `Lab.run` executes the notebook. The node refuses it when its data are too
    old or of the future, when it is partial, changed on the way, or older than the one it trades.

    Parameters
    ----------
    weights : mapping of str to float
        symbol -> fraction of equity, for every symbol of `universe`; what shall not be held is 0.
    universe : iterable of str
        What was decided on.
    as_of : datetime
        The instant up to which data were used; without a zone it is UTC.
    valid_until : datetime
        From when on the table is not traded any more: then no orders are sent until there is a
        new one.
    name : str, default="targets"
        What it is called in tables and in the audit trail.
    strategy : str, optional
        The id of the strategy that shall trade it, where several take tables.
    trader : str, optional
        Whose node; the workspace's own when not given.
    root : path, optional
        The workspace; found from the current folder when not given.

    Returns
    -------
    TargetTable
        As the node took it.

    Raises
    ------
    InputError
        When the table breaks a rule, here or in the node; the one that was traded is traded on.
    NodeNotRunning
        When no node runs.
    """
    settings = load_settings(root)
    run = _this_run(settings)
    table = target_table(
        weights,
        universe=universe,
        as_of_ns=_ns("as_of", as_of),
        valid_until_ns=_ns("valid_until", valid_until),
        name=name,
        strategy=strategy,
        run_id=run.run_id if run is not None else "",
        notebook=run.notebook if run is not None else "",
        code_version=run.git_revision if run is not None else git_revision(settings.root),
    )
    engine = TradingEngine(settings)
    await (engine if trader is None else engine.trader(trader)).publish_targets(table)
    return table


def _this_run(settings: Settings) -> RunRow | None:
    """Return the run that this process works for; None when it works for none."""
    run_id = os.environ.get("NL_RUN", "")
    if not run_id:
        return None
    timeout_ms = settings.store.busy_timeout_ms
    with DeskStore.open(Home(settings.home_path).store, busy_timeout_ms=timeout_ms) as desk:
        return desk.run(run_id)


def _ns(what: str, instant: datetime) -> int:
    if not isinstance(instant, datetime):
        raise InputError(
            f"{what} must be a datetime",
            value=instant,
            remedy="pass prices.index[-1], or datetime(2026, 3, 2, 14, 31)",
        )
    aware = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
    return int((aware - _EPOCH) // timedelta(microseconds=1)) * 1_000
