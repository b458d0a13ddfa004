"""Launching the kernel of a node."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

# A kernel that knows its parent ends with it; this one belongs to nobody.
os.environ.pop("JPY_PARENT_PID", None)

from ipykernel.kernelapp import IPKernelApp
from traitlets.config import Config

from nautilus_lab.trading.node._kernel import NodeKernel


class NodeApp(IPKernelApp):
    """Starts a `NodeKernel`, and none of what a user's kernels start with.

    No profile, no start-up file, no extension and nothing from the current folder is executed in
    a process that trades. What it prints goes where its supervisor sent it, and not to viewers.
    """

    def load_config_file(self, *args: Any, **kwargs: Any) -> None:
        """Read no profile."""

    def init_path(self) -> None:
        """Add no folder to those that modules come from."""

    def init_extensions(self) -> None:
        """Load no extension."""

    def init_code(self) -> None:
        """Execute no start-up file."""


def launch(work: Callable[[], Awaitable[int]], arguments: Sequence[str]) -> None:
    """Run the kernel; it ends the process when `work` ends, with its result as the code.

    SIGINT and SIGHUP are blocked in all of its threads, so that whichever library sets a handler
    for them sets it in vain. On SIGUSR1 the process writes to its standard error where each
    thread is, and dies no sooner.
    """
    # A debugger runs code, and takes memory of a process that has no use for it: ipykernel shall
    # find none. One that is at work already is left alone.
    sys.modules.setdefault("debugpy", None)  # type: ignore[arg-type]
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    quiet: Any = Config()
    quiet.IPKernelApp.outstream_class = None
    quiet.IPKernelApp.capture_fd_output = False
    quiet.HistoryManager.enabled = False
    NodeKernel.work = staticmethod(work)
    NodeApp.launch_instance(argv=list(arguments), kernel_class=NodeKernel, config=quiet)
