"""An operator's cells in the kernel of a node: asked for in the settings, audited, and marked."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from nautilus_lab.exceptions import LabError
from nautilus_lab.platform.access import Principal
from nautilus_lab.platform.commands import CommandClient
from nautilus_lab.platform.messages import Snapshot
from nautilus_lab.platform.telemetry import redacted
from nautilus_lab.trading.commands import NodeStatus
from nautilus_lab.trading.console import Cell, OperatorConsole, Output, Told

log = logging.getLogger(__name__)

_LONGEST_KEPT = 4_000  # characters of a cell that the audit row has; its hash is of all of it
_LARGEST_CELL = 1 << 20  # characters
_ASK_S = 5.0

Views = Callable[[], Awaitable[tuple[NodeStatus, Snapshot]]]


class OperatorCells:
    """Takes an operator's cells, writes each down before it runs, and says where it ran.

    A cell that cannot be written down is not run.

    Parameters
    ----------
    trader : str
        The trader id.
    views : callable
        Brings the node's status and snapshot.
    audit : callable
        Writes the audit row, as ``audit(kind, facts, actor=...)``: `AuditTrail.append`.
    console : OperatorConsole, optional
        Runs the cells.
    """

    def __init__(
        self,
        *,
        trader: str,
        views: Views,
        audit: Callable[..., object],
        console: OperatorConsole | None = None,
    ) -> None:
        self.trader = trader
        self.console = console or OperatorConsole()
        self._views = views
        self._audit = audit
        log.warning("the operator console of %s is open: cells are run beside the node", trader)

    async def run(self, code: str, tell: Callable[[Output], None]) -> dict[str, Any]:
        """Run a cell; returns what Jupyter calls the reply's content, without the count."""
        try:
            if len(code) > _LARGEST_CELL:
                return _error("InputError", f"a cell must have at most {_LARGEST_CELL} characters")
            status, snapshot = await self._views()
            self._write_down(code)
        except LabError as error:
            return _error(type(error).__name__, str(error))
        tell(Told("stderr", self._mark(status)))
        cell = Cell(code=code, trader=self.trader, status=status, snapshot=snapshot)
        ended = await self.console.run(cell, tell)
        log.warning("an operator's cell ended: %s", ended.ename or "ok")
        if ended.ename:
            return _error(ended.ename, ended.evalue, list(ended.traceback))
        return {"status": "ok", "payload": [], "user_expressions": {}}

    def _write_down(self, code: str) -> None:
        facts = {
            "code": redacted(code)[:_LONGEST_KEPT],
            "sha256": hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest(),
        }
        self._audit("operator.cell", facts, actor=Principal.owner().name)

    def _mark(self, status: NodeStatus) -> str:
        what = "SIMULATED" if status.simulated else "LIVE MONEY"
        return f"*** OPERATOR CONSOLE of {self.trader}, {what}: copies of a running node ***\n"


def views_of(address: str) -> Views:
    """Return what asks the node at `address` for its status and its snapshot."""
    client = CommandClient(address)

    async def views() -> tuple[NodeStatus, Snapshot]:
        status = await client.call("node.status", timeout_s=_ASK_S, answer=NodeStatus)
        return status, await client.call("node.snapshot", timeout_s=_ASK_S, answer=Snapshot)

    return views


def _error(name: str, text: str, lines: list[str] | None = None) -> dict[str, Any]:
    return {
        "status": "error",
        "ename": name,
        "evalue": text,
        "traceback": lines or [f"{name}: {text}"],
    }
