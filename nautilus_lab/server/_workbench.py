"""Everything at once: a trading node, the dashboards and JupyterLab, until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import webbrowser
from collections.abc import Callable

from nautilus_lab.config import Settings
from nautilus_lab.exceptions import NodeError
from nautilus_lab.marketdata import build_catalog
from nautilus_lab.platform.rundir import Home
from nautilus_lab.server._jupyterlab import JupyterLabServer
from nautilus_lab.server._process import WebServer
from nautilus_lab.server._voila import VoilaServer
from nautilus_lab.trading import TradingEngine

_FIRST_NOTEBOOK = "notebooks/start_here.ipynb"
_FIRST_DASHBOARD = "risk.ipynb"
_WATCH_EVERY_S = 0.5
_READY_S = 60.0


class Workbench:
    """Starts the parts in order, prints where they are, and stops all of them at the end.

    A node that was running before is found, and left running.

    Parameters
    ----------
    settings : Settings
        The workspace.
    lab_port : int or None
        JupyterLab's port, 0 takes a free one; None for dashboards alone, without a node.
    dashboards_port : int
        The dashboards' port, 0 takes a free one.
    open_browser : bool, default=False
        Whether to open JupyterLab in a browser.
    say : callable
        Told each line that a person should read.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        lab_port: int | None,
        dashboards_port: int,
        open_browser: bool = False,
        say: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._lab_port = lab_port
        self._dashboards_port = dashboards_port
        self._open_browser = open_browser
        self._listener = say
        self._trading = TradingEngine(settings)
        self._servers: list[WebServer] = []
        self._starts: list[asyncio.Future[str]] = []  # threads that start them
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Run until SIGINT, SIGTERM or the terminal's end, or until a part ends by itself.

        Raises
        ------
        PortBusy
            When a port is taken; nothing is left running.
        NodeError
            When the node or a server could not start, or ended by itself.
        """
        loop = asyncio.get_running_loop()
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
            numbers.append(signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, self._stop.set)
        mine = self._lab_port is not None and not self._trading.running
        work = asyncio.create_task(self._work())
        asked = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait((work, asked), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            asked.cancel()
            work.cancel()
            await asyncio.gather(work, asked, return_exceptions=True)
            await self._end(stop_node=mine)

    async def _work(self) -> None:
        await asyncio.to_thread(build_catalog, self._settings.data_path)
        root, logs = self._settings.root, Home(self._settings.home_path).make().logs
        # Ports are claimed before anything that takes long is begun.
        dashboards = VoilaServer(
            root / "dashboards",
            workspace=root,
            port=self._dashboards_port,
            log=logs / "dashboards.log",
        )
        await self._start(dashboards)
        jupyter = None
        if self._lab_port is not None:
            jupyter = JupyterLabServer(
                root, workspace=root, port=self._lab_port, log=logs / "jupyterlab.log"
            )
            await self._start(jupyter)
            self._say("starting the trading node ...")
            node = await self._trading.start()
            self._say(f"Node        {node.trader}, process {node.pid}, on paper")
        for server in self._servers:
            await asyncio.to_thread(server.ready, _READY_S)
        if jupyter is not None:
            self._say(f"JupyterLab  {jupyter.page_url(_FIRST_NOTEBOOK)}")
        self._say(f"Dashboards  {dashboards.page_url(_FIRST_DASHBOARD)}")
        self._say("Ctrl-C stops all of it")
        if self._open_browser and jupyter is not None:
            await asyncio.to_thread(webbrowser.open, jupyter.page_url(_FIRST_NOTEBOOK))
        await self._watch()

    async def _start(self, server: WebServer) -> None:
        self._servers.append(server)
        # A thread cannot be cancelled: the end waits for it, and stops what it started.
        self._starts.append(asyncio.ensure_future(asyncio.to_thread(server.start)))
        await asyncio.shield(self._starts[-1])

    async def _watch(self) -> None:
        while all(server.alive for server in self._servers):
            await asyncio.sleep(_WATCH_EVERY_S)
        ended = next(server for server in self._servers if not server.alive)
        raise NodeError(
            "the workbench's servers must run",
            value=f"{type(ended).__name__} ended by itself",
            remedy=f"see the logs in {self._settings.home_path / 'logs'}",
        )

    async def _end(self, *, stop_node: bool) -> None:
        self._say("stopping ...")
        await asyncio.gather(*self._starts, return_exceptions=True)
        stops = [asyncio.to_thread(server.stop) for server in self._servers]
        if stop_node and self._trading.supervised:
            stops.append(self._shut_down_node())
        results = await asyncio.gather(*stops, return_exceptions=True)
        for failed in (r for r in results if isinstance(r, BaseException)):
            self._say(f"not stopped cleanly: {failed}")
        self._say("stopped")

    def _say(self, line: str) -> None:
        # Without a terminal there is nobody to tell, and still all of it to stop.
        with contextlib.suppress(OSError):
            self._listener(line)

    async def _shut_down_node(self) -> None:
        # A second Ctrl-C must not cut this short: it ends within the node's own deadlines.
        with contextlib.suppress(asyncio.CancelledError):
            await self._trading.shut_down()
