"""Where the gateways of a workspace answer, and the tokens for its local users."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from nautilus_lab.exceptions import InputError, NodeNotRunning, NotReachable, StoreError

_HOW_TO_START = "start one: await lab.trading.start(), or nautilus-lab node start"

# A viewer looks; an operator has every role of the lab's owner.
LocalRole: TypeAlias = Literal["viewer", "operator"]


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


def dashboard_role(root: Path | str | None) -> LocalRole:
    """Return as whom the dashboards of the workspace at `root` connect."""
    from nautilus_lab.config import load_settings

    return load_settings(root).dashboards.role


def find_gateway(
    home_path: Path,
    *,
    role: LocalRole = "viewer",
    avoid: str = "",
    which: random.Random | None = None,
) -> Address:
    """Read where a gateway of a home answers: any that lives, at random.

    Parameters
    ----------
    home_path : Path
        The lab's home.
    role : {"viewer", "operator"}, default="viewer"
        Whose token to bring.
    avoid : str, optional
        The url of a gateway that is taken only when there is no other.
    which : random.Random, optional
        Chooses among several.

    Raises
    ------
    InputError
        When the role is none of the two.
    NodeNotRunning
        When none runs there.
    NotReachable
        When none runs there, and the supervisor that lives is to start it again.
    """
    from nautilus_lab.platform.rundir import Home, ProcessRecord

    if role not in ("viewer", "operator"):
        raise InputError(
            "role must be viewer or operator", value=role, remedy='pass role="operator" to trade'
        )
    home = Home(home_path)
    living: list[str] = []
    unreadable: StoreError | None = None
    for files in home.gateways:
        try:
            record = ProcessRecord.read(files.record)
        except StoreError as error:
            unreadable = error
            continue
        if record is not None and record.alive:
            living.append(record.address)
    if not living:
        if unreadable is not None:
            raise unreadable
        supervisor = ProcessRecord.read(home.supervisor)
        if supervisor is not None and supervisor.alive:
            raise NotReachable(
                "a stream gateway must run, and the supervisor has none at the moment",
                value=str(home_path),
                remedy="it starts one again within seconds; nautilus-lab gateway status shows them",
            )
        raise node_not_running("a trading node and its stream gateway must run", str(home_path))
    others = [url for url in living if url != avoid] or living
    path = home.gateway_token if role == "viewer" else home.operator_token
    try:
        token = path.read_text("utf-8").strip()
    except FileNotFoundError:
        raise node_not_running("the gateway must have written its token file", str(path)) from None
    return Address(url=(which or random).choice(others), token=token)


@dataclass(kw_only=True)
class GatewayFinder:
    """Finds a gateway of a home at each call, and another than last time where there are several.

    So a client whose gateway died goes on elsewhere, and those of a dead gateway spread over the
    others.

    Parameters
    ----------
    home : Path
        The lab's home.
    role : {"viewer", "operator"}, default="viewer"
        Whose token to bring.
    """

    home: Path
    role: LocalRole = "viewer"
    _last: str = field(default="", init=False, repr=False)

    def __call__(self) -> Address:
        """Return where to connect now; raises as `find_gateway`."""
        address = find_gateway(self.home, role=self.role, avoid=self._last)
        self._last = address.url
        return address


def given_address(url: str, token: str | None) -> Address:
    """Return the address a caller named; the token may come from NL_TOKEN."""
    token = os.environ.get("NL_TOKEN", "") if token is None else token
    return Address(url=url, token=token, fixed=True)
