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

log = logging.getLogger(__name__)

_REFUSAL = (
    "This kernel hosts a trading node and runs no code. Attach from another notebook: "
    "desk = await nautilus_lab.connect()"
)


class NodeKernel(IPythonKernel):
    """Hosts a node on its event loop; refuses code, interrupts and stray shutdown requests.

    Nothing else runs on the loop the node trades on, which is what upstream's warning against
    live nodes in notebooks asks for. It ends only by ending its process: by the node's own
    stop, or by a signal from the supervisor.
    """

    implementation = "nautilus-lab-node"
    banner = "Nautilus Lab trading node"
    # set before launch: the coroutine that is the node's life; its result is the exit code
    work: ClassVar[Callable[[], Awaitable[int]] | None] = None

    def start(self) -> None:
        """Start answering, and start the node."""
        super().start()  # type: ignore[no-untyped-call]
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        IOLoop.current().add_callback(self._begin)

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

    async def do_execute(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Refuse: no user code on the node's loop."""
        error = {"ename": "NodeRefusesCode", "evalue": _REFUSAL, "traceback": [_REFUSAL]}
        self.send_response(self.iopub_socket, "error", error)  # type: ignore[no-untyped-call]
        return {"status": "error", "execution_count": self.execution_count, **error}

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

    async def do_debug_request(self, msg: Any) -> dict[str, Any]:
        """Refuse: a debugger can run code."""
        return {"status": "error", "ename": "NodeRefusesCode", "evalue": _REFUSAL}

    async def shutdown_request(self, stream: Any, ident: Any, parent: Any) -> None:
        """Ignore it: any viewer can send one. The supervisor stops a node."""
        log.warning("a shutdown request was ignored")
        content = {"status": "error", "ename": "NodeRefusesShutdown", "evalue": _REFUSAL}
        self._reply(stream, "shutdown_reply", content, parent, ident)

    async def interrupt_request(self, stream: Any, ident: Any, parent: Any) -> None:
        """Ignore it: the node has no cell to interrupt."""
        self._reply(stream, "interrupt_reply", {"status": "ok"}, parent, ident)

    def _reply(self, stream: Any, kind: str, content: dict[str, str], to: Any, ident: Any) -> None:
        assert self.session is not None
        self.session.send(stream, kind, content, to, ident=ident)
