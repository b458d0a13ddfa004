"""Where the gateway of a workspace answers, and the token for its local users."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from nautilus_lab.exceptions import NodeNotRunning

_HOW_TO_START = "start one: await lab.trading.start(), or nautilus-lab node start"


@dataclass(frozen=True, kw_only=True)
class Address:
    """A gateway's url and a token for it; a `fixed` token is not renewed by anybody."""

    url: str
    token: str
    fixed: bool = False

    def __repr__(self) -> str:
        return f"Address(url={self.url!r}, token='…')"


def node_not_running(what: str, value: object) -> NodeNotRunning:
    """Return the error that says how to start a node."""
    return NodeNotRunning(what, value=value, remedy=_HOW_TO_START)


def workspace_of(root: Path | str | None) -> tuple[Path, str]:
    """Return the home of the workspace at `root` and its trader."""
    from nautilus_lab.config import load_settings  # 0.15 s of pydantic, only where it is needed

    settings = load_settings(root)
    return settings.home_path, settings.trading.trader_id


def find_gateway(home_path: Path) -> Address:
    """Read where the gateway of a home answers.

    Raises
    ------
    NodeNotRunning
        When none runs there.
    """
    from nautilus_lab.platform.rundir import Home, ProcessRecord

    home = Home(home_path)
    record = ProcessRecord.read(home.gateway)
    if record is None or not record.alive:
        raise node_not_running("a trading node and its stream gateway must run", str(home_path))
    try:
        token = home.gateway_token.read_text("utf-8").strip()
    except FileNotFoundError:
        raise node_not_running(
            "the gateway must have written its token file", str(home.gateway_token)
        ) from None
    return Address(url=record.address, token=token)


def given_address(url: str, token: str | None) -> Address:
    """Return the address a caller named; the token may come from NL_TOKEN."""
    token = os.environ.get("NL_TOKEN", "") if token is None else token
    return Address(url=url, token=token, fixed=True)
