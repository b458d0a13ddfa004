"""Which strategies a node runs: one file, written whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.rundir import write_whole

Standing: TypeAlias = Literal["running", "paused", "stopped", "failed"]
# of what is on the stage
RUNS: frozenset[Standing] = frozenset({"running", "paused"})

_VERSION = 1


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy of a node, as it is to be after a restart.

    Attributes
    ----------
    strategy : str
        Its id, which its orders bear.
    name, version, content_hash : str
        What it runs.
    state : {"running", "paused", "stopped", "failed"}
        What it does.
    reason : str
        Why, of one that fell.
    parameters : dict
        The fields of its configuration that were given.
    when_it_falls : {"cancel", "keep"}
        What becomes of its working orders when it raises.
    by : str
        Who said so last.
    """

    strategy: str
    name: str
    version: str
    content_hash: str
    state: Standing
    reason: str = ""
    parameters: dict[str, object] = {}
    when_it_falls: Literal["cancel", "keep"] = "cancel"
    by: str = ""


class _Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    v: int = _VERSION
    next_number: int
    deployments: tuple[Deployment, ...]


class DeployedFile:
    """The deployments of one node, by id; every change is on the disk when it returns.

    Parameters
    ----------
    path : Path
        ``RunDirectory.deployed``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._all: dict[str, Deployment] = {}
        self._next = 1

    def read(self) -> bool:
        """Read the file; return whether there is one.

        Raises
        ------
        StoreError
            When it cannot be read: then nobody knows what the node is to run.
        """
        try:
            kept = msgspec.json.decode(self.path.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return False
        except (OSError, msgspec.DecodeError) as error:
            raise StoreError(
                f"the list of deployed strategies must be readable: {error}",
                value=str(self.path),
                remedy="restore it, or move it away: then only hold-targets is deployed again",
            ) from None
        if kept.v != _VERSION:
            raise StoreError(
                f"the list of deployed strategies must be of version {_VERSION}",
                value=f"{self.path}: {kept.v}",
                remedy="run the nautilus_lab that wrote it, or a newer one",
            )
        self._all = {one.strategy: one for one in kept.deployments}
        self._next = kept.next_number
        return True

    def __iter__(self) -> Iterator[Deployment]:
        return iter(tuple(self._all.values()))

    def get(self, strategy: str) -> Deployment | None:
        """Return a deployment; None when there is none."""
        return self._all.get(strategy)

    def new_number(self) -> int:
        """Return a number that was never given and will not be given again."""
        number, self._next = self._next, self._next + 1
        self._write(self._all)
        return number

    def put(self, deployment: Deployment) -> None:
        """Keep a deployment in place of the one with its id.

        Raises
        ------
        StoreError
            When it cannot be written; what was there is there then.
        """
        self._write({**self._all, deployment.strategy: deployment})

    def know(self, deployment: Deployment) -> None:
        """Take a deployment for what it is although that could not be written; the next is."""
        self._all = {**self._all, deployment.strategy: deployment}

    def remove(self, strategy: str) -> None:
        """Forget a deployment; raises as `put`."""
        self._write({key: one for key, one in self._all.items() if key != strategy})

    def _write(self, deployments: dict[str, Deployment]) -> None:
        kept = _Kept(next_number=self._next, deployments=tuple(deployments.values()))
        write_whole(self.path, msgspec.json.encode(kept))
        self._all = deployments
