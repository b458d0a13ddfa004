"""Attaching to a running node."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from nautilus_lab.client._desk import Desk
from nautilus_lab.client._gateway import LocalRole
from nautilus_lab.exceptions import InputError, LifecycleError


async def connect(
    trader: str | None = None,
    *,
    at: str | datetime | None = None,
    url: str | None = None,
    token: str | None = None,
    role: LocalRole = "viewer",
    root: Path | str | None = None,
    patterns: Sequence[str] = (">",),
    timeout_s: float = 10.0,
) -> Desk:
    """Attach to a running node through the stream gateway, or look at it as it was.

    Parameters
    ----------
    trader : str, optional
        Whose desk; the workspace's own trader when not given.
    at : str or datetime, optional
        An instant of the past: the desk is rebuilt from the workspace's recording as it was then,
        read-only, and needs neither node nor gateway. Without a zone it is UTC.
    url : str, optional
        The gateway: ``ws://127.0.0.1:8765/stream``. Found in the workspace when not given.
    token : str, optional
        What to show the gateway at `url`; ``NL_TOKEN`` when not given. Local users need none.
    role : {"viewer", "operator"}, default="viewer"
        To look, or to trade as well: the owner of the workspace has every role. Where `url` is
        given the token decides.
    root : path, optional
        The workspace; found from the current folder when not given.
    patterns : sequence of str, default=(">",)
        Which topics to see; all by default.
    timeout_s : float, default=10
        How long to wait for the first snapshot.

    Returns
    -------
    Desk
        Connected, with its first snapshot.

    Raises
    ------
    NodeNotRunning
        When no gateway or no node runs; says how to start one.
    AccessDenied
        When the gateway does not accept the token.
    DeadlineExceeded
        When the snapshot does not come in time.
    InputError
        When `at` is no instant, or the recording does not cover it; says what it covers.
    DataError
        When `at` is given and there is no recording.
    """
    if at is not None:
        from nautilus_lab.client._past import open_past

        return await open_past(
            trader, at, url=url, token=token, role=role, root=root, patterns=patterns
        )
    if not timeout_s > 0:
        raise InputError("timeout_s must be positive", value=timeout_s, remedy="pass timeout_s=10")
    desk = Desk.find(trader, url=url, token=token, role=role, root=root, patterns=patterns)
    await desk.reconnect(timeout_s=timeout_s)
    return desk


def glance(
    trader: str | None = None,
    *,
    url: str | None = None,
    token: str | None = None,
    root: Path | str | None = None,
    timeout_s: float = 10.0,
) -> Desk:
    """Return the desk as it is now, its connection closed again: for scripts without a loop.

    Parameters and errors as for `connect`.

    Raises
    ------
    LifecycleError
        When called where a loop runs already, as in a notebook.
    """

    async def once() -> Desk:
        async with await connect(
            trader, url=url, token=token, root=root, timeout_s=timeout_s
        ) as desk:
            return desk

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(once())
    raise LifecycleError(
        "glance() is for scripts; here a loop runs already",
        remedy="write: desk = await nl.connect()",
    )
