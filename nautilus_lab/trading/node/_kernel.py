"""A Jupyter kernel that trades and takes no code."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from ipykernel.ipkernel import IPythonKernel
from tornado.ioloop import IOLoop
from traitlets import Float

from nautilus_lab.trading.console import Output, Told
from nautilus_lab.trading.node._operator import OperatorCells

log = logging.getLogger(__name__)

_REFUSAL = (
    "This kernel hosts a trading node and runs no code. Attach from another notebook: "
    "desk = await nautilus_lab.connect()"
)
_ERROR = {"status": "error", "ename": "NodeRefusesCode", "evalue": _REFUSAL}


class NodeKernel(IPythonKernel):
    """Hosts a node on its event loop; refuses code, interrupts and stray shutdown requests.

    Nothing else runs on the loop the node trades on, which is what upstream's warning against
    live nodes in notebooks asks for. It ends only by ending its process: by the node's own
    stop, or by a signal from the supervisor.

    Where the settings ask for an operator console, code is handed to a process of its own.
    """

    implementation = "nautilus-lab-node"
    banner = "Nautilus Lab trading node"
    # set before launch: the coroutine that is the node's life; its result is the exit code
    work: ClassVar[Callable[[], Awaitable[int]] | None] = None
    # set once the node can say how it is, where an operator console was asked for
    operator: ClassVar[OperatorCells | None] = None

    # Upstream sleeps so long after each cell, on the loop that trades here.
    _execute_sleep = Float(0.0)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        # What runs code, or begins threads that do, is answered by a refusal; comms are not heard.
        for name in ("comm_open", "comm_msg", "comm_close"):
            self.shell_handlers[name] = self._ignore
        for name in ("create_subshell_request", "delete_subshell_request"):
            self.control_handlers[name] = self._refuse

    def start(self) -> None:
        """Start answering, and start the node."""
        super().start()  # type: ignore[no-untyped-call]
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        IOLoop.current().add_callback(self._begin)

    async def poll_stopped_queue(self) -> None:
        """Wait for no debugger."""

    def pre_handler_hook(self) -> None:
        """Leave the signals alone: upstream lets SIGINT through while a request is answered."""

    def post_handler_hook(self) -> None:
        """Leave the signals alone."""

    def _begin(self) -> None:
        self._life = asyncio.ensure_future(self._live())

    async def _live(self) -> None:
        code = 1
        try:
            work = type(self).work
            assert work is not None
            code = await work()
        except BaseException:
            log.exception("the node ended in an error")
        finally:
            logging.shutdown()
            # Nautilus' dispose() would stop the loop under our feet; the process ends instead.
            os._exit(code)

    async def do_execute(
        self, code: str, silent: bool, *args: Any, **kwargs: Any
    ) -> dict[str, Any]:
        """Refuse: no user code on the node's loop. An operator's runs elsewhere."""
        operator = type(self).operator
        if operator is None:
            reply = {**_ERROR, "traceback": [_REFUSAL]}
        else:
            reply = await operator.run(code, _nowhere if silent else self._tell)
        if reply["status"] == "error" and not silent:
            shown = {name: reply[name] for name in ("ename", "evalue", "traceback")}
            self.send_response(self.iopub_socket, "error", shown)  # type: ignore[no-untyped-call]
        return {**reply, "execution_count": self.execution_count}

    def _tell(self, output: Output) -> None:
        if isinstance(output, Told):
            kind = "stream"
            content: dict[str, Any] = {"name": output.name, "text": output.text}
        else:
            kind = "execute_result"
            count = self.execution_count
            content = {"data": output.data, "metadata": {}, "execution_count": count}
        self.send_response(self.iopub_socket, kind, content)  # type: ignore[no-untyped-call]

    async def do_complete(self, code: str, cursor_pos: int | None) -> dict[str, Any]:
        """Answer that nothing completes."""
        return {
            "status": "ok",
            "matches": [],
            "cursor_start": 0,
            "cursor_end": 0,
            "metadata": {},
        }

    async def do_inspect(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Answer that nothing is found."""
        return {"status": "ok", "found": False, "data": {}, "metadata": {}}

    async def do_history(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Answer that there is none: what this user typed elsewhere is nobody's business here."""
        return {"status": "ok", "history": []}

    async def do_is_complete(self, code: str) -> dict[str, Any]:
        """Answer that code may be sent as it is."""
        return {"status": "complete"}

    async def do_debug_request(self, msg: Any) -> dict[str, Any]:
        """Refuse: a debugger can run code."""
        return dict(_ERROR)

    async def shutdown_request(self, stream: Any, ident: Any, parent: Any) -> None:
        """Ignore it: any viewer can send one. The supervisor stops a node."""
        log.warning("a shutdown request was ignored")
        content = {"status": "error", "ename": "NodeRefusesShutdown", "evalue": _REFUSAL}
        self._reply(stream, "shutdown_reply", content, parent, ident)

    async def interrupt_request(self, stream: Any, ident: Any, parent: Any) -> None:
        """Ignore it, unless an operator's cell runs: the node has none to interrupt."""
        if (operator := type(self).operator) is not None:
            operator.console.interrupt()
        self._reply(stream, "interrupt_reply", {"status": "ok"}, parent, ident)

    async def _refuse(self, stream: Any, ident: Any, parent: Any) -> None:
        kind = parent["header"]["msg_type"].replace("_request", "_reply")
        self._reply(stream, kind, _ERROR, parent, ident)

    async def _ignore(self, stream: Any, ident: Any, parent: Any) -> None:
        if parent["header"]["msg_type"] == "comm_open":
            content = {"comm_id": parent["content"].get("comm_id", ""), "data": {}}
            self.send_response(self.iopub_socket, "comm_close", content)  # type: ignore[no-untyped-call]

    def _reply(self, stream: Any, kind: str, content: dict[str, str], to: Any, ident: Any) -> None:
        assert self.session is not None
        self.session.send(stream, kind, content, to, ident=ident)


def _nowhere(output: Output) -> None:
    """Drop what a silent cell says."""
